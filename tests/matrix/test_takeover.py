"""Real bots on one database, or one account: the second is turned away, a standby takes over, figures without it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientSession

from lab.loopback import reserved_port
from lab.synapse import Synapse
from tests.matrix.bot import Bot, write_config
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.process import Process
from tests.storage.postgres import Postgres

PASSWORD = "bot-password"
TAKEOVER = 30.0


@dataclass(frozen=True)
class Crew:
    """
    Bots of one account, none of them running.

    Attributes:
        database: its URL, unless a bot is made with another one.
        make: a bot with a storage directory of that name; more arguments are the command line's.
    """

    user_id: str
    directory: Path
    database: str
    make: Callable[..., Process]


@pytest.fixture
async def crew(
    request: pytest.FixtureRequest, synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Crew]:
    """All on one database, of the kind that the test asks for."""
    account = await synapse.register(localparts("bot"), PASSWORD)
    database = f"sqlite:///{tmp_path / 'bot.db'}"
    if getattr(request, "param", "postgres") == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        database = await server.emptied()
    bots: list[Process] = []

    def make(name: str, *arguments: str, user_id: str = account.user_id, database: str = database) -> Process:
        storage = {"path": str(tmp_path / name), "database": database}
        directory = tmp_path / f"{name}-{len(bots)}"
        config = write_config(directory, synapse.base_url, user_id, matrix={"password": PASSWORD}, storage=storage)
        bots.append(Process(config, directory / "log", *arguments))
        return bots[-1]

    yield Crew(account.user_id, tmp_path, database, make)
    for bot in bots:
        bot.kill()


@asynccontextmanager
async def answering(crew: Crew, bot: Process, alice: Person, *, encrypted: bool = False) -> AsyncIterator[str]:
    """A bot that runs and has answered; the room."""
    bot.start()
    room = await alice.create_room(crew.user_id, encrypted=encrypted)
    await alice.wait_for_member(room, crew.user_id)
    await alice.say(room, "!echo first")
    await alice.hears_text("echo first")
    yield room


def device(crew: Crew, name: str) -> str:
    """The device in a storage directory."""
    session: dict[str, Any] = json.loads((crew.directory / name / "session.json").read_text())
    return str(session["device_id"])


@pytest.mark.parametrize("crew", ["sqlite", "postgres"], indirect=True)
async def test_a_second_bot_is_turned_away(crew: Crew, alice: Person) -> None:
    """One line and status 78, and the first one goes on, for the same directory and for another one."""
    first = crew.make("a")
    async with answering(crew, first, alice) as room:
        for name, subject in (("a", f"storage.path {crew.directory / 'a'}"), ("b", "database ")):
            second = crew.make(name)
            second.start()
            assert await second.died() == 78
            (line,) = second.log.read_text().splitlines()
            assert line.startswith(f"bot.py: {subject}")
            assert line.endswith("is in use by another running bot")
        await alice.say(room, "!echo still there")
        await alice.hears_text("echo still there")
    assert not (crew.directory / "b" / "session.json").exists()
    assert await first.terminate() == 0


async def test_a_database_is_its_accounts(
    crew: Crew, synapse: Synapse, alice: Person, localparts: Callable[[str], str]
) -> None:
    """Another account is turned away while the bot runs and when it does not, standing by or not."""
    other = await synapse.register(localparts("other"), PASSWORD)
    first = crew.make("a")
    async with answering(crew, first, alice):
        for arguments in ((), ("--standby",)):
            await _turned_away(crew.make("b", *arguments, user_id=other.user_id), crew.user_id)
    assert await first.terminate() == 0
    await _turned_away(crew.make("b", user_id=other.user_id), crew.user_id)


async def _turned_away(bot: Process, owner: str) -> None:
    bot.start()
    assert await bot.died() == 78
    (line,) = bot.log.read_text().splitlines()
    assert f"belongs to {owner}, matrix.user_id is " in line
    bot.log.unlink()


@pytest.mark.parametrize("crew", ["sqlite"], indirect=True)
async def test_an_account_is_one_databases(crew: Crew, alice: Person, tmp_path: Path) -> None:
    """A bot with another database is turned away while the first one runs, and not after that one's orderly end."""
    first = crew.make("a")
    elsewhere = f"sqlite:///{tmp_path / 'other.db'}"
    async with answering(crew, first, alice) as room:
        second = crew.make("b", database=elsewhere)
        second.start()
        assert await second.died() == 78
        assert " is in use by another running bot with a database of its own (device " in _last(second)
        await alice.say(room, "!echo undisturbed")
        await alice.hears_text("echo undisturbed")
        first.kill()
        again = crew.make("a")
        again.start()
        await alice.say(room, "!echo back")
        await alice.hears_text("echo back")
        assert await again.terminate() == 0
    third = crew.make("b", database=elsewhere)
    third.start()
    await until(lambda: _reads(tmp_path / "other.db"), within=60)
    await alice.say(room, "!echo moved")
    await alice.hears_text("echo moved")
    assert await third.terminate() == 0


