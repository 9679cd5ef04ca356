"""A stand-in for jwt-service-rs, another MatrixRTC authorisation service, by its HTTP contract (Rust, axum)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lab.authorisation import CORS
from lab.exchange import Answer, Request, json_answer

_TOKEN = {"access_token": str, "token_type": str, "matrix_server_name": str}
_MEMBER = {"id": str, "claimed_user_id": str, "claimed_device_id": str}
_ROOM = {"room": str, "openid_token": _TOKEN, "device_id": str}
_SLOT = {"room_id": str, "slot_id": str, "openid_token": _TOKEN, "member": _MEMBER}
_ANY_ORIGIN = ("Access-Control-Allow-Origin", "*")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")


class JwtServiceRs:
    """
    Answers as that program does, as far as a stranger gets: nobody can be looked up.

    Attributes:
        has_get_token: versions before the newer endpoint let axum alone refuse what lacks a field.
    """

    def __init__(self, *, has_get_token: bool = True) -> None:
        self.has_get_token = has_get_token

    async def answer(self, request: Request) -> Answer:
        """Answer a request; the path is what a proxy passes on that strips the prefix."""
        if request.path == "/healthz":
            return Answer(200 if request.method in ("GET", "HEAD") else 405, b"", (("Allow", "GET,HEAD"),))
        if request.path not in ("/sfu/get", *(["/get_token"] if self.has_get_token else [])):
            return Answer(404)
        if request.method == "OPTIONS":
            return Answer(200, b"", CORS)
        if request.method != "POST":
            return Answer(405, b"", (("Allow", "OPTIONS,POST"),))
        shape = _SLOT if request.path == "/get_token" else _ROOM
        return self._refused(request, shape, lenient=self.has_get_token and request.path == "/sfu/get")

    def _refused(self, request: Request, shape: Mapping[str, Any], *, lenient: bool) -> Answer:
        """What becomes of a request that asks for nothing; ``lenient``: the program decodes the body itself."""
        if not lenient and "json" not in request.headers.get("content-type", ""):
            return Answer(415, b"Expected request with `Content-Type: application/json`", (_TEXT,))
        try:
            value = json.loads(request.body)
        except ValueError:
            value = None
        missing = next(_missing(value, shape), None)
        if missing is None:
            named = value["room_id"] if "room_id" in shape else value["room"]
            return _error(500, "M_LOOKUP_FAILED") if named else _error(400, "M_BAD_JSON")
        if lenient:
            return _error(400, "M_BAD_JSON")
        # axum refuses before the program's own code, and so its CORS headers, are reached
        text = f"Failed to deserialize the JSON body into the target type: missing field `{missing}`"
        return Answer(422, text.encode(), (_TEXT,))


def _error(status: int, errcode: str) -> Answer:
    return json_answer(status, {"errcode": errcode, "error": "…"}, _ANY_ORIGIN)


def _missing(value: Any, shape: Mapping[str, Any]) -> Iterator[str]:
    """The fields that serde would miss."""
    for name, part in shape.items():
        if not isinstance(value, dict) or name not in value:
            yield name
        elif isinstance(part, Mapping):
            yield from _missing(value[name], part)
