"""How many deep checks people may ask for: each makes a room at an SFU and shows an OpenID token of the bot."""

from __future__ import annotations

from collections.abc import Callable

from botkit.commands.rate_limit import RateLimitError, TokenBuckets
from botkit.config import Rate
from botkit.config.units import format_rate

COST = 3
"""A deep check counts as this many commands against the rates of sender and room."""

_PER_PERSON = Rate(10, 3600.0)
_PER_ROOM = Rate(10, 3600.0)
_IN_ALL = Rate(30, 3600.0)


class DeepQuota:
    """
    Caps deep checks by command, for a person, for a room and for the whole bot; watches do not count.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._people = TokenBuckets(_PER_PERSON, clock)
        self._rooms = TokenBuckets(_PER_ROOM, clock)
        self._all = TokenBuckets(_IN_ALL, clock)

    def take(self, user_id: str, room_id: str, amount: int, charge: Callable[[int], None]) -> None:
        """
        Spend ``amount`` deep checks, and their price.

        Args:
            charge: spends commands beyond the one that was typed; may raise RateLimitError, having taken nothing.

        Raises:
            RateLimitError: a cap or a rate is reached; nothing was taken.
        """
        waits = (
            (self._people.wait(user_id, amount), f"{format_rate(_PER_PERSON)} deep checks per user"),
            (self._rooms.wait(room_id, amount), f"{format_rate(_PER_ROOM)} deep checks in this room"),
            (self._all.wait("", amount), f"{format_rate(_IN_ALL)} deep checks by this bot"),
        )
        seconds, limit = max(waits)
        if seconds > 0:
            raise RateLimitError(seconds, limit)
        charge(COST * amount - 1)
        self._people.take(user_id, amount)
        self._rooms.take(room_id, amount)
        self._all.take("", amount)
