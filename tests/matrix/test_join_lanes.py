"""Turns to join: what one inviting server does holds up no other."""

from __future__ import annotations

import asyncio

import pytest

from botkit.matrix.join_lanes import JoinLanes, Lane


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lanes(clock: Clock) -> JoinLanes:
    return JoinLanes(clock, clock.sleep)


async def _hang(lanes: JoinLanes, lane: Lane, entered: list[Lane]) -> None:
    async with lanes.turn(lane):
        entered.append(lane)
        await asyncio.Event().wait()


async def _ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_server_whose_joins_hang_holds_two_turns(lanes: JoinLanes) -> None:
    """A hundred joins that never end leave the other servers' joins alone."""
    slow, entered = lanes.lane("slow.example"), list[Lane]()
    hanging = [asyncio.create_task(_hang(lanes, slow, entered)) for _ in range(100)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5), lanes.turn(lanes.lane("quick.example")):
        assert entered == [slow, slow]
    await _ended(*hanging)


async def test_sixteen_joins_at_once(lanes: JoinLanes) -> None:
    """Very many servers together get no more than sixteen turns, and the next comes when one ends."""
    entered = list[Lane]()
    many = [lanes.lane(f"{number}.example") for number in range(40)]
    hanging = [asyncio.create_task(_hang(lanes, lane, entered)) for lane in many]
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(entered) == 16
    await _ended(hanging[0])
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(entered) == 17
    await _ended(*hanging)


async def test_silence_is_one_servers(lanes: JoinLanes, clock: Clock) -> None:
    """A 429, which a stranger's server can have sent, silences its own lane for as long as it asks."""
    limited, other = lanes.lane("limited.example"), lanes.lane("other.example")
    lanes.silence(limited, 900.0)
    async with lanes.turn(other):
        assert clock.now == 100.0
    async with lanes.turn(limited):
        assert clock.now == 1000.0


def test_lanes_are_forgotten(lanes: JoinLanes) -> None:
    """Who invited once costs no memory for ever; who holds a lane shares it."""
    held = lanes.lane("held.example")
    assert lanes.lane("held.example") is held
    lanes.silence(lanes.lane("gone.example"), 900.0)
    assert lanes.lane("gone.example").silent_until == 0.0
