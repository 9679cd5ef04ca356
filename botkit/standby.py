"""How a bot comes to own its storage: at once, or, standing by, when the owner is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from botkit.config import Config
from botkit.loader import LoadedPlugin
from botkit.storage import Database, DatabaseRefusedError, StorageError
from botkit.storage.errors import InUseError
from botkit.storage.lock import exclusive
from botkit.storage.ownership import Ownership

PAUSE = 1.0
"""Seconds between attempts."""

PATIENCE = 12.0
"""Seconds until PostgreSQL has surely noticed that the last owner's machine is gone."""


Waiting = Callable[[str], Awaitable[None]]
"""Called with a line for each new reason to wait."""


async def hold_directory(stack: AsyncExitStack, config: Config, waiting: Waiting | None) -> None:
    """
    Hold ``storage.path`` until the stack ends.

    Args:
        waiting: None not to wait for another process.

    Raises:
        StorageError: another process holds it, or it cannot be written.
    """

    async def attempt() -> None:
        stack.enter_context(exclusive(config.storage.path))

    await _persist(attempt, waiting, 0.0)


async def own_database(
    stack: AsyncExitStack,
    config: Config,
    plugins: Sequence[LoadedPlugin],
    ownership: Ownership,
    waiting: Waiting | None = None,
) -> Database:
    """
    The database with all tables, this process's alone until the stack ends.

    Args:
        waiting: None not to wait for another process, nor for a database that is down.

    Raises:
        DatabaseRefusedError: it is another account's, of a newer version, or in use.
        StorageError: it cannot be used.
    """
    database = await open_database(stack, config, plugins, ownership, waiting, PATIENCE)
    await ownership.begin(database)
    stack.push_async_callback(ownership.release, database)
    return database


async def open_database(
    stack: AsyncExitStack,
    config: Config,
    plugins: Sequence[LoadedPlugin],
    ownership: Ownership,
    waiting: Waiting | None = None,
    patience: float = 0.0,
) -> Database:
    """The same without writing down who the owner is; ``patience`` is for PostgreSQL, seconds. Raises the same."""
    database = Database(config.storage.database_url, ownership)
    stack.push_async_callback(database.close)
    await _persist(database.open, waiting, patience if database.backend == "PostgreSQL" else 0.0)
    for loaded in plugins:
        if loaded.plugin.migrations is not None:
            await database.migrate(loaded.name, loaded.plugin.migrations)
    return database


async def _persist(attempt: Callable[[], Awaitable[None]], waiting: Waiting | None, patience: float) -> None:
    loop = asyncio.get_running_loop()
    latest = loop.time() + patience
    said = ""
    while True:
        try:
            return await attempt()
        except StorageError as error:
            in_use = isinstance(error, InUseError)
            if waiting is None and not (in_use and loop.time() < latest):
                raise
            if isinstance(error, DatabaseRefusedError) and not in_use:
                raise
            reason = str(error)
        if waiting is not None and reason != said:
            await waiting(reason)
            said = reason
        await asyncio.sleep(PAUSE)