@pytest.mark.parametrize("crew", ["sqlite"], indirect=True)
async def test_a_copy_is_another_database(crew: Crew, alice: Person, tmp_path: Path) -> None:
    """A copied file has the same name for itself; another device on it is turned away all the same."""
    first = crew.make("a")
    async with answering(crew, first, alice):
        with (
            closing(sqlite3.connect(tmp_path / "bot.db")) as source,
            closing(sqlite3.connect(tmp_path / "copy.db")) as copy,
        ):
            source.backup(copy)
        second = crew.make("b", database=f"sqlite:///{tmp_path / 'copy.db'}")
        second.start()
        assert await second.died() == 78
        assert "with a database of its own" in _last(second)
    assert await first.terminate() == 0


def _reads(database: Path) -> bool:
    """Whether a bot with that file has begun to read."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return bool(connection.execute("SELECT count(*) FROM sync_state").fetchone()[0])


def _last(bot: Process) -> str:
    return bot.log.read_text().splitlines()[-1]


@pytest.mark.parametrize("same", [True, False], ids=["same directory", "another directory"])
async def test_a_standby_takes_over(crew: Crew, alice: Person, same: bool) -> None:
    """After a ``kill -9`` it answers within half a minute, as the same device if it has that one's directory."""
    first, second = crew.make("a"), crew.make("a" if same else "b", "--standby")
    async with answering(crew, first, alice, encrypted=True) as room:
        second.start()
        await until(lambda: "standing by" in _log(second))
        if not same:
            await until(lambda: "signed in" in _log(second))
        await alice.say(room, "!echo before")
        await alice.hears_text("echo before")
        await until(lambda: _settled(crew.database))
        first.kill()
        killed = time.monotonic()
        await alice.say(room, "!echo after")
        await alice.hears_text("echo after", within=2 * TAKEOVER)
        assert time.monotonic() - killed < TAKEOVER
        third = crew.make("a", "--standby")
        third.start()
        await until(lambda: "standing by" in _log(third))
        assert await second.terminate() == 0
        await alice.say(room, "!echo at last")
        await alice.hears_text("echo at last", within=TAKEOVER)
        assert (device(crew, "a") == device(crew, "a" if same else "b")) is same
    assert Counter(said.body for said in alice.heard if said.sender == crew.user_id) == Counter(
        ["echo first", "echo before", "echo after", "echo at last"]
    )
    assert await third.terminate() == 0


def _log(bot: Process) -> str:
    return bot.log.read_text() if bot.log.exists() else ""


async def test_a_standby_ends_in_order(crew: Crew, alice: Person) -> None:
    """SIGTERM ends one that still waits; it has said nothing."""
    first, second = crew.make("a"), crew.make("b", "--standby")
    async with answering(crew, first, alice):
        second.start()
        await until(lambda: "standing by" in _log(second))
        assert await second.terminate() == 0
    assert await first.terminate() == 0


async def test_an_owner_that_was_overtaken_ends(crew: Crew, alice: Person, postgres: Postgres) -> None:
    """
    The database's sessions are cut while a standby waits: one of the two goes on, in order.

    The message that was under way may come twice: a second device cannot tell whether it arrived.
    """
    first, second = crew.make("a"), crew.make("b", "--standby")
    async with answering(crew, first, alice) as room:
        second.start()
        await until(lambda: "standing by" in _log(second))
        for number in range(6):
            await alice.say(room, f"!echo {number}")
            if number == 2:
                postgres.stop()
                await asyncio.to_thread(postgres.start)
        await alice.hears_text("echo 5", within=3 * TAKEOVER)
        await until(lambda: _settled(crew.database))
    answers = [said.body for said in alice.heard if said.sender == crew.user_id]
    assert [body for body, _ in groupby(answers)] == ["echo first", *(f"echo {number}" for number in range(6))]
    assert len(answers) <= 8


async def _settled(database: str) -> bool:
    """Whether nothing waits to be sent."""
    try:
        connection = await asyncpg.connect(database)
    except OSError:
        return False
    waiting = await connection.fetchval("SELECT count(*) FROM outbox WHERE state = 'waiting'")
    await connection.close()
    return not waiting


async def test_figures_without_a_database(
    synapse: Synapse, postgres: Postgres, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """``/metrics`` answers while the database is down, says so, and leaves out what it would have to read."""
    listen = f"127.0.0.1:{reserved_port()}"
    storage = {"path": "data", "database": await postgres.emptied()}
    made = Bot.with_password(
        synapse, localparts("bot"), tmp_path / "bot", storage=storage, web={"enabled": True, "listen": listen}
    )
    async with await made, ClientSession() as session:

        async def figures() -> dict[str, str]:
            async with session.get(f"http://{listen}/metrics") as response:
                assert response.status == 200
                lines = (await response.text()).splitlines()
            return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

        async def is_up(value: str = "1.0") -> bool:
            try:
                return (await figures())["focibot_database_up"] == value
            except OSError:
                return False

        await until(is_up)

        async def synced() -> bool:
            return float((await figures())["focibot_sync_age_seconds"]) < 60

        await until(synced, within=60)
        assert (await figures())["focibot_undelivered_messages"] == "0.0"
        postgres.stop()
        try:
            await until(partial(is_up, "0.0"), within=60)
            down = await figures()
        finally:
            await asyncio.to_thread(postgres.start)
        assert "focibot_undelivered_messages" not in down
        assert float(down["focibot_uptime_seconds"]) > 0
        await until(is_up)
