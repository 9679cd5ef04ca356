"""Rooms that the bot is in, was removed from or that were upgraded, and the hook calls that follow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import and_, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.messages.notification import Placement
from botkit.storage.database import Database
from botkit.storage.hook_queue import Hook, note_annotation, note_call, note_redaction
from botkit.storage.json_text import from_json, storable, to_json
from botkit.storage.outbox import MessageState, refuse_waiting, under_way
from botkit.storage.room_events import Annotation, Departure, Joined, RoomChanges, Tombstone
from botkit.storage.statements import insert_new
from botkit.storage.tables import notifications, outbox, rooms, upgrades

BLANK = {"encrypted": False, "suspended": False, "hinted_sessions": "[]"}
_HINTS_KEPT = 50


class RoomNotes:
    """The table of rooms. Encryption, once seen, is never forgotten while the bot stays in the room."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def encrypted(self) -> frozenset[str]:
        """Rooms that were ever seen encrypted."""
        async with self._database.begin() as connection:
            return frozenset(await connection.scalars(select(rooms.c.room_id).where(rooms.c.encrypted)))

    async def known(self) -> frozenset[str]:
        """Rooms that there are notes on."""
        async with self._database.begin() as connection:
            return frozenset(await connection.scalars(select(rooms.c.room_id)))

    async def set_encrypted(self, room_ids: Collection[str]) -> None:
        """Remember that these rooms are encrypted."""
        for room_id in room_ids:
            await self._note(room_id, encrypted=True)

    async def hint_due(self, room_id: str, session_id: str) -> bool:
        """Whether the notice about this session is due in this room; records it as sent."""
        async with self._database.begin() as connection:
            query = select(rooms.c.hinted_sessions).where(rooms.c.room_id == room_id)
            known = list(from_json(await connection.scalar(query) or "[]"))
        if session_id in known:
            return False
        await self._note(room_id, hinted_sessions=to_json([*known, session_id][-_HINTS_KEPT:]))
        return True

    async def _note(self, room_id: str, **values: object) -> None:
        key = storable(room_id)
        async with self._database.begin() as connection:
            await connection.execute(insert_new(connection, rooms).values(room_id=key, **BLANK))
            await connection.execute(update(rooms).where(rooms.c.room_id == key).values(**values))


