"""Slots for requests: bounded, and shared so that nobody takes them all."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.outbound import one_party
from botkit.outbound.fair_slots import FairSlots


async def take(slots: FairSlots, wanted: int) -> tuple[list[object], list[asyncio.Task[object]]]:
    """As a party of its own, ask for so many at once: what was had, and the requests that wait."""
    with one_party():
        tasks = [asyncio.create_task(slots.acquire()) for _ in range(wanted)]
    for _ in range(3):
        await asyncio.sleep(0)
    return [task.result() for task in tasks if task.done()], [task for task in tasks if not task.done()]


async def test_one_party_gets_enough_and_no_more() -> None:
    """A check with two foci has all its requests under way at once; a thousand of them do not fill the house."""
    held, waiting = await take(FairSlots(64), 200)
    assert len(held) == 16
    assert len(waiting) == 184
    for task in waiting:
        task.cancel()


async def test_a_newcomer_is_served_at_once() -> None:
    """Ten parties that want everything leave room for the eleventh."""
    slots = FairSlots(64)
    parties = [await take(slots, 100) for _ in range(10)]
    assert 64 - sum(len(held) for held, _ in parties) == 3
    held, waiting = await take(slots, 2)
    assert len(held) == 1
    for task in [task for _, tasks in parties for task in tasks] + waiting:
        task.cancel()


async def test_who_holds_least_is_served_first() -> None:
    """A freed slot goes to the party that has fewer, though it asked later."""
    slots = FairSlots(7)
    greedy, waiting = await take(slots, 3)
    others = [await take(slots, 1) for _ in range(5)]
    patient, later = await take(slots, 1)
    assert (len(greedy), [len(held) for held, _ in others], patient) == (2, [1, 1, 1, 1, 1], [])
    slots.release(greedy[0])
    await asyncio.sleep(0)
    assert [task.done() for task in (*waiting, *later)] == [False, True]
    waiting[0].cancel()


async def test_one_slot_serves_everybody() -> None:
    """With a single slot all take turns."""
    slots, served = FairSlots(1), 0

    async def work() -> None:
        nonlocal served
        with one_party():
            party = await slots.acquire()
            await asyncio.sleep(0)
            slots.release(party)
            served += 1

    async with asyncio.timeout(10):
        await asyncio.gather(*(work() for _ in range(50)))
    assert served == 50


async def test_inner_parties_join_the_outer_one() -> None:
    """A command with many checks is one party."""
    slots = FairSlots(10)

    async def check() -> object:
        with one_party():
            return await slots.acquire()

    with one_party():
        tasks = [asyncio.create_task(check()) for _ in range(10)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert sum(task.done() for task in tasks) == 3
    for task in tasks:
        task.cancel()


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=60), st.integers(1, 8))
@settings(deadline=None)
def test_no_slot_is_lost(actions: list[tuple[int, bool]], count: int) -> None:
    """Whoever asks, gives up or is cancelled in whatever order: in the end every slot is free again."""
    asyncio.run(play(actions, count))


async def play(actions: list[tuple[int, bool]], count: int) -> None:
    """Ask and cancel as told, give everything back, and take all slots one by one."""
    slots = FairSlots(count)
    tasks: list[asyncio.Task[object]] = []
    for which, asks in actions:
        if asks:
            with one_party():
                tasks.append(asyncio.create_task(slots.acquire()))
        elif tasks:
            tasks[which % len(tasks)].cancel()
        if which % 2:
            await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    for party in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(party, BaseException):
            slots.release(party)
    async with asyncio.timeout(5):
        for _ in range(count):
            with one_party():
                await slots.acquire()


@pytest.mark.parametrize("count", [1, 3, 64])
async def test_never_more_than_there_are(count: int) -> None:
    """The bound holds whatever is asked for."""
    slots = FairSlots(count)
    parties = [await take(slots, 20) for _ in range(20)]
    assert 1 <= sum(len(held) for held, _ in parties) <= count
    for task in [task for _, tasks in parties for task in tasks]:
        task.cancel()
