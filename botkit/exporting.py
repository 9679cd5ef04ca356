"""``export`` and ``import``: the database as a file, and a file as the database."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO

from botkit.config import Config, ConfigError
from botkit.loader import LoadedPlugin
from botkit.standby import open_database
from botkit.storage import Database, DatabaseRefusedError, StorageError
from botkit.storage.ownership import Ownership
from botkit.storage.transfer import Carried, Contents, TransferError, account_of, exported, imported
from botkit.version import VERSION

EXIT_FAILURE = 1
EXIT_REFUSED = 78

_LONGEST_LINE = 64 * 1024 * 1024


def run_transfer(word: str, config: Config, plugins: Sequence[LoadedPlugin], file: Path, program: str) -> int:
    """
    Do it; errors are one line on standard error.

    Args:
        word: ``export`` or ``import``.

    Returns:
        0, 78 when the database is in use, another account's or of a newer version, 1 when it did not work.

    Raises:
        ConfigError: there is no account in the configuration.
    """
    work = _export if word == "export" else _import
    try:
        done = asyncio.run(work(config, plugins, file))
    except TransferError as error:
        return _failed(f"{file}: {error}", EXIT_FAILURE, program)
    except DatabaseRefusedError as error:
        return _failed(str(error), EXIT_REFUSED, program)
    except StorageError as error:
        return _failed(str(error), EXIT_FAILURE, program)
    except OSError as error:
        return _failed(f"{file}: {error.strerror or error}", EXIT_FAILURE, program)
    print(done)
    return 0


def _failed(text: str, code: int, program: str) -> int:
    print(f"{program}: {text}", file=sys.stderr)
    return code


async def _export(config: Config, plugins: Sequence[LoadedPlugin], file: Path) -> str:
    with _new_file(file) as descriptor:
        async with _alone(config, plugins) as (database, carried, account), database.begin() as connection:
            contents = await Contents.of(connection, carried)
            owner = await account_of(connection) or account
            last = "{}"
            async for last in exported(connection, contents, owner, VERSION):
                _write(descriptor, last)
        os.fsync(descriptor)
    return f"exported {json.loads(last)['rows']} rows of {owner} to {file}"


async def _import(config: Config, plugins: Sequence[LoadedPlugin], file: Path) -> str:
    with file.open(encoding="ascii", errors="replace") as source:
        async with _alone(config, plugins) as (database, carried, account), database.begin() as connection:
            contents = await Contents.of(connection, carried)
            counted = await imported(connection, contents, account, _lines(source))
    return f"imported {counted.total()} rows of {account} from {file}"


@asynccontextmanager
async def _alone(
    config: Config, plugins: Sequence[LoadedPlugin]
) -> AsyncIterator[tuple[Database, Mapping[str, Carried], str]]:
    """The database while no bot runs on it, what plugins keep there, and the account."""
    if config.matrix is None:
        raise ConfigError("matrix: this section is required; see config.yaml.sample")
    account = config.matrix.user_id
    async with AsyncExitStack() as stack:
        database = await open_database(stack, config, plugins, Ownership(account))
        kept = {loaded.name: loaded.plugin.carried() for loaded in plugins}
        yield database, {name: carried for name, carried in kept.items() if carried is not None}, account


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[int]:
    """A file that only its owner may read; gone again if something fails. Raises OSError, also if it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield descriptor
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(descriptor)


def _write(descriptor: int, line: str) -> None:
    # within a transaction the system's errors are the database's
    rest = line.encode("ascii")
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise TransferError(error.strerror or type(error).__name__) from None


def _lines(source: IO[str]) -> Iterator[str]:
    try:
        while line := source.readline(_LONGEST_LINE):
            yield line
    except OSError as error:
        raise TransferError(error.strerror or type(error).__name__) from None
