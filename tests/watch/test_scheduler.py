"""The schedule on a simulated clock: pace, fairness, restarts, clocks that jump, faults in the middle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from itertools import pairwise

import pytest

from botkit.tasks import Supervisor
from lab.simulation import SimulatedClock, simulate
from plugins.foci.watch.limiter import SLOW, ConcurrencyLimiter
from plugins.foci.watch.runner import ScheduledCheck
from plugins.foci.watch.scheduler import Scheduler
from tests.watch.standins import StandInChecks, StandInWatchService

MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0


class Scene:
    """A scheduler with stand-ins around it, in simulated time. ``at`` of its dues counts from now."""

    def __init__(
        self, dues: Iterable[ScheduledCheck], *, jitter: float = 0.1, writing: float = 0.0, requests: int = 64
    ) -> None:
        self.clock = SimulatedClock()
        dues = [replace(due, at=due.at + self.clock.now()) for due in dues]
        self.watch_service = StandInWatchService(self.clock, dues, jitter=jitter, writing=writing)
        self.checks = StandInChecks(self.clock)
        self.requests = requests
        self.scheduler = self.restarted()

    def restarted(self) -> Scheduler:
        """Another one, as after a restart: all that it knows is in the watch service."""
        limiter = ConcurrencyLimiter(self.requests, self.clock)
        self.scheduler = Scheduler(self.watch_service, self.checks.inspect, limiter, self.clock)
        return self.scheduler

    async def run(self, seconds: float) -> None:
        """Let it watch for so long."""
        task = asyncio.ensure_future(self.scheduler.run())
        await asyncio.sleep(seconds)
        assert not task.done(), task
        task.cancel()
        await asyncio.wait([task])


def servers(
    count: int, interval: float = 5 * MINUTE, *, at: Callable[[int], float] = lambda _: 0.0
) -> list[ScheduledCheck]:
    return [ScheduledCheck(f"s{number}.example", at(number), interval) for number in range(count)]


def playing(play: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await play()

    simulate(whole())


def test_thousands_of_servers_keep_their_pace() -> None:
    """Each of 2,000 servers is checked once an interval, jitter allowed for, and none late."""

    async def play() -> None:
        scene = Scene(servers(2000, at=lambda number: number * 300 / 2000))
        await scene.run(HOUR)
        for due in servers(2000):
            times = scene.checks.times(due.server)
            assert 11 <= len(times) <= 14
            gaps = [later - earlier for earlier, later in pairwise(times)]
            assert min(gaps) >= 270
            assert max(gaps) <= 332
        assert scene.scheduler.status().lag < 1
        assert max(scene.checks.most_at_once.values()) == 1
        assert scene.watch_service.read == 1

    playing(play)


def test_a_restart_spreads_what_became_due_meanwhile() -> None:
    """After a day off nothing is skipped, all is caught up within an interval, evenly, and never in a burst."""

    async def play() -> None:
        scene = Scene(servers(3000, at=lambda number: -DAY + number))
        await scene.run(5 * MINUTE + 1)
        firsts = sorted(scene.checks.times(due.server)[0] for due in servers(3000))
        assert len(firsts) == 3000
        assert 299 <= firsts[-1] <= 300.5
        busiest = max(sum(start <= at < start + 1 for at in firsts) for start in range(301))
        assert busiest <= 12
        # the most overdue goes first
        assert scene.checks.started[0].due.server == "s0.example"

    playing(play)


def test_the_first_round_of_all_is_spread_as_well() -> None:
    """Ten thousand servers that were never checked begin over their interval, and none waits longer than its own."""

    async def play() -> None:
        often = [ScheduledCheck(f"often{number}.example", 0.0, MINUTE) for number in range(100)]
        scene = Scene([*servers(10_000), *often])
        scene.checks.usual = 0.01
        await scene.run(5 * MINUTE + 1)
        firsts = [scene.checks.times(due.server)[0] for due in servers(10_000)]
        for start in range(0, 300, 30):
            assert 900 <= sum(start <= at < start + 30 for at in firsts) <= 1100
        assert max(scene.checks.times(due.server)[0] for due in often) <= MINUTE + 1

    playing(play)


def test_few_overdue_servers_do_not_wait() -> None:
    """What a short restart delayed is checked at once."""

    async def play() -> None:
        scene = Scene([*servers(5, at=lambda _: -3.0), ScheduledCheck("later.example", 40.0, 5 * MINUTE)])
        await scene.run(30)
        assert [one.at for one in scene.checks.started] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
        await scene.run(15)
        assert scene.checks.times("later.example") == pytest.approx([40.0], abs=0.5)

    playing(play)


def test_black_holes_never_delay_others() -> None:
    """A hundred servers that swallow everything hold up the others once, for seconds, and are checked themselves."""

    async def play() -> None:
        scene = Scene(servers(1000, MINUTE, at=lambda number: number * 0.06), jitter=0.0)
        dead = {f"s{number}.example" for number in range(0, 1000, 10)}
        scene.checks.seconds = dict.fromkeys(dead, 20.0)
        late: list[float] = []
        plain = scene.checks.inspect

        async def noting(due: ScheduledCheck) -> object:
            if due.server not in dead:
                late.append(scene.clock.now() - due.at)
            return await plain(due)

        scene.scheduler = Scheduler(scene.watch_service, noting, ConcurrencyLimiter(64, scene.clock), scene.clock)  # type: ignore[arg-type]
        await scene.run(10 * MINUTE)
        assert len(late) >= 900 * 9
        assert max(late) < SLOW
        assert max(late[900:]) < 0.1
        assert all(len(scene.checks.times(server)) >= 2 for server in dead)

    playing(play)


def test_a_burst_of_new_black_holes_gives_its_places_back() -> None:
    """When more servers than there are places go silent at once, the others wait for seconds, not for time-outs."""

    async def play() -> None:
        scene = Scene([*servers(40, at=lambda _: 0.0), ScheduledCheck("well.example", 9.0, 5 * MINUTE)], requests=16)
        scene.checks.seconds = {f"s{number}.example": 20.0 for number in range(40)}
        await scene.run(MINUTE)
        # 8 places, 40 silent servers: five rounds of SLOW seconds instead of five time-outs
        assert 9 < scene.checks.times("well.example")[0] <= 1 + 5 * SLOW

    playing(play)


def test_a_server_that_answers_again_is_back_among_the_others() -> None:
    """One good check takes a server out of the places for slow ones."""

    async def play() -> None:
        clock = SimulatedClock()
        limiter = ConcurrencyLimiter(8, clock)

        async def check(server: str, seconds: float) -> float:
            async with limiter.place(server):
                started = clock.passed()
                await asyncio.sleep(seconds)
            return started

        await asyncio.gather(check("a", 20), check("b", 20))
        assert await asyncio.gather(check("a", 1), check("b", 1)) == [20, 21]
        assert await asyncio.gather(check("a", 1), check("b", 1)) == [22, 22]
        limiter.forget("a")

    playing(play)


@pytest.mark.parametrize("jump", [-DAY, -HOUR, -90.0, 90.0, HOUR, DAY])
def test_a_clock_that_is_set_neither_stops_nor_hurries_the_watch(jump: float) -> None:
    """Whoever sets the machine's clock changes nothing about the pace."""

    async def play() -> None:
        scene = Scene(servers(50, MINUTE, at=float))
        task = asyncio.ensure_future(scene.scheduler.run())
        await asyncio.sleep(10 * MINUTE)
        scene.clock.offset += jump
        await asyncio.sleep(10 * MINUTE)
        task.cancel()
        await asyncio.wait([task])
        for due in servers(50):
            times = scene.checks.times(due.server)
            gaps = [later - earlier for earlier, later in pairwise(times)]
            assert min(gaps) >= 54
            assert max(gaps) <= 67

    playing(play)


