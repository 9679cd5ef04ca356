"""One bot that is killed over and over while several incidents take their course, and what the rooms make of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.authority import Authority
from lab.federation import Federation
from lab.synapse import Synapse
from tests.durability.incident import Incident
from tests.durability.judge import Verdict, judge, judge_transactions
from tests.durability.life import Life
from tests.durability.reading import history, known, outbox, undelivered
from tests.durability.weather import Weather
from tests.matrix.bot import write_config
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy

_PASSWORD = "bot-password"
_EARLY = 0.2
"""Share of lives that end while they begin."""

_LIFE = 5.0
"""Seconds that others have at most once they are awake."""

_REST = 2.5
"""Seconds in which every server is checked again, after the last message."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What became of it.

    Attributes:
        killed: how often the bot was.
        kills: by run, those between its first event and its last message.
    """

    runs: int
    verdict: Verdict
    killed: int
    kills: Sequence[int]
    troubles: Counter[str]
    seconds: float


@dataclass(slots=True)
class Shift:
    """
    Args:
        name: unique; accounts and servers are called after it.
        seed: of everything that is left to chance here.
        trouble: share of the bot's messages whose sending goes wrong.
    """

    synapse: Synapse
    directory: Path
    authority: Authority
    name: str
    runs: int
    seed: str
    trouble: float = 0.25
    _chance: random.Random = field(init=False)
    _life: Life = field(init=False)
    _mayhem: bool = False
    _awake: int = 0

    async def work(self) -> Outcome:
        """From the first start of the bot to the judgement."""
        began = time.monotonic()
        self._chance = random.Random(self.seed)
        self.directory.mkdir(parents=True)
        weather = Weather(self._chance, self.trouble, self._crash, self._wake)
        async with (
            Federation(self.directory / "federation", authority=self.authority) as federation,
            Proxy(self.synapse.base_url) as proxy,
            Person(self.synapse, f"alice-{self.name}", self.directory / "alice") as alice,
        ):
            incidents = [
                await Incident.declared(federation, f"s{number}.{self.name}.example") for number in range(self.runs)
            ]
            bot_id = (await self.synapse.register(f"bot-{self.name}", _PASSWORD)).user_id
            rooms = [await alice.create_room(bot_id, encrypted=True) for _ in incidents]
            config = self._configured(proxy, bot_id, federation, incidents, rooms)
            self._life = Life(config, self.directory / "bot.log")
            try:
                kills = await self._play(federation, alice, incidents, rooms, weather, proxy)
                verdict = await self._settle()
                for incident, room in zip(incidents, rooms, strict=True):
                    heard = await history(alice, room, bot_id)
                    verdict += judge(incident.expected, heard, outbox(self._database, room))
            finally:
                self._life.kill()
        return Outcome(
            self.runs,
            verdict + judge_transactions(weather.taken) + self._log_verdict(),
            len(self._life.killed_at),
            kills,
            weather.troubles,
            time.monotonic() - began,
        )

    @property
    def _database(self) -> Path:
        return self.directory / "bot" / "data" / "bot.db"

    def _configured(
        self, proxy: Proxy, bot_id: str, federation: Federation, incidents: Sequence[Incident], rooms: Sequence[str]
    ) -> Path:
        servers: list[dict[str, Any]] = [
            {"server": incident.server.name, "rooms": [room]} for incident, room in zip(incidents, rooms, strict=True)
        ]
        return write_config(
            self.directory / "bot",
            proxy.base_url,
            bot_id,
            matrix={"password": _PASSWORD},
            network={**federation.network(), "timeout": "10s"},
            plugins={"foci": {"watch": {"interval": "1m", "servers": servers}}},
        )

    async def _play(
        self,
        federation: Federation,
        alice: Person,
        incidents: Sequence[Incident],
        rooms: Sequence[str],
        weather: Weather,
        proxy: Proxy,
    ) -> Sequence[int]:
        """Every incident at once, with kills all the while; how many each saw."""
        self._life.start()
        names = {incident.server.name for incident in incidents}
        await until(lambda: names <= known(self._database), within=120)
        weather.over(proxy)
        reaper = asyncio.create_task(self._reap())
        try:
            return await asyncio.gather(
                *(self._one(incident, federation, alice, room) for incident, room in zip(incidents, rooms, strict=True))
            )
        finally:
            self._mayhem = False
            await reaper
            weather.fair = True

    async def _one(self, incident: Incident, federation: Federation, alice: Person, room: str) -> int:
        began = time.monotonic()
        # the judge will find what is missing
        with contextlib.suppress(TimeoutError):
            await incident.play(federation, alice, room, self._chance)
        return sum(began <= at for at in self._life.killed_at)

    async def _reap(self) -> None:
        """Kill and start again, until there is peace; the last life goes on."""
        self._mayhem = True
        while self._mayhem:
            early = self._chance.random() < _EARLY
            rest = self._chance.uniform(0, _LIFE)
            awake = self._awake
            await self._lasts(lambda: not early and self._awake == awake)  # noqa: B023 - over before the next life
            until_kill = time.monotonic() + rest
            await self._lasts(lambda: time.monotonic() < until_kill)  # noqa: B023
            if self._mayhem:
                self._life.kill()
                self._life.start()

    async def _lasts(self, waits: Callable[[], bool]) -> None:
        """As long as it lives and there is a reason to wait."""
        await until(lambda: not (self._mayhem and self._life.alive and waits()), within=60)

    def _crash(self) -> None:
        """Kill now; the reaper sees it and starts the bot again."""
        if self._mayhem and self._life.alive:
            self._life.kill()

    def _wake(self) -> None:
        """The bot reads what is new: its start is over."""
        self._awake = self._life.starts

    async def _settle(self) -> Verdict:
        """Let the bot say what it has to say, look at everything once more, and end in order."""
        if not self._life.alive:
            self._life.start()
        try:
            await until(lambda: undelivered(self._database) == 0, within=60)
        except TimeoutError:
            return Verdict(lost=1, remarks=("messages still wait after a minute of peace",))
        await asyncio.sleep(_REST)
        code = await self._life.terminate()
        return Verdict() if code == 0 else Verdict(disagreements=1, remarks=(f"SIGTERM ended in {code}",))

    def _log_verdict(self) -> Verdict:
        """A crash that nobody ordered, or an exception that nobody expected, is a flaw as well."""
        log = self._life.log()
        remarks = [f"it ended by itself with {code}" for code in self._life.exits]
        if "Traceback" in log:
            remarks.append("a traceback in the log:\n" + log[log.index("Traceback") - 300 :][:3000])
        return Verdict(disagreements=len(remarks), remarks=tuple(remarks))
