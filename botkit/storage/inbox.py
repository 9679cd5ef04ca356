"""Inbox: received commands, until their answers are in the outbox."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, select, update

from botkit.messages.inbound import InboundMessage
from botkit.storage.database import Connection, Database
from botkit.storage.json_text import from_json, storable, to_json
from botkit.storage.outbox import Outgoing, enqueue
from botkit.storage.statements import insert_new, upsert
from botkit.storage.tables import inbox, sync_state

LOCKED_IN_A_ROOM = 50
LOCKED_IN_ALL = 1000
"""Events that may wait for their keys; whoever sends more of them has them forgotten."""

LOCKED_AT_ANY_RATE = 2
"""As many may wait in a room however many wait in others: nobody fills all places."""

LONGEST_LOCKED = 16 * 1024
"""Characters of an event that may wait for its key; a command is far shorter."""

Also = Callable[[Connection], Awaitable[None]]


class EventState(StrEnum):
    """What became of an event."""

    PENDING = "pending"
    LOCKED = "locked"
    """Its key has not come yet; the payload is the event as the homeserver sent it."""
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class UserDevice:
    """Whose sync token is stored: a user on one device."""

    user_id: str
    device_id: str


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event to keep: a message to answer, or (``locked``) one that cannot be read yet."""

    event_id: str
    room_id: str
    message: InboundMessage | None = None
    locked: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """A message that waits for its answer; ``attempts`` counts the starts that came to no end."""

    seq: int
    attempts: int
    message: InboundMessage


@dataclass(frozen=True, slots=True)
class UndecryptedEvent:
    """An event that waits for its key since ``received_at`` (ms)."""

    seq: int
    room_id: str
    received_at: int
    event: dict[str, Any]


