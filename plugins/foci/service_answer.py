"""Telling from one answer what stands at a service URL (lk-jwt-service's contract, LiveKit's HTTP face)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from botkit.outbound.model import Response
from plugins.foci.model import Certainty
from plugins.foci.responses import is_challenge

_SERVICE_ERRCODES = frozenset({"M_BAD_JSON", "M_NOT_JSON"})
_TO_GET = (301, 302, 303)
"""Redirects after which browsers ask with GET (Fetch standard, "HTTP-redirect fetch"); 307 and 308 keep the method."""
_GO_404 = b"404 page not found"
_NO_PERMISSION = b"no permissions to access the room"


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """
    What answers instead of a MatrixRTC authorisation service.

    Attributes:
        code: the finding.
        certainty: what the answer proves.
        detail: what was seen, one line.
        advice: what to change.
    """

    code: str
    certainty: Certainty
    detail: str
    advice: str


def read_post(response: Response) -> WrongAnswer | None:
    """
    Judge the answer to ``POST <service>/sfu/get`` with the body ``{}``; None is that of an authorisation service.

    The service validates before it does anything else and answers 400 with M_BAD_JSON (M_NOT_JSON in some
    versions); the English text and the content type differ by version and are not looked at.
    """
    errcode = errcode_of(response)
    if response.status == 400 and errcode in _SERVICE_ERRCODES:
        return None
    if is_challenge(response):
        return WrongAnswer("waf-challenge", Certainty.UNCLEAR, "a bot challenge stands before it", _WAF)
    if response.status == 429:
        return WrongAnswer(
            "rate-limited",
            Certainty.UNCLEAR,
            "HTTP 429: too many requests from here",
            "Nothing yet: check again later.",
        )
    if response.status >= 500:
        return WrongAnswer("http-5xx", Certainty.DEFINITE, f"HTTP {response.status}", _FIVE_HUNDREDS)
    if 300 <= response.status < 400:
        turned = ", which turns it into a GET" if response.status in _TO_GET else " instead of answered"
        detail = f"HTTP {response.status}: the POST is redirected{turned}"
        return WrongAnswer(
            "not-an-authorisation-service", Certainty.DEFINITE, detail, "Serve the service at the published URL itself."
        )
    if response.status == 404 and errcode is None:
        return WrongAnswer("service-not-routed", Certainty.DEFINITE, _describe_404(response), _ROUTE)
    return WrongAnswer("not-an-authorisation-service", Certainty.DEFINITE, _describe(response, errcode), _ELSEWHERE)


def is_sfu(root: Response | None, validate: Response | None) -> bool:
    """Whether a LiveKit SFU answers without credentials: 401 at /rtc/validate with its text, or ``OK`` at /."""
    if validate is not None and validate.status == 401 and _NO_PERMISSION in validate.body[:200]:
        return True
    return root is not None and root.status == 200 and root.body.strip() == b"OK"


def errcode_of(response: Response) -> str | None:
    """The Matrix errcode of a JSON body, whatever its content type says."""
    try:
        document: Any = json.loads(response.body[:4096].decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    found = document.get("errcode") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


_WAF = "Exempt the service's paths from bot challenges: Matrix clients cannot solve them."
_FIVE_HUNDREDS = (
    "See that the authorisation service (lk-jwt-service) runs and that the reverse proxy points at its port."
)
_ROUTE = (
    "Route `<service url>/sfu/get` and `/get_token` to lk-jwt-service with the prefix stripped: nginx `proxy_pass` "
    "with a trailing slash, Caddy `handle_path` instead of `handle`."
)
_ELSEWHERE = "Point the published URL at lk-jwt-service, or the proxy's route for it."
_SFU = "Publish the URL of lk-jwt-service instead; the SFU's own URL belongs into its LIVEKIT_URL."

POINTS_AT_SFU = WrongAnswer(
    "points-at-sfu", Certainty.DEFINITE, "the SFU itself answers there, not its authorisation service", _SFU
)


def _describe_404(response: Response) -> str:
    if response.body.startswith(_GO_404):
        return "HTTP 404 from a Go program: it is reached, but not under this path (prefix not stripped?)"
    server = response.header("server")
    return f"HTTP 404 from the web server{f' ({server[:40]})' if server else ''}: nothing is routed there"


def _describe(response: Response, errcode: str | None) -> str:
    if errcode == "M_UNRECOGNIZED":
        return f"HTTP {response.status} M_UNRECOGNIZED: a Matrix homeserver answers there"
    if errcode is not None:
        return f"HTTP {response.status} {errcode[:40]} instead of 400 M_BAD_JSON"
    if response.body.lstrip()[:1] == b"<":
        return f"HTTP {response.status} with a web page instead of 400 M_BAD_JSON"
    return f"HTTP {response.status} instead of 400 M_BAD_JSON"
