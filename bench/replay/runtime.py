"""A bot that watches through a trace: everything is real but the network, the homeserver and the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import cast

from sqlalchemy import select

from bench.replay.internet import StandInChecker
from bench.replay.storage import opened
from bench.replay.told import Told
from bench.replay.truth import DAY, Truth
from botkit.matrix.send.notifier import OutboxNotifier
from botkit.outbound import HomeserverReader, Payer, Purpose
from botkit.plugin import Account, Limits, Notifier, Rooms
from botkit.storage import Database
from botkit.storage.json_text import from_json
from botkit.storage.outbox import MessageState, Outbox
from botkit.storage.tables import outbox
from lab.simulation import SimulatedClock, simulate
from plugins.foci.alerts.watches import Watch, WatchSettings
from plugins.foci.watch.watcher import Watcher

NOON = 1_795_435_200.0
"""2026-11-23, 12:00 UTC: the time of day at the beginning of every trace."""

_KEPT = DAY
"""Seconds for which sent messages are kept, as the host does."""


@dataclass(frozen=True, slots=True)
class Played:
    """
    What a trace came to.

    Attributes:
        seconds: of processor time.
    """

    told: tuple[Told, ...]
    checks: int
    seconds: float


class _NoRooms:
    """Stands in for the host's rooms: nobody lives there who could be warned."""

    def joined(self) -> frozenset[str]:
        return frozenset()


class ReplayRuntime:
    """
    Plays a trace.

    Args:
        post: puts something between the watch service and the outbox; tests spoil messages there.
    """

    def __init__(
        self,
        truth: Truth,
        database: Database,
        settings: WatchSettings,
        seed: int,
        post: Callable[[Notifier], Notifier] = lambda notifier: notifier,
    ) -> None:
        self.truth = truth
        self.database = database
        self.clock = SimulatedClock(NOON)
        self.checker = StandInChecker(truth, self.clock, NOON, Random(seed))
        self.told: list[Told] = []
        self._settings = settings
        self._chance = Random(seed + 1)
        self._post = post
        self._outbox = Outbox(database, self._milliseconds)
        self._queued = asyncio.Event()
        self._watcher: Watcher | None = None

    async def play(self, look: Callable[[], Awaitable[None]] | None = None, every: float = 3600.0) -> None:
        """
        From the beginning to the end.

        Args:
            look: called every so many seconds.
        """
        tasks = [asyncio.ensure_future(self._deliver()), asyncio.ensure_future(self._jump())]
        if look is not None:
            tasks.append(asyncio.ensure_future(self._look(look, every)))
        begin = 0.0
        for stop, resume in (*self.truth.stopped, (self.truth.length, self.truth.length)):
            await asyncio.sleep(begin - self.clock.passed())
            await self._start()
            await asyncio.sleep(stop - self.clock.passed())
            await self._stop()
            begin = resume
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    @property
    def broken(self) -> int:
        """Checks that ended in a fault of the bot's own, since it was started."""
        return 0 if self._watcher is None else self._watcher.scheduler.status().broken

    async def _start(self) -> None:
        watches = [
            Watch(room, server, "config", interval)
            for room, servers in self.truth.watches.items()
            if room not in self.truth.askers
            for server, interval in servers.items()
        ]
        account = Account("@foci:watcher.invalid", cast(HomeserverReader, None))
        self._watcher = Watcher(
            self.checker,
            account,
            cast(Rooms, _NoRooms()),
            self.database,
            self._post(OutboxNotifier("foci", self._milliseconds, self._queued.set)),
            Limits(),
            self._settings,
            watches,
            self.clock,
            lambda: 1 + 0.1 * self._chance.uniform(-1, 1),
            partial(Payer, Purpose.WATCH),
        )
        await self._watcher.start()
        service = self._watcher.watch_service
        for room, asker in self.truth.askers.items():
            for server, interval in self.truth.watches[room].items():
                await service.watch(room, server, interval, asker, self.clock.now())
        self._watcher.scheduler.wake()

    async def _stop(self) -> None:
        assert self._watcher is not None
        if self.broken:
            raise RuntimeError(f"{self.broken} checks broke")
        await self._watcher.stop()

    async def _deliver(self) -> None:
        """Stands in for sender and homeserver: every message arrives at once."""
        pruned = 0.0
        while True:
            await self._queued.wait()
            self._queued.clear()
            async with self.database.begin() as connection:
                waiting = outbox.c.state == MessageState.WAITING
                rows = (await connection.execute(select(outbox).where(waiting).order_by(outbox.c.id))).all()
            for row in rows:
                content = from_json(row.content)
                at, text = self.clock.passed(), content["body"]
                self.told.append(Told(at, row.room_id, row.placement, row.about, text, content["msgtype"], row.txn_id))
                await self._outbox.mark_attempted(row.id, "DEVICE")
                await self._outbox.mark_sent(row.id, f"$event{row.id}", anchor=row.placement == "new")
            if self.clock.passed() - pruned > 3600:
                pruned = self.clock.passed()
                await self._outbox.prune(self._milliseconds() - int(_KEPT * 1000))

    async def _jump(self) -> None:
        for at, seconds in self.truth.jumps:
            await asyncio.sleep(at - self.clock.passed())
            self.clock.offset += seconds

    async def _look(self, look: Callable[[], Awaitable[None]], every: float) -> None:
        while True:
            await asyncio.sleep(every)
            await look()

    def _milliseconds(self) -> int:
        return int(self.clock.now() * 1000)


def play(
    truth: Truth,
    directory: Path,
    *,
    settings: WatchSettings | None = None,
    seed: int = 0,
    post: Callable[[Notifier], Notifier] = lambda notifier: notifier,
) -> Played:
    """Play a trace on a new database in a directory."""

    async def whole() -> Played:
        database = await opened(f"sqlite:///{directory / 'replay.db'}")
        try:
            runtime = ReplayRuntime(truth, database, settings or WatchSettings(), seed, post)
            await runtime.play()
            return Played(tuple(runtime.told), runtime.checker.checks, time.process_time() - started)
        finally:
            await database.close()

    started = time.process_time()
    return simulate(whole())
