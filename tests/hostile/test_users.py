"""People in rooms who mean no good, against a real homeserver: budgets hold, and the others stay served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from botkit.messages.rendering import WORD_JOINER
from lab.fault import Fault
from lab.federation import Federation
from lab.synapse import ApiError, Synapse
from tests.hostile.bots import FociBot, Nobody
from tests.matrix.bot import Bot
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy

Localparts = Callable[[str], str]


async def test_a_flood_is_answered_with_one_line(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """Who floods gets what the rate allows and one line; nobody else in another room notices."""
    access = {"per_user": "3/h", "per_room": "1000/s", "max_age": "1h"}
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", commands=access) as bot:
        mallory = await Nobody.register(synapse, localparts)
        room = await alice.create_room(bot.user_id, mallory.user_id)
        await mallory.join(room)
        await alice.wait_for_member(room, bot.user_id)
        for number in range(40):
            await mallory.say(room, f"!echo {number}")
        await alice.say(room, "!echo me too")
        await alice.hears_text("echo me too")
    answers = [said.body for said in alice.heard if said.sender == bot.user_id]
    assert answers[:3] == ["echo 0", "echo 1", "echo 2"]
    assert answers[3].startswith("Too many commands: try again in ")
    # once a minute, if this takes so long
    assert [answer for answer in answers[4:] if "Too many" not in answer] == ["echo me too"]
    assert len(answers) < 9


async def test_many_strangers_are_refused_in_few_words(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """Each of them is new to the bot, and yet the room is not filled with refusals."""
    strangers = [await Nobody.register(synapse, localparts) for _ in range(9)]
    access = {"allow": [alice.user_id], "max_age": "1h"}
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", commands=access) as bot:
        room = await alice.create_room(bot.user_id, *(stranger.user_id for stranger in strangers))
        await alice.wait_for_member(room, bot.user_id)
        for stranger in strangers:
            await stranger.join(room)
            await stranger.say(room, "!echo let me in")
            await stranger.say(room, "!echo let me in, I say")
        await alice.say(room, "!echo mine")
        await alice.hears_text("echo mine")
    assert sum("You are not allowed" in said.body for said in alice.heard) == 5
    assert not any("let me in" in said.body for said in alice.heard if said.sender == bot.user_id)


async def test_ten_rooms_of_black_holes_hold_up_nobody(
    synapse: Synapse,
    alice: Person,
    localparts: Localparts,
    tmp_path: Path,
    federation: Federation,
    record_property: Callable[[str, object], None],
) -> None:
    """While ten rooms wait for five servers of twenty dead foci each, another room gets its verdict first."""
    await federation.server("good.example.org", foci=["https://rtc.good.example.org/jwt"])
    await federation.focus("https://rtc.good.example.org/jwt")
    holes = [f"https://hole{number}.example.org/jwt" for number in range(20)]
    for number in range(20):
        await federation.site(f"hole{number}.example.org", crowd="holes")
    await federation.set_host_fault("hole0.example.org", Fault.BLACKHOLE)
    for number in range(5):
        await federation.server(f"bad{number}.example.org", foci=holes, crowd="bad")
    network = {**federation.network(), "timeout": "20s", "deadline": "40s", "per_destination": "100000/min"}
    async with await FociBot.with_password(synapse, localparts("bot"), tmp_path / "bot", network=network) as bot:
        rooms = [await alice.create_room(bot.user_id) for _ in range(11)]
        for room in rooms:
            await alice.wait_for_member(room, bot.user_id)
        *busy, quiet = rooms
        for room in busy:
            await alice.say(room, "!foci " + " ".join(f"bad{number}.example.org" for number in range(5)))
        hole = federation.sites["bad0.example.org:443"]
        await until(lambda: len(hole.requests) >= len(busy))
        started = time.monotonic()
        await alice.say(quiet, "!foci good.example.org")
        said = await alice.hears(lambda said: said.room_id == quiet)
        seconds = time.monotonic() - started
        assert not [other for other in alice.heard if other.room_id in busy]
        assert "authorisation service answers" in said.body
        record_property("seconds", round(seconds, 2))
        print(f"answered in {seconds:.2f} s while ten rooms were busy")


async def test_expensive_commands_cost_more(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path, federation: Federation
) -> None:
    """Five targets cost five of six, so the next two wait; they are refused in one line, and nothing is fetched."""
    for number in range(5):
        await federation.server(f"s{number}.example.org", foci=[])
    access = {"per_user": "6/h", "per_room": "1000/s", "max_age": "1h"}
    limits: dict[str, Any] = {"network": federation.network(), "commands": access}
    bot = await FociBot.with_password(synapse, localparts("bot"), tmp_path / "bot", **limits)
    async with bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!foci " + " ".join(f"s{number}.example.org" for number in range(5)))
        await until(lambda: len(alice.heard) == 5)
        asked = sum(len(site.requests) for site in federation.sites.values())
        refused = [await alice.say(room, "!foci s0.example.org s1.example.org") for _ in range(3)]
        await alice.say(room, "!foci help")
        await alice.hears(lambda said: "Too many commands" in said.body)
        await asyncio.sleep(0.5)
    assert asked == sum(len(site.requests) for site in federation.sites.values()) > 0
    assert [_answers(said.content, refused[0]) for said in alice.heard[5:]] == [True]


async def test_spoofed_replies_name_nobody(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """Quoted words, events of other rooms and ids that are none do not decide whom a reply is about."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        mallory = await Nobody.register(synapse, localparts)
        elsewhere = await alice.create_room(mallory.user_id)
        secret = await alice.say(elsewhere, "something said in another room")
        await mallory.join(elsewhere)
        room = await mallory.create_room(bot.user_id, alice.user_id)
        await alice.client.join(room)
        await alice.wait_for_member(room, bot.user_id)
        here = await alice.say(room, "something said here")

        def reply(event_id: object) -> dict[str, Any]:
            return {"m.relates_to": {"m.in_reply_to": {"event_id": event_id}}}

        fallback = f"> <{alice.user_id}> words\n> more\n\n!echo author"
        quoted = f'<mx-reply><a href="https://matrix.to/#/{alice.user_id}">x</a></mx-reply>!echo author'
        html = {"format": "org.matrix.custom.html", "formatted_body": quoted}
        asked = {
            await mallory.say(room, "!echo author", **reply(here)): alice.user_id,
            await mallory.say(room, fallback, **html): "None",
            await mallory.say(room, "!echo author", **reply(secret)): "None",
            await mallory.say(room, "!echo author", **reply("$" + "x" * 43)): "None",
            await mallory.say(room, "!echo author", **reply("../../whoami")): "None",
            await mallory.say(room, "!echo author", **reply({"event_id": here})): "None",
            await mallory.say(room, "!echo author", **reply("$" + "x" * 40_000)): "None",
        }
        for event_id, author in asked.items():
            said = await alice.hears(lambda said, to=event_id: _answers(said.content, to))  # type: ignore[misc]
            assert said.body.replace(WORD_JOINER, "") == author


