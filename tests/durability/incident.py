"""The scripted incident: a list is reordered, a focus dies, somebody takes it up, the focus comes back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self

from lab.fault import Fault
from lab.federation import Federation, Server
from lab.focus import Focus
from tests.durability.judge import Expected, Relation
from tests.matrix.person import Person, Said

_PATIENCE = 900.0
"""Seconds; a busy machine on which each life of the bot is short makes little headway."""
_FAULTS = (Fault.REFUSED, Fault.BAD_GATEWAY)


@dataclass(frozen=True, slots=True)
class Incident:
    """A server of its own with two foci, watched for a room of its own."""

    server: Server
    focus: Focus
    backup: Focus

    @classmethod
    async def declared(cls, federation: Federation, name: str) -> Self:
        """All of it healthy."""
        focus = await federation.focus(f"https://rtc.{name}/livekit/jwt")
        backup = await federation.focus(f"https://backup.{name}/livekit/jwt")
        return cls(await federation.server(name, foci=[focus.entry, backup.entry]), focus, backup)

    @property
    def expected(self) -> Sequence[Expected]:
        """What the room must be told, each once, in this order."""
        rtc = f"rtc.{self.server.name}"
        return (
            Expected("change", Relation.NEW, ("⚠️", f"{self.server.name} changed its foci list", "moved from 2 to 1")),
            Expected("lists", Relation.THREAD, ("Before", rtc), "change"),
            Expected(
                "firing",
                Relation.NEW,
                ("❌", f"{rtc} is down"),
            ),
            Expected("evidence", Relation.THREAD, ("Check at", rtc), "firing"),
            Expected("acknowledged", Relation.EDIT, ("❌", f"{rtc} is down", "Acknowledged by"), "firing"),
            Expected("closed", Relation.EDIT, ("✅", f"{rtc} was down"), "firing"),
            Expected("resolved", Relation.REPLY, ("✅", f"{rtc} recovered"), "firing"),
        )

    async def play(
        self,
        federation: Federation,
        person: Person,
        room_id: str,
        chance: random.Random,
        enough: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """
        Everything that happens, each thing after the room was told of the one before.

        Args:
            enough: waited for before the focus comes back.

        Raises:
            TimeoutError: the room was not told.
        """
        await asyncio.sleep(chance.uniform(0, 2))
        self.server.publish([self.backup.entry, self.focus.entry])
        await person.hears(_in(room_id, "changed its foci list"), _PATIENCE)
        await federation.set_fault(self.focus, chance.choice(_FAULTS))
        fired = await person.hears(_in(room_id, "is down"), _PATIENCE)
        await asyncio.sleep(chance.uniform(0, 1))
        about = {"rel_type": "m.annotation", "event_id": fired.event_id, "key": "👀"}
        await person.say_raw(room_id, {"m.relates_to": about}, "m.reaction")
        await person.hears(_in(room_id, "Acknowledged by"), _PATIENCE)
        await asyncio.sleep(chance.uniform(0, 1))
        if enough is not None:
            await enough()
        await federation.set_fault(self.focus, None)
        await person.hears(_in(room_id, "recovered"), _PATIENCE)


def _in(room_id: str, words: str) -> Callable[[Said], bool]:
    return lambda said: said.room_id == room_id and words in said.body
