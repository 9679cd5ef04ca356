"""
A database that version 0.1 left behind goes on working: what it holds is read, told and ended as by the code of then.

``tests/data/installation-0.1.sql`` was written by the real classes of commit 4792c69, the last one before the packages
were made: six days of watching ``as_it_was()``, its notifications sent but for the last ones, with silences,
suspensions, an upgrade and people's reactions in between. ``installation-0.1.json`` is what the functions of
``QUESTIONS`` answered on a copy of it, with that code too; but rooms are told no more how often and since when others
watch a server, and a reminder has the time of the last failed check. Both are frozen. Words may change, so of sentences
only the facts are compared: signs, names, times and durations.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from botkit.messages.document import Document
from botkit.messages.notification import Placement
from botkit.messages.rendering import to_plain
from botkit.outbound.model import FailureKind
from botkit.plugin import Invocation
from botkit.storage import Database
from botkit.storage.hook_queue import HookQueue
from botkit.storage.inbox import Inbox, UserDevice
from botkit.storage.outbox import Outbox, Stamp
from botkit.storage.rooms import RoomNotes, RoomStore, UpgradeState
from plugins.foci.alerts.watches import Watch
from plugins.foci.commands.watch import WatchCommands
from plugins.foci.watch.scheduler import ScheduleStatus
from plugins.foci.watch.watcher import figures
from tests.watch_service.internet import DAY, Internet, Server
from tests.watch_service.ops import ADMIN, NOON, Ops, Read, opened
from tests.watch_service.test_watch_commands import Membership

DATA = Path(__file__).parents[1] / "data"
HOUR = 3600.0
END = NOON + 6 * DAY
"""When the bot of version 0.1 was stopped."""

OPS, SECOND, REFUSING, OLD, NEW = "!ops:x.org", "!second:x.org", "!refusing:x.org", "!old:x.org", "!new:x.org"
ROOMS = (OPS, SECOND, REFUSING, OLD, NEW)
OWN = "x.org"
"""The server of the bot's account."""

CONFIGURED = (
    Watch(SECOND, "shared.org", "config", 120.0, ignore=frozenset({"cors-missing-on-service", "slow"})),
    Watch(SECOND, "deep.org", "config", 600.0, deep=True),
    Watch(OLD, "own-room.org", "config"),
)
REFUSED, RESOLVER_FAILED = FailureKind.CONNECT_REFUSED, FailureKind.DNS_SERVFAIL


def as_it_was() -> Internet:
    """What the servers published when the bot was stopped, and which services failed."""
    internet = Internet(
        {
            "shared.org": ["shared", "spare"],
            "also-shared.org": ["shared"],
            "resolving.org": ["resolving"],
            "flapping.org": ["flapping"],
            "ending.org": ["ending"],
            "pending.org": ["pending"],
            "unclear.org": ["unclear"],
            "unread.org": ["unread"],
            "deep.org": ["deep"],
            "waiting.org": ["two", "rtc"],
            "unconfirmed.org": ["two", "rtc"],
            "alternating.org": ["rtc"],
            "silent.org": ["two", "silent"],
            "own-room.org": ["shared"],
            OWN: ["rtc"],
        }
    )
    internet.servers[OWN] = Server(["rtc"], endpoint="present", listed=["two"])
    internet.servers["unread.org"].answer = 503
    internet.broken = dict.fromkeys(("shared", "resolving", "flapping", "pending", "silent"), REFUSED)
    internet.broken["unclear"] = RESOLVER_FAILED
    internet.ends = {"ending": END + 6.5 * DAY, "silent": END + 90 * DAY}
    internet.refusing = {"deep"}
    return internet


def facts(told: str) -> list[str]:
    """What a text says, in whichever words: signs, URLs, user and room ids, hosts, dates, times, durations."""
    found = re.findall(
        r"[❌✅⚠❔▫ℹ]|https?://[^\s,;]+|[@!][\w.-]+:[\w.:-]+|(?:[\w-]+\.)+[a-z]{2,}(?::\d+)?"
        r"|\d{4}-\d\d-\d\d|\d\d:\d\d UTC|\b\d+ (?:s|min|h|d|days?)\b",
        told,
    )
    return sorted({one.rstrip(".:") for one in found})


async def says(ops: Ops, room_id: str, line: str) -> list[list[str]]:
    """The facts in each line of the answer to a subcommand."""
    commands = WatchCommands(ops.watch_service, Membership(), "@foci:" + OWN, lambda: None, lambda: ops.at)
    word, *args = line.split()
    handler = {one.name: one.handler for one in commands.subcommands()}[word]
    replies = await handler(Invocation("$event", room_id, ADMIN, tuple(args), None, lambda _: None))
    lines = "\n".join(to_plain(reply) for reply in replies if isinstance(reply, Document)).splitlines()
    return [found for found in map(facts, lines) if found]


