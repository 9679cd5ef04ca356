"""One database, SQLite or PostgreSQL, behind one door: ``begin()``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import asyncpg
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from botkit.database_url import PostgresUrl, SqliteUrl, parse_database_url
from botkit.storage.errors import DatabaseRefusedError, SessionLostError, StorageError
from botkit.storage.lock import locked
from botkit.storage.postgresql import connect
from botkit.storage.turns import Turns

log = logging.getLogger(__name__)

Connection = AsyncConnection
"""What ``Database.begin`` gives: a transaction that is under way."""

_BUSY_MS = 10_000
_SOUND_AFTER = 15.0
"""Seconds without a failure after which the database is believed to be sound again."""

_OWN_REVISIONS = Path(__file__).parent / "migrations" / "versions"
# while it connects, asyncpg's own exceptions and the system's come through unwrapped
_TROUBLES = (DBAPIError, PoolTimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Owner(Protocol):
    """What makes a process the only one on a database."""

    async def claim(self, session: asyncpg.Connection, place: str) -> None:
        """Make a new session to PostgreSQL the owner's; ``place`` is the database. Raises StorageError."""


class Database:
    """
    Holds the engine. SQLite runs in WAL mode, every transaction is a writer's from its first statement
    (``BEGIN IMMEDIATE``), so that a transaction never fails halfway because of another writer. PostgreSQL is used over
    one session, which is its owner's or nobody's.

    Args:
        owner: whoever wants the database alone.
    """

    def __init__(self, url: str, owner: Owner | None = None) -> None:
        """Raises StorageError: the URL is not valid, or of neither SQLite nor PostgreSQL."""
        try:
            self._url = parse_database_url(url)
        except ValueError as error:
            raise StorageError(f"storage.database {error}") from None
        self._owner = owner
        self._lock = ExitStack()
        self._engine: AsyncEngine | None = None
        # one writer at a time: tasks queue here in order instead of polling the file lock
        self._turns = Turns()
        self._complaint = ""
        self._failed_at = 0.0

    @property
    def backend(self) -> str:
        """``SQLite`` or ``PostgreSQL``."""
        return "SQLite" if self._sqlite else "PostgreSQL"

    @property
    def place(self) -> str:
        """What the log calls it."""
        return self._url.place

    @property
    def _sqlite(self) -> bool:
        return isinstance(self._url, SqliteUrl)

    async def open(self) -> None:
        """
        Connect and bring the tables up to date.

        Raises:
            StorageError: unreachable, locked for too long, not writable, or not a database.
            DatabaseRefusedError: its tables are those of a newer version, or it is not for this owner.
        """
        try:
            if isinstance(self._url, SqliteUrl) and self._url.path:
                await asyncio.to_thread(self._make_file, Path(self._url.path))
            self._engine = self._create_engine()
            async with self._engine.begin() as connection:
                await connection.run_sync(_migrate)
        except (SQLAlchemyError, CommandError, *_TROUBLES) as error:
            await self.close()
            raise StorageError(f"database {self.place}: {cause(error)}") from error
        except _UnknownRevisionError as error:
            await self.close()
            raise self._newer(error) from None
        except StorageError:
            await self.close()
            raise

    async def migrate(self, owner: str, revisions: Path) -> None:
        """
        Bring a plugin's own tables up to date; their revision is in ``alembic_version_<owner>``.

        Args:
            revisions: a directory of Alembic revisions; the environment is the host's.

        Raises:
            StorageError: it did not work; the tables are as they were.
            DatabaseRefusedError: they are those of a newer version.
        """
        if not await asyncio.to_thread(revisions.is_dir):
            raise StorageError(f"tables of plugin {owner}: {revisions} is not a directory")
        try:
            async with self.begin() as connection:
                await connection.run_sync(_migrate, revisions, owner)
        except _UnknownRevisionError as error:
            raise self._newer(error) from None
        except (StorageError, SQLAlchemyError, CommandError) as error:
            raise StorageError(f"tables of plugin {owner}: {cause(error)}") from error

    async def close(self) -> None:
        """Give every connection back, after the transaction under way has ended; safe to call twice."""
        engine, self._engine = self._engine, None
        try:
            if engine is None:
                return
            # a connection that is in use now would come back to a pool that nobody empties any more
            async with self._turns.turn():
                pass
        finally:
            if engine is not None:
                await engine.dispose()
            self._lock.close()

    @asynccontextmanager
    async def begin(self, *, background: bool = False) -> AsyncIterator[AsyncConnection]:
        """
        One transaction: committed at the end, rolled back by an exception.

        An error is logged here once, as is its end; callers need not log it.

        Args:
            background: nobody in a room waits for it: it begins when no other transaction waits to.

        Raises:
            StorageError: the database failed (full, locked, gone, corrupt); nothing was written.
        """
        async with self._turns.turn(background=background):
            if self._engine is None:
                raise StorageError("the database is closed")
            try:
                async with self._engine.begin() as connection:
                    yield connection
            except SessionLostError as error:
                self._complain(str(error))
                raise
            except _TROUBLES as error:
                self._complain(cause(error))
                raise StorageError(f"database {self.place}: {cause(error)}") from error
            self._recover()

    def _newer(self, error: _UnknownRevisionError) -> DatabaseRefusedError:
        return DatabaseRefusedError(
            f"database {self.place}: its tables are of a newer version of the bot ({error}); "
            "run that version, or restore a backup"
        )

    def _complain(self, reason: str) -> None:
        self._failed_at = asyncio.get_running_loop().time()
        if reason != self._complaint:
            log.error("database %s: %s", self.place, reason)
            self._complaint = reason

    def _recover(self) -> None:
        # on a full disk reading continues to work between the writes that fail
        if self._complaint and asyncio.get_running_loop().time() > self._failed_at + _SOUND_AFTER:
            log.info("database %s: available again", self.place)
            self._complaint = ""

    def _create_engine(self) -> AsyncEngine:
        if isinstance(self._url, PostgresUrl):
            return create_async_engine(
                "postgresql+asyncpg://",
                async_creator=partial(self._session, self._url),
                pool_size=1,
                max_overflow=0,
                pool_pre_ping=True,
                hide_parameters=True,
            )
        url = URL.create("sqlite+aiosqlite", database=self._url.path or None)
        engine = create_async_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_MS / 1000})
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
        return engine

    async def _session(self, url: PostgresUrl) -> asyncpg.Connection:
        session = await connect(url)
        try:
            if self._owner is not None:
                await self._owner.claim(session, self.place)
        except BaseException:
            session.terminate()
            raise
        return session

    def _make_file(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # it holds what was said in encrypted rooms; SQLite gives its side files the same mode
        path.touch(mode=0o600)
        if self._owner is not None:
            self._lock.enter_context(locked(path.with_name(f"{path.name}-lock"), f"database {path}"))


def cause(error: BaseException) -> str:
    """The driver's own words in one line, without statement or parameters."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(origin).split())[:200] or type(origin).__name__


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # None hands BEGIN to us; the driver would otherwise open deferred transactions
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_immediate(connection: SyncConnection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class _UnknownRevisionError(Exception):
    """A revision that this version does not have."""


def _migrate(connection: SyncConnection, revisions: Path = _OWN_REVISIONS, owner: str = "") -> None:
    config = AlembicConfig()
    # an option is a format string to the configuration parser
    for option, path in (("script_location", _OWN_REVISIONS.parent), ("version_locations", revisions)):
        config.set_main_option(option, str(path).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    table = f"alembic_version_{owner}" if owner else "alembic_version"
    config.attributes["version_table"] = table
    current = MigrationContext.configure(connection, opts={"version_table": table}).get_current_heads()
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if unknown := set(current) - known:
        raise _UnknownRevisionError(f"{table} {min(unknown)}")
    command.upgrade(config, "head")
