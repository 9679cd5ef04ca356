"""
What truly was: the course of a trace, in seconds from its beginning.

The stand-in for the network serves it, the accountant reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bench.replay.stretches import Stretches, common, longer, minus, union
from botkit.outbound.model import FailureKind
from plugins.foci.discovery.homeserver import PathState

DAY = 86400.0
HOUR = 3600.0
MINUTE = 60.0


class Manner(StrEnum):
    """How something misbehaves without a failure of the connection."""

    SLOW = "slow"
    CHALLENGE = "challenge"
    HTML = "html"
    CUT_SHORT = "cut short"


Trouble = FailureKind | Manner | int
"""A number is an HTTP status."""

_UNCLEAR = frozenset(
    {
        FailureKind.DNS_SERVFAIL,
        FailureKind.DNS_TIMEOUT,
        FailureKind.DNS_REFUSED,
        FailureKind.NO_ROUTE,
        FailureKind.LOCAL_FAULT,
        Manner.CHALLENGE,
        429,
    }
)


@dataclass(frozen=True, slots=True)
class Span:
    """A trouble from ``start`` until ``end``."""

    start: float
    end: float
    what: Trouble

    @property
    def stretch(self) -> tuple[float, float]:
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class Published:
    """
    What a server publishes from ``start`` on.

    Attributes:
        foci: names of services, in order; None for a well-known without a list.
        absent: the well-known is a 404.
        also: what some of its replicas answer instead.
    """

    start: float
    foci: tuple[str, ...] | None
    endpoint: PathState = "absent"
    absent: bool = False
    also: tuple[str, ...] | None = None

    @property
    def alternates(self) -> bool:
        return self.also is not None


@dataclass(frozen=True, slots=True)
class Presented:
    """A certificate, valid for 90 days, that a service presents from ``start`` on and that ends at ``end``."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Truth:
    """
    Attributes:
        watches: room to the servers watched there, each with its interval in seconds.
        servers: what each publishes, by time.
        troubles: of services, by name.
        unread: troubles of servers' well-knowns.
        certificates: of services; others have one that ends long after the trace.
        cut: troubles of the bot's own network.
        stopped: when the bot does not run.
        jumps: when the machine's clock is set, and by how many seconds.
        askers: rooms to who asked there for the watches by command; the configuration asks for those of all others.
    """

    length: float
    watches: Mapping[str, Mapping[str, float]]
    servers: Mapping[str, tuple[Published, ...]]
    troubles: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    unread: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    certificates: Mapping[str, tuple[Presented, ...]] = field(default_factory=dict)
    cut: tuple[Span, ...] = ()
    stopped: Stretches = ()
    jumps: tuple[tuple[float, float], ...] = ()
    askers: Mapping[str, str] = field(default_factory=dict)

    def until(self, length: float) -> Truth:
        """The first part of it."""

        def cut_short(spans: tuple[Span, ...]) -> tuple[Span, ...]:
            return tuple(replace(one, end=min(length, one.end)) for one in spans if one.start < length)

        return replace(
            self,
            length=length,
            servers={name: tuple(one for one in pubs if one.start < length) for name, pubs in self.servers.items()},
            troubles={name: cut_short(spans) for name, spans in self.troubles.items()},
            unread={name: cut_short(spans) for name, spans in self.unread.items()},
            certificates={
                name: tuple(one for one in presented if one.start < length)
                for name, presented in self.certificates.items()
            },
            cut=cut_short(self.cut),
            stopped=common(self.stopped, ((0.0, length),)),
            jumps=tuple(jump for jump in self.jumps if jump[0] < length),
        )

    @property
    def services(self) -> tuple[str, ...]:
        """Everything that is ever published."""
        lists = [names or () for pubs in self.servers.values() for one in pubs for names in (one.foci, one.also)]
        return tuple(sorted({name for names in lists for name in names}))

    def interval(self, server: str) -> float:
        """The shortest that any room asked for."""
        return min(servers[server] for servers in self.watches.values() if server in servers)

    def published(self, server: str, at: float) -> Published:
        """What a server publishes at a time."""
        return next(one for one in reversed(self.servers[server]) if one.start <= at)

    def trouble(self, service: str, at: float) -> Trouble | None:
        """How a service misbehaves at a time."""
        own = next((one.what for one in self.troubles.get(service, ()) if one.start <= at < one.end), None)
        if own is None and (certificate := self.certificate(service, at)) is not None and certificate.end <= at:
            return FailureKind.TLS_EXPIRED
        return own

    def unreadable(self, server: str, at: float) -> Trouble | None:
        """How a server's well-known misbehaves at a time."""
        return next((one.what for one in self.unread.get(server, ()) if one.start <= at < one.end), None)

    def away(self, at: float) -> Trouble | None:
        """How the bot's own network misbehaves at a time."""
        return next((one.what for one in self.cut if one.start <= at < one.end), None)

    def certificate(self, service: str, at: float) -> Presented | None:
        """Which certificate a service presents at a time; None for one that is of no interest."""
        return next((one for one in reversed(self.certificates.get(service, ())) if one.start <= at), None)

    def publications(self, server: str) -> tuple[tuple[Published, float], ...]:
        """What a server publishes, each with its end."""
        found = self.servers[server]
        return tuple(zip(found, (*(later.start for later in found[1:]), self.length), strict=True))

    def certified(self, service: str) -> tuple[tuple[Presented, float], ...]:
        """The certificates that a service presents, each with the time until which it does."""
        found = self.certificates.get(service, ())
        return tuple(zip(found, (*(later.start for later in found[1:]), self.length), strict=True)) if found else ()

    def publishing(self, service: str, servers: Mapping[str, float]) -> Stretches:
        """When any of these servers publishes a service."""
        found = []
        for server in servers:
            for one, end in self.publications(server):
                if service in (one.foci or ()) or service in (one.also or ()):
                    found.append((one.start, end))
        return union(found)

    def readable(self, service: str) -> Stretches:
        """When the bot can learn anything of a service: a server that publishes it can be read."""
        found: list[tuple[float, float]] = []
        for server in self.servers:
            blind = union(one.stretch for one in self.unread.get(server, ()))
            found += minus(self.publishing(service, {server: 0.0}), blind)
        return union(found)

    def down(self, name: str) -> Stretches:
        """When a service or a server's well-known is certainly broken."""
        spans = (*self.troubles.get(name, ()), *self.unread.get(name, ()))
        found = [one.stretch for one in spans if one.what not in _UNCLEAR and one.what is not Manner.SLOW]
        found += [(max(one.start, one.end), until) for one, until in self.certified(name)]
        return union(found)

    def unclear(self, name: str) -> Stretches:
        """When nothing can be told of it."""
        spans = (*self.troubles.get(name, ()), *self.unread.get(name, ()))
        return minus(union(one.stretch for one in spans if one.what in _UNCLEAR), self.down(name))

    def up(self, name: str) -> Stretches:
        """When it works."""
        return minus(((0.0, self.length),), union((*self.down(name), *self.unclear(name))))

    def crowded(self, window: float) -> Stretches:
        """When so many hosts went bad together that the bot may doubt itself, as it should."""
        hosts = len(self.servers) + len(self.services)
        starts = sorted(
            begin
            for name in (*self.servers, *self.services)
            for begin, _ in union((*self.down(name), *self.unclear(name)))
        )
        found = []
        for at in starts:
            near = sum(at - window <= other <= at + window for other in starts)
            # of the hosts that are looked at within a window some may be missing
            if near >= 3 and near > 0.3 * hosts:
                found.append((at - window, at + 5 * window))
        return union(found)

    def blind(self, interval: float) -> Stretches:
        """When the bot cannot know, until it has looked again."""
        late = 1.1 * interval
        cut = longer(union(one.stretch for one in self.cut), 0.0, late)
        off = longer(self.stopped, 0.0, interval / 3)
        whole = ((0.0, self.length),)
        return common(whole, union((*cut, *off, *self.crowded(late))))
