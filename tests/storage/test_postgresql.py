"""What the parameters of a PostgreSQL URL do, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from sqlalchemy import text

from botkit.storage import Database, StorageError
from lab.authority import Authority
from tests.storage.postgres import PASSWORD, Postgres

NOBODY = "127.0.0.1:1"


@pytest.fixture
async def locked(postgres: Postgres) -> AsyncIterator[str]:
    """A role that needs its password; its name."""
    connection = await asyncpg.connect(postgres.url)
    await connection.execute(f"CREATE ROLE locked SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    yield "locked"
    await connection.execute("REASSIGN OWNED BY locked TO bot; DROP OWNED BY locked; DROP ROLE locked")
    await connection.close()


async def answer(url: str, query: str) -> object:
    """What the database says to one question."""
    database = Database(url)
    await database.open()
    try:
        async with database.begin() as connection:
            return await connection.scalar(text(query))
    finally:
        await database.close()


async def refusal(url: str) -> str:
    """The one line with which opening fails; it holds no password."""
    with pytest.raises(StorageError) as caught:
        await Database(url).open()
    line = str(caught.value)
    assert "hunter2" not in line
    assert "\n" not in line
    return line


@pytest.mark.parametrize(("mode", "encrypted"), [("disable", False), ("require", True), ("verify-ca", True)])
async def test_sslmode(postgres: Postgres, authority: Authority, mode: str, encrypted: bool) -> None:
    """Each means what it means to libpq."""
    url = f"{postgres.url}?sslmode={mode}&sslrootcert={authority.ca_file}"
    assert await answer(url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is encrypted


async def test_the_certificate_is_verified(postgres: Postgres, authority: Authority, tmp_path: Path) -> None:
    """``verify-full`` wants the host's name in a certificate of a trusted authority."""
    good = postgres.url.replace("127.0.0.1", "localhost")
    full = f"sslmode=verify-full&sslrootcert={authority.ca_file}"
    assert await answer(f"{good}?{full}", "SELECT 1") == 1
    assert "certificate verify failed" in await refusal(f"{postgres.url}?{full}")
    stranger = Authority(tmp_path / "stranger").ca_file
    assert "certificate verify failed" in await refusal(f"{good}?sslmode=verify-ca&sslrootcert={stranger}")
    assert "certificate verify failed" in await refusal(f"{good}?sslmode=verify-full&sslrootcert=system")


async def test_names_and_settings(postgres: Postgres) -> None:
    """``application_name`` and ``options`` reach the server; without a name the bot has its own."""
    assert await answer(postgres.url, "SHOW application_name") == "foci-bot"
    url = f"{postgres.url}?application_name=ops%20bot&options=-c%20work_mem%3D7MB"
    assert await answer(url, "SHOW application_name") == "ops bot"
    assert await answer(url, "SHOW work_mem") == "7MB"


async def test_sockets(postgres: Postgres) -> None:
    """A directory in place of a host, before the question mark or behind it, is a Unix socket's."""
    where = "SELECT inet_server_addr()"
    directory = quote(str(postgres.directory), safe="")
    assert await answer(f"postgresql://bot@{directory}:{postgres.port}/postgres", where) is None
    url = f"postgresql://bot@/postgres?host={postgres.directory}&port={postgres.port}"
    assert await answer(url, where) is None


async def test_several_hosts(postgres: Postgres) -> None:
    """The first that answers is used, and of a primary and a read-only one the one that can be written to."""
    host = f"127.0.0.1:{postgres.port}"
    assert await answer(f"postgresql://bot@{NOBODY},{host}/postgres", "SELECT 1") == 1
    read_only = f"{host}/postgres?options=-c%20default_transaction_read_only%3Don"
    assert "read-write" in await refusal(f"postgresql://bot@{NOBODY},{read_only}")


@pytest.mark.parametrize("place", ["login", "parameter"])
async def test_odd_passwords(postgres: Postgres, locked: str, place: str) -> None:
    """A password of nothing but trouble works wherever it is written; a wrong one is not repeated."""
    host, right = f"127.0.0.1:{postgres.port}/postgres", quote(PASSWORD, safe="")

    def url(password: str) -> str:
        if place == "login":
            return f"postgresql://{locked}:{password}@{host}"
        return f"postgresql://{locked}@{host}?password={password}"

    assert await answer(url(right), "SELECT current_user") == "locked"
    line = await refusal(url("hunter2-wrong"))
    assert line == f'database postgresql://locked@{host}: password authentication failed for user "locked"'
