"""Signing in: what is kept, what is refused, what is waited for."""

from __future__ import annotations

import asyncio
import logging
import platform
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from botkit import host
from botkit.version import VERSION
from lab.loopback import reserved_port
from lab.synapse import Synapse
from tests.matrix.bot import Bot
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy


async def test_homeserver_away_at_start(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A homeserver that is not there yet is waited for, with one line; SIGTERM ends the wait with 0."""
    port = reserved_port()
    with caplog.at_level(logging.INFO):
        bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=f"http://127.0.0.1:{port}")
        async with bot:
            await asyncio.sleep(4)
            assert bot.task is not None
            assert not bot.task.done()
            assert await bot.stop() == 0
    waiting = [record for record in caplog.records if "homeserver unavailable" in record.getMessage()]
    assert len(waiting) == 1


async def test_login_does_not_wait(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``login`` says at once that the homeserver is not there."""
    url = f"http://127.0.0.1:{reserved_port()}"
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=url)
    assert await asyncio.wait_for(host.login(bot.config), 20) == 1
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("{}", 0o600, "damaged"),
        ("not json", 0o600, "damaged"),
        ("[1]", 0o600, "damaged"),
        ('{"user_id": "@x:y", "device_id": "D", "access_token": "syt_t"}', 0o644, "readable by others"),
        ('{"user_id": "@x:y", "device_id": "D", "access_token": "syt_t"}', 0o600, "belongs to @x:y"),
    ],
)
async def test_unusable_session_files(
    synapse: Synapse,
    localparts: Callable[[str], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str,
    mode: int,
    words: str,
) -> None:
    """A session file that is damaged, open to others or somebody else's is refused by name, without its token."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    bot.directory.mkdir(parents=True)
    file = bot.directory / "session.json"
    file.write_text(content)
    file.chmod(mode)
    async with bot:
        assert await bot.ended() == 77
    error = capsys.readouterr().err
    assert words in error
    assert str(file) in error
    assert "syt_t" not in error


async def test_two_bots_on_one_directory(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one is turned away, the first goes on."""
    first = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    async with first:
        await until((first.directory / "session.json").exists)
        async with Bot(first.config) as second:
            assert await second.ended() == 78
        assert first.task is not None
        assert not first.task.done()
    assert "in use by another running bot" in capsys.readouterr().err


async def test_secrets_stay_out_of_the_log(
    synapse: Synapse,
    alice: Person,
    localparts: Callable[[str], str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At level DEBUG neither the token nor the password nor what was said in an encrypted room is logged."""
    with caplog.at_level(logging.DEBUG):
        async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
            room = await alice.create_room(bot.user_id, encrypted=True)
            await alice.wait_for_member(room, bot.user_id)
            await alice.say(room, "!echo xyzzy")
            await alice.hears_text("echo xyzzy")
            token = bot.session()["access_token"]
    own = [record.getMessage() for record in caplog.records if record.name.startswith("botkit")]
    assert own
    everything = "\n".join(own)
    for secret in (token, "bot-password", "xyzzy"):
        assert secret not in everything


async def test_health_and_metrics(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """With ``web.enabled`` the running bot tells its health and figures."""
    port = reserved_port()
    settings = {"enabled": True, "listen": f"127.0.0.1:{port}"}
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", web=settings) as bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo status")
        said = await alice.hears(lambda said: said.room_id == room)
        assert "last sync: 0 s ago" in said.body
        assert "undelivered messages: 0" in said.body
        assert "database: SQLite" in said.body

        def get(path: str) -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                return str(answer.read().decode())

        assert await asyncio.to_thread(get, "/healthz") == "ok\n"

        async def delivered() -> bool:
            return "focibot_delivery_seconds_count 1.0" in await asyncio.to_thread(get, "/metrics")

        await until(delivered)  # a message is read in the room before the bot hears that it arrived
        metrics = await asyncio.to_thread(get, "/metrics")
        assert "focibot_rooms 1.0" in metrics
        assert f'focibot_build_info{{python="{platform.python_version()}",version="{VERSION}"}} 1.0' in metrics
        assert "process_resident_memory_bytes " in metrics


async def test_a_room_that_refuses(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A refused message is given up and not repeated; other rooms, and this one later, are served."""
    refused = 0

    def refuse(request: web.Request) -> web.Response | None:
        nonlocal refused
        if "/send/m.room.message/" not in request.path or refused:
            return None
        refused += 1
        return web.json_response({"errcode": "M_FORBIDDEN", "error": "no"}, status=403)

    def too_large(request: web.Request) -> web.Response | None:
        nonlocal refused
        if "/send/m.room.message/" not in request.path or refused > 1:
            return None
        refused += 1
        return web.json_response({"errcode": "M_TOO_LARGE", "error": "no"}, status=413)

    async with (
        Proxy(synapse.base_url, before=refuse) as proxy,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo lost")
        await alice.say(room, "!echo next")
        await alice.hears_text("echo next")
        proxy.before = too_large
        command = await alice.say(room, "!echo long")
        said = await alice.hears(lambda said: "too large" in said.body)
        assert said.content["m.relates_to"]["m.in_reply_to"]["event_id"] == command
        await alice.say(room, "!echo end")
        await alice.hears_text("echo end")
    assert refused == 2
    assert len(alice.heard) == 3


async def test_a_new_device_after_a_logout(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """When somebody has logged the bot out, removing session.json is enough: a new device, signed like the old."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    assert await host.login(bot.config) == 0
    first = bot.session()
    await synapse.api("POST", "/_matrix/client/v3/logout", first["access_token"])
    assert await host.login(bot.config) == 77
    (bot.directory / "session.json").unlink()
    capsys.readouterr()
    assert await host.login(bot.config) == 0
    assert bot.session()["device_id"] != first["device_id"]
    assert "cross-signed:  yes" in capsys.readouterr().out


async def test_pages_in_place_of_a_homeserver_that_was_there(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy that has lost its backend answers with pages; whoever was signed in before waits for the homeserver."""

    def page(_: web.Request) -> web.Response:
        return web.Response(status=404, text="404 page not found")

    async with Proxy(synapse.base_url) as proxy:
        bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url)
        assert await host.login(bot.config) == 0
        proxy.before = page
        async with bot:
            await until(lambda: "does not answer as a Matrix homeserver (HTTP 404" in caplog.text)
            proxy.before = None
            with caplog.at_level(logging.INFO):
                await until(lambda: "homeserver available again" in caplog.text)


async def test_a_login_that_must_wait(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``login`` says for how long."""

    def limited(_: web.Request) -> web.Response:
        return web.json_response({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 90_000}, status=429)

    async with Proxy(synapse.base_url, before=limited) as proxy:
        bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url)
        assert await host.login(bot.config) == 1
    assert "HTTP 429 M_LIMIT_EXCEEDED, it asks to wait 90 s" in capsys.readouterr().err
