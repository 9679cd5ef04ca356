"""Who uses the database next: the room before the watch, each in the order of asking."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from botkit.storage import Database, StorageError
from botkit.storage.turns import Turns


class Scene:
    """Tasks that want the lock one after the other, and who got it in which order."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.served: list[str] = []
        self.may_end = asyncio.Event()

    async def want(self, name: str, *, background: bool = False) -> asyncio.Task[None]:
        """Begin to wait; whoever has the lock keeps it until ``may_end``."""

        async def turn() -> None:
            async with self.turns.turn(background=background):
                self.served.append(name)
                await self.may_end.wait()

        task = asyncio.create_task(turn())
        await asyncio.sleep(0)
        return task


async def test_the_first_queue_is_served_before_the_second() -> None:
    """However many checks wait, who came last from the room is next; both keep their order."""
    scene = Scene()
    tasks = [await scene.want("check 0", background=True)]
    tasks += [await scene.want(f"check {number}", background=True) for number in range(1, 50)]
    tasks += [await scene.want("sync"), await scene.want("command")]
    scene.may_end.set()
    await asyncio.gather(*tasks)
    assert scene.served == ["check 0", "sync", "command", *(f"check {number}" for number in range(1, 50))]


async def test_who_gives_up_waiting_delays_nobody() -> None:
    """A task that is cancelled in the queue is passed over."""
    scene = Scene()
    tasks = [await scene.want("a"), await scene.want("b"), await scene.want("c", background=True)]
    tasks[1].cancel()
    scene.may_end.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert scene.served == ["a", "c"]
    assert isinstance(results[1], asyncio.CancelledError)


async def test_a_turn_that_is_given_to_a_cancelled_task_goes_on_to_the_next() -> None:
    """Cancelled in the very moment in which it gets the lock, a task does not take it along."""
    scene = Scene()
    tasks = [await scene.want("a"), await scene.want("b"), await scene.want("c")]
    scene.may_end.set()
    while not tasks[0].done():
        await asyncio.sleep(0)
        if scene.served == ["a"]:
            tasks[1].cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert scene.served == ["a", "c"]
    assert scene.turns._taken is False


async def test_a_failure_passes_the_turn_on() -> None:
    """What raises while it has the lock gives it back."""
    turns = Turns()
    with pytest.raises(ZeroDivisionError):
        async with turns.turn():
            raise ZeroDivisionError
    async with turns.turn(background=True):
        pass


async def test_the_room_waits_for_one_slow_check_at_most(tmp_path: Path) -> None:
    """On a database that answers slowly, a command's transaction is the next of a hundred that wait."""
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()
    order: list[str] = []
    begun = asyncio.Event()

    async def transact(name: str, *, background: bool) -> None:
        async with database.begin(background=background) as connection:
            begun.set()
            await connection.execute(text("SELECT 1"))
            await asyncio.sleep(0.005)
            order.append(name)

    checks = [asyncio.create_task(transact("check", background=True)) for _ in range(100)]
    await begun.wait()
    before = len(order)
    await transact("command", background=False)
    assert order.index("command") <= before + 1
    await asyncio.gather(*checks)
    assert order.count("check") == 100
    await database.close()


async def test_who_waits_while_the_database_is_closed_is_told(tmp_path: Path) -> None:
    """A transaction that did not begin before the end is a StorageError."""
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()

    async def transact() -> None:
        async with database.begin():
            pass

    async with database.begin():
        late = asyncio.create_task(transact())
        await asyncio.sleep(0)
    await database.close()
    with pytest.raises(StorageError, match="closed"):
        await late
