"""Encryption: devices that others trust, and nothing in clear where it must not be."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from botkit import host
from botkit.config import load_config
from botkit.lease import Lease
from botkit.matrix.account.cross_signing import is_signed_by
from botkit.matrix.client import HomeserverClient, trust_anchors
from botkit.matrix.crypto.machine import Crypto
from botkit.matrix.rooms.directory import EncryptedRooms, RoomDirectory
from botkit.matrix.rooms.membership import Membership, RoomAcceptance
from botkit.matrix.runtime import HostStores, now_ms
from botkit.matrix.send.sender import Sender
from botkit.storage import Database
from botkit.storage.outbox import Outgoing
from lab.synapse import Synapse
from tests.matrix.bot import Bot, write_config
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy, bad_gateway


async def _keys(synapse: Synapse, token: str, user_id: str) -> Any:
    body = {"device_keys": {user_id: []}}
    return await synapse.api("POST", "/_matrix/client/v3/keys/query", token, body)


async def test_login_signs_the_device(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After ``login`` the signatures in /keys/query verify from master key to device, and files are 0600."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    assert await host.login(bot.config) == 0
    session = bot.session()
    user_id, device_id = session["user_id"], session["device_id"]
    keys = await _keys(synapse, session["access_token"], user_id)
    master, self_signing = keys["master_keys"][user_id], keys["self_signing_keys"][user_id]
    device = keys["device_keys"][user_id][device_id]
    (master_key,) = master["keys"].values()
    (self_signing_key,) = self_signing["keys"].values()
    assert is_signed_by(self_signing, user_id, master_key)
    assert is_signed_by(keys["user_signing_keys"][user_id], user_id, master_key)
    assert is_signed_by(device, user_id, self_signing_key)
    assert not is_signed_by({**device, "device_id": "OTHER"}, user_id, self_signing_key)
    printed = capsys.readouterr().out
    assert device_id in printed
    assert device["keys"][f"ed25519:{device_id}"] in printed
    assert session["access_token"] not in printed
    for file in ("session.json", "cross_signing.json", "pickle.key", "crypto.db"):
        assert stat.S_IMODE((bot.directory / file).stat().st_mode) == 0o600, file


async def test_second_login_changes_nothing(synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path) -> None:
    """Logging in again keeps device, token and keys."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    assert await host.login(bot.config) == 0
    first = bot.session()
    before = await _keys(synapse, first["access_token"], bot.user_id)
    assert await host.login(bot.config) == 0
    assert bot.session() == first
    assert await _keys(synapse, first["access_token"], bot.user_id) == before


