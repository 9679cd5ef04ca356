"""An incident as rooms read it: one message, developed in place, with an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import settings as configured
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from botkit.messages.document import Bold, Code, CodeBlock, Document, Emoji, OrderedList, Paragraph, Text
from botkit.messages.notification import Placement
from botkit.messages.rendering import to_plain
from plugins.foci.alerts.incident import CODEC, Acknowledgement, Incident
from plugins.foci.alerts.lifecycle import acknowledge, develop, leave, next_reminder, refresh, rehome, subject, withdraw
from plugins.foci.alerts.notifications import AlertSettings, Post, Purpose, without_overtaken
from plugins.foci.alerts.receivers import ReceivingRooms
from plugins.foci.health import state as health
from plugins.foci.health.events import AlertEvent, Cause, EventKind, Sample, Status
from plugins.foci.health.keys import SELF, Key, Kind
from plugins.foci.serialise import CodecError
from tests.examples import examples

NOON = 1_795_435_200.0
"""2026-11-23, 12:00 UTC."""

KEY = Key.parse("focus:https://rtc.example.org:443/livekit/jwt")
SECOND = Key.parse("focus:https://rtc.example.org:443/second")
REFUSED = Cause("connect-refused", "connection refused on 203.0.113.7:443")
OPS: ReceivingRooms = {"!ops": ("a.org", "b.org")}
SETTINGS = AlertSettings(mention=("@oncall:example.org",))
REACTION = Acknowledgement("$reaction", "@ops:example.org")
EVIDENCE = Document((Paragraph((Text("stages"),)),))


def event(kind: EventKind, key: Key = KEY, after: float = 0.0, **facts: object) -> AlertEvent:
    return replace(AlertEvent(kind, key, NOON + 200 + after, NOON, REFUSED, 3), **facts)  # type: ignore[arg-type]


def proof(what: str) -> Document:
    """Evidence with all kinds of parts."""
    item = (Paragraph((Text("connect: failed "), Bold("now"))),)
    return Document((Paragraph((Emoji("❌"), Code(what))), OrderedList((item, item), 3), CodeBlock("{\n}")))


def lines(post: Post) -> list[str]:
    return to_plain(post.document).split("\n")


class Rooms:
    """One subject's incident and everything that was posted about it."""

    def __init__(self) -> None:
        self.incident: Incident | None = None
        self.posts: list[Post] = []

    def hear(
        self, one: AlertEvent, audience: ReceivingRooms = OPS, evidence: Document | None = None
    ) -> list[tuple[str, Purpose, Placement]]:
        return self.take(develop(self.incident, one, audience, SETTINGS, evidence))

    def refresh(self, now: float, audience: ReceivingRooms = OPS) -> list[tuple[str, Purpose, Placement]]:
        return self.take(refresh(self.now, dict.fromkeys(self.now.members, audience), now, SETTINGS))

    @property
    def now(self) -> Incident:
        """The incident, which is not over."""
        assert self.incident is not None
        return self.incident

    def take(self, step: tuple[Incident | None, tuple[Post, ...]]) -> list[tuple[str, Purpose, Placement]]:
        self.incident, posts = step
        if self.incident is not None:
            assert CODEC.load(CODEC.dump(self.incident)) == self.incident
        self.posts += posts
        return [(post.room_id, post.purpose, post.placement) for post in posts]


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
        "First seen bad at 12:00 UTC, last seen good before that at 11:55 UTC.",
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


