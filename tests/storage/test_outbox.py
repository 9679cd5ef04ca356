"""Notifications, calls and rooms as the database keeps them, on both kinds of database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from botkit.matrix.send.notifier import OutboxNotifier
from botkit.messages.document import Document, Paragraph, Text
from botkit.messages.notification import Notification, Placement
from botkit.storage import Database
from botkit.storage.hook_queue import MOST_PENDING, Hook, HookQueue
from botkit.storage.outbox import Deliveries, MessageState, Outbox, Outgoing, Queued
from botkit.storage.room_events import Annotation, Departure, Joined, Redaction, RoomChanges, Tombstone
from botkit.storage.rooms import RoomStore, UpgradeState
from botkit.storage.tables import calls as calls_table
from botkit.storage.tables import notifications, outbox
from tests.examples import examples

NOW = 1_700_000_000_000
NEW, EDIT, REPLY, THREAD = Placement.NEW, Placement.EDIT, Placement.REPLY, Placement.THREAD


def notification(room_id: str, name: str, placement: Placement, about: str = "a") -> Notification:
    """A notification that says its name."""
    return Notification(room_id, name, about, placement, Document((Paragraph((Text(name),)),)))


async def post(database: Database, *wanted: Notification, plugin: str = "p") -> None:
    """As a plugin does it."""
    async with database.begin() as connection:
        await OutboxNotifier(plugin, lambda: NOW, lambda: None).post(connection, wanted)


async def send(box: Outbox, room_id: str, event_id: str) -> Queued:
    """The next message arrives."""
    queued = await box.next(room_id)
    assert queued is not None
    await box.mark_attempted(queued.id, "DEVICE")
    await box.mark_sent(queued.id, event_id, anchor=queued.anchor is None)
    return queued


def body(queued: Queued | None) -> str | None:
    """What a message says."""
    return str(queued.message.content["body"]) if queued else None


@dataclass(slots=True)
class Model:
    """What ought to become of the notifications to one room."""

    waiting: list[Notification] = field(default_factory=list)
    attempted: bool = False
    anchors: dict[str, str] = field(default_factory=dict)

    def next(self, *, throttled: bool) -> Notification | None:
        """The notification whose turn it is; edits that a later one overtakes go, if the limit is felt."""
        while self.waiting:
            first = self.waiting[0]
            later = [one for one in self.waiting[1:] if (one.about, one.placement) == (first.about, EDIT)]
            if not (throttled and later and first.placement is EDIT and not self.attempted):
                return first
            event("overtaken")
            self.waiting.pop(0)
        return None


steps = st.lists(
    st.tuples(st.just("post"), st.sampled_from(["a", "b"]), st.sampled_from(Placement))
    | st.tuples(st.just("send"), st.sampled_from(["sent", "later", "refused"]), st.booleans()),
    min_size=5,
    max_size=40,
)


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps)
async def test_order_and_thrift(database: Database, steps: Sequence[tuple[str, str, Placement | bool]]) -> None:
    """
    Notifications leave in their order; only edits that were never attempted give way, only to later edits of the
    same message, only while the limit is felt; an attempted notification comes again unchanged until it is settled.
    """
    async with database.begin() as connection:
        for table in (outbox, notifications):
            await connection.execute(delete(table))
    box, model = Outbox(database, lambda: NOW), Model()
    before: Queued | None = None
    for number, (action, what, how) in enumerate([*steps, *[("send", "sent", False)] * len(steps)]):
        if action == "post":
            assert isinstance(how, Placement)
            model.waiting.append(notification("!r", f"{number}", how, what))
            await post(database, model.waiting[-1])
            continue
        wanted = model.next(throttled=how is True)
        queued = await box.next("!r", throttled=how is True)
        assert body(queued) == (wanted.name if wanted else None)
        if queued is None or wanted is None:
            continue
        assert queued.anchor == (model.anchors.get(wanted.about) if wanted.placement is not NEW else None)
        assert queued.attempted is model.attempted
        if model.attempted:
            assert before is not None
            assert (queued.id, queued.message) == (before.id, before.message)
        await box.mark_attempted(queued.id, "DEVICE")
        before, model.attempted = queued, what == "later"
        if what == "later":
            continue
        model.waiting.pop(0)
        if what == "refused":
            await box.mark_refused(queued.id)
            continue
        await box.mark_sent(queued.id, f"${number}", anchor=queued.anchor is None)
        if queued.anchor is None:
            model.anchors[wanted.about] = f"${number}"
    assert await box.undelivered() == 0


async def test_notifications_of_plugins_and_rooms_are_apart(database: Database) -> None:
    """The same name and subject in another plugin or room is another notification, and refers to its own."""
    box = Outbox(database, lambda: NOW)
    for room in ("!1", "!2"):
        for placement in (NEW, EDIT):
            for plugin in ("p", "q"):
                await post(database, notification(room, f"{placement} {room}", placement), plugin=plugin)
    seen = []
    for room in ("!1", "!2"):
        for turn in range(4):
            queued = await send(box, room, f"${room}{turn}")
            seen.append((body(queued), queued.anchor))
    assert seen == [
        (words, anchor)
        for room in ("!1", "!2")
        for words, anchor in [
            (f"new {room}", None),
            (f"new {room}", None),
            (f"edit {room}", f"${room}0"),
            (f"edit {room}", f"${room}1"),
        ]
    ]


async def test_a_used_name_is_passed_over_even_if_it_says_something_else(database: Database) -> None:
    """The first words under a name stand, whether they wait, were sent or were refused."""
    box = Outbox(database, lambda: NOW)
    await post(database, notification("!r", "one", NEW), notification("!r", "two", NEW))
    await send(box, "!r", "$1")
    queued = await box.next("!r")
    assert queued is not None
    await box.mark_refused(queued.id)
    await post(database, notification("!r", "one", EDIT), notification("!r", "two", EDIT))
    assert await box.next("!r") is None


async def test_deliveries_are_counted(database: Database) -> None:
    """How many since the start, and how long they waited; what is refused was not delivered."""
    clock = [NOW]
    box = Outbox(database, lambda: clock[0])
    for name in ("one", "two", "three"):
        await box.add(Outgoing("!a:x", name, "m.room.message", {"body": name}))
        clock[0] += 500
    await send(box, "!a:x", "$1")
    clock[0] -= 60_000
    await send(box, "!a:x", "$2")
    refused = await box.next("!a:x")
    assert refused is not None
    await box.mark_refused(refused.id)
    assert box.deliveries == Deliveries(2, 1.5)


async def test_the_first_attempt_is_remembered(database: Database) -> None:
    """When it was and which device it was: what a homeserver knows of transaction ids depends on both."""
    clock = [NOW]
    box = Outbox(database, lambda: clock[0])
    await post(database, notification("!r", "one", NEW))
    for device, moment in (("OLD", NOW), ("NEW", NOW + 5)):
        clock[0] = moment
        queued = await box.next("!r")
        assert queued is not None
        await box.mark_attempted(queued.id, device)
    queued = await box.next("!r")
    assert queued is not None
    assert (queued.attempted, queued.attempted_at, queued.attempted_by) == (True, NOW, "OLD")


async def test_pictures_are_bytes_until_they_are_uploaded(database: Database) -> None:
    """The attachment survives the process; once uploaded, the content says where and the bytes go."""
    box = Outbox(database, lambda: NOW)
    png = bytes(range(256)) * 40
    await box.add(Outgoing("!r", "t", "m.room.message", {"body": "alt"}, attachment=png))
    queued = await box.next("!r")
    assert queued is not None
    assert queued.message.attachment == png
    assert "\\x00" not in repr(queued)
    await box.attached(queued.id, {"body": "alt", "url": "mxc://x/y"})
    queued = await box.next("!r")
    assert queued is not None
    assert (queued.message.content["url"], queued.message.attachment) == ("mxc://x/y", None)


async def _record(database: Database, room_store: RoomStore, **news: list[object]) -> None:
    async with database.begin() as connection:
        await room_store.record(connection, RoomChanges(**news))  # type: ignore[arg-type]


@pytest.fixture
def room_store(database: Database) -> RoomStore:
    """Two plugins are told."""
    return RoomStore(database, ("p", "q"), lambda: NOW)


@pytest.fixture
def calls(database: Database) -> HookQueue:
    return HookQueue(database, lambda: NOW)


async def _all(calls: HookQueue) -> list[tuple[str, str, str]]:
    """Every call that waits, made and done."""
    made = []
    while waiting := await calls.waiting():
        call = await calls.next(*waiting[0])
        assert call is not None
        await calls.done(call)
        made.append((call.plugin, call.hook.value, call.room_id))
    return made


async def test_a_suspended_room(database: Database, room_store: RoomStore, calls: HookQueue) -> None:
    """What waits is dropped and so is what comes, answers are not; all plugins are told, once."""
    box = Outbox(database, lambda: NOW)
    await post(database, notification("!r", "waiting", NEW), notification("!other", "there", NEW))
    await box.add(Outgoing("!r", "answer 1", "m.room.message", {"body": "answer 1"}))
    await room_store.suspend("!r", "no")
    await room_store.suspend("!r", "no again")
    await post(database, notification("!r", "later", NEW))
    await box.add(Outgoing("!r", "answer 2", "m.room.message", {"body": "answer 2"}))
    assert [body(await send(box, "!r", f"${n}")) for n in range(2)] == ["answer 1", "answer 2"]
    assert await box.next("!r") is None
    assert body(await box.next("!other")) == "there"
    assert await room_store.suspended() == {"!r"}
    call = await calls.next("p", "!r")
    assert call is not None
    assert (call.hook, call.arguments) == (Hook.SUSPENDED, {"reason": "no"})
    assert await _all(calls) == [("p", "room_suspended", "!r"), ("q", "room_suspended", "!r")]
    await room_store.relieve("!r")
    await room_store.relieve("!r")
    await post(database, notification("!r", "heard", NEW))
    assert body(await box.next("!r")) == "heard"
    assert await _all(calls) == [("p", "room_joined", "!r"), ("q", "room_joined", "!r")]


async def test_entering_and_losing_rooms(database: Database, room_store: RoomStore, calls: HookQueue) -> None:
    """The same news again adds nothing; a room that was left is forgotten, one that put the bot out is not."""
    entry = Joined("!r", "$join")
    for _ in range(2):
        await _record(database, room_store, entries=[entry])
    assert await _all(calls) == [("p", "room_joined", "!r"), ("q", "room_joined", "!r")]
    box = Outbox(database, lambda: NOW)
    await post(database, notification("!r", "one", NEW), notification("!r", "two", NEW))
    await send(box, "!r", "$1")
    await _record(database, room_store, losses=[Departure("!r", "removed")])
    await _record(database, room_store, entries=[Joined("!r", "$again")])
    await post(database, notification("!r", "three", EDIT))
    queued = await box.next("!r")
    assert queued is not None
    assert (body(queued), queued.anchor) == ("three", "$1")
    await _record(database, room_store, losses=[Departure("!r", None)])
    assert await box.next("!r") is None
    await post(database, notification("!r", "four", EDIT))
    queued = await box.next("!r")
    assert queued is not None
    assert queued.anchor is None
    hooks = [hook for plugin, hook, _ in await _all(calls) if plugin == "p"]
    assert hooks == ["room_suspended", "room_joined", "room_left"]


async def test_tombstones_are_followed_once(database: Database, room_store: RoomStore, calls: HookQueue) -> None:
    """The same one again changes nothing; another one takes its place until the room was followed."""
    box = Outbox(database, lambda: NOW)
    first, second = Tombstone("!old", "$1", "!new", "x"), Tombstone("!old", "$2", "!newer", "y")
    await post(database, notification("!old", "waiting", NEW))
    await _record(database, room_store, tombstones=[first, first])
    (upgrade,) = await room_store.upgrades(UpgradeState.HEARD)
    assert upgrade.tombstone == first
    await room_store.upgraded(first, UpgradeState.AWAITED)
    await _record(database, room_store, tombstones=[first])
    assert await room_store.upgrades(UpgradeState.HEARD) == ()
    await _record(database, room_store, tombstones=[second])
    (upgrade,) = await room_store.upgrades(UpgradeState.HEARD, UpgradeState.AWAITED)
    assert upgrade.tombstone == second
    await room_store.upgraded(second, UpgradeState.DONE)
    await _record(database, room_store, tombstones=[second, first])
    assert await room_store.upgrades(UpgradeState.HEARD, UpgradeState.AWAITED) == ()
    assert await box.next("!old") is None
    call = await calls.next("p", "!newer")
    assert call is not None
    assert (call.hook, call.arguments) == (Hook.REPLACED, {"old": "!old"})


async def _notification_sent(database: Database, plugin: str = "p") -> None:
    box = Outbox(database, lambda: NOW)
    await post(database, notification("!r", "one", NEW), plugin=plugin)
    await send(box, "!r", "$letter")


def annotation(event_id: str, target: str = "$letter", room_id: str = "!r", sender: str = "@a:x") -> Annotation:
    """A reaction."""
    return Annotation(room_id, event_id, target, sender, "k")


async def test_only_reactions_to_notifications_are_kept(
    database: Database, room_store: RoomStore, calls: HookQueue
) -> None:
    """Not those to other events, from other rooms, or to notifications of plugins that are gone."""
    await _notification_sent(database)
    await post(database, notification("!r", "gone", NEW, "g"), plugin="gone")
    await send(Outbox(database, lambda: NOW), "!r", "$gone")
    strays = [annotation("$1", "$other"), annotation("$2", room_id="!other"), annotation("$3", "$gone")]
    await _record(database, room_store, reactions=[*strays, annotation("$4"), annotation("$4"), Redaction("!r", "$1")])
    call = await calls.next("p", "!r")
    assert call is not None
    assert (call.hook, call.event_id, call.arguments) == (Hook.REACTED, "$4", {"about": "a", "key": "k"})
    assert await _all(calls) == [("p", "reacted", "!r")]


async def test_a_withdrawal_finds_its_reaction_waiting_or_done(
    database: Database, room_store: RoomStore, calls: HookQueue
) -> None:
    """In the same sync or a week later; in its own room, and once."""
    await _notification_sent(database)
    await _record(database, room_store, reactions=[annotation("$1"), Redaction("!r", "$1"), annotation("$2")])
    assert [hook for _, hook, _ in await _all(calls)] == ["reacted", "redacted", "reacted"]
    assert (await calls.taken("$1"), await calls.taken("$2")) == (False, True)
    await _record(database, room_store, reactions=[Redaction("!other", "$2"), Redaction("!r", "$1")])
    assert await calls.waiting() == ()
    await _record(database, room_store, reactions=[Redaction("!r", "$2")])
    await _record(database, room_store, reactions=[Redaction("!r", "$2")])
    assert [hook for _, hook, _ in await _all(calls)] == ["redacted"]


async def test_reactions_that_wait_are_bounded_by_sender(
    database: Database, room_store: RoomStore, calls: HookQueue
) -> None:
    """One who floods fills their own share only."""
    await _notification_sent(database)
    flood = [annotation(f"$flood{number}") for number in range(5 * MOST_PENDING)]
    await _record(database, room_store, reactions=[*flood, annotation("$other", sender="@b:x")])
    made = await _all(calls)
    assert len(made) == MOST_PENDING + 1
    assert await calls.taken("$other")


async def test_reactions_that_come_before_the_event_id_is_known(
    database: Database, room_store: RoomStore, calls: HookQueue
) -> None:
    """A notification that was taken, but whose acknowledgement was lost: reactions wait until it is repeated."""
    box = Outbox(database, lambda: NOW)
    await post(database, notification("!r", "one", NEW), notification("!r", "two", NEW, "b"))
    queued = await box.next("!r")
    assert queued is not None
    await _record(database, room_store, reactions=[annotation("$early")])
    await box.mark_attempted(queued.id, "DEVICE")
    flood = [annotation(f"$flood{number}", sender="@b:x") for number in range(5 * MOST_PENDING)]
    seen = [annotation("$1"), annotation("$2", "$other"), annotation("$3"), Redaction("!r", "$3"), *flood]
    await _record(database, room_store, reactions=seen)
    await _record(database, room_store, reactions=[annotation("$1"), annotation("$4", room_id="!other")])
    assert await calls.waiting() == ()
    assert await box.mark_sent(queued.id, "$letter", anchor=True)
    call = await calls.next("p", "!r")
    assert call is not None
    assert (call.event_id, call.sender, call.arguments) == ("$1", "@a:x", {"about": "a", "key": "k"})
    assert len(await _all(calls)) == 1 + MOST_PENDING
    queued = await box.next("!r")
    assert queued is not None
    assert not await box.mark_sent(queued.id, "$other", anchor=True)
    assert await calls.waiting() == ()


@pytest.mark.parametrize("refused", ["message", "room"])
async def test_reactions_to_what_never_arrives_are_forgotten(
    database: Database, room_store: RoomStore, calls: HookQueue, refused: str
) -> None:
    """The notification is refused, or the bot is put out of the room: nothing is kept for it."""
    box = Outbox(database, lambda: NOW)
    await post(database, notification("!r", "one", NEW))
    queued = await box.next("!r")
    assert queued is not None
    await box.mark_attempted(queued.id, "DEVICE")
    await _record(database, room_store, reactions=[annotation("$1")])
    if refused == "message":
        await box.mark_refused(queued.id)
    else:
        await room_store.suspend("!r", "the bot was banned")
        await _all(calls)
    async with database.begin() as connection:
        assert (await connection.execute(select(calls_table))).all() == []


async def test_strings_that_no_database_takes(database: Database, room_store: RoomStore, calls: HookQueue) -> None:
    """NUL and lone surrogates in ids and keys are stored somehow and stop nobody."""
    await _notification_sent(database)
    nasty = "\x00\ud800"
    seen = [Annotation("!r", f"$x{nasty}", "$letter", f"@a{nasty}:x", f"k{nasty}"), Redaction("!r", f"$x{nasty}")]
    tombstone = Tombstone(f"!r{nasty}", f"$t{nasty}", f"!n{nasty}", nasty)
    await _record(database, room_store, reactions=[*seen, *seen], tombstones=[tombstone, tombstone])
    call = await calls.next("p", "!r")
    assert call is not None
    assert call.arguments["key"] == f"k{nasty}"
    assert [hook for _, hook, _ in await _all(calls)] == ["reacted", "redacted"]


async def test_notifications_outlive_the_outbox_but_not_for_ever(database: Database, calls: HookQueue) -> None:
    """Pruning the outbox keeps what edits refer to; pruning notifications ends it."""
    clock = [NOW]
    box = Outbox(database, lambda: clock[0])
    await _notification_sent(database)
    await box.prune(NOW + 1)
    async with database.begin() as connection:
        assert (await connection.execute(select(outbox))).all() == []
    await post(database, notification("!r", "two", EDIT))
    queued = await box.next("!r")
    assert queued is not None
    assert queued.anchor == "$letter"
    await calls.prune(NOW)
    assert (await box.next("!r")) == queued
    await calls.prune(NOW + 1)
    queued = await box.next("!r")
    assert queued is not None
    assert queued.anchor is None


async def test_messages_from_before_notifications(database: Database) -> None:
    """Rows that an earlier version queued have none of the new columns and are sent as ever."""
    values = {"room_id": "!r", "txn_id": "t", "kind": "m.room.message", "content": '{"body":"old"}'}
    async with database.begin() as connection:
        await connection.execute(
            insert(outbox).values(**values, state=MessageState.WAITING, attempted=True, created_at=NOW)
        )
    queued = await Outbox(database, lambda: NOW).next("!r")
    assert queued is not None
    assert (queued.message.stamp, queued.message.attachment, queued.attempted_at) == (None, None, None)
