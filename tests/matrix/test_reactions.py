"""Reactions to notifications: whose count, to what, and what happens when they are taken back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from botkit.messages.notification import Placement
from botkit.plugin import Reaction
from botkit.storage.hook_queue import MOST_PENDING
from lab.synapse import Synapse
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy
from tests.matrix.scribe import ScribeBot, notification


async def _react(person: Person, room: str, target: str, key: str = "👍") -> str:
    content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": key}}
    where = f"/_matrix/client/v3/rooms/{room}/send/m.reaction/{secrets.token_hex(8)}"
    return str((await person.synapse.api("PUT", where, person.token, content))["event_id"])


async def _redact(person: Person, room: str, event_id: str) -> None:
    answer = await person.client.room_redact(room, event_id)
    assert answer.event_id


@pytest.fixture
async def bob(synapse: Synapse, localparts: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Person]:
    """Somebody without power."""
    async with Person(synapse, localparts("bob"), tmp_path / "bob") as person:
        yield person


async def _settled(bot: ScribeBot, person: Person, room: str) -> None:
    """Until everything that was sent so far has been taken in and every hook has been called."""
    event_id = await person.say(room, "!echo settled")
    await person.hears(
        lambda said: said.content.get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id") == event_id
    )
    context = bot.journal.context
    assert context is not None

    async def idle() -> bool:
        async with context.storage.begin() as connection:
            return (await connection.exec_driver_sql("SELECT count(*) FROM calls")).scalar() == 0

    await until(idle)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_whose_reactions_count(
    synapse: Synapse, alice: Person, bob: Person, localparts: Callable[[str], str], tmp_path: Path, encrypted: bool
) -> None:
    """Somebody with power in the room is heard, on any message of the incident; others and other messages are not."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, bob.user_id, encrypted=encrypted)
        await bob.client.join(room)
        await alice.wait_for_member(room, bot.user_id)
        await alice.wait_for_member(room, bob.user_id)
        await bot.journal.post(
            notification(room, "1", Placement.NEW, "down"),
            notification(room, "2", Placement.THREAD, "evidence"),
            notification(room, "3", Placement.EDIT, "still down"),
            notification(room, "4", Placement.NEW, "another", "incident 2"),
        )
        await alice.hears_text("another")
        events = [said.event_id for said in alice.heard]
        words = await alice.say(room, "by the way")
        await _react(bob, room, events[0])
        await _react(alice, room, words)
        reactions = [await _react(alice, room, event, f"key {n}") for n, event in enumerate(events)]
        await _settled(bot, alice, room)
    assert bot.journal.of("reacted") == [
        (Reaction(room, reactions[n], alice.user_id, f"key {n}", about),)
        for n, about in enumerate(["incident 1", "incident 1", "incident 1", "incident 2"])
    ]


