"""Keys that come late or never, and devices that are broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from botkit.matrix.sync import handler as intake
from lab.synapse import Synapse
from tests.matrix.bot import Bot
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy


async def test_a_key_that_comes_late(synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path) -> None:
    """A command whose key arrives after it is answered as soon as the key is there."""
    held: list[tuple[str, bytes, str]] = []

    async def hold(request: web.Request) -> web.Response | None:
        if "/sendToDevice/" not in request.path:
            return None
        held.append((request.rel_url.raw_path, await request.read(), request.headers["Authorization"]))
        return web.json_response({})

    async with (
        Proxy(synapse.base_url) as proxy,
        Person(synapse, localparts("alice"), tmp_path / "alice", base_url=proxy.base_url) as alice,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot,
    ):
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        proxy.before = hold
        await alice.say(room, "!echo patience")
        other = await alice.create_room(bot.user_id)
        await alice.wait_for_member(other, bot.user_id)
        await alice.say(other, "!echo meanwhile")
        await alice.hears_text("echo meanwhile")
        assert [said.body for said in alice.heard] == ["echo meanwhile"]
        proxy.before = None
        assert held
        for path, body, authorization in held:
            token = authorization.removeprefix("Bearer ")
            await synapse.api("PUT", path, token, json.loads(body))
        assert (await alice.hears_text("echo patience")).encrypted


async def test_a_key_that_never_comes(
    synapse: Synapse,
    alice: Person,
    localparts: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Messages without a key get one plain hint per room and key, encrypted, and only after some patience."""
    monkeypatch.setattr(intake, "KEY_PATIENCE", 1.0)
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        lost = {
            "algorithm": "m.megolm.v1.aes-sha2",
            "ciphertext": "AwgAEpABm6",
            "device_id": "GONE",
            "sender_key": "x" * 43,
            "session_id": "y" * 43,
        }
        for number in range(3):
            await alice.say_raw(room, {**lost, "number": number}, "m.room.encrypted")

        async def hinted() -> bool:
            await alice.say(room, "talk that wakes the sync")
            return any("could not decrypt" in said.body for said in alice.heard)

        await until(hinted)
        await alice.say_raw(room, {**lost, "number": 99}, "m.room.encrypted")
        await alice.say(room, "!echo still here")
        await alice.hears_text("echo still here")
    hints = [said for said in alice.heard if "could not decrypt" in said.body]
    assert len(hints) == 1
    assert hints[0].encrypted


