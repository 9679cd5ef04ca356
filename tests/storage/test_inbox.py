"""Inbox and outbox on real databases."""

from __future__ import annotations

import pytest

from botkit.messages.inbound import InboundMessage
from botkit.storage import Database
from botkit.storage.inbox import (
    LOCKED_AT_ANY_RATE,
    LOCKED_IN_A_ROOM,
    LOCKED_IN_ALL,
    LONGEST_LOCKED,
    Inbox,
    ReceivedEvent,
    UserDevice,
)
from botkit.storage.outbox import Outbox, Outgoing, refuse_waiting
from botkit.storage.rooms import RoomNotes

ACCOUNT = UserDevice("@bot:lab.test", "DEVICE")
NOW = 1_700_000_000_000


def message(event_id: str, room_id: str = "!room", body: str = "!foci") -> InboundMessage:
    """A command."""
    return InboundMessage(
        event_id, room_id, "@alice:lab.test", body, None, ("@bob:lab.test",), None, None, None, NOW, False
    )


def heard(event_id: str, room_id: str = "!room", body: str = "!foci") -> ReceivedEvent:
    """A command as it goes in."""
    return ReceivedEvent(event_id, room_id, message(event_id, room_id, body))


def outgoing(txn_id: str, room_id: str = "!room", body: str = "hello") -> Outgoing:
    """An answer."""
    return Outgoing(room_id, txn_id, "m.room.message", {"msgtype": "m.notice", "body": body})


@pytest.fixture
def inbox(database: Database) -> Inbox:
    return Inbox(database, lambda: NOW)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database, lambda: NOW)


async def test_event_and_token_go_in_together(inbox: Inbox) -> None:
    """After ``receive`` both the messages and the token are there."""
    assert await inbox.since(ACCOUNT) is None
    await inbox.receive(ACCOUNT, "s1", [heard("$1"), heard("$2", "!other")])
    assert await inbox.since(ACCOUNT) == "s1"
    assert await inbox.rooms_waiting() == ("!room", "!other")
    await inbox.receive(ACCOUNT, "s2", [])
    assert await inbox.since(ACCOUNT) == "s2"


async def test_a_failed_receive_leaves_the_token(inbox: Inbox) -> None:
    """When an event cannot be stored the token stays where it was, so that nothing is skipped."""
    await inbox.receive(ACCOUNT, "s1", [])
    broken = ReceivedEvent("$2", "!room", locked={"content": object()})
    with pytest.raises(TypeError):
        await inbox.receive(ACCOUNT, "s2", [heard("$1"), broken])
    assert await inbox.since(ACCOUNT) == "s1"
    assert await inbox.rooms_waiting() == ()


async def test_an_event_heard_twice_is_answered_once(inbox: Inbox) -> None:
    """A known event id is passed over, even when it is done."""
    await inbox.receive(ACCOUNT, "s1", [heard("$1")])
    waiting = await inbox.start("!room")
    assert waiting is not None
    await inbox.finish(waiting.seq, [outgoing("t1")])
    await inbox.receive(ACCOUNT, "s1", [heard("$1")])
    assert await inbox.rooms_waiting() == ()


async def test_messages_come_back_as_they_were(inbox: Inbox) -> None:
    """Lone surrogates, NUL and everything else a stranger types survive storage."""
    body = "!foci \ud800 \x00 \U0001f600 ' \" \\"
    await inbox.receive(ACCOUNT, "s1", [heard("$1", body=body)])
    waiting = await inbox.start("!room")
    assert waiting is not None
    assert waiting.message == message("$1", body=body)


async def test_attempts_are_counted(inbox: Inbox) -> None:
    """Each start that came to no end counts; an orderly interruption does not."""
    await inbox.receive(ACCOUNT, "s1", [heard("$1")])
    attempts = []
    for _ in range(3):
        waiting = await inbox.start("!room")
        assert waiting is not None
        attempts.append(waiting.attempts)
    await inbox.put_back(waiting.seq)
    again = await inbox.start("!room")
    assert again is not None
    assert [*attempts, again.attempts] == [0, 1, 2, 2]


async def test_answers_leave_in_order(inbox: Inbox, outbox: Outbox) -> None:
    """The answers of a message enter the outbox with its end, in order; a known transaction id is passed over."""
    await inbox.receive(ACCOUNT, "s1", [heard("$1")])
    waiting = await inbox.start("!room")
    assert waiting is not None
    await inbox.finish(waiting.seq, [outgoing("t1", body="a"), outgoing("t2", body="b"), outgoing("t1", body="c")])
    bodies = []
    while (queued := await outbox.next("!room")) is not None:
        bodies.append(queued.message.content["body"])
        await outbox.mark_attempted(queued.id)
        await outbox.mark_sent(queued.id, "$sent")
    assert bodies == ["a", "b"]
    assert await outbox.undelivered() == 0


async def test_a_late_key_turns_an_event_into_a_message(inbox: Inbox) -> None:
    """A locked event waits apart until it is unlocked."""
    event = {"type": "m.room.encrypted", "content": {"session_id": "s"}}
    await inbox.receive(ACCOUNT, "s1", [ReceivedEvent("$1", "!room", locked=event)])
    assert await inbox.rooms_waiting() == ()
    (locked,) = await inbox.locked()
    assert (locked.event, locked.received_at) == (event, NOW)
    await inbox.unlock(locked.seq, message("$1"))
    assert await inbox.locked() == ()
    assert await inbox.rooms_waiting() == ("!room",)


