"""An incident as rooms read it: one message, developed in place, with an end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from botkit.messages.notification import Placement
from plugins.foci.alerts.incident import CODEC
from plugins.foci.alerts.lifecycle import acknowledge, develop, next_reminder, refresh, subject
from plugins.foci.alerts.notifications import Purpose
from plugins.foci.health.events import Cause, EventKind, LastFailure, Status
from plugins.foci.health.keys import SELF, Key
from plugins.foci.serialise import CodecError
from tests.foci.alerts.rooms import (
    EVIDENCE,
    KEY,
    NOON,
    OPS,
    REACTION,
    REFUSED,
    SECOND,
    SETTINGS,
    Rooms,
    event,
    lines,
    proof,
)


def test_an_outage_from_its_first_message_to_its_last() -> None:
    """Firing with evidence, one reply and a final edit at its end: the first lines say it all."""
    rooms = Rooms()
    assert rooms.hear(event(EventKind.FIRED), evidence=EVIDENCE) == [
        ("!ops", Purpose.FIRING, Placement.NEW),
        ("!ops", Purpose.EVIDENCE, Placement.THREAD),
    ]
    ended = event(EventKind.RESOLVED, after=2000, ended=NOON + 29 * 60, last_good=NOON - 300, checks=9)
    assert rooms.hear(ended) == [
        ("!ops", Purpose.CLOSED, Placement.EDIT),
        ("!ops", Purpose.RESOLVE, Placement.REPLY),
    ]
    assert rooms.incident is None
    firing, evidence, closed, resolve = rooms.posts
    assert lines(firing) == [
        (
            "❌ rtc.example.org is down since 12:00 UTC (3 checks): connection refused on 203.0.113.7:443. "
            "Affects 2 watched servers: a.org, b.org."
        )
    ]
    assert evidence.document == EVIDENCE
    assert lines(closed)[0].startswith("✅ rtc.example.org was down from 12:00 UTC to 12:29 UTC (29 min): ")
    assert lines(resolve) == [
        "✅ rtc.example.org recovered at 12:29 UTC after 29 min.",
        "First failed check at 12:00 UTC, last good check before it at 11:55 UTC.",
    ]


def test_only_what_fires_pings_and_only_alerts_notify() -> None:
    """Mentions go with firing; resolves, evidence and notices are m.notice, reminders m.text."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), evidence=EVIDENCE)
    rooms.refresh(NOON + 13 * 3600)
    rooms.hear(event(EventKind.RESOLVED, after=14 * 3600))
    found = {post.purpose: (post.msgtype, post.mentions) for post in rooms.posts}
    assert found == {
        Purpose.FIRING: ("m.text", ("@oncall:example.org",)),
        Purpose.EVIDENCE: ("m.notice", ()),
        Purpose.REMINDER: ("m.text", ()),
        Purpose.CLOSED: ("m.text", ()),
        Purpose.RESOLVE: ("m.notice", ()),
    }


def test_the_operator_may_choose_quiet_alerts() -> None:
    """Reminders notify all the same, as they are for what nobody took up."""
    quiet = replace(SETTINGS, msgtype="m.notice")
    incident, (firing,) = develop(None, event(EventKind.FIRED), OPS, quiet)
    assert incident is not None
    _, (reminder,) = refresh(incident, {KEY: OPS}, NOON + 13 * 3600, quiet)
    assert (firing.msgtype, reminder.msgtype) == ("m.notice", "m.text")


def test_a_shared_service_is_one_message_whatever_it_affects() -> None:
    """Two hundred servers: five names, then how many more."""
    rooms = Rooms()
    servers = tuple(f"s{number:03}.org" for number in range(200))
    assert len(rooms.hear(event(EventKind.FIRED), {"!ops": servers})) == 1
    assert lines(rooms.posts[0])[0].endswith(
        "Affects 200 watched servers: s000.org, s001.org, s002.org, s003.org, s004.org and 195 more."
    )


