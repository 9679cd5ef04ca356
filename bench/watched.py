"""
Watches many servers with the real checks and the real storage, in leaps of time; a process of its own for `watching`.

It writes a line of JSON for each round of checks: how many there were and what they cost.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import random
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from bench.many_servers import NAMESERVER, ZONE
from botkit.matrix.send.notifier import OutboxNotifier
from botkit.outbound import HomeserverReader, OutboundClient, OutboundSettings, Purpose
from botkit.plugin import Account, Limits, Rooms
from botkit.storage import Database
from lab.loopback import NETWORK
from plugins.foci.alerts.watches import Watch, WatchSettings
from plugins.foci.checker import Checker
from plugins.foci.plugin import FociPlugin
from plugins.foci.report.build import CheckSettings
from plugins.foci.watch.watcher import Watcher

INTERVAL = 300.0
_STEPS = 50
"""Leaps of time in a round: checks are spread over their interval, as they are where time only passes."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


class LeapingClock:
    """A `plugins.foci.clock.Clock` that also leaps ahead."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._leapt = asyncio.Event()

    def now(self) -> float:
        """See `Clock`."""
        return time.time() + self._ahead

    def passed(self) -> float:
        """See `Clock`."""
        return time.monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        until = self.passed() + seconds
        while (left := until - self.passed()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._leapt.wait()

    def leap(self, seconds: float) -> None:
        """Let so much time go by at once."""
        self._ahead += seconds
        self._leapt.set()
        self._leapt = asyncio.Event()


class _NoRooms:
    """The bot is in no room, so that nobody is warned of anything."""

    def joined(self) -> frozenset[str]:
        return frozenset()

    def suspended(self) -> frozenset[str]:
        return frozenset()


async def watch(directory: Path, servers: int, rounds: int) -> None:
    """Watch so many servers for so many rounds; in the first one everything is asked."""
    database = Database(f"sqlite:///{directory / 'watched.db'}")
    await database.open()
    assert FociPlugin.migrations is not None
    await database.migrate(FociPlugin.name, FociPlugin.migrations)
    settings = OutboundSettings(
        nameservers=(NAMESERVER,), ca_file=directory / "authority" / "ca.pem", allow_private=(NETWORK,)
    )
    clock = LeapingClock()
    async with OutboundClient(settings) as outbound:
        account = Account(f"@foci:watcher.{ZONE}", cast(HomeserverReader, None))
        checker = Checker(
            outbound, account, Limits(), CheckSettings(), lambda: datetime.fromtimestamp(clock.now(), UTC)
        )
        watcher = Watcher(
            checker,
            account,
            cast(Rooms, _NoRooms()),
            database,
            OutboxNotifier(FociPlugin.name, lambda: int(clock.now() * 1000), lambda: None),
            Limits(),
            WatchSettings(),
            [Watch("!ops:example.org", f"s{number}.{ZONE}", "config", INTERVAL) for number in range(servers)],
            clock,
            lambda: 1 + 0.1 * random.uniform(-1, 1),
            partial(outbound.payer, Purpose.WATCH),
        )
        _tell(0, 0, 0.0)
        await watcher.start()
        for _ in range(rounds):
            await _round(watcher, clock)
            sys.stdin.readline()
        await watcher.stop()
    await database.close()


async def _round(watcher: Watcher, clock: LeapingClock) -> None:
    """One interval; what it cost is told, and whether a check found anything but health."""
    while watcher.scheduler.next_due() is None:  # noqa: ASYNC110 - the schedule is being read
        await asyncio.sleep(0.01)
    before, started = watcher.scheduler.status(), time.process_time()
    for _ in range(_STEPS):
        clock.leap(INTERVAL / _STEPS)
        while _is_due(watcher, clock):
            # the scheduler's turn, without counting our own turns as its work
            await asyncio.sleep(0.005)
            await watcher.scheduler.settled()
    after, cpu = watcher.scheduler.status(), time.process_time() - started
    made = sum(after.checks.values()) - sum(before.checks.values())
    good = after.checks.get("ok", 0) - before.checks.get("ok", 0)
    _tell(made, good, cpu)


def _is_due(watcher: Watcher, clock: LeapingClock) -> bool:
    at = watcher.scheduler.next_due()
    return at is not None and at <= clock.passed()


def _tell(made: int, good: int, cpu: float) -> None:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    print(json.dumps({"checks": made, "good": good, "cpu": cpu, "resident": resident}), flush=True)


def main(arguments: Sequence[str]) -> int:
    """Ends when its input does."""
    parser = argparse.ArgumentParser(prog="python -m bench.watched")
    parser.add_argument("directory", type=Path)
    parser.add_argument("servers", type=int)
    parser.add_argument("rounds", type=int)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    asyncio.run(watch(options.directory, options.servers, options.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
