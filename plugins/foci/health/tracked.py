"""
Which health keys concern a server, from one check to the next.

Nothing goes because a fetch failed, because a list is not confirmed yet, or while answers alternate; of a server whose
list is another one at every fetch only the lists that ``listwatch`` holds are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from plugins.foci.changes.detector import ListState
from plugins.foci.changes.snapshot import NOTHING, ListObservation, Missing, Seen
from plugins.foci.health.keys import Key, KeyKind, certificate_key, focus_key
from plugins.foci.health.samples import WatchedThings
from plugins.foci.model import MAX_ENTRIES, Report
from plugins.foci.report.build import CheckResult


class Origin(StrEnum):
    """Why a key concerns a server: it is the server's own, published in its list, in its endpoint, or presented."""

    OWN = "own"
    LIST = "list"
    ENDPOINT = "endpoint"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Following:
    """
    What a check changed.

    Attributes:
        came: keys that are new, or are there for another reason than before.
        went: keys that no longer concern the server.
    """

    came: Mapping[Key, Origin]
    went: frozenset[Key]


def follow(
    known: Mapping[Key, Origin], checked: CheckResult, watched: WatchedThings, listed: ListObservation, lists: ListState
) -> Following:
    """
    Compare what concerned a server with what a check shows.

    Args:
        listed: what the check proves about the list.
        lists: as they are after the check.
    """
    found = _found(watched)
    settled = _is_settled(listed, lists)
    stays = {key: origin for key, origin in known.items() if not _is_gone(origin, checked.report, settled=settled)}
    if sum(origin is Origin.LIST for origin in (stays | found).values()) > MAX_ENTRIES:
        held, strangers = _held(lists), (Origin.LIST, Origin.CERTIFICATE)
        stays = {key: origin for key, origin in stays.items() if origin not in strangers or key in held}
    kept = {**stays, **found}
    services = {key.label for key in kept if key.kind is KeyKind.FOCUS}
    served = {key for key in known if key.kind is KeyKind.CERTIFICATE and key.label in services}
    visited = {certificate_key(hop.url) for hop in checked.seen.well_known.hops} & known.keys()
    presented = {sighting.key for sighting in watched.certificates}
    kept |= dict.fromkeys(served | visited | presented, Origin.CERTIFICATE)
    came = {key: origin for key, origin in kept.items() if known.get(key) is not origin}
    return Following(came, frozenset(known.keys() - kept.keys()))


def _found(watched: WatchedThings) -> dict[Key, Origin]:
    found = dict.fromkeys(watched.keys, Origin.OWN)
    for key, same in watched.foci.items():
        found[key] = Origin.LIST if same[0].entry.source == "well-known" else Origin.ENDPOINT
    return found


def _held(lists: ListState) -> frozenset[Key]:
    """The foci of every list that is still spoken of."""
    snapshots = (lists.current, lists.previous, lists.candidate, lists.announced)
    entries = (entry for one in snapshots if one is not None for entry in one.published())
    return frozenset(key for entry in entries if (key := focus_key(entry)) is not None)


def _is_settled(listed: ListObservation, lists: ListState) -> bool:
    """Whether the check read the list that is confirmed, and no other is in sight."""
    if lists.candidate is not None or lists.alternating_since is not None:
        return False
    if isinstance(listed, Seen):
        return listed.snapshot == lists.current
    return isinstance(listed, Missing) and lists.current == NOTHING


def _is_gone(origin: Origin, report: Report, *, settled: bool) -> bool:
    """Whether a key that the check does not show no longer concerns the server; certificates go by service."""
    if origin is Origin.ENDPOINT:
        return report.transports.entries is not None or report.transports.endpoint in ("absent", "present")
    return settled