def test_each_room_reads_its_own_servers_only() -> None:
    """Two rooms, one outage, different names."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), {"!ops": ("a.org", "b.org"), "!other": ("c.org",)})
    texts = {post.room_id: lines(post)[0] for post in rooms.posts}
    assert texts["!other"].endswith("Affects c.org.")
    assert "c.org" not in texts["!ops"]


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
    assert lines(rooms.posts[-1])[1].startswith("Another URL of the same service too: connection refused")
    assert rooms.hear(event(EventKind.RESOLVED)) == [("!ops", Purpose.UPDATE, Placement.EDIT)]
    assert rooms.incident is not None
    assert [purpose for _, purpose, _ in rooms.hear(event(EventKind.RESOLVED, other))] == [
        Purpose.CLOSED,
        Purpose.RESOLVE,
    ]
    assert rooms.incident is None


def test_each_room_reads_of_its_own_urls_only() -> None:
    """What another room's server publishes on the same host has its own beginning and end there."""
    other = event(EventKind.FIRED, Key.parse("focus:https://rtc.example.org:443/second"), 7200, since=NOON + 7200)
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    assert rooms.hear(other, {"!new": ("c.org",)}, EVIDENCE) == [
        ("!new", Purpose.FIRING, Placement.NEW),
        ("!new", Purpose.EVIDENCE, Placement.THREAD),
    ]
    assert lines(rooms.posts[-2]) == [
        "❌ rtc.example.org is down since 14:00 UTC (3 checks): connection refused on 203.0.113.7:443. Affects c.org."
    ]
    over = replace(other, kind=EventKind.RESOLVED, at=NOON + 9000, ended=NOON + 9000)
    assert rooms.hear(over, {"!new": ("c.org",)}) == [
        ("!new", Purpose.CLOSED, Placement.EDIT),
        ("!new", Purpose.RESOLVE, Placement.REPLY),
    ]
    assert lines(rooms.posts[-1])[0] == "✅ rtc.example.org recovered at 14:30 UTC after 30 min."
    assert rooms.incident is not None
    assert rooms.hear(replace(other, at=NOON + 9900), {"!new": ("c.org",)})[0] == (
        "!new",
        Purpose.FIRING,
        Placement.NEW,
    )


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


def test_an_acknowledgement_stops_reminders_in_its_room_only() -> None:
    """It is shown in the message, and reminders go on when it is withdrawn."""
    rooms = Rooms()
    both = {"!ops": ("a.org",), "!other": ("a.org",)}
    rooms.hear(event(EventKind.FIRED), both)
    assert rooms.incident is not None
    reaction = Acknowledgement("$reaction", "@ops:example.org")
    rooms.incident, (edit,) = acknowledge(rooms.incident, "!ops", reaction, NOON + 300, SETTINGS)
    assert lines(edit)[1] == "Acknowledged by @ops:example.org: no reminders here."
    assert rooms.incident is not None
    assert acknowledge(rooms.incident, "!ops", reaction, NOON + 300, SETTINGS) == (rooms.incident, ())
    assert rooms.refresh(NOON + 13 * 3600, both) == [("!other", Purpose.REMINDER, Placement.REPLY)]
    rooms.incident, (edit,) = withdraw(rooms.incident, "!ops", "$reaction", NOON + 14 * 3600, SETTINGS)
    assert len(lines(edit)) == 1
    assert rooms.refresh(NOON + 14 * 3600, both) == [("!ops", Purpose.REMINDER, Placement.REPLY)]


def test_one_of_two_acknowledgements_is_enough() -> None:
    """Reminders stay away until the last one is withdrawn; unknown reactions change nothing."""
    incident, _ = develop(None, event(EventKind.FIRED), OPS, SETTINGS)
    for name in ("$1", "$2"):
        assert incident is not None
        incident, _ = acknowledge(incident, "!ops", Acknowledgement(name, f"@{name}:x.org"), NOON, SETTINGS)
    assert incident is not None
    incident, _ = withdraw(incident, "!ops", "$1", NOON, SETTINGS)
    assert incident is not None
    assert next_reminder(incident, SETTINGS) is None
    assert withdraw(incident, "!ops", "$3", NOON, SETTINGS) == (incident, ())
    assert acknowledge(incident, "!elsewhere", Acknowledgement("$4", "@x:x.org"), NOON, SETTINGS) == (incident, ())


