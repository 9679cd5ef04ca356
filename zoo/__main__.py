"""
``make zoo``: every bad server, what the check finds, in which time and memory, and the figures of all.

Real TLS on loopback, the limits that the product has by itself, a fresh process for each animal. Exits 1 if any check
is wrong, too slow or too large.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from zoo.animal import Animal
from zoo.catalogue import animals
from zoo.keeper import Keeper
from zoo.sighting import Limits, Sighting

GRACE = 1.0
"""Seconds over the deadline in which a check that was cut off by it judges and prints what it has seen."""


def table(sightings: Sequence[Sighting]) -> str:
    """One line each: place and name, verdict, findings, seconds, megabytes, and what is wrong, if anything."""
    lines = [f"{'animal':58} {'verdict':9} {'time':>6} {'peak':>7} {'step':>7}  finding"]
    for sighting in sightings:
        verdict, codes = sighting.found
        spent = f"{sighting.seconds:4.1f} s {sighting.megabytes:4.0f} MB {1000 * sighting.stall:4.0f} ms"
        line = f"{sighting.animal.label:58} {verdict:9} {spent}  "
        lines.append(line + (", ".join(codes) or sighting.told))
        lines += [f"    WRONG: {fault}" for fault in sighting.faults]
    return "\n".join(lines)


def total(sightings: Sequence[Sighting]) -> str:
    """The figures of all."""
    right = sum(sighting.is_right for sighting in sightings)
    slowest = max(sightings, key=lambda sighting: sighting.seconds)
    stalled = max(sightings, key=lambda sighting: sighting.stall)
    largest = max(sightings, key=lambda sighting: sighting.megabytes)
    return (
        f"{len(sightings)} bad servers: {right} with the right finding, "
        f"longest {slowest.seconds:.1f} s of {slowest.limits.deadline:g} s ({slowest.animal.label}), "
        f"at most {largest.megabytes:.0f} MB ({largest.animal.label}), "
        f"longest step of the event loop {1000 * stalled.stall:.0f} ms of CPU ({stalled.animal.label})"
    )


async def visit(chosen: Sequence[Animal]) -> list[Sighting]:
    """Have them checked as a user would, with the product's own limits."""
    with tempfile.TemporaryDirectory() as directory:
        async with Keeper(Path(directory), limits=Limits()) as keeper:
            return await keeper.show(chosen)


def main() -> int:
    """Print the table and the figures; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="zoo", description="Check every bad server of the zoo.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="only animals with one of these in their names")
    words = parser.parse_args().words
    chosen = [animal for animal in animals() if not words or any(word in animal.label for word in words)]
    if not chosen:
        parser.error("there is no such animal")
    sightings = asyncio.run(visit(chosen))
    late = [one for one in sightings if one.seconds > one.limits.deadline + GRACE]
    sys.stdout.write(f"{table(sightings)}\n{total(sightings)}\n")
    return 1 if late or any(sighting.faults for sighting in sightings) else 0


if __name__ == "__main__":
    sys.exit(main())