def locked(number: int, room_id: str = "!room", size: int = 10) -> ReceivedEvent:
    """An event whose key has not come."""
    return ReceivedEvent(f"${room_id}{number}", room_id, locked={"content": {"ciphertext": "x" * size}})


async def test_events_without_a_key_are_bounded(inbox: Inbox) -> None:
    """By number in a room and in all, and each by its size; commands that can be read come in whatever waits."""
    await inbox.receive(ACCOUNT, "s1", [locked(number) for number in range(LOCKED_IN_A_ROOM + 5)])
    assert len(await inbox.locked()) == LOCKED_IN_A_ROOM
    await inbox.receive(ACCOUNT, "s2", [locked(1, "!large", LONGEST_LOCKED), heard("$1")])
    assert len(await inbox.locked()) == LOCKED_IN_A_ROOM
    assert await inbox.rooms_waiting() == ("!room",)
    many = [locked(number, f"!{room}") for room in range(30) for number in range(LOCKED_IN_A_ROOM)]
    await inbox.receive(ACCOUNT, "s3", many)
    full = await inbox.locked()
    assert LOCKED_IN_ALL <= len(full) <= LOCKED_IN_ALL + 31 * LOCKED_AT_ANY_RATE
    await inbox.receive(ACCOUNT, "s4", [locked(number, "!quiet") for number in range(5)])
    assert len(await inbox.locked(rooms={"!quiet"})) == LOCKED_AT_ANY_RATE
    assert len(await inbox.locked()) == len(full) + LOCKED_AT_ANY_RATE


async def test_late_events_are_read_alone(database: Database) -> None:
    """Those that came before a time; the others are left in peace."""
    now = NOW
    inbox = Inbox(database, lambda: now)
    await inbox.receive(ACCOUNT, "s1", [locked(1)])
    now += 1000
    await inbox.receive(ACCOUNT, "s2", [locked(2)])
    assert [one.received_at for one in await inbox.locked(NOW + 1)] == [NOW]
    assert [one.room_id for one in await inbox.locked(rooms={"!room"})] == ["!room", "!room"]
    assert await inbox.locked(rooms={"!other"}) == ()
    assert len(await inbox.locked()) == 2


async def test_what_somebody_wrote_is_forgotten_once_it_is_answered(inbox: Inbox, database: Database) -> None:
    """Answered, given up or of a room that was left: the event is known still, its words are not."""
    secret = [heard(f"${number}", room, "!foci secret") for number, room in ((1, "!a"), (2, "!b"), (3, "!c"))]
    await inbox.receive(ACCOUNT, "s1", secret)
    answered, dropped = await inbox.start("!a"), await inbox.start("!b")
    assert answered is not None
    assert dropped is not None
    await inbox.finish(answered.seq, [])
    await inbox.drop(dropped.seq)
    await inbox.forget_room("!c")
    async with database.begin() as connection:
        kept = (await connection.exec_driver_sql("SELECT event_id, payload FROM inbox")).all()
    assert [(row[0], "secret" in row[1]) for row in kept] == [("$1", False), ("$2", False), ("$3", False)]
    await inbox.receive(ACCOUNT, "s2", secret)
    assert await inbox.backlog() == 0


async def test_a_left_room_owes_nothing(inbox: Inbox, outbox: Outbox, database: Database) -> None:
    """Leaving a room ends what waits in both directions, and only there."""
    await inbox.receive(ACCOUNT, "s1", [heard("$1"), heard("$2", "!other")])
    await outbox.add(outgoing("t1"))
    await outbox.add(outgoing("t2", "!other"))
    await inbox.forget_room("!room")
    async with database.begin() as connection:
        await refuse_waiting(connection, "!room")
    assert await inbox.rooms_waiting() == ("!other",)
    assert await outbox.rooms_waiting() == ("!other",)


async def test_pruning_spares_what_is_open(database: Database) -> None:
    """Only finished rows older than the limit go."""
    inbox, outbox = Inbox(database, lambda: NOW), Outbox(database, lambda: NOW)
    await inbox.receive(ACCOUNT, "s1", [heard("$1"), heard("$2")])
    waiting = await inbox.start("!room")
    assert waiting is not None
    await inbox.finish(waiting.seq, [outgoing("t1")])
    await inbox.prune(NOW)
    await inbox.receive(ACCOUNT, "s2", [heard("$1")])
    assert await inbox.backlog() == 1
    await inbox.prune(NOW + 1)
    await inbox.receive(ACCOUNT, "s3", [heard("$1")])
    assert await inbox.backlog() == 2
    await outbox.prune(NOW + 1)
    assert await outbox.undelivered() == 1


async def test_room_notes_outlive_the_process(database: Database) -> None:
    """Encryption once seen is remembered by the next process; a hint is given once per room and key."""
    notes = RoomNotes(database)
    await notes.set_encrypted(["!room"])
    assert await notes.hint_due("!room", "s1")
    await database.close()
    await database.open()
    assert await notes.encrypted() == {"!room"}
    assert not await notes.hint_due("!room", "s1")
    assert await notes.hint_due("!room", "s2")
    assert await notes.known() == {"!room"}
