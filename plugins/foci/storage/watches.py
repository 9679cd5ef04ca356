"""Watches, and what is known of each watched server."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from sys import intern
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from botkit.storage import Connection
from botkit.storage.json_text import from_json, storable, to_json
from botkit.storage.statements import insert_new, portions, upsert
from plugins.foci.alerts.watches import Watch
from plugins.foci.changes import detector as listwatch
from plugins.foci.changes.detector import ListState
from plugins.foci.health.keys import Key
from plugins.foci.storage.tables import concerns, servers, watches

_SERVER_COLUMNS = [column for column in servers.c if column.name not in ("copy", "summary")]
"""What is used of the table of servers: the others are of earlier versions."""


_NO_CODES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ServerRow:
    """
    A watched server. Times are seconds since the epoch.

    Attributes:
        due_at: of the next check; None before the first.
        confirm_at: when a changed list is to be confirmed; None without one.
        verdict, checked_at: of the last check; None before the first.
        unconfirmed: another list was seen than the one that is known.
        deep_at: when a deep check last found nothing wrong deep; None if the last one did, or there was none.
    """

    server: str
    watched_since: float
    due_at: float | None = None
    confirm_at: float | None = None
    lists: ListState = ListState()  # noqa: RUF009 - frozen
    verdict: str | None = None
    checked_at: float | None = None
    deep_at: float | None = None
    unconfirmed: bool = False


class WatchTable:
    """The table of watches."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> tuple[Watch, ...]:
        """Every watch."""
        return await self._where()

    async def of_server(self, server: str) -> tuple[Watch, ...]:
        """The watches of a server."""
        return await self._where(watches.c.server == server)

    async def of_room(self, room_id: str) -> tuple[Watch, ...]:
        """The watches of a room."""
        return await self._where(watches.c.room_id == room_id)

    async def made_in(self, room_id: str) -> int:
        """How many watches of a room were made by commands."""
        return await self._made(watches.c.room_id == storable(room_id))

    async def made_by(self, author: str) -> int:
        """How many watches a user made by commands, in all rooms."""
        return await self._made(watches.c.author == storable(author))

    async def rooms(self) -> frozenset[str]:
        """Rooms with a watch."""
        return frozenset(await self._connection.scalars(select(watches.c.room_id).distinct()))

    async def concerned_by(self, keys: Collection[Key]) -> dict[Key, list[Watch]]:
        """Health keys to the watches of the servers that they concern now."""
        query = (
            select(concerns.c.key, watches)
            .join(watches, watches.c.server == concerns.c.server)
            .where(concerns.c.ended_at.is_(None))
        )
        found: dict[Key, list[Watch]] = {}
        for some in portions(keys):
            for row in await self._connection.execute(query.where(concerns.c.key.in_(some))):
                found.setdefault(row.key, []).append(watch_of(row))
        return found

    async def put(self, *added: Watch) -> None:
        """Add watches, or change those of their room, server and source."""
        rows = [
            {
                "room_id": storable(watch.room_id),
                "server": watch.server,
                "source": watch.source,
                "interval": watch.interval,
                "deep": watch.deep,
                "ignored": to_json(sorted(watch.ignore)),
                "author": storable(watch.author),
                "created_at": watch.created_at,
                "weighed": watch.evaluated,
            }
            for watch in added
        ]
        await upsert(self._connection, watches, rows)

    async def evaluated(self, watch: Watch) -> bool:
        """Note that a watch was evaluated; False if it was before, or there is none such."""
        key = {"room_id": watch.room_id, "server": watch.server, "source": watch.source, "weighed": False}
        noted = update(watches).filter_by(**key).values(weighed=True).returning(watches.c.server)
        return (await self._connection.execute(noted)).first() is not None

    async def remove(self, watch: Watch) -> None:
        """Delete the watch of this room, server and source."""
        key = {"room_id": watch.room_id, "server": watch.server, "source": watch.source}
        await self._connection.execute(delete(watches).filter_by(**key))

    async def _made(self, condition: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(watches).where(condition, watches.c.source == "room")
        return int((await self._connection.execute(query)).scalar_one())

    async def _where(self, *conditions: ColumnElement[bool]) -> tuple[Watch, ...]:
        query = select(watches).where(*conditions).order_by(watches.c.server, watches.c.room_id, watches.c.source)
        return tuple(watch_of(row) for row in await self._connection.execute(query))


class ServerTable:
    """The table of watched servers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> tuple[ServerRow, ...]:
        """Every watched server; lists are left out."""
        columns = [column for column in _SERVER_COLUMNS if column.name != "list_state"]
        rows = await self._connection.execute(select(*columns).order_by(servers.c.server))
        return tuple(_server_of(row) for row in rows)

    async def get(self, server: str) -> ServerRow | None:
        """One of them with its list."""
        row = (await self._connection.execute(select(*_SERVER_COLUMNS).where(servers.c.server == server))).first()
        return None if row is None else _server_of(row)

    async def add(self, names: Iterable[str], now: float) -> None:
        """Begin to watch servers."""
        rows = [{"server": name, "watched_since": now} for name in sorted(names)]
        if rows:
            await self._connection.execute(insert_new(self._connection, servers), rows)

    async def remove(self, names: Collection[str]) -> None:
        """Forget servers."""
        for name in names:
            await self._connection.execute(delete(servers).where(servers.c.server == name))

    async def save(self, before: ServerRow, after: ServerRow) -> None:
        """Write what is different."""
        values = _progress_of(after)
        if before.lists != after.lists:
            values["list_state"] = listwatch.CODEC.dump(after.lists)
        await self._connection.execute(update(servers).where(servers.c.server == after.server).values(values))

    async def progress(self, rows: Collection[ServerRow]) -> None:
        """Write everything but the lists, in one statement; of servers that are not there nothing."""
        if not rows:
            return
        named: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _progress_of(next(iter(rows)))}
        changed = update(servers).where(servers.c.server == bindparam("of_server")).values(named)
        values = [{f"new_{name}": value for name, value in _progress_of(row).items()} for row in rows]
        these = [{"of_server": row.server, **one} for row, one in zip(rows, values, strict=True)]
        await self._connection.execute(changed, these)


def _progress_of(row: ServerRow) -> dict[str, Any]:
    return {
        "due_at": row.due_at,
        "confirm_at": row.confirm_at,
        "verdict": row.verdict,
        "checked_at": row.checked_at,
        "deep_at": row.deep_at,
        "unconfirmed": row.unconfirmed,
    }


def watch_of(row: Row[Any]) -> Watch:
    """A row of the table of watches."""
    return Watch(
        room_id=intern(row.room_id),
        server=intern(row.server),
        source=row.source,
        interval=row.interval,
        deep=row.deep,
        ignore=_codes(row.ignored),
        author=intern(row.author),
        created_at=row.created_at,
        evaluated=row.weighed,
    )


def _codes(text: str) -> frozenset[str]:
    """Finding codes; mostly none, of which an own empty set for each watch would be twice as large as the watch."""
    found = from_json(text)
    return frozenset(found) if found else _NO_CODES


def _server_of(row: Row[Any]) -> ServerRow:
    values = dict(row._mapping)
    lists = values.pop("list_state", None)
    values["server"] = intern(values["server"])
    return ServerRow(**values, lists=ListState() if lists is None else listwatch.CODEC.load(lists))
