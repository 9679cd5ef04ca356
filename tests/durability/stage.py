"""A bot with everything around it: homeserver behind a proxy, federation, rooms, somebody who reads along."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.authority import Authority
from lab.federation import Federation
from lab.synapse import Synapse
from tests.durability.incident import Incident
from tests.durability.judge import Verdict, judge
from tests.durability.life import Life
from tests.durability.reading import history, known, outbox, undelivered
from tests.matrix.bot import write_config
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy

_PASSWORD = "bot-password"

_REST = 6.0
"""Seconds in which every server is checked again, after the last message."""


@dataclass(frozen=True, slots=True)
class Stage:
    """
    Attributes:
        rooms: of the incidents, in their order; encrypted, and the bot is told of each server in its room only.
        bot_id: who the bot is.
        database: the bot's.
    """

    federation: Federation
    proxy: Proxy
    alice: Person
    incidents: Sequence[Incident]
    rooms: Sequence[str]
    bot_id: str
    life: Life
    database: Path

    async def begin(self, *prefix: str) -> None:
        """Start the bot, by a command before its own if need be; until it is in every room and knows every list."""
        self.life.start(*prefix)
        names = {incident.server.name for incident in self.incidents}
        await until(lambda: all(self._inside(room) for room in self.rooms), within=180)
        await until(lambda: names <= known(self.seen(self.database)), within=120)

    def _inside(self, room_id: str) -> bool:
        room = self.alice.client.rooms.get(room_id)
        return room is not None and self.bot_id in room.users and self.bot_id not in room.invited_users

    def seen(self, path: Path) -> Path:
        """A file as the bot sees it, which may have file systems of its own."""
        return Path(f"/proc/{self.life.pid}/root{path}") if self.life.alive else path

    def undelivered(self) -> int:
        """How many messages the bot has still to send."""
        return undelivered(self.seen(self.database))

    async def settle(self) -> Verdict:
        """Let the bot say what it has to say, look at everything once more, and end in order."""
        if not self.life.alive:
            self.life.start()
        try:
            await until(lambda: self.undelivered() == 0, within=60)
        except TimeoutError:
            return Verdict(lost=1, remarks=("messages still wait after a minute of peace",))
        await asyncio.sleep(_REST)
        code = await self.life.terminate()
        return Verdict() if code == 0 else Verdict(disagreements=1, remarks=(f"SIGTERM ended in {code}",))

    async def judged(self) -> Verdict:
        """What every room was told, compared with what it should have been."""
        verdict = Verdict()
        for incident, room in zip(self.incidents, self.rooms, strict=True):
            heard = await history(self.alice, room, self.bot_id)
            verdict += judge(incident.expected, heard, outbox(self.seen(self.database), room))
        return verdict + self._log_verdict()

    def _log_verdict(self) -> Verdict:
        """A crash that nobody ordered, or an exception that nobody expected, is a flaw as well."""
        log = self.life.log()
        remarks = [f"it ended by itself with {code}" for code in self.life.exits]
        if "Traceback" in log:
            start = log.index("Traceback")
            remarks.append("a traceback in the log:\n" + log[max(0, start - 300) : start + 3000])
        return Verdict(disagreements=len(remarks), remarks=tuple(remarks))


@asynccontextmanager
async def stage(
    synapse: Synapse, directory: Path, authority: Authority, name: str, runs: int = 1, **changes: Any
) -> AsyncIterator[Stage]:
    """
    Everything but the bot's first start.

    Args:
        name: unique; accounts and servers are called after it.
        runs: how many incidents there will be.
        changes: sections of the configuration.
    """
    directory.mkdir(parents=True)
    async with (
        Federation(directory / "federation", authority=authority) as federation,
        Proxy(synapse.base_url) as proxy,
        Person(synapse, f"alice-{name}", directory / "alice") as alice,
    ):
        incidents = [await Incident.declared(federation, f"s{number}.{name}.example") for number in range(runs)]
        bot_id = (await synapse.register(f"bot-{name}", _PASSWORD)).user_id
        rooms = [await alice.create_room(bot_id, encrypted=True) for _ in incidents]
        servers = [
            {"server": incident.server.name, "rooms": [room]} for incident, room in zip(incidents, rooms, strict=True)
        ]
        settings: dict[str, Any] = {
            "network": {**federation.network(), "timeout": "10s"},
            "plugins": {"foci": {"watch": {"interval": "5m", "servers": servers}}},
            **changes,
        }
        bot = directory / "bot"
        config = write_config(bot, proxy.base_url, bot_id, matrix={"password": _PASSWORD}, **settings)
        life = Life(config, directory / "bot.log")
        try:
            yield Stage(federation, proxy, alice, incidents, rooms, bot_id, life, bot / "data" / "bot.db")
        finally:
            life.end()
