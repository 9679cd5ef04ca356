"""Rooms that are replaced, refuse the bot, put it out and take it in again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from botkit.messages.notification import Placement
from botkit.storage import Database
from lab.synapse import ApiError, Synapse
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy
from tests.matrix.scribe import ScribeBot, enter, notification

NEW = Placement.NEW
REFUSED = "the room rejected a message (HTTP 403 M_FORBIDDEN)"


async def _state(alice: Person, room: str, kind: str, content: dict[str, Any], key: str = "") -> None:
    where = f"/_matrix/client/v3/rooms/{room}/state/{kind}/{key}"
    await alice.synapse.api("PUT", where, alice.token, content)


async def _levels(alice: Person, room: str, **changes: Any) -> None:
    where = f"/_matrix/client/v3/rooms/{room}/state/m.room.power_levels/"
    levels = await alice.synapse.api("GET", where, alice.token)
    await _state(alice, room, "m.room.power_levels", {**levels, **changes})


async def _upgrade(alice: Person, room: str, version: str = "11") -> str:
    where = f"/_matrix/client/v3/rooms/{room}/upgrade"
    answer = await alice.synapse.api("POST", where, alice.token, {"new_version": version})
    return str(answer["replacement_room"])


async def _replacement(alice: Person, *rooms: str, **extra: Any) -> str:
    """An open room that says that it replaces another, or that it replaces none."""
    predecessor = {"creation_content": {"predecessor": {"room_id": rooms[0], "event_id": "$last"}}} if rooms else {}
    return await alice.create_room(preset="public_chat", **predecessor, **extra)


async def _bury(alice: Person, room: str, replacement: str) -> None:
    await _state(alice, room, "m.room.tombstone", {"body": "", "replacement_room": replacement})


async def _upgrade_state(bot: ScribeBot, room: str, *, until_not: tuple[str | None, ...]) -> str:
    """How far the bot has followed the room's tombstone, once it is none of these."""
    found: list[str] = []

    async def judged() -> bool:
        assert bot.journal.context is not None
        async with bot.journal.context.storage.begin() as connection:
            where = f"SELECT state FROM upgrades WHERE room_id = '{room}'"
            state = (await connection.exec_driver_sql(where)).scalar()
        found[:] = [] if state in until_not else [state]
        return bool(found)

    await until(judged)
    return found[0]


