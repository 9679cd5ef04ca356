"""What a check costs does not grow with what is watched elsewhere: operations counted, not seconds."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import event, insert

import plugins.foci
from bench.replay import storage
from botkit.outbound.model import FailureKind
from botkit.storage import Database
from plugins.foci.alerts.incident import CODEC, Incident
from plugins.foci.alerts.watches import Vouchers, WatchSettings
from plugins.foci.changes import snapshot
from plugins.foci.changes.snapshot import NOTHING
from plugins.foci.health import state as health
from plugins.foci.health.keys import Key
from plugins.foci.health.state import AlertState
from plugins.foci.storage.tables import concerns, heard, incidents, servers, silences, states, suppressed, watches
from tests.watch_service.internet import Internet
from tests.watch_service.ops import ADMIN, NOON, Ops

REFUSED = FailureKind.CONNECT_REFUSED
OWN = Path(plugins.foci.__file__).parent
CANARIES = ("c0.org", "c1.org", "c2.org")


@dataclass
class Work:
    """
    What was done.

    Attributes:
        statements: sent to the database.
        steps: of the database's virtual machine, at least one for each row that is looked at.
        operations: of the plugin's code in Python, at least one for each turn of a loop.
    """

    statements: int = 0
    steps: int = 0
    operations: int = 0


class Meter:
    """Counts on one database; its threadless kind, so that everything happens where it is counted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._work: Work | None = None
        assert database._engine is not None
        engine = database._engine.sync_engine
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "checkout", self._connected)

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[Work]:
        self._work = work = Work()

        def trace(frame: FrameType, what: str, _: Any) -> Any:
            if what == "call":
                if not frame.f_code.co_filename.startswith(str(OWN)):
                    return None
                frame.f_trace_opcodes, frame.f_trace_lines = True, False
            elif what == "opcode":
                work.operations += 1
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            yield work
        finally:
            sys.settrace(before)
            self._work = None

    def _statement(self, *_: Any) -> None:
        if self._work is not None:
            self._work.statements += 1

    def _connected(self, connection: Any, *_: Any) -> None:
        connection.driver_connection._conn.set_progress_handler(self._step, 1)

    def _step(self) -> int:
        if self._work is not None:
            self._work.steps += 1
        return 0


def key(text: str) -> Key:
    return Key.parse(text)


async def crowded(path: Path, count: int) -> Ops:
    """Four servers in a room, three canaries, and so many others elsewhere: with incidents, silences, all there is."""
    database = await storage.opened(f"sqlite:///{path / f'{count}.db'}")
    settings = WatchSettings(vouchers=Vouchers(frozenset(CANARIES)))
    names = [f"s{number}.org" for number in range(4)]
    internet = Internet(
        {name: ["shared", f"own{place}"] for place, name in enumerate(names)} | {c: [] for c in CANARIES}
    )
    ops = Ops(database, internet, settings)
    well, down = health.CODEC.dump(AlertState(last_good=NOON)), f"own{count}.example.net"
    elsewhere = [f"x{number}.net" for number in range(count)]
    owns = [(name, key(f"focus:https://own-{name}:443/jwt")) for name in elsewhere]
    rows: dict[Any, list[dict[str, Any]]] = {
        watches: [
            {"room_id": f"!r{place % 50}", "server": name, "source": "room", "deep": False, "ignored": "[]"}
            | {"author": f"@a:d{place % 50}.net", "created_at": NOON - place, "weighed": True}
            for place, name in enumerate(elsewhere)
        ]
        + [
            {"room_id": "!ops", "server": name, "source": "room", "deep": False, "ignored": "[]"}
            | {"author": ADMIN, "created_at": NOON, "weighed": True}
            for name in names
        ],
        servers: [
            {"server": name, "watched_since": NOON, "due_at": NOON + 300} for name in (*elsewhere, *names, *CANARIES)
        ],
        heard: [{"server": name, "silent_since": NOON - 99 if name[1] == "1" else None} for name in elsewhere],
        concerns: [
            {"server": name, "key": one, "origin": "own", "since": NOON}
            for name, focus in owns
            for one in (key(f"discovery:{name}"), focus)
        ],
        states: [{"key": one, "state": well} for name, focus in owns for one in (key(f"discovery:{name}"), focus)],
        incidents: [
            {"subject": f"focus:own-{name}", "name": f"{down}@{place}", "state": CODEC.dump(Incident(down, NOON, {}))}
            for place, name in enumerate(elsewhere[::4])
        ],
        silences: [
            {"room_id": f"!r{place}", "target": name, "until": NOON + 9e6, "author": "@a:b.net", "reason": ""}
            for place, name in enumerate(elsewhere[::4])
        ],
        suppressed: [
            {"room_id": f"!r{place}", "server": name, "snapshot": snapshot.CODEC.dump(NOTHING), "at": NOON}
            for place, name in enumerate(elsewhere[::4])
        ],
    }
    async with database.begin() as connection:
        for table, some in rows.items():
            await connection.execute(insert(table), some)
    # what was read at the start leaves the window
    for name in (*names, *CANARIES) * 2:
        await ops.checks(name, 1, 100.0)
    return ops


