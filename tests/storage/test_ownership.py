"""One bot for a database: who may have it, who has lost it, and who may speak."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import insert, select, text

from botkit.lease import Lease, LeaseExpiredError
from botkit.storage import Database, DatabaseRefusedError, StorageError
from botkit.storage import ownership as module
from botkit.storage.errors import InUseError
from botkit.storage.ownership import Ownership, OwnershipLostError
from botkit.storage.tables import ownership, rooms, sync_state
from tests.matrix.patience import until
from tests.storage.postgres import Postgres

BOT = "@bot:lab.test"
OTHER = "@other:lab.test"
ROW = {"room_id": "!r", "encrypted": False, "suspended": False, "hinted_sessions": "[]"}


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bot.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.emptied()


@asynccontextmanager
async def owned(url: str, user_id: str = BOT) -> AsyncIterator[tuple[Database, Ownership]]:
    """A database and its owner, as a bot has them."""
    owner = Ownership(user_id)
    database = Database(url, owner)
    await database.open()
    try:
        await owner.begin(database)
        yield database, owner
    finally:
        await database.close()


async def cut(postgres: Postgres) -> None:
    """End every session of bots."""
    connection = await asyncpg.connect(postgres.url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'foci-bot'"
    )
    await connection.close()


async def written(database: Database) -> bool:
    """Whether something can be written down."""
    with suppress(StorageError):
        async with database.begin() as connection:
            await connection.execute(text("SELECT 1"))
        return True
    return False


async def test_one_owner(url: str) -> None:
    """A second bot is turned away with one line while the first runs, and not any longer."""
    async with owned(url) as (first, _):
        with pytest.raises(InUseError, match=r"is in use by another running bot$") as caught:
            await Database(url, Ownership(BOT)).open()
        assert str(caught.value).startswith(f"database {first.place} ")
        assert await written(first)
    async with owned(url) as (second, _):
        assert await written(second)


async def test_one_account(url: str) -> None:
    """A database that was one account's is no other's, whether that bot runs or not."""
    async with owned(url) as (database, owner):
        if database.backend == "PostgreSQL":
            with pytest.raises(DatabaseRefusedError, match=rf"belongs to {BOT}, matrix.user_id is {OTHER}"):
                await Database(url, Ownership(OTHER)).open()
        known = owner.database_id
    with pytest.raises(DatabaseRefusedError, match=rf"belongs to {BOT}, matrix.user_id is {OTHER}"):
        async with owned(url, OTHER):
            pass
    async with owned(url) as (_, owner):
        assert owner.database_id == known


async def test_databases_from_before(url: str) -> None:
    """A database that never had an owner belongs to the account that it has a sync token of."""
    database = Database(url)
    await database.open()
    async with database.begin() as connection:
        await connection.execute(insert(sync_state).values(user_id=BOT, device_id="D", next_batch="s1"))
    await database.close()
    with pytest.raises(DatabaseRefusedError, match=rf"belongs to {BOT}"):
        async with owned(url, OTHER):
            pass
    async with owned(url):
        pass


async def test_a_lost_session_is_replaced(postgres: Postgres) -> None:
    """The bot goes on after its connection was cut, and is the only one again."""
    url = await postgres.emptied()
    async with owned(url) as (database, _):
        await cut(postgres)
        await until(lambda: written(database))
        with pytest.raises(InUseError):
            await Database(url, Ownership(BOT)).open()


async def test_who_was_overtaken_stops(postgres: Postgres) -> None:
    """A bot whose session was cut while another took over writes nothing more, and may not speak."""
    url = await postgres.emptied()
    async with owned(url) as (first, overtaken):
        assert overtaken.lease.held
        async with suppress_storage(), first.begin() as connection:
            await connection.execute(insert(rooms).values(ROW))
            await cut(postgres)
            async with owned(url) as (second, _):
                assert await written(second)
        for _ in range(2):
            with pytest.raises(OwnershipLostError, match="was taken over by another bot"):
                async with first.begin():
                    pass
        assert not overtaken.lease.held
        with pytest.raises(OwnershipLostError):
            await overtaken.keep(first)
    async with owned(url) as (last, _), last.begin() as connection:
        assert (await connection.execute(select(rooms))).all() == []


@asynccontextmanager
async def suppress_storage() -> AsyncIterator[None]:
    """``suppress`` for an asynchronous block."""
    with suppress(StorageError):
        yield


async def test_the_lock_of_another_makes_one_wait(postgres: Postgres) -> None:
    """While somebody else holds the lock but is not the owner yet, nothing can be written; afterwards it can."""
    url = await postgres.emptied()
    async with owned(url) as (database, _):
        await cut(postgres)
        lock = module._TAKE
        other = await asyncpg.connect(url)
        assert await other.fetchval(lock)
        with pytest.raises(StorageError, match="not free yet"):
            async with database.begin():
                pass
        await other.close()
        await until(lambda: written(database))


async def test_schemas_are_databases_of_their_own(postgres: Postgres) -> None:
    """Two bots, each with its own schema, do not disturb each other."""
    url = await postgres.emptied()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE SCHEMA a; CREATE SCHEMA b")
    await connection.close()
    try:
        async with (
            owned(f"{url}?options=-c%20search_path%3Da") as (first, _),
            owned(f"{url}?options=-c%20search_path%3Db", OTHER) as (second, _),
        ):
            assert await written(first)
            assert await written(second)
    finally:
        connection = await asyncpg.connect(url)
        await connection.execute("DROP SCHEMA a CASCADE; DROP SCHEMA b CASCADE")
        await connection.close()


async def test_the_next_owner_is_silent_at_first(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an owner that did not end in order the next one waits; after one that did it does not."""
    monkeypatch.setattr(module, "GRACE", 0.5)
    monkeypatch.setattr(module, "LEASE", 60.0)
    url = await postgres.emptied()
    async with owned(url) as (database, owner):
        assert owner.lease.held
    async with owned(url) as (database, owner):
        assert not owner.lease.held
        with pytest.raises(LeaseExpiredError):
            async with owner.lease.speaking():
                pass
        await until(lambda: owner.lease.held)
        await owner.release(database)
    async with owned(url) as (_, owner):
        assert owner.lease.held


