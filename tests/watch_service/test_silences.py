"""Silences: what is kept back, and what is told when they end."""

from __future__ import annotations

from botkit.outbound.model import FailureKind
from botkit.storage import Database
from tests.watch_service.internet import DAY, Internet
from tests.watch_service.ops import ADMIN, Ops

REFUSED = FailureKind.CONNECT_REFUSED
TWO = "https://two.example.org/jwt"


async def two_rooms(database: Database) -> Ops:
    """Two rooms that watch the same server, seen once; the first one is silent about it for an hour."""
    ops = Ops(database, Internet({"a.org": ["rtc", "two"]}))
    await ops.watch({"!ops": ["a.org"], "!other": ["a.org"]})
    await ops.checks("a.org", 1)
    await ops.silence("!ops", "a.org", 3600)
    return ops


async def later(ops: Ops, seconds: float) -> list[str]:
    """Time passes, and reminders are looked after."""
    await ops.lapse(seconds)
    return await ops.lines()


def rooms_in(lines: list[str]) -> list[str]:
    """Room and placement of each line."""
    return [line.partition(":")[0] for line in lines]


async def test_what_lasts_longer_than_the_silence_is_told_at_its_end(any_database: Database) -> None:
    """As it stands then; the other room heard of it at once."""
    ops = await two_rooms(any_database)
    ops.internet.broken["rtc"] = REFUSED
    assert rooms_in(await ops.checks("a.org", 3)) == ["!other new"]
    end = ops.at - 300 + 3600
    assert await later(ops, end - ops.at - 1) == []
    (line,) = await later(ops, 1)
    assert line.startswith("!ops new: ❌ rtc.example.org is down since 12:03 UTC")
    assert await ops.watch_service.silences("!ops") == ()
    assert await later(ops, 1) == []


async def test_what_ends_within_the_silence_is_never_told(database: Database) -> None:
    """The room reads nothing of it."""
    ops = await two_rooms(database)
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 3)
    ops.internet.broken.clear()
    assert rooms_in(await ops.checks("a.org", 2)) == ["!other edit", "!other reply"]
    assert await later(ops, 4000) == []


async def test_what_was_told_before_is_corrected_in_silence(database: Database) -> None:
    """The message that stands is edited, which notifies nobody; no reminder comes before the end."""
    ops = await two_rooms(database)
    await ops.watch_service.unsilence("!ops", "a.org", ops.at)
    ops.internet.broken["rtc"] = REFUSED
    assert rooms_in(await ops.checks("a.org", 3)) == ["!ops new", "!other new"]
    await ops.silence("!ops", "rtc.example.org", 24 * 3600)
    assert rooms_in(await later(ops, 13 * 3600)) == ["!other reply"]
    ops.internet.broken.clear()
    assert rooms_in(await ops.checks("a.org", 2)) == ["!ops edit", "!other edit", "!other reply"]


async def test_a_certificate_that_came_nearer_its_end_within_a_silence_is_told_at_its_end(database: Database) -> None:
    """There are no reminders of certificates, so nothing else would; the message that stands is edited meanwhile."""
    ops = await two_rooms(database)
    await ops.watch_service.unsilence("!ops", "a.org", ops.at)
    ops.internet.ends["rtc"] = ops.at + 8 * DAY
    assert rooms_in(await ops.checks("a.org", 1)) == ["!ops new", "!other new"]
    await ops.silence("!ops", "rtc.example.org", 2 * DAY)
    ops.at += DAY
    assert rooms_in(await ops.check("a.org")) == ["!ops edit", "!other edit", "!other reply"]
    ops.restarted()
    (line,) = await later(ops, DAY)
    assert line.startswith("!ops reply: ⚠️ rtc.example.org: its certificate expires in 6 days")
    assert await later(ops, 60) == []


async def test_list_changes_are_told_together_when_the_silence_ends(database: Database) -> None:
    """One message from the list that the room knows to the one that is there."""
    ops = await two_rooms(database)
    for foci in (["rtc"], ["two", "rtc"]):
        ops.internet.servers["a.org"].foci = list(foci)
        ops.at += 300
        assert rooms_in(await ops.check("a.org")) == ["!other new"]
    ops.restarted()
    assert await later(ops, 3600) == [
        f"!ops new: ⚠️ a.org changed its foci list at 12:12 UTC: {TWO} moved from 2 to 1. Clients now use {TWO}."
    ]
    assert await later(ops, 60) == []


