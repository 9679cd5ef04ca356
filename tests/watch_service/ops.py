"""a watch service on a real database with the real post box, on a simulated clock; and what rooms read of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from botkit.matrix.send.notifier import OutboxNotifier
from botkit.storage import Database
from botkit.storage.json_text import from_json
from botkit.storage.tables import outbox
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import WatchSettings
from plugins.foci.plugin import FociPlugin
from plugins.foci.watch.service import WatchService
from tests.watch_service.internet import Internet

NOON = 1_795_435_200.0
"""2026-11-23, 12:00 UTC."""

INTERVAL = 300.0
ADMIN = "@ops:example.org"


@dataclass(frozen=True)
class Read:
    """One notification as it stands in the outbox."""

    room: str
    placement: str
    text: str
    about: str
    msgtype: str
    mentions: tuple[str, ...]
    txn_id: str

    @property
    def line(self) -> str:
        """Room, placement and the first line."""
        return f"{self.room} {self.placement}: {self.text.splitlines()[0]}"


class Ops:
    """
    Some servers, who watches them, and the time.

    Attributes:
        at: seconds since the epoch.
        woken: how often the mail was told that there may be notifications.
    """

    def __init__(self, database: Database, internet: Internet, settings: WatchSettings | None = None) -> None:
        self.database = database
        self.internet = internet
        self.settings = settings or WatchSettings()
        self.at = NOON
        self.woken = 0
        self._read = 0
        self.watch_service = self.restarted()

    def restarted(self) -> WatchService:
        """The watch service of a new process on the same database, after a crash: what was not written is lost."""
        self.watch_service = WatchService(
            self.database, OutboxNotifier("foci", lambda: int(self.at * 1000), self._wake), self.settings
        )
        return self.watch_service

    async def reopened(self) -> WatchService:
        """The same after an orderly end."""
        await self.watch_service.flush()
        return self.restarted()

    def _wake(self) -> None:
        self.woken += 1

    async def watch(self, rooms: Mapping[str, Iterable[str]], interval: float | None = None) -> None:
        """Each room watches its servers."""
        for room, servers in rooms.items():
            for server in servers:
                await self.watch_service.watch(room, server, interval, ADMIN, self.at)

    async def check(self, server: str, **facts: Any) -> list[str]:
        """One check now, and the confirmation that it asks for; what rooms read of it."""
        dues = await self.watch_service.take(self.internet.check(server, self.at, **facts), self.at)
        confirmations = [due.at for due in dues if due.confirm]
        if confirmations:
            self.at = confirmations[0]
            await self.watch_service.take(self.internet.confirmation(server, self.at), self.at)
        return await self.lines()

    async def checks(self, server: str, times: int, after: float = 100.0, **facts: Any) -> list[str]:
        """Several checks in a row, with time passing before each."""
        for _ in range(times):
            self.at += after
            await self.watch_service.take(self.internet.check(server, self.at, **facts), self.at)
        return await self.lines()

    async def silence(self, room: str, target: str, seconds: float) -> None:
        """Silence something from now on."""
        await self.watch_service.silence(Silence(room, target, self.at + seconds, ADMIN, "maintenance"), self.at)

    async def lapse(self, seconds: float = 0.0) -> None:
        """Time passes, and what is due by time alone is done."""
        self.at += seconds
        await self.watch_service.lift(
            [one for one in await self.watch_service.silences() if one.until <= self.at], self.at
        )
        await self.watch_service.remind(self.at)
        await self.watch_service.forget(self.at)

    async def read(self) -> list[Read]:
        """Notifications since they were read last."""
        async with self.database.begin() as connection:
            query = select(outbox).where(outbox.c.id > self._read).order_by(outbox.c.id)
            rows = (await connection.execute(query)).all()
        self._read = max((row.id for row in rows), default=self._read)
        return [_read(row) for row in rows]

    async def lines(self) -> list[str]:
        """First lines of the notifications since they were read last, evidence left out."""
        return [one.line for one in await self.read() if one.placement != "thread"]


def _read(row: Any) -> Read:
    content = from_json(row.content)
    mentions = tuple(content.get("m.mentions", {}).get("user_ids", ()))
    return Read(row.room_id, row.placement, content["body"], row.about, content["msgtype"], mentions, row.txn_id)


async def opened(url: str) -> Database:
    """The database with the host's tables and the plugin's."""
    database = Database(url)
    await database.open()
    assert FociPlugin.migrations is not None
    await database.migrate("foci", FociPlugin.migrations)
    return database
