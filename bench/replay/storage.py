"""
The real storage on real SQLite, without its thread and without waiting for the disk.

A simulated clock waits for nobody else's time, and what a power cut leaves is not asked here.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator
from typing import Any

import aiosqlite
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from botkit.storage import Database
from plugins.foci.plugin import FociPlugin

Job = tuple["asyncio.Future[Any] | None", Callable[[], Any]]


class _AtOnce:
    """Stands in for the queue of aiosqlite's thread."""

    def put_nowait(self, job: Job) -> None:
        future, function = job
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - as the thread does: it is the waiting task's
            if future is not None:
                future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _Connection(aiosqlite.Connection):
    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(lambda: sqlite3.connect(path, **options), 64)
        self._tx = _AtOnce()  # type: ignore[assignment]

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        return self._connect().__await__()


class ThreadlessDatabase(Database):
    """SQLite that answers within the statement that asks."""

    def _create_engine(self) -> AsyncEngine:
        engine = super()._create_engine()

        async def connect(path: str, **options: Any) -> aiosqlite.Connection:
            return await _Connection(path, **options)

        def prepare(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
            parameters["async_creator_fn"] = connect

        def hurry(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.close()

        event.listen(engine.sync_engine, "do_connect", prepare)
        event.listen(engine.sync_engine, "connect", hurry)
        return engine


async def opened(url: str) -> Database:
    """The database with the host's tables and the plugin's."""
    database = ThreadlessDatabase(url)
    await database.open()
    assert FociPlugin.migrations is not None
    await database.migrate("foci", FociPlugin.migrations)
    return database