def test_a_silenced_room_is_told_nothing_until_the_silence_ends() -> None:
    """Then it reads the incident as it stands; if it ended before, it never hears of it."""
    rooms = Rooms()
    assert rooms.hear(event(EventKind.FIRED), {}) == []
    assert rooms.refresh(NOON + 600, {}) == []
    assert rooms.refresh(NOON + 900) == [("!ops", Purpose.FIRING, Placement.NEW)]
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), {})
    assert rooms.hear(event(EventKind.RESOLVED), OPS) == []


def test_a_silence_in_the_midst_leaves_only_quiet_edits() -> None:
    """No reminder and no reply; the message that stands is still brought to its end."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    assert rooms.refresh(NOON + 13 * 3600, {}) == []
    assert rooms.hear(event(EventKind.RESOLVED, after=50_000), {}) == [("!ops", Purpose.CLOSED, Placement.EDIT)]


def test_developments_in_a_silenced_room_are_quiet_edits_too() -> None:
    """Neither message nor thread: what stands is corrected, nothing else."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FLAPPING, flaps=3))
    assert rooms.hear(event(EventKind.STILL_BAD), {}, EVIDENCE) == [("!ops", Purpose.UPDATE, Placement.EDIT)]
    assert rooms.hear(event(EventKind.DEVELOPED), {}, EVIDENCE) == [("!ops", Purpose.UPDATE, Placement.EDIT)]


@pytest.mark.parametrize(
    ("first", "louder", "said"),
    [
        (event(EventKind.FIRED), event(EventKind.FLAPPING, flaps=3), "⚠️ rtc.example.org is flapping"),
        (event(EventKind.FLAPPING, flaps=3), event(EventKind.STILL_BAD), "❌ rtc.example.org is down since"),
        (
            event(EventKind.FIRED, Key.parse("cert:a.org:443"), expires=NOON + 14 * 86400),
            event(EventKind.NEARER, Key.parse("cert:a.org:443"), after=7 * 86400, expires=NOON + 14 * 86400),
            "⚠️ a.org: its certificate ends in 7 days",
        ),
    ],
)
def test_what_grew_worse_in_a_silence_is_told_at_its_end(first: AlertEvent, louder: AlertEvent, said: str) -> None:
    """Once, as it then stands, and it pings; meanwhile only the message that stands is edited."""
    rooms = Rooms()
    rooms.hear(first)
    assert rooms.hear(louder, {}) == [("!ops", Purpose.UPDATE, Placement.EDIT)]
    assert rooms.refresh(louder.at + 60, {}) == []
    assert rooms.refresh(louder.at + 120) == [("!ops", Purpose.FIRING, Placement.REPLY)]
    assert lines(rooms.posts[-1])[0].startswith(said)
    assert rooms.posts[-1].mentions == SETTINGS.mention
    assert rooms.refresh(louder.at + 180) == []


