"""
One bot for a database, and one database for an account.

On PostgreSQL the bot holds an advisory lock for as long as its session lasts, and every transaction runs in that one
session: what is committed was committed by the owner. What is said in rooms needs a lease as well, which is renewed
over the same session; the next owner says nothing before the last one's lease has surely run out.
"""

from __future__ import annotations

import asyncio
import secrets

import asyncpg
from sqlalchemy import select, update

from botkit.lease import Lease
from botkit.storage.database import Database
from botkit.storage.errors import DatabaseRefusedError, InUseError, SessionLostError, StorageError
from botkit.storage.statements import upsert
from botkit.storage.tables import ownership, sync_state

LEASE = 8.0
"""Seconds that the owner may speak after the database last confirmed it."""

GRACE = 10.0
"""Seconds that the next owner is silent unless the last one ended in order: longer than ``LEASE``."""

_RENEWAL = 2.0
_ROW = 1

# a session whose client's machine is gone ends after some ten seconds, not after the two hours of TCP's defaults
_PROMPT_END = """
    SELECT set_config(name, wanted.value, false) FROM pg_settings JOIN (VALUES
        ('tcp_keepalives_idle', '4'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '3'),
        ('tcp_user_timeout', '10000'), ('client_connection_check_interval', '2000')
    ) AS wanted (name, value) USING (name)
"""
# of the schema: two bots may share a database that way
_TAKE = "SELECT pg_try_advisory_lock(hashtextextended('foci-bot ' || coalesce(current_schema(), ''), 0))"
_HOLDER = "SELECT user_id, holder FROM ownership"


class OwnershipLostError(StorageError):
    """Another bot has taken over."""


class Ownership:
    """
    What makes this process the only bot on its database.

    Attributes:
        lease: the right to speak.
        database_id: of the database, the same for all its owners; empty before ``begin``.

    Args:
        user_id: the account.
    """

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._holder = secrets.token_hex(16)
        self._begun = False
        self._lost = False
        self.lease = Lease(lambda: asyncio.get_running_loop().time())
        self.database_id = ""

    async def claim(self, session: asyncpg.Connection, place: str) -> None:
        """
        Make a new session to PostgreSQL the owner's; ``place`` is the database, for errors.

        Raises:
            InUseError: another bot runs on the database.
            DatabaseRefusedError: that bot is another account.
            OwnershipLostError: another bot has taken over since this one began.
            SessionLostError: the lock is not free again yet.
        """
        await session.execute(_PROMPT_END)
        taken = await session.fetchval(_TAKE)
        try:
            row = await session.fetchrow(_HOLDER)
        except asyncpg.UndefinedTableError:
            row = None
        if not self._begun:
            if not taken:
                if row is not None:
                    self._compare(row["user_id"], place)
                raise InUseError(f"database {place} is in use by another running bot")
        elif row is None or row["holder"] != self._holder:
            self._lost = True
            self.lease.renew(float("-inf"))
            raise OwnershipLostError(f"database {place} was taken over by another bot")
        elif not taken:
            raise SessionLostError(f"database {place}: the lock of the lost session is not free yet")

    async def begin(self, database: Database) -> None:
        """
        Write down who the owner is, and learn when it may speak.

        Raises:
            DatabaseRefusedError: the database belongs to another account.
            StorageError: the database failed.
        """
        now = asyncio.get_running_loop().time()
        async with database.begin() as connection:
            row = (await connection.execute(select(ownership))).first()
            if row is not None:
                self._compare(row.user_id, database.place)
            else:
                known = set(await connection.scalars(select(sync_state.c.user_id)))
                if known and self._user_id not in known:
                    self._compare(min(known), database.place)
            self.database_id = secrets.token_hex(16) if row is None else row.database_id
            values = {"user_id": self._user_id, "database_id": self.database_id, "holder": self._holder}
            await upsert(connection, ownership, [{"id": _ROW, **values, "released": False}])
        self._begun = True
        if database.backend == "PostgreSQL":
            orderly = row is None or row.released
            self.lease.limit(now if orderly else now + GRACE, now + LEASE)

    def _compare(self, user_id: str, place: str) -> None:
        if user_id != self._user_id:
            raise DatabaseRefusedError(
                f"database {place} belongs to {user_id}, matrix.user_id is {self._user_id}; use another database"
            )

    async def keep(self, database: Database) -> None:
        """
        Renew the lease until cancelled; the database says itself what ails it.

        Raises:
            OwnershipLostError: another bot has taken over.
        """
        if database.backend == "SQLite":
            return
        loop = asyncio.get_running_loop()
        while True:
            asked = loop.time()
            try:
                async with asyncio.timeout(LEASE), database.begin() as connection:
                    await connection.execute(select(ownership.c.id))
                self.lease.renew(asked + LEASE)
            except (StorageError, TimeoutError):
                if self._lost:
                    raise OwnershipLostError(f"database {database.place} was taken over by another bot") from None
            await asyncio.sleep(_RENEWAL)

    async def release(self, database: Database) -> None:
        """
        The next owner may speak at once.

        Raises:
            StorageError: the database failed; the next owner waits.
        """
        async with database.begin() as connection:
            await connection.execute(update(ownership).where(ownership.c.holder == self._holder).values(released=True))