async def test_claiming_every_key_leaves_newcomers_readable(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Once all one-time keys are claimed the fallback key is handed out; the next one comes when that was used."""
    fallback_keys: list[str] = []

    async def watch(request: web.Request) -> web.Response | None:
        if request.path.endswith("/keys/upload"):
            fallback_keys.extend((await request.json()).get("fallback_keys", {}))
        return None

    async def keep_out(request: web.Request) -> web.Response | None:
        return web.json_response({}, status=503) if request.path.endswith("/keys/upload") else None

    async with (
        Proxy(synapse.base_url, before=watch) as proxy,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
        Person(synapse, localparts("bob"), tmp_path / "bob") as bob,
    ):
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        await until(lambda: len(fallback_keys) == 1)
        proxy.before = keep_out
        devices = await synapse.api(
            "POST", "/_matrix/client/v3/keys/query", alice.token, {"device_keys": {bot.user_id: []}}
        )
        (device,) = devices["device_keys"][bot.user_id]
        wanted = {"one_time_keys": {bot.user_id: {device: "signed_curve25519"}}}
        claimed: list[str] = []
        while len(claimed) < 2 or claimed[-1] != claimed[-2]:
            answer = await synapse.api("POST", "/_matrix/client/v3/keys/claim", alice.token, wanted)
            claimed += answer["one_time_keys"][bot.user_id][device]
        assert claimed[-1] == fallback_keys[0]
        await alice.client.room_invite(room, bob.user_id)
        await bob.client.join(room)
        await alice.wait_for_member(room, bob.user_id)
        await until(lambda: room in bob.client.rooms)
        await bob.say(room, "!echo a newcomer")
        await bob.hears_text("echo a newcomer")
        proxy.before = watch
        await until(lambda: len(fallback_keys) == 2)
    assert fallback_keys[0] != fallback_keys[1]


async def test_a_new_name_changes_no_key(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Members who change their names cannot make the bot share a new key with everybody; who comes or goes does."""

    async def session(text: str) -> str:
        await alice.say(room, f"!echo {text}")
        said = await alice.hears_text(f"echo {text}")
        event = await synapse.api("GET", f"/_matrix/client/v3/rooms/{room}/event/{said.event_id}", alice.token)
        return str(event["content"]["session_id"])

    async with (
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot,
        Person(synapse, localparts("bob"), tmp_path / "bob") as bob,
    ):
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        first = await session("one")
        await alice.client.set_displayname("Another name")
        assert await session("two") == first
        await alice.client.room_invite(room, bob.user_id)
        await bob.client.join(room)
        await alice.wait_for_member(room, bob.user_id)
        assert await session("three") != first


async def test_many_missing_keys_get_few_hints(
    synapse: Synapse,
    alice: Person,
    localparts: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever sends messages under ever new keys fills no room; in a room without encryption they are nothing."""
    monkeypatch.setattr(intake, "KEY_PATIENCE", 1.0)
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, encrypted=True)
        clear = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.wait_for_member(clear, bot.user_id)
        lost = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEpABm6"}
        for number in range(intake.MOST_HINTS + 3):
            for place in (room, clear):
                await alice.say_raw(place, {**lost, "session_id": f"{number}" * 43}, "m.room.encrypted")

        def hints(place: str) -> int:
            return sum("could not decrypt" in said.body for said in alice.heard if said.room_id == place)

        async def hinted() -> bool:
            await alice.say(room, "talk that wakes the sync")
            return hints(room) == intake.MOST_HINTS

        await until(hinted)
        for place in (room, clear):
            await alice.say(place, "!echo still here")
        await until(lambda: sum("echo still here" in said.body for said in alice.heard) == 2)
    assert (hints(room), hints(clear)) == (intake.MOST_HINTS, 0)


async def test_encrypted_events_without_the_deprecated_keys(
    synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Newer clients leave out ``sender_key`` and ``device_id``; their commands are read all the same."""

    async def strip(request: web.Request) -> web.Response | None:
        if "/send/m.room.encrypted/" not in request.path:
            return None
        content = await request.json()
        for deprecated in ("sender_key", "device_id"):
            del content[deprecated]
        token = request.headers["Authorization"].removeprefix("Bearer ")
        return web.json_response(await synapse.api("PUT", request.rel_url.raw_path, token, content))

    async with (
        Proxy(synapse.base_url, before=strip) as proxy,
        Person(synapse, localparts("alice"), tmp_path / "alice", base_url=proxy.base_url) as alice,
        await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot,
    ):
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo modern")
        await alice.hears_text("echo modern")


async def test_a_broken_device_in_the_room(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A member whose device keys and one-time keys are nonsense does not silence the bot for the others."""
    mallory = await synapse.register(localparts("mallory"), "secret")
    device = {
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "device_id": mallory.device_id,
        "user_id": mallory.user_id,
        "keys": {f"curve25519:{mallory.device_id}": "%%%", f"ed25519:{mallory.device_id}": "???"},
        "signatures": {mallory.user_id: {f"ed25519:{mallory.device_id}": "!!!"}},
    }
    keys = {"device_keys": device, "one_time_keys": {"signed_curve25519:AAAAAQ": {"key": "%", "signatures": {}}}}
    await synapse.api("POST", "/_matrix/client/v3/keys/upload", mallory.access_token, keys)
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id)
        await synapse.api("POST", f"/_matrix/client/v3/rooms/{room}/invite", alice.token, {"user_id": mallory.user_id})
        await synapse.api("POST", f"/_matrix/client/v3/join/{room}", mallory.access_token, {})
        await alice.wait_for_member(room, bot.user_id)
        await alice.wait_for_member(room, mallory.user_id)
        where = f"/_matrix/client/v3/rooms/{room}/state/m.room.encryption/"
        await synapse.api("PUT", where, alice.token, {"algorithm": "m.megolm.v1.aes-sha2"})
        await until(lambda: bool(alice.client.rooms[room].encrypted))
        # sent in clear, as the other client is the one that stumbles over such keys
        await alice.say_raw(room, {"msgtype": "m.text", "body": "!echo unmoved"})
        event = await _last_encrypted(synapse, alice, room)
        assert event["sender"] == bot.user_id


async def _last_encrypted(synapse: Synapse, alice: Person, room: str) -> Any:
    found: list[Any] = []

    async def look() -> bool:
        where = f"/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=10"
        history = await synapse.api("GET", where, alice.token)
        found.extend(event for event in history["chunk"] if event["type"] == "m.room.encrypted")
        return bool(found)

    await until(look)
    return found[0]


async def test_to_device_nonsense(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Nonsense sent to the bot's device neither stops it nor hides the keys that come with it."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        nonsense: list[tuple[str, Any]] = [
            ("m.room.encrypted", {"algorithm": "m.olm.v1.curve25519-aes-sha2", "ciphertext": 5}),
            ("m.room.encrypted", {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": "%", "ciphertext": {}}),
            ("m.room.encrypted", {}),
            ("m.room_key", {"room_id": room}),
            ("m.room_key_request", {"action": "request"}),
            ("m.key.verification.start", {"method": []}),
            ("m.key.verification.request", {"from_device": "X", "methods": [], "timestamp": -1}),
        ]
        for number, (kind, content) in enumerate(nonsense):
            body = {"messages": {bot.user_id: {"*": content}}}
            where = f"/_matrix/client/v3/sendToDevice/{kind}/nonsense{number}"
            await synapse.api("PUT", where, alice.token, body)
        await alice.say(room, "!echo sane")
        await alice.hears_text("echo sane")
