"""
Certificates near their end: alerts at 14, 7 and 1 days, each once per certificate.

The expiry itself is not reported here: the probe fails then, and ``health`` reports that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from plugins.foci.health.events import AlertEvent, Cause, EventKind
from plugins.foci.health.keys import Key
from plugins.foci.serialise import Codec

DAY = 86400.0
DAYS = (14, 7, 1)
LEAST_LIFETIMES = 3
"""Each threshold applies to certificates with a lifetime three times as long: others are renewed later than that."""

_REMEMBERED = 8
"""Certificates of one host whose reports are remembered: replicas may present different ones."""


@dataclass(frozen=True, slots=True)
class PresentedCertificate:
    """
    A certificate that was presented and accepted.

    Attributes:
        identity: the same for the same certificate only.
        not_before, not_after: seconds since the epoch.
    """

    key: Key
    identity: str
    not_before: float
    not_after: float


@dataclass(frozen=True, slots=True)
class CertificateState:
    """
    What was reported of the certificates at one host and port.

    Attributes:
        told: identity and the fewest days reported of it, oldest first.
        open_since: when the one that is not replaced yet was first reported; None when nothing is open.
        expires: its end.
        renewed: sightings in a row of certificates that need no report, while something is open.
    """

    told: tuple[tuple[str, int], ...] = ()
    open_since: float | None = None
    expires: float = 0.0
    renewed: int = 0


CODEC = Codec(CertificateState)


def step(
    state: CertificateState, seen: PresentedCertificate, now: float, recoveries: int
) -> tuple[CertificateState, tuple[AlertEvent, ...]]:
    """
    Take in one sighting.

    Args:
        recoveries: sightings in a row of a certificate with time left that resolve it.
    """
    if seen.not_after <= now:
        return state, ()
    days = _days(seen, now)
    if days is None:
        return _renewed(state, seen, now, recoveries)
    state = replace(state, renewed=0)
    known = dict(state.told)
    if known.get(seen.identity, DAYS[0] + 1) <= days:
        return state, ()
    known.pop(seen.identity, None)
    told = (*known.items(), (seen.identity, days))[-_REMEMBERED:]
    kind = EventKind.FIRED if state.open_since is None else EventKind.NEARER
    since = now if state.open_since is None else min(state.open_since, now)
    state = replace(state, told=told, open_since=since, expires=seen.not_after)
    return state, (_event(kind, seen.key, state, now),)


def drop(state: CertificateState, key: Key, now: float) -> tuple[AlertEvent, ...]:
    """Events when the key is dropped, as in ``health.drop``."""
    return () if state.open_since is None else (_event(EventKind.DROPPED, key, state, now),)


def _days(seen: PresentedCertificate, now: float) -> int | None:
    """The fewest of the days before the end that are reached; None before the first."""
    lifetime = seen.not_after - seen.not_before
    reached = [days for days in DAYS if seen.not_after - now <= days * DAY and lifetime >= LEAST_LIFETIMES * days * DAY]
    return min(reached, default=None)


def _renewed(
    state: CertificateState, seen: PresentedCertificate, now: float, recoveries: int
) -> tuple[CertificateState, tuple[AlertEvent, ...]]:
    if state.open_since is None:
        return state, ()
    state = replace(state, renewed=state.renewed + 1)
    if state.renewed < recoveries:
        return state, ()
    event = replace(_event(EventKind.RESOLVED, seen.key, state, now), ended=now, expires=seen.not_after)
    return replace(state, open_since=None, expires=0.0, renewed=0), (event,)


def _event(kind: EventKind, key: Key, state: CertificateState, now: float) -> AlertEvent:
    since = now if state.open_since is None else min(state.open_since, now)
    return AlertEvent(kind, key, now, since, Cause("tls-expiring", outage=False), expires=state.expires)