def test_what_grew_worse_in_a_silence_and_is_over_at_its_end_is_not_told() -> None:
    """Nor what the room hears anew before it was told."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    rooms.hear(event(EventKind.FLAPPING, flaps=3), {})
    assert rooms.hear(event(EventKind.RESOLVED, after=9000, ended=NOON + 5400), {}) == [
        ("!ops", Purpose.CLOSED, Placement.EDIT)
    ]
    rooms.hear(event(EventKind.FIRED))
    rooms.hear(event(EventKind.FLAPPING, flaps=3), {})
    assert rooms.hear(event(EventKind.STILL_BAD))[-1] == ("!ops", Purpose.FIRING, Placement.REPLY)
    assert rooms.refresh(NOON + 600) == []


def test_urls_of_a_service_that_grew_worse_in_a_silence_are_one_message() -> None:
    """At its end; a reminder that would be due then is left out."""
    rooms = Rooms()
    for kind, audience in ((EventKind.FIRED, OPS), (EventKind.FLAPPING, {})):
        for key in (KEY, SECOND):
            rooms.hear(event(kind, key), audience)
    assert rooms.refresh(NOON + 13 * 3600) == [("!ops", Purpose.FIRING, Placement.REPLY)]
    assert rooms.refresh(NOON + 13 * 3600) == []


def test_whoever_is_told_later_reads_the_evidence_as_well() -> None:
    """After a silence, in a replacement, with a new watch: in the thread, as it was seen last."""
    latest = proof("https://rtc.example.org/livekit/jwt")
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), {**OPS, "!silent": ("a.org",)}, EVIDENCE)
    rooms.hear(event(EventKind.DEVELOPED, cause=Cause("tls-expired", "expired")), {}, latest)
    rooms.incident = rehome(rooms.now, "!ops", "!new")
    hearing = {"!new": ("a.org",), "!silent": ("a.org",), "!watching": ("a.org",)}
    assert rooms.refresh(NOON + 600, hearing) == [
        (room, purpose, placement)
        for room in ("!new", "!watching")
        for purpose, placement in ((Purpose.FIRING, Placement.NEW), (Purpose.EVIDENCE, Placement.THREAD))
    ]
    assert rooms.posts[-1].document == latest


def test_what_is_told_after_a_silence_has_its_evidence() -> None:
    """What grew worse, and another reason that came up."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), evidence=EVIDENCE)
    rooms.hear(event(EventKind.STILL_BAD), {}, EVIDENCE)
    rooms.hear(event(EventKind.DEVELOPED, cause=Cause("tls-expired", "expired")), {}, proof("expired"))
    rooms.hear(event(EventKind.FIRED, SECOND, cause=Cause("http-5xx", "HTTP 502")), {}, proof("502"))
    said = [(Purpose.FIRING, Placement.REPLY), (Purpose.EVIDENCE, Placement.THREAD)]
    assert [step[1:] for step in rooms.refresh(NOON + 600)] == [(Purpose.UPDATE, Placement.EDIT), *said, *said]
    evidence = [post.document for post in rooms.posts if post.purpose is Purpose.EVIDENCE]
    assert evidence[1:] == [proof("502"), proof("expired")]


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


def test_of_edits_that_are_sent_together_the_last_one_is_left_for_each_message() -> None:
    """A message that was closed and told anew is another one; nothing else is left out or changes places."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), {**OPS, "!other": ("a.org",)})
    rooms.hear(event(EventKind.FLAPPING, flaps=3), {**OPS, "!other": ("a.org",)})
    rooms.hear(event(EventKind.STILL_BAD))
    rooms.take(leave(rooms.now, "!ops", [KEY], NOON + 400, SETTINGS, quiet=True))
    rooms.refresh(NOON + 600, OPS)
    rooms.take(acknowledge(rooms.now, "!ops", REACTION, NOON + 700, SETTINGS))
    left = without_overtaken(rooms.posts)
    assert [(one.placement, one.purpose) for one in left if one.room_id == "!ops"] == [
        (Placement.NEW, Purpose.FIRING),
        (Placement.REPLY, Purpose.FIRING),
        (Placement.REPLY, Purpose.FIRING),
        (Placement.EDIT, Purpose.CLOSED),
        (Placement.NEW, Purpose.FIRING),
        (Placement.EDIT, Purpose.UPDATE),
    ]
    assert [one.placement for one in left if one.room_id == "!other"] == [
        Placement.NEW,
        Placement.REPLY,
        Placement.EDIT,
    ]


def test_other_servers_than_before_are_an_edit() -> None:
    """Another watched server publishes the dead focus: the names are corrected."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), {"!ops": ("a.org",)})
    assert rooms.refresh(NOON + 300) == [("!ops", Purpose.UPDATE, Placement.EDIT)]
    assert lines(rooms.posts[-1])[0].endswith("Affects 2 watched servers: a.org, b.org.")
    assert rooms.refresh(NOON + 300) == []