def notifications(told: Sequence[Read]) -> list[Any]:
    """What was told, evidence by its place alone."""
    return [
        [one.room, one.placement, one.about, one.msgtype, [] if one.placement == "thread" else facts(one.line)]
        for one in told
    ]


async def rows(database: Database, query: str) -> list[list[Any]]:
    """The rows of a query."""
    async with database.begin() as connection:
        return [list(row) for row in await connection.execute(text(query))]


async def gone_on(database: Database) -> Ops:
    """The watch service as the new process has it, notifications of the old one read."""
    ops = Ops(database, as_it_was())
    ops.at = END
    await ops.read()
    await ops.watch_service.configure(CONFIGURED, ops.at)
    return ops


async def what_is_known(database: Database) -> dict[str, Any]:
    """What people and monitoring are told when they ask: watches, silences, history, open incidents, figures."""
    ops = await gone_on(database)
    known = {f"{room} watches": await says(ops, room, "watches") for room in ROOMS}
    known |= {f"{room} silence": await says(ops, room, "silence") for room in ROOMS}
    known |= {f"history {name}": await says(ops, OPS, f"history {name} 30d") for name in ops.internet.servers}
    silences = [
        [one.room_id, one.target, one.until, one.author, one.reason] for one in await ops.watch_service.silences()
    ]
    due = [
        [one.server, one.at, one.interval, one.deep, sorted(one.ignore), one.confirm, one.afresh]
        for one in await ops.watch_service.schedule()
    ]
    tally = await ops.watch_service.tally(ops.at)
    shown = figures(ScheduleStatus(0, 0.0, {}, 0, 0), tally, {"shared.org"}, {})
    # what a process counted is not in its database
    values = {one.name: dict(one.values) for one in shown if one.name != "foci_alerts_total"}
    return {
        **known,
        "silences": silences,
        "due": due,
        "next reminder": await ops.watch_service.next_reminder(),
        "last check": tally.last_check,
        "figures": values,
        "incidents": await rows(database, "SELECT subject, name, next_at FROM foci_incidents ORDER BY subject"),
        "told by starting": notifications(await ops.read()),
    }


async def what_waits(database: Database) -> dict[str, Any]:
    """What the host goes on with: messages to send and to answer, hooks to call, rooms."""

    def now() -> int:
        return int(END * 1000)

    outbox, inbox, calls = Outbox(database, now), Inbox(database, now), HookQueue(database, now)
    room_store, notes = RoomStore(database, ("foci",), now), RoomNotes(database)
    hooks = {f"{plugin} {room}": await calls.next(plugin, room) for plugin, room in await calls.waiting()}
    upgrades = [asdict(one) for state in UpgradeState for one in await room_store.upgrades(state)]
    locked = [asdict(one) for one in await inbox.locked()]
    sending = [await outbox.next(room) for room in await outbox.rooms_waiting()]
    answering = [await inbox.start(room) for room in await inbox.rooms_waiting()]
    found = {
        "since": await inbox.since(UserDevice("@foci:x.org", "DEVICE")),
        "undelivered": await outbox.undelivered(),
        # 0.1 did not read when it was queued
        "sending": [
            {name: fact for name, fact in asdict(one).items() if name != "queued_at"}
            for one in sending
            if one is not None
        ],
        "answering": [asdict(one) for one in answering if one is not None],
        "locked": locked,
        "hooks": {place: asdict(call) for place, call in hooks.items() if call is not None},
        "taken": await calls.taken("$ack-shared"),
        "encrypted": sorted(await notes.encrypted()),
        "known": sorted(await notes.known()),
        "suspended": sorted(await room_store.suspended()),
        "hint due": await notes.hint_due(OPS, "session"),
        "upgrades": upgrades,
    }
    return json.loads(json.dumps(found))


async def what_is_told_afresh(database: Database) -> dict[str, Any]:
    """Every open incident as a room that never heard of it reads it."""
    ops = await gone_on(database)
    told = {}
    for room in (OPS, SECOND, NEW):
        await ops.watch_service.room_replaced(room, room.replace("!", "!next-"), ops.at)
        told[room] = notifications(await ops.read())
    await ops.watch_service.room_joined(REFUSING, ops.at)
    return {**told, REFUSING: notifications(await ops.read())}


