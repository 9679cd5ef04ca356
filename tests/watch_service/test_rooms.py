"""Rooms that are upgraded, left, or refuse the bot."""

from __future__ import annotations

from sqlalchemy import select

from botkit.outbound.model import FailureKind
from botkit.storage import Database
from botkit.storage.json_text import from_json
from botkit.storage.outbox import Outbox, refuse_waiting
from botkit.storage.rooms import RoomStore
from botkit.storage.tables import outbox
from plugins.foci.alerts.watches import Watch
from tests.watch_service.internet import Internet
from tests.watch_service.ops import ADMIN, Ops

REASON = "the bot may not write there"


async def firing(database: Database, *rooms: str) -> Ops:
    """Rooms that watch a server whose focus is down, and know it."""
    ops = Ops(database, Internet({"a.org": ["rtc"]}))
    await ops.watch({room: ["a.org"] for room in rooms})
    ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    assert rooms_in(await ops.checks("a.org", 3)) == [f"{room} new" for room in rooms]
    return ops


async def delivered(ops: Ops) -> list[str]:
    """Everything that waits is sent; first lines of it, evidence left out."""
    async with ops.database.begin() as connection:
        query = select(outbox).where(outbox.c.state == "waiting").order_by(outbox.c.id)
        rows = (await connection.execute(query)).all()
    box = Outbox(ops.database, lambda: int(ops.at * 1000))
    for row in rows:
        await box.mark_sent(row.id, f"${row.id}", anchor=row.placement == "new")
    await ops.lines()
    return [from_json(row.content)["body"].splitlines()[0] for row in rows if row.placement != "thread"]


def rooms_in(lines: list[str]) -> list[str]:
    """Room and placement of each line."""
    return [line.partition(":")[0] for line in lines]


async def test_watches_and_silences_move_to_the_replacement(any_database: Database) -> None:
    """What is open is told there afresh; the second call does nothing, nor does one of a room without watches."""
    ops = await firing(any_database, "!old")
    await ops.silence("!old", "b.org", 3600)
    for _ in range(2):
        await ops.watch_service.room_replaced("!old", "!new", ops.at)
    await ops.watch_service.room_replaced("!unknown", "!unheard", ops.at)
    assert rooms_in(await ops.lines()) == ["!new new"]
    assert [view.server for view in await ops.watch_service.watches("!new", ops.at)] == ["a.org"]
    assert await ops.watch_service.watches("!old", ops.at) == ()
    assert [one.target for one in await ops.watch_service.silences("!new")] == ["b.org"]
    ops.internet.broken.clear()
    assert rooms_in(await ops.checks("a.org", 2)) == ["!new edit", "!new reply"]


async def test_nothing_moves_into_a_room_with_watches_of_its_own(any_database: Database) -> None:
    """Neither watches nor silences: what is asked for in the one room stays there, and in the other as it is."""
    ops = await firing(any_database, "!old")
    await ops.watch({"!old": ["a.org"], "!other": ["c.org"]})
    await ops.silence("!old", "b.org", 3600)
    await ops.lines()
    await ops.watch_service.room_replaced("!old", "!other", ops.at)
    assert [view.server for view in await ops.watch_service.watches("!other", ops.at)] == ["c.org"]
    assert await ops.watch_service.silences("!other") == ()
    assert await ops.lines() == []


async def test_what_was_acknowledged_stays_so_over_an_upgrade_and_a_suspension(any_database: Database) -> None:
    """No reminder comes until the reaction is taken back, be it in the room where it was made."""
    ops = Ops(any_database, Internet({"a.org": ["rtc"]}))
    await ops.watch({"!first": ["a.org"]})
    ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    for _ in range(3):
        ops.at += 100
        await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    incident = (await ops.read())[0].about
    await ops.watch_service.acknowledge("!first", incident, "$reaction", ADMIN, ops.at)
    await ops.watch_service.room_suspended("!first", REASON, ops.at)
    for old, new in (("!first", "!second"), ("!second", "!third")):
        for _ in range(2):
            await ops.watch_service.room_replaced(old, new, ops.at)
    await ops.watch_service.room_suspended("!third", REASON, ops.at)
    await ops.lines()
    await ops.restarted().room_joined("!third", ops.at)
    afresh, evidence = await ops.read()
    assert (evidence.placement, evidence.about) == ("thread", afresh.about)
    assert "2. connect: failed" in evidence.text
    assert afresh.line.startswith("!third new: ❌ rtc.example.org is down")
    assert afresh.text.endswith("Acknowledged by @\u2060ops:example.org: no reminders in this room.")
    assert await ops.watch_service.next_reminder() is None
    for _ in range(2):
        await ops.watch_service.withdraw("!first", "$reaction", ops.at)
    assert rooms_in(await ops.lines()) == ["!third edit"]
    assert await ops.watch_service.next_reminder() == ops.at + 12 * 3600


