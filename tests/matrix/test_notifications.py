"""Notifications: what a plugin sends of its own accord arrives in order, once, and refers to what it belongs to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from botkit.messages.notification import Placement
from lab.synapse import Synapse
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy
from tests.matrix.scribe import ScribeBot, notification

NEW, EDIT, REPLY, THREAD = Placement.NEW, Placement.EDIT, Placement.REPLY, Placement.THREAD


async def _room(alice: Person, bot: ScribeBot, *, encrypted: bool = False) -> str:
    room = await alice.create_room(bot.user_id, encrypted=encrypted)
    await alice.wait_for_member(room, bot.user_id)
    return room


@pytest.mark.parametrize("encrypted", [False, True])
async def test_an_incident_develops(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path, encrypted: bool
) -> None:
    """A new message, its evidence in a thread, an edit, and the end in reply: each refers to the first."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await _room(alice, bot, encrypted=encrypted)
        await bot.journal.post(
            notification(room, "1", NEW, "it is down", msgtype="m.text", mentions=(alice.user_id,)),
            notification(room, "2", THREAD, "refused on port 443"),
            notification(room, "3", EDIT, "it is down, 3 servers", msgtype="m.text"),
            notification(room, "4", REPLY, "it is up again"),
        )
        await alice.hears_text("it is up again")
    new, thread, edit, reply = alice.heard
    assert all(said.encrypted is encrypted for said in alice.heard)
    assert (new.body, new.content["msgtype"]) == ("it is down", "m.text")
    assert new.content["m.mentions"] == {"user_ids": [alice.user_id]}
    assert "m.relates_to" not in new.content
    assert thread.content["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": new.event_id,
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": new.event_id},
    }
    assert edit.body == "* it is down, 3 servers"
    assert edit.content["formatted_body"] == "* it is down, 3 servers"
    assert edit.content["m.relates_to"] == {"rel_type": "m.replace", "event_id": new.event_id}
    assert edit.content["m.new_content"]["body"] == "it is down, 3 servers"
    assert edit.content["m.new_content"]["msgtype"] == "m.text"
    assert edit.content["m.mentions"] == {}
    assert reply.content["m.relates_to"] == {"m.in_reply_to": {"event_id": new.event_id}}
    assert reply.content["msgtype"] == "m.notice"