def test_the_next_owner_waits_longer_than_the_last_one_speaks() -> None:
    """Otherwise both could."""
    assert module.LEASE < module.GRACE


async def test_the_lease_runs_out(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the database what is being said is given up; with it the lease is renewed."""
    monkeypatch.setattr(module, "LEASE", 0.4)
    monkeypatch.setattr(module, "_RENEWAL", 0.05)
    url = await postgres.emptied()
    async with owned(url) as (database, owner):
        keeping = asyncio.create_task(owner.keep(database))
        await asyncio.sleep(1.0)
        postgres.stop()
        try:
            with pytest.raises(LeaseExpiredError):
                await _talk(owner.lease)
        finally:
            await asyncio.to_thread(postgres.start)
        await until(lambda: owner.lease.held)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _talk(lease: Lease) -> None:
    while True:
        async with lease.speaking():
            await asyncio.sleep(3600)


async def test_sqlite_needs_no_lease(tmp_path: Path) -> None:
    """A file's lock cannot be lost while the process lives."""
    async with owned(f"sqlite:///{tmp_path / 'bot.db'}") as (database, owner):
        await owner.keep(database)
        assert owner.lease.held
        async with owner.lease.speaking():
            pass


class Hands:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


async def test_a_lease_has_bounds() -> None:
    """It holds from its begin, not at its end, and longer when it is renewed."""
    clock = Hands()
    lease = Lease(clock)
    assert lease.held
    lease.limit(110.0, 120.0)
    held = []
    for clock.at in (109.0, 110.0, 119.0, 120.0):
        held.append(lease.held)
    assert held == [False, True, True, False]
    lease.renew(121.0)
    assert lease.held


async def test_a_time_out_of_ones_own_is_not_the_leases() -> None:
    """What runs into another limit inside the block is told as that."""
    with pytest.raises(TimeoutError):
        async with Lease(asyncio.get_running_loop().time).speaking(), asyncio.timeout(0):
            await asyncio.sleep(1)


async def test_a_row_is_the_owners(url: str) -> None:
    """One row, whoever owned it before."""
    for _ in range(2):
        async with owned(url) as (database, _), database.begin() as connection:
            (row,) = (await connection.execute(select(ownership))).all()
            assert (row.user_id, row.released) == (BOT, False)


async def test_cancelled_transactions_leave_the_session(postgres: Postgres) -> None:
    """Whenever a transaction is cancelled, while it connects too, the next one gets the only session there is."""
    chance = random.Random(20261130)
    async with owned(await postgres.emptied()) as (database, _):

        async def work() -> None:
            with suppress(StorageError):
                async with database.begin() as connection:
                    for _ in range(3):
                        await connection.execute(text("SELECT 1"))

        for number in range(150):
            if number % 10 == 5:
                await cut(postgres)
            task = asyncio.create_task(work())
            await asyncio.sleep(chance.uniform(0, 0.02))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        engine = database._engine
        assert engine is not None
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        await until(lambda: written(database))
