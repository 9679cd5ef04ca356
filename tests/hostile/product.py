"""The product without a homeserver: router, plugin, database and real requests; only rooms are stand-ins."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select

from botkit.commands.router import CommandRouter
from botkit.config import CommandsConfig, Rate
from botkit.matrix.send.notifier import OutboxNotifier
from botkit.messages.document import Document
from botkit.messages.inbound import InboundMessage
from botkit.messages.rendering import to_plain
from botkit.outbound import HomeserverReader, OutboundClient
from botkit.plugin import Account, Limits, PluginContext
from botkit.storage import Database
from botkit.storage.json_text import from_json
from botkit.storage.tables import outbox
from lab.fast_clock import HurriedClock
from lab.federation import Federation
from plugins.foci.clock import Clock
from plugins.foci.config import FociConfig
from plugins.foci.plugin import FociPlugin
from tests.foci.examination import Examination
from tests.watch_service.ops import opened

BOT = "@foci:bot.example"
UNLIMITED = Rate(100_000, 60.0)


@dataclass
class Rooms:
    """Whoever says something in a room may change what the bot does there."""

    present: dict[str, tuple[str, ...]] = field(default_factory=dict)

    async def members(self, room_id: str) -> tuple[str, ...]:
        return self.present.get(room_id, ())

    async def power_level(self, room_id: str, user_id: str) -> float:
        return 100.0

    async def entitled(self, room_id: str, user_id: str) -> bool:
        return True

    async def entitled_members(self, room_id: str) -> tuple[str, ...]:
        return ("@somebody:else.example",)

    def joined(self) -> frozenset[str]:
        return frozenset(self.present)

    def suspended(self) -> frozenset[str]:
        return frozenset()


class _Status:
    def lines(self) -> list[tuple[str, str]]:
        return []


class Product:
    """
    Types commands and reads notifications.

    Attributes:
        rooms: who is in them.
        plugin: the real one.
    """

    def __init__(
        self, outbound: OutboundClient, database: Database, limits: Limits, clock: Clock, foci: dict[str, Any]
    ) -> None:
        self.rooms = Rooms()
        self._database = database
        self._numbers = itertools.count(1)
        notifier = OutboxNotifier("foci", lambda: int(time.time() * 1000), lambda: None)
        account = Account(BOT, cast(HomeserverReader, None))
        context = PluginContext(outbound, account, self.rooms, _Status(), limits, database, notifier)
        self.plugin = FociPlugin(context, FociConfig.model_validate(foci), clock)
        # who may command how often is another matter
        access = CommandsConfig(per_user=UNLIMITED, per_room=UNLIMITED)
        self._router = CommandRouter(
            self.plugin.commands(),
            prefix="!",
            access=access,
            admins=(),
            own_user_id=BOT,
            clock=time.monotonic,
            entitled=self.rooms.entitled,
        )

    async def types(self, line: str, sender: str = "@mallory:mallory.example", room: str = "!evil") -> str:
        """What the bot replies, as text."""
        message = InboundMessage(f"${next(self._numbers)}", room, sender, line, None, (), None, None, None, 0, True)
        return "\n".join(to_plain(reply) for reply in await self._router(message) if isinstance(reply, Document))

    async def notified(self, room: str) -> list[str]:
        """The notifications for a room."""
        async with self._database.begin() as connection:
            query = select(outbox).where(outbox.c.room_id == room).order_by(outbox.c.id)
            rows = (await connection.execute(query)).all()
        return [str(from_json(row.content)["body"]) for row in rows]

    def checks(self) -> int:
        """Checks of watched servers until now."""
        return sum(self.plugin._watcher.scheduler.status().checks.values())

    def verdicts(self) -> list[str]:
        """The verdicts that there were."""
        return [verdict for verdict, count in self.plugin._watcher.scheduler.status().checks.items() if count]


@asynccontextmanager
async def product(
    examination: Examination,
    directory: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    speed: float = 1.0,
    **foci: Any,
) -> AsyncIterator[Product]:
    """
    The product in the federation as it is now.

    Args:
        speed: how many times faster watches go by.
        foci: the plugin's configuration.
    """
    database = await opened(f"sqlite:///{directory / 'foci.db'}")
    async with OutboundClient(examination.outbound(limits)) as outbound:
        made = Product(outbound, database, limits, HurriedClock(speed), foci)
        await made.plugin.start()
        try:
            yield made
        finally:
            await made.plugin.stop()
            await database.close()


class Tally:
    """Counts what reaches some hosts of a federation; ``seconds`` since it was made."""

    def __init__(self, federation: Federation, hosts: Iterable[str] | None = None) -> None:
        sites = federation.sites
        self._sites = list(sites.values()) if hosts is None else [sites[f"{host}:443"] for host in hosts]
        self._before = [len(site.requests) for site in self._sites]
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    @property
    def seconds(self) -> float:
        return self._loop.time() - self._began

    @property
    def requests(self) -> int:
        return sum(len(site.requests) for site in self._sites) - sum(self._before)
