"""One bot that is ended over and over while several incidents take their course, and what the rooms make of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.authority import Authority
from lab.synapse import Synapse
from tests.durability.incident import Incident
from tests.durability.judge import Verdict, judge_transactions
from tests.durability.stage import Stage, stage
from tests.durability.weather import Weather
from tests.matrix.patience import until

_EARLY = 0.2
"""Share of lives that end while they begin."""

_ORDERLY = 0.15
"""Share of lives that end by SIGTERM instead."""

_AT_A_MESSAGE = 0.5
"""Share of the others that end just before or just after the homeserver takes one of their messages."""

_LIFE = 5.0
"""Seconds that a life has at most once the bot is awake; up to twice as long where starts take long."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What became of it.

    Attributes:
        killed: how often the bot was.
        at_a_message: how often of these just before or just after the homeserver took a message.
        kills: by run, those between its first event and its last message.
    """

    runs: int
    verdict: Verdict
    killed: int
    at_a_message: int
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
    trouble: float = 0.2
    _chance: random.Random = field(init=False)
    _stage: Stage = field(init=False)
    _weather: Weather = field(init=False)
    _mayhem: bool = False
    _awake: int = 0
    _at_a_message: int = 0

    async def work(self) -> Outcome:
        """From the first start of the bot to the judgement."""
        began = time.monotonic()
        self._chance = random.Random(self.seed)
        weather = self._weather = Weather(self._chance, self.trouble, self._crash, self._wake)
        async with stage(self.synapse, self.directory, self.authority, self.name, self.runs) as self._stage:
            await self._stage.begin()
            self._wake()
            weather.over(self._stage.proxy)
            verdict, kills = await self._play()
            weather.fair = True
            verdict += await self._stage.settle()
            verdict += await self._stage.judged()
            killed = len(self._stage.life.killed_at)
        verdict += judge_transactions(weather.taken)
        seconds = time.monotonic() - began
        return Outcome(self.runs, verdict, killed, self._at_a_message, kills, weather.troubles, seconds)

    async def _play(self) -> tuple[Verdict, Sequence[int]]:
        """Every incident at once, and no peace for the bot; how many kills each saw."""
        self._mayhem = True
        reaper = asyncio.create_task(self._reap())
        played = zip(self._stage.incidents, self._stage.rooms, strict=True)
        try:
            kills = await asyncio.gather(*(self._one(incident, room) for incident, room in played))
        finally:
            self._mayhem = False
            verdict = await reaper
        return verdict, kills

    async def _one(self, incident: Incident, room: str) -> int:
        began = time.monotonic()

        def kills() -> int:
            return sum(began <= at for at in self._stage.life.killed_at)

        # the judge will find what is missing
        with contextlib.suppress(TimeoutError):
            await incident.play(
                self._stage.federation,
                self._stage.alice,
                room,
                self._chance,
                lambda: until(lambda: kills() > 0, within=300),
            )
        return kills()

    async def _reap(self) -> Verdict:
        """End it and start it again, until there is peace; the last life goes on."""
        verdict = Verdict()
        life = self._stage.life
        while self._mayhem:
            await self._lived()
            self._weather.calm()
            if not self._mayhem:
                break
            if life.alive and self._chance.random() < _ORDERLY:
                code = await life.terminate()
                # while it is being loaded nobody has asked for signals yet
                if code not in (0, -15):
                    verdict += Verdict(disagreements=1, remarks=(f"SIGTERM ended in {code}",))
            else:
                life.kill()
            life.start()
        return verdict

    async def _lived(self) -> None:
        """One life of the bot, as long as chance lets it be."""
        early, share, born = self._chance.random() < _EARLY, self._chance.random(), time.monotonic()
        if not early and self._chance.random() < _AT_A_MESSAGE:
            self._weather.crash_at(self._chance.randint(1, 8), before=self._chance.random() < 0.5)
        await self._while_it_lives(lambda: not early and self._awake < self._stage.life.starts)
        awake = time.monotonic()
        until_end = awake + share * (_LIFE + min(_LIFE, awake - born))
        await self._while_it_lives(lambda: time.monotonic() < until_end)

    async def _while_it_lives(self, waits: Callable[[], bool]) -> None:
        await until(lambda: not (self._mayhem and self._stage.life.alive and waits()), within=300)

    def _crash(self) -> None:
        """Kill now; the reaper sees it and starts the bot again."""
        if self._mayhem and self._stage.life.alive:
            self._stage.life.kill()
            self._at_a_message += 1

    def _wake(self) -> None:
        """The bot reads what is new: its start is over."""
        self._awake = self._stage.life.starts
