"""Checks that change nothing: no statement of their own, and nothing lost that anything depends on."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import settings as configured
from hypothesis import strategies as st
from sqlalchemy import event, text

from botkit.outbound.model import FailureKind
from botkit.storage import Database, StorageError
from tests.examples import examples
from tests.watch_service.internet import DAY, Internet
from tests.watch_service.ops import Ops, Read, opened

REFUSED = FailureKind.CONNECT_REFUSED


@asynccontextmanager
async def statements(database: Database) -> AsyncIterator[list[str]]:
    """What is executed meanwhile, the begin and the end of transactions left out."""
    seen: list[str] = []

    def before(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    assert database._engine is not None
    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", before)


async def watched(database: Database, count: int = 3) -> Ops:
    """Some servers that share a focus, each with one of its own, all checked twice."""
    ops = Ops(database, Internet({f"s{number}.org": ["shared", f"own{number}"] for number in range(count)}))
    await ops.watch({"!ops": ops.internet.servers, "!other": ["s0.org"]})
    for server in ops.internet.servers:
        await ops.checks(server, 2, 1.0)
    return ops


async def all_is_well(ops: Ops) -> None:
    """Nothing happens."""


async def a_focus_is_down(ops: Ops) -> None:
    ops.internet.broken["own0"] = REFUSED
    await ops.checks("s0.org", 3)


async def a_well_known_is_down(ops: Ops) -> None:
    ops.internet.servers["s0.org"].answer = 500
    await ops.checks("s0.org", 3)


async def a_focus_cannot_be_checked(ops: Ops) -> None:
    ops.internet.broken["own0"] = FailureKind.DNS_SERVFAIL
    await ops.checks("s0.org", 9)


async def a_certificate_nears_its_end(ops: Ops) -> None:
    ops.internet.ends["own0"] = ops.at + 13 * DAY
    await ops.checks("s0.org", 1)


async def a_list_is_gone(ops: Ops) -> None:
    ops.internet.servers["s0.org"].answer = 404
    await ops.checks("s0.org", 3)
    ops.at += 100
    await ops.check("s0.org")


@pytest.mark.parametrize(
    "before",
    [
        all_is_well,
        a_focus_is_down,
        a_well_known_is_down,
        a_focus_cannot_be_checked,
        a_certificate_nears_its_end,
        a_list_is_gone,
    ],
)
async def test_a_check_that_changes_nothing_asks_and_writes_nothing(
    database: Database, before: Callable[[Ops], object]
) -> None:
    """Whatever is the case, once it was told; the time of the next check is as ever."""
    ops = await watched(database)
    await before(ops)  # type: ignore[misc]
    # what no longer concerns one server is read once more for the others
    for server in ops.internet.servers:
        await ops.checks(server, 1)
    await ops.read()
    async with statements(database) as seen:
        for _ in range(5):
            for server in ops.internet.servers:
                ops.at += 100
                (due,) = await ops.watch_service.take(ops.internet.check(server, ops.at), ops.at)
                assert due.at == ops.at + 300
    assert seen == []
    assert await ops.read() == []


async def test_a_check_that_changes_something_is_one_transaction(database: Database) -> None:
    """The first failure is stored with what was not stored before; other servers' results wait for the batch."""
    ops = await watched(database)
    commits = []
    assert database._engine is not None
    event.listen(database._engine.sync_engine, "commit", commits.append)
    ops.internet.broken["own0"] = REFUSED
    async with statements(database) as seen:
        await ops.watch_service.take(ops.internet.check("s0.org", ops.at), ops.at)
    assert len(commits) == 1
    assert 0 < len(seen) <= 4
    async with database.begin() as connection:
        (state,) = await connection.scalars(text("SELECT state FROM foci_states WHERE key LIKE 'focus:%own0%'"))
    assert '"pending"' in state


async def test_a_batch_is_one_transaction_of_few_statements(database: Database) -> None:
    """Forty servers cost as many statements as four; afterwards there is nothing to write."""
    counts = []
    ops = await watched(database, 40)
    await ops.watch_service.flush()
    for some in (4, 40):
        ops.at += 300
        for server in list(ops.internet.servers)[:some]:
            await ops.watch_service.take(ops.internet.check(server, ops.at), ops.at)
        async with statements(database) as seen:
            await ops.watch_service.flush()
        counts.append(len(seen))
        async with statements(database) as seen:
            await ops.watch_service.flush()
        assert seen == []
    assert counts[0] == counts[1] <= 4
    views = await ops.watch_service.watches("!ops", ops.at)
    assert [one.checked_at for one in views] == [ops.at] * 40


