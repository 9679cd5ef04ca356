"""Outages from samples to notifications, as an ops room reads them."""

from __future__ import annotations

from sqlalchemy import select

from botkit.outbound.model import FailureKind
from botkit.storage import Database
from plugins.foci.alerts.notifications import AlertSettings
from plugins.foci.alerts.watches import Vouchers, WatchSettings
from plugins.foci.storage.tables import heard
from tests.watch_service.internet import DAY, Internet, Server
from tests.watch_service.ops import ADMIN, Ops

REFUSED = FailureKind.CONNECT_REFUSED
REASON = "connection refused on 192.0.2.1:443"
VOUCHED = WatchSettings(vouchers=Vouchers(admins=frozenset({ADMIN})))
"""Whatever the admin watches counts."""


async def one_server(database: Database, settings: WatchSettings | None = None) -> Ops:
    """One room that watches one server with one focus."""
    ops = Ops(database, Internet({"a.org": ["rtc"]}), settings)
    await ops.watch({"!ops": ["a.org"]})
    return ops


async def test_an_outage_from_its_first_message_to_its_last(any_database: Database) -> None:
    """Three bad checks fire, two good ones resolve; the message is closed in place."""
    ops = await one_server(any_database)
    assert await ops.checks("a.org", 1) == []
    ops.internet.broken["rtc"] = REFUSED
    assert await ops.checks("a.org", 2) == []
    assert await ops.checks("a.org", 1) == [
        f"!ops new: ❌ rtc.example.org is down since 12:03 UTC (3 checks): {REASON}. Affects a.org."
    ]
    assert ops.woken == 1
    ops.internet.broken.clear()
    assert await ops.checks("a.org", 1) == []
    assert await ops.checks("a.org", 1) == [
        f"!ops edit: ✅ rtc.example.org was down from 12:03 UTC to 12:08 UTC (5 min): {REASON}. Affected a.org.",
        "!ops reply: ✅ rtc.example.org recovered at 12:08 UTC after 5 min.",
    ]
    assert await ops.checks("a.org", 3) == []


async def test_firing_notifies_with_mentions_and_evidence(database: Database) -> None:
    """The alert is m.text and pings whoever is to be pinged; stages and advice stand in its thread."""
    ops = await one_server(database, WatchSettings(alerts=AlertSettings(mention=("@oncall:a.org",))))
    ops.internet.broken["rtc"] = REFUSED
    for _ in range(3):
        ops.at += 100
        await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    firing, evidence = await ops.read()
    assert (firing.msgtype, firing.mentions) == ("m.text", ("@oncall:a.org",))
    assert (evidence.placement, evidence.about, evidence.msgtype) == ("thread", firing.about, "m.notice")
    assert f"2. connect: failed, 1 ms - {REASON}" in evidence.text
    assert evidence.mentions == ()


async def test_a_shared_focus_is_one_alert_a_room_with_its_own_servers_only(database: Database) -> None:
    """What one room watches is not for another to read, and further checks of the same add nothing."""
    ops = Ops(database, Internet({"a.org": ["rtc"], "b.org": ["rtc"], "c.org": ["rtc"]}))
    await ops.watch({"!one": ["a.org", "b.org"], "!two": ["c.org"]})
    for server in ops.internet.servers:
        await ops.checks(server, 1, 10)
    ops.internet.broken["rtc"] = REFUSED
    told = f"❌ rtc.example.org is down since 12:02 UTC (3 checks): {REASON}."
    assert await ops.checks("a.org", 3) == [
        f"!one new: {told} Affects 2 watched servers: a.org, b.org.",
        f"!two new: {told} Affects c.org.",
    ]
    assert await ops.checks("b.org", 2) == []
    assert await ops.checks("c.org", 2) == []


