"""The plugin's tables, as SQLAlchemy Core sees them. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.type_api import TypeEngine
from sqlalchemy.types import TypeDecorator

from plugins.foci.health.keys import Key

metadata = MetaData()

_sequence: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")
"""A growing number; SQLite only counts by itself in a column of type INTEGER."""


class _StoredKey(TypeDecorator[Key]):
    """A health key in its stored form."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Key | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Key | None:
        return None if value is None else Key.parse(value)


watches = Table(
    "foci_watches",
    metadata,
    Column("room_id", String, primary_key=True),
    Column("server", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("interval", Float, nullable=True),
    Column("deep", Boolean, nullable=False),
    Column("ignored", Text, nullable=False),
    Column("author", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("weighed", Boolean, nullable=False),
    Index("foci_watches_by_server", "server"),
)

servers = Table(
    "foci_servers",
    metadata,
    Column("server", String, primary_key=True),
    Column("watched_since", Float, nullable=False),
    Column("due_at", Float, nullable=True),
    Column("confirm_at", Float, nullable=True),
    Column("list_state", Text, nullable=True),
    Column("copy", Text, nullable=True),
    Column("verdict", String, nullable=True),
    Column("summary", Text, nullable=True),
    Column("checked_at", Float, nullable=True),
    Column("deep_at", Float, nullable=True),
    Column("unconfirmed", Boolean, nullable=False, default=False),
)

states = Table(
    "foci_states",
    metadata,
    Column("key", _StoredKey, primary_key=True),
    Column("state", Text, nullable=False),
)

concerns = Table(
    "foci_concerns",
    metadata,
    Column("server", String, primary_key=True),
    Column("key", _StoredKey, primary_key=True),
    Column("origin", String, nullable=False),
    Column("since", Float, primary_key=True),
    Column("ended_at", Float, nullable=True),
    Index("foci_concerns_by_key", "key", "ended_at"),
)

heard = Table(
    "foci_heard",
    metadata,
    Column("server", String, primary_key=True),
    Column("silent_since", Float, nullable=True),
)

notes = Table(
    "foci_notes",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

incidents = Table(
    "foci_incidents",
    metadata,
    Column("subject", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("next_at", Float, nullable=True),
    Index("foci_incidents_by_time", "next_at"),
)

silences = Table(
    "foci_silences",
    metadata,
    Column("room_id", String, primary_key=True),
    Column("target", String, primary_key=True),
    Column("until", Float, nullable=False),
    Column("author", String, nullable=False),
    Column("reason", String, nullable=False),
)

suppressed = Table(
    "foci_withheld",
    metadata,
    Column("room_id", String, primary_key=True),
    Column("server", String, primary_key=True),
    Column("snapshot", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("alternated_at", Float, nullable=True),
    Index("foci_withheld_by_server", "server"),
)

rooms = Table(
    "foci_rooms",
    metadata,
    Column("room_id", String, primary_key=True),
    Column("replaced_by", String, nullable=True),
    Column("suspended_at", Float, nullable=True),
)

changes = Table(
    "foci_changes",
    metadata,
    Column("seq", _sequence, primary_key=True, autoincrement=True),
    Column("server", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Index("foci_changes_by_server", "server", "at"),
    Index("foci_changes_by_time", "at"),
    sqlite_autoincrement=True,
)

outages = Table(
    "foci_outages",
    metadata,
    Column("seq", _sequence, primary_key=True, autoincrement=True),
    Column("key", _StoredKey, nullable=False),
    Column("start", Float, nullable=False),
    Column("ended_at", Float, nullable=True),
    Column("code", String, nullable=False),
    Column("detail", Text, nullable=False),
    Index("foci_outages_by_key", "key", "start"),
    Index("foci_outages_by_time", "ended_at"),
    sqlite_autoincrement=True,
)
