"""How often people may have the bot go deep: each time it makes a room somewhere, and shows a token of its own."""

from __future__ import annotations

from collections.abc import Callable

from botkit.config import Rate
from botkit.cooldown import Buckets, CooldownError

COST = 3
"""A deep check counts as this many commands against the rates of sender and room."""

_PER_ROOM = Rate(10, 3600.0)
_IN_ALL = Rate(30, 3600.0)


class DeepBudget:
    """
    Caps deep checks by command, for a room and for the whole bot; watches do not count.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._rooms = Buckets(_PER_ROOM, clock)
        self._all = Buckets(_IN_ALL, clock)

    def take(self, room_id: str, amount: int) -> None:
        """
        Spend ``amount`` deep checks.

        Raises:
            CooldownError: the cap is reached; nothing was taken.
        """
        seconds = max(self._rooms.wait(room_id, amount), self._all.wait("", amount))
        if seconds > 0:
            raise CooldownError(seconds, silent=False)
        self._rooms.take(room_id, amount)
        self._all.take("", amount)
