"""What the log and the metrics are told of watches, silences and alerts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import pytest

from botkit.matrix.send.notifier import OutboxNotifier
from botkit.messages.document import line
from botkit.messages.notification import Notification, Placement
from botkit.outbound.model import FailureKind
from botkit.storage import Connection, Database
from plugins.foci.alerts.notifications import Purpose
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import Watch
from plugins.foci.watch.known import WatchTotals
from plugins.foci.watch.scheduler import ScheduleStatus
from plugins.foci.watch.service import WatchService
from plugins.foci.watch.watcher import figures
from tests.watch_service.internet import Internet
from tests.watch_service.ops import ADMIN, NOON, Ops

REFUSED = FailureKind.CONNECT_REFUSED


async def watched(database: Database) -> Ops:
    """A room that watches a server, seen once."""
    ops = Ops(database, Internet({"a.org": ["rtc"]}))
    await ops.watch({"!ops": ["a.org"]})
    await ops.checks("a.org", 1)
    return ops


async def test_alerts_are_logged_and_counted_by_kind(any_database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """An outage from its first message to its end, a line each; the metric agrees, and is 0 for what was not told."""
    caplog.set_level(logging.INFO, "plugins.foci")
    ops = await watched(any_database)
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 3)
    await ops.lapse(13 * 3600)
    ops.internet.broken.clear()
    await ops.checks("a.org", 2)
    told = [line for line in caplog.messages if line.startswith("alert ")]
    assert [line.split()[1] for line in told] == [
        f"kind={kind}" for kind in ("firing", "evidence", "reminder", "closed", "resolve")
    ]
    assert all(line.split()[2] == "room=!ops" and "rtc.example.org" in line for line in told)
    (counted,) = (
        one
        for one in figures(ScheduleStatus(0, 0.0, {}, 0, 0), WatchTotals(0, {}, 0, None), (), ops.watch_service.queued)
        if one.name == "foci_alerts_total"
    )
    told_once = {"firing", "evidence", "reminder", "closed", "resolve"}
    assert counted.values == {kind.value: float(kind in told_once) for kind in Purpose}


async def test_what_is_not_committed_is_neither_logged_nor_counted(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The transaction fails after it wrote the alert; the next check tells it, once."""

    class Failing(OutboxNotifier):
        async def post(self, connection: Connection, notifications: Iterable[Notification]) -> Sequence[Notification]:
            if await super().post(connection, notifications):
                raise RuntimeError("after the alert was written")
            return ()

    caplog.set_level(logging.INFO, "plugins.foci")
    ops = await watched(database)
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 2)
    ops.watch_service = WatchService(database, Failing("foci", lambda: 0, lambda: None), ops.settings)
    with pytest.raises(RuntimeError, match="after the alert"):
        await ops.checks("a.org", 1)
    assert not ops.watch_service.queued
    ops.restarted()
    assert len(await ops.checks("a.org", 1)) == 1
    assert ops.watch_service.queued["firing"] == 1
    assert [line.split()[1] for line in caplog.messages if line.startswith("alert ")] == [
        "kind=firing",
        "kind=evidence",
    ]


async def test_a_name_that_was_used_is_not_written_again(any_database: Database) -> None:
    """Whoever posts learns which were new, so that nothing is counted twice."""
    first = Notification("!ops", "first", "about", Placement.NEW, line("a"))
    second = Notification("!ops", "second", "about", Placement.REPLY, line("b"))
    notifier = OutboxNotifier("foci", lambda: 0, lambda: None)
    async with any_database.begin() as connection:
        assert await notifier.post(connection, (first, first)) == [first]
    async with any_database.begin() as connection:
        assert await notifier.post(connection, (first, second)) == [second]


async def test_watches_and_silences_are_logged_from_begin_to_end(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Who, where, what and how long; what changes nothing says nothing, and the reason stays in the room."""
    caplog.set_level(logging.INFO, "plugins.foci")
    service = Ops(database, Internet({})).watch_service
    for _ in range(2):
        await service.configure([Watch("!wall", "b.org", "config")], NOON)
    for _ in range(2):
        await service.watch("!ops", "a.org", 60.0, ADMIN, NOON)
    await service.silence(Silence("!ops", "a.org", NOON + 90, ADMIN, "a secret reason"), NOON)
    await service.silence(Silence("!ops", "c.org", NOON + 3600, "@e vil:x.org\nsilence room=!y", ""), NOON)
    await service.lift([one for one in await service.silences() if one.target == "a.org"], NOON + 90)
    await service.unsilence("!ops", "c.org", NOON + 100)
    for _ in range(2):
        await service.unsilence("!ops", "c.org", NOON + 100)
        await service.unwatch("!ops", "a.org", NOON + 100)
        await service.configure([], NOON + 100)
    assert caplog.messages == [
        "watch room=!wall server=b.org by=configuration",
        "watch room=!ops server=a.org by=@ops:example.org interval=60",
        "silence room=!ops target=a.org by=@ops:example.org seconds=90",
        'silence room=!ops target=c.org by="@e vil:x.org silence room=!y" seconds=3600',
        "silence ended room=!ops target=a.org by=time",
        "silence ended room=!ops target=c.org by=command",
        "watch ended room=!ops server=a.org by=command",
        "watch ended room=!wall server=b.org by=configuration",
    ]
