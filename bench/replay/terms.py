"""What the contract allows in time: how soon something must be told, and how soon it cannot be known yet."""

from __future__ import annotations

from dataclasses import dataclass

from bench.replay.truth import DAY, HOUR

JITTER = 0.1
_CHECK = 12.0
"""Seconds that a check may take: a time-out and what goes before it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """
    The limits of one trace, by design section 8.

    Attributes:
        failures, recoveries: checks in a row.
        confirm: seconds until a list is fetched again.
        reminder: seconds between reminders.
        lasting: something is down for more than a day, so checks may be rarer.
    """

    failures: int = 3
    recoveries: int = 2
    confirm: float = 20.0
    reminder: float = 12 * HOUR
    lasting: bool = False

    def step(self, interval: float) -> float:
        """Seconds between two checks of something in doubt."""
        return max(20.0, interval / 3)

    def regular(self, interval: float) -> float:
        """Seconds within which a check happens."""
        slowest = max(interval, min(4 * interval, HOUR)) if self.lasting else interval
        return slowest * (1 + JITTER) + _CHECK

    def fires_within(self, interval: float) -> float:
        """Whatever is down for so long is told."""
        return self.regular(interval) + (self.failures - 1) * (self.step(interval) * (1 + JITTER) + _CHECK)

    def fires_after(self, interval: float) -> float:
        """Whatever is down for less is not."""
        return max(0.0, (self.failures - 1) * self.step(interval) * (1 - JITTER) - 2.0)

    def resolves_within(self, interval: float) -> float:
        """Whatever is up again for so long is told."""
        return self.regular(interval) + (self.recoveries - 1) * (self.step(interval) * (1 + JITTER) + _CHECK)

    def resolves_after(self, interval: float) -> float:
        """Whatever is up for less is not."""
        return max(0.0, (self.recoveries - 1) * self.step(interval) * (1 - JITTER) - 2.0)

    def unclear_within(self, interval: float) -> float:
        """Whatever cannot be told for so long is told to be so; once a day at most."""
        return 3 * self.failures * self.regular(interval)

    def unclear_after(self, interval: float) -> float:
        """Whatever cannot be told for less is not."""
        return (3 * self.failures - 1) * self.step(interval) * (1 - JITTER) - 2.0

    def changes_within(self, interval: float, *, absent: bool) -> float:
        """Another list that stays for so long is told."""
        times = self.failures if absent else 1
        return times * self.regular(interval) + self.confirm + 2 * _CHECK


NOTICE_PAUSE = DAY
CALM = HOUR
"""Seconds without another turn after which flapping or alternating is over."""

MANY = 3
"""Turns within that time from which only one message tells of all."""
