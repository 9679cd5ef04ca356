"""Trying again: pauses that grow, short enough to be back within seconds, and never shorter than was asked for."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stamina import AsyncRetryingCaller

Done = TypeVar("Done")

FIRST = 1.0
LONGEST = 8.0


class Backoff:
    """
    Pauses of 1, 2, 4 and so on up to ``longest`` seconds, each up to a tenth longer so that many bots do not
    return at once.

    Args:
        chance: a number from 0 to 1.
    """

    def __init__(self, chance: Callable[[], float] = random.random, longest: float = LONGEST) -> None:
        self._chance = chance
        self._longest = longest
        self._next = FIRST

    def pause(self, asked: float | None = None) -> float:
        """Seconds to wait now; never shorter than the other side ``asked`` for."""
        pause, self._next = self._next, min(self._next * 2, self._longest)
        return max(pause, asked or 0.0) + pause * 0.1 * self._chance()

    def reset(self) -> None:
        """It worked: the next pause is the shortest again."""
        self._next = FIRST


async def insist(
    step: Callable[[], Awaitable[Done]],
    on: tuple[type[Exception], ...],
    waiting: Callable[[str], None],
    *,
    patient: bool = True,
) -> Done:
    """
    Call a step until it raises none of these errors; an error's ``retry_after`` (seconds) is respected.

    Args:
        waiting: called with the error's text before a pause, unless the pause before had the same reason.
        patient: else the first error is raised.
    """
    backoff, told = Backoff(), ""

    def pause(error: Exception) -> bool | float:
        nonlocal told
        if not patient or not isinstance(error, on):
            return False
        if str(error) != told:
            told = str(error)
            waiting(told)
        return backoff.pause(getattr(error, "retry_after", None))

    return await AsyncRetryingCaller(attempts=None, timeout=None).on(pause)(step)
