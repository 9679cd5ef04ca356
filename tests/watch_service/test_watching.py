"""Who watches what: commands, the configuration, and what follows for checks and alerts."""

from __future__ import annotations

from botkit.outbound.model import FailureKind
from botkit.storage import Database
from plugins.foci.alerts.receivers import shares_fate
from plugins.foci.alerts.watches import Vouchers, Watch, WatchSettings
from plugins.foci.health.keys import Key
from plugins.foci.watch.scheduler import ScheduleStatus
from plugins.foci.watch.views import Unwatched, Watched
from plugins.foci.watch.watcher import figures, watched_words
from tests.watch_service.internet import DAY, Internet
from tests.watch_service.ops import ADMIN, Ops

REFUSED = FailureKind.CONNECT_REFUSED


def ops_of(database: Database, servers: str = "a.org b.org") -> Ops:
    """Servers that all publish the same focus."""
    return Ops(database, Internet({server: ["rtc"] for server in servers.split()}))


async def test_a_watch_is_made_changed_and_ended(any_database: Database) -> None:
    """Each answer says what became of the wish."""
    ops = ops_of(any_database)
    assert await ops.watch_service.watch("!ops", "a.org", None, ADMIN, ops.at) is Watched.NEW
    assert await ops.watch_service.watch("!ops", "a.org", None, ADMIN, ops.at) is Watched.SAME
    assert await ops.watch_service.watch("!ops", "a.org", 120, ADMIN, ops.at) is Watched.CHANGED
    (view,) = await ops.watch_service.watches("!ops", ops.at)
    assert (view.server, view.interval, view.source, view.checked_at) == ("a.org", 120, "room", None)
    await ops.checks("a.org", 1)
    (view,) = await ops.watch_service.watches("!ops", ops.at)
    assert (view.verdict, view.checked_at) == ("ok", ops.at)
    assert await ops.watch_service.unwatch("!ops", "b.org", ops.at) is Unwatched.UNKNOWN
    assert await ops.watch_service.unwatch("!ops", "a.org", ops.at) is Unwatched.GONE
    assert await ops.watch_service.unwatch("!ops", "a.org", ops.at) is Unwatched.UNKNOWN
    assert await ops.watch_service.schedule() == ()


async def test_a_server_is_checked_as_often_as_its_most_impatient_room_asks(database: Database) -> None:
    """At least a minute apart; what nobody wants judged is left out."""
    ops = ops_of(database)
    await ops.watch_service.watch("!ops", "a.org", None, ADMIN, ops.at)
    await ops.watch_service.watch("!other", "a.org", 120, ADMIN, ops.at)
    assert [(due.at, due.interval) for due in await ops.watch_service.schedule()] == [(ops.at, 120)]
    await ops.watch_service.watch("!third", "a.org", 1, ADMIN, ops.at)
    assert [due.interval for due in await ops.watch_service.schedule()] == [60]


async def test_the_next_check_comes_at_the_pace_of_the_state(database: Database) -> None:
    """
    A third of the interval while something is pending or recovering, four times as long when a server cannot be read
    for over a day; it is the same after a restart.
    """
    ops = ops_of(database)
    await ops.watch({"!ops": ["a.org"]})

    async def pace() -> float:
        (due,) = await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
        assert (due,) == await (await ops.reopened()).schedule()
        pause, ops.at = due.at - ops.at, due.at
        return pause

    assert [await pace() for _ in range(2)] == [300, 300]
    ops.internet.broken["rtc"] = REFUSED
    assert [await pace() for _ in range(4)] == [100, 100, 300, 300]
    ops.internet.broken.clear()
    assert [await pace() for _ in range(3)] == [100, 300, 300]
    ops.internet.servers["a.org"].answer = 500
    for _ in range(3):
        await pace()
    ops.at += DAY + 1
    assert await pace() == 1200


async def test_a_check_of_what_nobody_watches_any_more_leaves_nothing(database: Database) -> None:
    """It was under way when the watch ended."""
    ops = ops_of(database)
    await ops.watch({"!ops": ["a.org"]})
    await ops.watch_service.unwatch("!ops", "a.org", ops.at)
    ops.internet.broken["rtc"] = REFUSED
    for _ in range(4):
        assert await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at) == ()
        assert await ops.watch_service.take(ops.internet.confirmation("a.org", ops.at), ops.at) == ()
    assert await ops.lines() == []
    assert await ops.watch_service.history("!ops", "a.org", 0, ops.at) is None


