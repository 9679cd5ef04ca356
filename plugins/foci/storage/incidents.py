"""Open incidents, silences, suppressed list changes, and rooms that were replaced or refuse the bot."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, or_, select, update

from botkit.storage import Connection
from botkit.storage.json_text import storable
from botkit.storage.statements import insert_new, portions, upsert
from plugins.foci.alerts.incident import CODEC, Incident
from plugins.foci.alerts.silences import Silence
from plugins.foci.changes import snapshot
from plugins.foci.changes.snapshot import Snapshot
from plugins.foci.storage.tables import incidents, rooms, silences, suppressed


class IncidentTable:
    """
    The table of incidents that are not over.

    Attributes:
        opened: how many were written that were not there before, less those removed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.opened = 0

    async def count(self) -> int:
        """How many are open."""
        return await self._connection.scalar(select(func.count()).select_from(incidents)) or 0

    async def all(self) -> tuple[Incident, ...]:
        """Every open incident."""
        rows = await self._connection.execute(select(incidents.c.state).order_by(incidents.c.subject))
        return tuple(CODEC.load(row.state) for row in rows)

    async def about(self, subjects: Collection[str]) -> tuple[Incident, ...]:
        """The open ones with these subjects."""
        found: list[Incident] = []
        for some in portions(subjects):
            query = select(incidents.c.state).where(incidents.c.subject.in_(some)).order_by(incidents.c.subject)
            found += [CODEC.load(row.state) for row in await self._connection.execute(query)]
        return tuple(found)

    async def named(self, name: str) -> Incident | None:
        """The open one of this name."""
        text = await self._connection.scalar(select(incidents.c.state).where(incidents.c.name == name))
        return None if text is None else CODEC.load(text)

    async def due(self, now: float, latest: float) -> tuple[Incident, ...]:
        """Those to be reminded of now; also those due later than ``latest``, which a clock set back left behind."""
        waiting = or_(incidents.c.next_at <= now, incidents.c.next_at > latest)
        query = select(incidents.c.state).where(waiting).order_by(incidents.c.subject)
        return tuple(CODEC.load(row.state) for row in await self._connection.execute(query))

    async def next_at(self) -> float | None:
        """When the first one is to be reminded of."""
        at: float | None = await self._connection.scalar(select(func.min(incidents.c.next_at)))
        return at

    async def save(self, incident: Incident, next_at: float | None) -> None:
        """Keep an incident; ``next_at`` is when to remind of it."""
        values = {"name": incident.name, "state": CODEC.dump(incident), "next_at": next_at}
        known = update(incidents).where(incidents.c.subject == incident.subject).values(values)
        if (await self._connection.execute(known.returning(incidents.c.subject))).first() is None:
            await self._connection.execute(incidents.insert().values(subject=incident.subject, **values))
            self.opened += 1

    async def remove(self, subject: str) -> None:
        """The incident is over."""
        gone = delete(incidents).where(incidents.c.subject == subject).returning(incidents.c.subject)
        if (await self._connection.execute(gone)).first() is not None:
            self.opened -= 1


@dataclass(frozen=True, slots=True)
class SuppressedChange:
    """
    List changes that a room was not notified of.

    Attributes:
        snapshot: the list as the room knows it.
        at: the latest of the changes.
        alternated_at: when the room was notified of alternating answers, if it was not notified of their end.
    """

    room_id: str
    server: str
    snapshot: Snapshot
    at: float
    alternated_at: float | None = None


