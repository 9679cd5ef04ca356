"""Commands, from a real client through a real homeserver and back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from lab.synapse import Synapse
from tests.matrix.bot import Bot
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy


async def test_a_command_in_a_plain_room_is_answered(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """An invited bot joins and answers with a notice in reply to the command, pinging nobody."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        event_id = await alice.say(room, "!echo hello")
        said = await alice.hears_text("echo hello")
    assert said.sender == bot.user_id
    assert said.content["msgtype"] == "m.notice"
    assert said.content["m.relates_to"] == {"m.in_reply_to": {"event_id": event_id}}
    assert said.content["m.mentions"] == {}


async def test_a_command_in_an_encrypted_room_is_answered_encrypted(
    synapse: Synapse,
    alice: Person,
    localparts: Callable[[str], str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Asked and answered under encryption, readable by the asker; the log has a line of each, without what was said."""
    caplog.set_level(logging.INFO, "botkit")
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo secret")
        said = await alice.hears_text("echo secret")
    assert said.encrypted
    assert alice.unreadable == []
    lines = [line for line in caplog.messages if line.startswith(("command ", "delivered "))]
    assert [line.rpartition(" seconds=")[0] for line in lines] == [
        f"command name=echo room={room} sender={alice.user_id} outcome=answered",
        f"delivered room={room} event={said.event_id} about=-",
    ]


async def test_a_refused_command_costs_the_homeserver_nothing(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Neither is the author of the replied-to event asked for nor typing shown, however slow the homeserver is."""
    rates = {"per_user": "1/h", "per_room": "1000/s", "max_age": "1h"}
    async with (
        Proxy(synapse.base_url) as proxy,
        await Bot.with_password(
            synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url, commands=rates
        ) as bot,
    ):
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        first = await alice.say(room, "!echo author")
        relation = {"m.relates_to": {"m.in_reply_to": {"event_id": first}}}
        await alice.hears_text("None")

        async def slowly(request: web.Request) -> web.Response | None:
            if "/event/" in request.path:
                await asyncio.sleep(1)
            return None

        proxy.before = slowly
        await alice.say(room, "!echo author", **relation)
        await alice.hears(lambda said: said.body.startswith("Too many commands"))
        assert proxy.count("/event/") == proxy.count("/typing/") == 0