async def test_unwatching_what_fires_closes_its_message_without_a_sound(database: Database) -> None:
    """The room knows why. Watched again, it is told afresh."""
    ops = ops_of(database)
    await ops.watch({"!ops": ["a.org", "b.org"], "!other": ["a.org"]})
    await ops.checks("b.org", 1, 0)
    ops.internet.broken["rtc"] = REFUSED
    assert len(await ops.checks("a.org", 3)) == 2
    await ops.watch_service.unwatch("!ops", "b.org", ops.at)
    (line,) = await ops.lines()
    assert line.startswith("!ops edit: ❌")
    assert line.endswith("Affects a.org.")
    await ops.watch_service.unwatch("!ops", "a.org", ops.at)
    told = "▫️ rtc.example.org is no longer watched or published; it was down since 12:01 UTC."
    assert await ops.lines() == [f"!ops edit: {told}"]
    await ops.watch_service.watch("!ops", "a.org", None, ADMIN, ops.at)
    (line,) = await ops.lines()
    assert line.startswith("!ops new: ❌ rtc.example.org is down since 12:01 UTC")
    for room in ("!ops", "!other"):
        await ops.watch_service.unwatch(room, "a.org", ops.at)
    assert [line.partition(":")[0] for line in await ops.lines()] == ["!ops edit", "!other edit"]
    assert await ops.watch_service.next_reminder() is None


async def test_history_begins_and_ends_with_the_rooms_watch(database: Database) -> None:
    """What was seen for other rooms, or before, is not told, nor that there is any."""
    ops = ops_of(database)
    await ops.watch({"!ops": ["a.org"]})
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 4)
    begun = ops.at
    assert await ops.watch_service.history("!other", "a.org", 0, ops.at) is None
    await ops.watch({"!other": ["a.org"]})
    ops.internet.broken.clear()
    ops.internet.servers["a.org"].foci.append("spare")
    await ops.checks("a.org", 2)
    history = await ops.watch_service.history("!other", "a.org", 0, ops.at)
    assert history is not None
    assert history.watched_since == begun
    assert [(outage.start, outage.end) for outage in history.outages] == [(begun, begun + 100)]
    await ops.watch_service.unwatch("!other", "a.org", ops.at)
    assert await ops.watch_service.history("!other", "a.org", 0, ops.at) is None
    await ops.watch({"!other": ["a.org"]})
    again = await ops.watch_service.history("!other", "a.org", 0, ops.at)
    assert again is not None
    assert (again.watched_since, again.outages, again.changes) == (ops.at, (), ())


async def test_a_room_does_not_see_how_often_or_since_when_others_watch(database: Database) -> None:
    """Neither the interval nor the last check, the verdict before its own watch, or how long a trouble lasts."""
    ops = ops_of(database)
    await ops.watch({"!ops": ["a.org"]}, 60)
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 4)
    await ops.watch({"!other": ["a.org"]}, 3600)
    ops.at += 30
    (view,) = await ops.watch_service.watches("!other", ops.at)
    assert (view.interval, view.verdict, view.checked_at) == (3600, None, None)
    assert [event.since for event in view.troubles] == [ops.at - 30]
    await ops.checks("a.org", 1)
    await ops.watch_service.flush()
    (view,) = await ops.watch_service.watches("!other", ops.at)
    assert (view.interval, view.verdict, view.checked_at) == (3600, "critical", ops.at)
    (own,) = await ops.watch_service.watches("!ops", ops.at)
    assert own.interval == 60


async def test_history_is_kept_for_four_hundred_days(database: Database) -> None:
    """And no longer."""
    ops = ops_of(database)
    await ops.watch({"!ops": ["a.org"]})
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 3)
    ops.internet.broken.clear()
    await ops.checks("a.org", 2)
    ended = ops.at - 100
    for at, kept in ((ended + 399 * DAY, 1), (ended + 401 * DAY, 0)):
        for moment in (at - DAY, at):
            await ops.watch_service.forget(moment)
        history = await ops.watch_service.history("!ops", "a.org", 0, at)
        assert history is not None
        assert len(history.outages) == kept


async def test_the_configuration_is_followed_at_every_start(any_database: Database) -> None:
    """Watches come, change and go with it; those made in rooms stay."""
    ops = ops_of(any_database, "a.org b.org c.org")
    await ops.watch_service.watch("!ops", "c.org", None, ADMIN, ops.at)
    await ops.watch_service.watch("!ops", "a.org", 600, ADMIN, ops.at)
    first = [Watch("!ops", "a.org", "config", 120), Watch("!ops", "b.org", "config", ignore=frozenset({"slow"}))]
    assert [watch.server for watch in await ops.watch_service.configure(first, ops.at)] == ["a.org", "b.org"]
    assert await ops.restarted().configure(first, ops.at + 1) == ()
    dues = {due.server: due for due in await ops.watch_service.schedule()}
    assert {server: due.interval for server, due in dues.items()} == {"a.org": 120, "b.org": 300, "c.org": 300}
    assert dues["b.org"].ignore == {"slow"}
    assert await ops.watch_service.unwatch("!ops", "b.org", ops.at) is Unwatched.CONFIGURED
    second = [Watch("!ops", "b.org", "config", 180)]
    assert await ops.watch_service.configure(second, ops.at + 2) == ()
    dues = {due.server: due for due in await ops.watch_service.schedule()}
    assert {server: due.interval for server, due in dues.items()} == {"a.org": 600, "b.org": 180, "c.org": 300}
    assert dues["b.org"].ignore == frozenset()
    await ops.watch_service.configure([], ops.at + 3)
    assert [view.server for view in await ops.watch_service.watches("!ops", ops.at)] == ["a.org", "c.org"]


