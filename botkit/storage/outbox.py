"""Outbox: messages to send, in order, each under a transaction id that never changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.messages.notification import Placement
from botkit.storage.database import Database
from botkit.storage.hook_queue import forget_held, release_held
from botkit.storage.json_text import from_json, storable, to_json
from botkit.storage.statements import insert_new
from botkit.storage.tables import notifications, outbox, rooms


class MessageState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"
    """A later edit says the same and more."""
    LEFT_OUT = "left out"
    """What it belonged to never arrived."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which notification of which plugin a message is."""

    plugin: str
    about: str
    placement: Placement


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    A message to send.

    Attributes:
        txn_id: Matrix transaction id; the same id never yields a second message on the same device.
        kind: event type, such as ``m.room.message``.
        content: of a notification without its relation, which follows when it is sent.
        stamp: of a notification.
        attachment: to be uploaded before.
    """

    room_id: str
    txn_id: str
    kind: str
    content: dict[str, Any]
    stamp: Stamp | None = None
    attachment: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Queued:
    """
    A message in the outbox.

    Attributes:
        queued_at: milliseconds since 1970.
        attempted: it was sent before, perhaps in vain; from then on its content must not change any longer.
        attempted_at: milliseconds since 1970 of the first attempt, by the device ``attempted_by``.
        anchor: of a notification: the event that EDIT, REPLY and THREAD refer to; None while there is none.
    """

    id: int
    message: Outgoing
    queued_at: int
    attempted: bool
    attempted_at: int | None = None
    attempted_by: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Deliveries:
    """
    What arrived since the start.

    Attributes:
        messages: how many.
        waited: seconds from queueing to the homeserver's receipt, all together.
    """

    messages: int = 0
    waited: float = 0.0


async def enqueue(connection: AsyncConnection, message: Outgoing, now: int) -> bool:
    """
    Add a message inside the caller's transaction; a known transaction id is passed over, which gives False.

    A notification to a suspended room is refused at once; answers go out, as whoever asked sees that the bot is there.
    """
    room_id = storable(message.room_id)
    stamp = message.stamp
    suspended = select(rooms.c.suspended).where(rooms.c.room_id == room_id)
    refused = stamp is not None and await connection.scalar(suspended)
    done = await connection.execute(
        insert_new(connection, outbox).values(
            room_id=room_id,
            txn_id=message.txn_id,
            kind=message.kind,
            content=to_json(message.content),
            state=MessageState.REFUSED if refused else MessageState.WAITING,
            attempted=False,
            created_at=now,
            plugin=stamp.plugin if stamp else None,
            about=storable(stamp.about) if stamp else None,
            placement=stamp.placement if stamp else None,
            attachment=message.attachment,
        )
    )
    return bool(done.rowcount)


class Outbox:
    """
    The table of messages to send.

    Args:
        now: milliseconds since 1970.

    Attributes:
        deliveries: counted as they are marked as sent.
    """

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self.deliveries = Deliveries()

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

    async def next(self, room_id: str, *, throttled: bool = False) -> Queued | None:
        """
        The room's oldest message that is not sent.

        Args:
            throttled: pass over edits that a later one overtakes, if neither was ever attempted.
        """
        waiting = and_(outbox.c.room_id == room_id, outbox.c.state == MessageState.WAITING)
        async with self._database.begin() as connection:
            while True:
                row = (await connection.execute(select(outbox).where(waiting).order_by(outbox.c.id).limit(1))).first()
                if row is None:
                    return None
                if not (throttled and await _overtaken(connection, row)):
                    return _queued(row, await _anchor(connection, row))
                await connection.execute(
                    update(outbox).where(outbox.c.id == row.id).values(state=MessageState.OVERTAKEN)
                )

    async def waiting(self, row_id: int) -> bool:
        """Whether the message is still to be sent."""
        query = select(outbox.c.state).where(outbox.c.id == row_id)
        async with self._database.begin() as connection:
            return await connection.scalar(query) == MessageState.WAITING

    async def mark_attempted(self, row_id: int, device_id: str = "") -> None:
        """The message is about to go out: from here on it may have arrived."""
        first = {"attempted": True, "attempted_at": self._now(), "attempted_by": device_id}
        async with self._database.begin() as connection:
            await connection.execute(
                update(outbox).where(outbox.c.id == row_id, outbox.c.attempted.is_(False)).values(first)
            )

    async def mark_sent(self, row_id: int, event_id: str, *, anchor: bool = False) -> bool:
        """
        The homeserver has it.

        Args:
            anchor: later notifications about the same refer to it.

        Returns:
            whether reactions to it were there first, so that there are hooks to be called.
        """
        event_id = storable(event_id)
        async with self._database.begin() as connection:
            await connection.execute(
                update(outbox).where(outbox.c.id == row_id).values(state=MessageState.SENT, event_id=event_id)
            )
            row = (await connection.execute(select(outbox).where(outbox.c.id == row_id))).one()
            waited = max(0.0, (self._now() - row.created_at) / 1000)
            self.deliveries = Deliveries(self.deliveries.messages + 1, self.deliveries.waited + waited)
            if row.plugin is None or not event_id:
                return False
            whose = {"plugin": row.plugin, "about": row.about}
            await connection.execute(
                insert_new(connection, notifications).values(
                    event_id=event_id, seq=row_id, room_id=row.room_id, anchor=anchor, sent_at=self._now(), **whose
                )
            )
            return await release_held(connection, row.room_id, self._now(), event_id=event_id, **whose)

    async def mark_refused(self, row_id: int) -> None:
        """It will never be sent."""
        refused = {"state": MessageState.REFUSED, "attachment": None}
        async with self._database.begin() as connection:
            room_id = await connection.scalar(
                update(outbox).where(outbox.c.id == row_id).values(refused).returning(outbox.c.room_id)
            )
            await forget_held(connection, str(room_id))

    async def mark_left_out(self, row_id: int) -> None:
        """There is nothing that it could refer to."""
        await self._update(row_id, {"state": MessageState.LEFT_OUT})

    async def replace(self, row_id: int, message: Outgoing) -> None:
        """Something else in its place in the queue, under another transaction id."""
        values = {
            "txn_id": message.txn_id,
            "content": to_json(message.content),
            "attempted": False,
            "attachment": message.attachment,
        }
        await self._update(row_id, values)

    async def attached(self, row_id: int, content: dict[str, Any]) -> None:
        """Its attachment is uploaded; the content, which was never sent, now says where it is."""
        await self._update(row_id, {"content": to_json(content), "attachment": None})

    async def _update(self, row_id: int, values: dict[str, Any]) -> None:
        async with self._database.begin() as connection:
            await connection.execute(update(outbox).where(outbox.c.id == row_id).values(values))

    async def undelivered(self) -> int:
        """How many messages wait to be sent."""
        query = select(func.count()).select_from(outbox).where(outbox.c.state == MessageState.WAITING)
        async with self._database.begin() as connection:
            return int(await connection.scalar(query) or 0)

    async def prune(self, older_than: int) -> None:
        """Delete messages that are over and were written before ``older_than`` (ms)."""
        async with self._database.begin() as connection:
            await connection.execute(
                delete(outbox).where(outbox.c.state != MessageState.WAITING, outbox.c.created_at < older_than)
            )


async def under_way(connection: AsyncConnection, room_id: str) -> str | None:
    """Whose notification to a room was attempted and is not known to have arrived; there is one at most."""
    attempted = and_(outbox.c.state == MessageState.WAITING, outbox.c.attempted, outbox.c.plugin.is_not(None))
    query = select(outbox.c.plugin).where(outbox.c.room_id == storable(room_id), attempted).limit(1)
    plugin: str | None = await connection.scalar(query)
    return plugin


async def refusals(connection: AsyncConnection, plugin: str, room_id: str) -> tuple[tuple[str, bool], ...]:
    """What a plugin's new notifications and replies to a room are about, oldest first, and whether each was refused."""
    query = (
        select(outbox.c.about, outbox.c.state)
        .where(
            outbox.c.room_id == storable(room_id),
            outbox.c.plugin == plugin,
            outbox.c.placement.in_((Placement.NEW, Placement.REPLY)),
        )
        .order_by(outbox.c.id)
    )
    return tuple((row.about, row.state == MessageState.REFUSED) for row in await connection.execute(query))


