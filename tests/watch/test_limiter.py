"""How many checks run at once: fewer while the event loop is late, and never none."""

from __future__ import annotations

import asyncio

from lab.simulation import SimulatedClock, simulate
from plugins.foci.watch.limiter import ConcurrencyLimiter


class Crowd:
    """Checks that end when they are told to."""

    def __init__(self, limiter: ConcurrencyLimiter, count: int) -> None:
        self.running: set[str] = set()
        self.ends = {f"s{number}.example": asyncio.Event() for number in range(count)}
        self.tasks = {name: asyncio.ensure_future(self._check(limiter, name)) for name in self.ends}

    async def _check(self, limiter: ConcurrencyLimiter, name: str) -> None:
        async with limiter.place(name):
            self.running.add(name)
            try:
                await self.ends[name].wait()
            finally:
                self.running.discard(name)

    async def end_those_running(self) -> int:
        """Returns how many run then."""
        for name in tuple(self.running):
            self.ends[name].set()
        await asyncio.sleep(0.01)
        return len(self.running)

    async def give_up(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.wait(self.tasks.values())


def test_a_late_event_loop_has_fewer_checks_and_a_prompt_one_all_again() -> None:
    """Half as many, half of that, never less than an eighth; one more with each prompt second."""

    async def play() -> None:
        limiter = ConcurrencyLimiter(64, SimulatedClock())
        crowd = Crowd(limiter, 400)
        await asyncio.sleep(0.01)
        assert len(crowd.running) == 32
        limiter.adapt(0.5)
        assert await crowd.end_those_running() == 16
        limiter.adapt(3.0)
        assert await crowd.end_those_running() == 8
        for _ in range(4):
            limiter.adapt(0.5)
        assert await crowd.end_those_running() == 5
        for _ in range(10):
            limiter.adapt(0.0)
        assert await crowd.end_those_running() == 15
        for _ in range(40):
            limiter.adapt(0.0)
        assert await crowd.end_those_running() == 32
        await crowd.give_up()

    simulate(play())


def test_checks_that_are_given_up_while_they_are_held_back_leave_their_places() -> None:
    """Afterwards as many run as ever."""

    async def play() -> None:
        limiter = ConcurrencyLimiter(64, SimulatedClock())
        first = Crowd(limiter, 32)
        await asyncio.sleep(0.01)
        for _ in range(4):
            limiter.adapt(0.5)
        await first.end_those_running()
        held = Crowd(limiter, 60)
        await asyncio.sleep(0.01)
        assert len(held.running) == 5
        await held.give_up()
        for _ in range(40):
            limiter.adapt(0.0)
        last = Crowd(limiter, 60)
        await asyncio.sleep(0.01)
        assert len(last.running) == 32
        await last.give_up()

    simulate(play())


def test_the_lateness_is_that_of_the_loop() -> None:
    """Work that keeps the loop busy past a timer is what counts; waiting is not."""

    class Recorder(ConcurrencyLimiter):
        def __init__(self) -> None:
            super().__init__(64, Clock())
            self.seen: list[float] = []

        def adapt(self, late: float) -> None:
            self.seen.append(late)

    class Clock(SimulatedClock):
        """Each timer is late by as much as it is told."""

        late = 0.0

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds + self.late)

    async def play() -> None:
        limiter = Recorder()
        task = asyncio.ensure_future(limiter.run())
        await asyncio.sleep(2.5)
        assert limiter.seen == [0.0, 0.0]
        Clock.late = 0.7
        await asyncio.sleep(3)
        assert round(limiter.seen[-1], 3) == 0.7
        task.cancel()
        await asyncio.wait([task])

    simulate(play())