@pytest.fixture
async def bot(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[ScribeBot]:
    """A bot that only follows Alice's invitations."""
    bot = await ScribeBot.with_password(
        synapse, localparts("bot"), tmp_path / "bot", invites={"policy": "admins"}, admins=[alice.user_id]
    )
    async with bot:
        yield bot


async def test_an_upgraded_room(alice: Person, bot: ScribeBot) -> None:
    """An open room is followed into its replacement; what is said from then on is said there."""
    room = await enter(alice, bot, preset="public_chat")
    await bot.journal.post(notification(room, "1", NEW, "down"))
    await alice.hears_text("down")
    new = await _upgrade(alice, room)
    await bot.journal.hears("replaced", room, new)
    await bot.journal.post(
        notification(new, "2", NEW, "down again"), notification(new, "3", Placement.EDIT, "and again")
    )
    said = await alice.hears_text("* and again")
    assert said.room_id == new
    assert [entry for entry in bot.journal.told if new in entry] == [("joined", new), ("replaced", room, new)]
    assert bot.journal.context is not None
    assert {room, new} <= bot.journal.context.rooms.joined()


async def test_upgraded_twice_while_the_bot_is_away(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """At the next start the bot follows from room to room, up to a version whose rooms are named without a server."""
    bot = await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    async with bot:
        first = await enter(alice, bot, preset="public_chat", room_version="10")
    second = await _upgrade(alice, first)
    third = await _upgrade(alice, second, "12")
    bot.journal.context = None
    async with bot.again() as again:
        await again.journal.hears("replaced", second, third)
        await again.journal.post(notification(third, "1", NEW, "here"))
        said = await alice.hears_text("here")
    assert said.room_id == third
    assert ":" not in third
    assert bot.journal.of("replaced") == [(first, second), (second, third)]


async def test_a_replacement_behind_a_closed_door(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """The bot waits, over a restart too, and follows anybody's invitation to it, but to no other room."""
    bot = await ScribeBot.with_password(
        synapse, localparts("bot"), tmp_path / "bot", invites={"policy": "admins"}, admins=[alice.user_id]
    )
    stranger = await synapse.register(localparts("stranger"), "secret")

    async def invite(room: str, by: str) -> None:
        where = f"/_matrix/client/v3/rooms/{room}/invite"
        await synapse.api("POST", where, by, {"user_id": bot.user_id})

    async with bot:
        room = await enter(alice, bot, encrypted=True)
        new = await _upgrade(alice, room)
        assert bot.journal.context is not None
        storage = bot.journal.context.storage

        async def known() -> bool:
            async with storage.begin() as connection:
                return (await connection.exec_driver_sql("SELECT state FROM upgrades")).scalar() == "awaited"

        await until(known)
    await alice.client.room_invite(new, stranger.user_id)
    await synapse.api("POST", f"/_matrix/client/v3/join/{new}", stranger.access_token, {})
    body = {"preset": "private_chat", "invite": [bot.user_id]}
    answer = await synapse.api("POST", "/_matrix/client/v3/createRoom", stranger.access_token, body)
    other = str(answer["room_id"])
    bot.journal.context = None
    async with bot.again() as again:
        await until(lambda: again.journal.context is not None)
        # the invitation of somebody whom the policy does not know, to the room that is awaited
        await invite(new, stranger.access_token)
        await again.journal.hears("replaced", room, new)
        await again.journal.post(notification(new, "1", NEW, "here"))
        await alice.hears_text("here")
        assert again.journal.context is not None
        assert other not in again.journal.context.rooms.joined()


async def test_tombstones_that_are_none(alice: Person, bot: ScribeBot) -> None:
    """A tombstone under another key, of no room, of the room itself, or overtaken by another is not followed."""
    room = await enter(alice, bot)
    elsewhere = await alice.create_room(preset="public_chat")
    await _state(alice, room, "m.room.tombstone", {"body": "", "replacement_room": elsewhere}, "somewhere")
    for nonsense in (room, "#alias:example.org", "!" + "x" * 300, 5, None, ["!a"], {"!a": 1}):
        # some of these the homeserver refuses itself
        with contextlib.suppress(ApiError):
            await _state(alice, room, "m.room.tombstone", {"body": "", "replacement_room": nonsense})
    await alice.say(room, "!echo heard")
    await alice.hears_text("echo heard")
    assert bot.journal.context is not None
    async with bot.journal.context.storage.begin() as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM upgrades")).scalar() == 0
    assert bot.journal.of("replaced") == []
    assert elsewhere not in bot.journal.context.rooms.joined()


async def test_a_tombstone_of_somebody_without_power(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A stand-in homeserver claims that a member without power sent it: it is not followed."""
    sender = "@mallory:example.org"

    async def claim(request: web.Request) -> web.StreamResponse | None:
        if "/state/m.room.tombstone" not in request.path or request.method != "GET":
            return None
        event = {"sender": sender, "content": {"replacement_room": elsewhere}, "type": "m.room.tombstone"}
        return web.json_response(event)

    async with (
        Proxy(synapse.base_url, before=claim) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        states = []
        for _ in range(2):
            room = await enter(alice, bot)
            elsewhere = await _replacement(alice, room)
            await _state(alice, room, "m.room.tombstone", {"body": "", "replacement_room": elsewhere})
            assert bot.journal.context is not None
            storage = bot.journal.context.storage
            where = f"SELECT state FROM upgrades WHERE room_id = '{room}'"

            async def judged(where: str = where, storage: Database = storage) -> bool:
                async with storage.begin() as connection:
                    state = (await connection.exec_driver_sql(where)).scalar()
                if state in (None, "heard"):
                    return False
                states.append(state)
                return True

            await until(judged)
            sender = alice.user_id
        await bot.journal.hears("replaced", room, elsewhere)
    assert states[0] == "refused"
    assert len(bot.journal.of("replaced")) == 1


async def test_a_tombstone_that_leads_to_a_room_of_somebody_else(alice: Person, bot: ScribeBot) -> None:
    """The room that the bot is in already does not name the old one: nothing of one reaches the other."""
    room, other = await enter(alice, bot), await enter(alice, bot)
    await _bury(alice, room, other)
    assert await _upgrade_state(bot, room, until_not=(None, "heard", "awaited")) == "refused"
    assert bot.journal.of("replaced") == []
    assert bot.journal.context is not None
    assert other in bot.journal.context.rooms.joined()


async def test_a_replacement_that_names_no_predecessor_is_left_again(alice: Person, bot: ScribeBot) -> None:
    """Only the tombstone asked the bot into it."""
    room, other = await enter(alice, bot), await _replacement(alice)
    await _bury(alice, room, other)
    assert await _upgrade_state(bot, room, until_not=(None, "heard", "awaited")) == "refused"
    assert bot.journal.context is not None
    rooms = bot.journal.context.rooms
    await until(lambda: other not in rooms.joined())
    assert room in rooms.joined()
    assert bot.journal.of("replaced") == []


async def test_a_replacement_made_by_somebody_who_could_not_upgrade(
    synapse: Synapse, alice: Person, bot: ScribeBot, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A member may create a room that names the old one; that alone makes it no replacement."""
    room = await enter(alice, bot)
    mallory = await synapse.register(localparts("mallory"), "secret")
    content = {"predecessor": {"room_id": room, "event_id": "$last"}}
    body = {"preset": "public_chat", "creation_content": content}
    answer = await synapse.api("POST", "/_matrix/client/v3/createRoom", mallory.access_token, body)
    await _bury(alice, room, str(answer["room_id"]))
    assert await _upgrade_state(bot, room, until_not=(None, "heard", "awaited")) == "refused"
    assert bot.journal.of("replaced") == []


async def test_a_tombstone_of_a_member_who_is_not_entitled(
    synapse: Synapse, alice: Person, bot: ScribeBot, localparts: Callable[[str], str]
) -> None:
    """Where everybody may send tombstones, the bot still goes only where somebody entitled sends it."""
    levels = {"events": {"m.room.tombstone": 0}}
    room = await enter(alice, bot, preset="public_chat", power_level_content_override=levels)
    mallory = await synapse.register(localparts("mallory"), "secret")
    await synapse.api("POST", f"/_matrix/client/v3/join/{room}", mallory.access_token, {})
    content = {"predecessor": {"room_id": room, "event_id": "$last"}}
    body = {"preset": "public_chat", "creation_content": content}
    answer = await synapse.api("POST", "/_matrix/client/v3/createRoom", mallory.access_token, body)
    where = f"/_matrix/client/v3/rooms/{room}/state/m.room.tombstone/"
    other = str(answer["room_id"])
    await synapse.api("PUT", where, mallory.access_token, {"body": "", "replacement_room": other})
    assert await _upgrade_state(bot, room, until_not=(None, "heard")) == "refused"
    assert bot.journal.context is not None
    assert other not in bot.journal.context.rooms.joined()


async def test_a_room_is_followed_once(alice: Person, bot: ScribeBot) -> None:
    """Another tombstone in a room that was followed leads nowhere."""
    room = await enter(alice, bot)
    first, second = await _replacement(alice, room), await _replacement(alice, room)
    await _bury(alice, room, first)
    await bot.journal.hears("replaced", room, first)
    await _bury(alice, room, second)
    await alice.say(room, "!echo heard")
    await alice.hears_text("echo heard")
    assert await _upgrade_state(bot, room, until_not=()) == "done"
    assert bot.journal.of("replaced") == [(room, first)]


async def test_put_out_and_taken_in_again(alice: Person, bot: ScribeBot) -> None:
    """After a kick and after a ban notifications are dropped until somebody invites the bot again."""
    room = await enter(alice, bot)
    for verb, reason in (("kick", "the bot was removed"), ("ban", "the bot was banned")):
        before = len(bot.journal.told)
        where = f"/_matrix/client/v3/rooms/{room}"
        await alice.synapse.api("POST", f"{where}/{verb}", alice.token, {"user_id": bot.user_id, "reason": "@room"})
        await bot.journal.hears("suspended", room, reason)
        assert bot.journal.context is not None
        assert room in bot.journal.context.rooms.suspended()
        assert room not in bot.journal.context.rooms.joined()
        await bot.journal.post(notification(room, f"{verb} 1", NEW, f"unheard {verb}"))
        if verb == "ban":
            await alice.synapse.api("POST", f"{where}/unban", alice.token, {"user_id": bot.user_id})
        await alice.client.room_invite(room, bot.user_id)
        await until(lambda before=before: ("joined", room) in bot.journal.told[before:])  # type: ignore[misc]
        await bot.journal.post(notification(room, f"{verb} 2", NEW, f"heard {verb}"))
        await alice.hears_text(f"heard {verb}")
        assert bot.journal.told[before:] == [("suspended", room, reason), ("joined", room)]
        assert bot.journal.context.rooms.suspended() == frozenset()
    assert [said.body for said in alice.heard] == ["heard kick", "heard ban"]


async def test_put_out_while_away(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """The next start tells that the bot is no longer in a room, once."""
    bot = await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    async with bot:
        room = await enter(alice, bot)
    await alice.client.room_kick(room, bot.user_id)
    for _ in range(2):
        bot.journal.context = None
        async with bot.again() as again:
            await again.journal.hears("suspended", room, "the bot is no longer in the room")
            await until(lambda: bool(again.journal.context and again.journal.context.rooms.suspended()))
            assert again.journal.context is not None
            assert again.journal.context.rooms.suspended() == {room}
    assert len(bot.journal.of("suspended")) == 1


async def test_left_of_its_own_accord(synapse: Synapse, alice: Person, bot: ScribeBot) -> None:
    """Leaving with the bot's own account is no trouble to report: the room is forgotten."""
    room = await enter(alice, bot)
    token = bot.session()["access_token"]
    await synapse.api("POST", f"/_matrix/client/v3/rooms/{room}/leave", token, {})
    await bot.journal.hears("left", room)
    assert bot.journal.of("suspended") == []


async def test_a_room_where_the_bot_may_not_speak(alice: Person, bot: ScribeBot) -> None:
    """The first refusal is told once and drops what waits; new rules in the room end it."""
    room = await enter(alice, bot)
    await _levels(alice, room, events_default=50)
    await bot.journal.post(*(notification(room, f"{number}", NEW, f"unheard {number}") for number in range(3)))
    await bot.journal.hears("suspended", room, REFUSED)
    await bot.journal.post(notification(room, "later", NEW, "unheard later"))
    await _levels(alice, room, events_default=0)
    before = len(bot.journal.told)
    await until(lambda: bot.journal.told[-1] == ("joined", room))
    await bot.journal.post(notification(room, "end", NEW, "heard"))
    await alice.hears_text("heard")
    assert [said.body for said in alice.heard] == ["heard"]
    assert bot.journal.of("suspended") == [(room, REFUSED)]
    assert len(bot.journal.told) <= before + 1


async def test_a_room_the_bot_was_never_in(synapse: Synapse, alice: Person, bot: ScribeBot) -> None:
    """A notification to it is refused and that is told; once invited the bot says what is to be said."""
    room = await alice.create_room()
    await bot.journal.post(notification(room, "1", NEW, "unheard"))
    await bot.journal.hears("suspended", room, "the bot may not join it (HTTP 403 M_FORBIDDEN)")
    await alice.client.room_invite(room, bot.user_id)
    await bot.journal.hears("joined", room)
    await bot.journal.post(notification(room, "2", NEW, "heard"))
    await alice.hears_text("heard")
    assert [said.body for said in alice.heard] == ["heard"]


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_notification_to_a_room_that_is_still_being_joined(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path, encrypted: bool
) -> None:
    """It waits until the bot is in; the room never counts as one that refuses."""
    door = asyncio.Event()

    async def slow(request: web.Request) -> None:
        if "/_matrix/client/v3/join/" in request.path:
            await door.wait()

    async with (
        Proxy(synapse.base_url, before=slow) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id, encrypted=encrypted)
        await until(lambda: proxy.count("/join/") > 0)
        await bot.journal.post(notification(room, "1", NEW, "early"))
        # long enough for an attempt, were there one
        await asyncio.sleep(2)
        door.set()
        await alice.hears_text("early")
        await bot.journal.hears("joined", room)
    assert bot.journal.of("suspended") == []
