"""A step that fails anywhere leaves nothing, and repeated it tells the same under the same names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.outbound.model import FailureKind
from botkit.storage import Database, StorageError
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import Watch
from tests.watch_service.internet import Internet
from tests.watch_service.ops import ADMIN, Ops, opened

Step = Callable[[Ops], Awaitable[object]]


class CrashError(Exception):
    """Stands for whatever may go wrong between two statements."""


@asynccontextmanager
async def crash_at(database: Database, statement: int) -> AsyncIterator[list[int]]:
    """Raise before a statement, counted from 1; gives how many there were."""
    seen = [0]

    def before(*_: object) -> None:
        seen[0] += 1
        if seen[0] == statement:
            raise CrashError

    engine = database._engine
    assert engine is not None
    event.listen(engine.sync_engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", before)


async def everything(connection: AsyncConnection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that a step may write."""
    tables = [
        *("watches", "servers", "states", "concerns", "heard", "notes", "incidents"),
        *("silences", "withheld", "rooms", "changes", "outages"),
    ]
    found = {}
    for table in ("outbox", *(f"foci_{name}" for name in tables)):
        rows = (await connection.execute(text(f"SELECT * FROM {table}"))).all()
        found[table] = sorted((tuple(row) for row in rows), key=repr)
    return found


async def snapshot(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """As ``everything``."""
    async with database.begin() as connection:
        return await everything(connection)


async def about_to_fire(database: Database) -> Ops:
    """Two rooms, a shared focus that has failed twice, and something silenced."""
    ops = Ops(database, Internet({"a.org": ["rtc", "two"], "b.org": ["rtc"]}))
    await ops.watch({"!ops": ["a.org"], "!other": ["a.org", "b.org"]})
    await ops.silence("!ops", "two.example.org", 600)
    for server in ("a.org", "b.org"):
        await ops.checks(server, 1)
    ops.internet.broken = {"rtc": FailureKind.CONNECT_REFUSED, "two": FailureKind.CONNECT_REFUSED}
    await ops.checks("a.org", 2)
    ops.at += 100
    return ops


async def firing(database: Database) -> Ops:
    """The same, fired, with a list change that waits to be confirmed."""
    ops = await about_to_fire(database)
    ops.internet.servers["a.org"].foci = ["rtc"]
    await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    ops.internet.servers["a.org"].foci = ["two", "rtc"]
    await ops.checks("a.org", 1)
    ops.at += 20
    return ops


async def fire(ops: Ops) -> None:
    await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)


async def confirm(ops: Ops) -> None:
    await ops.watch_service.take(ops.internet.confirmation("a.org", ops.at), ops.at)


async def remind(ops: Ops) -> None:
    await ops.watch_service.remind(ops.at + 13 * 3600)


async def unwatch(ops: Ops) -> None:
    await ops.watch_service.unwatch("!other", "a.org", ops.at)


async def configure(ops: Ops) -> None:
    await ops.watch_service.configure([Watch("!new", "b.org", "config"), Watch("!ops", "c.org", "config")], ops.at)


async def silence(ops: Ops) -> None:
    await ops.watch_service.silence(Silence("!other", "b.org", ops.at + 60, ADMIN), ops.at)


async def suspend(ops: Ops) -> None:
    await ops.watch_service.room_suspended("!other", "it was put out", ops.at)


async def replace(ops: Ops) -> None:
    await ops.watch_service.room_replaced("!other", "!new", ops.at)


async def leave(ops: Ops) -> None:
    await ops.watch_service.room_left("!other", ops.at)


@pytest.mark.parametrize(
    ("prepared", "step"),
    [
        (about_to_fire, fire),
        (firing, fire),
        (firing, confirm),
        *((firing, step) for step in (remind, unwatch, configure, silence, suspend, replace, leave)),
    ],
    ids=lambda one: one.__name__,
)
async def test_a_crash_at_any_statement_leaves_nothing(
    database: Database, prepared: Callable[[Database], Awaitable[Ops]], step: Step
) -> None:
    """Everything is as before; then the step succeeds as if nothing had happened."""
    ops = await prepared(database)
    before = await snapshot(database)
    crashed = 0
    while True:
        async with crash_at(database, crashed + 1) as seen:
            try:
                await step(ops)
            except (CrashError, StorageError):
                crashed += 1
            else:
                break
        assert await snapshot(database) == before
    assert seen[0] == crashed > 5
    assert await snapshot(database) != before


@pytest.mark.parametrize("step", [fire, confirm, remind], ids=lambda one: one.__name__)
async def test_a_step_repeated_after_a_crash_tells_the_same_under_the_same_names(tmp_path: Path, step: Step) -> None:
    """Notifications and transaction ids are those of a run without a crash, also in a new process."""
    told = []
    for crashes in (0, 5):
        database = await opened(f"sqlite:///{tmp_path / str(crashes)}.db")
        ops = await (firing(database) if step is not fire else about_to_fire(database))
        await ops.read()
        for number in range(1, crashes + 1):
            async with crash_at(database, number * 2):
                with pytest.raises((CrashError, StorageError)):
                    await step(ops)
            ops.restarted()
        await step(ops)
        told.append(await ops.read())
        await database.close()
    assert told[0] == told[1]
    assert told[0]


@pytest.mark.parametrize("step", [suspend, replace, leave, configure], ids=lambda one: one.__name__)
async def test_what_the_host_repeats_is_done_once(any_database: Database, step: Step) -> None:
    """The second call writes nothing and tells nothing."""
    ops = await firing(any_database)
    await step(ops)
    once = await snapshot(any_database)
    await step(ops)
    ops.restarted()
    await step(ops)
    assert await snapshot(any_database) == once
