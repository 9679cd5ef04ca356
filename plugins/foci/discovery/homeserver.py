"""Reading what a homeserver says without credentials: its versions and the MatrixRTC transports endpoint (MSC4143)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from botkit.outbound.model import Answered, Exchange, Failed, Response
from plugins.foci.discovery.well_known import WellKnownAnswer
from plugins.foci.failure import meaning_of
from plugins.foci.model import (
    MAX_ENTRIES,
    Certainty,
    Entry,
    TransportsReport,
)
from plugins.foci.responses import BodyFault, allows_any_origin, meets_prober_only, read_json

VERSIONS_PATH = "/_matrix/client/versions"
UNSTABLE_PATH = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports"
STABLE_PATH = "/_matrix/client/v1/rtc/transports"
_DELAYED_EVENTS = "org.matrix.msc4140"
_LIST_KEY = "rtc_transports"

PathState = Literal["present", "open", "absent", "unknown"]


@dataclass(frozen=True, slots=True)
class VersionsAnswer:
    """
    What ``/_matrix/client/versions`` answered.

    Attributes:
        valid: a homeserver answered there.
        definite: when not valid, whether that is certainly the other side's fault.
        delayed_events: whether delayed events (MSC4140) are announced; None when not valid.
        detail: what was seen, one line, when not valid.
        waited_ms: how long it was waited for, when it timed out; else None.
    """

    valid: bool
    definite: bool
    delayed_events: bool | None
    detail: str
    waited_ms: float | None = None


@dataclass(frozen=True, slots=True)
class TransportsAnswer:
    """
    What the transports endpoint answered on its two paths.

    Attributes:
        unstable: the path that clients use.
        stable: the path of the proposal once accepted.
        entries: the readable list, None when none was readable.
        shut_to_web: CORS keeps browsers from the path that clients use, whose answer is else a good one.
    """

    unstable: PathState = "unknown"
    stable: PathState = "unknown"
    entries: tuple[Entry, ...] | None = None
    shut_to_web: bool = False

    @property
    def endpoint(self) -> PathState:
        """Both paths together: the best of the two; absent only when both are."""
        states = (self.unstable, self.stable)
        for state in ("open", "present"):
            if state in states:
                return state
        return "absent" if states == ("absent", "absent") else "unknown"

    @property
    def report(self) -> TransportsReport:
        """As in the report."""
        values = None if self.entries is None else tuple(entry.value for entry in self.entries)
        return TransportsReport(self.endpoint, values)


@dataclass(frozen=True, slots=True)
class HomeserverAnswer:
    """What the homeserver itself said; ``versions`` is None where it was not asked or not found."""

    versions: VersionsAnswer | None
    transports: TransportsAnswer


def read_versions(exchange: Exchange) -> VersionsAnswer:
    """Judge an answer of ``/_matrix/client/versions`` (client-server API, "API versions")."""
    if isinstance(exchange, Failed):
        certainty = meaning_of(exchange.failure).certainty
        waited_ms = exchange.elapsed_ms if certainty is Certainty.TIMEOUT else None
        return VersionsAnswer(False, certainty is Certainty.DEFINITE, None, exchange.failure.detail, waited_ms)
    document = _object(exchange.response)
    if exchange.response.status != 200 or document is None or not isinstance(document.get("versions"), list):
        return VersionsAnswer(
            False, _proves(exchange.response), None, f"HTTP {exchange.response.status}, no list of versions"
        )
    features = document.get("unstable_features")
    announced = isinstance(features, dict) and features.get(_DELAYED_EVENTS) is True
    return VersionsAnswer(True, False, announced, "")


def read_transports(unstable: Exchange, stable: Exchange, own: Exchange | None = None) -> TransportsAnswer:
    """
    Judge both paths, asked without a token, and the answer to the bot's own account where it may ask.

    The list comes from the own account's answer first, then from an open path.
    """
    lists = [_list_of(exchange) for exchange in (own, unstable, stable) if exchange is not None]
    readable = [entries for entries in lists if entries is not None]
    state = _state(unstable)
    shut = isinstance(unstable, Answered) and state in ("present", "open") and not allows_any_origin(unstable.response)
    return TransportsAnswer(state, _state(stable), readable[0] if readable else None, shut)


def _state(exchange: Exchange) -> PathState:
    if isinstance(exchange, Failed):
        return "unknown"
    response = exchange.response
    document = _object(response)
    errcode = document.get("errcode") if document is not None else None
    if response.status == 401 and errcode == "M_MISSING_TOKEN":
        return "present"
    if response.status == 404 and errcode == "M_UNRECOGNIZED":
        return "absent"
    if response.status == 200 and _list_of(exchange) is not None:
        return "open"
    return "unknown"


def _list_of(exchange: Exchange) -> tuple[Entry, ...] | None:
    """The list in a 200 answer; an object without the key is an empty list, as in Synapse without transports."""
    if isinstance(exchange, Failed) or exchange.response.status != 200:
        return None
    document = _object(exchange.response)
    if document is None:
        return None
    value = document.get(_LIST_KEY, [])
    if not isinstance(value, list):
        return None
    return tuple(Entry("transports", place, item) for place, item in enumerate(value[:MAX_ENTRIES], 1))


def _object(response: Response) -> dict[str, Any] | None:
    parsed = read_json(response.body)
    if isinstance(parsed, BodyFault) or not isinstance(parsed.value, dict):
        return None
    return parsed.value


def _proves(response: Response) -> bool:
    """A rate limit or a firewall's page may meet this prober only; any other wrong answer meets every client."""
    return response.status != 403 and not meets_prober_only(response)


def entries_of(well_known: WellKnownAnswer, homeserver: HomeserverAnswer) -> tuple[Entry, ...]:
    """The published entries in order, then those of a readable transports list that are not among them."""
    published = well_known.document.entries if well_known.document is not None else ()
    known = {entry.identity for entry in published}
    listed = homeserver.transports.entries or ()
    return (*published, *(entry for entry in listed if entry.identity not in known))
