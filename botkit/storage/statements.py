"""
Statements that SQLite and PostgreSQL both take: insert unless present, many rows at once, many values in portions.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.storage import Connection

_LARGEST = 1000

T = TypeVar("T", bound=Hashable)


def portions(values: Collection[T]) -> Iterator[list[T]]:
    """All values, each once, in lists that a statement can hold; none for no values."""
    ordered = sorted(set(values), key=str)
    for start in range(0, len(ordered), _LARGEST):
        yield ordered[start : start + _LARGEST]


async def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or overwrite those that are there by primary key; all rows name the same columns."""
    if not rows:
        return
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    keys = [column.name for column in table.primary_key]
    statement: Any = insert(table)
    values = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))


def insert_new(connection: AsyncConnection, table: Table) -> Any:
    """An INSERT that passes over rows which are there already; both dialects build it alike."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()
