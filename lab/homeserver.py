"""A stand-in for the part of a homeserver that a stranger sees, and for the OpenID tokens that it gives its users."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, unquote

from lab.exchange import Answer, Request, json_answer, nginx_page
from lab.front import Mount, Site
from lab.playback import homeserver_unrecognised

USERINFO = "/_matrix/federation/v1/openid/userinfo"
VERSION = "/_matrix/federation/v1/version"
UNSTABLE_TRANSPORTS = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports"
STABLE_TRANSPORTS = "/_matrix/client/v1/rtc/transports"
_REQUEST_TOKEN = re.compile(r"/_matrix/client/v3/user/([^/]+)/openid/request_token")
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
    PAGE = "page"
    """404 and the page of a web server, which does not pass the path on."""
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
        software: how it calls itself over federation; None answers 404.
        openid: whether the federation's userinfo endpoint is served; whoever has an access token is given OpenID tokens
            all the same.
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
        software: str | None = None,
    ) -> None:
        """Serve it on the site, below the path of the base URL."""
        self.transports = Transports(transports)
        self.transports_list = list(transports_list)
        self.stable_transports = stable_transports
        self.delayed_events = delayed_events
        self.openid = openid
        self.software = software
        self.versions: Any = self._versions
        self._vouched: dict[str, str] = {}
        self.mount = site.mount(Mount(f"{prefix}/_matrix", self._answer))

    def _versions(self) -> dict[str, Any]:
        features = {
            "org.matrix.msc4140": self.delayed_events,
            "org.matrix.msc4143": self.transports is not Transports.ABSENT,
        }
        return {"versions": ["v1.1", "v1.11", "v1.12"], "unstable_features": features}

    async def _answer(self, request: Request) -> Answer:
        path = "/_matrix" + request.path
        if request.method == "OPTIONS":
            return Answer(204, b"", _CORS)
        if path == "/_matrix/client/versions":
            versions = self.versions() if callable(self.versions) else self.versions
            return homeserver_unrecognised() if versions is None else json_answer(200, versions, *_CORS)
        if path == UNSTABLE_TRANSPORTS or (path == STABLE_TRANSPORTS and self.stable_transports):
            return self._list_transports(request)
        if path == VERSION and self.software is not None:
            return json_answer(200, {"server": {"name": self.software, "version": "1.0"}})
        if path == USERINFO and self.openid:
            return self._vouch(request)
        if request.method == "POST" and (found := _REQUEST_TOKEN.fullmatch(path)) is not None:
            return self._give_openid_token(unquote(found[1]), request)
        return homeserver_unrecognised()

    def _give_openid_token(self, user: str, request: Request) -> Answer:
        """To anybody with an access token, for whoever they say they are."""
        if not _has_access_token(request):
            return _missing_token("Missing access token")
        token = secrets.token_urlsafe(16)
        self._vouched[token] = user
        server = user.partition(":")[2]
        given = {"access_token": token, "token_type": "Bearer", "matrix_server_name": server, "expires_in": 3600}
        return json_answer(200, given, *_CORS)

    def _vouch(self, request: Request) -> Answer:
        tokens = parse_qs(request.query).get("access_token", [])
        if not tokens:
            return _missing_token("Access Token required")
        if tokens[0] not in self._vouched:
            return json_answer(401, {"errcode": "M_UNKNOWN_TOKEN", "error": "Access Token unknown or expired"}, *_CORS)
        return json_answer(200, {"sub": self._vouched[tokens[0]]}, *_CORS)

    def _list_transports(self, request: Request) -> Answer:
        match self.transports:
            case Transports.ABSENT:
                return homeserver_unrecognised()
            case Transports.PAGE:
                return nginx_page(404)
            case Transports.BROKEN:
                return Answer(500, b"Internal Server Error")
            case Transports.OPEN_WITHOUT_KEY:
                return json_answer(200, {}, *_CORS)
            case Transports.PRESENT if not _has_access_token(request):
                return _missing_token("Missing access token")
            case _:
                return json_answer(200, {"rtc_transports": self.transports_list}, *_CORS)


def _has_access_token(request: Request) -> bool:
    return request.headers.get("authorization", "").startswith("Bearer ")


async def userinfo(_: Request) -> Answer:
    """The federation API's answer to somebody who asks about a user without a token, as a handler for any site."""
    return _missing_token("Access Token required")


def _missing_token(error: str) -> Answer:
    return json_answer(401, {"errcode": "M_MISSING_TOKEN", "error": error}, *_CORS)
