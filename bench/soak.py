"""``make soak``: a day of many watches with faults by chance; what it costs, what is left over, and every alert."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.replay.accountant import audit
from bench.replay.books import Verdict, spread
from bench.replay.chance import by_chance
from bench.replay.runtime import ReplayRuntime
from bench.replay.storage import opened
from bench.replay.traces import Trace
from bench.replay.truth import HOUR
from bench.spread import line_through
from lab.simulation import simulate
from plugins.foci.alerts.watches import WatchSettings

_PAGE = os.sysconf("SC_PAGE_SIZE")
_FEWEST = 8
"""Samples from which a slope says anything."""

_WARM = 6000
"""Checks after half of which everything that is kept once is there: compiled statements, pages of the database."""

_BOUNDS = {"blocks": 0.5, "resident": 400.0, "database": 400.0, "tasks": 0.01, "files": 0.001, "threads": 0.001}
"""What may be added for each check in the second half: whatever is kept of every check adds more than this."""


@dataclass(frozen=True, slots=True)
class Sample:
    """
    What the process holds at a time, in hours of the trace.

    Attributes:
        blocks: pieces of memory that Python has allocated; the notifications that the accountant will read among them.
        resident, database: bytes.
    """

    hours: float
    blocks: int
    resident: int
    tasks: int
    files: int
    threads: int
    database: int


@dataclass(slots=True)
class Soaked:
    """
    What a soak came to.

    Attributes:
        samples: at regular times, while it ran.
        left: tasks, files and threads more than before, after its end.
        seconds: of processor time.
    """

    verdict: Verdict
    checks: int
    checks_an_hour: float
    seconds: float
    samples: list[Sample] = field(default_factory=list)
    left: tuple[int, int, int] = (0, 0, 0)

    def growth(self, name: str) -> float:
        """Bytes or pieces an hour, by a straight line through the second half."""
        later = self.samples[len(self.samples) // 2 :]
        return line_through({one.hours: float(getattr(one, name)) for one in later})[0]


def soak(trace: Trace, directory: Path, seed: int, every: float = HOUR) -> Soaked:
    """Play a trace and look at the process now and then."""
    path = directory / "soak.db"
    before = (_files(), threading.active_count())
    samples: list[Sample] = []

    async def whole() -> Soaked:
        started, others = time.process_time(), len(asyncio.all_tasks())
        database = await opened(f"sqlite:///{path}")
        runtime = ReplayRuntime(trace.truth, database, WatchSettings(), seed)

        async def look() -> None:
            gc.collect()
            samples.append(_sample(runtime.clock.passed() / HOUR, path))

        try:
            await runtime.play(look, every)
        finally:
            await database.close()
        # cancelled tasks of the interpreter's own need a turn to end
        await asyncio.sleep(0)
        spent = time.process_time() - started
        left = len(asyncio.all_tasks()) - others
        verdict = audit(trace.truth, tuple(runtime.told), trace.terms)
        checks = runtime.checker.checks
        return Soaked(verdict, checks, checks * HOUR / trace.truth.length, spent, samples, (left, 0, 0))

    result = simulate(whole())
    gc.collect()
    result.left = (result.left[0], _files() - before[0], threading.active_count() - before[1])
    return result


def complaints(soaked: Soaked) -> list[str]:
    """What is not as it should be."""
    found = [str(one) for one in soaked.verdict.complaints]
    for name, count in zip(("tasks", "files", "threads"), soaked.left, strict=True):
        if count > 0:
            found.append(f"{count} {name} left over")
    if len(soaked.samples) >= _FEWEST and soaked.checks >= _WARM:
        for name, bound in _BOUNDS.items():
            grown = soaked.growth(name) / soaked.checks_an_hour
            if grown > bound:
                found.append(f"{name} grows by {grown:.2f} a check, more than {bound}")
    return found


def _sample(hours: float, path: Path) -> Sample:
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    size = sum(one.stat().st_size for one in path.parent.iterdir())
    return Sample(
        hours, sys.getallocatedblocks(), resident, len(asyncio.all_tasks()), _files(), threading.active_count(), size
    )


def _files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 if anything grew, was left over, or was told wrongly."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--minutes", type=float, default=60.0, help="between two checks of a server")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    interval = options.minutes * 60
    trace = by_chance(options.seed, servers=options.servers, hours=options.hours, interval=interval, faults=0.3)
    watches = sum(len(servers) for servers in trace.truth.watches.values())
    print(f"seed {options.seed}: {options.servers} servers, {watches} watches, {options.hours:g} simulated hours")
    with tempfile.TemporaryDirectory(prefix="foci-soak-") as directory:
        soaked = soak(trace, Path(directory), options.seed)
    verdict = soaked.verdict
    for one in soaked.samples[:: max(1, len(soaked.samples) // 8)]:
        print(
            f"{one.hours:5.1f} h: {one.blocks} blocks, resident {one.resident / 1e6:.0f} MB, {one.tasks} tasks, "
            f"{one.files} files, {one.threads} threads, database {one.database / 1e6:.1f} MB"
        )
    growth = ", ".join(f"{name} {soaked.growth(name) / 1e3:+.1f} kB" for name in ("resident", "database"))
    tasks, files, threads = soaked.left
    print(f"growth an hour in the second half: {soaked.growth('blocks'):+.0f} blocks, {growth}")
    print(f"left over: {tasks} tasks, {files} files, {threads} threads")
    print(
        f"{soaked.checks} checks in {soaked.seconds:.0f} s of processor time "
        f"({1000 * soaked.seconds / soaked.checks:.1f} ms each, measuring included); {verdict.messages} messages, "
        f"{verdict.due} were due, told after {spread(verdict.detected)} intervals (median / most)"
    )
    found = complaints(soaked)
    for line in found:
        print(f"    {line}")
    kinds = ", ".join(f"{verdict.count(kind)} {kind}" for kind in ("false", "missed", "repeated", "strange"))
    print(f"\n{options.servers} servers, {options.hours:g} h: {kinds}; {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
