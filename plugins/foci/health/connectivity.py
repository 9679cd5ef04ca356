"""Proof that the bot's own connection works: another host answered lately."""

from __future__ import annotations

from collections.abc import Iterable

from plugins.foci.health.witnesses import Role


class Connectivity:
    """
    Who answered this machine last, as few as any question needs.

    A host of whoever watches the one in question will do: whom they fool is themselves. For others it takes a host that
    the configuration vouches for, or two parties.
    """

    def __init__(self) -> None:
        self._vouched = _Newest(2)
        self._own: dict[str, _Newest] = {}
        self._parties = _Newest(3)
        self._fewest = 1

    def assign(self, roles: Iterable[Role]) -> None:
        """Go by these roles from now on, and forget all other parties."""
        proving = [role for role in roles if role.proves]
        parties = {role.party for role in proving}
        self._own = {party: newest for party, newest in self._own.items() if party in parties}
        # where nobody is vouched for, one party that answers is better than nobody whom an alert would ever be due to
        self._fewest = 2 if "" in parties else 1

    def note(self, hosts: Iterable[str], role: Role, at: float) -> None:
        """These hosts answered when a server of this role was checked."""
        if not role.proves:
            return
        for host in hosts:
            if not role.party:
                self._vouched.note(host, at)
                continue
            self._own.setdefault(role.party, _Newest(2)).note(host, at)
            self._parties.note(role.party, at)

    def proves(self, host: str, role: Role, since: float) -> bool:
        """Whether another host than this one, of a server of this role, answered since: a time-out is its own then."""
        if self._vouched.others(host, since) or self._parties.others(role.party, since) > 1:
            return True
        own = self._own.get(role.party)
        return own is not None and own.others(host, since) > 0

    def works(self, since: float) -> bool:
        """Whether anything that proves the connection to all answered since."""
        return self._vouched.others("", since) > 0 or self._parties.others("", since) >= self._fewest


class _Newest:
    """The few that were seen last, each with its time, the newest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: list[tuple[str, float]] = []

    def note(self, name: str, at: float) -> None:
        # a clock that was set back must not leave a proof in the future
        others = [(other, min(then, at)) for other, then in self._seen if other != name]
        self._seen = [(name, at), *others][: self._most]

    def others(self, name: str, since: float) -> int:
        return sum(other != name and then >= since for other, then in self._seen)