async def test_a_reaction_before_the_acknowledgement(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """The notification is in the room, its acknowledgement is lost, somebody reacts meanwhile: that counts."""
    lost = False

    def lose(request: web.Request) -> bool:
        nonlocal lost
        drop = "/send/m.room.message/" in request.path and not lost
        lost |= drop
        return drop

    async with (
        Proxy(synapse.base_url, after=lose) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        held = asyncio.Event()

        async def hold(request: web.Request) -> web.Response | None:
            if lost and "/send/m.room.message/" in request.path:
                await held.wait()
            return None

        proxy.before = hold
        await bot.journal.post(notification(room, "1", Placement.NEW, "down"))
        fired = await alice.hears_text("down")
        reaction = await _react(alice, room, fired.event_id, "ok")
        synced = proxy.count("/sync")
        await until(lambda: proxy.count("/sync") > synced)
        held.set()
        await bot.journal.hears("reacted", Reaction(room, reaction, alice.user_id, "ok", "incident 1"))
    assert lost
    assert [said.body for said in alice.heard] == ["down"]


async def test_admins_of_the_bot_need_no_power(
    synapse: Synapse, alice: Person, bob: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Who is in ``admins`` is entitled everywhere: to react, and to what a plugin keeps for the entitled."""
    name, directory = localparts("bot"), tmp_path / "bot"
    async with await ScribeBot.with_password(synapse, name, directory, admins=[bob.user_id]) as bot:
        room = await alice.create_room(bot.user_id, bob.user_id)
        await bob.client.join(room)
        await alice.wait_for_member(room, bot.user_id)
        await bot.journal.post(notification(room, "1", Placement.NEW, "down"))
        first = await alice.hears_text("down")
        reaction = await _react(bob, room, first.event_id, "ok")
        await bot.journal.hears("reacted", Reaction(room, reaction, bob.user_id, "ok", "incident 1"))
        await bob.say(room, "!scribe rule")
        await bob.hears_text(f"done for {bob.user_id}")


async def test_commands_for_the_entitled(
    synapse: Synapse, alice: Person, bob: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Others are refused with one line; given power in the room, they are not."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, bob.user_id)
        await bob.client.join(room)
        await alice.wait_for_member(room, bot.user_id)
        await bob.say(room, "!scribe rule")
        refusal = await bob.hears(lambda said: said.sender == bot.user_id)
        assert refusal.body == "Only the bot's admins and members of this room with power level 50 or more may do that."
        await alice.say(room, "!scribe rule")
        await alice.hears_text(f"done for {alice.user_id}")
        where = f"/_matrix/client/v3/rooms/{room}/state/m.room.power_levels/"
        levels: dict[str, Any] = await synapse.api("GET", where, alice.token)
        levels["users"][bob.user_id] = 50
        await synapse.api("PUT", where, alice.token, levels)
        await bob.say(room, "!scribe rule")
        await bob.hears_text(f"done for {bob.user_id}")


async def test_reactions_taken_back(
    synapse: Synapse, alice: Person, bob: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A redaction is passed on after its reaction; of what never counted nothing is said."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, bob.user_id)
        await bob.client.join(room)
        await alice.wait_for_member(room, bot.user_id)
        await bot.journal.post(notification(room, "1", Placement.NEW, "down"))
        first = await alice.hears_text("down")
        kept = await _react(alice, room, first.event_id, "kept")
        back = await _react(alice, room, first.event_id, "back")
        nothing = await _react(bob, room, first.event_id)
        words = await alice.say(room, "hm")
        await _settled(bot, alice, room)
        for event_id in (back, nothing, words):
            await _redact(alice, room, event_id)
        await _settled(bot, alice, room)
    assert [reaction.event_id for (reaction,) in bot.journal.of("reacted")] == [kept, back]
    assert bot.journal.of("redacted") == [(room, back)]


async def test_reactions_while_the_bot_is_away(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """What was reacted, and taken back, behind more messages than a sync holds is found at the next start."""
    bot = await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", commands={"max_age": "1s"})
    async with bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await bot.journal.post(notification(room, "1", Placement.NEW, "down"))
        first = await alice.hears_text("down")
        early = await _react(alice, room, first.event_id, "early")
        await bot.journal.hears("reacted", Reaction(room, early, alice.user_id, "early", "incident 1"))
    late = await _react(alice, room, first.event_id, "late")
    await _redact(alice, room, early)
    for number in range(130):
        await alice.say(room, f"chatter {number}")
    bot.journal.context = None
    async with bot.again() as again:
        await again.journal.hears("reacted", Reaction(room, late, alice.user_id, "late", "incident 1"))
        await again.journal.hears("redacted", room, early)
    assert len(bot.journal.told) == len(set(bot.journal.told))


async def test_a_hook_is_called_until_it_returns(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Hooks that fail are called again, in their order, and again by the next process; other rooms do not wait."""
    bot = await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    async with bot:
        rooms = [await alice.create_room(bot.user_id) for _ in range(2)]
        for room in rooms:
            await alice.wait_for_member(room, bot.user_id)
            await bot.journal.post(notification(room, room, Placement.NEW, room))
            await alice.hears_text(room)
            await _settled(bot, alice, room)
        told = len(bot.journal.told)
        bot.journal.failures = 10**6
        first = next(said.event_id for said in alice.heard if said.body == rooms[0])
        reaction = await _react(alice, rooms[0], first, "a")
        await until(lambda: bot.journal.failures < 10**6)
        await _redact(alice, rooms[0], reaction)
        assert len(bot.journal.told) == told
    bot.journal.context = None
    bot.journal.failures = 1
    async with bot.again() as again:
        await again.journal.hears("redacted", rooms[0], reaction)
    assert bot.journal.told[told:] == [
        ("reacted", Reaction(rooms[0], reaction, alice.user_id, "a", "incident 1")),
        ("redacted", rooms[0], reaction),
    ]


async def test_a_flood_of_reactions(
    synapse: Synapse, alice: Person, bob: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Keys of any length and number by a stranger are bounded, and hide nobody else's reaction."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, bob.user_id)
        await bob.client.join(room)
        await alice.wait_for_member(room, bot.user_id)
        await bot.journal.post(notification(room, "1", Placement.NEW, "down"))
        first = await alice.hears_text("down")
        for number in range(3 * MOST_PENDING):
            await _react(bob, room, first.event_id, f"{number}\u202e" + "x" * 400)
        await _react(alice, room, first.event_id, "y" * 400)
        await _settled(bot, alice, room)
    assert [(reaction.sender, reaction.key) for (reaction,) in bot.journal.of("reacted")] == [
        (alice.user_id, "y" * 100)
    ]
