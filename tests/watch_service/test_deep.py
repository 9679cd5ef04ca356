"""Watches that go deep: what they know of a focus outlives the process, and outdoes checks that look no further."""

from __future__ import annotations

from botkit.storage import Database
from plugins.foci.alerts.watches import Watch
from tests.watch_service.internet import Internet
from tests.watch_service.ops import NOON, Ops

HOUR = 3600.0


async def shared(database: Database) -> Ops:
    """Two servers with one focus; one of them is watched deep."""
    ops = Ops(database, Internet({"deep.org": ["rtc"], "plain.org": ["rtc"]}))
    wanted = [Watch("!ops", "deep.org", "config", 3600, deep=True), Watch("!ops", "plain.org", "config", 60)]
    await ops.watch_service.configure(wanted, ops.at)
    await ops.checks("plain.org", 1, 0.0)
    return ops


async def test_a_restart_does_not_make_a_deep_failure_recover(any_database: Database) -> None:
    """Checks that look no further say nothing good of it, until a deep one does."""
    ops = await shared(any_database)
    ops.internet.refusing = {"rtc"}
    (fired,) = await ops.checks("deep.org", 3, 1200, deep=True)
    assert fired.startswith("!ops new: ❌ rtc.example.org is failing since ")
    ops.restarted()
    assert await ops.checks("plain.org", 5, 60) == []
    ops.internet.refusing = set()
    ops.restarted()
    assert await ops.checks("plain.org", 3, 60) == []
    lines = await ops.checks("deep.org", 2, 1200, deep=True)
    assert [line.partition(":")[0] for line in lines] == ["!ops edit", "!ops reply"]


async def test_what_fails_deep_was_last_seen_good_by_a_deep_check(database: Database) -> None:
    """Not by those in between that looked no further."""
    ops = await shared(database)
    await ops.checks("deep.org", 1, 0.0, deep=True)
    await ops.checks("deep.org", 3, 600.0)
    ops.internet.refusing = {"rtc"}
    await ops.checks("deep.org", 3, 1200, deep=True)
    ops.internet.refusing = set()
    await ops.read()
    for _ in range(2):
        ops.at += 1200
        await ops.watch_service.take(ops.internet.check("deep.org", ops.at, deep=True), ops.at)
    (told,) = [one.text for one in await ops.read() if one.placement == "reply"]
    assert "First failed check at 12:50 UTC, last good deep check before it at 12:00 UTC." in told


async def test_it_goes_deep_once_an_hour_and_always_while_it_fails(any_database: Database) -> None:
    """Also from one process to the next; a server that nobody wants watched deep never does."""
    ops = await shared(any_database)

    async def deep(server: str) -> bool:
        return {due.server: due.deep for due in await (await ops.reopened()).schedule()}[server]

    assert await deep("deep.org")
    await ops.checks("deep.org", 1, 0.0, deep=True)
    assert await deep("deep.org")  # the next one is due in an hour
    await ops.watch_service.watch("!ops", "deep.org", 600, "@a:b", NOON)
    await ops.checks("deep.org", 1, 600.0, deep=True)
    assert not await deep("deep.org")
    await ops.checks("deep.org", 5, 600.0)
    assert await deep("deep.org")
    ops.internet.refusing = {"rtc"}
    for _ in range(4):
        await ops.checks("deep.org", 1, 600.0, deep=True)
        assert await deep("deep.org")
    assert not await deep("plain.org")


async def test_a_failure_that_nobody_can_look_at_any_more_ends(database: Database) -> None:
    """The deep watch is gone: two hours later others' good checks count."""
    ops = await shared(database)
    ops.internet.refusing = {"rtc"}
    await ops.checks("deep.org", 3, 1200, deep=True)
    await ops.checks("plain.org", 1, 60)
    await ops.watch_service.configure([Watch("!ops", "plain.org", "config", 60)], ops.at)
    await ops.lines()
    assert await ops.checks("plain.org", 3, 600) == []
    assert len(await ops.checks("plain.org", 3, 2 * HOUR)) == 2
