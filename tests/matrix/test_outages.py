"""What the bot does while its homeserver is away, confused or angry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from lab.synapse import Synapse
from tests.matrix.bot import Bot
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy, bad_gateway


async def test_502_storm(
    synapse: Synapse,
    alice: Person,
    localparts: Callable[[str], str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A proxy that answers 502 is asked at most once per back-off step; afterwards the bot answers."""
    async with (
        Proxy(synapse.base_url) as proxy,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        proxy.before = bad_gateway
        await alice.say(room, "!echo woken")
        before = proxy.count("/sync")
        with caplog.at_level(logging.INFO):
            await asyncio.sleep(5)
            # pauses of 1, 2, 4 s: three requests and the one that was under way
            assert proxy.count("/sync") - before <= 4
            proxy.before = None
            await alice.hears_text("echo woken", within=40)
    lines = [record.getMessage() for record in caplog.records if "sync" in record.name]
    assert sum("sync failed, retrying" in text for text in lines) == 1
    assert sum("works again" in text for text in lines) == 1


async def test_garbage_from_the_homeserver(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A sync answer that is no JSON, a list, or truncated neither stops the bot nor loses the next command."""
    answers = iter(
        [
            web.Response(body=b"hello", content_type="text/plain"),
            web.Response(body=b'{"rooms": {"join": ', content_type="application/json"),
            web.json_response({"next_batch": 7, "rooms": []}),
        ]
    )

    def garbage(request: web.Request) -> web.Response | None:
        return next(answers, None) if request.path.endswith("/sync") else None

    async with (
        Proxy(synapse.base_url) as proxy,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        proxy.before = garbage
        await alice.say(room, "!echo unharmed")
        await alice.hears_text("echo unharmed", within=60)
        assert next(answers, None) is None


async def test_429_on_send(synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path) -> None:
    """While throttled nothing is sent from the account; then every answer arrives once, in order."""
    limited = 0

    def throttle(request: web.Request) -> web.Response | None:
        nonlocal limited
        if "/send/m.room.message/" not in request.path or limited >= 2:
            return None
        limited += 1
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too many requests", "retry_after_ms": 1500}
        return web.json_response(body, status=429)

    async with (
        Proxy(synapse.base_url, before=throttle) as proxy,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        for number in range(4):
            await alice.say(room, f"!echo {number}")
        await alice.hears_text("echo 3")
        sent = [seen.at for seen in proxy.seen if "/send/m.room.message/" in seen.path]
    assert [said.body for said in alice.heard] == ["echo 0", "echo 1", "echo 2", "echo 3"]
    assert limited == 2
    assert sent[1] - sent[0] >= 1.5
    assert sent[2] - sent[1] >= 1.5


async def test_accepted_but_the_answer_is_lost(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A send whose acknowledgement never arrives is repeated under the same transaction id: one message."""
    lost = 0

    def lose(request: web.Request) -> bool:
        nonlocal lost
        drop = "/send/" in request.path and "sendToDevice" not in request.path and lost < 2
        lost += drop
        return drop

    async with (
        Proxy(synapse.base_url, after=lose) as proxy,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo once")
        await alice.say(room, "!echo next")
        await alice.hears_text("echo next")
    assert lost == 2
    assert [said.body for said in alice.heard] == ["echo once", "echo next"]


async def test_keys_cannot_be_claimed_at_first(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A failed key claim delays the answer in an encrypted room, and never silences the room for good."""
    failed = 0

    def fail(request: web.Request) -> web.Response | None:
        nonlocal failed
        if request.path.endswith("/keys/claim") and failed < 2:
            failed += 1
            return bad_gateway(request)
        return None

    async with (
        Person(synapse, localparts("bob"), tmp_path / "bob") as bob,
        Proxy(synapse.base_url, before=fail) as proxy,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id, bob.user_id, encrypted=True)
        await bob.client.join(room)
        await alice.wait_for_member(room, bob.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo keys")
        # bob has never written to the bot, so the bot must claim a key to reach him
        said = await bob.hears_text("echo keys")
    assert failed == 2
    assert said.encrypted


async def test_homeserver_restart(tmp_path: Path, localparts: Callable[[str], str]) -> None:
    """The homeserver is gone for a while: commands sent right after its return are answered within seconds."""
    async with Synapse(tmp_path / "synapse") as synapse:
        person = Person(synapse, "alice", tmp_path / "alice")
        async with person as alice, await Bot.with_password(synapse, "bot", tmp_path / "bot") as bot:
            room = await alice.create_room(bot.user_id)
            await alice.wait_for_member(room, bot.user_id)
            await synapse.stop()
            await asyncio.sleep(6)
            await synapse.start()
            await alice.say_raw(room, {"msgtype": "m.text", "body": "!echo back"})
            started = asyncio.get_running_loop().time()
            where = f"/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=5"

            async def answered() -> bool:
                return "echo back" in str(await synapse.api("GET", where, alice.token))

            await until(answered, within=50)
            assert asyncio.get_running_loop().time() - started < 5 * 10


async def test_revoked_token(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A revoked token ends the bot with 77 and one line on standard error that does not hold the token."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        await _until_ready(bot)
        token = bot.session()["access_token"]
        await synapse.api("POST", "/_matrix/client/v3/logout", token)
        assert await bot.ended(60) == 77
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "token" in error
    assert token not in error


async def test_soft_logout_with_a_password(tmp_path: Path) -> None:
    """After a soft logout the bot logs in again by password, to the same device, and goes on answering."""
    short = {"session_lifetime": "6s", "refreshable_access_token_lifetime": "5s"}
    config = {**short, "nonrefreshable_access_token_lifetime": "6s"}
    async with Synapse(tmp_path / "synapse", config=config) as synapse:
        bot = await Bot.with_password(synapse, "bot", tmp_path / "bot")
        async with bot:
            await _until_ready(bot)
            first = bot.session()
            # the long poll that is under way outlives its session; a restart ends both
            await asyncio.sleep(6.5)
            await synapse.restart()
            await until(lambda: bot.session()["access_token"] != first["access_token"], within=60)
            assert bot.session()["device_id"] == first["device_id"]
            assert bot.task is not None
            assert not bot.task.done()


async def _until_ready(bot: Bot) -> None:
    await until((bot.directory / "session.json").exists)
    await asyncio.sleep(1)