def test_an_upgraded_room_reads_the_incident_afresh() -> None:
    """In its replacement; the old room is left alone."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    assert rooms.incident is not None
    rooms.incident = rehome(rooms.incident, "!ops")
    replaced = {"!new": ("a.org", "b.org")}
    assert rooms.refresh(NOON + 300, replaced) == [("!new", Purpose.FIRING, Placement.NEW)]
    assert {room for room, _, _ in rooms.hear(event(EventKind.RESOLVED), replaced)} == {"!new"}


def test_an_acknowledgement_moves_with_its_room() -> None:
    """The replacement reads who acknowledged, is not reminded, and is once the reaction is taken back."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED))
    assert rooms.incident is not None
    rooms.incident, _ = acknowledge(rooms.incident, "!ops", REACTION, NOON + 300, SETTINGS)
    assert rooms.incident is not None
    for _ in range(2):
        rooms.incident = rehome(rooms.incident, "!ops", "!new")
    replaced = {"!new": ("a.org", "b.org")}
    assert rooms.refresh(NOON + 600, replaced) == [("!new", Purpose.FIRING, Placement.NEW)]
    assert lines(rooms.posts[-1])[1] == "Acknowledged by @ops:example.org: no reminders here."
    assert next_reminder(rooms.incident, SETTINGS) is None
    rooms.incident, (edit,) = withdraw(rooms.incident, "!new", REACTION.event_id, NOON + 900, SETTINGS)
    assert len(lines(edit)) == 1
    assert rooms.incident is not None
    assert next_reminder(rooms.incident, SETTINGS) == NOON + 600 + 12 * 3600


def test_an_acknowledgement_outlasts_a_suspension() -> None:
    """Also one that was given or taken back while the room refused the bot."""
    for given, withdrawn in ((0, None), (1, None), (0, 1), (1, 1)):
        rooms = Rooms()
        rooms.hear(event(EventKind.FIRED))
        for suspended in (0, 1):
            if given == suspended:
                rooms.take(acknowledge(rooms.now, "!ops", REACTION, NOON + 300, SETTINGS))
            if withdrawn == suspended:
                rooms.take(withdraw(rooms.now, "!ops", REACTION.event_id, NOON + 300, SETTINGS))
            if not suspended:
                rooms.incident = rehome(rooms.now, "!ops")
        assert rooms.refresh(NOON + 600) == [("!ops", Purpose.FIRING, Placement.NEW)]
        assert len(lines(rooms.posts[-1])) == (2 if withdrawn is None else 1)
        assert (next_reminder(rooms.now, SETTINGS) is None) is (withdrawn is None)


def test_a_replacement_that_knows_of_the_incident_takes_the_acknowledgements_over() -> None:
    """Both rooms were told; the next edit says who acknowledged."""
    rooms = Rooms()
    both = {"!ops": ("a.org",), "!new": ("b.org",)}
    rooms.hear(event(EventKind.FIRED), both)
    rooms.take(acknowledge(rooms.now, "!ops", REACTION, NOON + 300, SETTINGS))
    rooms.incident = rehome(rooms.now, "!ops", "!new")
    assert rooms.refresh(NOON + 13 * 3600, {"!new": ("a.org", "b.org")}) == [("!new", Purpose.UPDATE, Placement.EDIT)]
    assert lines(rooms.posts[-1])[1] == "Acknowledged by @ops:example.org: no reminders here."


