"""The client well-known: strict JSON (MSC4158), all keys in order, and what its exchanges mean (MSC4402)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from botkit.messages.sanitise import quoted
from botkit.outbound.model import Answered, Exchange, Failed, Failure, FailureKind, Response
from botkit.outbound.url import UrlError, parse_url
from plugins.foci.failure import NO_CLIENT_CERTIFICATE, advice_for, meaning_of, was_left_out
from plugins.foci.findings import finding
from plugins.foci.login_page import A_PAGE_WITH_LOGIN, leads_to_login, login_of, past_login
from plugins.foci.model import FOCI_KEYS, MAX_ENTRIES, Certainty, Entry, Finding, Severity, WellKnownReport
from plugins.foci.refusal import exempt, refused_here
from plugins.foci.responses import (
    BodyFault,
    Path,
    allows_any_origin,
    demands_client_certificate,
    is_challenge,
    read_json,
    shown_path,
)

_RTC_WORD = re.compile(r"(?:^|[^a-z])(?:[a-z]*rtc|rtc[a-z]*)(?:[^a-z]|$)|livekit|(?:^|[^a-z])foc(?:i|us)(?:[^a-z]|$)")
_HOMESERVER_KEY = "m.homeserver"
_IDENTITY_KEY = "m.identity_server"


@dataclass(frozen=True, slots=True)
class WellKnown:
    """
    A client well-known that is a JSON object.

    Attributes:
        document: the whole object, as published.
        keys_found: which of the three foci keys are present, in the order of their use.
        entries: of the used key, in published order (``MAX_ENTRIES``); empty when the value is not a list.
        repeated: where a key stands twice in one of its objects.
    """

    document: Mapping[str, Any]
    keys_found: tuple[str, ...]
    repeated: tuple[Path, ...] = ()
    entries: tuple[Entry, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Read the entries, once."""
        value = self.foci_value if isinstance(self.foci_value, list) else []
        entries = tuple(Entry("well-known", place, item) for place, item in enumerate(value[:MAX_ENTRIES], 1))
        object.__setattr__(self, "entries", entries)

    @property
    def key_used(self) -> str | None:
        """The first present key of the three."""
        return self.keys_found[0] if self.keys_found else None

    @property
    def foci_value(self) -> Any:
        """The value of the used key, whatever it is; None without a key."""
        return self.document[self.keys_found[0]] if self.keys_found else None

    @property
    def base_url_value(self) -> Any:
        """``m.homeserver.base_url`` as published, None when it is not there."""
        return _member(self.document.get(_HOMESERVER_KEY), "base_url")

    @property
    def identity_server_broken(self) -> bool:
        """Whether ``m.identity_server`` is present without a usable ``base_url``: a client must stop and ask."""
        if _IDENTITY_KEY not in self.document:
            return False
        return not isinstance(_member(self.document[_IDENTITY_KEY], "base_url"), str)

    @property
    def rtc_like_keys(self) -> tuple[str, ...]:
        """Top-level keys that speak of rtc, livekit or foci and are none of the three."""
        return tuple(key for key in self.document if key not in FOCI_KEYS and _RTC_WORD.search(key.lower()))


