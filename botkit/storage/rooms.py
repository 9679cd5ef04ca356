"""Notes on rooms that must outlive the process."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, update

from botkit.storage.database import Database, insert_new
from botkit.storage.tables import rooms
from botkit.storage.text import from_json, storable, to_json

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
        """Whether this room was never told about this unreadable session; remembers that it now was."""
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