async def what_happens_next(database: Database) -> dict[str, Any]:
    """Days go on: nothing is told twice, and everything that is open comes to its end in its own room."""
    ops, told = await gone_on(database), {}

    async def note(name: str) -> None:
        told[name] = notifications(await ops.read())
        ops.restarted()

    async def round_of_checks(times: int, after: float = 20.0) -> None:
        for _ in range(times):
            for name in ops.internet.servers:
                ops.at += after
                deep, own = name == "deep.org", name == OWN
                await ops.watch_service.take(ops.internet.check(name, ops.at, deep=deep, own=own), ops.at)

    ops.at += 20
    for due in await ops.watch_service.schedule():
        if due.confirm:
            await ops.watch_service.take(ops.internet.confirmation(due.server, ops.at), ops.at)
    await note("a list is confirmed")
    await round_of_checks(1)
    await note("what was pending fires")
    await round_of_checks(2)
    await note("the same again")
    await ops.lapse(13 * HOUR)
    await note("reminders")
    await ops.watch_service.withdraw(OPS, "$ack-shared", ops.at)
    await note("an acknowledgement is withdrawn")
    ops.internet.ends["ending"] = ops.at + 0.9 * DAY
    await round_of_checks(1)
    await note("a certificate is nearer to its end")
    await ops.lapse(3 * DAY)
    await note("silences end")
    ops.internet.broken.clear()
    ops.internet.refusing.clear()
    ops.internet.ends.clear()
    ops.internet.servers["unread.org"].answer = 200
    ops.internet.servers[OWN].listed = ["rtc"]
    await round_of_checks(4)
    await note("everything works again")
    await ops.lapse(HOUR)
    await round_of_checks(2)
    await note("an hour later")
    told["open"] = await rows(database, "SELECT subject, name FROM foci_incidents ORDER BY subject")
    told["outages"] = await rows(database, 'SELECT "key", start, ended_at, code FROM foci_outages ORDER BY seq')
    changes = 'SELECT server, at, kind, endpoint, "before", after FROM foci_changes ORDER BY seq'
    told["changes"] = [[*row[:4], *map(json.loads, row[4:])] for row in await rows(database, changes)]
    return told


QUESTIONS: dict[str, Callable[[Database], Awaitable[dict[str, Any]]]] = {
    "what is known": what_is_known,
    "what waits": what_waits,
    "what is told afresh": what_is_told_afresh,
    "what happens next": what_happens_next,
}


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Database]:
    """A copy of the old database, opened as the bot opens it at its start."""
    path = tmp_path / "foci.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((DATA / "installation-0.1.sql").read_text())
    connection.close()
    database = await opened(f"sqlite:///{path}")
    yield database
    await database.close()


@pytest.mark.parametrize("question", QUESTIONS)
async def test_an_old_database_is_read_as_by_the_code_that_wrote_it(installation: Database, question: str) -> None:
    """Every answer is the one of then, whatever its words."""
    expected = json.loads((DATA / "installation-0.1.json").read_text())[question]
    answer = await QUESTIONS[question](installation)
    assert answer.keys() == expected.keys()
    for name, one in answer.items():
        assert one == expected[name], name


async def test_an_incident_of_then_is_resolved_in_reply_to_the_message_of_then(installation: Database) -> None:
    """Its room reads of the end once, and under the event that the old process sent."""
    ops, outbox = await gone_on(installation), Outbox(installation, lambda: int(ops.at * 1000))
    about = "focus:resolving.example.org@1795943760.000"
    ((fired,),) = await rows(installation, f"SELECT event_id FROM letters WHERE about = '{about}' AND anchor")
    del ops.internet.broken["resolving"]
    for _ in range(2):
        assert len(await ops.checks("resolving.org", 2, 60.0)) in (0, 2)
        ops.restarted()
    sent = []
    while (queued := await outbox.next(OPS)) is not None:
        await outbox.mark_attempted(queued.id, "DEVICE")
        await outbox.mark_sent(queued.id, f"$new{queued.id}", anchor=queued.anchor is None)
        sent.append(queued)
    shared, edited, resolved = ((one.message.stamp, one.anchor) for one in sent)
    assert shared[0] is not None
    assert shared[0].about.startswith("focus:shared.example.org@")
    assert edited == (Stamp("foci", about, Placement.EDIT), fired)
    assert resolved == (Stamp("foci", about, Placement.REPLY), fired)
    line = sent[-1].message.content["body"].splitlines()[0]
    assert facts(line) == ["12:01 UTC", "2 h", "55 min", "resolving.example.org", "✅"]
    assert await rows(installation, f"SELECT * FROM foci_incidents WHERE name = '{about}'") == []
