"""Traces by chance: the same seed gives the same trace."""

from __future__ import annotations

from random import Random

from bench.replay.stretches import Stretches
from bench.replay.traces import OTHER, ROOM, Trace
from bench.replay.truth import HOUR, MINUTE, Manner, Published, Span, Trouble, Truth
from botkit.outbound.model import FailureKind

_BAD: tuple[Trouble, ...] = (
    FailureKind.CONNECT_REFUSED,
    FailureKind.CONNECT_TIMEOUT,
    FailureKind.TLS_UNTRUSTED,
    FailureKind.HTTP_TIMEOUT,
    FailureKind.DNS_NXDOMAIN,
    500,
    Manner.HTML,
)
_OTHER: tuple[Trouble, ...] = (FailureKind.DNS_SERVFAIL, Manner.CHALLENGE)


def by_chance(
    seed: int, *, servers: int = 30, hours: float = 8.0, interval: float = 300.0, faults: float = 1.0
) -> Trace:
    """
    Servers with services, shared ones among them, and troubles of every kind and length.

    Args:
        faults: how many troubles each service has in twelve hours, on average; well-knowns have half as many.
    """
    chance, length = Random(seed), hours * HOUR
    names = [f"f{number}" for number in range(max(4, servers * 2 // 3))]
    pubs = {f"s{number}.example": _published(chance, names, length) for number in range(servers)}
    watches = {
        ROOM: dict.fromkeys(pubs, interval),
        OTHER: {server: chance.choice((interval, 2 * interval)) for server in pubs if chance.random() < 0.3},
    }
    often = faults * hours / 12
    # what is slow to answer is slow to check: a few at a time, as it is out there
    troubles = {name: _troubles(chance, often, length) for name in names}
    unread = {server: _troubles(chance, often / 2, length) for server in pubs}
    cut: tuple[Span, ...] = ()
    if chance.random() < 0.5:
        start = chance.uniform(HOUR, length - 2 * HOUR)
        cut = (Span(start, start + chance.uniform(1, 40) * MINUTE, chance.choice((*_BAD[:2], _OTHER[0]))),)
    stopped: Stretches = ()
    if chance.random() < 0.5:
        start = chance.uniform(HOUR, length - 2 * HOUR)
        stopped = ((start, start + chance.choice((5.0, 60.0, 1200.0))),)
    return Trace(f"by chance, seed {seed}", Truth(length, watches, pubs, troubles, unread, {}, cut, stopped))


def _published(chance: Random, names: list[str], length: float) -> tuple[Published, ...]:
    foci = tuple(chance.sample(names, chance.randint(1, 3)))
    found, at = [Published(0.0, foci)], 0.0
    while chance.random() < 0.4:
        at += chance.choice((15.0, 200.0, HOUR, 2 * HOUR)) * chance.uniform(0.5, 1.5) + (0 if found[1:] else HOUR)
        if at > length - HOUR:
            break
        changed = tuple(chance.sample(foci, len(foci))) if chance.random() < 0.5 else tuple(chance.sample(names, 2))
        if changed != found[-1].foci:
            found.append(Published(at, changed))
    return tuple(found)


def _troubles(chance: Random, often: float, length: float) -> tuple[Span, ...]:
    found, at = [], chance.expovariate(1) * length / max(often, 0.01)
    while at < length:
        lasts = chance.choice((chance.uniform(5, 170), chance.uniform(170, 900), chance.uniform(900, 3 * HOUR)))
        what = chance.choice(_OTHER if chance.random() < 0.1 else _BAD)
        found.append(Span(at, min(length, at + lasts), what))
        at += lasts + chance.expovariate(1) * length / max(often, 0.01)
    return tuple(found)