async def test_a_blip_that_many_servers_see_is_none(database: Database) -> None:
    """Two seconds of errors, though each server that shares the service probes it for itself."""
    names = [f"s{number}.org" for number in range(6)]
    ops = Ops(database, Internet({name: ["rtc"] for name in names}))
    await ops.watch({"!ops": names})
    ops.internet.broken["rtc"] = 502
    assert [line for name in names for line in await ops.checks(name, 1, 0.4)] == []
    ops.internet.broken.clear()
    assert [line for name in names for line in await ops.checks(name, 2, 100)] == []


async def test_bad_checks_before_a_long_rest_do_not_count(database: Database) -> None:
    """Two of them, hours in which the bot was off, and one: nobody knows of an outage that lasted since."""
    ops = await one_server(database)
    await ops.checks("a.org", 1)
    ops.internet.broken["rtc"] = REFUSED
    assert await ops.checks("a.org", 2) == []
    ops.restarted()
    ops.at += 8 * 3600
    assert await ops.checks("a.org", 2) == []
    (line,) = await ops.checks("a.org", 1)
    assert line.startswith("!ops new: ❌ rtc.example.org is down since 20:06 UTC (3 checks)")


async def test_an_answer_before_the_trouble_proves_no_time_out(database: Database) -> None:
    """With two hosts and the bot's own network gone nobody is blamed until the other host answers again."""
    ops = Ops(database, Internet({"a.org": [], "b.org": []}))
    await ops.watch({"!ops": ["a.org", "b.org"]})
    assert await ops.checks("b.org", 1, 0) + await ops.checks("a.org", 1, 270) == []
    for server in ("a.org", "b.org"):
        ops.internet.servers[server].answer = FailureKind.CONNECT_TIMEOUT
    assert await ops.checks("b.org", 1, 30) + await ops.checks("b.org", 3, 100) + await ops.checks("a.org", 1, 10) == []
    ops.internet.servers["a.org"].answer = 200
    assert await ops.checks("a.org", 1, 10) == []
    assert [line.partition(" (")[0] for line in await ops.checks("b.org", 1, 100)] == [
        "!ops new: ❌ b.org: its client well-known cannot be read since 12:05 UTC"
    ]


async def test_fifty_servers_are_five_names_and_a_number(database: Database) -> None:
    """One message whatever it affects."""
    names = [f"s{number:02}.org" for number in range(50)]
    ops = Ops(database, Internet({name: ["rtc"] for name in names}))
    await ops.watch({"!ops": names})
    for name in names:
        await ops.checks(name, 1, 1)
    ops.internet.broken["rtc"] = REFUSED
    (line,) = [line for name in names[:3] for line in await ops.checks(name, 1)]
    assert line.endswith("Affects 50 watched servers: s00.org, s01.org, s02.org, s03.org, s04.org and 45 more.")


async def test_a_server_that_publishes_something_down_later_joins_its_incident(database: Database) -> None:
    """The room reads one more name in the message that stands."""
    ops = Ops(database, Internet({"a.org": ["rtc"], "b.org": ["rtc"]}))
    await ops.watch({"!ops": ["a.org"]})
    ops.internet.broken["rtc"] = REFUSED
    assert len(await ops.checks("a.org", 3)) == 1
    await ops.watch({"!ops": ["b.org"]})
    (line,) = await ops.checks("b.org", 1)
    assert line.startswith("!ops edit: ❌")
    assert line.endswith("Affects 2 watched servers: a.org, b.org.")


async def test_a_host_with_many_urls_is_one_message_and_one_edit(database: Database) -> None:
    """Twenty URLs of a dead host have the message edited once at a check, not twenty times."""
    place = "https://rtc.example.org/jwt"
    entries = [{"type": "livekit", "livekit_service_url": f"{place}/{number}"} for number in range(20)]
    ops = Ops(database, Internet())
    ops.internet.servers["a.org"] = Server([*entries])
    await ops.watch({"!ops": ["a.org"]})
    ops.internet.broken["rtc"] = REFUSED
    for _ in range(3):
        ops.at += 100
        await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    told = await ops.read()
    assert [one.placement for one in told] == ["new", "thread", "edit"]
    assert "19 other URLs of the same service fail too" in told[-1].text
    ops.internet.broken.clear()
    closed, resolved = await ops.checks("a.org", 2)
    assert closed.startswith("!ops edit: ✅ rtc.example.org was down")
    assert resolved.startswith("!ops reply: ✅ rtc.example.org recovered")