@pytest.mark.parametrize("jump", [-DAY, -2 * HOUR, -150.0, DAY])
def test_a_clock_that_was_set_between_two_runs_does_no_harm(jump: float) -> None:
    """What was written down by another clock is due within an interval or the slowest pace, and not all at once."""

    async def play() -> None:
        scene = Scene(servers(300, MINUTE, at=lambda number: number * 0.2))
        await scene.run(5 * MINUTE)
        scene.clock.offset += jump
        scene.checks.forget()
        scene.restarted()
        await scene.run(8 * MINUTE)
        firsts = [scene.checks.times(due.server)[0] - 5 * MINUTE for due in servers(300)]
        assert max(firsts) <= 7.5 * MINUTE
        assert max(sum(start <= at < start + 1 for at in firsts) for start in range(480)) <= 20

    playing(play)


def test_a_check_that_crashes_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of the bot's own in one check is logged, that server is tried again, and the others go on."""

    async def play() -> None:
        scene = Scene(servers(10, MINUTE))
        scene.checks.crashing = {"s3.example"}
        await scene.run(10 * MINUTE)
        assert len(scene.checks.times("s3.example")) >= 9
        assert all(len(scene.checks.times(f"s{number}.example")) >= 9 for number in range(10))
        assert scene.scheduler.status().broken >= 9
        scene.checks.crashing.clear()
        await scene.run(2 * MINUTE)
        assert "s3.example" in {server for server, _ in scene.watch_service.taken}

    playing(play)
    told = [record for record in caplog.records if "s3.example" in record.getMessage()]
    assert len(told) >= 9
    assert all(record.levelno == logging.ERROR for record in told)


