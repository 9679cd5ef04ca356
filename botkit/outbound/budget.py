"""
How much may be asked of one host: of an address (IPv6: its /64) and of a registrable domain.

What strangers cause is counted over everything they ask for: commands in one budget, watches that they made in another,
so that no command can take away what a watch needs. What the operator asks for is not counted: it grows with what was
configured, and a shared address may serve thousands of configured servers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from botkit.outbound.model import Failure, FailureKind, Phase

_MINUTE = 60.0
_ADVANCE = 12
"""Requests that a party reserves at once: a check is made whole or, where there is no room for it, not begun."""

_MOST_SHARES = 20_000
"""Hosts remembered for each purpose; the longest unasked is forgotten first, and has its whole budget by then."""

_NAT64 = 0x0064_FF9B << 96
_LOW_32 = 0xFFFFFFFF


class Purpose(StrEnum):
    """Each has budgets of its own."""

    COMMAND = "commands"
    WATCH = "watches made in rooms"


@dataclass(frozen=True, slots=True)
class Payer:
    """
    On whose behalf strangers' hosts are asked.

    Attributes:
        who: all that share a name share what one may take, such as everybody of one domain.
    """

    purpose: Purpose
    who: str


@dataclass(slots=True, eq=False)
class Party:
    """
    All requests of one command or one check.

    Attributes:
        payers: all who asked for it, in order: a host is asked at the cost of the first who has something left there.
            Nobody where the operator asked: then budgets do not hold.
        limit: requests and look-ups at most; None for no limit.
        made: requests and look-ups until now.
    """

    payers: tuple[Payer, ...] = ()
    limit: int | None = None
    made: int = 0
    _reserved: dict[Share, tuple[str, int]] = field(default_factory=dict)

    def reserve(self, share: Share, advance: int) -> bool:
        """Whether one more may be asked of a host; the next ones are reserved along with it."""
        who, left = self._reserved.get(share, ("", 0))
        if left == 0:
            paying = next((payer.who for payer in self.payers if share.take(payer.who, advance)), None)
            if paying is None:
                return False
            who, left = paying, advance
        self._reserved[share] = who, left - 1
        return True

    def close(self) -> None:
        """Give back what was reserved and not used."""
        for share, (who, left) in self._reserved.items():
            if left:
                share.give_back(who, left)
        self._reserved.clear()


# Context, not state: whatever is started inside inherits the party of its starter.
_PARTY: ContextVar[Party | None] = ContextVar("outbound_party", default=None)


def current_party() -> Party | None:
    """The party that requests made here belong to."""
    return _PARTY.get()


@contextmanager
def one_party(*payers: Payer, limit: int | None = None) -> Iterator[Party]:
    """
    Requests made inside share slots as one, such as all that a command asks for, and are paid for by ``payers``.

    An outer party continues.
    """
    outer = _PARTY.get()
    if outer is not None:
        yield outer
        return
    party = Party(payers, limit)
    token = _PARTY.set(party)
    try:
        yield party
    finally:
        _PARTY.reset(token)
        party.close()


class Share:
    """
    What may be asked of one host: a token bucket in which every payer leaves as much as it takes.

    So one payer gets half of a full bucket, and a newcomer finds something however many are greedy (dynamic thresholds;
    Choudhury and Hahne, 1998).

    Args:
        size: requests at once.
        rate: requests a second in the long run.
        clock: monotonic seconds.
    """

    def __init__(self, size: float, rate: float, clock: Callable[[], float]) -> None:
        self._size = size
        self._rate = rate
        self._clock = clock
        self._free = size
        self._at = clock()
        self._taken: dict[str, float] = {}

    def take(self, who: str, amount: int) -> bool:
        """Take it if as much is left for others as this payer has then; else nothing."""
        self._refill()
        taken = self._taken.get(who, 0.0) + amount
        if taken > self._free - amount:
            return False
        self._free -= amount
        self._taken[who] = taken
        return True

    def give_back(self, who: str, amount: int) -> None:
        """Of what was taken, so much was not used."""
        amount_held = min(float(amount), self._taken.get(who, 0.0))
        self._free += amount_held
        self._taken[who] = self._taken.get(who, 0.0) - amount_held

    def _refill(self) -> None:
        now = self._clock()
        gained = min(max(0.0, now - self._at) * self._rate, self._size - self._free)
        self._at = now
        if gained <= 0:
            return
        kept = 1 - gained / (self._size - self._free)
        self._free += gained
        self._taken = {who: taken * kept for who, taken in self._taken.items() if taken * kept >= 1}


class Budgets:
    """
    The budgets of all hosts.

    Args:
        per_minute: requests and look-ups to one host, for each purpose: as many at once, and as many a minute after.
        clock: monotonic seconds.
        registrable: the registrable domain of a name (Public Suffix List).
    """

    def __init__(self, per_minute: float, clock: Callable[[], float], registrable: Callable[[str], str]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._registrable = registrable
        self._advance = max(1, min(_ADVANCE, int(per_minute / 4)))
        self._shares: dict[Purpose, OrderedDict[str, Share]] = {purpose: OrderedDict() for purpose in Purpose}

    def look_up(self, name: str) -> Failure | None:
        """Count a look-up in DNS; why it must not be made, None when it may."""
        return self._counted(lambda: self._registrable(name))

    def request(self, host: str, *, literal: bool) -> Failure | None:
        """Count a request against the domain of its host; an IP literal has none."""
        return None if literal else self._over(lambda: self._registrable(host))

    def connection(self, address: str) -> Failure | None:
        """Count a connection to an address; a request makes at least one."""
        return self._counted(lambda: network_of(address))

    def _counted(self, destination: Callable[[], str]) -> Failure | None:
        party = current_party()
        if party is None:
            return None
        if party.limit is not None and party.made >= party.limit:
            return _failure(f"not tested: the bot makes at most {party.limit} requests at a time")
        refused = self._over(destination)
        party.made += refused is None
        return refused

    def _over(self, destination: Callable[[], str]) -> Failure | None:
        party = current_party()
        if party is None or not party.payers:
            return None
        purpose = party.payers[0].purpose
        if party.reserve(self._share(purpose, destination()), self._advance):
            return None
        many = f"{self._per_minute:.0f} requests a minute"
        return _failure(f"not tested: for {purpose} the bot makes at most {many} to one host")

    def _share(self, purpose: Purpose, destination: str) -> Share:
        shares = self._shares[purpose]
        share = shares.get(destination)
        if share is None:
            share = shares[destination] = Share(self._per_minute, self._per_minute / _MINUTE, self._clock)
            if len(shares) > _MOST_SHARES:
                shares.popitem(last=False)
        shares.move_to_end(destination)
        return share


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, also one that an IPv6 address carries, or an IPv6 /64."""
    parsed = ip_address(address)
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    carried = parsed.ipv4_mapped or parsed.sixtofour
    if carried is not None:
        return str(carried)
    if int(parsed) >> 32 == _NAT64 >> 32:
        return str(ip_address(int(parsed) & _LOW_32))
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


def _failure(detail: str) -> Failure:
    return Failure(FailureKind.BUDGET_SPENT, Phase.ADDRESS, detail)