async def test_a_batch_ends_however_many_checks_come_meanwhile(database: Database) -> None:
    """What comes while it is written is of the next one."""
    ops = await watched(database, 8)
    await ops.watch_service.flush()
    ops.at += 300
    await ops.checks("s0.org", 1, 0.0)
    commits: list[object] = []
    assert database._engine is not None
    event.listen(database._engine.sync_engine, "commit", commits.append)
    flushing = asyncio.create_task(ops.watch_service.flush())
    await asyncio.sleep(0)
    taking = [
        asyncio.create_task(ops.watch_service.take(ops.internet.check(server, ops.at), ops.at))
        for server in list(ops.internet.servers)[1:]
    ]
    await asyncio.gather(flushing, *taking)
    assert len(commits) == 1
    await ops.watch_service.flush()
    assert len(commits) == 2
    views = await ops.watch_service.watches("!ops", ops.at)
    assert [one.checked_at for one in views] == [ops.at] * 8


async def test_what_a_crash_loses_is_a_repeated_check(database: Database) -> None:
    """The next check is due when the last one was, and everything else is as it was stored."""
    ops = await watched(database)
    await ops.watch_service.flush()
    (before,) = [due for due in await ops.watch_service.schedule() if due.server == "s0.org"]
    ops.at = before.at
    await ops.checks("s0.org", 1, 0.0)
    (again,) = [due for due in await ops.restarted().schedule() if due.server == "s0.org"]
    assert again == before
    assert await ops.checks("s0.org", 2) == []


async def test_a_crash_never_loses_what_an_alert_is_made_of(database: Database) -> None:
    """Failures that were seen before each crash count; what was told is not told again."""
    ops = await watched(database)
    ops.internet.broken["own0"] = REFUSED
    told = []
    for _ in range(6):
        ops.at += 100
        told.append(await ops.checks("s0.org", 1, 0.0))
        ops.restarted()
    assert [len(lines) for lines in told] == [0, 0, 2, 0, 0, 0]
    ops.internet.broken.clear()
    told = []
    for _ in range(4):
        told.append(await ops.checks("s0.org", 1))
        ops.restarted()
    assert [len(lines) for lines in told] == [0, 4, 0, 0]


async def test_who_watches_what_is_heeded_at_once(database: Database) -> None:
    """Another interval, another room, no room: memory never stands in the way."""
    ops = await watched(database)
    await ops.watch_service.watch("!ops", "s0.org", 600.0, "@ops:example.org", ops.at)
    await ops.watch_service.unwatch("!other", "s0.org", ops.at)
    (due,) = await ops.watch_service.take(ops.internet.check("s0.org", ops.at), ops.at)
    assert due.interval == 600
    await ops.watch_service.unwatch("!ops", "s0.org", ops.at)
    assert await ops.watch_service.take(ops.internet.check("s0.org", ops.at), ops.at) == ()
    await ops.watch_service.flush()
    async with database.begin() as connection:
        for table, column, value in (("servers", "server", "s0.org"), ("states", "key", "discovery:s0.org")):
            query = text(f"SELECT count(*) FROM foci_{table} WHERE {column} = :value")
            assert await connection.scalar(query, {"value": value}) == 0
    await ops.watch({"!third": ["s0.org"]})
    (due,) = await ops.watch_service.take(ops.internet.check("s0.org", ops.at), ops.at)
    assert due.interval == 300
    ops.internet.broken["own0"] = REFUSED
    assert len(await ops.checks("s0.org", 3)) == 1


async def test_a_focus_that_leaves_every_list_is_not_written_again(database: Database) -> None:
    """The batch after the confirmed change has nothing of it."""
    ops = await watched(database)
    ops.internet.servers["s0.org"].foci = ["shared"]
    await ops.check("s0.org")
    await ops.checks("s0.org", 1)
    await ops.watch_service.flush()
    async with database.begin() as connection:
        keys = list(await connection.scalars(text("SELECT key FROM foci_states")))
    assert any("own1" in key for key in keys)
    assert not any("own0" in key for key in keys)


async def test_a_batch_that_fails_is_written_later(database: Database) -> None:
    """While the disk is full quiet checks go on; once there is room the database has them."""
    ops = await watched(database)
    await ops.watch_service.flush()
    ops.at += 300
    await ops.checks("s0.org", 1, 0.0)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    assert database._engine is not None
    event.listen(database._engine.sync_engine, "before_cursor_execute", full)
    for _ in range(2):
        with pytest.raises(StorageError):
            await ops.watch_service.flush()
        await ops.watch_service.take(ops.internet.check("s0.org", ops.at), ops.at)
    event.remove(database._engine.sync_engine, "before_cursor_execute", full)
    await ops.watch_service.flush()
    (view,) = [one for one in await ops.watch_service.watches("!ops", ops.at) if one.server == "s0.org"]
    assert view.checked_at == ops.at