async def test_discovery_that_fails_is_told_of_the_server(database: Database) -> None:
    """Its foci are not said to be down: nobody looked at them."""
    ops = await one_server(database)
    await ops.checks("a.org", 1)
    ops.internet.servers["a.org"].answer = 503
    (line,) = await ops.checks("a.org", 3)
    assert line.startswith("!ops new: ❌ a.org: its client well-known cannot be read since 12:03 UTC (3 checks): ")


async def test_what_cannot_be_checked_is_one_quiet_notice(database: Database) -> None:
    """After three times as many unclear checks as would fire; nobody is blamed."""
    ops = await one_server(database)
    ops.internet.broken["rtc"] = FailureKind.DNS_SERVFAIL
    assert await ops.checks("a.org", 8) == []
    told = "cannot be checked since 12:01 UTC (9 checks): the resolver failed. Its state is unknown."
    assert await ops.checks("a.org", 5) == [f"!ops new: ❔ rtc.example.org {told} Affects a.org."]
    ops.internet.broken.clear()
    (line,) = await ops.checks("a.org", 1)
    assert line.startswith("!ops edit: ▫️ rtc.example.org could not be checked from 12:01 UTC to 12:23 UTC (21 min)")


async def test_drift_is_watched_on_the_own_homeserver_only(database: Database) -> None:
    """Elsewhere the bot cannot read the transports list as clients do."""
    ops = await one_server(database)
    ops.internet.servers["a.org"].endpoint = "present"
    ops.internet.servers["a.org"].listed = ["other"]
    assert await ops.checks("a.org", 4) == []
    (line,) = await ops.checks("a.org", 3, own=True)
    assert line == (
        "!ops new: ⚠️ a.org: its two foci lists differ since 12:08 UTC (3 checks): "
        "the transports endpoint lists other foci than the well-known. Callers may end up on different foci."
    )


async def test_a_certificate_is_told_at_fourteen_seven_and_one_days(database: Database) -> None:
    """Each once; a new certificate ends it."""
    ops = await one_server(database)
    end = ops.at + 16 * DAY
    ops.internet.ends["rtc"] = end
    heard = {}
    for days in (15, 14, 13, 7, 6, 1, 0.5):
        ops.at = end - days * DAY
        heard[days] = await ops.check("a.org")
    assert {days: len(lines) for days, lines in heard.items()} == {15: 0, 14: 1, 13: 0, 7: 2, 6: 0, 1: 2, 0.5: 0}
    assert heard[14] == [
        (
            "!ops new: ⚠️ rtc.example.org: its certificate expires in 14 days, on 2026-12-09 12:00 UTC. Renew it. "
            "Affects a.org."
        )
    ]
    assert heard[1][1].startswith("!ops reply: ⚠️ rtc.example.org: its certificate expires in 1 day")
    ops.internet.ends["rtc"] = end + 80 * DAY
    assert (await ops.checks("a.org", 2))[-1].startswith("!ops reply: ✅ rtc.example.org has a new certificate")


async def test_flapping_is_told_instead_of_the_third_outage(database: Database) -> None:
    """Two outages with their ends, then one message; all of them are in the history."""
    ops = await one_server(database)
    heard = []
    for _ in range(4):
        ops.internet.broken["rtc"] = REFUSED
        heard.append(len(await ops.checks("a.org", 3)))
        ops.internet.broken.clear()
        heard.append(len(await ops.checks("a.org", 2)))
    # an edit for each turn, nothing else
    assert heard == [1, 2, 1, 2, 1, 1, 1, 1]
    history = await ops.watch_service.history("!ops", "a.org", 0, ops.at)
    assert history is not None
    assert [(outage.start, outage.end) for outage in history.outages] == [
        (ops.at - 400 - 500 * ago, ops.at - 100 - 500 * ago) for ago in (3, 2, 1, 0)
    ]


