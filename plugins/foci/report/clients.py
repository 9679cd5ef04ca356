"""What each generation of clients makes of what a server publishes, as read in the clients' sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from plugins.foci.discovery.homeserver import TransportsAnswer
from plugins.foci.discovery.well_known import WellKnown
from plugins.foci.model import MSC4143_KEY, STABLE_KEY, ClientRow, Entry, FocusReport, Outcome, Stage, Verdict

Finds = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Published:
    """
    What clients have to go by.

    Attributes:
        document: the well-known; None when it is absent or unusable.
        discovery_unclear: the well-known could not be fetched for a reason that may lie here.
        readable_by_web: CORS lets browsers read the well-known.
        foci: every focus of the report, judged.
        shut_to_web: numbers of the foci whose service CORS keeps browsers from.
    """

    document: WellKnown | None
    discovery_unclear: bool
    readable_by_web: bool
    transports: TransportsAnswer
    foci: Sequence[FocusReport]
    shut_to_web: frozenset[int] = frozenset()

    def answers_web(self, place: int) -> Finds:
        """Whether a focus answers clients that run in a browser, as Element Call does."""
        return "no" if place in self.shut_to_web else focus_answers(self.foci[place - 1])


def client_rows(published: Published) -> tuple[ClientRow, ...]:
    """The four rows, in a fixed order."""
    return (_call_019(published), _call_020(published), _call_024(published), _element_x(published))


def _call_019(published: Published) -> ClientRow:
    client, name = "element-call-0.19", "Element Call up to 0.19"
    shown = () if published.transports.shut_to_web else published.transports.entries or ()
    listed = _places_of(shown, published.foci)
    in_reach = published.readable_by_web and _uses_msc4143(published)
    candidates = [*listed, *(_well_known_places(published) if in_reach else [])]
    usable = [place for place in candidates if _takes(published.foci[place - 1].entry)]
    answers = {place: published.answers_web(place) for place in usable}
    for place, answer in answers.items():
        if answer == "yes":
            return ClientRow(client, name, place, "yes", f"tries each LiveKit entry; entry {place} answers")
    if "unknown" in answers.values() or published.discovery_unclear:
        return ClientRow(client, name, None, "unknown", "no entry is known to answer")
    if published.transports.endpoint in ("present", "unknown") and published.transports.entries is None:
        return ClientRow(client, name, None, "unknown", _unreadable(published.transports.endpoint))
    reason = "no LiveKit entry answers" if usable else "no LiveKit entry is published where it looks"
    return ClientRow(client, name, None, "no", reason)


def _call_020(published: Published) -> ClientRow:
    client, name = "element-call-0.20", "Element Call 0.20 to 0.23 and Element Web"
    if published.document is None or not _uses_msc4143(published):
        return _without_list(client, name, published)
    if not published.readable_by_web:
        return ClientRow(client, name, None, "no", "CORS headers do not let browsers read the well-known")
    places = _well_known_places(published)
    if not places:
        return ClientRow(client, name, None, "no", "the well-known lists no focus")
    first = published.foci[0]
    if first.entry.service_url is None:
        return ClientRow(client, name, 1, "no", "uses entry 1 whatever its type, and that has no livekit_service_url")
    if not first.entry.is_livekit:
        return ClientRow(client, name, 1, "unknown", "uses entry 1 whatever its type; it was not probed")
    return ClientRow(client, name, 1, published.answers_web(1), _reason(published, 1, published.answers_web(1)))


def _call_024(published: Published) -> ClientRow:
    client, name = "element-call-0.24", "Element Call 0.24 and later"
    return _from_endpoint(client, name, published, web=True) or ClientRow(
        client, name, None, "no", "reads only the transports endpoint, which this homeserver does not have"
    )


def _element_x(published: Published) -> ClientRow:
    client, name = "element-x", "Element X"
    row = _from_endpoint(client, name, published, web=False)
    if row is not None:
        return row
    if published.document is None or not published.document.keys_found:
        return _without_list(client, name, published)
    keys = published.document.keys_found
    if MSC4143_KEY in keys and STABLE_KEY in keys:
        return ClientRow(client, name, None, "unknown", "its parser may refuse a document with both keys")
    if keys[0] not in (MSC4143_KEY, STABLE_KEY):
        return _without_list(client, name, published)
    fault = _strict_fault(published.document)
    if fault:
        return ClientRow(client, name, None, "no", fault)
    return _first_livekit(client, name, _well_known_places(published), published, web=False)


def _from_endpoint(client: str, name: str, published: Published, *, web: bool) -> ClientRow | None:
    """The row where the endpoint decides; None where the endpoint is absent."""
    transports = published.transports
    if transports.unstable == "absent":
        return None
    if web and transports.shut_to_web:
        return ClientRow(client, name, None, "no", "CORS headers do not let browsers read the transports endpoint")
    if transports.entries is None:
        return ClientRow(client, name, None, "unknown", _unreadable(transports.unstable))
    if not transports.entries:
        return ClientRow(
            client, name, None, "no", "the transports endpoint returns an empty list, and it looks nowhere else"
        )
    fault = _stumbles(transports.entries, web=web)
    if fault:
        return ClientRow(client, name, None, "no", fault)
    places = _places_of(transports.entries, published.foci)
    return _first_livekit(client, name, places, published, web=web)


def _stumbles(entries: Sequence[Entry], *, web: bool) -> str | None:
    """The entry that breaks a client: any bad one for strict Rust, a null before the usable one in a browser."""
    for place, entry in enumerate(entries, 1):
        if not web and _breaks_strict(entry.value):
            return f"drops the whole transports list because of entry {place}"
        if web and entry.value is None:
            return f"fails on entry {place} of the transports list, which is null"
        if web and _takes(entry):
            return None
    return None


def _first_livekit(client: str, name: str, places: Sequence[int], published: Published, *, web: bool) -> ClientRow:
    for place in places:
        if _takes(published.foci[place - 1].entry):
            answer = published.answers_web(place) if web else focus_answers(published.foci[place - 1])
            return ClientRow(client, name, place, answer, _reason(published, place, answer))
    return ClientRow(client, name, None, "no", "no entry of type livekit with a livekit_service_url is listed")


def _unreadable(state: str) -> str:
    if state == "unknown":
        return "whether there is a transports endpoint is unknown"
    return "the endpoint's list cannot be read without an account there"


def _without_list(client: str, name: str, published: Published) -> ClientRow:
    if published.discovery_unclear:
        return ClientRow(client, name, None, "unknown", "the well-known could not be fetched from here")
    return ClientRow(client, name, None, "no", f"finds no list under {MSC4143_KEY}")


def focus_answers(focus: FocusReport) -> Finds:
    """Whether the authorisation stage passed; a critical focus is a no, all else is unknown."""
    if any(stage.stage is Stage.AUTHORISATION and stage.outcome is Outcome.OK for stage in focus.stages):
        return "yes"
    return "no" if focus.verdict is Verdict.CRITICAL else "unknown"


def _reason(published: Published, place: int, answer: Finds) -> str:
    if answer == "no" and focus_answers(published.foci[place - 1]) == "yes":
        return f"uses entry {place}, whose CORS headers keep browsers out"
    told = {"yes": "answers", "no": "fails", "unknown": "could not be checked"}
    return f"uses entry {place}, which {told[answer]}"


def _takes(entry: Entry) -> bool:
    """matrix-js-sdk's isLivekitTransportConfig: the exact type, and the key present."""
    return entry.type == "livekit" and isinstance(entry.value, dict) and "livekit_service_url" in entry.value