def test_a_lasting_fault_is_told_in_full_only_once(caplog: pytest.LogCaptureFixture) -> None:
    """A full disk breaks every check: one traceback, then one line each, until something works again."""

    async def play() -> None:
        scene = Scene(servers(10, MINUTE))
        scene.watch_service.trouble = [OSError("no space left on device") for _ in range(30)]
        await scene.run(5 * MINUTE)
        assert scene.scheduler.status().broken == 30
        assert len({server for server, _ in scene.watch_service.taken}) == 10

    playing(play)
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_a_shutdown_waits_for_no_check() -> None:
    """Thousands that ask, wait for a place or wait to be taken in are given up in a moment; a restart makes them."""

    async def play() -> None:
        scene = Scene(servers(3000, MINUTE), writing=10.0, requests=2000)
        scene.checks.usual = 4.0
        await scene.run(25)
        assert scene.clock.passed() == 25.0
        status = scene.scheduler.status()
        assert (status.under_way, scene.watch_service.taken[5:]) == (0, scene.watch_service.taken[5:])
        taken = {server for server, _ in scene.watch_service.taken}
        assert 0 < len(taken) < 3000
        scene.checks.forget()
        scene.restarted()
        await scene.run(25)
        assert taken.isdisjoint(one.due.server for one in scene.checks.started)

    playing(play)


def test_a_new_watch_begins_at_once_and_a_removed_one_ends() -> None:
    """``wake`` makes the schedule known that somebody changed."""

    async def play() -> None:
        scene = Scene(servers(2, MINUTE))
        task = asyncio.ensure_future(scene.scheduler.run())
        await asyncio.sleep(90)
        del scene.watch_service.dues["s0.example"]
        scene.watch_service.dues["new.example"] = (ScheduledCheck("new.example", scene.clock.now(), MINUTE),)
        scene.scheduler.wake()
        await asyncio.sleep(1)
        assert scene.checks.times("new.example") == [90.0]
        before = len(scene.checks.times("s0.example"))
        await asyncio.sleep(5 * MINUTE)
        assert len(scene.checks.times("s0.example")) == before
        task.cancel()
        await asyncio.wait([task])

    playing(play)


def test_a_server_unwatched_during_its_check_is_checked_no_more() -> None:
    """The watch service says that nothing is next."""

    async def play() -> None:
        scene = Scene(servers(1, MINUTE))
        scene.checks.usual = 10.0
        task = asyncio.ensure_future(scene.scheduler.run())
        await asyncio.sleep(5)
        scene.watch_service.dues.clear()
        await asyncio.sleep(10 * MINUTE)
        assert len(scene.checks.started) == 1
        assert scene.scheduler.next_due() is None
        task.cancel()
        await asyncio.wait([task])

    playing(play)


