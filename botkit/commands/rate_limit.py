"""Rate limits: token buckets with a bounded memory, and what a command costs of them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from botkit.config import Rate
from botkit.config.units import format_rate

CAPACITY = 10_000
"""Keys remembered per rate; the longest untouched is forgotten first."""


REQUESTS = 50
"""Requests to strangers that the price of one command covers: what a check of one server comes to, and some more."""


class RateLimitError(Exception):
    """
    A rate is spent.

    Attributes:
        seconds: until the same request would pass.
        limit: which rate it is, such as "6/min per user"; the bot's own words.
        shared: everybody in the room meets it now.
    """

    def __init__(self, seconds: float, limit: str, *, shared: bool = False) -> None:
        super().__init__(f"try again in {seconds:.0f} s")
        self.seconds = seconds
        self.limit = limit
        self.shared = shared


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class TokenBuckets:
    """One token bucket per key: bursts up to the rate's count, refilled evenly."""

    def __init__(self, rate: Rate, clock: Callable[[], float], capacity: int = CAPACITY) -> None:
        self._rate = rate
        self._clock = clock
        self._capacity = capacity
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, key: str, amount: int) -> float:
        """
        Seconds until ``amount`` may be taken; 0 when it may be taken now.

        An amount beyond the rate's count is let through once the bucket is full, or it never would be.
        """
        missing = min(amount, self._rate.count) - self._bucket(key).tokens
        return max(0.0, missing * self._rate.seconds / self._rate.count)

    def take(self, key: str, amount: int) -> None:
        """Take it, whatever is left; what is missing has to come in before anything else passes."""
        self._bucket(key).tokens -= amount

    def _bucket(self, key: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(float(self._rate.count), now)
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        gained = max(0.0, now - bucket.filled_at) * self._rate.count / self._rate.seconds
        bucket.tokens = min(float(self._rate.count), bucket.tokens + gained)
        bucket.filled_at = now
        return bucket


@dataclass(frozen=True, slots=True)
class _Share:
    """One rate of those that a command spends; the rest as in ``RateLimitError``."""

    buckets: TokenBuckets
    key: str
    limit: str
    shared: bool = False


class RateLimiter:
    """
    A rate per user and a rate per room, spent together or not at all; admins have one of their own instead.

    Args:
        admins: user ids; what they type is not counted against rooms.
    """

    def __init__(
        self, per_user: Rate, per_room: Rate, per_admin: Rate, admins: Collection[str], clock: Callable[[], float]
    ) -> None:
        self._users = TokenBuckets(per_user, clock)
        self._rooms = TokenBuckets(per_room, clock)
        self._admins = TokenBuckets(per_admin, clock)
        self._admin_ids = frozenset(admins)
        self._user_limit = f"{format_rate(per_user)} per user"
        self._room_limit = f"{format_rate(per_room)} in this room"
        self._admin_limit = f"{format_rate(per_admin)} per admin"

    def charge(self, user_id: str, room_id: str, amount: int = 1) -> None:
        """
        Spend ``amount`` of each rate.

        Raises:
            RateLimitError: one of them is spent; nothing was taken from any.
        """
        over = [(share.buckets.wait(share.key, amount), share) for share in self._shares(user_id, room_id)]
        seconds, longest = max(over, key=lambda entry: entry[0])
        if seconds > 0:
            raise RateLimitError(seconds, longest.limit, shared=longest.shared)
        self.owe(user_id, room_id, amount)

    def owe(self, user_id: str, room_id: str, amount: int) -> None:
        """Spend ``amount`` of each rate for what was done already."""
        for share in self._shares(user_id, room_id):
            share.buckets.take(share.key, amount)

    def _shares(self, user_id: str, room_id: str) -> Sequence[_Share]:
        if user_id in self._admin_ids:
            return (_Share(self._admins, user_id, self._admin_limit),)
        user = _Share(self._users, user_id, self._user_limit)
        return (user, _Share(self._rooms, room_id, self._room_limit, shared=True))


class Bill:
    """
    What one command costs: at least what was charged beforehand, more if its requests come to more.

    Args:
        user_id, room_id: who asked, and where.
    """

    def __init__(self, rate: RateLimiter, user_id: str, room_id: str) -> None:
        self._rate = rate
        self._user_id = user_id
        self._room_id = room_id
        self._paid = 0

    def charge(self, amount: int) -> None:
        """
        Pay for so many commands beforehand.

        Raises:
            RateLimitError: a rate is spent; nothing was taken.
        """
        self._rate.charge(self._user_id, self._room_id, amount)
        self._paid += amount

    def settle(self, requests: int) -> None:
        """Pay for what the requests that were made come to beyond that, even if it is more than is left."""
        owed = price(requests) - self._paid
        if owed > 0:
            self._rate.owe(self._user_id, self._room_id, owed)


def price(requests: int) -> int:
    """Commands that so many requests count as."""
    return math.ceil(requests / REQUESTS)