def _answers(content: dict[str, Any], event_id: str) -> bool:
    relation = content.get("m.relates_to", {})
    return bool(relation.get("m.in_reply_to") == {"event_id": event_id})


async def test_edits_command_nothing(synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path) -> None:
    """Neither an edit into a command nor an edit of one is answered, in clear or encrypted."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        for encrypted in (False, True):
            room = await alice.create_room(bot.user_id, encrypted=encrypted)
            await alice.wait_for_member(room, bot.user_id)
            first = await alice.say(room, f"!echo first {encrypted}")
            await alice.hears_text(f"echo first {encrypted}")
            talk = await alice.say(room, "just talk")
            for edited in (first, talk):
                new = {"msgtype": "m.text", "body": "!echo edited"}
                relation = {"rel_type": "m.replace", "event_id": edited}
                await alice.say(room, "!echo edited", **{"m.new_content": new, "m.relates_to": relation})
                await alice.say(room, "!echo edited", **{"m.relates_to": relation})
            await alice.say(room, f"!echo last {encrypted}")
            await alice.hears_text(f"echo last {encrypted}")
    assert not any("edited" in said.body for said in alice.heard if said.sender == bot.user_id)


async def test_nobody_grants_themselves_power(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """Power is what the room's state says under the empty key, whatever else was tried."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        mallory = await Nobody.register(synapse, localparts)
        loose = {"events": {"m.room.power_levels": 0}, "state_default": 0}
        room = await alice.create_room(
            bot.user_id, mallory.user_id, room_version="9", power_level_content_override=loose
        )
        await mallory.join(room)
        await alice.wait_for_member(room, bot.user_id)
        where = f"rooms/{room}/state/m.room.power_levels"
        levels = {"users": {mallory.user_id: 100, alice.user_id: 100}}
        attempts: list[tuple[str, Any]] = [
            ("", levels),
            ("", {**levels, "users": {mallory.user_id: "100", alice.user_id: 100}}),
            ("", {"users_default": 50, "users": {alice.user_id: 100}}),
            ("other", levels),
            (mallory.user_id, levels),
        ]
        for key, content in attempts:
            try:
                await mallory.call("PUT", f"{where}/{key}", content)
            except ApiError:
                continue
        await mallory.say(room, f"!echo power {mallory.user_id}")
        assert (await alice.hears(lambda said: said.sender == bot.user_id)).body == "0.0"


