"""
A database as a file, and back: JSON lines, the same of SQLite and PostgreSQL. ``docs/deployment.md`` has the format.

The first line says what it is, the last one how many rows there are; between them each line is a row, or the last
number that a counting table gave out.
"""

from __future__ import annotations

import base64
import json
import math
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    cast,
    column,
    func,
    insert,
    select,
    text,
)
from sqlalchemy import table as named
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from botkit.messages.notification import Placement
from botkit.storage.database import Connection, cause
from botkit.storage.inbox import EventState
from botkit.storage.json_text import from_json, storable
from botkit.storage.outbox import MessageState
from botkit.storage.tables import calls, inbox, metadata, outbox, ownership, rooms

FORMAT = "foci-bot export"
VERSION = 1

_BATCH = 500
_DIALECT: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)


class TransferError(Exception):
    """The file or the database does not fit; the text is one line, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Carried:
    """
    What a plugin keeps in the database.

    Attributes:
        tables: all of them.
        verify: reads everything as the running plugin does; raises ValueError, TypeError, KeyError or AttributeError.
    """

    tables: MetaData
    verify: Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Contents:
    """
    Everything that is carried.

    Attributes:
        revisions: of the tables, by the name of the table that has them.
    """

    tables: Mapping[str, Table]
    verifiers: tuple[Callable[[Connection], Awaitable[None]], ...]
    revisions: Mapping[str, str]

    @classmethod
    async def of(cls, connection: Connection, plugins: Mapping[str, Carried]) -> Contents:
        """The host's tables and those of plugins, by name of the plugin, in a database that is up to date."""
        owned = [metadata, *(plugin.tables for plugin in plugins.values())]
        tables = [table for one in owned for table in one.sorted_tables if table is not ownership]
        names = ["alembic_version", *(f"alembic_version_{name}" for name in plugins)]
        revisions = {name: await _revision(connection, name) for name in names}
        return cls({table.name: table for table in tables}, tuple(one.verify for one in plugins.values()), revisions)


async def _revision(connection: Connection, name: str) -> str:
    return str(await connection.scalar(select(column("version_num")).select_from(named(name))))


async def account_of(connection: Connection) -> str | None:
    """The account that a database is bound to."""
    user_id: str | None = await connection.scalar(select(ownership.c.user_id))
    return user_id


async def exported(connection: Connection, contents: Contents, account: str, made_by: str) -> AsyncIterator[str]:
    """
    The lines of a file, each with its end.

    Raises:
        TransferError: a row holds what JSON cannot.
    """
    header = {"format": FORMAT, "version": VERSION, "made_by": made_by, "account": account}
    yield _line({**header, "revisions": dict(contents.revisions)})
    rows = 0
    for table in contents.tables.values():
        last = await _last(connection, table)
        if last is not None:
            yield _line({"table": table.name, "last": last})
        stream = await connection.stream(select(table).order_by(*table.primary_key))
        async for row in stream.mappings():
            rows += 1
            yield _line({"table": table.name, "row": {name: _plain(value) for name, value in row.items()}})
    yield _line({"rows": rows})


def _line(value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False) + "\n"
    except ValueError:
        raise TransferError(f"a row of {value.get('table')} holds a number that is not finite") from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


async def imported(connection: Connection, contents: Contents, account: str, lines: Iterable[str]) -> Counter[str]:
    """
    Take a file in, into an empty database; how many rows came into which table.

    Raises:
        TransferError: the file is not one of these, not whole, or another account's; or the database is not empty.
    """
    owner = await account_of(connection)
    if owner not in (None, account):
        raise TransferError(f"the database belongs to {owner}, not to {account}")
    for table in contents.tables.values():
        if await connection.scalar(select(func.count()).select_from(table)):
            raise TransferError(f"the database is not empty ({table.name}); import into a new one")
    counted: Counter[str] = Counter()
    try:
        for table, rows in _batches(_records(lines, contents, account)):
            if isinstance(rows, int):
                await _count_from(connection, table, rows)
            else:
                await connection.execute(insert(table), rows)
                counted[table.name] += len(rows)
    except IntegrityError as error:
        raise TransferError(f"two rows exclude each other: {cause(error)}") from None
    for verify in (_verify_host, *contents.verifiers):
        try:
            await verify(connection)
        except _UNREADABLE as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise TransferError(f"a row cannot be read: {reason}") from None
    if owner is None:
        bound = {"id": 1, "user_id": account, "database_id": secrets.token_hex(16), "holder": "", "released": True}
        await connection.execute(insert(ownership).values(bound))
    return counted


_Record = tuple[Table, "dict[str, Any] | int"]
"""A row, or the last number that its table gave out."""


