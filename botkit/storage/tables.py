"""The tables, as SQLAlchemy Core sees them. Times are milliseconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.sql.type_api import TypeEngine

metadata = MetaData()

sequence: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")
"""A growing number; SQLite only counts by itself in a column of type INTEGER."""

sync_state = Table(
    "sync_state",
    metadata,
    Column("user_id", String, primary_key=True),
    Column("device_id", String, primary_key=True),
    Column("next_batch", Text, nullable=False),
    Column("taken_at", BigInteger, nullable=True),
)

inbox = Table(
    "inbox",
    metadata,
    Column("seq", sequence, primary_key=True, autoincrement=True),
    Column("event_id", String, nullable=False, unique=True),
    Column("room_id", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("received_at", BigInteger, nullable=False),
    Index("inbox_by_state", "state", "seq"),
    Index("inbox_by_room", "room_id", "state", "seq"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", sequence, primary_key=True, autoincrement=True),
    Column("room_id", String, nullable=False),
    Column("txn_id", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("content", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("attempted", Boolean, nullable=False, default=False),
    Column("event_id", String, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("plugin", String, nullable=True),
    Column("about", String, nullable=True),
    Column("placement", String, nullable=True),
    Column("attachment", LargeBinary, nullable=True),
    Column("attempted_at", BigInteger, nullable=True),
    Column("attempted_by", String, nullable=True),
    Index("outbox_by_room", "room_id", "state", "id"),
    Index("outbox_by_state", "state", "id"),
    sqlite_autoincrement=True,
)

rooms = Table(
    "rooms",
    metadata,
    Column("room_id", String, primary_key=True),
    Column("encrypted", Boolean, nullable=False, default=False),
    Column("suspended", Boolean, nullable=False, default=False),
    Column("hinted_sessions", Text, nullable=False, default="[]"),
)

notifications = Table(
    "letters",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("room_id", String, nullable=False),
    Column("plugin", String, nullable=False),
    Column("about", String, nullable=False),
    Column("anchor", Boolean, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Index("letters_by_about", "room_id", "plugin", "about"),
    Index("letters_by_age", "sent_at"),
)

calls = Table(
    "calls",
    metadata,
    Column("seq", sequence, primary_key=True, autoincrement=True),
    Column("plugin", String, nullable=False),
    Column("room_id", String, nullable=False),
    Column("hook", String, nullable=False),
    Column("event_id", String, nullable=True),
    Column("sender", String, nullable=True),
    Column("arguments", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("plugin", "hook", "event_id", name="calls_once_an_event"),
    Index("calls_by_room", "room_id", "plugin", "seq"),
    sqlite_autoincrement=True,
)

reactions = Table(
    "reactions",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("room_id", String, nullable=False),
    Column("plugin", String, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
)

upgrades = Table(
    "upgrades",
    metadata,
    Column("room_id", String, primary_key=True),
    Column("event_id", String, nullable=False),
    Column("replacement", String, nullable=False),
    Column("via", String, nullable=False),
    Column("state", String, nullable=False),
)

ownership = Table(
    "ownership",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("user_id", String, nullable=False),
    Column("database_id", String, nullable=False),
    Column("holder", String, nullable=False),
    Column("released", Boolean, nullable=False),
)
"""One row: the account that the database is bound to, and the process that owns it or did last."""
