"""Reading what a homeserver says without credentials: its versions and the MatrixRTC transports endpoint (MSC4143)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from botkit.messages.sanitise import quoted
from botkit.outbound.model import Answered, Exchange, Failed, Response
from plugins.foci.discovery.well_known import WellKnownAnswer
from plugins.foci.failure import as_anywhere, meaning_of
from plugins.foci.login_page import login_of
from plugins.foci.model import (
    MAX_ENTRIES,
    Certainty,
    Entry,
    Finding,
    TransportsReport,
)
from plugins.foci.refusal import refused_here
from plugins.foci.responses import (
    BodyFault,
    Path,
    allows_any_origin,
    errcode_of,
    is_doubled,
    meets_prober_only,
    preflight_fault,
    read_json,
)

VERSIONS_PATH = "/_matrix/client/versions"
UNSTABLE_PATH = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports"
STABLE_PATH = "/_matrix/client/v1/rtc/transports"
_DELAYED_EVENTS = "org.matrix.msc4140"
LIST_KEY = "rtc_transports"
_LONGEST_SHOWN = 40
_BEARER = re.compile(r"(?:\A|,)\s*bearer\b", re.IGNORECASE)

PathState = Literal["present", "open", "absent", "broken", "unknown"]
"""
Of the transports endpoint, asked without a token: it wants one, it gives its list to everybody, there is none
(404 M_UNRECOGNIZED), something else answers for certain, or nothing is proven.
"""


@dataclass(frozen=True, slots=True)
class VersionsAnswer:
    """
    What ``/_matrix/client/versions`` answered.

    Attributes:
        valid: a homeserver answered there.
        definite: when not valid, whether that is certainly the other side's fault.
        delayed_events: whether delayed events (MSC4140) are announced; None when not valid.
        refused: this prober was turned away, perhaps alone.
        detail: what was seen, one line, when not valid.
        waited_ms: how long it was waited for, when it timed out; else None.
    """

    valid: bool
    definite: bool
    delayed_events: bool | None
    detail: str
    waited_ms: float | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class TransportsAnswer:
    """
    What the transports endpoint answered on its two paths.

    Attributes:
        unstable: the path that clients use.
        stable: the path of the proposal once accepted.
        entries: the readable list, None when none was readable.
        barrier: what keeps browsers from the path that clients use, whose answer is else a good one; empty if nothing.
        wrong: what answers on that path where it is broken; else empty.
        repeated: where a key stands twice in one object of the answer that holds the list.
        refused: how this prober, perhaps alone, was turned away from the path that clients use; else empty.
        answered: every request had an answer, and none with a fault that may pass or a refusal.
    """

    unstable: PathState = "unknown"
    stable: PathState = "unknown"
    entries: tuple[Entry, ...] | None = None
    barrier: str = ""
    wrong: str = ""
    repeated: tuple[Path, ...] = ()
    refused: str = ""
    answered: bool = False

    @property
    def shut_to_web(self) -> bool:
        """Whether browsers can use neither the path that clients use nor its 404, which sends them elsewhere."""
        return bool(self.barrier)

    @property
    def endpoint(self) -> PathState:
        """Both paths together: the better one; absent only when both are; broken when what clients ask is."""
        states = (self.unstable, self.stable)
        for state in ("open", "present"):
            if state in states:
                return state
        if self.unstable == "absent":
            return self.stable
        return self.unstable

    @property
    def report(self) -> TransportsReport:
        """As in the report."""
        values = None if self.entries is None else tuple(entry.value for entry in self.entries)
        return TransportsReport(self.endpoint, values)


@dataclass(frozen=True, slots=True)
class HomeserverAnswer:
    """
    What the homeserver itself said.

    Attributes:
        versions: None where it was not asked or not found.
        url: where it was asked; empty where it was not.
        findings: about addresses of its host of which some fail.
    """

    versions: VersionsAnswer | None
    transports: TransportsAnswer
    url: str = ""
    findings: tuple[Finding, ...] = ()


def read_versions(exchange: Exchange) -> VersionsAnswer:
    """Judge an answer of ``/_matrix/client/versions`` (client-server API, "API versions")."""
    if isinstance(exchange, Failed):
        certainty = meaning_of(as_anywhere(exchange.failure, urlsplit(exchange.url).hostname or "")).certainty
        waited_ms = exchange.elapsed_ms if certainty is Certainty.TIMEOUT else None
        return VersionsAnswer(False, certainty is Certainty.DEFINITE, None, exchange.failure.detail, waited_ms)
    document = _object(exchange.response)
    if exchange.response.status != 200 or document is None or not isinstance(document.get("versions"), list):
        detail = refused_here(exchange.response) or f"HTTP {exchange.response.status}, no list of versions"
        refused = meets_prober_only(exchange.response)
        return VersionsAnswer(False, not refused, None, detail, refused=refused)
    features = document.get("unstable_features")
    announced = isinstance(features, dict) and features.get(_DELAYED_EVENTS) is True
    return VersionsAnswer(True, False, announced, "")


def read_transports(
    unstable: Exchange, stable: Exchange, own: Exchange | None = None, preflight: Exchange | None = None
) -> TransportsAnswer:
    """
    Judge both paths, asked without a token, and the answer to the bot's own account where it may ask.

    The list comes from the own account's answer first, then from an open path.

    Args:
        preflight: of the unstable path, as browsers ask it before a request with a token.
    """
    ours, theirs, standard = _list_in(own), _list_in(unstable), _list_in(stable)
    listed = ours or theirs or standard
    state, wrong = _state(unstable, theirs)
    barrier = _barrier(unstable, preflight) if state in ("present", "open", "absent") else ""
    refused = refused_here(unstable.response) if isinstance(unstable, Answered) and state == "unknown" else ""
    entries, repeated = (None, ()) if listed is None else (listed.entries, listed.repeated)
    asked = (unstable, stable, *(one for one in (own, preflight) if one is not None))
    answered = all(_is_plain(one) for one in asked)
    return TransportsAnswer(state, _state(stable, standard)[0], entries, barrier, wrong, repeated, refused, answered)


def _is_plain(exchange: Exchange) -> bool:
    """Whether it was answered, and neither with a fault that may pass nor with a refusal."""
    return (
        isinstance(exchange, Answered) and exchange.response.status < 500 and not meets_prober_only(exchange.response)
    )


def _state(exchange: Exchange, listed: _List | None) -> tuple[PathState, str]:
    """How a path stands, and what answers in place of an endpoint where it is broken."""
    if isinstance(exchange, Failed):
        return "unknown", ""
    response = exchange.response
    errcode = errcode_of(response)
    if listed is not None:
        return "open", ""
    if response.status == 404 and errcode == "M_UNRECOGNIZED":
        return "absent", ""
    if response.status == 401 and errcode is not None:
        return ("present" if errcode == "M_MISSING_TOKEN" else "unknown"), ""
    if response.status >= 500 or meets_prober_only(response) or _may_want_token(response):
        return "unknown", ""
    return "broken", _wrong(response, errcode)


def _may_want_token(response: Response) -> bool:
    """
    Whether a 401 may be lifted by the token that clients send; a page, or a scheme of another kind, is a login.

    Source: RFC 6750, section 3, and RFC 9110, section 11.6.1 (several challenges, in one header or more).
    """
    if response.status != 401:
        return False
    challenges = response.headers.get("www-authenticate", ())
    if challenges:
        return any(_BEARER.search(challenge) for challenge in challenges)
    return response.body.lstrip()[:1] != b"<"


def _wrong(response: Response, errcode: str | None) -> str:
    """What answers where the endpoint should, in a few words."""
    status = f"HTTP {response.status}"
    if login := login_of(response):
        return f"{status}, {login}"
    if 300 <= response.status < 400:
        return f"{status}, a redirect {_led(response)}"
    if errcode is not None:
        return f"{status} {quoted(errcode, _LONGEST_SHOWN)}"
    if response.body.lstrip()[:1] == b"<":
        return f"{status} with a web page"
    document = _object(response)
    if response.status != 200:
        return f"{status} without `M_UNRECOGNIZED`" if response.status == 404 else status
    if document is None:
        return f"{status}, which is not a JSON object"
    if LIST_KEY in document:
        return f"{status} with a `{LIST_KEY}` that is not a list"
    return f"{status} without a list under `{LIST_KEY}`"


def _led(response: Response) -> str:
    location = response.header("location")
    return f"to {quoted(location)}" if location else "to nowhere"


def _barrier(asked: Exchange, preflight: Exchange | None) -> str:
    """
    What keeps browsers from the path, or from the 404 that sends them to the well-known; empty if nothing is known to.

    A header that a 401 lacks proves nothing of the answer to those who have a token: proxies add some to a 200 alone.
    """
    if isinstance(preflight, Answered) and not meets_prober_only(preflight.response):
        fault = preflight_fault(preflight.response, "authorization")
        if fault:
            return f"its preflight (OPTIONS) {fault}"
    if isinstance(asked, Answered) and is_doubled(asked.response):
        return "its answer has Access-Control-Allow-Origin twice"
    if isinstance(asked, Answered) and asked.response.status != 401 and not allows_any_origin(asked.response):
        return "its answer has no `Access-Control-Allow-Origin` that allows every origin"
    return ""


@dataclass(frozen=True, slots=True)
class _List:
    """A transports list; ``repeated`` says where a key stands twice in one object of its answer."""

    entries: tuple[Entry, ...]
    repeated: tuple[Path, ...]


def _list_in(exchange: Exchange | None) -> _List | None:
    """The list in a 200 answer, read once; an empty object is an empty list, as in Synapse without transports."""
    if not isinstance(exchange, Answered) or exchange.response.status != 200:
        return None
    parsed = read_json(exchange.response.body)
    if isinstance(parsed, BodyFault) or not isinstance(parsed.value, dict):
        return None
    value = parsed.value.get(LIST_KEY) if parsed.value else []
    if not isinstance(value, list):
        return None
    entries = tuple(Entry("transports", place, item) for place, item in enumerate(value[:MAX_ENTRIES], 1))
    return _List(entries, parsed.repeated)


def _object(response: Response) -> dict[str, Any] | None:
    parsed = read_json(response.body)
    if isinstance(parsed, BodyFault) or not isinstance(parsed.value, dict):
        return None
    return parsed.value


def entries_of(well_known: WellKnownAnswer, homeserver: HomeserverAnswer) -> tuple[Entry, ...]:
    """The published entries in order, then those of a readable transports list that are not among them."""
    published = well_known.document.entries if well_known.document is not None else ()
    known = {entry.identity for entry in published}
    listed = homeserver.transports.entries or ()
    return (*published, *(entry for entry in listed if entry.identity not in known))
