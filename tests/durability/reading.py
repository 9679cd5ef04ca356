"""What there is to read afterwards: a room's history through a real client, and the bot's own database."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import nio

from tests.durability.judge import Queued, Relation, Shown
from tests.matrix.person import Person

_PAGE = 100


async def history(person: Person, room_id: str, sender: str) -> tuple[Shown, ...]:
    """Every message of one sender in a room, oldest first, as this person's client reads it."""
    shown: list[Shown] = []
    token = ""
    while True:
        page = await person.client.room_messages(
            room_id, token or None, direction=nio.MessageDirection.front, limit=_PAGE
        )
        assert isinstance(page, nio.RoomMessagesResponse), page
        shown += [_shown(event) for event in page.chunk if event.sender == sender and _is_message(event)]
        if not page.end or page.end == token:
            return tuple(shown)
        token = page.end


def outbox(database: Path, room_id: str) -> tuple[Queued, ...]:
    """The rows of one room, in the order they were written."""
    query = "SELECT state, event_id FROM outbox WHERE room_id = ? ORDER BY id"
    return tuple(Queued(state, event_id) for state, event_id in _rows(database, query, room_id))


def undelivered(database: Path) -> int:
    """How many messages the bot has still to send."""
    return int(_rows(database, "SELECT count(*) FROM outbox WHERE state = 'waiting'")[0][0])


def known(database: Path) -> frozenset[str]:
    """Servers whose list the bot remembers."""
    if not database.exists():
        return frozenset()
    query = "SELECT server FROM foci_servers WHERE list_state IS NOT NULL AND checked_at IS NOT NULL"
    try:
        return frozenset(server for (server,) in _rows(database, query))
    except sqlite3.DatabaseError:
        # the tables are being made, or it is being written while it is copied
        return frozenset()


def _rows(database: Path, query: str, *values: str) -> Sequence[Any]:
    if "proc" in database.parts:
        # SQLite resolves links by itself, and so would leave the process's own file systems
        with tempfile.TemporaryDirectory() as directory:
            for file in (database, database.with_name(database.name + "-wal")):
                if file.exists():
                    shutil.copy(file, directory)
            return _rows(Path(directory, database.name), query, *values)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(query, values).fetchall()


def _is_message(event: Any) -> bool:
    return event.source["type"] in ("m.room.message", "m.room.encrypted")


def _shown(event: Any) -> Shown:
    if isinstance(event, nio.MegolmEvent):
        return Shown(event.event_id, Relation.NEW, None, None)
    content = event.source["content"]
    relation = content.get("m.relates_to") or {}
    kind = relation.get("rel_type")
    body = str((content.get("m.new_content") or content).get("body", ""))
    if kind == "m.replace":
        return Shown(event.event_id, Relation.EDIT, relation.get("event_id"), body)
    if kind == "m.thread":
        return Shown(event.event_id, Relation.THREAD, relation.get("event_id"), body)
    answered = (relation.get("m.in_reply_to") or {}).get("event_id")
    return Shown(event.event_id, Relation.REPLY if answered else Relation.NEW, answered, body)