async def test_what_the_configuration_says_of_a_replaced_room_holds_in_its_replacement(database: Database) -> None:
    """Over two upgrades, and at every start."""
    ops = Ops(database, Internet({"a.org": ["rtc"]}))
    wanted = [Watch("!first", "a.org", "config")]
    await ops.watch_service.configure(wanted, ops.at)
    await ops.watch_service.room_replaced("!first", "!second", ops.at)
    await ops.watch_service.room_replaced("!second", "!third", ops.at)
    assert await ops.restarted().configure(wanted, ops.at) == ()
    assert [len(await ops.watch_service.watches(room, ops.at)) for room in ("!first", "!second", "!third")] == [0, 0, 1]
    await ops.watch_service.room_replaced("!third", "!first", ops.at)
    await ops.restarted().configure(wanted, ops.at)
    assert len(await ops.watch_service.schedule()) == 1


async def test_a_room_that_refuses_the_bot_is_reported_to_one_other_room_once(any_database: Database) -> None:
    """To the one that watches most of the same; nothing more is told there until the bot is back."""
    ops = await firing(any_database, "!ops", "!other")
    await ops.watch({"!third": ["c.org", "d.org"]})
    for _ in range(2):
        await ops.watch_service.room_suspended("!ops", REASON, ops.at)
    (told,) = await ops.read()
    assert told.line == (
        "!other new: ⚠️ The bot cannot send to another room that it watches servers for: the bot may not write there. "
        "Alerts are held back there until the bot can send again; its log names the room."
    )
    assert "!ops" not in f"{told.text} {told.about}"
    assert told.msgtype == "m.text"
    ops.at += 13 * 3600
    await ops.watch_service.remind(ops.at)
    assert rooms_in(await ops.lines()) == ["!other reply"]
    for _ in range(2):
        await ops.watch_service.room_joined("!ops", ops.at)
    assert rooms_in(await ops.lines()) == ["!ops new"]
    ops.internet.broken.clear()
    assert sorted(rooms_in(await ops.checks("a.org", 2))) == ["!ops edit", "!ops reply", "!other edit", "!other reply"]


async def test_what_is_told_afresh_has_names_of_its_own(database: Database) -> None:
    """Whatever was written to the room before, no notification is taken for one that was sent already."""
    ops = await firing(database, "!ops", "!other")
    for _ in range(3):
        await ops.watch_service.room_suspended("!ops", REASON, ops.at)
        await ops.watch_service.room_joined("!ops", ops.at)
    assert rooms_in(await ops.lines()).count("!ops new") == 3


async def test_list_changes_wait_for_a_room_that_refuses_the_bot(database: Database) -> None:
    """They are told together when it is back."""
    ops = Ops(database, Internet({"a.org": ["rtc", "two"]}))
    await ops.watch({"!ops": ["a.org"]})
    await ops.check("a.org")
    await ops.watch_service.room_suspended("!ops", REASON, ops.at)
    ops.internet.servers["a.org"].foci = ["two", "rtc"]
    assert await ops.check("a.org") == []
    await ops.watch_service.room_joined("!ops", ops.at)
    assert rooms_in(await ops.lines()) == ["!ops new"]