def test_further_urls_of_a_service_join_its_incident() -> None:
    """The second URL edits the message; the incident ends with the last of them."""
    other = Key.parse("focus:https://rtc.example.org:443/second")
    assert subject(event(EventKind.FIRED)) == subject(event(EventKind.FIRED, other))
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    assert rooms.hear(event(EventKind.FIRED, other)) == [("!ops", Purpose.UPDATE, Placement.EDIT)]
    assert lines(rooms.posts[-1])[1].startswith("Another URL of the same service fails too: connection refused")
    assert rooms.hear(event(EventKind.RESOLVED)) == [("!ops", Purpose.UPDATE, Placement.EDIT)]
    assert rooms.incident is not None
    assert [purpose for _, purpose, _ in rooms.hear(event(EventKind.RESOLVED, other))] == [
        Purpose.CLOSED,
        Purpose.RESOLVE,
    ]
    assert rooms.incident is None


def test_another_reason_is_a_message_though_the_service_is_bad_already() -> None:
    """Its beginning and its end: who knows of one failure does not know of the other."""
    other = event(
        EventKind.FIRED, Key.parse("focus:https://rtc.example.org:443/b"), cause=Cause("http-5xx", "HTTP 502")
    )
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    assert rooms.hear(other) == [("!ops", Purpose.UPDATE, Placement.EDIT), ("!ops", Purpose.FIRING, Placement.REPLY)]
    assert "HTTP 502" in lines(rooms.posts[-1])[0]
    over = replace(other, kind=EventKind.RESOLVED, ended=NOON + 1800)
    assert rooms.hear(over) == [("!ops", Purpose.UPDATE, Placement.EDIT), ("!ops", Purpose.RESOLVE, Placement.REPLY)]
    assert lines(rooms.posts[-1])[0] == "✅ rtc.example.org recovered at 12:30 UTC after 30 min."


def test_what_is_wrong_itself_is_no_part_of_a_service() -> None:
    """Neither a URL that nobody can use, nor one that answers wrongly: others on that host may be well."""
    faulty = event(EventKind.FIRED, Key.parse("focus:http://rtc.example.org/x#scheme-http"))
    wrong = event(EventKind.FIRED, cause=Cause("service-not-routed", "HTTP 404", outage=False))
    assert len({subject(faulty), subject(wrong), subject(event(EventKind.FIRED))}) == 3


def test_the_service_was_down_as_long_as_any_of_its_urls() -> None:
    """The first URL is withdrawn, the second goes on: it lasts since the first."""
    other = Key.parse("focus:https://rtc.example.org:443/second")
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    rooms.hear(event(EventKind.FIRED, other, 7200, since=NOON + 7200))
    rooms.hear(event(EventKind.DROPPED, after=7500))
    assert "is down since 12:00 UTC" in lines(rooms.posts[-1])[0]
    rooms.hear(event(EventKind.RESOLVED, other, 8000, since=NOON + 7200, ended=NOON + 7800))
    assert "(2 h 10 min)" in lines(rooms.posts[-2])[0]
    assert lines(rooms.posts[-1])[0] == "✅ rtc.example.org recovered at 14:10 UTC after 2 h 10 min."


def test_another_cause_is_an_edit_with_evidence() -> None:
    """No new message: the one that stands is corrected."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    developed = event(EventKind.DEVELOPED, cause=Cause("tls-expired", "certificate expired on 2026-11-20"), checks=7)
    assert rooms.hear(developed, evidence=EVIDENCE) == [
        ("!ops", Purpose.UPDATE, Placement.EDIT),
        ("!ops", Purpose.EVIDENCE, Placement.THREAD),
    ]
    assert "(7 checks): certificate expired on 2026-11-20." in lines(rooms.posts[-2])[0]


def test_something_that_answers_wrongly_is_not_called_down() -> None:
    """Failing is said of what answers, but not as it should."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED, cause=Cause("service-not-routed", "HTTP 404", outage=False)))
    assert lines(rooms.posts[0])[0].startswith("❌ rtc.example.org is failing since 12:00 UTC (3 checks): HTTP 404.")


