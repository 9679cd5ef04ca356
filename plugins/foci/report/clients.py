"""What each generation of clients makes of what a server publishes, as measured with the clients themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from botkit.messages.sanitise import quoted
from plugins.foci.discovery.homeserver import LIST_KEY, TransportsAnswer
from plugins.foci.discovery.well_known import WellKnown, WellKnownAnswer
from plugins.foci.model import (
    MSC4143_KEY,
    STABLE_KEY,
    Certainty,
    ClientRow,
    Entry,
    FocusReport,
    Outcome,
    Stage,
    Verdict,
)
from plugins.foci.responses import Path, shown_path

Finds = Literal["yes", "no", "unknown"]
CURRENT = ("element-web", "element-x")
"""The rows of the clients that people have today."""
NONE_OF_TYPE = "no entry of type livekit is listed"
"""The reason of a client that reads a list whose entries are all of other types."""


@dataclass(frozen=True, slots=True)
class Published:
    """
    What clients have to go by.

    Attributes:
        document: the well-known of the server name; None when it is absent or unusable.
        discovery_unclear: it could not be fetched for a reason that may lie here.
        readable_by_web: CORS lets browsers read it.
        foci: every focus of the report, judged.
        shut_to_web: the URLs, as published, of services that CORS keeps browsers from.
        base_copy: the well-known at the base_url; None where that is the server name's, or was not needed.
        base_foci: the entries of its list, judged.
    """

    document: WellKnown | None
    discovery_unclear: bool
    readable_by_web: bool
    transports: TransportsAnswer
    foci: Sequence[FocusReport]
    shut_to_web: frozenset[str] = frozenset()
    base_copy: WellKnownAnswer | None = None
    base_foci: Sequence[FocusReport] = ()

    def place_of(self, entry: Entry) -> int | None:
        """The number of an entry among the foci of the report; None where it is not one of them."""
        return next((place for place, focus in enumerate(self.foci, 1) if focus.entry.identity == entry.identity), None)

    def answers(self, entry: Entry) -> Finds:
        """Whether the focus of an entry answers Element Call, which runs in a browser in every client."""
        if entry.service_url in self.shut_to_web:
            return "no"
        judged = (focus for focus in (*self.foci, *self.base_foci) if focus.entry.identity == entry.identity)
        focus = next(judged, None)
        return "unknown" if focus is None else focus_answers(focus)


@dataclass(frozen=True, slots=True)
class _Result:
    """What a client comes to."""

    finds: Finds
    reason: str
    uses: int | None = None


def client_rows(published: Published) -> tuple[ClientRow, ...]:
    """The six rows, in a fixed order, current clients first."""
    outcomes = ((client, name, rule(published)) for client, name, rule in _RULES)
    return tuple(ClientRow(client, name, one.uses, one.finds, one.reason) for client, name, one in outcomes)


def focus_answers(focus: FocusReport) -> Finds:
    """Whether the authorisation stage passed; a critical focus is a no, all else is unknown."""
    if any(stage.stage is Stage.AUTHORISATION and stage.outcome is Outcome.OK for stage in focus.stages):
        return "yes"
    return "no" if focus.verdict is Verdict.CRITICAL else "unknown"


_WELL_KNOWN = (
    *(("m.homeserver",), ("m.homeserver", "base_url")),
    *(("m.identity_server",), ("m.identity_server", "base_url")),
    *((MSC4143_KEY,), (STABLE_KEY,)),
)
_TRANSPORTS = ((LIST_KEY,),)


def _twice_for_sdk(repeated: Sequence[Path], read: Sequence[Path], entries: Sequence[Entry]) -> str | None:
    """
    The first key whose second appearance is an error for ruma, as that of a key and its alias is.

    That is any that it reads, in the document itself (``read``) or in an entry of a list there.
    """
    for path in repeated:
        if path in read or (path[:1] in read and _is_read_of_entry(path[1:], entries)):
            return quoted(shown_path(path))
    return None


def _is_read_of_entry(path: Path, entries: Sequence[Entry]) -> bool:
    if len(path) != len(("place", "key")) or not isinstance(path[0], int):
        return False
    livekit = path[0] <= len(entries) and entries[path[0] - 1].type == "livekit"
    return path[1] == "type" or (livekit and path[1] == "livekit_service_url")


def sdk_fault(document: WellKnown) -> str | None:
    """Why matrix-sdk drops a well-known as a whole (ruma's ``discover_homeserver::Response``); None if it does not."""
    twice = _twice_for_sdk(document.repeated, _WELL_KNOWN, document.entries)
    if twice is not None:
        return f"drops the well-known because {twice} stands twice in it"
    if not isinstance(document.base_url_value, str):
        return "drops the well-known because `m.homeserver` is missing"
    if document.document.get("m.identity_server") is not None and document.identity_server_broken:
        return "drops the well-known because `m.identity_server` has no `base_url`"
    if MSC4143_KEY in document.keys_found and STABLE_KEY in document.keys_found:
        return f"drops the well-known because it has both `{MSC4143_KEY}` and `{STABLE_KEY}`"
    if document.key_used not in (MSC4143_KEY, STABLE_KEY):
        return None
    if not isinstance(document.foci_value, list):
        return f"drops the well-known because the value of `{document.key_used}` is not a list"
    place = _bad_for_sdk(document.entries)
    return f"drops the well-known because of entry {place}" if place else None


def _element_web(published: Published) -> _Result:
    """Its host asks the endpoint, and reads the well-known on 404 M_UNRECOGNIZED only."""
    listed = _from_endpoint(published)
    if listed is None:
        listed = _from_well_known(published)
    return listed if isinstance(listed, _Result) else _first_livekit(listed, published)


def _element_x(published: Published) -> _Result:
    """matrix-sdk asks the endpoint, then the well-known of the name, then that of the base_url (matrix-sdk 0.19)."""
    listed = _from_endpoint(published, native=True)
    if listed is None:
        listed = _from_well_known_of_sdk(published)
    return listed if isinstance(listed, _Result) else _first_livekit(listed, published)


def _call_028(published: Published) -> _Result:
    """
    As Element Web, but takes newer types, from which version on depends on the type (0.29.0: ``m.livekit``).

    An entry with ``url`` goes by way of the homeserver (MSC4195), which was not asked.
    """
    listed = _from_endpoint(published)
    if listed is None:
        listed = _from_well_known(published)
    if isinstance(listed, _Result):
        return listed
    for place, entry in enumerate(listed, 1):
        if entry.is_livekit and entry.sfu_url is not None:
            reason = f"uses entry {place} through the homeserver's own token endpoint (MSC4195), which was not tested"
            return _Result("unknown", reason, published.place_of(entry))
        if entry.is_livekit and entry.type != "livekit" and entry.service_url is not None:
            reason = f"whether it takes entry {place}, of type {quoted(entry.type or '')}, depends on its version"
            return _Result("unknown", reason, published.place_of(entry))
        if _takes(entry):
            break
    return _first_livekit(listed, published)


def _call_024(published: Published) -> _Result:
    """The endpoint alone."""
    listed = _from_endpoint(published)
    if listed is None:
        return _Result("no", "reads only the transports endpoint, which this homeserver does not have")
    return listed if isinstance(listed, _Result) else _first_livekit(listed, published)


def _call_019(published: Published) -> _Result:
    """Entry 1 of the well-known, whatever its type."""
    listed = _from_well_known(published)
    if isinstance(listed, _Result):
        return listed
    if not listed:
        return _Result("no", "the list is empty")
    first = listed[0]
    if first.service_url is None:
        return _Result("no", "uses entry 1 whatever its type, and that has no `livekit_service_url`", 1)
    if not first.is_livekit:
        return _Result("unknown", "uses entry 1 whatever its type; it was not probed", 1)
    return _uses(first, published)


def _call_016(published: Published) -> _Result:
    """The first livekit entry of the well-known; entries of no use to it are skipped."""
    listed = _from_well_known(published)
    if isinstance(listed, _Result):
        return listed
    return _first_livekit([entry for entry in listed if entry.value is not None], published)


_RULES: tuple[tuple[str, str, Callable[[Published], _Result]], ...] = (
    ("element-web", "Element Web", _element_web),
    ("element-x", "Element X", _element_x),
    ("element-call-0.28", "Element Call 0.28 and later", _call_028),
    ("element-call-0.24", "Element Call 0.24 to 0.27, standalone", _call_024),
    ("element-call-0.19", "Element Call 0.19.1 to 0.23, inside older clients", _call_019),
    ("element-call-0.16", "Element Call up to 0.16, inside older clients", _call_016),
)


def _from_endpoint(published: Published, *, native: bool = False) -> Sequence[Entry] | _Result | None:
    """
    The list of the transports endpoint, or what the client comes to there; None where there is no endpoint.

    Args:
        native: asked by matrix-sdk, which needs no CORS and drops a list that has one bad entry.
    """
    transports = published.transports
    if transports.shut_to_web and not native:
        return _Result("no", "CORS headers do not let browsers read the transports endpoint")
    if transports.unstable == "absent":
        return None
    if transports.unstable == "broken":
        return _Result("no", f"something else answers at the transports endpoint: {transports.wrong}")
    if transports.entries is None:
        return _Result("unknown", _UNREADABLE[transports.unstable])
    if not transports.entries:
        return _Result("no", "the transports endpoint returns an empty list, and it looks nowhere else")
    twice = _twice_for_sdk(transports.repeated, _TRANSPORTS, transports.entries) if native else None
    if twice is not None:
        return _Result("no", f"drops the transports list because {twice} stands twice in it")
    place = _bad_for_sdk(transports.entries) if native else None
    return _Result("no", f"drops the transports list because of entry {place}") if place else transports.entries


_UNREADABLE = {
    "present": "the list of the homeserver's transports endpoint cannot be read without an account there",
    "open": "the list of the homeserver's transports endpoint was not read",
    "unknown": "it is not known whether the homeserver has a transports endpoint",
}


def _from_well_known(published: Published) -> Sequence[Entry] | _Result:
    """The list as clients in browsers read it in the well-known, or what they come to without."""
    document = published.document
    if document is None:
        return _without_document(published)
    if not published.readable_by_web:
        return _Result("no", "CORS headers do not let browsers read the well-known")
    if document.key_used != MSC4143_KEY:
        return _Result("no", f"finds no list under `{MSC4143_KEY}`")
    if not isinstance(document.foci_value, list):
        return _Result("no", f"the value of `{MSC4143_KEY}` is not a list")
    return document.entries


def _from_well_known_of_sdk(published: Published) -> Sequence[Entry] | _Result:
    """The list of the first well-known that matrix-sdk can use: the server name's, else the one at the base_url."""
    document = published.document
    fault = None if document is None else sdk_fault(document)
    if document is not None and fault is None:
        return _listed_for_sdk(document)
    if document is None and published.discovery_unclear:
        return _without_document(published)
    why = fault or _without_document(published).reason
    copy = published.base_copy
    if copy is None:
        return _Result("no", why)
    if copy.certainty in (Certainty.TIMEOUT, Certainty.UNCLEAR):
        return _Result("unknown", f"{why}; the one at the base_url could not be fetched from here")
    if copy.document is None or sdk_fault(copy.document) is not None:
        return _Result("no", f"{why}; the one at the base_url is of no use either")
    return _listed_for_sdk(copy.document)


def _listed_for_sdk(document: WellKnown) -> Sequence[Entry] | _Result:
    if document.key_used in (MSC4143_KEY, STABLE_KEY):
        return document.entries
    return _Result("no", f"finds no list under `{MSC4143_KEY}` or `{STABLE_KEY}`")


def _without_document(published: Published) -> _Result:
    if published.discovery_unclear:
        return _Result("unknown", "the well-known could not be fetched from here")
    return _Result("no", "there is no well-known that it can use")


def _first_livekit(entries: Sequence[Entry], published: Published) -> _Result:
    for place, entry in enumerate(entries, 1):
        if entry.value is None:
            return _Result("no", f"fails on entry {place}, which is null")
        if _takes(entry):
            return _uses(entry, published)
    types = {entry.type for entry in entries} - {None}
    if types and "livekit" not in types:
        return _Result("no", NONE_OF_TYPE)
    return _Result("no", "no entry of type livekit with a livekit_service_url is listed")


def _uses(entry: Entry, published: Published) -> _Result:
    place, answer = published.place_of(entry), published.answers(entry)
    told = {"yes": "answers", "no": "fails", "unknown": "could not be checked"}[answer]
    if entry.service_url in published.shut_to_web:
        told = "does not let browsers in (CORS)"
    where = (
        f"entry {place}" if place else f"{quoted(entry.service_url or '')}, listed by the well-known at the base_url"
    )
    return _Result(answer, f"uses {where}, which {told}", place)


def _takes(entry: Entry) -> bool:
    """matrix-js-sdk's isLivekitTransportConfig: the exact type, and the key present."""
    return entry.type == "livekit" and isinstance(entry.value, dict) and "livekit_service_url" in entry.value


def _bad_for_sdk(entries: Sequence[Entry]) -> int | None:
    """The first entry that ruma cannot read, from 1; it voids the whole list. None if all can be read."""
    return next((place for place, entry in enumerate(entries, 1) if _breaks_ruma(entry.value)), None)


def _breaks_ruma(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return True
    return value["type"] == "livekit" and not isinstance(value.get("livekit_service_url"), str)