class Inbox:
    """
    The table of events. ``receive`` is the only way in, ``finish`` and ``drop`` the only ways out.

    Args:
        now: milliseconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    async def since(self, account: UserDevice) -> str | None:
        """The sync token to continue from; None before the first sync."""
        query = select(sync_state.c.next_batch).where(
            sync_state.c.user_id == account.user_id, sync_state.c.device_id == account.device_id
        )
        async with self._database.begin() as connection:
            token: str | None = await connection.scalar(query)
        return token

    async def last_token(self, user_id: str) -> str | None:
        """The latest sync token of the account, of whichever device; None before its first sync."""
        query = select(sync_state.c.next_batch).where(sync_state.c.user_id == user_id)
        async with self._database.begin() as connection:
            token: str | None = await connection.scalar(query.order_by(sync_state.c.taken_at.desc().nulls_last()))
        return token

    async def receive(
        self, account: UserDevice, next_batch: str, events: Sequence[ReceivedEvent], also: Also | None = None
    ) -> None:
        """
        Keep events and the token after them, together or not at all; known events stay as they are.

        Events that wait for their keys are kept as far as there is room for them.

        Args:
            also: keeps more in the same transaction.
        """
        key = {"user_id": account.user_id, "device_id": account.device_id}
        async with self._database.begin() as connection:
            for event in events:
                row = self._row(event)
                if event.message is not None or await _has_room(connection, row):
                    await connection.execute(insert_new(connection, inbox).values(row))
            if also is not None:
                await also(connection)
            await upsert(connection, sync_state, [{**key, "next_batch": next_batch, "taken_at": self._now()}])

    def _row(self, event: ReceivedEvent) -> dict[str, Any]:
        locked = event.message is None
        payload = event.locked if event.message is None else asdict(event.message)
        return {
            "event_id": storable(event.event_id),
            "room_id": storable(event.room_id),
            "payload": to_json(payload),
            "state": EventState.LOCKED if locked else EventState.PENDING,
            "attempts": 0,
            "received_at": self._now(),
        }

    async def rooms_waiting(self) -> tuple[str, ...]:
        """Rooms with messages to answer, longest waiting first."""
        query = (
            select(inbox.c.room_id)
            .where(inbox.c.state == EventState.PENDING)
            .group_by(inbox.c.room_id)
            .order_by(func.min(inbox.c.seq))
        )
        async with self._database.begin() as connection:
            return tuple((await connection.scalars(query)).all())

    async def start(self, room_id: str) -> PendingMessage | None:
        """The room's oldest waiting message, its attempt counted; None when there is none."""
        query = (
            select(inbox.c.seq, inbox.c.attempts, inbox.c.payload)
            .where(inbox.c.room_id == room_id, inbox.c.state == EventState.PENDING)
            .order_by(inbox.c.seq)
            .limit(1)
        )
        async with self._database.begin() as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            await connection.execute(update(inbox).where(inbox.c.seq == row.seq).values(attempts=row.attempts + 1))
        return PendingMessage(row.seq, row.attempts, _message(row.payload))

    async def put_back(self, seq: int) -> None:
        """Take an attempt back: it was interrupted by an orderly stop."""
        async with self._database.begin() as connection:
            await connection.execute(update(inbox).where(inbox.c.seq == seq).values(attempts=inbox.c.attempts - 1))

    async def finish(self, seq: int, replies: Iterable[Outgoing]) -> None:
        """The answer (possibly none) goes to the outbox and the event is done, in one transaction."""
        async with self._database.begin() as connection:
            for reply in replies:
                await enqueue(connection, reply, self._now())
            await connection.execute(update(inbox).where(inbox.c.seq == seq).values(state=EventState.DONE, **_SPENT))

    async def drop(self, seq: int) -> None:
        """Give an event up."""
        async with self._database.begin() as connection:
            await connection.execute(update(inbox).where(inbox.c.seq == seq).values(state=EventState.DROPPED, **_SPENT))

    async def locked(
        self, received_before: float = math.inf, rooms: Collection[str] | None = None
    ) -> tuple[UndecryptedEvent, ...]:
        """Events that wait for keys, oldest first; only those received before a time (ms), or in some rooms."""
        query = select(inbox).where(inbox.c.state == EventState.LOCKED).order_by(inbox.c.seq)
        if received_before < math.inf:
            query = query.where(inbox.c.received_at < int(received_before))
        if rooms is not None:
            query = query.where(inbox.c.room_id.in_(sorted(rooms)[:LOCKED_IN_ALL]))
        async with self._database.begin() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(UndecryptedEvent(row.seq, row.room_id, row.received_at, from_json(row.payload)) for row in rows)

    async def unlock(self, seq: int, message: InboundMessage) -> None:
        """A key came: from now on the event is a message that waits for its answer."""
        values = {"payload": to_json(asdict(message)), "state": EventState.PENDING}
        async with self._database.begin() as connection:
            await connection.execute(update(inbox).where(inbox.c.seq == seq).values(values))

    async def forget_room(self, room_id: str) -> None:
        """Drop the commands of a room that the bot has left."""
        open_states = (EventState.PENDING, EventState.LOCKED)
        async with self._database.begin() as connection:
            await connection.execute(
                update(inbox)
                .where(inbox.c.room_id == room_id, inbox.c.state.in_(open_states))
                .values(state=EventState.DROPPED, **_SPENT)
            )

    async def backlog(self) -> int:
        """How many messages wait for an answer."""
        query = select(func.count()).select_from(inbox).where(inbox.c.state == EventState.PENDING)
        async with self._database.begin() as connection:
            return int(await connection.scalar(query) or 0)

    async def prune(self, older_than: int) -> None:
        """Delete finished events received before ``older_than`` (ms)."""
        finished = (EventState.DONE, EventState.DROPPED)
        async with self._database.begin() as connection:
            await connection.execute(delete(inbox).where(inbox.c.state.in_(finished), inbox.c.received_at < older_than))


_SPENT = {"payload": to_json({})}
"""Of an event that is done its id alone is needed, not what somebody wrote."""


async def _has_room(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Whether an event may wait for its key."""
    query = select(func.count()).select_from(inbox).where(inbox.c.state == EventState.LOCKED)
    here = int(await connection.scalar(query.where(inbox.c.room_id == row["room_id"])) or 0)
    in_all = int(await connection.scalar(query) or 0)
    most = LOCKED_IN_A_ROOM if in_all < LOCKED_IN_ALL else LOCKED_AT_ANY_RATE
    return len(row["payload"]) <= LONGEST_LOCKED and here < most


def _message(payload: str) -> InboundMessage:
    fields = from_json(payload)
    return InboundMessage(**{**fields, "mentions": tuple(fields["mentions"])})