async def test_invalid_levels_are_no_levels(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """Old rooms may hold words for numbers; what is no number gives no power."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, room_version="1")
        await alice.wait_for_member(room, bot.user_id)
        given = {"@a:x": "fifty", "@b:x": "1e9", "@c:x": "0x64", "@d:x": " +50 ", "@e:x": "50.5"}
        taken = set()
        for user, level in given.items():
            content = {"users": {alice.user_id: 100, user: level}}
            try:
                where = f"/_matrix/client/v3/rooms/{room}/state/m.room.power_levels/"
                await synapse.api("PUT", where, alice.token, content)
                taken.add(user)
            except ApiError:
                continue
            event_id = await alice.say(room, f"!echo power {user}")
            said = await alice.hears(lambda said, to=event_id: _answers(said.content, to))  # type: ignore[misc]
            assert said.body == ("50.0" if user == "@d:x" else "0.0")
        assert await _power(alice, bot, room, alice.user_id) == "100.0"


async def _power(alice: Person, bot: Bot, room: str, user_id: str) -> str:
    event_id = await alice.say(room, f"!echo power {user_id}")
    return (await alice.hears(lambda said: _answers(said.content, event_id))).body


async def test_a_storm_of_invitations_changes_no_policy(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """Eighty rooms of strangers stay empty of the bot, live and at start-up; an admin's is joined."""
    mallory = await Nobody.register(synapse, localparts)
    changes: dict[str, Any] = {"invites": {"policy": "admins"}, "admins": [alice.user_id]}
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", **changes)
    for _ in range(40):
        await mallory.create_room(bot.user_id)
    async with bot:
        for _ in range(40):
            await mallory.create_room(bot.user_id)
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo here")
        await alice.hears_text("echo here")
        token = bot.session()["access_token"]
        joined = await synapse.api("GET", "/_matrix/client/v3/joined_rooms", token)
    assert joined["joined_rooms"] == [room]


async def test_joins_are_paced(synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path) -> None:
    """However many invitations count, few are followed at once, and a limit of the homeserver is heeded."""
    under_way = most = refused = 0
    last_refusal = 0.0
    too_early: list[float] = []

    async def before(request: web.Request) -> web.Response | None:
        nonlocal under_way, most, refused, last_refusal
        if "/join/" not in request.path:
            return None
        now = time.monotonic()
        if refused == 8 and now < last_refusal + 0.9:
            too_early.append(now - last_refusal)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        if refused < 8:
            refused, last_refusal = refused + 1, time.monotonic()
            return web.json_response({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1000}, status=429)
        return None

    mallory = await Nobody.register(synapse, localparts)
    async with Proxy(synapse.base_url, before=before) as proxy:
        bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url)
        rooms = {await mallory.create_room(bot.user_id) for _ in range(30)}
        async with bot:

            async def all_joined() -> bool:
                joined = await synapse.api("GET", "/_matrix/client/v3/joined_rooms", bot.session()["access_token"])
                return set(joined["joined_rooms"]) == rooms

            await until(lambda: (bot.directory / "session.json").exists())
            await until(all_joined, within=60)
        assert most <= 2
        assert proxy.count("/join/") == 30 + 8
        assert not too_early


