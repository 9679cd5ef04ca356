"""List changes as an ops room reads them: confirmed, once, and never because something failed."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from botkit.outbound.model import FailureKind
from botkit.storage import Database
from plugins.foci.health.keys import Key, KeyKind
from plugins.foci.storage.tables import concerns, servers, states
from tests.watch_service.internet import Internet
from tests.watch_service.ops import Ops

RTC, TWO = "https://rtc.example.org/jwt", "https://two.example.org/jwt"
MOVED = f"{TWO} moved from 2 to 1. Clients now use {TWO}."


async def one_server(database: Database, *foci: str) -> Ops:
    """One room that watches one server, seen once."""
    ops = Ops(database, Internet({"a.org": foci or ("rtc", "two")}))
    await ops.watch({"!ops": ["a.org"]})
    assert await ops.check("a.org") == []
    ops.at += 300
    return ops


async def test_a_change_is_told_after_its_confirmation(any_database: Database) -> None:
    """The first sight of a list is silent; a change is one message, with both lists in its thread."""
    ops = await one_server(any_database)
    ops.internet.servers["a.org"].foci = ["two", "rtc"]
    await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    assert await ops.lines() == []
    (due,) = [due for due in await ops.restarted().schedule() if due.confirm]
    assert due.at == ops.at + 20
    ops.at = due.at
    await ops.watch_service.take(ops.internet.confirmation("a.org", ops.at), ops.at)
    change, evidence = await ops.read()
    assert change.line == f"!ops new: ⚠️ a.org changed its foci list at 12:05 UTC: {MOVED}"
    assert change.msgtype == "m.text"
    assert (evidence.placement, evidence.about) == ("thread", change.about)
    assert [due.confirm for due in await ops.watch_service.schedule()] == [False]
    assert await ops.checks("a.org", 2) == []


async def test_a_change_that_is_gone_when_it_is_to_be_confirmed_is_not_told(database: Database) -> None:
    """A to B to A: silence."""
    ops = await one_server(database)
    ops.internet.servers["a.org"].foci = ["two"]
    await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    ops.internet.servers["a.org"].foci = ["rtc", "two"]
    ops.at += 20
    await ops.watch_service.take(ops.internet.confirmation("a.org", ops.at), ops.at)
    assert await ops.checks("a.org", 3) == []


async def test_a_confirmation_that_fails_leaves_it_to_the_next_check(database: Database) -> None:
    """The candidate is kept, and nothing more is asked for in between; that check passes every cache."""
    ops = await one_server(database)
    ops.internet.servers["a.org"].foci = ["two", "rtc"]
    await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    ops.internet.servers["a.org"].answer = 502
    ops.at += 20
    dues = await ops.watch_service.take(ops.internet.confirmation("a.org", ops.at), ops.at)
    assert [(due.confirm, due.afresh) for due in dues] == [(False, True)]
    assert await ops.restarted().schedule() == dues
    ops.internet.servers["a.org"].answer = 200
    assert await ops.checks("a.org", 1, 300) == [f"!ops new: ⚠️ a.org changed its foci list at 12:05 UTC: {MOVED}"]
    assert [due.afresh for due in await ops.watch_service.schedule()] == [False]


async def test_a_database_with_copies_of_documents_is_read(database: Database) -> None:
    """Versions that asked with conditions kept one for each server."""
    ops = await one_server(database)
    dues = await ops.watch_service.schedule()
    async with database.begin() as connection:
        await connection.execute(update(servers).values(copy='{"url": "https://a.org/", "body": "{}"}'))
    assert await ops.restarted().schedule() == dues
    assert await ops.checks("a.org", 2) == []


@pytest.mark.parametrize("answer", [500, 403, FailureKind.DNS_SERVFAIL, FailureKind.CONNECT_REFUSED])
async def test_a_fetch_that_fails_never_removes_anything(database: Database, answer: int | FailureKind) -> None:
    """Neither from the list nor from what is known of its foci."""
    ops = await one_server(database)
    known = await ops.watch_service.history("!ops", "a.org", 0, ops.at)
    ops.internet.servers["a.org"].answer = answer
    lines = await ops.checks("a.org", 20, 300)
    assert [line for line in lines if "changed its foci list" in line or "published" in line] == []
    later = await ops.watch_service.history("!ops", "a.org", 0, ops.at)
    assert known is not None
    assert later is not None
    assert later.keys == known.keys
    assert later.changes == ()
    ops.internet.servers["a.org"].answer = 200
    assert [line for line in await ops.checks("a.org", 5) if "list" in line] == []


async def test_a_404_is_believed_when_it_repeats(database: Database) -> None:
    """Three in a row and their confirmation: the list was withdrawn."""
    ops = await one_server(database)
    ops.internet.servers["a.org"].answer = 404
    assert [await ops.check("a.org") for _ in range(2)] == [[], []]
    assert await ops.check("a.org") == [
        "!ops new: ⚠️ a.org changed its foci list at 12:05 UTC: it was withdrawn. Clients find no focus there now."
    ]


async def test_a_list_that_went_to_the_endpoint_is_a_migration(database: Database) -> None:
    """Good to know, not an alarm."""
    ops = await one_server(database)
    ops.internet.servers["a.org"].foci = None
    ops.internet.servers["a.org"].endpoint = "present"
    await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    ops.at += 20
    await ops.watch_service.take(ops.internet.confirmation("a.org", ops.at), ops.at)
    told = (await ops.read())[0]
    assert told.line.startswith("!ops new: ℹ️ a.org withdrew its foci list from the well-known at 12:05 UTC, and its ")
    assert told.msgtype == "m.notice"


async def test_answers_that_alternate_are_told_once_and_when_they_settle(database: Database) -> None:
    """Two changes, then one message for all further ones, then where it came to rest."""
    ops = await one_server(database)
    lists, heard = (["rtc", "two"], ["two", "rtc"]), []
    for flip in range(1, 7):
        ops.internet.servers["a.org"].foci = list(lists[flip % 2])
        heard.append(await ops.check("a.org"))
        ops.at += 300
    assert [len(lines) for lines in heard] == [1, 1, 1, 0, 0, 0]
    assert heard[2][0].startswith("!ops new: ⚠️ a.org publishes alternating foci lists: several changes since 12:05 UTC")
    settled = await ops.checks("a.org", 14, 300)
    assert settled == [
        "!ops reply: ✅ a.org publishes one foci list again, unchanged for an hour: the one reported last."
    ]


async def test_a_focus_that_is_dropped_while_it_is_down_comes_to_its_end(database: Database) -> None:
    """Not while the change is unconfirmed; then the room is told why it hears no more of it."""
    ops = await one_server(database)
    ops.internet.broken["two"] = FailureKind.CONNECT_REFUSED
    assert len(await ops.checks("a.org", 3)) == 1
    ops.internet.servers["a.org"].foci = ["rtc"]
    ops.at += 300
    (change,) = await ops.check("a.org")
    assert f"{TWO} (entry 2) was removed" in change
    told = "▫️ two.example.org is no longer watched or published; it was down since 12:06 UTC."
    assert await ops.checks("a.org", 1) == [f"!ops edit: {told}", f"!ops reply: {told}"]
    history = await ops.watch_service.history("!ops", "a.org", 0, ops.at)
    assert history is not None
    assert history.keys == (Key.parse("discovery:a.org"), Key.parse("focus:https://rtc.example.org:443/jwt"))
    assert [(outage.key, outage.end) for outage in history.outages] == [
        (Key.parse("focus:https://two.example.org:443/jwt"), ops.at)
    ]


async def test_a_focus_that_moves_behind_those_that_are_watched_comes_to_its_end(database: Database) -> None:
    """Nobody looks at it there, so nothing is said of it any more, a reminder least of all."""
    ops = Ops(database, Internet({"a.org": ["rtc", *(f"x{number}" for number in range(24))]}))
    await ops.watch({"!ops": ["a.org"]})
    ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    await ops.checks("a.org", 3)
    ops.internet.servers["a.org"].foci = [*(f"x{number}" for number in range(24)), "rtc"]
    (line,) = await ops.check("a.org")
    assert "moved from 1 to 25" in line
    *_, line = await ops.checks("a.org", 1)
    assert line.startswith("!ops reply: ▫️ rtc.example.org is no longer watched or published")


async def test_a_focus_that_others_publish_still_goes_on_there_only(database: Database) -> None:
    """The room whose server dropped it is told; the other one keeps its incident."""
    ops = await one_server(database)
    ops.internet.servers["b.org"] = Internet({"b.org": ["two"]}).servers["b.org"]
    await ops.watch({"!other": ["b.org"]})
    await ops.checks("b.org", 1, 0)
    ops.internet.broken["two"] = FailureKind.CONNECT_REFUSED
    assert len(await ops.checks("a.org", 3)) == 2
    ops.internet.servers["a.org"].foci = ["rtc"]
    await ops.check("a.org")
    lines = await ops.checks("a.org", 1)
    assert [line.partition(":")[0] for line in lines] == ["!ops edit", "!ops reply"]
    ops.internet.broken.clear()
    assert [line.partition(":")[0] for line in await ops.checks("b.org", 2)] == ["!other edit", "!other reply"]


async def test_while_answers_alternate_nothing_is_dropped(database: Database) -> None:
    """Replicas that disagree do not make the same outage begin and end again and again."""
    ops = await one_server(database, "rtc", "two")
    for flip in range(4):
        ops.internet.servers["a.org"].foci = ["rtc"] if flip % 2 == 0 else ["rtc", "two"]
        await ops.check("a.org")
        ops.at += 300
    ops.internet.broken["two"] = FailureKind.CONNECT_REFUSED
    (line,) = await ops.checks("a.org", 4, 50)
    assert line.startswith("!ops new: ❌ two.example.org is down")
    ops.internet.servers["a.org"].foci = ["rtc"]
    await ops.check("a.org")
    assert await ops.checks("a.org", 2) == []


async def test_a_list_that_is_another_one_at_every_fetch_is_not_kept_for_ever(any_database: Database) -> None:
    """Somebody can publish new names at every fetch: the lists that may still be confirmed are kept, and no others."""
    ops = await one_server(any_database, "rtc")
    for turn in range(12):
        ops.at += 300
        ops.internet.servers["a.org"].foci = [f"y{turn}-{place}" for place in range(60)]
        await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    async with any_database.begin() as connection:
        everything = (await connection.execute(select(concerns.c.key))).scalars().all()
        kept = (await connection.execute(select(states.c.key))).scalars().all()
    assert len([key for key in everything if key.kind is KeyKind.FOCUS]) <= 561
    assert len(everything) <= 2 * 561 + 2
    assert len(kept) <= 2 * 561 + 2
    assert any("rtc." in key.what for key in everything)


async def test_a_server_that_concerns_very_many_keys_is_judged_all_the_same(any_database: Database) -> None:
    """More than a statement takes parameters."""
    ops = await one_server(any_database, "rtc")
    many = [Key.parse(f"focus:https://n{place}.example.org:443/") for place in range(33_000)]
    row = {"server": "a.org", "origin": "list", "since": ops.at, "ended_at": None}
    async with any_database.begin() as connection:
        await connection.execute(concerns.insert(), [{**row, "key": key} for key in many])
    ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    (line,) = await ops.checks("a.org", 3)
    assert line.startswith("!ops new: ❌ rtc.example.org is down")


async def test_an_outage_of_a_focus_counts_only_while_it_was_published(any_database: Database) -> None:
    """Published, withdrawn, down and up, published again: what happened in between was none of the server's."""
    ops = Ops(any_database, Internet({"a.org": ["rtc", "two"], "b.org": ["rtc"]}))
    await ops.watch({"!ops": ["a.org", "b.org"]})
    refused = FailureKind.CONNECT_REFUSED
    await ops.checks("a.org", 1)
    for foci, broken in ((["rtc", "two"], refused), (["two"], refused), (["rtc", "two"], None)):
        ops.internet.servers["a.org"].foci = list(foci)
        await ops.check("a.org")
        await ops.checks("a.org", 2)
        ops.internet.broken = {"rtc": broken} if broken is not None else {}
        await ops.checks("b.org", 3)
        ops.internet.broken = {}
        await ops.checks("b.org", 3)
    both = (
        await ops.watch_service.history("!ops", "a.org", 0, ops.at),
        await ops.watch_service.history("!ops", "b.org", 0, ops.at),
    )
    assert [history and len(history.outages) for history in both] == [1, 2]