def test_reminders_come_every_twelve_hours() -> None:
    """In reply to the incident, with how long it lasts."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    assert rooms.incident is not None
    due = next_reminder(rooms.incident, SETTINGS)
    assert due == NOON + 200 + 12 * 3600
    assert rooms.refresh(due - 1) == []
    assert rooms.refresh(due) == [("!ops", Purpose.REMINDER, Placement.REPLY)]
    assert rooms.refresh(due) == []
    assert next_reminder(rooms.incident, SETTINGS) == due + 12 * 3600
    assert lines(rooms.posts[-1])[0].startswith(
        "⏰ rtc.example.org is still down, since 2026-11-23 12:00 UTC (12 h 3 min)"
    )


def test_urls_that_are_bad_for_the_same_reason_have_one_evidence() -> None:
    """Whoever lists hundreds of them floods no thread, neither at once nor later; each room reads of its own URL."""
    urls = [Key.parse(f"focus:https://rtc.example.org:443/{number:03}") for number in range(300)]
    rooms = Rooms()
    told = [one for key in urls for one in rooms.hear(event(EventKind.FIRED, key), evidence=proof(str(key)))]
    assert [purpose for _, purpose, _ in told].count(Purpose.EVIDENCE) == 1
    told = rooms.refresh(NOON + 600, {**OPS, "!new": ("a.org",)})
    assert told == [("!new", Purpose.FIRING, Placement.NEW), ("!new", Purpose.EVIDENCE, Placement.THREAD)]
    wrong = Cause("service-not-routed", "HTTP 404", outage=False)
    told = [
        one
        for key in urls
        for one in rooms.hear(event(EventKind.DEVELOPED, key, cause=wrong), evidence=proof(str(key)))
    ]
    assert [purpose for _, purpose, _ in told].count(Purpose.EVIDENCE) == 1
    assert len(CODEC.dump(rooms.now)) < 200_000
    own = refresh(rooms.now, {urls[299]: {"!own": ("b.org",)}}, NOON + 900, SETTINGS)[1]
    assert own[-1].document == proof(str(urls[299]))


def test_evidence_is_kept_as_long_as_its_url_is_bad() -> None:
    """Not longer: who is told of another URL then reads nothing of it."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), evidence=EVIDENCE)
    rooms.hear(event(EventKind.FIRED, SECOND), evidence=proof("second"))
    rooms.hear(event(EventKind.RESOLVED))
    assert rooms.now.evidence == {SECOND: proof("second")}


def test_half_a_character_in_evidence_survives_the_database() -> None:
    """As a question mark: what strangers publish must not keep a check from being remembered."""
    incident, _ = develop(None, event(EventKind.FIRED), OPS, SETTINGS, proof("half \ud800 one"))
    assert incident is not None
    assert CODEC.load(CODEC.dump(incident)).evidence == {KEY: proof("half ? one")}


def test_damaged_evidence_is_refused_like_any_damaged_row() -> None:
    """One kind of error, whatever stands there."""
    incident, _ = develop(None, event(EventKind.FIRED), OPS, SETTINGS, EVIDENCE)
    assert incident is not None
    whole = CODEC.dump(incident)
    for damage in ('"Text"', '"text"', '{"Paragraph":', '"blocks"'):
        with pytest.raises(CodecError):
            CODEC.load(whole.replace(damage, damage.replace('"', '"un', 1)))


def test_what_cannot_be_checked_is_a_notice_of_its_own() -> None:
    """Quiet, without reminders, ended by an edit alone; an outage of the same thing is another incident."""
    rooms = Rooms()
    assert subject(event(EventKind.UNCHECKABLE)) != subject(event(EventKind.FIRED))
    assert subject(event(EventKind.UNCHECKABLE)) == subject(event(EventKind.CHECKABLE))
    assert rooms.hear(event(EventKind.UNCHECKABLE, checks=9)) == [("!ops", Purpose.INFO, Placement.NEW)]
    assert rooms.refresh(NOON + 10 * 86400) == []
    assert rooms.hear(event(EventKind.CHECKABLE, after=4000, ended=NOON + 3600)) == [
        ("!ops", Purpose.CLOSED, Placement.EDIT)
    ]
    assert {post.msgtype for post in rooms.posts} == {"m.notice"}
    assert lines(rooms.posts[0])[0].startswith("❔ rtc.example.org cannot be checked since 12:00 UTC (9 checks): ")
    assert lines(rooms.posts[1])[0].startswith(
        "▫️ rtc.example.org could not be checked from 12:00 UTC to 13:00 UTC (1 h)"
    )