def _uses_msc4143(published: Published) -> bool:
    return published.document is not None and published.document.key_used == MSC4143_KEY


def _well_known_places(published: Published) -> list[int]:
    return [place for place, focus in enumerate(published.foci, 1) if focus.entry.source == "well-known"]


def _places_of(entries: Sequence[Entry], foci: Sequence[FocusReport]) -> list[int]:
    """The places of the entries among the foci; each identity is made once, as lists may be long."""
    places: dict[tuple[str | None, str], int] = {}
    for place, focus in enumerate(foci, 1):
        places.setdefault(focus.entry.identity, place)
    identities = [entry.identity for entry in entries]
    return [places[identity] for identity in identities if identity in places]


def _strict_fault(document: WellKnown) -> str | None:
    """What makes the Rust SDK drop the whole list: a bad entry, or no m.homeserver."""
    if not isinstance(document.base_url_value, str):
        return "drops the document because m.homeserver is missing"
    if not isinstance(document.foci_value, list):
        return "drops the document because the value is not a list"
    for place, entry in enumerate(document.entries, 1):
        if _breaks_strict(entry.value):
            return f"drops the whole list because of entry {place}"
    return None


def _breaks_strict(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return True
    return value["type"] == "livekit" and not isinstance(value.get("livekit_service_url"), str)
