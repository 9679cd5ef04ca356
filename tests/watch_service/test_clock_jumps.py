"""Somebody sets the machine's clock, and time alone ends silences and forgets what is old."""

from __future__ import annotations

import pytest

from botkit.outbound.model import FailureKind
from botkit.storage import Database
from plugins.foci.watch.timers import Timers
from tests.host.clock import SetClock
from tests.watch_service.internet import DAY, Internet
from tests.watch_service.ops import NOON, Ops

REFUSED = FailureKind.CONNECT_REFUSED
HOUR = 3600.0


class Machine:
    """
    a watch service and what acts by time alone, on one clock.

    Attributes:
        clock: whose time of day is set.
    """

    def __init__(self, database: Database) -> None:
        self.ops = Ops(database, Internet({"a.org": ["rtc"]}))
        self.clock = SetClock(NOON, 1800.0)
        self._reminders = Timers(self.ops.watch_service, self.clock)

    async def lives(self, seconds: float, wrong_by: float = 0.0) -> list[str]:
        """So much time passes while its clock is as wrong as this; what rooms read."""
        self.clock.wrong_by = wrong_by
        await self.clock.during(seconds, self._reminders.run)
        self.ops.at = self.clock.now()
        return await self.ops.lines()

    async def rests(self, seconds: float) -> None:
        """It is off for so long, and starts again."""
        await self.clock.during(seconds, lambda: self.clock.sleep(2 * seconds))
        self.ops.at = self.clock.now()
        self._reminders = Timers(self.ops.restarted(), self.clock)

    async def suffers(self) -> None:
        """A focus is down for a while."""
        self.ops.internet.broken["rtc"] = REFUSED
        await self.ops.checks("a.org", 3)
        self.ops.internet.broken.clear()
        await self.ops.checks("a.org", 2)
        await self.ops.lines()

    async def remembers(self) -> int:
        """Outages that are known."""
        history = await self.ops.watch_service.history("!ops", "a.org", 0, self.ops.at)
        assert history is not None
        return len(history.outages)


@pytest.fixture
async def machine(database: Database) -> Machine:
    machine = Machine(database)
    await machine.ops.watch({"!ops": ["a.org"]})
    await machine.ops.checks("a.org", 1, 0.0)
    return machine


@pytest.mark.parametrize("leap", [3 * HOUR, 500 * DAY, -500 * DAY])
async def test_a_silence_lasts_as_long_as_was_asked_for(machine: Machine, leap: float) -> None:
    """Whatever the clock shows meanwhile; what it kept back is told when it ends, and not before."""
    await machine.ops.silence("!ops", "a.org", 2 * HOUR)
    assert await machine.lives(HOUR / 2) == []
    machine.ops.internet.broken["rtc"] = REFUSED
    assert await machine.lives(1800, leap) == []
    assert await machine.ops.checks("a.org", 4) == []
    assert await machine.lives(HOUR / 2) == []
    assert len(await machine.ops.watch_service.silences("!ops")) == 1
    (line,) = await machine.lives(HOUR, leap)
    assert line.startswith("!ops new: ❌")
    assert await machine.ops.watch_service.silences("!ops") == ()


async def test_a_silence_that_ran_out_while_the_bot_was_off_ends_at_the_start(machine: Machine) -> None:
    """And what it kept back is told; one that has time left lasts until then."""
    await machine.ops.silence("!ops", "a.org", 2 * HOUR)
    await machine.ops.silence("!ops", "b.org", 31 * DAY)
    machine.ops.internet.broken["rtc"] = REFUSED
    assert await machine.ops.checks("a.org", 3) == []
    await machine.rests(30 * DAY)
    (line,) = await machine.lives(1800)
    assert line.startswith("!ops new: ❌")
    assert [one.target for one in await machine.ops.watch_service.silences()] == ["b.org"]
    await machine.lives(1.1 * DAY)
    assert await machine.ops.watch_service.silences() == ()


async def test_a_clock_that_leaps_and_is_put_right_costs_no_history(machine: Machine) -> None:
    """However often it does so, in either direction."""
    await machine.suffers()
    await machine.lives(1.5 * DAY)
    for leap in (500 * DAY, 501.5 * DAY, -500 * DAY, 0.0, 402 * DAY):
        await machine.lives(12 * HOUR, leap)
    await machine.lives(1.5 * DAY)
    assert await machine.remembers() == 1


async def test_history_goes_a_day_after_a_rest_that_outlived_it(machine: Machine) -> None:
    """Not at once: a clock that was set while the bot was off looks like a rest."""
    await machine.suffers()
    await machine.lives(HOUR)
    await machine.rests(500 * DAY)
    await machine.lives(HOUR)
    assert await machine.remembers() == 1
    await machine.lives(DAY)
    assert await machine.remembers() == 0
