"""CPU and memory of ``bot.py check``: one server, and a hundred in one process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.delay_line import DelayLine
from bench.far_side import FarSide
from bench.launch import Launched
from bench.racers import FociBot, WrongAnswerError, reports_of
from bench.seclusion import furnish
from bench.spread import Spread

ROUND_TRIP = 0.05
MANY = 100


async def measure(runs: int, many: int = MANY) -> str:
    """Check one server and many at 50 ms, and write the table."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        side = FarSide(directory, servers=many)
        furnish(side.hosts, directory)
        async with side:
            bot = FociBot(directory, side)
            names = side.servers
            async with DelayLine(ROUND_TRIP, directory):
                await bot.check(names)
                one = [await bot.check(names[:1]) for _ in range(runs)]
                all_of_them = [await bot.check(names) for _ in range(runs)]
    reports = [reports_of(ended) for ended in (*one, *all_of_them)]
    if [len(told) for told in reports] != [1] * runs + [many] * runs:
        raise WrongAnswerError("foci-bot left servers out")
    return table({1: one, many: all_of_them})


def table(measured: dict[int, list[Launched]]) -> str:
    """Markdown: a row for each number of servers."""
    rows = ["| servers | whole process, s | CPU, s | greatest memory, MiB |", "| --- | --- | --- | --- |"]
    for count, runs in measured.items():
        figures = [
            Spread.of([run.seconds for run in runs]).text(2),
            Spread.of([run.cpu for run in runs]).text(2),
            Spread.of([run.memory for run in runs]).text(0),
        ]
        rows.append("| " + " | ".join([str(count), *figures]) + " |")
    return "\n".join(rows)
