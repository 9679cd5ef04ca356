"""The homeserver is in trouble while a focus dies: the room learns everything, once, a little later."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from lab.authority import Authority
from lab.synapse import Synapse
from tests.durability.stage import stage
from tests.durability.weather import dropped, half, limited
from tests.matrix.proxy import Fault, bad_gateway

LASTS = 8.0


async def _silent(_: web.Request) -> web.Response:
    """It takes the question and says nothing, until whatever stands before it loses patience."""
    await asyncio.sleep(LASTS)
    return web.Response(status=504)


async def _slow(_: web.Request) -> None:
    await asyncio.sleep(1)


@pytest.mark.parametrize(
    "fault", [bad_gateway, limited, dropped, half, _silent, _slow], ids=["502", "429", "down", "half", "silent", "slow"]
)
async def test_trouble_ends_and_nothing_is_missing(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path, fault: Fault
) -> None:
    """What happened meanwhile is told afterwards, in order; the log tells of the trouble once, and of its end."""
    async with stage(synapse, tmp_path / "stage", authority, localparts("outage")) as on:
        await on.begin()
        (incident,), (room,) = on.incidents, on.rooms
        course = asyncio.create_task(incident.play(on.federation, on.alice, room, random.Random(1)))
        on.proxy.before = fault
        await asyncio.sleep(LASTS)
        on.proxy.before = None
        await course
        verdict = await on.settle() + await on.judged()
    assert verdict.good, "\n".join(verdict.remarks)
    log = on.life.log()
    assert log.count("sync failed, retrying") <= 1
    assert log.count("sync works again") == log.count("sync failed, retrying")
    assert log.count("message not sent yet") <= 2


async def test_every_answer_is_lost(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """The homeserver takes every message at once, but for a while no acknowledgement comes through."""
    lost = 0

    def lose(request: web.Request) -> bool:
        nonlocal lost
        lost += "/send/m.room" in request.path
        return "/send/m.room" in request.path and lost % 3 != 0

    async with stage(synapse, tmp_path / "stage", authority, localparts("lost")) as on:
        on.proxy.after = lose
        await on.begin()
        (incident,), (room,) = on.incidents, on.rooms
        await incident.play(on.federation, on.alice, room, random.Random(1))
        verdict = await on.settle() + await on.judged()
    assert verdict.good, "\n".join(verdict.remarks)
    assert lost >= 2 * verdict.expected
