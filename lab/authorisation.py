"""
A stand-in for lk-jwt-service, the MatrixRTC authorisation service, by its HTTP contract, version by version.

With an issuer (``lab.issuer``) it hands out tokens that a real SFU takes, after a real look-up of the user. Without,
a well-formed request fails as it does where the user's homeserver cannot be reached.
"""

from __future__ import annotations

import json
import logging
import posixpath
from collections.abc import Mapping
from typing import Any, Protocol

from lab.exchange import Answer, Request, go_not_found

CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "POST"),
    ("Access-Control-Allow-Headers", "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token"),
)
_JSON = ("Content-Type", "application/json")
_SNIFFED = ("Content-Type", "text/plain; charset=utf-8")
_MALFORMED = (
    "The request body was malformed, missing required fields, or contained invalid values "
    "(e.g. missing `room_id`, `slot_id`, or `openid_token`)."
)
_OPENID = {"access_token": str, "token_type": str, "matrix_server_name": str, "expires_in": int}
_MEMBER = {"id": str, "claimed_user_id": str, "claimed_device_id": str}
_log = logging.getLogger(__name__)
_DELAY = {"delay_id": str, "delay_timeout": int, "delay_cs_api_url": str}
_SFU_GET = {"room": str, "openid_token": _OPENID, "device_id": str}
_GET_TOKEN = {"room_id": str, "slot_id": str, "openid_token": _OPENID, "member": _MEMBER}

Release = tuple[int, ...]
"""A version as numbers, such as ``(0, 4, 3)``."""


class NotAuthorisedError(Exception):
    """The user's homeserver did not confirm who they say they are; the text says why, never the token."""


class RoomNotCreatedError(Exception):
    """The SFU cannot be reached, or refused to make the room."""


class TokenIssuer(Protocol):
    """What makes tokens for a service; see ``lab.issuer.Issuer``."""

    async def issue(self, release: Release, values: Mapping[str, Any]) -> dict[str, str]:
        """Answer a well-formed request, or raise one of the two errors above."""
        ...


class _RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, errcode: str, error: str) -> None:
        self.status = status
        self.errcode = errcode
        self.error = error
        super().__init__(error)


