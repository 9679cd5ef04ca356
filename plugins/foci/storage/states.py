"""Alert states by key, the servers that each key concerns, and the state of the self-check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import delete, select, update

from botkit.storage import Connection
from botkit.storage.json_text import from_json, storable, to_json
from botkit.storage.statements import insert_new, portions, upsert
from plugins.foci.health import certificates
from plugins.foci.health import state as health
from plugins.foci.health.certificates import CertificateState
from plugins.foci.health.evaluate import KeyState, OwnConnection
from plugins.foci.health.keys import Key, KeyKind
from plugins.foci.health.self_check import Connectivity, HostView, SelfCheck
from plugins.foci.health.tracked import Origin
from plugins.foci.storage.tables import concerns, hosts, notes, outages, states

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

    async def orphans(self) -> dict[Key, KeyState]:
        """The states of keys that concern no watched server any longer."""
        current = select(concerns.c.key).where(concerns.c.ended_at.is_(None))
        query = select(states).where(states.c.key.not_in(current)).order_by(states.c.key)
        return {row.key: _state_of(row.key, row.state) for row in await self._connection.execute(query)}

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

    async def begin(self, server: str, came: Mapping[Key, Origin], now: float) -> None:
        """Associate keys with a server, or change the reason; each association is a row of its own."""
        for name, origin in sorted(came.items()):
            values: dict[str, Any] = {"origin": origin, "ended_at": None}
            open_one = {"server": server, "key": name, "ended_at": None}
            changed = update(concerns).filter_by(**open_one).values(origin=origin).returning(concerns.c.key)
            if (await self._connection.execute(changed)).first() is not None:
                continue
            key = {"server": server, "key": name, "since": now}
            await self._connection.execute(insert_new(self._connection, concerns).values(**key, **values))
            await self._connection.execute(update(concerns).filter_by(**key).values(**values))

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

    async def mind(self) -> OwnConnection:
        """What the bot thinks of its own connection."""
        rows = (await self._connection.execute(select(hosts))).all()
        answered = {row.host: row.answered_at for row in rows if row.answered_at is not None}
        views = {row.host: HostView(row.looked_at, row.trouble_since) for row in rows if row.looked_at is not None}
        text = await self._connection.scalar(select(notes.c.value).where(notes.c.name == _SUSPICION))
        return OwnConnection(Connectivity(answered), SelfCheck(views, **(from_json(text) if text is not None else {})))

    async def save_mind(self, before: OwnConnection, after: OwnConnection, touched: Iterable[str]) -> None:
        """Write what is different: of hosts those that were touched, and delete those that are no longer known."""
        known = _hosts_of(after)
        for some in portions({storable(host) for host in _hosts_of(before) - known}):
            await self._connection.execute(delete(hosts).where(hosts.c.host.in_(some)))
        rows: dict[str, dict[str, Any]] = {}
        for host in sorted(known.intersection(touched)):
            view = after.self_check.hosts.get(host)
            rows[storable(host)] = {
                "answered_at": after.connectivity.answered.get(host),
                "looked_at": None if view is None else view.at,
                "trouble_since": None if view is None else view.trouble_since,
            }
        await upsert(self._connection, hosts, [{"host": host, **values} for host, values in rows.items()])
        told = _conclusions(after.self_check)
        if told != _conclusions(before.self_check):
            await self.note(_SUSPICION, to_json(told))

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


def _hosts_of(mind: OwnConnection) -> frozenset[str]:
    return frozenset({*mind.self_check.hosts, *mind.connectivity.answered})


def _conclusions(self_check: SelfCheck) -> dict[str, Any]:
    return {one.name: getattr(self_check, one.name) for one in fields(self_check) if one.name != "hosts"}
