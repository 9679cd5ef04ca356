"""A focus service as it is mounted behind a proxy, with the mistakes that such mounts have."""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import urlsplit

from lab.authorisation import AuthorisationService
from lab.exchange import Answer, Performance, Request, json_answer, nginx_page
from lab.fault import Fault, Layer
from lab.front import Mount, Site
from lab.sfu import Sfu

_POST_PATHS = {"/sfu/get", "/get_token", "/delegate_delayed_leave"}
_ORIGIN = "Access-Control-Allow-Origin"


class Slashes(StrEnum):
    """What becomes of ``//`` in a path, which clients ask for when the URL ends in a slash."""

    REDIRECTED = "redirected"
    """The proxy passes it on and Go's router redirects, forgetting the prefix."""
    MERGED = "merged"
    """The proxy makes one slash of it, as nginx does by default."""
    NOT_FOUND = "not-found"
    """The proxy finds no route."""


class Focus:
    """
    An authorisation service at a URL.

    Attributes:
        url: what a well-known would publish.
        site: the virtual host it is on.
        service: the service behind the proxy.
        fault: the fault of the service layer that is being played.
    """

    def __init__(self, url: str, site: Site, *, version: str, slashes: Slashes, shares_host_with_sfu: bool) -> None:
        """Mount the service on the site, at the URL's path."""
        self.url = url
        self.site = site
        self.service = AuthorisationService(version)
        self.fault: Fault | None = None
        self._slashes = slashes
        self._sfu = Sfu()
        self._only_post_paths = shares_host_with_sfu
        self._prefix = urlsplit(url).path.rstrip("/")
        self._mount = site.mount(Mount(self._prefix, self._answer))

    @property
    def entry(self) -> dict[str, str]:
        """The entry of a foci list that leads here."""
        return {"type": "livekit", "livekit_service_url": self.url}

    def spoil(self, fault: Fault | None) -> None:
        """
        Play a fault of the HTTP or service layer from now on, or none.

        Raises:
            ValueError: the fault belongs to another layer.
        """
        if fault is not None and fault.layer not in (Layer.HTTP, Layer.SERVICE):
            raise ValueError(f"{fault} is not a fault of a focus service")
        self._mount.fault = fault if fault is not None and fault.layer is Layer.HTTP else None
        self.fault = fault if fault is not None and fault.layer is Layer.SERVICE else None

    async def _answer(self, request: Request) -> Answer | Performance:
        if "//" in request.path and self._slashes is Slashes.NOT_FOUND:
            return nginx_page(404)
        if self._slashes is Slashes.MERGED:
            request = request.at(re.sub("/{2,}", "/", request.path))
        if self.fault is Fault.POINTS_AT_SFU or (self._only_post_paths and request.path not in _POST_PATHS):
            return await self._sfu.answer(request)
        return await self._from_service(request)

    async def _from_service(self, request: Request) -> Answer:
        if self.fault is Fault.PREFIX_NOT_STRIPPED:
            return await self.service.answer(request.at((self._prefix or "/livekit/jwt") + request.path))
        if self.fault is Fault.HEALTHZ_ONLY and request.path != "/healthz":
            return nginx_page(404)
        if self.fault is Fault.NO_GET_TOKEN and request.path == "/get_token":
            return nginx_page(404)
        answer = await self.service.answer(request)
        if request.path not in _POST_PATHS:
            return answer
        if self.fault is Fault.SHUTTING_DOWN and request.method == "POST":
            error = {"errcode": "M_UNKNOWN", "error": "Service is shutting down"}
            return json_answer(503, error, (_ORIGIN, "*"))
        return self._spoil_cors(answer)

    def _spoil_cors(self, answer: Answer) -> Answer:
        match self.fault:
            case Fault.SERVICE_CORS_MISSING:
                return answer.without_headers("Access-Control-")
            case Fault.SERVICE_CORS_DOUBLED:
                return answer.with_headers((_ORIGIN, "*"))
            case Fault.SERVICE_CORS_JOINED:
                return answer.without_headers(_ORIGIN).with_headers((_ORIGIN, "*, *"))
            case _:
                return answer