def _batches(records: Iterable[_Record]) -> Iterator[tuple[Table, list[dict[str, Any]] | int]]:
    rows: list[dict[str, Any]] = []
    of: Table | None = None
    for table, record in records:
        if of is not None and rows and (table is not of or len(rows) == _BATCH):
            yield of, rows
            rows = []
        of = table
        if isinstance(record, int):
            yield table, record
        else:
            rows.append(record)
    if of is not None and rows:
        yield of, rows


def _records(lines: Iterable[str], contents: Contents, account: str) -> Iterator[_Record]:
    rows: int | None = None
    read = 0
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            value = _object(line)
            if number == 1:
                _judge_header(value, contents, account)
            elif rows is not None:
                raise TransferError("there is more after the end")
            elif value.keys() == {"rows"}:
                rows = value["rows"]
            else:
                record = _record(value, contents.tables)
                read += not isinstance(record[1], int)
                yield record
        except TransferError as error:
            raise TransferError(f"line {number}: {error}") from None
    if rows is None:
        raise TransferError(f"it is cut off after line {number}")
    if rows != read:
        raise TransferError(f"it has {read} rows and should have {rows}")


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise TransferError("is not a JSON object")
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _judge_header(header: Mapping[str, Any], contents: Contents, account: str) -> None:
    if header.get("format") != FORMAT:
        raise TransferError(f"is not the first line of a {FORMAT}")
    if header.get("version") != VERSION or header.get("revisions") != contents.revisions:
        raise TransferError("was made by another version of the bot; export and import with the same one")
    if header.get("account") != account:
        raise TransferError(f"belongs to {str(header.get('account'))[:255]!r}, matrix.user_id is {account}")


def _record(value: Mapping[str, Any], tables: Mapping[str, Table]) -> _Record:
    name = value.get("table")
    table = tables.get(name) if isinstance(name, str) else None
    if table is None:
        raise TransferError("names no table of this version")
    if value.keys() == {"table", "last"} and _counting(table) is not None and type(value["last"]) is int:
        return table, value["last"]
    row = value.get("row")
    if value.keys() != {"table", "row"} or not isinstance(row, dict):
        raise TransferError("is neither a row nor a table's last number")
    if row.keys() != {field.name for field in table.columns}:
        raise TransferError(f"does not have the columns of {table.name}")
    return table, {field.name: _value(field, row[field.name]) for field in table.columns}


def _value(field: Column[Any], value: Any) -> Any:
    if value is None and field.nullable:
        return None
    kind = field.type.dialect_impl(_DIALECT)
    read = next((read for known, read in _READERS if isinstance(kind, known)), _text)
    try:
        return read(value)
    except ValueError:
        raise TransferError(f"{field.table.name}.{field.name} has a value of another kind") from None


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError
        return value

    return read


def _whole(bits: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or abs(value) >= 2 ** (bits - 1):
            raise ValueError
        return value

    return read


def _finite(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _bytes(value: Any) -> bytes:
    return base64.b64decode(_text(value), validate=True)


def _text(value: Any) -> str:
    if not isinstance(value, str) or value != storable(value):
        raise ValueError
    return value


_READERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (LargeBinary, _bytes),
    (Boolean, _exactly(bool)),
    (BigInteger, _whole(64)),
    (Integer, _whole(32)),
    (Float, _finite),
)


async def _verify_host(connection: Connection) -> None:
    for field in (outbox.c.content, inbox.c.payload, rooms.c.hinted_sessions, calls.c.arguments):
        for value in await connection.scalars(select(field)):
            from_json(value)
    for field, known in ((outbox.c.state, MessageState), (outbox.c.placement, Placement), (inbox.c.state, EventState)):
        for value in await connection.scalars(select(field).where(field.is_not(None)).distinct()):
            known(value)


def _counting(table: Table) -> Column[Any] | None:
    """The column that counts by itself."""
    return next((field for field in table.primary_key if field.autoincrement is True), None)


async def _last(connection: Connection, table: Table) -> int | None:
    counting = _counting(table)
    if counting is None:
        return None
    if connection.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :table").bindparams(table=table.name)
        return int(await connection.scalar(query) or 0)
    sequence = cast(func.pg_get_serial_sequence(table.name, counting.name), postgresql.REGCLASS)
    return int(await connection.scalar(select(func.pg_sequence_last_value(sequence))) or 0)


async def _count_from(connection: Connection, table: Table, last: int) -> None:
    """The table's next number is at least the one after ``last``."""
    counting = _counting(table)
    if counting is None or last < 1:
        return
    if connection.dialect.name == "sqlite":
        values = {"table": table.name, "last": last}
        await connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table").bindparams(table=table.name))
        await connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"), values)
    else:
        name = func.pg_get_serial_sequence(table.name, counting.name)
        await connection.execute(select(func.setval(name, last)))