def test_a_schedule_read_while_a_check_ends_does_not_undo_what_is_next() -> None:
    """Whatever a check made known meanwhile is newer than what was being read."""

    async def play() -> None:
        scene = Scene(servers(1, MINUTE), jitter=0.0)
        scene.checks.usual = 10.0
        plain = scene.watch_service.schedule

        async def slow() -> tuple[ScheduledCheck, ...]:
            dues = await plain()
            await asyncio.sleep(20)
            return dues

        task = asyncio.ensure_future(scene.scheduler.run())
        await asyncio.sleep(5)
        scene.watch_service.schedule = slow  # type: ignore[method-assign]
        scene.scheduler.wake()
        await asyncio.sleep(40)
        assert scene.checks.times("s0.example") == [0.0]
        await asyncio.sleep(30)
        assert scene.checks.times("s0.example") == [0.0, 70.0]
        task.cancel()
        await asyncio.wait([task])

    playing(play)


def test_a_confirmation_comes_at_its_time_and_never_beside_a_check() -> None:
    """A server is asked one thing at a time, the earlier first."""

    async def play() -> None:
        regular, confirming = (
            ScheduledCheck("s.example", 100.0, 5 * MINUTE),
            ScheduledCheck("s.example", 20.0, 5 * MINUTE, confirm=True),
        )
        scene = Scene([regular, confirming])
        await scene.run(30)
        assert [(one.at, one.due.confirm) for one in scene.checks.started] == [(20.0, True)]
        assert scene.scheduler.status().confirmations == 1
        scene = Scene([replace(regular, at=19.0), confirming])
        scene.checks.usual = 10.0
        await scene.run(60)
        assert [one.due.confirm for one in scene.checks.started] == [False]
        assert scene.checks.most_at_once["s.example"] == 1

    playing(play)


def test_a_confirmation_that_breaks_does_not_take_the_place_of_the_check() -> None:
    """Both stay planned."""

    async def play() -> None:
        scene = Scene(
            [ScheduledCheck("s.example", 30.0, MINUTE), ScheduledCheck("s.example", 20.0, MINUTE, confirm=True)]
        )
        scene.checks.crashing = {"s.example"}
        await scene.run(5 * MINUTE)
        kinds = [one.due.confirm for one in scene.checks.started]
        assert kinds.count(True) >= 4
        assert kinds.count(False) >= 4

    playing(play)


def test_trouble_with_the_database_at_the_start_is_overcome(caplog: pytest.LogCaptureFixture) -> None:
    """Under the host's supervisor the watch begins as soon as the schedule can be read."""

    async def play() -> None:
        scene = Scene(servers(3, MINUTE))
        plain, failures = scene.watch_service.schedule, [OSError("locked"), OSError("locked")]

        async def locked() -> tuple[ScheduledCheck, ...]:
            if failures:
                raise failures.pop()
            return await plain()

        scene.watch_service.schedule = locked  # type: ignore[method-assign]
        supervisor = Supervisor(scene.clock.sleep)
        supervisor.forever("watch", scene.scheduler.run)
        await asyncio.sleep(MINUTE)
        await supervisor.stop()
        assert len(scene.checks.started) >= 3

    playing(play)


def test_the_steps_can_be_taken_one_by_one() -> None:
    """``launch_due``, ``settled`` and ``next_due`` are all that a simulation needs to drive the schedule."""

    async def play() -> None:
        scene = Scene([ScheduledCheck("a.example", 0.0, MINUTE), ScheduledCheck("b.example", 30.0, MINUTE)])
        await scene.scheduler.launch_due()
        assert scene.scheduler.status().under_way == 1
        await scene.scheduler.settled()
        assert [server for server, _ in scene.watch_service.taken] == ["a.example"]
        assert scene.scheduler.next_due() == 30.0
        await scene.scheduler.launch_due()
        assert scene.scheduler.status().under_way == 0

    playing(play)


def test_figures_say_how_late_the_latest_is() -> None:
    """Checks that wait for a place are late, and are counted by their verdict when done."""

    async def play() -> None:
        scene = Scene(servers(20, HOUR), requests=2)
        scene.checks.usual = 4.0
        task = asyncio.ensure_future(scene.scheduler.run())
        await asyncio.sleep(15)
        status = scene.scheduler.status()
        assert 5 < status.lag < 15
        assert status.checks == {"critical": len(scene.watch_service.taken)}
        task.cancel()
        await asyncio.wait([task])

    playing(play)