def test_flapping_is_one_message_and_its_end_another() -> None:
    """How often and since when."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FLAPPING, flaps=3))
    assert lines(rooms.posts[0])[0].startswith(
        "⚠️ rtc.example.org is flapping: 3 failures since 12:00 UTC, most recently: "
    )
    rooms.hear(event(EventKind.RESOLVED, after=9000, ended=NOON + 5400, flaps=7))
    assert lines(rooms.posts[-1]) == [
        "✅ rtc.example.org recovered at 13:30 UTC after 1 h 30 min.",
        "First failed check at 12:00 UTC; it failed 7 times.",
    ]


def test_while_it_flaps_the_first_line_says_how_it_is_now() -> None:
    """By edits alone: no message, no evidence, and what a room is told later is what failed."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FLAPPING, flaps=3, failing_since=NOON + 1200), evidence=EVIDENCE)
    assert lines(rooms.posts[0])[0].startswith(
        "⚠️ rtc.example.org is flapping, down now since 12:20 UTC: 3 failures since 12:00 UTC, most recently: "
    )
    edit = [("!ops", Purpose.UPDATE, Placement.EDIT)]
    assert rooms.hear(event(EventKind.TURNED, after=1500, flaps=3, ended=NOON + 1500), evidence=proof("up")) == edit
    assert "is flapping, up now since 12:25 UTC: 3 failures since 12:00 UTC" in lines(rooms.posts[-1])[0]
    assert rooms.now.evidence == {KEY: EVIDENCE}
    assert rooms.refresh(NOON + 200 + 12 * 3600) == [("!ops", Purpose.REMINDER, Placement.REPLY)]
    assert "is still flapping, since 2026-11-23 12:00 UTC (12 h 3 min), up now since " in lines(rooms.posts[-1])[0]
    down = event(EventKind.TURNED, after=1800, flaps=4, failing_since=NOON + 1800)
    assert rooms.hear(down, {}) == edit
    assert "is flapping, down now since 12:30 UTC: 4 failures since 12:00 UTC" in lines(rooms.posts[-1])[0]


@pytest.mark.parametrize(
    ("key", "cause", "down", "up"),
    [
        (KEY, Cause("http-5xx", "HTTP 502", outage=False), "is flapping, failing now", "is flapping, working now"),
        (
            Key.parse("discovery:a.org"),
            REFUSED,
            ": its client well-known is flapping, unreadable now",
            ": its client well-known is flapping, readable now",
        ),
        (
            Key.parse("drift:a.org"),
            REFUSED,
            ": its two foci lists are flapping, different now",
            ": its two foci lists are flapping, the same now",
        ),
    ],
)
def test_each_kind_has_its_words_for_how_it_is_now(key: Key, cause: Cause, down: str, up: str) -> None:
    """Nothing that answers is called down."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FLAPPING, key, cause=cause, flaps=3, failing_since=NOON))
    rooms.hear(event(EventKind.TURNED, key, cause=cause, flaps=3, ended=NOON + 60))
    assert f"{down} since 12:00 UTC: 3 failures" in lines(rooms.posts[0])[0]
    assert f"{up} since 12:01 UTC: 3 failures" in lines(rooms.posts[1])[0]


def test_another_url_that_works_just_now_is_not_said_to_fail() -> None:
    """It flaps, too, but the message says what is so now."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    rooms.hear(event(EventKind.FLAPPING, SECOND, flaps=3, failing_since=NOON))
    assert "Another URL of the same service fails too" in lines(rooms.posts[1])[-1]
    rooms.hear(event(EventKind.TURNED, SECOND, after=300, flaps=3, ended=NOON + 300))
    assert len(lines(rooms.posts[-1])) == 1


@pytest.mark.parametrize(
    ("latest", "said"),
    [
        (Status.BAD, ""),
        (Status.GOOD, " The latest check succeeded."),
        (Status.UNKNOWN, " The latest was inconclusive."),
    ],
)
def test_a_reminder_says_what_the_last_check_said(latest: Status, said: str) -> None:
    """Not what the first one did, half a day ago."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    failure = LastFailure(NOON + 12 * 3600, Cause("connect-refused", "connection refused on 203.0.113.9:443"), latest)
    rooms.take(refresh(rooms.now, {KEY: OPS}, NOON + 200 + 12 * 3600, SETTINGS, {KEY: failure}))
    assert lines(rooms.posts[-1])[0].startswith(
        "⏰ rtc.example.org is still down, since 2026-11-23 12:00 UTC (12 h 3 min). "
        f"Last failed check at 00:00 UTC: connection refused on 203.0.113.9:443.{said} Affects 2 watched servers"
    )


def test_flapping_that_ends_badly_is_a_message_again() -> None:
    """It pings: the room was promised to hear of it."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FLAPPING, flaps=3))
    assert rooms.hear(event(EventKind.STILL_BAD)) == [
        ("!ops", Purpose.UPDATE, Placement.EDIT),
        ("!ops", Purpose.FIRING, Placement.REPLY),
    ]
    assert "It is no longer flapping." in lines(rooms.posts[-1])[0]


