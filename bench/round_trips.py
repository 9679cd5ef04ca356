"""Time to a full verdict through the delay line, as multiples of the round trip and beside testmatrix."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.delay_line import FAR, DelayLine
from bench.far_side import FarSide
from bench.racers import FociBot, Racer, TestMatrix, Time
from bench.seclusion import furnish
from bench.spread import Spread, line_through

_SAMPLES = 9

Times = Mapping[float, Mapping[str, Sequence[Time]]]
"""Seconds of a round trip, a tool, its runs."""


async def measure(python: Path | None, runs: int, round_trips: Sequence[float]) -> str:
    """
    Time every tool in turn at every round trip, and write the tables.

    Args:
        python: of the environment with testmatrix; None to time foci-bot alone.
        round_trips: seconds.
    """
    times: dict[float, dict[str, list[Time]]] = {}
    lines: dict[float, float] = {}
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        side = FarSide(directory)
        furnish(side.hosts, directory)
        async with side:
            racers: list[Racer] = [FociBot(directory, side)]
            if python is not None:
                racers += [TestMatrix(python, side, directory, rtc_only=only) for only in (True, False)]
            for round_trip in round_trips:
                async with DelayLine(round_trip, directory):
                    lines[round_trip] = await hand_shake()
                    times[round_trip] = await race(racers, runs)
                    print(f"  {round_trip * 1000:.0f} ms done", flush=True)
    return tables(times, lines)


async def race(racers: Sequence[Racer], runs: int) -> dict[str, list[Time]]:
    """Every tool in turn, so many times after one that does not count, so that all meet the same disturbances."""
    times: dict[str, list[Time]] = {racer.name: [] for racer in racers}
    for number in range(runs + 1):
        for racer in racers:
            took = await racer.run()
            if number > 0:
                times[racer.name].append(took)
    return times


async def hand_shake() -> float:
    """Seconds that TCP needs to connect through the line, as measured: a round trip and what the line adds."""
    took = []
    for _ in range(_SAMPLES):
        started = time.monotonic()
        _, writer = await asyncio.open_connection(FAR[0], 443)
        took.append(time.monotonic() - started)
        writer.close()
        await writer.wait_closed()
    return statistics.median(took)


def tables(times: Times, lines: Mapping[float, float]) -> str:
    """Markdown: every round trip and tool, and the straight line through each tool's medians."""
    rows = [
        "| round trip | tool | to the verdict, s | in round trips | × foci-bot | whole process, s |",
        _RULE * 6 + "|",
    ]
    for round_trip, by_tool in times.items():
        ours = Spread.of([run.verdict for run in by_tool[FociBot.name]]).median
        for name, runs in by_tool.items():
            verdict = Spread.of([run.verdict for run in runs])
            process = Spread.of([run.process.seconds for run in runs])
            cells = [
                f"{round_trip * 1000:.0f} ms ({lines[round_trip] * 1000:.1f})",
                name,
                verdict.text(2),
                verdict.text(1, 1 / round_trip),
                f"{verdict.median / ours:.1f}",
                process.text(2),
            ]
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join([*rows, "", *_lines(times)] if len(times) > 1 else rows)


_RULE = "| --- "


def _lines(times: Times) -> list[str]:
    rows = ["| tool | round trips (slope) | own work, s (intercept) |", _RULE * 3 + "|"]
    for name in next(iter(times.values())):
        medians = {trip: statistics.median(run.verdict for run in by_tool[name]) for trip, by_tool in times.items()}
        slope, intercept = line_through(medians)
        rows.append(f"| {name} | {slope:.1f} | {intercept:.2f} |")
    return rows