class SilenceTable:
    """The tables of silences and of what was withheld."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> tuple[Silence, ...]:
        """Every silence that holds."""
        rows = await self._connection.execute(select(silences).order_by(silences.c.room_id, silences.c.target))
        return tuple(_silence_of(row) for row in rows)

    async def of_rooms(self, room_ids: Collection[str]) -> tuple[Silence, ...]:
        """Those that hold in these rooms."""
        found: list[Silence] = []
        for some in portions(room_ids):
            rows = await self._connection.execute(select(silences).where(silences.c.room_id.in_(some)))
            found += (_silence_of(row) for row in rows)
        return tuple(found)

    async def put(self, silence: Silence) -> None:
        """Begin a silence, in place of the room's one of the same target."""
        row = {"room_id": silence.room_id, "target": storable(silence.target), "until": silence.until}
        said = {"author": storable(silence.author), "reason": storable(silence.reason)}
        await upsert(self._connection, silences, [{**row, **said}])

    async def remove(self, silence: Silence) -> None:
        """End a silence."""
        key = {"room_id": silence.room_id, "target": silence.target}
        await self._connection.execute(delete(silences).filter_by(**key))

    async def suppress(self, one: SuppressedChange) -> None:
        """Note a change that a room is not notified of; the list that it knows stays the one noted first."""
        key = {"room_id": one.room_id, "server": one.server}
        first = {"snapshot": snapshot.CODEC.dump(one.snapshot), "at": one.at, "alternated_at": one.alternated_at}
        await self._connection.execute(insert_new(self._connection, suppressed).values(**key, **first))
        await self._connection.execute(update(suppressed).filter_by(**key).values(at=one.at))

    async def suppressed(self, server: str | None = None) -> tuple[SuppressedChange, ...]:
        """What was withheld and is not sent yet, of one server or of all."""
        query = select(suppressed).order_by(suppressed.c.room_id, suppressed.c.server)
        rows = await self._connection.execute(query if server is None else query.where(suppressed.c.server == server))
        return tuple(
            SuppressedChange(row.room_id, row.server, snapshot.CODEC.load(row.snapshot), row.at, row.alternated_at)
            for row in rows
        )

    async def release(self, one: SuppressedChange) -> None:
        """It is told, or not worth telling any longer."""
        key = {"room_id": one.room_id, "server": one.server}
        await self._connection.execute(delete(suppressed).filter_by(**key))

    async def move(self, old: str, new: str) -> None:
        """What was asked for in a room holds in its replacement."""
        for table, column in ((silences, silences.c.target), (suppressed, suppressed.c.server)):
            there = select(column).where(table.c.room_id == new)
            await self._connection.execute(delete(table).where(table.c.room_id == old, column.in_(there)))
            await self._connection.execute(update(table).where(table.c.room_id == old).values(room_id=new))

    async def forget_room(self, room_id: str) -> None:
        """Nothing is to be told in a room any longer."""
        for table in (silences, suppressed):
            await self._connection.execute(delete(table).where(table.c.room_id == room_id))


class RoomTable:
    """The table of rooms that were replaced or refuse the bot."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def suspended(self) -> frozenset[str]:
        """Rooms that refuse the bot."""
        query = select(rooms.c.room_id).where(rooms.c.suspended_at.is_not(None))
        return frozenset(await self._connection.scalars(query))

    async def suspended_of(self, room_ids: Collection[str]) -> frozenset[str]:
        """Those of these rooms that refuse the bot."""
        found: set[str] = set()
        for some in portions(room_ids):
            query = select(rooms.c.room_id).where(rooms.c.room_id.in_(some), rooms.c.suspended_at.is_not(None))
            found.update(await self._connection.scalars(query))
        return frozenset(found)

    async def replacements(self) -> dict[str, str]:
        """Replaced rooms and what replaced them."""
        query = select(rooms.c.room_id, rooms.c.replaced_by).where(rooms.c.replaced_by.is_not(None))
        return {row.room_id: row.replaced_by for row in await self._connection.execute(query)}

    async def replace(self, old: str, new: str) -> None:
        """A room was replaced."""
        await self._note(old, replaced_by=storable(new), suspended_at=None)

    async def suspend(self, room_id: str, at: float | None) -> None:
        """A room refuses the bot since then; None if it does not any longer."""
        await self._note(room_id, suspended_at=at)

    async def _note(self, room_id: str, **values: Any) -> None:
        await upsert(self._connection, rooms, [{"room_id": storable(room_id), **values}])


def _silence_of(row: Row[Any]) -> Silence:
    return Silence(row.room_id, row.target, row.until, row.author, row.reason)
