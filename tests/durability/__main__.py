"""
``python -m tests.durability [--runs 200]``: a scripted incident, over and over, while the bot is killed (``kill -9``).

Runs share bots, twenty to one, each with a server and an encrypted room of its own. Prints one line of figures and ends
with 1 when a message was lost, repeated, out of order or in reply to another than it should be, or when a run saw no
kill. What went wrong stands above that line; ``--keep`` leaves logs and databases behind.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lab.authority import Authority
from lab.synapse import Synapse
from tests.durability.judge import Verdict
from tests.durability.shift import Outcome, Shift


def main() -> int:
    """Do all runs and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.durability", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of everything that is left to chance")
    parser.add_argument("--shift", type=int, default=20, help="runs that share a bot")
    parser.add_argument("--parallel", type=int, default=2, help="bots at a time")
    parser.add_argument("--keep", action="store_true", help="leave logs and databases behind")
    options = parser.parse_args()
    # a homeserver that drops connections on purpose is no news
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    logging.getLogger("nio").setLevel(logging.CRITICAL)
    directory = Path(tempfile.mkdtemp(prefix="foci-durability-"))
    print(f"seed {options.seed}, {directory}", file=sys.stderr)
    began = time.monotonic()
    outcomes = asyncio.run(_all(directory, options.runs, options.seed, options.shift, options.parallel))
    line, good = summary(outcomes, time.monotonic() - began)
    for outcome in outcomes:
        print(*outcome.verdict.remarks, sep="\n", end="\n" if outcome.verdict.remarks else "")
    print(f"{line}; seed {options.seed}")
    if not options.keep:
        shutil.rmtree(directory)
    return 0 if good else 1


async def _all(directory: Path, runs: int, seed: str, size: int, parallel: int) -> Sequence[Outcome]:
    sizes = [min(size, runs - begun) for begun in range(0, runs, size)]
    places = asyncio.Semaphore(parallel)
    authority = Authority(directory / "authority")
    async with Synapse(directory / "synapse") as synapse:

        async def shift(number: int, runs: int) -> Outcome:
            name, where = f"n{number}", directory / f"shift-{number}"
            async with places:
                outcome = await Shift(synapse, where, authority, name, runs, f"{seed}/{number}").work()
            print(f"shift {number}: {summary([outcome], outcome.seconds)[0]}", file=sys.stderr)
            return outcome

        return await asyncio.gather(*(shift(number, runs) for number, runs in enumerate(sizes)))


def summary(outcomes: Sequence[Outcome], seconds: float) -> tuple[str, bool]:
    """The line of figures, and whether everything is as it should be."""
    verdict = sum((outcome.verdict for outcome in outcomes), Verdict())
    troubles: Counter[str] = sum((outcome.troubles for outcome in outcomes), Counter())
    kills = [count for outcome in outcomes for count in outcome.kills]
    figures = (
        f"{sum(outcome.runs for outcome in outcomes)} runs, {verdict.expected} messages, "
        f"{sum(outcome.killed for outcome in outcomes)} kills "
        f"({sum(outcome.at_a_message for outcome in outcomes)} at a message, "
        f"{min(kills)} to {max(kills)} during a run), "
        f"{troubles.total()} troubles ({', '.join(f'{kind} {count}' for kind, count in sorted(troubles.items()))}): "
        f"{verdict.lost} lost, {verdict.repeated} repeated, {verdict.out_of_order} out of order, "
        f"{verdict.misdirected} misdirected, {verdict.disagreements} disagreements; {seconds:.0f} s"
    )
    return figures, verdict.good and min(kills) > 0


if __name__ == "__main__":
    sys.exit(main())
