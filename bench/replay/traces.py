"""Traces by name, each a course of events that once made somebody's monitoring cry wolf or sleep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bench.replay.terms import Terms
from bench.replay.truth import DAY, HOUR, MINUTE, Manner, Presented, Published, Span, Trouble, Truth
from botkit.outbound.model import FailureKind

INTERVAL = 300.0
ROOM, OTHER = "!ops:example.org", "!net:example.org"
REFUSED = FailureKind.CONNECT_REFUSED
Watches = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Trace:
    """A named truth with the limits that hold for it."""

    name: str
    truth: Truth
    terms: Terms = Terms()  # noqa: RUF009 - frozen


def world(servers: int, hours: float, *, interval: float = INTERVAL) -> Truth:
    """Servers that each publish a service of their own and one that all have in common."""
    published = {f"s{number}.example": (Published(0.0, (f"own{number}", "rtc0")),) for number in range(servers)}
    watches: dict[str, dict[str, float]] = {ROOM: dict.fromkeys(published, interval)}
    watches[OTHER] = {server: interval for place, server in enumerate(published) if place % 4 == 0}
    return Truth(hours * HOUR, watches, published)


def spans(*parts: tuple[float, float], what: Trouble = REFUSED) -> tuple[Span, ...]:
    """Troubles by start and length, in seconds."""
    return tuple(Span(start, start + length, what) for start, length in parts)


def _blips() -> Trace:
    """Every focus and well-known fails now and then, never for three checks."""
    base = world(12, 6)
    services = {
        name: spans(*((600.0 + 977 * place + 2900 * turn, 160.0) for turn in range(6)))
        for place, name in enumerate(base.services)
    }
    unread = {
        name: spans(*((1100.0 + 733 * place + 3100 * turn, 170.0) for turn in range(5)), what=502)
        for place, name in enumerate(base.servers)
    }
    return Trace("blips of under three minutes", replace(base, troubles=services, unread=unread))


def _outages() -> Trace:
    base = world(10, 14)
    troubles = {
        "own1": spans((1 * HOUR, 30 * MINUTE), (4 * HOUR, 20 * MINUTE), what=FailureKind.CONNECT_TIMEOUT),
        "own2": spans((2 * HOUR, 6 * HOUR), what=503),
        "own3": spans((1 * HOUR, 12.5 * HOUR), what=FailureKind.TLS_HOSTNAME),
        "rtc0": spans((9 * HOUR, 2 * HOUR), what=FailureKind.DNS_NXDOMAIN),
    }
    return Trace("outages of minutes and hours", replace(base, troubles=troubles))


def _lasting() -> Trace:
    base = world(3, 60, interval=900.0)
    return Trace(
        "an outage of two days", replace(base, troubles={"rtc0": spans((HOUR, 50 * HOUR))}), Terms(lasting=True)
    )


def _flapping() -> Trace:
    base = world(8, 9)
    turns = tuple((HOUR + turn * 20 * MINUTE, 12 * MINUTE) for turn in range(9))
    fast = tuple((HOUR + turn * 4 * MINUTE, 2 * MINUTE) for turn in range(40))
    return Trace("flapping", replace(base, troubles={"own1": spans(*turns), "own2": spans(*fast)}))


def _crowd() -> Trace:
    base = world(200, 2.2)
    return Trace("a focus of 200 servers is down", replace(base, troubles={"rtc0": spans((HOUR, 35 * MINUTE))}))


def _cut_off(what: Trouble, name: str) -> Trace:
    base = world(30, 5)
    cut = spans((HOUR, 10 * MINUTE), (2.5 * HOUR, 45 * MINUTE), what=what)
    return Trace(name, replace(base, cut=cut, troubles={"own5": spans((2.6 * HOUR, HOUR))}))


def _reorder() -> Trace:
    lists = (("a", "b"), ("b", "a"), ("a", "b"), ("b",), ("b", "c"), None, ("c",))
    times = (0.0, 1.0, 2.5, 4.0, 5.5, 7.0, 8.5)
    servers = {"s0.example": tuple(Published(at * HOUR, names) for at, names in zip(times, lists, strict=True))}
    brief = [Published(0.0, ("a", "b"))]
    for turn in range(20):
        at = HOUR + turn * 1511.0
        brief += [Published(at, ("b", "a")), Published(at + 18.0, ("a", "b"))]
    servers["s1.example"] = tuple(brief)
    servers["s2.example"] = (Published(0.0, ("a",)), Published(3 * HOUR, (), "absent"), Published(6 * HOUR, ("a",)))
    watches: Watches = {ROOM: dict.fromkeys(servers, INTERVAL), OTHER: {"s0.example": INTERVAL}}
    return Trace("lists reordered, reverted, changed", Truth(10 * HOUR, watches, servers))


def _replicas() -> Trace:
    servers = {
        "s0.example": (
            Published(0.0, ("a", "b")),
            Published(HOUR, ("a", "b"), also=("b",)),
            Published(7 * HOUR, ("b",)),
        ),
        "s1.example": (Published(0.0, ("c",)),),
    }
    return Trace("replicas that disagree", Truth(10 * HOUR, {ROOM: dict.fromkeys(servers, INTERVAL)}, servers))


def _migration() -> Trace:
    servers = {
        "s0.example": (
            Published(0.0, ("a",)),
            Published(HOUR, ("a",), "present"),
            Published(2 * HOUR, None, "present"),
        ),
        "s1.example": (Published(0.0, ("b",), "open"), Published(2 * HOUR, ("b",), "open", absent=True)),
        "s2.example": (Published(0.0, ("c",)), Published(2 * HOUR, ("c",), absent=True), Published(3 * HOUR, ("c",))),
    }
    return Trace("migrations to the endpoint", Truth(4 * HOUR, {ROOM: dict.fromkeys(servers, INTERVAL)}, servers))


def _unread() -> Trace:
    base = world(7, 30)
    kinds: tuple[Trouble, ...] = (500, Manner.HTML, Manner.CUT_SHORT, FailureKind.TLS_EXPIRED, FailureKind.DNS_NXDOMAIN)
    unread = {f"s{place}.example": spans((HOUR, 26 * HOUR), what=what) for place, what in enumerate(kinds[:3])}
    unread |= {f"s{place + 3}.example": spans((3 * HOUR, 4 * HOUR), what=what) for place, what in enumerate(kinds[3:])}
    return Trace("fetches that fail for a day", replace(base, unread=unread), Terms(lasting=True))


def _certificates() -> Trace:
    base = world(2, 16 * 24, interval=1800.0)
    certificates = {
        "own0": (Presented(0.0, 14.5 * DAY), Presented(15 * DAY, 105 * DAY)),
        "own1": (Presented(0.0, 15 * DAY), Presented(6 * DAY, 96 * DAY)),
        "rtc0": (Presented(0.0, 8 * DAY), Presented(7.5 * DAY, 98 * DAY)),
    }
    return Trace("certificates near their end", replace(base, certificates=certificates))


def _jumps() -> Trace:
    base = world(10, 10)
    troubles = {"own1": spans((1.5 * HOUR, HOUR), (5.8 * HOUR, HOUR)), "own2": spans((8 * HOUR, HOUR))}
    pubs = (Published(0.0, ("own3", "rtc0")), Published(2.2 * HOUR, ("rtc0", "own3")))
    servers = {**base.servers, "s3.example": (*pubs, Published(6.2 * HOUR, ("own3",)))}
    jumps = ((2 * HOUR, 3 * HOUR), (6 * HOUR, -5 * HOUR), (9 * HOUR, 400 * DAY))
    return Trace("the clock is set", replace(base, troubles=troubles, servers=servers, jumps=jumps))


def _restarts() -> Trace:
    base = world(12, 8)
    stopped = ((70 * MINUTE, 71 * MINUTE), (3 * HOUR, 4 * HOUR), (5 * HOUR + 65, 5 * HOUR + 80))
    troubles = {
        "own1": spans((HOUR + 5 * MINUTE, HOUR)),
        "own2": spans((2.5 * HOUR, HOUR)),
        "own3": spans((3.3 * HOUR, 2 * HOUR)),
        "own4": spans((3.1 * HOUR, 0.5 * HOUR)),
    }
    pubs = (
        Published(0.0, ("own5", "rtc0")),
        Published(3.5 * HOUR, ("rtc0",)),
        Published(5 * HOUR + 50, ("own5", "rtc0")),
    )
    servers = {**base.servers, "s5.example": pubs}
    return Trace("restarts in the middle", replace(base, troubles=troubles, servers=servers, stopped=stopped))


def _slow() -> Trace:
    base = world(10, 6)
    troubles = {name: spans((HOUR, 4 * HOUR), what=Manner.SLOW) for name in ("rtc0", "own1", "own2")}
    return Trace("slow, and well", replace(base, troubles=troubles))


def _challenges() -> Trace:
    base = world(8, 7)
    troubles = {
        "own1": spans((HOUR, 3 * HOUR), what=Manner.CHALLENGE),
        "own2": spans((HOUR, 20 * MINUTE), what=Manner.CHALLENGE),
        "own3": spans((HOUR, 3 * HOUR), what=FailureKind.DNS_SERVFAIL),
        "own4": (*spans((HOUR, HOUR)), *spans((2 * HOUR, 2 * HOUR), what=429)),
    }
    unread = {"s5.example": spans((HOUR, 3 * HOUR), what=Manner.CHALLENGE)}
    return Trace("challenges and resolvers that fail", replace(base, troubles=troubles, unread=unread))


def _provider() -> Trace:
    base = world(24, 6)
    names = [f"own{number}" for number in range(0, 24, 3)]
    return Trace(
        "a third of all foci is down", replace(base, troubles={name: spans((HOUR, 2 * HOUR)) for name in names})
    )


def _silent() -> Trace:
    base = world(40, 5)
    unread = {f"s{number}.example": spans((HOUR, 2 * HOUR), what=FailureKind.CONNECT_TIMEOUT) for number in range(12)}
    troubles = {"own30": spans((1.5 * HOUR, HOUR))}
    return Trace("servers that swallow everything", replace(base, troubles=troubles, unread=unread))


NAMED: Mapping[str, Callable[[], Trace]] = {
    "blips": _blips,
    "outages": _outages,
    "lasting": _lasting,
    "flapping": _flapping,
    "crowd": _crowd,
    "cut-refused": lambda: _cut_off(REFUSED, "own network down, refused"),
    "cut-timeout": lambda: _cut_off(FailureKind.CONNECT_TIMEOUT, "own network down, timed out"),
    "cut-resolver": lambda: _cut_off(FailureKind.DNS_SERVFAIL, "own resolver down"),
    "reorder": _reorder,
    "replicas": _replicas,
    "migration": _migration,
    "unread": _unread,
    "certificates": _certificates,
    "jumps": _jumps,
    "restarts": _restarts,
    "slow": _slow,
    "challenges": _challenges,
    "provider": _provider,
    "silent": _silent,
}