async def test_a_list_change_whose_notification_was_refused_is_told_when_the_room_takes_notifications_again(
    any_database: Database,
) -> None:
    """Whether it waited when the room began to refuse, or was written before the watch knew of that."""
    ops = Ops(any_database, Internet({"a.org": ["rtc", "two"]}))
    room_store = RoomStore(any_database, ("foci",), lambda: int(ops.at * 1000))
    box = Outbox(any_database, lambda: int(ops.at * 1000))
    await ops.watch({"!ops": ["a.org"]})
    await ops.check("a.org")
    for foci in (["two"], ["two", "three"]):
        ops.internet.servers["a.org"].foci = list(foci)
        if len(foci) == 1:
            await ops.check("a.org")
            await room_store.suspend("!ops", REASON)
        else:
            await room_store.suspend("!ops", REASON)
            await ops.check("a.org")
        await ops.lines()
        await ops.watch_service.room_suspended("!ops", REASON, ops.at)
        ops.at += 600
        await room_store.relieve("!ops")
        for _ in range(2):
            await ops.watch_service.room_joined("!ops", ops.at)
        (line,) = await ops.lines()
        assert line.startswith("!ops new: ⚠️ a.org changed its foci list")
        assert ("three" in line, "rtc" in line) == (len(foci) == 2, len(foci) == 1)
        async with any_database.begin() as connection:
            waiting = (await connection.scalars(select(outbox.c.id).where(outbox.c.state == "waiting"))).all()
        assert len(waiting) == 2
        for row_id in waiting:
            await box.mark_sent(row_id, f"${row_id}", anchor=True)


async def test_what_ended_while_a_room_refused_the_bot_is_closed_when_it_takes_notifications_again(
    any_database: Database,
) -> None:
    """Whether the end is what it refused, or came later: no message says for ever that something is down."""
    ops = Ops(any_database, Internet({"a.org": ["rtc", "two"]}))
    room_store = RoomStore(any_database, ("foci",), lambda: int(ops.at * 1000))
    await ops.watch({"!ops": ["a.org"]})
    ops.internet.broken = dict.fromkeys(("rtc", "two"), FailureKind.CONNECT_REFUSED)
    await ops.checks("a.org", 3)
    await delivered(ops)
    del ops.internet.broken["rtc"]
    await ops.checks("a.org", 2)
    await room_store.suspend("!ops", REASON)
    await ops.watch_service.room_suspended("!ops", REASON, ops.at)
    ops.restarted()
    ops.internet.broken.clear()
    await ops.checks("a.org", 2)
    assert await delivered(ops) == []
    await room_store.relieve("!ops")
    await ops.watch_service.room_joined("!ops", ops.at)
    rtc, two = await delivered(ops)
    assert rtc.startswith("✅ rtc.example.org was down from 12:01 UTC to 12:06 UTC")
    assert two.startswith("✅ two.example.org was down from 12:01 UTC to 12:10 UTC")
    await room_store.suspend("!ops", REASON)
    await room_store.relieve("!ops")
    assert await delivered(ops) == []


async def test_what_is_unwatched_while_its_room_refuses_the_bot_is_closed_as_well(database: Database) -> None:
    """The configuration may say so at a start; nothing is told afresh."""
    ops = await firing(database, "!ops", "!other")
    await ops.watch_service.room_suspended("!ops", REASON, ops.at)
    await ops.watch_service.unwatch("!ops", "a.org", ops.at)
    assert "!ops edit: ▫️ rtc.example.org is no longer watched" in "\n".join(await ops.lines())
    await ops.watch_service.room_joined("!ops", ops.at)
    ops.internet.broken.clear()
    assert rooms_in(await ops.checks("a.org", 2)) == ["!other edit", "!other reply"]


async def test_where_a_list_came_to_rest_is_told_again_if_that_was_refused(database: Database) -> None:
    """The answer that says so is no message of its own, but tells a change."""
    ops = Ops(database, Internet({"a.org": ["rtc", "two"]}))
    room_store = RoomStore(database, ("foci",), lambda: int(ops.at * 1000))
    await ops.watch({"!ops": ["a.org"]})
    await ops.check("a.org")
    for foci in (["two"], ["rtc"], ["two"], ["three"]):
        ops.internet.servers["a.org"].foci = list(foci)
        ops.at += 200
        await ops.check("a.org")
    await delivered(ops)
    assert rooms_in(await ops.checks("a.org", 13, 300))[-1] == "!ops reply"
    await room_store.suspend("!ops", REASON)
    await ops.watch_service.room_suspended("!ops", REASON, ops.at)
    await room_store.relieve("!ops")
    await ops.watch_service.room_joined("!ops", ops.at)
    (line,) = await ops.lines()
    assert line.startswith("!ops new: ⚠️ a.org changed its foci list")
    assert "Clients now use https://three.example.org/jwt" in line


