"""A stand-in for the part of a homeserver that a stranger without an account sees."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from lab.exchange import Answer, Request, json_answer
from lab.front import Mount, Site
from lab.playback import homeserver_unrecognised

USERINFO = "/_matrix/federation/v1/openid/userinfo"
UNSTABLE_TRANSPORTS = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports"
STABLE_TRANSPORTS = "/_matrix/client/v1/rtc/transports"
_CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    ("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Authorization, Date"),
)


class Transports(StrEnum):
    """How the transports endpoint answers somebody without a token."""

    PRESENT = "present"
    """401 M_MISSING_TOKEN, as Synapse."""
    OPEN = "open"
    """200 and the list, as tuwunel."""
    OPEN_WITHOUT_KEY = "open-without-key"
    """200 and an empty object."""
    ABSENT = "absent"
    """404 M_UNRECOGNIZED."""
    BROKEN = "broken"
    """500 without JSON."""


class Homeserver:
    """
    What is under ``/_matrix`` at a base URL. All attributes may be changed at any time.

    Attributes:
        transports: how the unstable transports endpoint answers; the stable one only if ``stable_transports``.
        transports_list: what it lists to those who may know.
        delayed_events: whether ``/versions`` speaks of MSC4140.
        versions: the whole answer of ``/versions``, if it is not to be built; None answers 404.
        openid: whether the federation's userinfo endpoint is served.
    """

    def __init__(
        self,
        site: Site,
        prefix: str = "",
        *,
        transports: Transports | str = Transports.PRESENT,
        transports_list: Sequence[Any] = (),
        stable_transports: bool = False,
        delayed_events: bool = True,
        openid: bool = True,
    ) -> None:
        """Serve it on the site, below the path of the base URL."""
        self.transports = Transports(transports)
        self.transports_list = list(transports_list)
        self.stable_transports = stable_transports
        self.delayed_events = delayed_events
        self.openid = openid
        self.versions: Any = self._versions
        self.mount = site.mount(Mount(f"{prefix}/_matrix", self._answer))

    def _versions(self) -> dict[str, Any]:
        features = {
            "org.matrix.msc4140": self.delayed_events,
            "org.matrix.msc4143": self.transports is not Transports.ABSENT,
        }
        return {"versions": ["v1.1", "v1.11", "v1.12"], "unstable_features": features}

    async def _answer(self, request: Request) -> Answer:
        path = "/_matrix" + request.path
        if path == "/_matrix/client/versions":
            versions = self.versions() if callable(self.versions) else self.versions
            return homeserver_unrecognised() if versions is None else json_answer(200, versions, *_CORS)
        if path == UNSTABLE_TRANSPORTS or (path == STABLE_TRANSPORTS and self.stable_transports):
            return self._list_transports(request)
        if path == USERINFO and self.openid:
            return _missing_token("Access Token required")
        return homeserver_unrecognised()

    def _list_transports(self, request: Request) -> Answer:
        match self.transports:
            case Transports.ABSENT:
                return homeserver_unrecognised()
            case Transports.BROKEN:
                return Answer(500, b"Internal Server Error")
            case Transports.OPEN_WITHOUT_KEY:
                return json_answer(200, {}, *_CORS)
            case Transports.PRESENT if not request.headers.get("authorization", "").startswith("Bearer "):
                return _missing_token("Missing access token")
            case _:
                return json_answer(200, {"rtc_transports": self.transports_list}, *_CORS)


async def userinfo(_: Request) -> Answer:
    """The federation API's answer to somebody who asks about a user without a token, as a handler for any site."""
    return _missing_token("Access Token required")


def _missing_token(error: str) -> Answer:
    return json_answer(401, {"errcode": "M_MISSING_TOKEN", "error": error}, *_CORS)