async def test_foreign_cross_signing_keys_stay(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys that the bot did not make are not replaced; it says so and goes on."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    assert await host.login(bot.config) == 0
    before = await _keys(synapse, bot.session()["access_token"], bot.user_id)
    (bot.directory / "cross_signing.json").unlink()
    assert await host.login(bot.config) == 0
    after = await _keys(synapse, bot.session()["access_token"], bot.user_id)
    assert after["master_keys"] == before["master_keys"]
    assert "no: the account has keys of its own" in capsys.readouterr().out
    assert not (bot.directory / "cross_signing.json").exists()


async def test_lost_crypto_store(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A device whose keys are gone is refused with the remedy, instead of sending what nobody can read."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    assert await host.login(bot.config) == 0
    (bot.directory / "crypto.db").unlink()
    async with bot:
        assert await bot.ended() == 77
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "session.json" in error
    for name in ("session.json", "crypto.db", "pickle.key"):
        (bot.directory / name).unlink()
    assert await host.login(bot.config) == 0


async def test_token_of_another_user(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token that belongs to somebody else is refused with both names."""
    other = await synapse.register(localparts("other"), "secret")
    bot = await Bot.with_password(
        synapse, localparts("bot"), tmp_path / "bot", matrix={"access_token": other.access_token}
    )
    async with bot:
        assert await bot.ended() == 77
    error = capsys.readouterr().err
    assert other.user_id in error
    assert bot.user_id in error
    assert other.access_token not in error


async def test_wrong_password(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong password ends with 77 and one line without the password."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", matrix={"password": "tr0ub4dor"})
    async with bot:
        assert await bot.ended() == 77
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "tr0ub4dor" not in error


async def test_access_token_login(synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path) -> None:
    """With an access token the bot is the device that the token was issued for."""
    account = await synapse.register(localparts("other"), "secret")
    token_file = tmp_path / "token"
    token_file.write_text(account.access_token + "\n")
    path = write_config(
        tmp_path / "bot", synapse.base_url, account.user_id, matrix={"access_token_file": str(token_file)}
    )
    bot = Bot(load_config(path, {}))
    assert await host.login(bot.config) == 0
    assert bot.session()["device_id"] == account.device_id


async def test_nothing_in_clear_without_encryption(
    synapse: Synapse, alice: Person, tmp_path: Path, localparts: Callable[[str], str]
) -> None:
    """Where encryption does not work, a message for an encrypted room is refused and never sent in clear."""
    account = await synapse.register(localparts("plain"), "secret")
    room = await alice.create_room(account.user_id, encrypted=True)
    await synapse.api("POST", f"/_matrix/client/v3/join/{room}", account.access_token, {})
    database = Database(f"sqlite:///{tmp_path / 'bot.db'}")
    await database.open()
    memory = HostStores.of(database)
    server = HomeserverClient(synapse.base_url, trust=trust_anchors(None), user_agent="test")
    server.token = SecretStr(account.access_token)
    crypto = Crypto(server, account.user_id, account.device_id, store=None, pickle_key="", clock=time.monotonic)
    rooms = EncryptedRooms(RoomDirectory(server), memory.notes)
    courier = Sender(
        server,
        memory.outbox,
        RoomAcceptance(memory.room_store, Membership(), lambda: None),
        crypto,
        rooms,
        lambda _: False,
        device_id=account.device_id,
        lease=Lease(time.monotonic),
        clock=time.monotonic,
        now=now_ms,
    )
    await memory.outbox.add(Outgoing(room, "t1", "m.room.message", {"msgtype": "m.text", "body": "leak"}))
    task = asyncio.create_task(courier.run())

    async def settled() -> bool:
        return not await memory.outbox.undelivered()

    await until(settled)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await server.close()
    await database.close()
    where = f"/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=50"
    history = await synapse.api("GET", where, alice.token)
    assert "leak" not in json.dumps(history)
    assert not [event for event in history["chunk"] if event["type"] == "m.room.message"]


async def test_encryption_turned_on_later(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A room that becomes encrypted while the bot is in it gets no more answers in clear."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo clear")
        assert not (await alice.hears_text("echo clear")).encrypted
        where = f"/_matrix/client/v3/rooms/{room}/state/m.room.encryption/"
        await synapse.api("PUT", where, alice.token, {"algorithm": "m.megolm.v1.aes-sha2"})
        async with asyncio.timeout(20):
            while not alice.client.rooms[room].encrypted:
                await alice.client.synced.wait()
        await alice.say_raw(room, {"msgtype": "m.text", "body": "!echo asked in clear"})
        assert (await alice.hears_text("echo asked in clear")).encrypted


async def test_encrypted_across_a_restart(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Commands sent encrypted while the bot is down are read and answered when it is back."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    async with bot:
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo before")
        await alice.hears_text("echo before")
    for number in range(3):
        await alice.say(room, f"!echo while away {number}")
    async with Bot(bot.config):
        await alice.hears_text("echo while away 2")
        await alice.say(room, "!echo after")
        assert (await alice.hears_text("echo after")).encrypted
    expected = ["before", *(f"while away {number}" for number in range(3)), "after"]
    assert [said.body for said in alice.heard] == [f"echo {text}" for text in expected]


async def test_newcomer_reads_what_is_said_after_joining(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Somebody who joins an encrypted room later reads the bot's next answer."""
    async with (
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot,
        Person(synapse, localparts("bob"), tmp_path / "bob") as bob,
    ):
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo one")
        await alice.hears_text("echo one")
        await alice.client.room_invite(room, bob.user_id)
        await bob.client.join(room)
        await alice.wait_for_member(room, bob.user_id)
        await alice.say(room, "!echo two")
        await bob.hears_text("echo two")


async def test_encryption_not_known_yet(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """While the homeserver does not say whether a room is encrypted, nothing is said there; then all is."""
    asked = 0

    def unknown(request: web.Request) -> web.Response | None:
        nonlocal asked
        if "/state/m.room.encryption" not in request.path or asked >= 2:
            return None
        asked += 1
        return bad_gateway(request)

    async with (
        Proxy(synapse.base_url, before=unknown) as proxy,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo at last")
        await until(lambda: asked == 2)
        assert proxy.count("/send/m.room.message/") == 0
        await alice.hears_text("echo at last")
