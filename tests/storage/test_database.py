"""The database itself: settings, migrations, and how its troubles read."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, text

from botkit.storage import Database, StorageError
from botkit.storage.lock import exclusive
from botkit.storage.tables import metadata, rooms
from tests.storage.postgres import Postgres

ROW = {"room_id": "!r", "encrypted": False, "suspended": False, "hinted_sessions": "[]"}


async def test_settings(tmp_path: Path) -> None:
    """SQLite runs in WAL mode, waits for locks and syncs fully."""
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()
    async with database.begin() as connection:
        values = {
            name: await connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "busy_timeout", "synchronous")
        }
    await database.close()
    assert values == {"journal_mode": "wal", "busy_timeout": 10_000, "synchronous": 2}


async def test_migrations_make_the_tables(tmp_path: Path) -> None:
    """What the migrations build is what the code expects."""
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


async def test_a_transaction_is_a_writers_from_the_start(tmp_path: Path) -> None:
    """While a transaction is open nobody else can begin to write (BEGIN IMMEDIATE)."""
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()
    other = sqlite3.connect(tmp_path / "bot.db", timeout=0, isolation_level=None)
    async with database.begin() as connection:
        await connection.execute(text("SELECT 1"))
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.close()
    await database.close()


async def test_an_exception_rolls_back(tmp_path: Path) -> None:
    """A block that raises has written nothing."""
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()

    async def fail() -> None:
        async with database.begin() as connection:
            await connection.execute(insert(rooms).values(ROW))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM rooms")) == 0
    await database.close()


async def test_cancellation_rolls_back_and_leaves_a_working_database(tmp_path: Path) -> None:
    """A task that is cancelled inside a transaction harms nobody else."""
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()
    inside = asyncio.Event()

    async def half() -> None:
        async with database.begin() as connection:
            await connection.execute(insert(rooms).values(ROW))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(half())
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with database.begin() as connection:
        await connection.execute(insert(rooms).values(ROW))
    await database.close()


async def test_closing_waits_for_the_transaction_under_way(database: Database) -> None:
    """Its connection is closed as well, and what waited for its turn hears that the database is closed."""
    inside, enough = asyncio.Event(), asyncio.Event()

    async def slow() -> Any:
        async with database.begin() as connection:
            inside.set()
            await enough.wait()
            await connection.execute(insert(rooms).values(ROW))
            return (await connection.get_raw_connection()).driver_connection

    async def late() -> None:
        async with database.begin():
            pass

    first = asyncio.create_task(slow())
    await inside.wait()
    second = asyncio.create_task(late())
    await asyncio.sleep(0)
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    enough.set()
    connection = await first
    await closing
    with pytest.raises(StorageError, match="closed"):
        await second
    assert _is_closed(connection)


def _is_closed(driver: Any) -> bool:
    return bool(driver.is_closed()) if isinstance(driver, asyncpg.Connection) else driver._connection is None


async def test_full_disk(tmp_path: Path) -> None:
    """A full database is a StorageError of one line that names file and cause; afterwards reading works."""
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()
    async with database.begin() as connection:
        pages = await connection.scalar(text("PRAGMA page_count"))
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(StorageError, match=r"bot\.db: database or disk is full") as caught:
        async with database.begin() as connection:
            await connection.execute(insert(rooms).values({**ROW, "hinted_sessions": "secret" * 100_000}))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM rooms")) == 0
    await database.close()


async def test_trouble_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many transactions fail and others work meanwhile: one line when it begins, one when it is over."""
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()

    async def write() -> None:
        async with database.begin() as connection:
            await connection.execute(insert(rooms).values({**ROW, "hinted_sessions": "x" * 100_000}))

    async with database.begin() as connection:
        pages = await connection.scalar(text("PRAGMA page_count"))
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))
    with caplog.at_level("INFO", "botkit.storage"):
        for _ in range(3):
            with pytest.raises(StorageError):
                await write()
            async with database.begin() as connection:
                await connection.execute(text("SELECT 1"))
        monkeypatch.setattr("botkit.storage.database._SOUND_AFTER", 0.0)
        async with database.begin() as connection:
            await connection.execute(text("PRAGMA max_page_count=100000"))
        await write()
    await database.close()
    place = f"database {tmp_path / 'bot.db'}: "
    assert caplog.messages == [f"{place}database or disk is full", f"{place}available again"]


async def test_not_a_database(tmp_path: Path) -> None:
    """A file that is something else is refused, not overwritten."""
    path = tmp_path / "bot.db"
    path.write_bytes(b"my diary " * 1000)
    with pytest.raises(StorageError, match="file is not a database"):
        await Database(f"sqlite:///{path}").open()
    assert path.read_bytes().startswith(b"my diary")


async def test_unwritable_directory(tmp_path: Path) -> None:
    """A path that cannot be made is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        await Database(f"sqlite:///{tmp_path / 'file' / 'bot.db'}").open()


async def test_unreachable_postgresql() -> None:
    """A database server that is not there is a StorageError without the password."""
    with pytest.raises(StorageError) as caught:
        await Database("postgresql://bot:hunter2@127.0.0.1:1/bot").open()
    assert "hunter2" not in str(caught.value)


async def test_postgresql_goes_away(postgres: Postgres) -> None:
    """While the server is gone every transaction is a StorageError; once it is back they work again."""
    database = Database(postgres.url)
    await database.open()
    postgres.stop()
    for _ in range(2):
        with pytest.raises(StorageError):
            async with database.begin() as connection:
                await connection.execute(text("SELECT 1"))
    postgres.start()
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await database.close()


async def test_postgresql_has_the_same_tables(postgres: Postgres) -> None:
    """What the migrations build there is what the code expects."""
    database = Database(await postgres.emptied())
    await database.open()

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "", "http://host/"])
def test_other_urls(url: str) -> None:
    """Anything but SQLite and PostgreSQL is refused at once."""
    with pytest.raises(StorageError, match=r"storage\.database"):
        Database(url)


def test_one_bot_per_directory(tmp_path: Path) -> None:
    """A second bot on the same directory is turned away; afterwards the directory is free again."""
    with (
        exclusive(tmp_path / "data"),
        pytest.raises(StorageError, match="in use by another"),
        exclusive(tmp_path / "data"),
    ):
        pass
    with exclusive(tmp_path / "data"):
        pass
