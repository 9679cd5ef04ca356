"""
Whose silence says something of the bot's own network, counted over a sliding window.

Watches are strangers' words: whoever puts dead hosts there must not make the bot doubt itself, nor whoever puts well
ones there make it sure of itself. So a host counts by who vouches for it, and those that one party put there together
count as one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Tier(StrEnum):
    """
    Who vouches for a host.

    CANARY: the configuration names it for this purpose. CONFIGURED: the configuration watches it, or somebody whom it
    names. OTHER: a room of anybody. BESIDE: the own homeserver where no canary is named; it may stand beside the bot,
    so that its silence says something and its answers do not.
    """

    CANARY = "canary"
    CONFIGURED = "configured"
    OTHER = "other"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True)
class Role:
    """
    What a watched server counts for.

    Attributes:
        party: who put it there, if not the configuration; all that one party put there counts once.
        proves: whether its answers prove that the bot's own connection works.
    """

    tier: Tier
    party: str = ""
    proves: bool = True


@dataclass(frozen=True, slots=True)
class Witnesses:
    """
    Who says something about the bot's own connection.

    Attributes:
        roles: of every watched server and every canary.
        window: seconds in which hosts are compared with each other, and in which an answer proves the connection.
    """

    roles: Mapping[str, Role]
    window: float


class Count(NamedTuple):
    """
    Of some hosts.

    Attributes:
        voters: looked at within the window, and answering or silent only since then: what is dead for long abstains.
        silent: of those, not answering.
        again: of those, answering since the bot suspects itself.
    """

    voters: int = 0
    silent: int = 0
    again: int = 0

    def plus(self, other: Count, sign: int = 1) -> Count:
        """Both together, or without the other."""
        return Count(
            self.voters + sign * other.voters, self.silent + sign * other.silent, self.again + sign * other.again
        )

    @property
    def mostly_silent(self) -> bool:
        """Whether more than half are."""
        return 2 * self.silent > self.voters

    @property
    def half_again(self) -> bool:
        """Whether at least half answer again."""
        return self.voters > 0 and 2 * self.again >= self.voters

    @property
    def as_one(self) -> Count:
        """The same as a single voter."""
        return Count(int(self.voters > 0), int(self.mostly_silent), int(self.half_again))


@dataclass(slots=True)
class _Host:
    """As `Known`; ``counted`` is what it adds to its unit now."""

    unit: str
    looked_at: float | None = None
    silent_since: float | None = None
    counted: Count = field(default_factory=Count)


class Known(NamedTuple):
    """
    What is known of a host that answered before.

    Attributes:
        unit: hosts with the same one count once.
        looked_at: when last; None if not within the window.
    """

    name: str
    unit: str
    looked_at: float | None
    silent_since: float | None


class Panel:
    """
    The hosts of one tier, with counters that a look and the passing of time keep up to date.

    A look costs the same whatever the number of hosts: what leaves the window was looked at once.

    Attributes:
        count: of units, not hosts.
    """

    def __init__(self, hosts: Iterable[Known] = (), since: float | None = None) -> None:
        self.count = Count()
        self._hosts = {one.name: _Host(one.unit, one.looked_at, one.silent_since) for one in hosts}
        self._units: dict[str, Count] = {}
        looked = {name: host.looked_at for name, host in self._hosts.items() if host.looked_at is not None}
        silent = {name: host.silent_since for name, host in self._hosts.items() if host.silent_since is not None}
        # by time, the oldest first
        self._looks = OrderedDict[str, None].fromkeys(sorted(looked, key=lambda name: looked[name]))
        self._silences = OrderedDict[str, None].fromkeys(sorted(silent, key=lambda name: silent[name]))
        self._again: set[str] = set()
        for name in self._hosts:
            self._recount(name, since)

    def __contains__(self, name: str) -> bool:
        return name in self._hosts

    def hosts(self) -> Iterable[Known]:
        """All of them."""
        return (Known(name, one.unit, one.looked_at, one.silent_since) for name, one in self._hosts.items())

    def silent_since(self, name: str) -> float | None:
        """Since when a host is silent; None if it is not, or not among them."""
        host = self._hosts.get(name)
        return None if host is None else host.silent_since

    def look(self, name: str, unit: str, now: float, since: float | None, *, answers: bool) -> bool:
        """
        A host was looked at; returns whether it is new, or began or ended to be silent.

        Args:
            now: not before that of any other look.
            since: when the bot began to suspect itself.
        """
        is_new = name not in self._hosts
        host = self._hosts.setdefault(name, _Host(unit))
        was_silent = host.silent_since is not None
        host.looked_at = now
        self._looks[name] = None
        self._looks.move_to_end(name)
        if answers:
            host.silent_since = None
            self._silences.pop(name, None)
        elif not was_silent:
            host.silent_since = now
            self._silences[name] = None
        self._recount(name, since)
        return is_new or was_silent is answers

    def pass_time(self, looked_after: float, silent_after: float, since: float | None) -> None:
        """Forget looks up to a time, and no longer count hosts that were silent by a time already."""
        while self._looks:
            name = next(iter(self._looks))
            host = self._hosts[name]
            if host.looked_at is not None and host.looked_at >= looked_after:
                break
            del self._looks[name]
            host.looked_at = None
            self._recount(name, since)
        while self._silences:
            name = next(iter(self._silences))
            silent_since = self._hosts[name].silent_since
            if silent_since is not None and silent_since >= silent_after:
                break
            del self._silences[name]
            self._recount(name, since)

    def calm_down(self) -> None:
        """The bot no longer suspects itself."""
        for name in tuple(self._again):
            self._recount(name, None)

    def rebase(self, now: float) -> None:
        """Leave nothing in the future: the clock was set back."""
        for host in self._hosts.values():
            host.looked_at = None if host.looked_at is None else min(host.looked_at, now)
            host.silent_since = None if host.silent_since is None else min(host.silent_since, now)

    def latest(self, since: float, silent_after: float, most: int) -> Count:
        """Of the hosts looked at last, so many at most and none before ``since``; silent only if after a time."""
        units: dict[str, Count] = {}
        for name, _ in zip(reversed(self._looks), range(most), strict=False):
            host = self._hosts[name]
            if host.looked_at is None or host.looked_at < since:
                break
            if host.silent_since is None or host.silent_since >= silent_after:
                one = Count(1, int(host.silent_since is not None))
                units[host.unit] = units.get(host.unit, Count()).plus(one)
        found = Count()
        for unit in units.values():
            found = found.plus(unit.as_one)
        return found

    def _recount(self, name: str, since: float | None) -> None:
        host = self._hosts[name]
        counted = Count()
        if host.looked_at is not None and (host.silent_since is None or name in self._silences):
            silent = host.silent_since is not None
            counted = Count(1, int(silent), int(not silent and since is not None and host.looked_at > since))
        if counted.again:
            self._again.add(name)
        else:
            self._again.discard(name)
        if counted == host.counted:
            return
        before = self._units.get(host.unit, Count())
        after = before.plus(host.counted, -1).plus(counted)
        self._units[host.unit] = after
        host.counted = counted
        self.count = self.count.plus(before.as_one, -1).plus(after.as_one)
