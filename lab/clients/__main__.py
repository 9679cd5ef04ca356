"""``python -m lab.clients``: real clients in every set-up of the table; ends with 1 where something disagrees."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lab.authority import Authority
from lab.clients.expectations import SERVER_NAME, Expectations, Setup, read_expectations
from lab.clients.outcome import Row, lines_of
from lab.clients.page import page
from lab.clients.run import PATIENCE, ProgramError, Run
from lab.clients.tools import INSTALLED, build_host, missing_tool, versions
from lab.synapse import Synapse

AT_ONCE = 3


async def run_setups(
    table: Expectations, setups: Sequence[Setup], directory: Path, at_once: int
) -> dict[str, list[Row]]:
    """The rows by set-up; each set-up is printed when it is through."""
    found: dict[str, list[Row]] = {}
    slots = asyncio.Semaphore(at_once)
    with tempfile.TemporaryDirectory() as scratch:
        host = build_host(Path(scratch, "host"))
        authority = Authority(Path(scratch, "authority"))
        async with Synapse(Path(scratch, "synapse"), server_name=SERVER_NAME) as synapse:
            run = Run(table, directory, host, synapse, authority)

            async def one(setup: Setup) -> None:
                async with slots:
                    found[setup.name] = list(await run.rows(setup))
                print("\n".join(lines_of(setup, found[setup.name])), flush=True)

            async with asyncio.TaskGroup() as group:
                for setup in setups:
                    group.create_task(one(setup))
    return found


def main(argv: Sequence[str]) -> int:
    """Run it; 0 where all agree, 1 where not, 3 where it could not be run."""
    table = read_expectations()
    arguments = _arguments(table, argv)
    if missing := missing_tool():
        print(missing, file=sys.stderr)
        return 3
    chosen = [setup for setup in table.setups if not arguments.setups or setup.name in arguments.setups]
    directory = INSTALLED / "runs" / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    directory.mkdir(parents=True)
    began = time.monotonic()
    try:
        found = asyncio.run(run_setups(table, chosen, directory, arguments.at_once))
    except ExceptionGroup as group:
        failed, others = group.split(ProgramError)
        if failed is None or others is not None:
            raise
        print("\n".join(str(error) for error in failed.exceptions), file=sys.stderr)
        return 3
    rows = [row for rows in found.values() for row in rows]
    faults = sum(bool(row.faults) for row in rows)
    seconds = time.monotonic() - began
    used = os.times()
    processor = used.user + used.system + used.children_user + used.children_system
    print(f"{len(found)} set-ups, {len(rows)} runs, {faults} disagreements, {seconds:.0f} s; {directory}")
    if arguments.page:
        took = {"seconds": seconds, "processor": processor, "cores": os.cpu_count(), "at_once": arguments.at_once}
        told = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "patience": PATIENCE, **took, **versions()}
        arguments.page.write_text(page(table, found, told))
    return 1 if faults else 0


def _arguments(table: Expectations, argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.clients", description=__doc__)
    parser.add_argument("setups", nargs="*", metavar="SETUP", help="names of set-ups; all if none is given")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="set-ups at the same time (default: %(default)s)")
    parser.add_argument("--page", type=Path, help="write the table of all set-ups to this Markdown page")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.setups) - {setup.name for setup in table.setups}:
        parser.error(f"no set-up is called {', '.join(sorted(unknown))}")
    if arguments.page and arguments.setups:
        parser.error("the page is of all set-ups")
    return arguments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