async def refuse_waiting(connection: AsyncConnection, room_id: str, *, letters_only: bool = False) -> None:
    """What waits for a room will never be sent: all of it, or plugins' notifications but not answers to commands."""
    waiting = and_(outbox.c.room_id == room_id, outbox.c.state == MessageState.WAITING)
    if letters_only:
        waiting = and_(waiting, outbox.c.plugin.is_not(None))
    await connection.execute(update(outbox).where(waiting).values(state=MessageState.REFUSED, attachment=None))
    await forget_held(connection, room_id)


async def _overtaken(connection: AsyncConnection, row: Row[Any]) -> bool:
    """Whether a later edit of the same message waits; an attempted row is never passed over."""
    if row.placement != Placement.EDIT or row.attempted:
        return False
    later = (
        select(outbox.c.id)
        .where(
            outbox.c.room_id == row.room_id,
            outbox.c.state == MessageState.WAITING,
            outbox.c.id > row.id,
            outbox.c.plugin == row.plugin,
            outbox.c.about == row.about,
            outbox.c.placement == Placement.EDIT,
            outbox.c.attempted.is_(False),
        )
        .limit(1)
    )
    return await connection.scalar(later) is not None


async def _anchor(connection: AsyncConnection, row: Row[Any]) -> str | None:
    if row.placement in (None, Placement.NEW):
        return None
    query = (
        select(notifications.c.event_id)
        .where(
            notifications.c.room_id == row.room_id,
            notifications.c.plugin == row.plugin,
            notifications.c.about == row.about,
            notifications.c.anchor,
        )
        .order_by(notifications.c.seq.desc())
        .limit(1)
    )
    event_id: str | None = await connection.scalar(query)
    return event_id


def _queued(row: Row[Any], anchor: str | None) -> Queued:
    stamp = Stamp(row.plugin, row.about, Placement(row.placement)) if row.placement else None
    message = Outgoing(row.room_id, row.txn_id, row.kind, from_json(row.content), stamp, row.attachment)
    return Queued(row.id, message, row.created_at, row.attempted, row.attempted_at, row.attempted_by, anchor)