def fall(ops: Ops) -> None:
    ops.internet.broken["own0"] = REFUSED


def rise(ops: Ops) -> None:
    ops.internet.broken.clear()


def rearrange(ops: Ops) -> None:
    ops.internet.servers["s0.org"].foci = ["own0", "shared"]


def withdraw(ops: Ops) -> None:
    ops.internet.servers["s0.org"].foci = ["shared"]


def vanish(ops: Ops) -> None:
    for name in ("s0.org", *CANARIES):
        ops.internet.servers[name].answer = REFUSED


def come_back(ops: Ops) -> None:
    for name in ("s0.org", *CANARIES):
        ops.internet.servers[name].answer = 200


COURSE: tuple[tuple[str, Callable[[Ops], None], tuple[str, ...]], ...] = (
    ("all is well", rise, ("s0.org",) * 4),
    ("a focus is down and told", fall, ("s0.org",) * 4),
    ("and well again", rise, ("s0.org",) * 3),
    ("another order", rearrange, ("s0.org",) * 2),
    ("an entry is gone", withdraw, ("s0.org",) * 3),
    ("everything is silent", vanish, (*CANARIES, "s0.org") * 2),
    ("and answers again", come_back, (*CANARIES, "s0.org") * 2),
)
"""What happens, and whose checks it takes."""

TOLD_EVERYWHERE = ("everything is silent", "and answers again")
"""Every room is told, so the database looks for all of them, once."""


async def cost(path: Path, count: int) -> dict[str, Work]:
    """What each part of the course costs with so many others; and it does what its name says."""
    ops = await crowded(path, count)
    meter, found, told = Meter(ops.database), {}, []
    for name, happens, checks in COURSE:
        happens(ops)
        async with meter.counting() as work:
            for server in checks:
                dues = await ops.watch_service.take(ops.internet.check(server, ops.at), ops.at)
                ops.at += 20 if any(due.confirm for due in dues) else 100
                if any(due.confirm for due in dues):
                    await ops.watch_service.take(ops.internet.confirmation(server, ops.at), ops.at)
        found[name] = work
        told += [f"{name}: {line.split(': ')[1][:1]}" for line in await ops.lines() if line.startswith("!ops new")]
    assert told == [
        "a focus is down and told: ❌",
        "another order: ⚠",
        "an entry is gone: ⚠",
        "everything is silent: ❔",
    ]
    await ops.database.close()
    return found


async def test_a_check_costs_the_same_among_sixteen_times_as_many(tmp_path: Path) -> None:
    """Statements to the number; steps and operations but for what a hash or a tree may take more of."""
    few, many = await cost(tmp_path, 1_000), await cost(tmp_path, 16_000)
    for name, work in few.items():
        assert work.operations > 100, name
        assert many[name].statements == work.statements, name
        assert many[name].operations <= 1.05 * work.operations, (name, work, many[name])
        if name not in TOLD_EVERYWHERE:
            assert many[name].steps <= 1.05 * work.steps, (name, work, many[name])
    assert few["all is well"].statements == 0
    assert all(work.statements for name, work in few.items() if name != "all is well")
