"""What happened to watched servers, for as long as it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update

from botkit.storage import Connection
from botkit.storage.json_text import storable
from plugins.foci.changes import snapshot
from plugins.foci.changes.snapshot import Snapshot
from plugins.foci.discovery.homeserver import PathState
from plugins.foci.health.evaluate import OutageBegan, OutageEnded
from plugins.foci.health.events import Outage
from plugins.foci.storage.tables import changes, concerns, outages

KEPT = 400 * 86400.0
"""Seconds for which history is kept."""


@dataclass(frozen=True, slots=True)
class ListChange:
    """
    A list change that was reported, or would have been.

    Attributes:
        kind: ``changed``, ``alternates`` or ``settled``.
    """

    server: str
    at: float
    kind: str
    before: Snapshot
    after: Snapshot
    endpoint: PathState = "unknown"


class HistoryTable:
    """The tables of list changes and outages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def change(self, one: ListChange) -> None:
        """A list changed."""
        await self._connection.execute(
            changes.insert().values(
                server=one.server,
                at=one.at,
                kind=one.kind,
                endpoint=one.endpoint,
                before=snapshot.CODEC.dump(one.before),
                after=snapshot.CODEC.dump(one.after),
            )
        )

    async def turn(self, turns: Iterable[OutageBegan | OutageEnded]) -> None:
        """Outages began or ended."""
        for turn in turns:
            if isinstance(turn, OutageBegan):
                row = {"key": turn.key, "start": turn.start, "code": turn.cause.code}
                await self._connection.execute(outages.insert().values(**row, detail=storable(turn.cause.detail)))
            else:
                open_one = (outages.c.key == turn.key, outages.c.ended_at.is_(None))
                await self._connection.execute(update(outages).where(*open_one).values(ended_at=turn.end))

    async def changes(self, server: str, since: float) -> tuple[ListChange, ...]:
        """The list changes of a server, oldest first."""
        query = select(changes).where(changes.c.server == server, changes.c.at >= since)
        rows = await self._connection.execute(query.order_by(changes.c.at, changes.c.seq))
        return tuple(
            ListChange(
                row.server,
                row.at,
                row.kind,
                snapshot.CODEC.load(row.before),
                snapshot.CODEC.load(row.after),
                row.endpoint,
            )
            for row in rows
        )

    async def outages(self, server: str, since: float) -> tuple[Outage, ...]:
        """Outages of what concerned a server while they lasted, oldest first; cut off where it did not any longer."""
        query = (
            select(
                outages.c.key,
                outages.c.start,
                outages.c.ended_at,
                concerns.c.since,
                concerns.c.ended_at.label("left_at"),
            )
            .join(concerns, concerns.c.key == outages.c.key)
            .where(
                concerns.c.server == server,
                or_(outages.c.ended_at.is_(None), outages.c.ended_at >= since),
                or_(outages.c.ended_at.is_(None), outages.c.ended_at > concerns.c.since),
                or_(concerns.c.ended_at.is_(None), concerns.c.ended_at > outages.c.start),
            )
            .order_by(outages.c.start, outages.c.seq)
        )
        return tuple(
            Outage(
                row.key,
                max(row.start, row.since),
                min((at for at in (row.ended_at, row.left_at) if at is not None), default=None),
            )
            for row in await self._connection.execute(query)
        )

    async def prune(self, before: float) -> None:
        """Delete what was over before then."""
        await self._connection.execute(delete(changes).where(changes.c.at < before))
        await self._connection.execute(delete(outages).where(outages.c.ended_at < before))
        await self._connection.execute(delete(concerns).where(concerns.c.ended_at < before))
