"""Turns to join: what one inviting server does holds up no other."""

from __future__ import annotations

import asyncio

import pytest

from botkit.matrix.rooms.invitations import JoinLimiter, ServerJoins


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
def limiter(clock: Clock) -> JoinLimiter:
    return JoinLimiter(clock, clock.sleep)


async def _hang(limiter: JoinLimiter, queue: ServerJoins, entered: list[ServerJoins]) -> None:
    async with limiter.turn(queue):
        entered.append(queue)
        await asyncio.Event().wait()


async def _ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_server_whose_joins_hang_holds_two_turns(limiter: JoinLimiter) -> None:
    """A hundred joins that never end leave the other servers' joins alone."""
    slow, entered = limiter.queue("slow.example"), list[ServerJoins]()
    hanging = [asyncio.create_task(_hang(limiter, slow, entered)) for _ in range(100)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5), limiter.turn(limiter.queue("quick.example")):
        assert entered == [slow, slow]
    await _ended(*hanging)


async def test_sixteen_joins_at_once(limiter: JoinLimiter) -> None:
    """Very many servers together get no more than sixteen turns, and the next comes when one ends."""
    entered = list[ServerJoins]()
    many = [limiter.queue(f"{number}.example") for number in range(40)]
    hanging = [asyncio.create_task(_hang(limiter, queue, entered)) for queue in many]
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(entered) == 16
    await _ended(hanging[0])
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(entered) == 17
    await _ended(*hanging)


async def test_silence_is_one_servers(limiter: JoinLimiter, clock: Clock) -> None:
    """A 429, which a stranger's server can have sent, silences its own queue for as long as it asks."""
    limited, other = limiter.queue("limited.example"), limiter.queue("other.example")
    limiter.silence(limited, 900.0)
    async with limiter.turn(other):
        assert clock.now == 100.0
    async with limiter.turn(limited):
        assert clock.now == 1000.0


def test_queues_are_forgotten(limiter: JoinLimiter) -> None:
    """A server that invited once costs no memory for ever; joins that are under way share its queue."""
    held = limiter.queue("held.example")
    assert limiter.queue("held.example") is held
    limiter.silence(limiter.queue("gone.example"), 900.0)
    assert limiter.queue("gone.example").silent_until == 0.0
