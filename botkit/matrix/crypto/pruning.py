"""
Bounds of the crypto store. Whoever writes to the bot's device makes sessions in it, so old ones are forgotten.

The client-server API lets clients forget Olm sessions by least recent use and asks for at least four of a device
("m.olm.v1.curve25519-aes-sha2"). A device whose session is gone opens a new one. With Megolm a device writes under the
newest of its sessions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many sessions are kept: of one device, of one device in one room, of one room, in all."""

    per_device: int
    per_place: int
    per_room: int
    in_all: int


OLM = Bounds(8, 8, 5000, 5000)
MEGOLM = Bounds(2000, 50, 2000, 10_000)


@dataclass(frozen=True, slots=True)
class Held:
    """A session in the store; the room of an Olm session is empty."""

    session_id: str
    device: str
    room_id: str = ""


def surplus(newest_first: Iterable[Held], bounds: Bounds) -> frozenset[Held]:
    """
    The sessions to forget. Devices lose their oldest first, and those with most of them before others: so the newest of
    each, the one in use, goes only where there are more devices than sessions kept.
    """
    devices: Counter[str] = Counter()
    places: Counter[tuple[str, str]] = Counter()
    ranked = []
    gone = set()
    for one in newest_first:
        if devices[one.device] >= bounds.per_device or places[one.device, one.room_id] >= bounds.per_place:
            gone.add(one)
            continue
        ranked.append((devices[one.device], one))
        devices[one.device] += 1
        places[one.device, one.room_id] += 1
    rooms: Counter[str] = Counter()
    kept = 0
    for _, one in sorted(ranked, key=lambda ranking: ranking[0]):
        if rooms[one.room_id] >= bounds.per_room or kept >= bounds.in_all:
            gone.add(one)
        else:
            rooms[one.room_id] += 1
            kept += 1
    return frozenset(gone)


class Pruner:
    """Forgets sessions of nio's machine, in memory and in its store."""

    def __init__(self, olm: Any, olm_bounds: Bounds = OLM, megolm_bounds: Bounds = MEGOLM) -> None:
        self._olm = olm
        self._database = olm.store.database
        self._olm_bounds = olm_bounds
        self._megolm_bounds = megolm_bounds

    def recall(self) -> None:
        """Nio loads sessions without their last use, and would go on with the newest instead of the one in use."""
        rows = self._database.execute_sql("SELECT session_id, last_usage_date FROM olmsessions").fetchall()
        used = {session_id: datetime.fromisoformat(at) for session_id, at in rows}
        for sessions in self._olm.session_store.values():
            for session in sessions:
                session.use_time = used.get(session.id, session.use_time)
            sessions.sort(key=lambda session: session.use_time, reverse=True)

    def prune(self) -> None:
        """Forget what is over the bounds."""
        self._prune_olm()
        self._prune_megolm()

    def _prune_olm(self) -> None:
        entries = self._olm.session_store._entries
        used = [(session.use_time, session.id, device) for device, known in entries.items() for session in known]
        used.sort(key=lambda one: one[0], reverse=True)
        surplus_ones = surplus((Held(session_id, device) for _, session_id, device in used), self._olm_bounds)
        gone = {one.session_id for one in surplus_ones}
        self._delete("olmsessions", gone)
        for device, known in list(entries.items()):
            known[:] = [session for session in known if session.id not in gone]
            if not known:
                del entries[device]

    def _prune_megolm(self) -> None:
        # rows are never replaced, so they stay in the order in which the sessions came
        rows = self._database.execute_sql("SELECT session_id, rowid FROM megolminboundsessions").fetchall()
        came = dict(rows)
        rooms = self._olm.inbound_group_store._entries
        # a session has one row, but any device that has it can send it anew, as its own and for any room
        held = [
            Held(session_id, device, room_id)
            for room_id, devices in rooms.items()
            for device, known in devices.items()
            for session_id in known
        ]
        held.sort(key=lambda one: came.get(one.session_id, 0))
        gone = surplus(reversed(held), self._megolm_bounds)
        for one in gone:
            del rooms[one.room_id][one.device][one.session_id]
        left = [one for one in held if one not in gone]
        self._delete("megolminboundsessions", came.keys() - {one.session_id for one in left})
        self._reassign({one.session_id: one for one in left})
        for room_id, devices in list(rooms.items()):
            for device in [device for device, known in devices.items() if not known]:
                del devices[device]
            if not devices:
                del rooms[room_id]

    def _reassign(self, left: Mapping[str, Held]) -> None:
        """The row of a session whose copy under the row's own device or room is gone is that of another copy."""
        query = "SELECT session_id, sender_key, room_id FROM megolminboundsessions"
        rooms = self._olm.inbound_group_store._entries
        changes = [
            (one.device, one.room_id, session_id)
            for session_id, device, room_id in self._database.execute_sql(query).fetchall()
            if session_id not in rooms.get(room_id, {}).get(device, {}) and (one := left.get(session_id)) is not None
        ]
        statement = "UPDATE megolminboundsessions SET sender_key = ?, room_id = ? WHERE session_id = ?"
        with self._database.atomic():
            self._database.connection().executemany(statement, changes)

    def _delete(self, table: str, session_ids: Iterable[str]) -> None:
        statement = f"DELETE FROM {table} WHERE session_id = ?"  # noqa: S608 - one of two names above
        with self._database.atomic():
            self._database.connection().executemany(statement, [(session_id,) for session_id in session_ids])
