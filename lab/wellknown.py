"""What a server publishes about itself, and the ways to publish it wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab.exchange import Answer, Request, json_answer, nginx_page
from lab.fault import Fault, Layer
from lab.front import Mount, Site
from lab.playback import page

PATH = "/.well-known/matrix/client"
FOCI_KEY = "org.matrix.msc4143.rtc_foci"

_CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS"),
    ("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Authorization"),
)
_JSON = ("Content-Type", "application/json")
_MIB = 1 << 20


def document(base_url: str | None, foci: Sequence[Any] | None = None, **further: Any) -> dict[str, Any]:
    """A client well-known document; what is None is left out."""
    body: dict[str, Any] = {} if base_url is None else {"m.homeserver": {"base_url": base_url}}
    if foci is not None:
        body[FOCI_KEY] = list(foci)
    return {**body, **further}


class WellKnown:
    """
    The client well-known of one host. All attributes may be changed at any time.

    Attributes:
        document: any JSON value, or bytes to be sent as they are; None answers 404.
        status: the HTTP status where there is a document.
        headers: all headers of the answer but Content-Length.
        fault: the fault of the well-known layer that is being played.
    """

    def __init__(
        self,
        site: Site,
        published: Any,
        *,
        path: str = PATH,
        headers: Sequence[tuple[str, str]] | None = None,
        status: int = 200,
    ) -> None:
        """Serve the document at a path of the site."""
        self.document = published
        self.status = status
        self.headers = (_JSON, *_CORS) if headers is None else tuple(headers)
        self.fault: Fault | None = None
        self._here = f"{site.authority.removesuffix(':443')}{path}"
        self._mount = site.mount(Mount(path, self._answer))

    def spoil(self, fault: Fault | None) -> None:
        """
        Play a fault of the HTTP or well-known layer from now on, or none.

        Raises:
            ValueError: the fault belongs to another layer.
        """
        if fault is not None and fault.layer not in (Layer.HTTP, Layer.WELL_KNOWN):
            raise ValueError(f"{fault} is not a fault of a well-known")
        self._mount.fault = fault if fault is not None and fault.layer is Layer.HTTP else None
        self.fault = fault if fault is not None and fault.layer is Layer.WELL_KNOWN else None

    def published(self) -> Answer:
        """The document as published, without any fault."""
        if self.document is None:
            return nginx_page(404)
        body = self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()
        return Answer(self.status, body, self.headers)

    async def _answer(self, request: Request) -> Answer:
        if self.fault in _LOCATIONS and request.path != "/moved":
            return self._redirect(_LOCATIONS[self.fault], request)
        if request.path not in ("", "/moved"):
            return nginx_page(404)
        if self.fault in _BODIES:
            return Answer(200, _BODIES[self.fault](), (_JSON, *_CORS))
        return self._changed(self.published())

    def _changed(self, answer: Answer) -> Answer:
        match self.fault:
            case Fault.ABSENT | Fault.FORBIDDEN | Fault.INTERNAL_ERROR:
                return nginx_page(_STATUSES[self.fault])
            case Fault.HTML:
                return page()
            case Fault.CORS_MISSING:
                return answer.without_headers("Access-Control-")
            case Fault.WRONG_CONTENT_TYPE:
                untyped = answer.without_headers("Content-Type")
                return untyped.with_headers(("Content-Type", "application/octet-stream"))
            case Fault.LONG_CACHE:
                return answer.with_headers(("Cache-Control", "public, max-age=604800"))
            case Fault.BASE_URL_MISSING:
                kept = {name: value for name, value in self.document.items() if name != "m.homeserver"}
                return json_answer(200, kept, *_CORS)
            case _:
                return answer

    def _redirect(self, location: str, request: Request) -> Answer:
        step = request.path.removeprefix("/")
        following = int(step) + 1 if step.isdecimal() else 1
        target = location.format(here=self._here, following=following)
        where = (("Location", target),) if target else ()
        return Answer(302, b"", (*where, *(() if self.fault is Fault.REDIRECT_WITHOUT_CORS else _CORS)))


class Hop:
    """A redirect at a path of a site."""

    def __init__(self, site: Site, path: str, location: str, *, status: int = 302, cors: bool = True) -> None:
        """Answer requests for ``path`` with a redirect to ``location``."""
        self._redirect = Answer(status, b"", (("Location", location), *(_CORS if cors else ())))
        site.mount(Mount(path, self._answer, exact=True))

    async def _answer(self, _: Request) -> Answer:
        return self._redirect


_STATUSES = {Fault.ABSENT: 404, Fault.FORBIDDEN: 403, Fault.INTERNAL_ERROR: 500}
_LOCATIONS: Mapping[Fault | None, str] = {
    Fault.REDIRECT_LOOP: "https://{here}",
    Fault.REDIRECT_CHAIN: "https://{here}/{following}",
    Fault.REDIRECT_TO_HTTP: "http://{here}",
    Fault.REDIRECT_TO_PRIVATE: "https://127.0.0.1/.well-known/matrix/client",
    Fault.REDIRECT_TO_FILE: "file:///etc/passwd",
    Fault.REDIRECT_NOWHERE: "",
    Fault.REDIRECT_WITHOUT_CORS: "https://{here}/moved",
}
_BODIES: Mapping[Fault | None, Callable[[], bytes]] = {
    Fault.EMPTY: lambda: b"",
    Fault.TRAILING_COMMA: lambda: b'{\n  "m.homeserver": {"base_url": "https://matrix.example.org"},\n}\n',
    Fault.CUT_SHORT: lambda: b'{"m.homeserver": {"base_url": "https://matrix.example.org"',
    Fault.NOT_UTF8: lambda: b'{"m.homeserver": {"base_url": "https://m\xe4trix.example.org"}}',
    Fault.TOO_DEEP: lambda: b"[" * 100_000,
    Fault.LONG_INTEGER: lambda: b'{"m.homeserver": ' + b"7" * 5000 + b"}",
    Fault.LONE_SURROGATE: lambda: b'{"m.homeserver": {"base_url": "https://\\ud800.example.org"}}',
    Fault.LIST: lambda: b"[]",
    Fault.HUGE: lambda: b'{"padding": "' + b"a" * (50 * _MIB) + b'"}',
}