def test_a_certificate_is_told_by_its_days() -> None:
    """No reminders in between; the renewal names the new end."""
    rooms = Rooms()
    key = Key.parse("cert:rtc.example.org:443")
    rooms.hear(event(EventKind.FIRED, key, expires=NOON + 200 + 14 * 86400))
    assert rooms.refresh(NOON + 6 * 86400) == []
    rooms.hear(event(EventKind.NEARER, key, after=7 * 86400, expires=NOON + 200 + 14 * 86400))
    rooms.hear(event(EventKind.RESOLVED, key, after=8 * 86400, expires=NOON + 98 * 86400))
    texts = [lines(post)[0] for post in rooms.posts if post.placement is not Placement.EDIT]
    affected = "Affects 2 watched servers: a.org, b.org."
    assert texts == [
        f"⚠️ rtc.example.org: its certificate expires in 14 days, on 2026-12-07 12:03 UTC. Renew it. {affected}",
        f"⚠️ rtc.example.org: its certificate expires in 7 days, on 2026-12-07 12:03 UTC. Renew it. {affected}",
        "✅ rtc.example.org has a new certificate, valid until 2027-03-01 12:00 UTC.",
    ]


def test_a_certificate_has_the_days_left_that_are_left_when_it_is_told() -> None:
    """Also in a room that was silent on the day it was due, and in an edit after the end."""
    rooms = Rooms()
    ending = event(EventKind.FIRED, Key.parse("cert:rtc.example.org:443"), expires=NOON + 14 * 86400)
    rooms.hear(ending, {})
    rooms.refresh(NOON + 10 * 86400)
    assert ": its certificate expires in 4 days, on 2026-12-07 12:00 UTC. Renew it." in lines(rooms.posts[-1])[0]
    rooms.take(acknowledge(rooms.now, "!ops", REACTION, NOON + 15 * 86400, SETTINGS))
    assert ": its certificate expired on 2026-12-07 12:00 UTC. Renew it." in lines(rooms.posts[-1])[0]


@pytest.mark.parametrize(
    ("key", "first", "end"),
    [
        (
            Key.parse("discovery:example.org"),
            "❌ example.org: its client well-known cannot be read since 12:00 UTC (3 checks): ",
            "✅ example.org: its client well-known can be read again since 12:10 UTC, after 10 min.",
        ),
        (
            Key.parse("drift:example.org"),
            "⚠️ example.org: its two foci lists differ since 12:00 UTC (3 checks): ",
            "✅ example.org: its two foci lists agree again since 12:10 UTC, after 10 min.",
        ),
        (
            SELF,
            "❔ Alerting paused since 12:00 UTC: ",
            "✅ Alerting resumed at 12:10 UTC after 10 min: ",
        ),
    ],
)
def test_every_key_has_its_words(key: str, first: str, end: str) -> None:
    """What it is, since when, and its end; the names of servers only where they say more."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED, key), {"!ops": ("example.org",)})
    rooms.hear(event(EventKind.RESOLVED, key, after=600, ended=NOON + 600), {"!ops": ("example.org",)})
    assert lines(rooms.posts[0])[0].startswith(first)
    assert lines(rooms.posts[-1])[0].startswith(end)
    assert "Affects" not in lines(rooms.posts[0])[0]


def test_what_nobody_publishes_any_more_ends_without_a_lie() -> None:
    """It did not recover, and nobody says so."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    rooms.hear(event(EventKind.DROPPED, after=600))
    assert rooms.incident is None
    assert lines(rooms.posts[-1]) == [
        "▫️ rtc.example.org is no longer watched or published; it was down since 12:00 UTC."
    ]


def test_an_end_without_an_incident_is_nothing() -> None:
    """Nor is the end of a key that never was part of it."""
    assert develop(None, event(EventKind.RESOLVED), OPS, SETTINGS) == (None, ())
    assert develop(None, event(EventKind.DEVELOPED), OPS, SETTINGS) == (None, ())
    incident, _ = develop(None, event(EventKind.FIRED), OPS, SETTINGS)
    assert develop(incident, event(EventKind.RESOLVED, Key.parse("focus:https://x:443/")), OPS, SETTINGS) == (
        incident,
        (),
    )