async def test_a_list_that_is_as_before_when_the_silence_ends_is_not_told(database: Database) -> None:
    """There and back again within it."""
    ops = await two_rooms(database)
    for foci in (["two"], ["rtc", "two"]):
        ops.internet.servers["a.org"].foci = list(foci)
        ops.at += 300
        assert rooms_in(await ops.check("a.org")) == ["!other new"]
    assert await later(ops, 3600) == []


async def test_a_change_told_days_late_has_its_date(database: Database) -> None:
    """The time alone would be taken for today's."""
    ops = await two_rooms(database)
    await ops.silence("!ops", "a.org", 3 * 86400)
    ops.internet.servers["a.org"].foci = ["two", "rtc"]
    await ops.check("a.org")
    (line,) = await later(ops, 4 * 86400)
    assert line.startswith("!ops new: ⚠️ a.org changed its foci list at 2026-11-23 12:01 UTC: ")


async def test_a_silence_in_alternation_is_told_of_once_it_settled(database: Database) -> None:
    """While answers alternate there is nothing that could be said of the list."""
    ops = await two_rooms(database)
    await ops.silence("!ops", "a.org", 1000)
    lists = (["rtc", "two"], ["two", "rtc"])
    for flip in (1, 2, 3):
        ops.internet.servers["a.org"].foci = list(lists[flip % 2])
        ops.at += 200
        assert rooms_in(await ops.check("a.org")) == ["!other new"]
    assert await later(ops, 600) == []
    lines = await ops.checks("a.org", 15, 300)
    assert rooms_in(lines) == ["!other reply", "!ops new"]
    assert f"{TWO} moved from 2 to 1" in lines[1]


async def test_alternation_that_ended_within_a_silence_is_said_to_be_over_at_its_end(any_database: Database) -> None:
    """The room was told that more would follow; one that was silent all the time was told of none."""
    ops = await two_rooms(any_database)
    await ops.watch_service.unsilence("!ops", "a.org", ops.at)
    await ops.silence("!other", "a.org", 5 * 3600)
    for foci in (["two"], ["rtc", "two"], ["two"]):
        ops.internet.servers["a.org"].foci = list(foci)
        ops.at += 200
        assert rooms_in(await ops.check("a.org")) == ["!ops new"]
    await ops.silence("!ops", "a.org", 3 * 3600)
    ops.internet.servers["a.org"].foci = ["rtc", "two"]
    assert await ops.check("a.org") + await ops.checks("a.org", 14, 300) == []
    ops.restarted()
    assert await later(ops, 5 * 3600) == [
        "!ops reply: ✅ a.org publishes one foci list again, unchanged for an hour: the one reported last."
    ]
    assert await later(ops, 60) == []


async def test_unsilencing_tells_at_once(database: Database) -> None:
    """And says whether there was anything to end."""
    ops = await two_rooms(database)
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 3)
    assert not await ops.watch_service.unsilence("!ops", "b.org", ops.at)
    assert not await ops.watch_service.unsilence("!elsewhere", "a.org", ops.at)
    assert await ops.watch_service.unsilence("!ops", "a.org", ops.at)
    assert rooms_in(await ops.lines()) == ["!ops new"]
    assert not await ops.watch_service.unsilence("!ops", "a.org", ops.at)


async def test_one_of_two_servers_silenced_leaves_the_other_named(database: Database) -> None:
    """The shared service is still told of, with the names that are not silenced."""
    ops = Ops(database, Internet({"a.org": ["rtc"], "b.org": ["rtc"]}))
    await ops.watch({"!ops": ["a.org", "b.org"]})
    for server in ("a.org", "b.org"):
        await ops.checks(server, 1)
    await ops.silence("!ops", "a.org", 3600)
    ops.internet.broken["rtc"] = REFUSED
    (line,) = await ops.checks("a.org", 3)
    assert line.endswith("Affects b.org.")
    (line,) = await later(ops, 3600)
    assert line.startswith("!ops edit: ")
    assert line.endswith("Affects 2 watched servers: a.org, b.org.")


async def test_silences_know_who_and_why(database: Database) -> None:
    """The same target again replaces the former."""
    ops = await two_rooms(database)
    await ops.silence("!ops", "a.org", 60)
    await ops.silence("!ops", "rtc.example.org", 7200)
    first, second = await ops.watch_service.silences("!ops")
    assert (first.target, first.until, first.author, first.reason) == ("a.org", ops.at + 60, ADMIN, "maintenance")
    assert second.target == "rtc.example.org"
    assert await ops.watch_service.silences("!other") == ()
