"""Alert states by key, the servers that each key concerns, and the state of the self-check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from sys import intern
from typing import Any

from sqlalchemy import delete, exists, select, update

from botkit.storage import Connection
from botkit.storage.statements import portions, upsert
from plugins.foci.health import certificates, self_check
from plugins.foci.health import state as health
from plugins.foci.health.certificates import CertificateState
from plugins.foci.health.evaluate import KeyState
from plugins.foci.health.keys import Key, KeyKind
from plugins.foci.health.self_check import SelfCheck, Suspicion
from plugins.foci.health.tracked import Origin
from plugins.foci.storage.tables import concerns, heard, notes, outages, states, watches

_SUSPICION = "suspicion"


class StateTable:
    """The tables of keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def load(self, keys: Collection[Key]) -> dict[Key, KeyState]:
        """The states of these keys, of those that have one."""
        found: dict[Key, KeyState] = {}
        for some in portions(keys):
            rows = await self._connection.execute(select(states).where(states.c.key.in_(some)))
            found |= {row.key: _state_of(row.key, row.state) for row in rows}
        return found

    async def save(self, changed: Mapping[Key, KeyState]) -> None:
        """Write states."""
        rows = [{"key": key, "state": _text_of(state)} for key, state in sorted(changed.items())]
        await upsert(self._connection, states, rows)

    async def orphans(self, keys: Collection[Key] | None = None) -> dict[Key, KeyState]:
        """The states of keys, of these or of all, that concern no watched server any longer."""
        current = exists().where(concerns.c.key == states.c.key, concerns.c.ended_at.is_(None))
        query = select(states).where(~current).order_by(states.c.key)
        queries = [query] if keys is None else [query.where(states.c.key.in_(some)) for some in portions(keys)]
        rows = [row for one in queries for row in await self._connection.execute(one)]
        return {row.key: _state_of(row.key, row.state) for row in rows}

    async def remove(self, keys: Iterable[Key]) -> None:
        """Forget states."""
        for key in keys:
            await self._connection.execute(delete(states).where(states.c.key == key))

    async def concerning(self, server: str) -> dict[Key, Origin]:
        """The keys that concern a server now."""
        query = select(concerns.c.key, concerns.c.origin).where(
            concerns.c.server == server, concerns.c.ended_at.is_(None)
        )
        rows = await self._connection.execute(query.order_by(concerns.c.key))
        return {row.key: Origin(row.origin) for row in rows}

    async def concerning_room(self, room_id: str) -> tuple[tuple[str, Key], ...]:
        """The servers that a room watches, each with every key that concerns it now."""
        query = (
            select(concerns.c.server, concerns.c.key)
            .distinct()
            .join(watches, watches.c.server == concerns.c.server)
            .where(watches.c.room_id == room_id, concerns.c.ended_at.is_(None))
        )
        return tuple((row.server, row.key) for row in await self._connection.execute(query))

    async def begin(self, server: str, came: Mapping[Key, Origin], known: Collection[Key], now: float) -> None:
        """
        Associate keys with a server, or change the reason; each association is a row of its own.

        Args:
            known: those that are associated with it already.
        """
        new: list[dict[str, Any]] = []
        for name, origin in sorted(came.items()):
            if name in known:
                open_one = {"server": server, "key": name, "ended_at": None}
                await self._connection.execute(update(concerns).filter_by(**open_one).values(origin=origin))
            else:
                new.append({"server": server, "key": name, "since": now, "origin": origin, "ended_at": None})
        await upsert(self._connection, concerns, new)

    async def end(self, server: str, keys: Collection[Key], now: float) -> None:
        """End the association of keys with a server; rows of keys that ever had an outage stay, for the history."""
        for some in portions(keys):
            these = (concerns.c.server == server, concerns.c.key.in_(some), concerns.c.ended_at.is_(None))
            was_out = select(outages.c.key).where(outages.c.key.in_(some))
            await self._connection.execute(delete(concerns).where(*these, concerns.c.key.not_in(was_out)))
            await self._connection.execute(update(concerns).where(*these).values(ended_at=now))

    async def end_all(self, server: str, now: float) -> None:
        """Nothing concerns a server any longer: it is not watched."""
        open_ones = (concerns.c.server == server, concerns.c.ended_at.is_(None))
        await self._connection.execute(update(concerns).where(*open_ones).values(ended_at=now))
        await self._connection.execute(delete(heard).where(heard.c.server == server))

    async def self_check(self, now: float) -> SelfCheck:
        """What the bot thinks of its own network. This reads a row of every server that ever answered."""
        rows = await self._connection.execute(select(heard))
        text = await self.noted(_SUSPICION)
        suspicion = Suspicion() if text is None else self_check.CODEC.load(text)
        return SelfCheck({intern(row.server): row.silent_since for row in rows}, suspicion, now)

    async def save_silence(self, server: str, since: float | None) -> None:
        """A server answered for the first time, or began or ended to be silent."""
        await upsert(self._connection, heard, [{"server": server, "silent_since": since}])

    async def save_suspicion(self, suspicion: Suspicion) -> None:
        """What the bot thinks of itself is different now."""
        await self.note(_SUSPICION, self_check.CODEC.dump(suspicion))

    async def noted(self, name: str) -> str | None:
        """A note of the bot's own."""
        value: str | None = await self._connection.scalar(select(notes.c.value).where(notes.c.name == name))
        return value

    async def note(self, name: str, value: str) -> None:
        """Write a note."""
        await upsert(self._connection, notes, [{"name": name, "value": value}])


def _state_of(key: Key, text: str) -> KeyState:
    return certificates.CODEC.load(text) if key.kind is KeyKind.CERTIFICATE else health.CODEC.load(text)


def _text_of(state: KeyState) -> str:
    if isinstance(state, CertificateState):
        return certificates.CODEC.dump(state)
    return health.CODEC.dump(state)