async def test_the_homeserver_takes_the_edit_for_one(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Asked for the first message, the homeserver knows that it was replaced, and by what."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await _room(alice, bot)
        await bot.journal.post(notification(room, "1", NEW, "before"), notification(room, "2", EDIT, "after"))
        first = await alice.hears_text("before")
        await alice.hears_text("* after")
    event = await synapse.api("GET", f"/_matrix/client/v3/rooms/{room}/event/{first.event_id}", alice.token)
    assert event["unsigned"]["m.relations"]["m.replace"]["content"]["m.new_content"]["body"] == "after"


async def test_notifications_belong_together_by_what_they_are_about(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Two incidents in two rooms: each edit finds its own message."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        rooms = [await _room(alice, bot), await _room(alice, bot)]
        pairs = [(room, about) for room in rooms for about in ("one", "two")]
        for step, placement in (("first", NEW), ("then", EDIT)):
            await bot.journal.post(
                *(
                    notification(room, f"{step} {room} {about}", placement, f"{step} {about}", about)
                    for room, about in pairs
                )
            )
        await until(lambda: len(alice.heard) == 8)
    for room, about in pairs:
        mine = [said for said in alice.heard if said.room_id == room and said.body.endswith(about)]
        assert [said.body for said in mine] == [f"first {about}", f"* then {about}"]
        assert mine[1].content["m.relates_to"]["event_id"] == mine[0].event_id


async def test_a_step_that_is_repeated_says_nothing_twice(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """The same names again, after a restart too, are passed over; what was rolled back was never said."""
    bot = await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    async with bot:
        room = await _room(alice, bot)
        await bot.journal.post(notification(room, "1", NEW, "once"), notification(room, "1", NEW, "twice"))
        await alice.hears_text("once")
        assert bot.journal.context is not None
        storage, notifier = bot.journal.context.storage, bot.journal.context.notifier

        async def change_ones_mind() -> None:
            async with storage.begin() as connection:
                await notifier.post(connection, [notification(room, "2", NEW, "never")])
                raise RuntimeError("rolled back")

        with pytest.raises(RuntimeError, match="rolled back"):
            await change_ones_mind()
        notifier.wake()
    bot.journal.context = None
    async with bot.again() as again:
        await again.journal.post(notification(room, "1", NEW, "thrice"), notification(room, "3", NEW, "end"))
        await alice.hears_text("end")
    assert [said.body for said in alice.heard] == ["once", "end"]


async def test_notifications_find_each_other_after_the_outbox_was_pruned(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """An incident may last longer than rows are kept, and longer than a process lives."""
    bot = await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    async with bot:
        room = await _room(alice, bot, encrypted=True)
        await bot.journal.post(notification(room, "1", NEW, "it is down"))
        first = await alice.hears_text("it is down")
    bot.journal.context = None
    async with bot.again() as again:
        await until(lambda: again.journal.context is not None)
        context = again.journal.context
        assert context is not None
        async with context.storage.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM outbox")
        await again.journal.post(notification(room, "2", EDIT, "it is still down"))
        edit = await alice.hears_text("* it is still down")
    assert edit.content["m.relates_to"]["event_id"] == first.event_id


async def test_an_alert_is_not_lost_with_its_first_message(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """If the homeserver refuses the new message, the edit becomes one; the thread without a root is left out."""

    def refuse_first(request: web.Request) -> web.Response | None:
        if "/send/m.room.message/" not in request.path:
            return None
        proxy.before = None
        return web.json_response({"errcode": "M_BAD_JSON", "error": "no"}, status=400)

    async with (
        Proxy(synapse.base_url) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await _room(alice, bot)
        proxy.before = refuse_first
        await bot.journal.post(
            notification(room, "1", NEW, "refused"),
            notification(room, "2", THREAD, "evidence of nothing"),
            notification(room, "3", EDIT, "it is down"),
            notification(room, "4", THREAD, "evidence"),
            notification(room, "5", EDIT, "it was down"),
            notification(room, "6", REPLY, "it is up"),
        )
        await alice.hears_text("it is up")
    bodies = [said.body for said in alice.heard]
    assert bodies == ["it is down", "evidence", "* it was down", "it is up"]
    assert "m.relates_to" not in alice.heard[0].content
    for said in alice.heard[1:]:
        assert alice.heard[0].event_id in json.dumps(said.content["m.relates_to"])


async def test_while_throttled_edits_give_way_to_later_ones(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """After a 429 only the last of several edits is sent, in its place; what was tried already stays as it was."""
    tried: list[str] = []
    refusing = 0

    async def limit(request: web.Request) -> web.Response | None:
        nonlocal refusing
        if "/send/m.room.message/" not in request.path:
            return None
        body = json.loads(await request.read())["body"]
        tried.append(body)
        if not refusing:
            return None
        refusing -= 1
        return web.json_response({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 300}, status=429)

    async with (
        Proxy(synapse.base_url, before=limit) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await _room(alice, bot)
        await bot.journal.post(notification(room, "0", NEW, "down"))
        await alice.hears_text("down")
        refusing = 2
        await bot.journal.post(
            notification(room, "1", EDIT, "edit 1"),
            notification(room, "2", EDIT, "edit 2"),
            notification(room, "other", NEW, "other", "incident 2"),
            notification(room, "other 1", EDIT, "other edit", "incident 2"),
            notification(room, "3", EDIT, "edit 3"),
            notification(room, "4", REPLY, "reminder"),
            notification(room, "5", EDIT, "edit 4"),
            notification(room, "6", REPLY, "up"),
        )
        await alice.hears_text("up")
    heard = [said.body for said in alice.heard]
    assert heard == ["down", "* edit 1", "other", "* other edit", "reminder", "* edit 4", "up"]
    assert tried == ["down", *["* edit 1"] * 3, *heard[2:]]


async def test_without_a_limit_every_edit_is_sent(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Edits are only saved on when the homeserver asks for it."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await _room(alice, bot)
        edits = [notification(room, f"{number}", EDIT, f"edit {number}") for number in range(5)]
        await bot.journal.post(notification(room, "new", NEW, "down"), *edits)
        await alice.hears_text("* edit 4")
    assert [said.body for said in alice.heard] == ["down", *(f"* edit {number}" for number in range(5))]


async def test_a_lost_answer_does_not_double_an_alert(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Connections break after the homeserver took the message, and the bot stops in the middle: still once."""
    lost = 3

    def lose(request: web.Request) -> bool:
        nonlocal lost
        if "/send/m.room" not in request.path or not lost:
            return False
        lost -= 1
        return True

    async with Proxy(synapse.base_url) as proxy:
        bot = await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url)
        async with bot:
            room = await _room(alice, bot, encrypted=True)
            proxy.after = lose
            await bot.journal.post(notification(room, "1", NEW, "down"), notification(room, "2", EDIT, "still down"))
            await until(lambda: lost < 3)
        bot.journal.context = None
        async with bot.again() as again:
            await alice.hears_text("* still down")
            await again.journal.post(notification(room, "3", REPLY, "up"))
            await alice.hears_text("up")
    assert [said.body for said in alice.heard] == ["down", "* still down", "up"]
    assert alice.heard[1].content["m.relates_to"]["event_id"] == alice.heard[0].event_id
    assert lost == 0


async def test_one_room_that_waits_holds_up_no_other(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A room whose notifications meet bad gateways keeps all in order; the other one is served meanwhile."""
    async with (
        Proxy(synapse.base_url) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        stuck, free = await _room(alice, bot), await _room(alice, bot)

        def broken(request: web.Request) -> web.Response | None:
            return web.Response(status=502) if f"{stuck}/send" in request.path else None

        proxy.before = broken
        await bot.journal.post(notification(stuck, "1", NEW, "one"), notification(stuck, "2", EDIT, "two"))
        await bot.journal.post(notification(free, "3", NEW, "free"))
        await alice.hears_text("free")
        assert [said.body for said in alice.heard] == ["free"]
        proxy.before = None
        await alice.hears_text("* two")
    assert [said.body for said in alice.heard] == ["free", "one", "* two"]


async def test_a_notification_that_is_too_large_is_said_in_short(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Its first line arrives as loud as it was meant, and later edits refer to it."""

    async def narrow(request: web.Request) -> web.Response | None:
        if "/send/m.room.message/" not in request.path or len(await request.read()) < 2_000:
            return None
        return web.json_response({"errcode": "M_TOO_LARGE", "error": "no"}, status=413)

    async with (
        Proxy(synapse.base_url, before=narrow) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await _room(alice, bot)
        mine = (alice.user_id,)
        await bot.journal.post(
            notification(room, "1", NEW, "down " + "x" * 3_000, msgtype="m.text", mentions=mine),
            notification(room, "2", EDIT, "up"),
        )
        edit = await alice.hears_text("* up")
    first = alice.heard[0]
    assert first.body == "down " + "x" * 495 + "\n(The rest is too large for this homeserver.)"
    assert (first.content["msgtype"], first.content["m.mentions"]) == ("m.text", {"user_ids": [alice.user_id]})
    assert edit.content["m.relates_to"]["event_id"] == first.event_id