async def test_a_list_change_that_waited_in_a_replaced_room_is_told_in_the_replacement(database: Database) -> None:
    """Nothing can be said in the old room any more."""
    ops = Ops(database, Internet({"a.org": ["rtc", "two"]}))
    await ops.watch({"!ops": ["a.org"]})
    await ops.check("a.org")
    ops.internet.servers["a.org"].foci = ["two"]
    assert rooms_in(await ops.check("a.org")) == ["!ops new"]
    async with database.begin() as connection:
        await refuse_waiting(connection, "!ops")
    for _ in range(2):
        await ops.watch_service.room_replaced("!ops", "!next", ops.at)
    assert rooms_in(await ops.lines()) == ["!next new"]


async def test_without_another_room_a_suspension_is_told_nobody(database: Database) -> None:
    """A room that is suspended itself is none."""
    ops = await firing(database, "!ops", "!other")
    await ops.watch_service.room_suspended("!other", REASON, ops.at)
    assert rooms_in(await ops.lines()) == ["!ops new"]
    await ops.watch_service.room_suspended("!ops", REASON, ops.at)
    assert await ops.lines() == []
    ops.internet.broken.clear()
    assert sorted(rooms_in(await ops.checks("a.org", 2))) == ["!ops edit", "!other edit"]


async def test_a_room_that_was_left_is_written_to_no_more(database: Database) -> None:
    """What was asked for there is forgotten; the incident goes on elsewhere, with its keys."""
    ops = await firing(database, "!ops", "!other")
    for _ in range(2):
        await ops.watch_service.room_left("!ops", ops.at)
    assert await ops.lines() == []
    assert await ops.watch_service.watches("!ops", ops.at) == ()
    ops.internet.broken.clear()
    assert rooms_in(await ops.checks("a.org", 2)) == ["!other edit", "!other reply"]
    await ops.watch_service.room_left("!other", ops.at)
    assert await ops.watch_service.schedule() == ()


async def test_configured_watches_of_a_room_that_was_left_wait(database: Database) -> None:
    """They begin again when the bot is back."""
    ops = Ops(database, Internet({"a.org": ["rtc"]}))
    await ops.watch_service.configure([Watch("!ops", "a.org", "config")], ops.at)
    await ops.watch_service.room_left("!ops", ops.at)
    ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    assert await ops.checks("a.org", 4) == []
    await ops.watch_service.room_joined("!ops", ops.at)
    assert rooms_in(await ops.lines()) == ["!ops new"]


async def test_strangers_do_not_learn_that_a_room_refuses_the_bot(database: Database) -> None:
    """Only a room with a server in common does, or one of the operators'."""
    ops = await firing(database, "!ops")
    await ops.watch({"!strange": ["c.org"]})
    await ops.watch_service.room_suspended("!ops", REASON, ops.at)
    assert await ops.lines() == []
    await ops.watch_service.room_joined("!ops", ops.at)
    await ops.lines()
    await ops.watch_service.configure([Watch("!desk", "d.org", "config")], ops.at)
    await ops.watch_service.room_suspended("!ops", REASON, ops.at, {"!desk"})
    assert rooms_in(await ops.lines()) == ["!desk new"]


async def test_refusals_of_other_rooms_are_told_at_most_daily(database: Database) -> None:
    """Whoever lets the bot in and out of many rooms does not talk into another one all day."""
    ops = await firing(database, "!ops", "!other", "!third")
    told = []
    for room in ("!other", "!third", "!other"):
        await ops.watch_service.room_suspended(room, REASON, ops.at)
        told += [line for line in await ops.lines() if "cannot send" in line]
        await ops.watch_service.room_joined(room, ops.at)
        ops.at += 3600
    assert rooms_in(told) == ["!ops new"]
    ops.at += 22 * 3600
    await ops.watch_service.room_suspended("!third", REASON, ops.at)
    assert [line.split(":")[0] for line in await ops.lines() if "cannot send" in line] == ["!ops new"]
