"""A bot's whole day at debug logging against a real homeserver, and no secret anywhere it must not be."""

from __future__ import annotations

import asyncio
import json
import os
import secrets as chance
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from lab.bot import BOT_PROGRAM, Bot, BotError
from lab.federation import Federation
from lab.loopback import reserved_port
from lab.synapse import Synapse
from tests.leaks import forms, joined, leaks
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy
from tests.storage.postgres import Postgres

MAY_HOLD = {
    "session.json": {"access token"},
    "pickle.key": {"key of the encryption store"},
    "cross_signing.json": {"master key", "self-signing key", "user-signing key"},
}
"""Files of the storage directory, and the secrets that are kept there and nowhere else."""

TALKATIVE = ("aiohttp", "alembic", "asyncio", "nio", "peewee", "sqlalchemy.engine", "sqlalchemy.pool")
"""Libraries that say more than the root logger's level lets them unless they are told to."""

COMMANDS = ("!foci", "!foci lab.test", "!foci healthy.example --deep", "!foci nonsense", "!foci status", "!foci room")


@dataclass
class Day:
    """
    What a bot left behind.

    Attributes:
        secrets: by name; all that the bot knew.
        places: content by place: logs, command lines, URLs, output, messages, database.
        sent: what it sent to the homeserver, in headers and bodies, and to the trusted service: secrets belong there.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    places: dict[str, bytes] = field(default_factory=dict)
    sent: bytes = b""
    storage: Path = Path()


@pytest.fixture(scope="module")
def homeserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """A homeserver whose logs and database are this test's alone."""
    server = Synapse(tmp_path_factory.mktemp("homeserver"))
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="module", params=["password", "token"])
def day(
    request: pytest.FixtureRequest,
    homeserver: Synapse,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Day:
    """A bot that logs in with a password, and one that is given a token."""
    return asyncio.run(_live(str(request.param), homeserver, postgres, tmp_path_factory.mktemp("day")))


async def _live(way: str, homeserver: Synapse, postgres: Postgres, place: Path) -> Day:
    day = Day(storage=place / "data")
    day.secrets |= {"password": _secret(), "database password": _secret()}
    account = await homeserver.register(f"bot-{way}", day.secrets["password"])
    database = await _database(postgres, f"bot_{way}")
    urls: list[str] = []
    async with Federation(place / "federation") as federation, Proxy(homeserver.base_url) as proxy:
        proxy.before = _recorder(urls, day)
        focus = await federation.focus("https://rtc.healthy.example/jwt")
        await federation.server("healthy.example", foci=[focus.url])
        config = _configure(place, day, proxy.base_url, account.user_id, database, federation)
        if way == "token":
            login = await homeserver.login(account.user_id, day.secrets["password"])
            _write(place / "token", login.access_token)
            config["matrix"]["access_token_file"] = "token"
        else:
            _write(place / "password", day.secrets["password"])
            config["matrix"]["password_file"] = "password"
        async with _running(place, config) as bot, Person(homeserver, f"person-{way}", place / "person") as person:
            await _converse(person, bot, account.user_id, day)
            day.places["metrics"] = await _metrics(config["web"]["listen"])
            await _trouble(proxy, bot)
        day.sent += b"\n".join(request.body for request in focus.site.requests)
        await _read_database(postgres, database, day)
        await asyncio.to_thread(_run_by_hand, place, day)
    day.secrets |= _kept(day.storage) | _issued(homeserver, account.user_id)
    day.places |= {"URLs": joined(urls), "homeserver's log": homeserver.log_file.read_bytes()}
    day.places["bot's log"] = (place / "bot.log").read_bytes()
    return day


def _secret() -> str:
    return chance.token_urlsafe(24) + "/+ä "


def _write(path: Path, secret: str) -> None:
    path.touch(mode=0o600)
    path.write_text(secret)


def _configure(
    place: Path, day: Day, base_url: str, user_id: str, database: str, federation: Federation
) -> dict[str, Any]:
    password = quote(day.secrets["database password"], safe="")
    return {
        "matrix": {"homeserver_url": base_url, "user_id": user_id},
        "storage": {
            "path": str(day.storage),
            "database": database.replace("postgresql://bot@", f"postgresql://bot:{password}@"),
        },
        "invites": {"policy": "anyone"},
        "commands": {"per_user": "1000/min", "per_room": "1000/min"},
        "network": {**federation.network(), "nameservers": ["127.0.0.1:9"], "timeout": "2s", "deadline": "4s"},
        "web": {"enabled": True, "listen": f"127.0.0.1:{reserved_port()}"},
        "logging": {"root": {"level": "DEBUG"}, "loggers": {name: {"level": "DEBUG"} for name in TALKATIVE}},
        "plugins": {"foci": {"deep": {"enabled": True, "trusted_services": ["rtc.healthy.example"]}}},
    }


async def _database(postgres: Postgres, name: str) -> str:
    engine = create_async_engine(
        postgres.url.replace("postgresql:", "postgresql+asyncpg:"), isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return postgres.url.removesuffix("postgres") + name


def _recorder(urls: list[str], day: Day) -> Any:
    async def record(request: web.Request) -> None:
        urls.append(f"{request.method} {request.rel_url}")
        day.sent += joined(f"{name}: {value}" for name, value in request.headers.items()) + await request.read()

    return record


@asynccontextmanager
async def _running(place: Path, config: Mapping[str, Any]) -> AsyncIterator[Bot]:
    bot = Bot(place, dict(config))
    bot.start()
    try:
        yield bot
    finally:
        await bot.stop()


async def _converse(person: Person, bot: Bot, bot_id: str, day: Day) -> None:
    room = await person.create_room(bot_id, encrypted=True)
    await bot.watched(person.wait_for_member(room, bot_id))
    for command in COMMANDS:
        sent = await person.say(room, command)
        await bot.watched(person.hears(lambda said, sent=sent: _answers(said.content, sent), 60.0))
    day.places["command lines"] = _command_lines()
    day.places["messages"] = joined(json.dumps(said.content, ensure_ascii=False) for said in person.heard)


def _answers(content: Mapping[str, Any], event_id: str) -> bool:
    relation = content.get("m.relates_to", {})
    return event_id in (relation.get("event_id"), relation.get("m.in_reply_to", {}).get("event_id"))


def _command_lines() -> bytes:
    """Of every process of this machine, as anybody on it can read them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:  # it ended meanwhile
            continue
    return b"\n".join(found)


async def _metrics(listen: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(f"http://{listen}/metrics") as response:
        return await response.read()


async def _trouble(proxy: Proxy, bot: Bot) -> None:
    """A homeserver that answers in every wrong way, and then takes the account away: errors carry secrets into logs."""
    record = proxy.before
    assert record is not None
    wrong = [
        (500, "oops"),
        (429, '{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 10}'),
        (502, "<html>Bad Gateway</html>"),
        (401, '{"errcode": "M_UNKNOWN_TOKEN", "error": "Access token unknown"}'),
    ]

    async def answer(request: web.Request) -> web.StreamResponse:
        await record(request)  # type: ignore[misc]
        status, body = wrong.pop(0) if len(wrong) > 1 else wrong[0]
        return web.Response(status=status, text=body)

    proxy.before = answer
    with pytest.raises(BotError, match="the bot ended"):
        await bot.watched(asyncio.wait_for(asyncio.Event().wait(), 90))
    proxy.before = record


async def _read_database(postgres: Postgres, database: str, day: Day) -> None:
    """All rows of all tables, but what the homeserver's answers are kept in."""
    engine = create_async_engine(database.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        names = await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        tables = [name for (name,) in names]
        rows = [
            str(tuple(row)) for table in tables for row in await connection.execute(text(f'SELECT * FROM "{table}"'))
        ]
    await engine.dispose()
    assert rows
    day.places["database"] = joined(rows)


def _run_by_hand(place: Path, day: Day) -> None:
    """The other subcommands, with the same configuration and with a broken one."""
    good = place / "config.yaml"
    broken = place / "broken.yaml"
    broken.write_text(json.dumps({**json.loads(good.read_text()), "nonsense": 1}))
    for name, words in {
        "config": ["config", "--config", str(good)],
        "check": ["check", "--json", "--config", str(good), "lab.test", "healthy.example"],
        "login": ["login", "--config", str(good)],
        "config, broken": ["config", "--config", str(broken)],
    }.items():
        done = subprocess.run(
            [sys.executable, str(BOT_PROGRAM), *words], cwd=place, capture_output=True, timeout=120, check=False
        )
        assert done.stdout or done.stderr, name
        day.places[f"output of {name}"] = done.stdout + done.stderr


def _kept(storage: Path) -> dict[str, str]:
    """The secrets that the bot made or was given, as its storage has them."""
    seeds = json.loads((storage / "cross_signing.json").read_text())
    found = {f"{usage.replace('_', '-')} key": seed for usage, seed in _seeds(seeds).items()}
    return {**found, "key of the encryption store": (storage / "pickle.key").read_text()}


def _seeds(content: Any) -> dict[str, str]:
    parts = content.values() if isinstance(content, dict) else ()
    (seeds,) = [part for part in parts if isinstance(part, dict) and "master" in part]
    return dict(seeds)


def _issued(homeserver: Synapse, user_id: str) -> dict[str, str]:
    """The tokens that the homeserver issued to the account, from its own database."""
    with closing(sqlite3.connect(homeserver.directory / "homeserver.db")) as database:
        tokens = database.execute(
            "SELECT token FROM access_tokens WHERE user_id = ? ORDER BY id DESC", (user_id,)
        ).fetchall()
        openid = database.execute("SELECT token FROM open_id_tokens WHERE user_id = ?", (user_id,)).fetchall()
    # What follows the localpart, which is no secret: syt_<localpart>_<random>_<checksum>
    ((newest,), *_) = tokens
    return {
        "access token": newest.split("_", 2)[2],
        **{f"OpenID token {number}": token for number, (token,) in enumerate(openid, 1)},
    }


def test_no_secret_is_where_it_must_not_be(day: Day) -> None:
    """Logs at debug level, command lines, URLs, output, errors, messages, metrics, database: none holds any."""
    assert len(day.secrets) >= 7
    assert set(day.places) >= {"bot's log", "homeserver's log", "command lines", "URLs", "messages", "database"}
    assert {place for place, content in day.places.items() if not content} == set()
    assert leaks(day.secrets, day.places) == []


def test_the_bot_did_log_at_debug_level(day: Day) -> None:
    """A quiet log would prove nothing."""
    log = day.places["bot's log"]
    assert log.count(b" DEBUG ") > 20
    assert b"sqlalchemy.engine" in log
    assert b"no longer accepts the access token" in log


def test_what_is_kept_is_kept_apart(day: Day) -> None:
    """Each secret that the bot keeps lies in one file, which only the bot may read."""
    files = {path.name: path for path in day.storage.rglob("*") if path.is_file()}
    assert MAY_HOLD.keys() <= files.keys()
    for name, path in files.items():
        found = {secret for secret in day.secrets if leaks({secret: day.secrets[secret]}, {name: path.read_bytes()})}
        assert found <= MAY_HOLD.get(name, set()), name
        assert not found or stat.S_IMODE(path.stat().st_mode) == 0o600, name
    assert stat.S_IMODE(day.storage.stat().st_mode) == 0o700


def test_the_search_finds_what_is_there(day: Day) -> None:
    """The token in the session's file and in the requests to the homeserver, and each form of each secret."""
    token = {"access token": day.secrets["access token"]}
    assert leaks(token, {"session": (day.storage / "session.json").read_bytes()}) != []
    assert leaks(token, {"requests": day.sent}) != []
    openid = {name: secret for name, secret in day.secrets.items() if name.startswith("OpenID token")}
    assert openid
    assert leaks(openid, {"requests": day.sent}) != []
    assert os.fsencode(BOT_PROGRAM) in day.places["command lines"]
    for name, secret in day.secrets.items():
        for form, wanted in forms(secret):
            assert leaks({name: secret}, {"log": b"a line with " + wanted + b" in it"}), (name, form)
