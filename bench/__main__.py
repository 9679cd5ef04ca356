"""
``make bench``: every part of the benchmark in turn; each rewrites its tables in docs/evidence/performance.md.

A part runs in network and mount namespaces of its own, so nothing it does leaves the machine or changes it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import handshakes, resources, round_trips, seclusion, watching
from bench.contestants import ROOT
from bench.launch import LaunchError
from bench.racers import WrongAnswerError
from botkit.version import VERSION

PAGE = ROOT / "docs" / "evidence" / "performance.md"

Part = Callable[[argparse.Namespace], Coroutine[None, None, str]]


async def _round_trips(options: argparse.Namespace) -> str:
    trips = [milliseconds / 1000 for milliseconds in options.ms]
    return await round_trips.measure(None if options.alone else options.python, options.runs, trips)


async def _resources(options: argparse.Namespace) -> str:
    return await resources.measure(options.runs, options.servers)


async def _handshakes(options: argparse.Namespace) -> str:
    return await handshakes.measure(options.runs)


async def _watch(options: argparse.Namespace) -> str:
    return await watching.measure(options.rounds, options.watches)


PARTS: Mapping[str, Part] = {
    "round-trips": _round_trips,
    "resources": _resources,
    "handshakes": _handshakes,
    "watch": _watch,
}


def replaced(page: str, part: str, table: str) -> str:
    """The page with other tables between the marks of a part. Raises ValueError if it has no such marks."""
    begin, end = f"<!-- bench {part} -->\n", f"<!-- end of bench {part} -->"
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PAGE.name} has no place for {part}")
    return f"{head}{begin}{table}\n{end}{tail}"


def circumstances() -> str:
    """When and where it was measured, one line."""
    now = datetime.now(UTC)
    busy = os.getloadavg()[0]
    return (
        f"Measured on {now:%Y-%m-%d}: foci-bot {VERSION}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, load {busy:.1f} before."
    )


def main(arguments: Sequence[str]) -> int:
    """Run the parts that were named, each inside; 1 if one could not be run."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="this part (again for more); else all")
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-bench" / "bin" / "python", help="with testmatrix")
    parser.add_argument("--alone", action="store_true", help="without testmatrix")
    parser.add_argument("--ms", type=float, nargs="+", default=[20, 50, 100, 200], help="round trips")
    parser.add_argument("--servers", type=int, default=resources.MANY, help="in one process")
    parser.add_argument("--watches", type=int, nargs="+", default=list(watching.SIZES), help="servers to watch")
    parser.add_argument("--rounds", type=int, default=3, help="quiet rounds of a watch")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--dry", action="store_true", help="print, and leave the page as it is")
    options = parser.parse_args(arguments)
    parts = options.part or list(PARTS)
    if not seclusion.is_inside():
        try:
            return max(seclusion.again("bench", [*arguments, "--part", part]) for part in parts)
        except seclusion.SeclusionError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    return _measure(parts[-1], options)


def _measure(part: str, options: argparse.Namespace) -> int:
    head = circumstances()
    print(f"{part}: {head}", flush=True)
    try:
        table = asyncio.run(PARTS[part](options))
    except (seclusion.SeclusionError, LaunchError, WrongAnswerError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(table)
    if not options.dry:
        PAGE.write_text(replaced(PAGE.read_text("utf-8"), part, f"{head}\n\n{table}"), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
