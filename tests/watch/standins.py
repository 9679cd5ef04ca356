"""Stand-ins around the schedule: a watch service that remembers due times alone, and checks that only take time."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from publicsuffixlist import PublicSuffixList

from plugins.foci.clock import Clock
from plugins.foci.discovery.homeserver import HomeserverAnswer, TransportsAnswer
from plugins.foci.discovery.target import parse_target
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.report.build import CheckResult, CheckSettings, ServerObservation, assemble
from plugins.foci.watch.runner import ConfirmationResult, ScheduledCheck
from plugins.foci.watch.scheduler import WatchResult
from tests.foci.evidence import NOW, answered

_ANSWER = read_answer("example.org", [answered(404)], None)
_SEEN = ServerObservation(
    parse_target("example.org"), _ANSWER, HomeserverAnswer(None, TransportsAnswer()), None, None, {}
)
_CHECKED = CheckResult(_SEEN, assemble(_SEEN, CheckSettings(), PublicSuffixList(), NOW, 1.0), "probe")


class StandInWatchService:
    """
    Attributes:
        dues: what is to do; a server that is not in it is not watched.
        taken: server and time of day of everything that was taken in, in order.
        trouble: raised by the next calls of ``take``, one each.
        read: how often the schedule was asked for.
    """

    def __init__(
        self, clock: Clock, dues: Iterable[ScheduledCheck] = (), *, jitter: float = 0.1, writing: float = 0.0
    ) -> None:
        self.dues: dict[str, tuple[ScheduledCheck, ...]] = defaultdict(tuple)
        for due in dues:
            self.dues[due.server] += (due,)
        self.taken: list[tuple[str, float]] = []
        self.trouble: list[Exception] = []
        self.read = 0
        self._clock = clock
        self._jitter = jitter
        self._writing = writing
        self._chance = Random(7)

    async def schedule(self) -> tuple[ScheduledCheck, ...]:
        self.read += 1
        return tuple(due for dues in self.dues.values() for due in dues)

    async def take(self, outcome: WatchResult, now: float) -> tuple[ScheduledCheck, ...]:
        await self._clock.sleep(self._writing)
        if self.trouble:
            raise self.trouble.pop(0)
        self.taken.append((outcome.server, now))
        if outcome.server not in self.dues:
            return ()
        before = self.dues[outcome.server][0]
        wait = before.interval * (1 + self._jitter * (2 * self._chance.random() - 1))
        self.dues[outcome.server] = (replace(before, at=now + wait, confirm=False),)
        return self.dues[outcome.server]


@dataclass
class Started:
    """One check: of what, when it started and ended by the clock that never jumps; no end when it was given up."""

    due: ScheduledCheck
    at: float
    ended: float | None = None


class StandInChecks:
    """
    Checks that take as long as they are told, and note when they were made.

    Attributes:
        seconds: how long each takes by server, ``usual`` for the others.
        crashing: servers whose check ends in a fault of the bot's own.
    """

    def __init__(self, clock: Clock, *, usual: float = 0.3) -> None:
        self.seconds: dict[str, float] = {}
        self.crashing: set[str] = set()
        self.started: list[Started] = []
        self.usual = usual
        self.most_at_once: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._times: dict[str, list[float]] = defaultdict(list)
        self._clock = clock

    def forget(self) -> None:
        """Start the notes anew."""
        self.started.clear()
        self._times.clear()

    async def inspect(self, due: ScheduledCheck) -> WatchResult:
        started = Started(due, self._clock.passed())
        self.started.append(started)
        self._times[due.server].append(started.at)
        self._under_way[due.server] += 1
        self.most_at_once[due.server] = max(self.most_at_once[due.server], self._under_way[due.server])
        try:
            await asyncio.sleep(self.seconds.get(due.server, self.usual))
        finally:
            self._under_way[due.server] -= 1
        if due.server in self.crashing:
            raise RuntimeError("a bug")
        started.ended = self._clock.passed()
        if due.confirm:
            return ConfirmationResult(due.server, _ANSWER, self._clock.now())
        return replace(_CHECKED, report=replace(_CHECKED.report, server_name=due.server))

    def times(self, server: str) -> list[float]:
        """When the server's checks started."""
        return self._times[server]