async def test_old_commands_are_not_answered(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """What was asked long before the bot came back is past."""
    access = {"max_age": "3s"}
    bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", commands=access)
    async with bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!echo ready")
        await alice.hears_text("echo ready")
    await alice.say(room, "!echo old")
    await asyncio.sleep(4)
    async with Bot(bot.config):
        await until(lambda: _fresh(alice, room))
    assert not any(said.body == "echo old" for said in alice.heard)


async def _fresh(alice: Person, room: str) -> bool:
    """Whether a command just given was answered; the bot may need longer to start than a command stays young."""
    await alice.say(room, "!echo fresh")
    try:
        await alice.hears_text("echo fresh", within=2)
    except TimeoutError:
        return False
    return True


HUGE: dict[str, dict[str, Any]] = {
    "arguments": {"body": "!echo " + "x " * 25_000},
    "word": {"body": "!echo " + "x" * 50_000},
    "wide": {"body": "!echo " + "漢" * 19_000},
    "controls": {"body": "!echo " + "\u202e\x07" * 6_000},
    "lines": {"body": "!echo a" + "\n" * 25_000},
    "quotes": {"body": "> <@a:b> \n" * 5_000 + "!echo quoted"},
    "deep": {"body": "!echo a", "formatted_body": "<b>" * 18_000},
    "deep and closed": {"body": "!echo a", "formatted_body": "<b>" * 900 + "!echo a" + "</b>" * 900},
    "unclosed": {"body": "!echo a", "formatted_body": "<a href='" * 5_000},
    "entities": {"body": "!echo a", "formatted_body": "!echo " + "&amp;" * 1_500},
    "comments": {"body": "!echo a", "formatted_body": "<!--" * 2_000 + "<![CDATA[" * 10},
    "pills": {"body": "!echo a", "formatted_body": "!echo " + '<a href="https://matrix.to/#/@a:b.c">a</a>' * 180},
    "mentions": {"body": "!echo a", "m.mentions": {"user_ids": [f"@{n}:x" for n in range(5_000)]}},
    "nested": {"body": "!echo a", "m.relates_to": {"m.in_reply_to": [[[[{}]]]] * 500}},
}


async def test_huge_and_deep_messages_are_survived(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """Each of them is answered, within the size of an event, and the next one as well."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        mallory = await Nobody.register(synapse, localparts)
        await alice.client.room_invite(room, mallory.user_id)
        await mallory.join(room)
        for name, content in HUGE.items():
            html = {"format": "org.matrix.custom.html"} if "formatted_body" in content else {}
            event_id = await mallory.say(room, **{**content, **html})
            said = await alice.hears(lambda said, to=event_id: _answers(said.content, to))  # type: ignore[misc]
            assert said.body.startswith("echo ") or said.body == "… and 1 more line", name
            assert len(said.body.encode()) < 20_000, name
            assert said.content["m.mentions"] == {}, name
            assert "rel_type" not in said.content["m.relates_to"], name


async def test_a_message_that_is_always_too_large_is_given_up(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """A homeserver that finds even the notice too large is not asked for ever; the next answer goes out."""
    limit = True

    def before(request: web.Request) -> web.Response | None:
        if limit and "/send/m.room.message/" in request.path:
            return web.json_response({"errcode": "M_TOO_LARGE"}, status=413)
        return None

    async with Proxy(synapse.base_url, before=before) as proxy:
        bot = await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url)
        async with bot:
            room = await alice.create_room(bot.user_id)
            await alice.wait_for_member(room, bot.user_id)
            await alice.say(room, "!echo lost")
            await until(lambda: proxy.count("/send/m.room.message/") >= 2)
            await asyncio.sleep(0.5)
            assert proxy.count("/send/m.room.message/") == 2
            limit = False
            await alice.say(room, "!echo found")
            await alice.hears_text("echo found")
    assert [said.body for said in alice.heard] == ["echo found"]


BROKEN: tuple[tuple[str, dict[str, Any]], ...] = (
    # most nonsense in clear is refused by Synapse itself; tests/matrix/test_event_filter.py has it
    ("m.room.message", {"body": "!nothing", "msgtype": "m.text", "m.relates_to": {"rel_type": ["x"], "event_id": 1}}),
    ("m.room.message", {"body": "!echo edited", "msgtype": "m.text", "m.new_content": [["!echo edited"]]}),
    ("m.room.encrypted", {"body": ["!echo x"], "msgtype": "m.text"}),
    ("m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": 5, "session_id": [], "sender_key": {}}),
    ("m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "A" * 50_000, "session_id": "\u202e"}),
    ("m.room.encrypted", {"algorithm": "m.olm.v1.curve25519-aes-sha2", "ciphertext": {"x": {"type": 9, "body": []}}}),
    ("m.room.encrypted", {"algorithm": None}),
)


async def test_broken_events_are_survived(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path
) -> None:
    """Content of the wrong types, in clear or as if encrypted, is passed over; the next command is answered."""
    async with await Bot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        for kind, content in BROKEN:
            await alice.say_raw(room, content, kind)
        await alice.say(room, "!echo alive")
        await alice.hears_text("echo alive")
    assert [said.body for said in alice.heard if said.sender == bot.user_id] == ["echo alive"]