def test_a_room_that_left_the_matter_and_comes_back_begins_anew() -> None:
    """Its message was closed, and with it what was said about that message."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), {**OPS, "!other": ("a.org",)})
    rooms.take(acknowledge(rooms.now, "!ops", REACTION, NOON + 300, SETTINGS))
    rooms.take(leave(rooms.now, "!ops", [KEY], NOON + 400, SETTINGS, quiet=True))
    rooms.refresh(NOON + 600, {**OPS, "!other": ("a.org",)})
    assert len(lines(rooms.posts[-1])) == 1


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
        "⚠️ rtc.example.org is flapping: it has failed 3 times since 12:00 UTC, the last time: "
    )
    rooms.hear(event(EventKind.RESOLVED, after=9000, ended=NOON + 5400, flaps=7))
    assert lines(rooms.posts[-1]) == [
        "✅ rtc.example.org recovered at 13:30 UTC after 1 h 30 min.",
        "First seen bad at 12:00 UTC; it failed 7 times.",
    ]


def test_flapping_that_ends_badly_is_a_message_again() -> None:
    """It pings: the room was promised to hear of it."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FLAPPING, flaps=3))
    assert rooms.hear(event(EventKind.STILL_BAD)) == [
        ("!ops", Purpose.UPDATE, Placement.EDIT),
        ("!ops", Purpose.FIRING, Placement.REPLY),
    ]
    assert "It is flapping no more." in lines(rooms.posts[-1])[0]


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
        f"⚠️ rtc.example.org: its certificate ends in 14 days, on 2026-12-07 12:03 UTC. Renew it. {affected}",
        f"⚠️ rtc.example.org: its certificate ends in 7 days, on 2026-12-07 12:03 UTC. Renew it. {affected}",
        "✅ rtc.example.org has a new certificate; the new one is valid until 2027-03-01 12:00 UTC.",
    ]