class AuthorisationService:
    """
    Answers as lk-jwt-service of a given version does.

    Attributes:
        version: such as ``"0.5.0"``; decides paths, error codes and headers. May be changed at any time.
        issuer: makes the tokens; without one no user can be looked up. May be changed at any time.
    """

    def __init__(self, version: str = "0.6.0", *, issuer: TokenIssuer | None = None) -> None:
        """Make a service of that version."""
        self.version = version
        self.issuer = issuer

    @property
    def _release(self) -> Release:
        return tuple(int(part) for part in self.version.split("."))

    async def answer(self, request: Request) -> Answer:
        """Answer a request; the path is what a proxy passes on that strips the prefix."""
        path = request.path or "/"
        clean = _clean(path)
        if path != clean:
            # Go 1.26, with which 0.6.0 is built, keeps the method (307); earlier ones let clients drop it.
            return Answer(307 if self._release >= (0, 6) else 301, b"", (("Location", clean),))
        if path == "/healthz":
            return self._health(request.method)
        if path not in self._posted():
            return go_not_found()
        if request.method == "OPTIONS":
            return self._with_headers(200, b"")
        if request.method != "POST":
            return self._with_headers(405, b"")
        if path == "/sfu_webhook":
            return self._with_headers(200, b"")
        try:
            values = await self._carry_out(path, self._read(path, request.body))
            status = 200
        except _RefusedError as refusal:
            values = {"errcode": refusal.errcode, "error": refusal.error}
            status = refusal.status
        return self._with_headers(status, json.dumps(values, separators=(",", ":")).encode() + b"\n")

    def _posted(self) -> set[str]:
        paths = {"/sfu/get"}
        if self._release >= (0, 4):
            paths.add("/get_token")
        if self._release >= (0, 6):
            paths |= {"/delegate_delayed_leave", "/sfu_webhook"}
        return paths

    def _health(self, method: str) -> Answer:
        allowed = {"GET", "HEAD"} if self._release >= (0, 4, 2) else {"GET"}
        return Answer(200 if method in allowed else 405)

    def _with_headers(self, status: int, body: bytes) -> Answer:
        if self._release >= (0, 4):
            return Answer(status, body, (_JSON, *CORS))
        kind = _JSON if status == 200 else _SNIFFED
        return Answer(status, body, (*CORS, kind) if body else CORS)

    def _read(self, path: str, body: bytes) -> Mapping[str, Any]:
        """The fields of a well-formed request; raises ``_RefusedError`` for others."""
        fields = {**(_SFU_GET if path == "/sfu/get" else _GET_TOKEN), **_DELAY}
        values = self._decode(body, fields)
        if path == "/sfu/get":
            self._check_room(values)
        else:
            _check_slot(values)
        if path == "/delegate_delayed_leave" and not (values.get("delay_id") and values.get("delay_timeout", 0) > 0):
            raise _RefusedError(400, "M_BAD_JSON", "The request body is missing `delay_id` or `delay_timeout`")
        return values

    async def _carry_out(self, path: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            # What the stand-in cannot do: hand a leave over, which needs an appointment with the SFU.
            if self.issuer is None or path == "/delegate_delayed_leave":
                raise NotAuthorisedError("no user can be looked up")
            return await self.issuer.issue(self._release, values)
        except NotAuthorisedError as error:
            _log.info("%s: %s", path, error)
        except RoomNotCreatedError as error:
            _log.info("%s: the SFU made no room: %s", path, error)
            raise _RefusedError(500, "M_UNKNOWN", "Unable to create room on SFU") from None
        if path != "/sfu/get" or self._release >= (0, 6):
            raise _RefusedError(401, "M_UNAUTHORIZED", "The request could not be authorised.")
        raise _RefusedError(500, "M_LOOKUP_FAILED", "Failed to look up user info from homeserver")

    def _decode(self, body: bytes, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        strict = self._release >= (0, 4)
        try:
            values = json.loads(body)
        except ValueError:
            values = None
            fits = False
        else:
            values = {} if values is None else values
            fits = _fits(values, fields, strict=strict)
        if fits:
            return values if isinstance(values, dict) else {}
        if not strict:
            raise _RefusedError(400, "M_NOT_JSON", "Error decoding JSON")
        if self._release >= (0, 6):
            raise _RefusedError(400, "M_NOT_JSON", "Error reading request")
        raise _RefusedError(400, "M_BAD_JSON", _MALFORMED)

    def _check_room(self, values: Mapping[str, Any]) -> None:
        token = values.get("openid_token") or {}
        has_token = bool(token.get("access_token") and token.get("matrix_server_name"))
        if self._release < (0, 4):
            if not (values.get("room") and has_token):
                raise _RefusedError(400, "M_BAD_JSON", "Missing parameters")
            return
        if not values.get("room"):
            raise _RefusedError(400, "M_BAD_JSON", "Missing room parameter")
        if not has_token:
            raise _RefusedError(400, "M_BAD_JSON", "Missing OpenID token parameters")


def _check_slot(values: Mapping[str, Any]) -> None:
    member = values.get("member") or {}
    token = values.get("openid_token") or {}
    missing = "The request body "
    if not (values.get("room_id") and values.get("slot_id")):
        raise _RefusedError(400, "M_BAD_JSON", missing + "is missing `room_id` or `slot_id`")
    if not all(member.get(name) for name in _MEMBER):
        text = "`member` is missing a `id`, `claimed_user_id` or `claimed_device_id`"
        raise _RefusedError(400, "M_BAD_JSON", missing + text)
    if not (token.get("access_token") and token.get("matrix_server_name")):
        text = "`openid_token` is missing a `access_token` or `matrix_server_name`"
        raise _RefusedError(400, "M_BAD_JSON", missing + text)


def _fits(value: Any, shape: Any, *, strict: bool) -> bool:
    """Whether Go would decode the value into a structure of that shape; null fits everything."""
    if value is None:
        return True
    if not isinstance(shape, Mapping):
        return isinstance(value, shape) and not isinstance(value, bool)
    if not isinstance(value, dict) or (strict and not value.keys() <= shape.keys()):
        return False
    return all(_fits(value[name], part, strict=strict) for name, part in shape.items() if name in value)


def _clean(path: str) -> str:
    """The path as Go's mux wants it: no ``//``, no dots, a slash at the end kept."""
    clean = "/" + posixpath.normpath(path).lstrip("/.")
    return clean + "/" if path.endswith("/") and clean != "/" else clean
