"""The faults of the scoreboard: what is broken, and by what words each tool would name it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.stage import Stage
from lab.exchange import Answer, Performance, Request
from lab.fault import Fault
from lab.front import Mount
from lab.homeserver import Transports
from lab.sfu import Sfu

Scene = Callable[[Stage], Awaitable[None]]
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Setback:
    """
    One fault, or none.

    Attributes:
        name: for the table.
        what: what is broken, in words.
        scene: breaks it.
        findings: the codes by which foci-bot names the cause; None where nothing is wrong.
        words: an expression for the cause in the other tools' output; None where nothing is wrong.
        excused: tools for which it is not in scope.
    """

    name: str
    what: str
    scene: Scene
    findings: str | None
    words: str | None
    excused: frozenset[str] = frozenset()


TESTMATRIX, BLACKBOX = "testmatrix", "blackbox_exporter"
NOT_WATCHED = frozenset({BLACKBOX})
"""What the exporter has no URL for: the list, the versions, and a health path where none is routed."""
_CONTENT = "did not match regular expression"


async def _nothing(_: Stage) -> None:
    """All is well."""


def _well_known(fault: Fault) -> Scene:
    async def scene(stage: Stage) -> None:
        await stage.break_well_known(fault)

    return scene


def _focus(fault: Fault) -> Scene:
    async def scene(stage: Stage) -> None:
        await stage.break_focus(fault)

    return scene


def _published(build: Callable[[Stage], object]) -> Scene:
    async def scene(stage: Stage) -> None:
        stage.publish(build(stage))

    return scene


def _url(change: Callable[[str], str]) -> Scene:
    return _published(lambda stage: [stage.entry(change(stage.urls[0]))])


async def _sfu_on_same_host(stage: Stage) -> None:
    stage.replace_focus(shares_host_with_sfu=True)


async def _without_homeserver(stage: Stage) -> None:
    stage.well_known.document = {"org.matrix.msc4143.rtc_foci": [stage.entry(stage.urls[0])]}


async def _comma(stage: Stage) -> None:
    stage.well_known.document = json.dumps(stage.well_known.document, indent=2).encode()[:-2] + b",\n}"


async def _huge(stage: Stage) -> None:
    stage.publish([stage.entry(stage.urls[0])], padding="a" * (50 * _MIB))
    stage.well_known.document = json.dumps(stage.well_known.document).encode()


async def _first_of_two_refused(stage: Stage) -> None:
    stage.publish([stage.entry(url) for url in stage.urls])
    await stage.break_focus(Fault.REFUSED)


async def _old_service(stage: Stage) -> None:
    stage.replace_focus(version="0.3.0")


async def _own_preflight(stage: Stage) -> None:
    behind = stage.focus

    async def answer(request: Request) -> Answer | Performance:
        return Answer(204) if request.method == "OPTIONS" else await behind.service.answer(request)

    stage.focus_site.mount(Mount("/livekit/jwt", answer))


async def _sfu_there(stage: Stage) -> None:
    stage.focus_site.mount(Mount("/livekit/jwt", Sfu().answer))


def _transports(state: Transports) -> Scene:
    async def scene(stage: Stage) -> None:
        stage.homeserver.transports = state

    return scene


async def _no_delayed_events(stage: Stage) -> None:
    stage.homeserver.delayed_events = False


_UNREACHABLE = "well-known-unreachable"
_TOKEN = frozenset({TESTMATRIX})
SETBACKS = (
    Setback("healthy", "nothing", _nothing, None, None),
    Setback(
        "healthz-not-routed",
        "nothing: only the POST paths lead to the service",
        _sfu_on_same_host,
        None,
        None,
        NOT_WATCHED,
    ),
    Setback(
        "well-known-refused", "nothing listens at the server name", _well_known(Fault.REFUSED), _UNREACHABLE, "refused"
    ),
    Setback("well-known-expired", "its certificate ended", _well_known(Fault.TLS_EXPIRED), _UNREACHABLE, "expired"),
    Setback(
        "well-known-404", "no document", _well_known(Fault.ABSENT), "well-known-absent", "404|No client well-known"
    ),
    Setback("well-known-500", "500 at its path", _well_known(Fault.INTERNAL_ERROR), "well-known-http-status", "500"),
    Setback(
        "well-known-html",
        "a web page for the document",
        _well_known(Fault.HTML),
        "well-known-html",
        f"no valid json|{_CONTENT}",
    ),
    Setback("well-known-comma", "a comma too many", _comma, "well-known-not-json", "no valid json"),
    Setback(
        "well-known-list",
        "the document is a list",
        _well_known(Fault.LIST),
        "well-known-not-object",
        f"list|{_CONTENT}",
    ),
    Setback(
        "no-homeserver",
        "`m.homeserver` is missing",
        _without_homeserver,
        "base-url-missing",
        "m.homeserver|base_url",
        NOT_WATCHED,
    ),
    Setback("well-known-50-MiB", "50 MiB of padding in it", _huge, "well-known-too-large", "large|limit|size"),
    Setback("well-known-drips", "one byte a second", _well_known(Fault.SLOW_BODY), _UNREACHABLE, "time|deadline"),
    Setback("redirect-loop", "a redirect to itself", _well_known(Fault.REDIRECT_LOOP), "redirect-refused", "redirect"),
    Setback(
        "redirect-bare",
        "a redirect without CORS",
        _well_known(Fault.REDIRECT_WITHOUT_CORS),
        "cors-missing-on-redirect",
        "redirect.*CORS",
    ),
    Setback(
        "well-known-cors",
        "the document without CORS",
        _well_known(Fault.CORS_MISSING),
        "cors-missing",
        "CORS|Access-Control",
    ),
    Setback("no-list", "no foci key", _published(lambda _: None), "foci-absent", f"No MatrixRTC|{_CONTENT}"),
    Setback(
        "list-is-object",
        "an object for the list",
        _published(lambda stage: stage.entry(stage.urls[0])),
        "foci-not-a-list",
        f"array|{_CONTENT}",
    ),
    Setback(
        "scheme-http",
        "`http://` in the entry",
        _url(lambda url: url.replace("https", "http")),
        "scheme-http",
        "https://",
        NOT_WATCHED,
    ),
    Setback(
        "scheme-wss",
        "`wss://` in the entry",
        _url(lambda url: url.replace("https", "wss")),
        "scheme-ws",
        "https://",
        NOT_WATCHED,
    ),
    Setback(
        "placeholder",
        "`${RTC_DOMAIN}` in the entry",
        _url(lambda _: "https://${RTC_DOMAIN}/livekit/jwt"),
        "placeholder-host",
        "host|resolv",
        NOT_WATCHED,
    ),
    Setback(
        "trailing-slash",
        "a slash at the end of the URL",
        _url(lambda url: url + "/"),
        "trailing-slash",
        "slash|//",
        NOT_WATCHED,
    ),
    Setback(
        "duplicate",
        "the same entry twice",
        _published(lambda stage: [stage.entry(stage.urls[0])] * 2),
        "duplicate-entry",
        "twice|duplicate",
        NOT_WATCHED,
    ),
    Setback("focus-refused", "nothing listens at the focus", _focus(Fault.REFUSED), "connect-refused", "refused"),
    Setback(
        "first-of-two-refused",
        "the same, with a second focus that is well",
        _first_of_two_refused,
        "connect-refused",
        "refused",
    ),
    Setback(
        "focus-mute",
        "connections are taken, then silence",
        _focus(Fault.NEVER_SPEAKS_TLS),
        "tls-timeout",
        "time|deadline",
    ),
    Setback("focus-expired", "its certificate ended", _focus(Fault.TLS_EXPIRED), "tls-expired", "expired"),
    Setback(
        "focus-wrong-name",
        "a certificate for another host",
        _focus(Fault.TLS_WRONG_NAME),
        "tls-hostname",
        "match|valid for|doesn't contain any IP SANs",
    ),
    Setback(
        "focus-self-signed",
        "a self-signed certificate",
        _focus(Fault.TLS_SELF_SIGNED),
        "tls-self-signed",
        "self.signed|unknown authority",
    ),
    Setback(
        "focus-near-expiry",
        "five days of it are left",
        _focus(Fault.TLS_NEAR_EXPIRY),
        "tls-expiring",
        "certificate ends",
    ),
    Setback("focus-502", "502 from the proxy", _focus(Fault.BAD_GATEWAY), "http-5xx", "502"),
    Setback(
        "focus-html",
        "a web page at every path",
        _focus(Fault.HTML_200),
        "not-an-authorisation-service",
        "html|web page",
    ),
    Setback(
        "focus-challenge",
        "a bot challenge before it",
        _focus(Fault.WAF_CHALLENGE),
        "waf-challenge",
        "challenge|cloudflare",
    ),
    Setback(
        "prefix-not-stripped",
        "the proxy's prefix reaches the service",
        _focus(Fault.PREFIX_NOT_STRIPPED),
        "service-not-routed",
        "404",
    ),
    Setback(
        "healthz-only",
        "`/healthz` is well, the POST paths are 404",
        _focus(Fault.HEALTHZ_ONLY),
        "service-not-routed",
        "404",
    ),
    Setback("old-service", "no `/get_token`", _old_service, "matrix2-endpoint-missing", "get_token.*404"),
    Setback("points-at-sfu", "the SFU answers there", _sfu_there, "points-at-sfu", "SFU answers|LiveKit"),
    Setback(
        "service-cors",
        "the service's answers without CORS",
        _focus(Fault.SERVICE_CORS_MISSING),
        "cors-missing-on-service",
        "CORS|Access-Control",
    ),
    Setback(
        "service-cors-doubled",
        "CORS headers of proxy and service",
        _focus(Fault.SERVICE_CORS_DOUBLED),
        "cors-doubled",
        "CORS|Access-Control",
    ),
    Setback(
        "service-preflight",
        "the proxy answers OPTIONS itself, without CORS",
        _own_preflight,
        "cors-missing-on-service",
        "CORS|OPTIONS|Access-Control",
    ),
    Setback(
        "transports-not-routed",
        "the proxy's 404 page at the transports endpoint",
        _transports(Transports.PAGE),
        "transports-broken",
        "404",
        _TOKEN,
    ),
    Setback(
        "transports-empty",
        "an open endpoint that lists nothing",
        _transports(Transports.OPEN_WITHOUT_KEY),
        "transports-empty",
        "lists nothing|empty",
        _TOKEN,
    ),
    Setback(
        "no-delayed-events",
        "delayed events are off",
        _no_delayed_events,
        "delayed-events-missing",
        "delayed events",
        NOT_WATCHED,
    ),
)