async def test_an_endpoint_that_cannot_be_read_for_once_removes_nothing(database: Database) -> None:
    """What stands only there comes to its end when the endpoint is read again, or gone."""
    ops = await one_server(database, "rtc")
    server = ops.internet.servers["a.org"]
    server.endpoint, server.listed = "open", ["rtc", "two"]
    await ops.checks("a.org", 1)
    ops.internet.broken["two"] = FailureKind.CONNECT_REFUSED
    assert len(await ops.checks("a.org", 3)) == 1
    server.endpoint, server.listed = "unknown", None
    assert await ops.checks("a.org", 3) == []
    server.endpoint, server.listed = "open", ["rtc"]
    assert [line.partition(":")[0] for line in await ops.checks("a.org", 1)] == ["!ops edit", "!ops reply"]


async def test_a_restart_in_the_middle_changes_nothing(database: Database) -> None:
    """A new process before every step tells the same."""
    ops = await one_server(database)
    ops.internet.servers["a.org"].foci = ["two", "rtc"]
    ops.internet.broken["two"] = FailureKind.CONNECT_REFUSED
    heard = []
    for _ in range(4):
        ops.restarted()
        ops.at += 100
        await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
        heard.append([line.split(":")[0] for line in await ops.lines()])
    assert heard == [[], ["!ops new"], ["!ops new"], []]
