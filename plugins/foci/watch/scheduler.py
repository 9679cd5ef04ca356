"""The scheduler: starts the check of each watched server when it is due, one at a time per server."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Protocol

from botkit.storage import StorageError
from plugins.foci.clock import Clock
from plugins.foci.health.state import slowest_pace
from plugins.foci.report.build import CheckResult
from plugins.foci.watch.limiter import ConcurrencyLimiter
from plugins.foci.watch.runner import ConfirmationResult, ScheduledCheck

log = logging.getLogger(__name__)

Inspect = Callable[[ScheduledCheck], Awaitable[CheckResult | ConfirmationResult]]
WatchResult = CheckResult | ConfirmationResult

_GAP = 0.2
"""Seconds at most between checks that are overdue together, after a start for instance."""

_RETRY = 300.0
"""Seconds after which a check that broke is tried again, if its interval is not shorter."""

_JITTER = 2.0
"""More than this times the slowest pace is not jitter: the clock was set back since the time was stored."""


class ScheduleStore(Protocol):
    """Stores the schedule and turns checks into notifications. Each call is one transaction."""

    async def schedule(self) -> tuple[ScheduledCheck, ...]:
        """Everything to do for every watched server."""

    async def take(self, outcome: WatchResult, now: float) -> tuple[ScheduledCheck, ...]:
        """
        Take in a check; what is next for this server, nothing when it is no longer watched.

        Cancelled it leaves either nothing or everything.
        """


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """
    How the watching goes.

    Attributes:
        under_way: checks now, those that wait for a place included.
        lag: seconds by which the check that waits longest is late.
        checks: by verdict, since the start.
        confirmations, broken: fetches that confirm a change, and checks that ended in a fault of the bot's own.
    """

    under_way: int
    lag: float
    checks: Mapping[str, int]
    confirmations: int
    broken: int


@dataclass(frozen=True, slots=True)
class _Planned:
    """A due thing and when it is, by the clock that never jumps."""

    at: float
    due: ScheduledCheck


class Scheduler:
    """
    Launches checks when they are due, one at a time per server.

    Due times are remembered by the time of day and kept, while this runs, by a clock that never jumps. So nobody who
    sets the machine's clock makes this hammer or sleep.

    Args:
        inspect: does what is due.
    """

    def __init__(self, store: ScheduleStore, inspect: Inspect, limiter: ConcurrencyLimiter, clock: Clock) -> None:
        self._store = store
        self._inspect = inspect
        self._limiter = limiter
        self._clock = clock
        self._plan: dict[str, tuple[_Planned, ...]] = {}
        self._queue: list[tuple[float, str]] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, float] = {}
        self._taken: set[str] = set()
        self._outdated = True
        self._stirred = asyncio.Event()
        self._checks: Counter[str] = Counter()
        self._confirmations = 0
        self._broken = 0
        self._trouble = ""

    def wake(self) -> None:
        """The schedule was changed from outside: a watch was added or removed."""
        self._outdated = True
        self._stirred.set()

    async def run(self) -> None:
        """Watch until cancelled; what is under way then is given up, and nothing of it is remembered."""
        try:
            while True:
                await self.launch_due()
                await self._rest()
        finally:
            await self.halt()

    async def launch_due(self) -> None:
        """Start everything that is due now."""
        if self._outdated:
            await self._reload()
        passed = self._clock.passed()
        while (at := self.next_due()) is not None and at <= passed:
            _, server = heappop(self._queue)
            self._launch(_first(self._plan[server]))

    def next_due(self) -> float | None:
        """When the next check is to start, by ``Clock.passed``; None when nothing is planned."""
        while self._queue:
            at, server = self._queue[0]
            if server in self._plan and server not in self._tasks and _first(self._plan[server]).at == at:
                return at
            heappop(self._queue)
        return None

    async def settled(self) -> None:
        """Wait for the end of everything under way."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def halt(self) -> None:
        """Give up what is under way."""
        self._outdated = True
        for task in self._tasks.values():
            task.cancel()
        await self.settled()

    def status(self) -> ScheduleStatus:
        """How it goes, now."""
        passed = self._clock.passed()
        late = list(self._waiting.values())
        late += [plan.at for server, plans in self._plan.items() if server not in self._tasks for plan in plans]
        return ScheduleStatus(
            under_way=len(self._tasks),
            lag=max((passed - at for at in late if at < passed), default=0.0),
            checks=dict(self._checks),
            confirmations=self._confirmations,
            broken=self._broken,
        )

    async def _rest(self) -> None:
        """Until the next check is due, or something changed."""
        if self._stirred.is_set() or self._outdated:
            self._stirred.clear()
            return
        until = self.next_due()
        timer = None if until is None else asyncio.ensure_future(self._clock.sleep(until - self._clock.passed()))
        stir = asyncio.ensure_future(self._stirred.wait())
        try:
            await asyncio.wait([stir] if timer is None else [stir, timer], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stir.cancel()
            if timer is not None:
                timer.cancel()
        self._stirred.clear()

    async def _reload(self) -> None:
        self._outdated = False
        self._taken.clear()
        try:
            dues = await self._store.schedule()
        except BaseException:
            self._outdated = True
            raise
        # Of these something newer arrived while the schedule was read.
        self._adopt([due for due in dues if due.server not in self._taken])

    def _adopt(self, dues: Iterable[ScheduledCheck]) -> None:
        """Plan everything anew; what became due meanwhile is spread over an interval, the most overdue first."""
        passed, now = self._clock.passed(), self._clock.now()
        plan = {server: self._plan[server] for server in self._taken & self._plan.keys()}
        overdue = sorted((due for due in dues if due.at <= now), key=lambda due: due.at)
        for place, due in enumerate(overdue):
            share = due.interval * place / len(overdue)
            plan[due.server] = (*plan.get(due.server, ()), _Planned(passed + min(place * _GAP, share), due))
        for due in dues:
            if due.at > now:
                plan[due.server] = (*plan.get(due.server, ()), self._planned(due, passed, now))
        for server in self._plan.keys() - plan.keys():
            self._limiter.forget(server)
        self._plan = plan
        self._queue = [(_first(plans).at, server) for server, plans in plan.items()]
        heapify(self._queue)

    def _planned(self, due: ScheduledCheck, passed: float, now: float) -> _Planned:
        ahead = max(0.0, due.at - now)
        if ahead > slowest_pace(due.interval) * _JITTER:
            ahead %= due.interval
        return _Planned(passed + ahead, due)

    def _launch(self, planned: _Planned) -> None:
        server = planned.due.server
        self._waiting[server] = planned.at
        task = asyncio.create_task(self._attend(planned.due), name=f"watch of {server}")
        self._tasks[server] = task
        task.add_done_callback(lambda _: self._ended(server))

    def _ended(self, server: str) -> None:
        self._tasks.pop(server, None)
        self._waiting.pop(server, None)
        if server in self._plan:
            heappush(self._queue, (_first(self._plan[server]).at, server))
        self._stirred.set()

    async def _attend(self, due: ScheduledCheck) -> None:
        try:
            async with self._limiter.place(due.server):
                self._waiting.pop(due.server, None)
                outcome = await self._inspect(due)
            following = await self._store.take(outcome, self._clock.now())
        except Exception as error:  # noqa: BLE001 - one server's trouble must not end the watch of the others
            self._put_off(due, error)
            return
        self._note(outcome)
        self._taken.add(due.server)
        if following:
            passed, now = self._clock.passed(), self._clock.now()
            self._plan[due.server] = tuple(self._planned(one, passed, now) for one in following)
        else:
            self._plan.pop(due.server, None)
            self._limiter.forget(due.server)

    def _put_off(self, due: ScheduledCheck, error: Exception) -> None:
        """Try again later. Only the first of a kind in a row is logged in full."""
        kind = type(error).__name__
        log.log(
            # a full disk breaks every check, and the database has said so itself
            logging.DEBUG if isinstance(error, StorageError) else logging.ERROR,
            "a check broke, trying again later server=%s confirm=%s error=%s",
            due.server,
            due.confirm,
            kind,
            exc_info=error if kind != self._trouble else None,
        )
        self._broken, self._trouble = self._broken + 1, kind
        again = _Planned(self._clock.passed() + min(due.interval, _RETRY), due)
        others = (plan for plan in self._plan.get(due.server, ()) if plan.due.confirm != due.confirm)
        self._plan[due.server] = (*others, again)

    def _note(self, outcome: WatchResult) -> None:
        self._trouble = ""
        if isinstance(outcome, CheckResult):
            self._checks[outcome.report.verdict.value] += 1
        else:
            self._confirmations += 1


def _first(plans: Iterable[_Planned]) -> _Planned:
    return min(plans, key=lambda plan: plan.at)
