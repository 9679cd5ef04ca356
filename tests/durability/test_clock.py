"""Somebody sets the machine's clock while the bot runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.authority import Authority
from lab.synapse import Synapse
from tests.durability.stage import stage
from tests.matrix.patience import until

JUMP = 300.0
"""Seconds; five hours by the clock that the watches go by. Twice that is less than what a reminder waits for."""


@pytest.mark.parametrize("first", [JUMP, -JUMP], ids=["forward", "back"])
async def test_nothing_is_lost_or_said_twice(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path, first: float
) -> None:
    """It jumps one way when the list changes, and back when the focus is dead: the room learns what it always does."""
    file = tmp_path / "wrong-by"
    file.write_text("0")
    async with stage(synapse, tmp_path / "stage", authority, localparts("clock")) as on:
        on.life.program = ("-m", "tests.durability.jumping", str(file))
        await on.begin()
        (incident,), (room,) = on.incidents, on.rooms
        course = asyncio.create_task(incident.play(on.federation, on.alice, room, random.Random(1)))
        _set(file, first)
        await until(lambda: course.done() or any("is down" in said.body for said in on.alice.heard), within=120)
        _set(file, -first)
        await course
        verdict = await on.settle() + await on.judged()
    assert verdict.good, "\n".join(verdict.remarks)


def _set(file: Path, seconds: float) -> None:
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(file)