def test_a_certificate_has_the_days_left_that_are_left_when_it_is_told() -> None:
    """Also in a room that was silent on the day it was due, and in an edit after the end."""
    rooms = Rooms()
    ending = event(EventKind.FIRED, Key.parse("cert:rtc.example.org:443"), expires=NOON + 14 * 86400)
    rooms.hear(ending, {})
    rooms.refresh(NOON + 10 * 86400)
    assert ": its certificate ends in 4 days, on 2026-12-07 12:00 UTC. Renew it." in lines(rooms.posts[-1])[0]
    rooms.take(acknowledge(rooms.now, "!ops", REACTION, NOON + 15 * 86400, SETTINGS))
    assert ": its certificate ended on 2026-12-07 12:00 UTC. Renew it." in lines(rooms.posts[-1])[0]


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
            "⚠️ example.org: its two foci lists disagree since 12:00 UTC (3 checks): ",
            "✅ example.org: its two foci lists agree again since 12:10 UTC, after 10 min.",
        ),
        (
            SELF,
            "❔ My own connection is in doubt since 12:00 UTC: ",
            "✅ My own connection is out of doubt since 12:10 UTC, after 10 min: ",
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
        "▫️ rtc.example.org is not watched or published any more; it was down since 12:00 UTC."
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


KEYS = (
    Key.parse("focus:https://rtc.example.org:443/a"),
    Key.parse("focus:https://rtc.example.org:443/b"),
    Key.parse("discovery:a.org"),
)
SERVERS = {KEYS[0]: ("a.org", "b.org"), KEYS[1]: ("b.org",), KEYS[2]: ("a.org",)}
ROOMS = ("!one", "!two")
STANDINGS = {"g": Status.GOOD, "b": Status.BAD, "u": Status.UNKNOWN}


class AnyRooms(RuleBasedStateMachine):
    """Health and incidents together, as the shell runs them: every room's story holds together."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.count = 0
        self.states = {key: health.AlertState() for key in KEYS}
        self.incidents: dict[str, Incident] = {}
        self.quiet: set[str] = set()
        self.names: set[str] = set()
        self.open: dict[tuple[str, str], str] = {}
        self.said: list[tuple[float, str]] = []

    def audience(self, about: str) -> Mapping[str, tuple[str, ...]]:
        servers = SERVERS[KEYS[2]] if about == str(KEYS[2]) else ("a.org", "b.org")
        return {room: servers for room in ROOMS if room not in self.quiet}

    @rule(
        key=st.sampled_from(KEYS),
        letters=st.text("gbbu", min_size=1, max_size=9),
        every=st.sampled_from([60.0, 100.0, 300.0]),
    )
    def samples(self, key: Key, letters: str, every: float) -> None:
        for letter in letters:
            self.now += every
            self.count += 1
            cause = Cause("http-5xx", "HTTP 502") if self.count % 7 else REFUSED
            sample = Sample(key, "h", STANDINGS[letter], self.now, str(self.count), cause)
            self.states[key], events = health.step(self.states[key], sample, health.HealthSettings())
            for one in events:
                about = subject(one)
                incident, posts = develop(self.incidents.get(about), one, self.audience(about), SETTINGS, EVIDENCE)
                self.keep(about, incident, posts)

    @rule(room=st.sampled_from(ROOMS))
    def silence_or_speak(self, room: str) -> None:
        self.quiet ^= {room}

    @rule(after=st.sampled_from([60.0, 3600.0, 13 * 3600.0]))
    def refresh_all(self, after: float) -> None:
        self.now += after
        for about, incident in list(self.incidents.items()):
            audiences = {key: self.audience(str(key)) for key in incident.members}
            self.keep(about, *refresh(incident, audiences, self.now, SETTINGS))

    @precondition(lambda self: self.incidents)
    @rule(room=st.sampled_from(ROOMS), on=st.booleans())
    def react(self, room: str, on: bool) -> None:
        about, incident = next(iter(self.incidents.items()))
        if on:
            self.keep(about, *acknowledge(incident, room, Acknowledgement("$r", "@o:x.org"), self.now, SETTINGS))
        else:
            self.keep(about, *withdraw(incident, room, "$r", self.now, SETTINGS))

    @rule()
    def restart(self) -> None:
        self.incidents = {about: CODEC.load(CODEC.dump(one)) for about, one in self.incidents.items()}

    def keep(self, about: str, incident: Incident | None, posts: tuple[Post, ...]) -> None:
        for post in posts:
            self.account(about, post)
        if incident is None:
            self.incidents.pop(about, None)
        else:
            self.incidents[about] = incident

    def account(self, about: str, post: Post) -> None:
        assert post.name not in self.names
        self.names.add(post.name)
        place = (post.about, post.room_id)
        if post.placement is Placement.NEW:
            assert not self.open.get(place)
            assert post.room_id not in self.quiet
            self.open[place] = about
        else:
            assert place in self.open
        if post.placement in (Placement.REPLY, Placement.THREAD):
            assert post.room_id not in self.quiet
        if post.purpose is Purpose.CLOSED:
            self.open[place] = ""
        if post.placement in (Placement.NEW, Placement.REPLY):
            self.said.append((self.now, post.room_id))
        assert to_plain(post.document).split("\n")[0]

    @invariant()
    def every_message_that_stands_is_of_an_open_incident(self) -> None:
        standing = {(about, room) for (_, room), about in self.open.items() if about}
        told = {(about, room) for about, one in self.incidents.items() for room in one.rooms}
        assert standing == told

    @invariant()
    def an_incident_is_open_exactly_while_one_of_its_keys_is_bad(self) -> None:
        for key, state in self.states.items():
            bad = state.condition is health.Condition.FIRING or state.spell is not None
            about = "focus:rtc.example.org" if key.kind is Kind.FOCUS else str(key)
            incident = self.incidents.get(about)
            assert (incident is not None and key in incident.members) is bad

    @invariant()
    def rooms_are_not_flooded(self) -> None:
        # Per key: two outages, flapping with its end, a notice and its end, a reminder.
        for room in ROOMS:
            assert sum(at > self.now - 3600 and one == room for at, one in self.said) <= 7 * len(KEYS)


AnyRooms.TestCase.settings = configured(max_examples=examples(100), stateful_step_count=50, deadline=None)
TestAnyRooms = AnyRooms.TestCase
