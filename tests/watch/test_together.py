"""The schedule with the real watch service, outbox and SQLite, on a simulated clock; checks alone are stand-ins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest

from botkit.outbound.model import FailureKind
from lab.simulation import SimulatedClock, SimulatedLoop, simulate
from plugins.foci.alerts.silences import Silence
from plugins.foci.watch.limiter import ConcurrencyLimiter
from plugins.foci.watch.runner import ScheduledCheck
from plugins.foci.watch.scheduler import Scheduler, WatchResult
from plugins.foci.watch.timers import Timers
from tests.watch_service.internet import Internet
from tests.watch_service.ops import NOON, Ops, opened

Result = TypeVar("Result")
MINUTE, HOUR = 60.0, 3600.0


class ScheduleRuntime:
    """
    A bot that watches, over restarts.

    Attributes:
        started: when which server was checked, and whether it was to confirm.
        looked: set by every check.
    """

    def __init__(self, ops: Ops) -> None:
        self.ops = ops
        self.clock = SimulatedClock(NOON)
        self.started: list[tuple[float, str, bool]] = []
        self.looked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """As after a start: everything that is known is in the database."""
        self.ops.restarted()
        scheduler = Scheduler(self, self._inspect, ConcurrencyLimiter(64, self.clock), self.clock)
        self._tasks = [asyncio.ensure_future(scheduler.run()), asyncio.ensure_future(Timers(self, self.clock).run())]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        assert all(task.cancelled() for task in self._tasks), self._tasks
        await _held(self.ops.watch_service.flush())

    async def run(self, seconds: float) -> list[str]:
        """Let it watch for so long; the first lines that rooms read."""
        await self.begin()
        await asyncio.sleep(seconds)
        await self.end()
        return await _held(self.ops.lines())

    def times(self, server: str, since: float = 0.0) -> list[float]:
        return [at for at, name, _ in self.started if name == server and at >= since]

    async def schedule(self) -> tuple[ScheduledCheck, ...]:
        return await _held(self.ops.watch_service.schedule())

    async def take(self, outcome: WatchResult, now: float) -> tuple[ScheduledCheck, ...]:
        self.ops.at = now
        return await _held(self.ops.watch_service.take(outcome, now))

    async def remind(self, now: float) -> None:
        self.ops.at = now
        await _held(self.ops.watch_service.remind(now))

    async def silences(self) -> tuple[Silence, ...]:
        return await _held(self.ops.watch_service.silences())

    async def lift(self, over: Collection[Silence], now: float) -> bool:
        self.ops.at = now
        return await _held(self.ops.watch_service.lift(over, now))

    async def forget(self, now: float) -> None:
        await _held(self.ops.watch_service.forget(now))

    async def next_reminder(self) -> float | None:
        return await _held(self.ops.watch_service.next_reminder())

    async def _inspect(self, due: ScheduledCheck) -> WatchResult:
        now = self.clock.now()
        self.started.append((now - NOON, due.server, due.confirm))
        self.looked.set()
        await asyncio.sleep(0.2)
        if due.confirm:
            return self.ops.internet.confirmation(due.server, now)
        return self.ops.internet.check(due.server, now, ignore=due.ignore)


async def _held(work: Awaitable[Result]) -> Result:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    with loop.held():
        return await work


def playing(directory: Path, internet: Internet, play: Callable[[ScheduleRuntime], Awaitable[None]]) -> None:
    async def whole() -> None:
        database = await _held(opened(f"sqlite:///{directory / 'foci.db'}"))
        try:
            await play(ScheduleRuntime(Ops(database, internet)))
        finally:
            await _held(database.close())

    simulate(whole())


def test_an_outage_is_looked_at_closely_told_once_and_resolved(tmp_path: Path) -> None:
    """Every 5 minutes while well, every 100 seconds while in doubt, every 5 minutes while it lasts, then closely."""
    internet = Internet({"a.example": ["rtc"], "other.example": ["else"]})

    async def play(runtime: ScheduleRuntime) -> None:
        await _held(runtime.ops.watch({"!ops": ["a.example", "other.example"]}))
        assert await runtime.run(HOUR) == []
        well = runtime.times("a.example")
        assert [later - earlier for earlier, later in pairwise(well)] == pytest.approx([300.2] * (len(well) - 1), abs=2)
        internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
        (fired,) = await runtime.run(HOUR)
        assert fired.startswith("!ops new: ❌ rtc.example.org is down since ")
        bad = runtime.times("a.example", HOUR)
        assert [later - earlier for earlier, later in pairwise(bad[:4])] == pytest.approx([100.2, 100.2, 300.2], abs=2)
        internet.broken.clear()
        closed, resolved = await runtime.run(HOUR)
        assert closed.startswith("!ops edit: ")
        assert resolved.startswith("!ops reply: ✅ rtc.example.org recovered at ")
        good = runtime.times("a.example", 2 * HOUR)
        assert [later - earlier for earlier, later in pairwise(good[:3])] == pytest.approx([100.2, 300.2], abs=2)

    playing(tmp_path, internet, play)


def test_restarts_neither_skip_nor_hurry_checks(tmp_path: Path) -> None:
    """Stopped and started every few minutes, each of 12 servers keeps its pace all the same."""
    internet = Internet({f"s{number}.example": ["rtc"] for number in range(12)})

    async def play(runtime: ScheduleRuntime) -> None:
        await _held(runtime.ops.watch({"!ops": list(internet.servers)}))
        for minutes in (7, 1, 13, 2, 5, 11, 3, 18):
            await runtime.run(minutes * MINUTE)
            await asyncio.sleep(5)
        for server in internet.servers:
            gaps = [later - earlier for earlier, later in pairwise(runtime.times(server))]
            assert len(gaps) >= 11
            assert min(gaps) >= 299
            assert max(gaps) <= 320

    playing(tmp_path, internet, play)


def test_a_changed_list_is_looked_at_again_after_twenty_seconds(tmp_path: Path) -> None:
    """Told once it is confirmed; a list that is back by then is not told at all."""
    internet = Internet({"a.example": ["one", "two"]})

    async def play(runtime: ScheduleRuntime) -> None:
        await _held(runtime.ops.watch({"!ops": ["a.example"]}))
        await runtime.run(MINUTE)
        internet.servers["a.example"].foci = ["two", "one"]
        (changed,) = await runtime.run(10 * MINUTE)
        assert "a.example changed its foci list" in changed
        ((at, _, _),) = [one for one in runtime.started if one[2]]
        seen = max(before for before, _, confirm in runtime.started if before < at and not confirm)
        assert at - seen == pytest.approx(20.2, abs=0.5)
        runtime.started.clear()
        runtime.looked.clear()
        await runtime.begin()
        internet.servers["a.example"].foci = ["one"]
        await runtime.looked.wait()
        await asyncio.sleep(5)
        internet.servers["a.example"].foci = ["two", "one"]
        await asyncio.sleep(10 * MINUTE)
        await runtime.end()
        assert [confirm for _, _, confirm in runtime.started][:2] == [False, True]
        assert await _held(runtime.ops.lines()) == []

    playing(tmp_path, internet, play)


def test_reminders_come_by_themselves(tmp_path: Path) -> None:
    """After twelve hours, as nobody acknowledged it; and the end of a silence tells what it kept back."""
    internet = Internet({"a.example": ["rtc"]})
    internet.broken["rtc"] = FailureKind.CONNECT_REFUSED

    async def play(runtime: ScheduleRuntime) -> None:
        await _held(runtime.ops.watch({"!ops": ["a.example"]}))
        runtime.ops.at = runtime.clock.now()
        await _held(runtime.ops.silence("!net", "a.example", 10 * MINUTE))
        await _held(runtime.ops.watch({"!net": ["a.example"]}))
        assert [line.split(":")[0] for line in await runtime.run(9 * MINUTE)] == ["!ops new"]
        assert [line.split(":")[0] for line in await runtime.run(3 * MINUTE)] == ["!net new"]
        (reminder,) = await runtime.run(12 * HOUR - 5 * MINUTE)
        assert reminder.startswith("!ops reply: ")
        assert "still" in reminder

    playing(tmp_path, internet, play)


def test_another_room_makes_it_faster_for_all(tmp_path: Path) -> None:
    """The shortest interval that any room asked for, and the longer one again when it asks no more."""
    internet = Internet({"a.example": ["rtc"]})

    async def play(runtime: ScheduleRuntime) -> None:
        await _held(runtime.ops.watch({"!slow": ["a.example"]}, 1800.0))
        await _held(runtime.ops.watch({"!fast": ["a.example"]}, 60.0))
        await runtime.run(10 * MINUTE)
        assert len(runtime.times("a.example")) == 10
        await _held(runtime.ops.watch_service.unwatch("!fast", "a.example", runtime.clock.now()))
        await runtime.run(2 * HOUR)
        assert len(runtime.times("a.example", 10 * MINUTE)) == 4

    playing(tmp_path, internet, play)