def read_well_known(body: bytes) -> WellKnown | BodyFault:
    """Parse a body that was answered with status 200."""
    value = read_json(body)
    if isinstance(value, BodyFault):
        return value
    if not isinstance(value.value, dict):
        return BodyFault("well-known-not-object", f"the body is {_article(value.value)}, not a JSON object")
    document = value.value
    return WellKnown(document, tuple(key for key in FOCI_KEYS if key in document), value.repeated)


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _article(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


_ONE_DAY = 86400
_MOST_KEYS_SHOWN = 3
_CORS_ADVICE = (
    "Add the header `Access-Control-Allow-Origin: *` to {where} "
    "(nginx: `add_header Access-Control-Allow-Origin * always;`)."
)
SpecAction = Literal["OK", "IGNORE", "FAIL_PROMPT", "FAIL_ERROR"]


@dataclass(frozen=True, slots=True)
class WellKnownAnswer:
    """
    What the client well-known of a server turned out to be.

    Attributes:
        document: its content, None when there is none to read.
        certainty: how much a failure proves; None unless ``report.outcome`` is "failed".
        findings: about the document as a whole and how it is served.
        hops: the exchanges it was read from.
    """

    report: WellKnownReport
    document: WellKnown | None
    certainty: Certainty | None
    findings: tuple[Finding, ...]
    hops: tuple[Exchange, ...] = ()


def read_answer(host: str, hops: Sequence[Exchange], refused: str | None) -> WellKnownAnswer:
    """
    Judge a fetch that was followed by hand.

    Args:
        host: the hostname asked first, for messages.
        hops: every exchange in order, the last one being the answer or the failure.
        refused: why the redirect in the last hop was not followed; None when it was no redirect.
    """
    return replace(_read(host, hops, refused), hops=tuple(hops))


def _read(host: str, hops: Sequence[Exchange], refused: str | None) -> WellKnownAnswer:
    last = hops[-1]
    report = WellKnownReport(
        url=hops[0].url,
        final_url=last.url,
        redirects=tuple(hop.url for hop in hops[1:]),
        outcome="failed",
        http_status=last.response.status if isinstance(last, Answered) else None,
        spec_action="FAIL_PROMPT" if isinstance(last, Answered) else None,
        base_url=None,
        cors=None,
        elapsed_ms=sum(hop.elapsed_ms for hop in hops),
    )
    if isinstance(last, Failed):
        return _unreachable(host, report, last.failure, len(hops))
    if refused is not None:
        advice = "Redirect straight to the final https URL, or serve the document at the server name itself."
        return _failed(
            report,
            finding("redirect-refused", f"The redirect of the well-known is refused: {refused}.", advice),
        )
    on_redirects = _cors_of_redirects(hops)
    judged = _judge_status(host, report, last.response)
    return replace(judged, findings=(*on_redirects, *judged.findings))


def _unreachable(host: str, report: WellKnownReport, failure: Failure, hops: int) -> WellKnownAnswer:
    meaning = meaning_of(failure)
    if was_left_out(failure):
        message = f"The well-known of {host} was {failure.detail}."
        found = finding("not-tested", message, advice_for(failure, host))
        return WellKnownAnswer(report, None, meaning.certainty, (found,))
    if failure.kind in (FailureKind.PRIVATE_LITERAL, FailureKind.PRIVATE_NAME) and hops > 1:
        message = f"The redirect of the well-known leads to a private address: {failure.detail}."
        return _failed(report, finding("redirect-refused", message, "Redirect to a public https URL."))
    if failure.kind is FailureKind.BODY_TOO_LARGE:
        message = f"The well-known is too large: {failure.detail}."
        return _failed(report, finding("well-known-too-large", message, _BODY_ADVICE["well-known-too-large"]))
    found = finding(
        "well-known-unreachable",
        f"The well-known of {quoted(host)} cannot be fetched: {failure.detail}.",
        advice_for(failure, host),
    )
    extra: tuple[Finding, ...] = ()
    if meaning.code == "private-address":
        severity = None if meaning.certainty is Certainty.DEFINITE else Severity.WARNING
        extra = (finding("private-address", f"{failure.detail}.", advice_for(failure, host), severity=severity),)
    return WellKnownAnswer(report, None, meaning.certainty, (found, *extra))


def _failed(report: WellKnownReport, *found: Finding) -> WellKnownAnswer:
    return WellKnownAnswer(report, None, Certainty.DEFINITE, found)


def _judge_status(host: str, report: WellKnownReport, response: Response) -> WellKnownAnswer:
    if response.status == 404:
        absent = replace(report, outcome="absent", spec_action="IGNORE", cors=allows_any_origin(response))
        return WellKnownAnswer(absent, None, None, ())
    if is_challenge(response):
        message = f"A bot challenge of a web application firewall blocks the well-known of {quoted(host)}."
        advice = "Exempt `/.well-known/matrix/` from bot challenges: clients cannot solve them."
        return replace(_failed(report, finding("waf-challenge", message, advice)), certainty=Certainty.UNCLEAR)
    if demands_client_certificate(response):
        message = f"The web server demands a client certificate for the well-known of {quoted(host)}"
        message += f" (HTTP {response.status})."
        return _failed(report, finding("well-known-http-status", message, NO_CLIENT_CERTIFICATE))
    if found := _login(host, report, response):
        return _failed(report, found)
    if refused := refused_here(response):
        message = f"The well-known of {quoted(host)} turns this prober away, perhaps alone: {refused}."
        advice = exempt("`/.well-known/matrix/`")
        return replace(_failed(report, finding("refused-here", message, advice)), certainty=Certainty.UNCLEAR)
    if response.status != 200:
        message = f"The well-known of {quoted(host)} answers HTTP {response.status} instead of 200."
        advice = f"Let {quoted(report.final_url)} answer 200 with the JSON document."
        return _failed(report, finding("well-known-http-status", message, advice))
    content = read_well_known(response.body)
    if isinstance(content, BodyFault):
        return _failed(
            report,
            finding(
                content.code,
                f"The well-known of {quoted(host)} is unusable: {content.detail}.",
                _BODY_ADVICE[content.code],
            ),
        )
    return _judge_document(host, report, response, content)


def _login(host: str, report: WellKnownReport, response: Response) -> Finding | None:
    """What is said of a login that was answered, or redirected to, in place of a document; None if none was."""
    login = login_of(response)
    led = next((url for url in report.redirects if leads_to_login(urlsplit(url), host)), "")
    advice = past_login(("/.well-known/matrix/client",), "/.well-known/matrix/")
    if login == A_PAGE_WITH_LOGIN and not led:
        message = f"In place of the well-known of {quoted(host)} there is {login} (HTTP {response.status})."
        route = f"If that is the site's page for every path: {_BODY_ADVICE['well-known-html']}"
        return finding("login-page", message, f"{route} If a login stands before all of it: {advice}")
    if not login and (not led or response.body.lstrip()[:1] == b"{"):
        return None
    how = f"HTTP {response.status}, {login}" if login else f"a redirect leads to {quoted(led.partition('?')[0])}"
    return finding("login-page", f"The well-known of {quoted(host)} is behind a login: {how}.", advice)


_BODY_ADVICE = {
    "well-known-not-json": "Correct the JSON there (no trailing commas or comments, UTF-8); test it with `jq`.",
    "well-known-html": "Exempt `/.well-known/matrix/` from the web server's catch-all page and serve the JSON there.",
    "well-known-too-large": "Serve only the small JSON document there.",
    "well-known-not-object": "Serve a JSON object: `{ … }` with `m.homeserver` and the foci key.",
}


def _judge_document(host: str, report: WellKnownReport, response: Response, document: WellKnown) -> WellKnownAnswer:
    cors = allows_any_origin(response)
    base_url, base_findings, action = judge_base_url(document)
    found = [*_headers(host, response, cors), *base_findings, *repeated_keys("the well-known", document.repeated)]
    judged = replace(report, outcome="ok", spec_action=action, base_url=base_url, cors=cors)
    return WellKnownAnswer(judged, document, None, tuple(found))


def repeated_keys(where: str, repeated: Sequence[Path]) -> list[Finding]:
    """What there is to say of keys that stand twice in one object of a document, ``where`` for people."""
    if not repeated:
        return []
    shown = ", ".join(quoted(shown_path(path)) for path in repeated[:_MOST_KEYS_SHOWN])
    more = " and more" if len(repeated) > _MOST_KEYS_SHOWN else ""
    message = f"In {where} one object has {shown}{more} twice: browsers take the last, strict parsers refuse it all."
    return [finding("duplicate-key", message, "Keep one of the two, most often the last; `jq .` shows what counts.")]


def judge_base_url(document: WellKnown) -> tuple[str | None, list[Finding], SpecAction]:
    """The usable ``m.homeserver.base_url`` without its trailing slash, what is wrong with it, and the spec's action."""
    value = document.base_url_value
    advice = 'Publish `"m.homeserver": {"base_url": "https://matrix.<your domain>"}`: Element X needs it.'
    if value is None:
        return (
            None,
            [finding("base-url-missing", "`m.homeserver.base_url` is missing.", advice)],
            "FAIL_PROMPT",
        )
    fault = _base_url_fault(value)
    if fault:
        return None, [finding("base-url-invalid", f"`m.homeserver.base_url` {fault}.", advice)], "FAIL_ERROR"
    return value.rstrip("/"), [], "FAIL_PROMPT" if document.identity_server_broken else "OK"


def _base_url_fault(value: object) -> str | None:
    if not isinstance(value, str):
        return "is not a string"
    try:
        parsed = parse_url(value)
    except UrlError:
        parsed = None
    if parsed is None or any(character.isspace() or character in "?#" for character in value):
        return f"is not a valid URL: {quoted(value)}"
    if parsed.scheme == "http":
        return f"is not https: {quoted(value)}"
    return None


def _headers(host: str, response: Response, cors: bool) -> list[Finding]:
    found = []
    if not cors:
        lacks = "lacks a CORS header that allows every origin, so web clients cannot read it"
        message = f"The well-known of {quoted(host)} {lacks}."
        found.append(finding("cors-missing", message, _CORS_ADVICE.replace("{where}", "`/.well-known/matrix/client`")))
    media_type = (response.header("content-type") or "").split(";")[0].strip().lower()
    if media_type != "application/json":
        served = quoted(media_type) if media_type else "no content type"
        message = f"The well-known is served as {served}, not `application/json`."
        found.append(
            finding(
                "content-type",
                message,
                "Set `Content-Type: application/json` (nginx: `default_type application/json;`).",
            )
        )
    age = re.search(r"max-age=\s*\"?(\d{1,12})", response.header("cache-control") or "", re.IGNORECASE)
    if age and int(age[1]) > _ONE_DAY:
        message = f"Clients and proxies may cache the well-known for {int(age[1]) // _ONE_DAY} days (max-age={age[1]})."
        found.append(
            finding("long-cache", message, "Use `Cache-Control: max-age=3600` or less, so that a change arrives.")
        )
    return found


def _cors_of_redirects(hops: Sequence[Exchange]) -> list[Finding]:
    bare = [hop.url for hop in hops[:-1] if isinstance(hop, Answered) and not allows_any_origin(hop.response)]
    if not bare:
        return []
    message = f"The redirect at {quoted(bare[0])} lacks the CORS header, so web clients do not follow it."
    return [finding("cors-missing-on-redirect", message, _CORS_ADVICE.replace("{where}", "the redirect too"))]
