"""A stand-in for LiveKit's HTTP face, as somebody without credentials meets it (livekit 1.13)."""

from __future__ import annotations

import re

from lab.exchange import Answer, Request, go_not_found

_PLAIN = ("Content-Type", "text/plain; charset=utf-8")
_SIGNALLING = {"/rtc", "/rtc/v1"}
_VALIDATE = {"/rtc/validate", "/rtc/v1/validate"}


class Sfu:
    """
    Answers as a LiveKit server does that knows none of the caller's tokens.

    Args:
        since_v1: whether the ``/rtc/v1`` paths exist; servers before them answer 404 there.
    """

    def __init__(self, *, since_v1: bool = True) -> None:
        """Make one; it has no state."""
        self._absent = set() if since_v1 else {path for path in _SIGNALLING | _VALIDATE if "/v1" in path}

    async def answer(self, request: Request) -> Answer:
        """Answer a request; the path is below where the SFU is mounted."""
        path = re.sub("/{2,}", "/", request.path) or "/"
        answer = self._refuse_token(request) or self._at(path, request)
        return answer.with_headers(*_cors(path, request.headers.get("origin")))

    def _at(self, path: str, request: Request) -> Answer:
        if path == "/":
            return Answer(200, b"OK", (_PLAIN,))
        if path in self._absent or path not in _SIGNALLING | _VALIDATE:
            return go_not_found()
        if path in _SIGNALLING and request.headers.get("upgrade", "").lower() != "websocket":
            return Answer(404, b"")
        return Answer(401, b"no permissions to access the room", (_PLAIN,))

    def _refuse_token(self, request: Request) -> Answer | None:
        header = request.headers.get("authorization")
        if header is not None and not header.startswith("Bearer "):
            text = b"invalid authorization header. Must start with Bearer "
        elif header is not None or "access_token=" in request.query:
            text = b"invalid authorization token"
        else:
            return None
        return Answer(401, text, (_PLAIN,))


def _cors(path: str, origin: str | None) -> tuple[tuple[str, str], ...]:
    """The origin comes back if there is one; only the paths that browsers fetch allow any, asked or not."""
    allowed = "*" if path in _VALIDATE else origin
    headers = [("Access-Control-Allow-Origin", allowed)] if allowed else []
    return (*headers, *([("Access-Control-Expose-Headers", "*")] if origin else []), ("Vary", "Origin"))