async def test_when_everything_fails_the_bot_suspects_itself_once_in_every_room(database: Database) -> None:
    """Nobody is blamed; what is still bad afterwards is told then."""
    names = [f"s{number}.org" for number in range(8)]
    ops = Ops(database, Internet({name: [f"f{number}"] for number, name in enumerate(names)}), VOUCHED)
    await ops.watch({"!ops": names[:5], "!other": names[5:]})

    async def rounds(times: int) -> list[str]:
        return [line for _ in range(times) for name in names for line in await ops.checks(name, 1, 30)]

    assert await rounds(1) == []
    for number, name in enumerate(names):
        ops.internet.servers[name].answer = FailureKind.CONNECT_TIMEOUT
        ops.internet.broken[f"f{number}"] = FailureKind.CONNECT_TIMEOUT
    doubt = "new: ❔ Alerting paused since 12:06 UTC: most hosts failed at the same time. "
    assert await rounds(4) == [
        f"{room} {doubt}The bot's own network is suspect: check its network and DNS." for room in ("!ops", "!other")
    ]
    ops.restarted()
    for name in names:
        ops.internet.servers[name].answer = 200
    ops.internet.broken = {"f3": REFUSED}
    lines = await rounds(5)
    over = "reply: ✅ Alerting resumed at 12:22 UTC after 15 min: most hosts answer again."
    assert [line for line in lines if "reply" in line] == [
        f"{room} {over} Whatever still fails alerts after one more check interval." for room in ("!ops", "!other")
    ]
    assert [line for line in lines if "❌" in line] == [
        f"!ops new: ❌ f3.example.org is down since 12:22 UTC (3 checks): {REASON}. Affects s3.org."
    ]


async def test_what_was_never_asked_is_not_silent(database: Database) -> None:
    """Whoever spends the budget of many hosts makes the bot doubt nothing."""
    names = [f"s{number}.org" for number in range(8)]
    ops = Ops(database, Internet({name: [] for name in names}), VOUCHED)
    await ops.watch({"!ops": names})
    for answer in (200, FailureKind.BUDGET_SPENT, FailureKind.BUDGET_SPENT):
        for name in names:
            ops.internet.servers[name].answer = answer
            assert await ops.checks(name, 1, 30) == []
    for name in names:
        ops.internet.servers[name].answer = REFUSED
    assert "Alerting paused" in "".join([line for name in names for line in await ops.checks(name, 1, 30)])


async def test_a_room_that_watches_no_more_reads_nothing_of_an_end_of_doubt(database: Database) -> None:
    """Its message says since when the connection was in doubt, and no more."""
    names = [f"s{number}.org" for number in range(6)]
    ops = Ops(database, Internet({name: [] for name in names}), VOUCHED)
    await ops.watch({"!ops": names})
    for name in names:
        await ops.checks(name, 1, 30)
    for name in names:
        ops.internet.servers[name].answer = FailureKind.CONNECT_TIMEOUT
    (doubt,) = [line for _ in range(4) for name in names for line in await ops.checks(name, 1, 30)]
    assert doubt.startswith("!ops new: ❔ Alerting paused since 12:05 UTC")
    for name in names:
        await ops.watch_service.unwatch("!ops", name, ops.at)
    assert await ops.lines() == [
        "!ops edit: ▫️ Alerting paused since 12:05 UTC; this room no longer watches any server."
    ]


