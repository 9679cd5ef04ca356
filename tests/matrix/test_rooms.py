"""Rooms: whose invitations count, who is in, who has power, and what happens on leaving."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

from lab.synapse import Synapse
from tests.matrix.bot import Bot
from tests.matrix.person import Person


async def _membership(synapse: Synapse, alice: Person, room: str, user_id: str) -> str:
    where = f"/_matrix/client/v3/rooms/{room}/state/m.room.member/{user_id}"
    return str((await synapse.api("GET", where, alice.token))["membership"])


async def test_invitations_by_policy(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """With ``policy: admins`` a stranger's invitation is left alone, live and at start-up; an admin's is followed."""
    stranger = await synapse.register(localparts("stranger"), "secret")
    bot = await Bot.with_password(
        synapse,
        localparts("bot"),
        tmp_path / "bot",
        invites={"policy": "admins"},
        admins=[alice.user_id],
    )

    async def invite_by_stranger() -> str:
        body = {"preset": "private_chat", "invite": [bot.user_id, alice.user_id]}
        answer = await synapse.api("POST", "/_matrix/client/v3/createRoom", stranger.access_token, body)
        room = str(answer["room_id"])
        await alice.client.join(room)
        return room

    missed = await alice.create_room(bot.user_id)
    missed_stranger = await invite_by_stranger()
    async with bot:
        await alice.wait_for_member(missed, bot.user_id)
        live_stranger = await invite_by_stranger()
        live = await alice.create_room(bot.user_id)
        await alice.wait_for_member(live, bot.user_id)
        for room in (missed_stranger, live_stranger):
            assert await _membership(synapse, alice, room, bot.user_id) == "invite"
    async with Bot(bot.config):
        # by the time a command is answered the pending invitations were judged again
        await alice.say(live, "!echo judged")
        await alice.hears_text("echo judged")
        for room in (missed_stranger, live_stranger):
            assert await _membership(synapse, alice, room, bot.user_id) == "invite"


async def test_words_before_the_invitation(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Commands that were written before the bot was in the room are not answered."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room()
        for number in range(3):
            await alice.say(room, f"!echo early {number}")
        await alice.client.room_invite(room, bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo late")
        await alice.hears_text("echo late")
    assert [said.body for said in alice.heard] == ["echo late"]


async def test_restart_answers_nothing_twice(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A restart replays neither commands nor invitations."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    async with bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo first")
        await alice.hears_text("echo first")
    async with Bot(bot.config):
        await alice.say(room, "!echo second")
        await alice.hears_text("echo second")
    assert [said.body for said in alice.heard] == ["echo first", "echo second"]


async def test_more_commands_than_one_sync_holds(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Commands that a limited timeline leaves out are fetched and answered, all and in order."""
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    async with bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo ready")
        await alice.hears_text("echo ready")
    for number in range(130):
        await alice.say(room, f"!echo {number}")
    async with Bot(bot.config):
        await alice.hears_text("echo 129", within=60)
    assert [said.body for said in alice.heard[1:]] == [f"echo {number}" for number in range(130)]


async def test_kicked_and_invited_again(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """After a kick the bot is out for good measure; invited again it comes back and answers new words only."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo one")
        await alice.hears_text("echo one")
        await alice.client.room_kick(room, bot.user_id)
        await alice.say(room, "!echo unheard")
        other = await alice.create_room(bot.user_id)
        await alice.wait_for_member(other, bot.user_id)
        await alice.say(other, "!echo status")
        status = await alice.hears(lambda said: said.room_id == other)
        assert "rooms: 1;" in status.body
        await alice.client.room_invite(room, bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo two")
        assert (await alice.hears_text("echo two")).encrypted
    assert "echo unheard" not in [said.body for said in alice.heard]


async def test_power_and_members(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Creators of a version 12 room have infinite power, in older rooms the levels count."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        for version, power in (("12", math.inf), ("10", 100.0)):
            room = await alice.create_room(bot.user_id, room_version=version)
            await alice.wait_for_member(room, bot.user_id)
            await alice.say(room, f"!echo power {alice.user_id}")
            said = await alice.hears(lambda said, room=room: said.room_id == room)  # type: ignore[misc]
            assert said.body == str(power)
            await alice.say(room, f"!echo power {bot.user_id}")
            await alice.hears(lambda said, room=room: said.room_id == room and said.body == "0.0")  # type: ignore[misc]
            await alice.say(room, "!echo members")
            await alice.hears_text(" ".join(sorted((alice.user_id, bot.user_id))))
            alice.heard.clear()


async def test_replies_and_threads(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A reply's author is known to the command; a command from a thread is answered in it."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        root = await alice.say(room, "just talk")
        await alice.say(room, "!echo author", **{"m.relates_to": {"m.in_reply_to": {"event_id": root}}})
        await alice.hears_text(alice.user_id)
        relation = {
            "rel_type": "m.thread",
            "event_id": root,
            "is_falling_back": True,
            "m.in_reply_to": {"event_id": root},
        }
        command = await alice.say(room, "!echo author", **{"m.relates_to": relation})
        said = await alice.hears_text("None")
    assert said.content["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": False,
        "m.in_reply_to": {"event_id": command},
    }


async def test_what_is_not_answered(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Notices, edits, emotes and other people's talk get no answer; broken events do no harm."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say_raw(room, {"msgtype": "m.notice", "body": "!echo notice"})
        await alice.say_raw(room, {"msgtype": "m.emote", "body": "!echo emote"})
        await alice.say_raw(room, {"msgtype": "m.text", "body": "!echo listed", "m.new_content": []})
        await alice.say_raw(room, {"algorithm": "m.megolm.v1.aes-sha2"}, "m.room.encrypted")
        first = await alice.say_raw(room, {"msgtype": "m.text", "body": "talk"})
        edit = {"rel_type": "m.replace", "event_id": first}
        new = {"msgtype": "m.text", "body": "!echo edited"}
        await alice.say_raw(room, {**new, "body": "* !echo edited", "m.new_content": new, "m.relates_to": edit})
        await alice.say_raw(room, {"msgtype": "m.text", "body": "!echo \ud800\udf48 nul-free"})
        await alice.hears_text("echo 𐍈 nul-free")
    assert len(alice.heard) == 1


async def test_rooms_do_not_wait_for_each_other(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A slow answer in one room holds up that room only, and keeps its order."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        slow, quick = await alice.create_room(bot.user_id), await alice.create_room(bot.user_id)
        for room in (slow, quick):
            await alice.wait_for_member(room, bot.user_id)
        await alice.say(slow, "!echo nap 4")
        await alice.say(slow, "!echo behind")
        await alice.say(quick, "!echo quick")
        await alice.hears_text("echo behind")
        await asyncio.sleep(0)
    assert [said.body for said in alice.heard] == ["echo quick", "napped 4", "echo behind"]