async def test_a_check_given_up_while_it_waits_leaves_nothing_and_one_being_stored_ends_first(
    database: Database,
) -> None:
    """A stop waits for one transaction at most, however many checks have ended before it."""
    ops = await watched(database)
    ops.internet.broken = dict.fromkeys(("own0", "own1", "own2"), REFUSED)
    async with database.begin():
        taking = [
            asyncio.create_task(ops.watch_service.take(ops.internet.check(server, ops.at), ops.at))
            for server in ops.internet.servers
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task in taking:
            task.cancel()
        await asyncio.wait(taking[1:])
        assert not taking[0].done()
    await asyncio.wait(taking)
    assert all(task.cancelled() for task in taking)
    async with database.begin() as connection:
        pending = text("SELECT key FROM foci_states WHERE state LIKE '%pending%'")
        assert ["own0" in key for key in await connection.scalars(pending)] == [True]


async def test_a_result_that_cannot_be_stored_at_the_end_is_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for it any more, and still it is not silent."""
    ops = await watched(database)
    ops.internet.broken["own0"] = REFUSED
    async with database.begin():
        task = asyncio.create_task(ops.watch_service.take(ops.internet.check("s0.org", ops.at), ops.at))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
    await database.close()
    await asyncio.wait([task])
    assert "what a check came to could not be stored error=StorageError" in caplog.messages


class Course:
    """What happens to two servers, and which of several bots has which memory."""

    EVENTS = ("s0.org", "s1.org", "own0", "shared", "500", "404", "list", "later")

    def __init__(self, ops: Ops) -> None:
        self.ops = ops

    async def play(self, happening: str) -> None:
        internet = self.ops.internet
        if happening == "later":
            self.ops.at += 4000
        elif happening in internet.servers:
            await self.ops.checks(happening, 1, 50.0)
        elif happening in ("500", "404"):
            server = internet.servers["s0.org"]
            server.answer = 200 if server.answer != 200 else int(happening)
        elif happening == "list":
            internet.servers["s1.org"].foci = list(reversed(internet.servers["s1.org"].foci or ()))
        elif internet.broken.pop(happening, None) is None:
            internet.broken[happening] = REFUSED


@given(st.lists(st.sampled_from((*Course.EVENTS, "s0.org", "s0.org", "s1.org")), max_size=40))
@configured(max_examples=examples(15), deadline=None)
def test_memory_tells_what_the_database_would(happenings: list[str]) -> None:
    """A bot that reads everything before each check says the same, word for word, as one that never writes a batch."""

    async def told(path: str, *, remembers: bool) -> list[Read]:
        database = await opened(path)
        ops = await watched(database, 2)
        course = Course(ops)
        for happening in happenings:
            if not remembers:
                await ops.reopened()
            await course.play(happening)
        read = await ops.read()
        await database.close()
        return read

    async def both() -> tuple[list[Read], list[Read]]:
        return await told("sqlite://", remembers=True), await told("sqlite://", remembers=False)

    with asyncio.Runner() as runner:
        assert len(set(map(tuple, runner.run(both())))) <= 1


async def test_memory_of_a_watch_is_small(database: Database) -> None:
    """At most 6 KiB for each watched server with two foci, the self-check's view of their hosts included."""
    count = 200
    internet = Internet({f"s{number}.example.org": [f"rtc{number}", f"two{number}"] for number in range(count)})
    ops = Ops(database, internet)
    await ops.watch({"!ops": internet.servers})
    await ops.checks("s0.example.org", 2)
    gc.collect()
    tracemalloc.start()
    try:
        for server in internet.servers:
            for _ in range(2):
                await ops.watch_service.take(internet.check(server, ops.at), ops.at)
        gc.collect()
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown / count < 6144


async def test_a_room_that_comes_or_goes_costs_what_it_watches_not_what_all_do(database: Database) -> None:
    """A bot in hundreds of rooms must not read every watch at each join."""
    ops = await watched(database, 30)
    async with statements(database) as seen:
        await ops.watch_service.room_joined("!third", ops.at)
        await ops.watch_service.room_suspended("!third", "it was put out", ops.at)
        await ops.watch_service.room_joined("!third", ops.at)
    assert not any("FROM foci_servers" in statement for statement in seen)
    async with statements(database) as seen:
        ops.at += 100
        await ops.watch_service.take(ops.internet.check("s7.org", ops.at), ops.at)
    assert seen == []