async def test_a_list_of_dead_hosts_holds_back_no_alert(database: Database) -> None:
    """Whoever publishes twenty new names at each check, none of which answers, makes no room doubt or wait."""
    names = [f"s{number}.org" for number in range(6)]
    ops = Ops(database, Internet({name: [f"f{number}"] for number, name in enumerate(names)} | {"evil.org": []}))
    await ops.watch({"!ops": names, "!evil": ["evil.org"]})

    async def rounds(times: int, every: float) -> list[str]:
        heard = []
        for _ in range(times):
            for name in names:
                heard += await ops.checks(name, 1, every)
            dead = [f"x{ops.at:.0f}-{number}" for number in range(20)]
            ops.internet.servers["evil.org"].foci = dead
            ops.internet.broken |= dict.fromkeys(dead, REFUSED)
            heard += await ops.checks("evil.org", 1, every)
        return [line for line in heard if line.startswith("!ops") or "Alerting paused" in line]

    assert await rounds(2, 40) == []
    ops.internet.broken["f0"] = REFUSED
    down = f"!ops new: ❌ f0.example.org is down since 12:09 UTC (3 checks): {REASON}. Affects s0.org."
    assert await rounds(10, 14) == [down]


async def test_a_list_of_other_hosts_at_every_check_leaves_no_rows(any_database: Database) -> None:
    """Whether they answer well, badly or not at all: only servers that are watched are remembered."""
    ops = Ops(any_database, Internet({"a.org": ["rtc"], "evil.org": []}))
    await ops.watch({"!ops": ["a.org", "evil.org"]})
    for number in range(30):
        names = [f"x{number}-{one}" for one in range(20)]
        ops.internet.broken |= dict.fromkeys(names[:5], REFUSED) | dict.fromkeys(names[5:10], 502)
        ops.internet.servers["evil.org"].foci = [*names]
        await ops.checks("evil.org", 1)
        await ops.checks("a.org", 1, 0)
        if number == 20:
            ops.restarted()
    async with any_database.begin() as connection:
        assert set(await connection.scalars(select(heard.c.server))) == {"a.org", "evil.org"}


async def test_reminders_stop_where_somebody_reacted(database: Database) -> None:
    """Until the reaction is taken back; each hook may be called twice, and restarts change nothing."""
    ops = await one_server(database)
    await ops.watch({"!other": ["a.org"]})
    ops.internet.broken["rtc"] = REFUSED
    for _ in range(3):
        ops.at += 100
        await ops.watch_service.take(ops.internet.check("a.org", ops.at), ops.at)
    about = (await ops.read())[0].about
    due = await ops.watch_service.next_reminder()
    assert due == ops.at + 12 * 3600
    for _ in range(2):
        await ops.watch_service.acknowledge("!ops", about, "$reaction", ADMIN, ops.at)
    (edit,) = await ops.read()
    assert edit.text.endswith("Acknowledged by @\u2060ops:example.org: no reminders in this room.")
    ops.restarted()
    ops.at = due
    await ops.watch_service.remind(ops.at)
    (line,) = await ops.lines()
    assert line.startswith(
        "!other reply: ⏰ rtc.example.org is still down, since 2026-11-23 12:01 UTC (12 h 3 min). "
        f"Last failed check at 2026-11-23 12:05 UTC: {REASON}."
    )
    await ops.watch_service.remind(ops.at)
    assert await ops.lines() == []
    for _ in range(2):
        await ops.watch_service.withdraw("!ops", "$reaction", ops.at)
    assert len(await ops.lines()) == 1
    await ops.watch_service.remind(ops.at)
    assert [line[:14] for line in await ops.lines()] == ["!ops reply: ⏰ "]


async def test_a_reaction_to_what_is_over_or_unknown_is_nothing(database: Database) -> None:
    """A list change cannot be acknowledged, nor can an incident that ended."""
    ops = await one_server(database)
    await ops.watch_service.acknowledge("!ops", "list:a.org@1.000", "$reaction", ADMIN, ops.at)
    await ops.watch_service.withdraw("!ops", "$unknown", ops.at)
    assert await ops.lines() == []


async def test_a_clock_that_is_set_back_does_not_put_reminders_off(database: Database) -> None:
    """They come within twelve hours of the clock as it is then."""
    ops = await one_server(database)
    ops.internet.broken["rtc"] = REFUSED
    await ops.checks("a.org", 3)
    ops.at -= 10 * DAY
    await ops.watch_service.remind(ops.at)
    assert await ops.watch_service.next_reminder() == ops.at + 12 * 3600
