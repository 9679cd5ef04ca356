"""What is to be said: rows leave in order, each under a transaction id that never changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.storage.database import Database, insert_new
from botkit.storage.tables import outbox
from botkit.storage.text import from_json, storable, to_json


class MessageState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    A message to send.

    Attributes:
        txn_id: Matrix transaction id; the same id never yields a second message on the same device.
        kind: event type, such as ``m.room.message``.
    """

    room_id: str
    txn_id: str
    kind: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Queued:
    """A message in the outbox; once ``attempted`` its content must not change any more."""

    id: int
    message: Outgoing
    attempted: bool


async def enqueue(connection: AsyncConnection, message: Outgoing, now: int) -> None:
    """Add a message inside somebody else's transaction; a known transaction id is passed over."""
    await connection.execute(
        insert_new(connection, outbox).values(
            room_id=storable(message.room_id),
            txn_id=message.txn_id,
            kind=message.kind,
            content=to_json(message.content),
            state=MessageState.WAITING,
            attempted=False,
            created_at=now,
        )
    )


class Outbox:
    """
    The table of messages to send.

    Args:
        now: milliseconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    async def add(self, message: Outgoing) -> None:
        """Queue one message by itself."""
        async with self._database.begin() as connection:
            await enqueue(connection, message, self._now())

    async def rooms_waiting(self) -> tuple[str, ...]:
        """Rooms with messages to send, longest waiting first."""
        query = (
            select(outbox.c.room_id)
            .where(outbox.c.state == MessageState.WAITING)
            .group_by(outbox.c.room_id)
            .order_by(func.min(outbox.c.id))
        )
        async with self._database.begin() as connection:
            return tuple((await connection.scalars(query)).all())

    async def next(self, room_id: str) -> Queued | None:
        """The room's oldest message that is not sent."""
        query = (
            select(outbox)
            .where(outbox.c.room_id == room_id, outbox.c.state == MessageState.WAITING)
            .order_by(outbox.c.id)
            .limit(1)
        )
        async with self._database.begin() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        message = Outgoing(row.room_id, row.txn_id, row.kind, from_json(row.content))
        return Queued(row.id, message, row.attempted)

    async def mark_attempted(self, row_id: int) -> None:
        """The message is about to go out: from here on it may have arrived."""
        await self._update(row_id, {"attempted": True})

    async def mark_sent(self, row_id: int, event_id: str) -> None:
        """The homeserver has it."""
        await self._update(row_id, {"state": MessageState.SENT, "event_id": storable(event_id)})

    async def mark_refused(self, row_id: int) -> None:
        """It will never be sent."""
        await self._update(row_id, {"state": MessageState.REFUSED})

    async def replace(self, row_id: int, message: Outgoing) -> None:
        """Something else in its place in the queue, under another transaction id."""
        values = {"txn_id": message.txn_id, "content": to_json(message.content), "attempted": False}
        await self._update(row_id, values)

    async def _update(self, row_id: int, values: dict[str, Any]) -> None:
        async with self._database.begin() as connection:
            await connection.execute(update(outbox).where(outbox.c.id == row_id).values(values))

    async def forget_room(self, room_id: str) -> None:
        """Nothing can be said in a room the bot has left."""
        async with self._database.begin() as connection:
            await connection.execute(
                update(outbox)
                .where(outbox.c.room_id == room_id, outbox.c.state == MessageState.WAITING)
                .values(state=MessageState.REFUSED)
            )

    async def undelivered(self) -> int:
        """How many messages wait to be sent."""
        query = select(func.count()).select_from(outbox).where(outbox.c.state == MessageState.WAITING)
        async with self._database.begin() as connection:
            return int(await connection.scalar(query) or 0)

    async def prune(self, older_than: int) -> None:
        """Delete messages that are over and were written before ``older_than`` (ms)."""
        over = (MessageState.SENT, MessageState.REFUSED)
        async with self._database.begin() as connection:
            await connection.execute(delete(outbox).where(outbox.c.state.in_(over), outbox.c.created_at < older_than))