class UpgradeState(StrEnum):
    """How far the bot has followed a tombstone."""

    HEARD = "heard"
    AWAITED = "awaited"
    """It is genuine; the bot is not in the replacement yet."""
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A tombstone and how far the bot has followed it."""

    tombstone: Tombstone
    state: UpgradeState


class RoomStore:
    """
    Stores what happens to the bot in rooms, and notifies all plugins.

    Args:
        plugins: to notify.
        now: milliseconds since 1970.
    """

    def __init__(self, database: Database, plugins: Sequence[str], now: Callable[[], int]) -> None:
        self._database = database
        self._plugins = tuple(plugins)
        self._now = now

    async def record(self, connection: AsyncConnection, news: RoomChanges) -> None:
        """Store changes inside the caller's transaction."""
        for loss in news.losses:
            await self._lose(connection, loss)
        for entry in news.entries:
            await self._enter(connection, entry)
        for room_id in news.relieved:
            await self._relieve(connection, room_id)
        for tombstone in news.tombstones:
            await self._bury(connection, tombstone)
        for seen in news.reactions:
            if isinstance(seen, Annotation):
                plugin = await under_way(connection, seen.room_id)
                await note_annotation(connection, self._plugins, seen, self._now(), plugin)
            else:
                await note_redaction(connection, seen, self._now())

    async def record_now(self, news: RoomChanges) -> None:
        """Keep news by themselves."""
        async with self._database.begin() as connection:
            await self.record(connection, news)

    async def settle(self, room_ids: Collection[str]) -> None:
        """Record current memberships without calling hooks."""
        async with self._database.begin() as connection:
            for room_id in room_ids:
                await _note(connection, room_id)

    async def suspended(self) -> frozenset[str]:
        """Rooms that notifications are not sent to."""
        async with self._database.begin() as connection:
            return frozenset(await connection.scalars(select(rooms.c.room_id).where(rooms.c.suspended)))

    async def suspend(self, room_id: str, reason: str) -> None:
        """A room refuses what the bot says: notifications to it are dropped until it takes something again."""
        async with self._database.begin() as connection:
            await self._suspend(connection, room_id, reason)

    async def relieve(self, room_id: str) -> None:
        """A suspended room may take notifications again."""
        async with self._database.begin() as connection:
            await self._relieve(connection, room_id)

    async def upgrades(self, *states: UpgradeState) -> tuple[Upgrade, ...]:
        """Tombstones that were followed this far."""
        query = select(upgrades).where(upgrades.c.state.in_(states)).order_by(upgrades.c.room_id)
        async with self._database.begin() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            Upgrade(Tombstone(row.room_id, row.event_id, row.replacement, row.via), UpgradeState(row.state))
            for row in rows
        )

    async def upgraded(self, tombstone: Tombstone, state: UpgradeState) -> None:
        """Advance an upgrade; when it is done, notify all plugins and stop sending to the old room."""
        async with self._database.begin() as connection:
            await connection.execute(
                update(upgrades)
                .where(upgrades.c.room_id == tombstone.room_id, upgrades.c.event_id == tombstone.event_id)
                .values(state=state)
            )
            if state is UpgradeState.DONE:
                await refuse_waiting(connection, tombstone.room_id)
                # stored under the new room, so that it comes after the call about entering that
                await note_call(
                    connection,
                    self._plugins,
                    Hook.REPLACED,
                    tombstone.replacement,
                    self._now(),
                    event_id=tombstone.event_id,
                    old=tombstone.room_id,
                )

    async def _enter(self, connection: AsyncConnection, entry: Joined) -> None:
        await _note(connection, entry.room_id)
        await connection.execute(
            update(rooms).where(rooms.c.room_id == storable(entry.room_id)).values(suspended=False)
        )
        await _edit_again(connection, entry.room_id)
        await note_call(connection, self._plugins, Hook.JOINED, entry.room_id, self._now(), event_id=entry.event_id)

    async def _relieve(self, connection: AsyncConnection, room_id: str) -> None:
        mine = rooms.c.room_id == storable(room_id)
        if await connection.scalar(select(rooms.c.suspended).where(mine)):
            await connection.execute(update(rooms).where(mine).values(suspended=False))
            await _edit_again(connection, room_id)
            await note_call(connection, self._plugins, Hook.JOINED, room_id, self._now())

    async def _lose(self, connection: AsyncConnection, loss: Departure) -> None:
        await refuse_waiting(connection, loss.room_id)
        if loss.reason is not None:
            await self._suspend(connection, loss.room_id, loss.reason)
            return
        key = storable(loss.room_id)
        await connection.execute(delete(rooms).where(rooms.c.room_id == key))
        await connection.execute(delete(notifications).where(notifications.c.room_id == key))
        await note_call(connection, self._plugins, Hook.LEFT, loss.room_id, self._now())

    async def _suspend(self, connection: AsyncConnection, room_id: str, reason: str) -> None:
        await _note(connection, room_id)
        mine = rooms.c.room_id == storable(room_id)
        if await connection.scalar(select(rooms.c.suspended).where(mine)):
            return
        await connection.execute(update(rooms).where(mine).values(suspended=True))
        await refuse_waiting(connection, room_id, letters_only=True)
        await note_call(connection, self._plugins, Hook.SUSPENDED, room_id, self._now(), reason=reason)

    async def _bury(self, connection: AsyncConnection, tombstone: Tombstone) -> None:
        """The same tombstone again changes nothing; another one takes its place unless that was followed."""
        key = storable(tombstone.room_id)
        known = (await connection.execute(select(upgrades).where(upgrades.c.room_id == key))).one_or_none()
        if known and (known.state == UpgradeState.DONE or known.event_id == storable(tombstone.event_id)):
            return
        await connection.execute(delete(upgrades).where(upgrades.c.room_id == key))
        await connection.execute(
            insert_new(connection, upgrades).values(
                room_id=key,
                event_id=storable(tombstone.event_id),
                replacement=storable(tombstone.replacement),
                via=storable(tombstone.via),
                state=UpgradeState.HEARD,
            )
        )


async def _edit_again(connection: AsyncConnection, room_id: str) -> None:
    """Queue the last rejected edit of each notification: what the room shows may be out of date."""
    edits = and_(outbox.c.room_id == storable(room_id), outbox.c.placement == Placement.EDIT)
    latest = select(func.max(outbox.c.id)).where(edits).group_by(outbox.c.plugin, outbox.c.about)
    stands = exists().where(
        notifications.c.room_id == outbox.c.room_id,
        notifications.c.plugin == outbox.c.plugin,
        notifications.c.about == outbox.c.about,
        notifications.c.anchor,
    )
    refused = and_(edits, outbox.c.state == MessageState.REFUSED, outbox.c.id.in_(latest), stands)
    await connection.execute(update(outbox).where(refused).values(state=MessageState.WAITING))


async def _note(connection: AsyncConnection, room_id: str) -> None:
    await connection.execute(insert_new(connection, rooms).values(room_id=storable(room_id), **BLANK))