async def test_a_room_hears_nothing_of_the_codes_it_leaves_out(database: Database) -> None:
    """Another room does; when the cause becomes another one, both do, and both hear the end."""
    ops = ops_of(database)
    codes = frozenset({"connect-refused"})
    wanted = [Watch("!ops", "a.org", "config", ignore=codes), Watch("!other", "a.org", "config")]
    await ops.watch_service.configure(wanted, ops.at)
    assert [due.ignore for due in await ops.watch_service.schedule()] == [frozenset()]
    ops.internet.broken["rtc"] = REFUSED
    assert [line.partition(":")[0] for line in await ops.checks("a.org", 4)] == ["!other new"]
    ops.at += 600
    ops.internet.broken["rtc"] = 404
    assert [line.partition(":")[0] for line in await ops.checks("a.org", 1)] == ["!other edit", "!ops new"]
    ops.internet.broken.clear()
    assert {line.partition(" ")[0] for line in await ops.checks("a.org", 2)} == {"!ops", "!other"}


async def test_codes_left_out_everywhere_are_told_nobody(database: Database) -> None:
    """The operator's own list holds for every room."""
    ops = Ops(database, Internet({"a.org": ["rtc"]}), WatchSettings(ignore=frozenset({"connect-refused"})))
    await ops.watch({"!ops": ["a.org"]})
    ops.internet.broken["rtc"] = REFUSED
    assert await ops.checks("a.org", 5) == []


async def test_troubles_are_shown_with_the_watches(database: Database) -> None:
    """What is open, in this room's servers only."""
    ops = ops_of(database)
    await ops.watch({"!ops": ["a.org"], "!other": ["b.org"]})
    await ops.checks("b.org", 1)
    ops.internet.servers["b.org"].answer = 500
    await ops.checks("b.org", 3)
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 3)
    await ops.silence("!ops", "a.org", 60)
    (mine,) = await ops.watch_service.watches("!ops", ops.at)
    (other,) = await ops.watch_service.watches("!other", ops.at)
    assert [event.key for event in mine.troubles] == [Key.parse("focus:https://rtc.example.org:443/jwt")]
    assert [event.key.kind.value for event in other.troubles] == ["discovery", "focus"]
    assert (mine.silenced_until, other.silenced_until) == (ops.at + 60, None)


async def test_a_tally_for_the_bots_own_status(database: Database) -> None:
    """Rooms, verdicts, open incidents, the last check."""
    ops = ops_of(database)
    await ops.watch({"!ops": ["a.org", "b.org"], "!other": ["a.org"]})
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 3)
    tally = await ops.watch_service.tally(ops.at)
    assert (tally.rooms, tally.incidents, tally.last_check) == (2, 1, ops.at)
    assert tally.verdicts == {"a.org": "critical", "b.org": None}


async def test_canaries_are_not_counted_as_watched(database: Database) -> None:
    """Neither in words nor in figures, before and after their checks, until a room watches one."""
    settings = WatchSettings(vouchers=Vouchers(frozenset({"b.org", "c.org"})))
    ops = Ops(database, Internet({"a.org": ["rtc"], "b.org": [], "c.org": []}), settings)
    await ops.watch({"!ops": ["a.org"]})
    assert watched_words(await ops.watch_service.tally(ops.at)) == "1 server in 1 room; 2 more for the self-check"
    for server in ("a.org", "b.org", "c.org"):
        await ops.checks(server, 1)
    tally = await ops.watch_service.tally(ops.at)
    assert watched_words(tally) == "1 server in 1 room; 2 more for the self-check"
    shown = {one.name: one.values for one in figures(ScheduleStatus(0, 0.0, {}, 0, 0), tally, (), {})}
    assert shown["foci_watched_servers"] == {"": 1.0}
    assert sum(shown["foci_servers"].values()) == 1.0
    await ops.watch({"!other": ["b.org"]})
    assert watched_words(await ops.watch_service.tally(ops.at)) == "2 servers in 2 rooms; 1 more for the self-check"
    await ops.watch_service.unwatch("!ops", "a.org", ops.at)
    assert watched_words(await ops.watch_service.tally(ops.at)) == "1 server in 1 room; 1 more for the self-check"


def test_an_alert_that_would_go_down_with_its_server() -> None:
    """The bot's own homeserver, or the one on which everybody lives who may act."""
    assert shares_fate("Home.org", "home.org", ())
    assert shares_fate("a.org", "home.org", ("@x:a.org", "@y:a.org"))
    assert not shares_fate("a.org", "home.org", ("@x:a.org", "@y:b.org"))
    assert not shares_fate("a.org", "home.org", ())
