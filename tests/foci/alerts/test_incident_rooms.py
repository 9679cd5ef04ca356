"""An incident in each of its rooms: rooms that read of other servers, are silent, move, refuse the bot or come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import settings as configured
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from botkit.messages.notification import Notification, Placement
from botkit.messages.rendering import to_plain
from plugins.foci.alerts.incident import CODEC, Acknowledgement, Incident
from plugins.foci.alerts.lifecycle import acknowledge, develop, leave, next_reminder, refresh, rehome, subject, withdraw
from plugins.foci.alerts.notifications import Purpose, without_overtaken
from plugins.foci.health import state as health
from plugins.foci.health.events import AlertEvent, Cause, EventKind, Sample, Status
from plugins.foci.health.keys import Key, KeyKind
from tests.examples import examples
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


def test_each_room_reads_its_own_servers_only() -> None:
    """Two rooms, one outage, different names."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), {"!ops": ("a.org", "b.org"), "!other": ("c.org",)})
    texts = {post.room_id: lines(post)[0] for post in rooms.posts}
    assert texts["!other"].endswith("Affects c.org.")
    assert "c.org" not in texts["!ops"]


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


def test_an_acknowledgement_stops_reminders_in_its_room_only() -> None:
    """It is shown in the message, and reminders go on when it is withdrawn."""
    rooms = Rooms()
    both = {"!ops": ("a.org",), "!other": ("a.org",)}
    rooms.hear(event(EventKind.FIRED), both)
    assert rooms.incident is not None
    reaction = Acknowledgement("$reaction", "@ops:example.org")
    rooms.incident, (edit,) = acknowledge(rooms.incident, "!ops", reaction, NOON + 300, SETTINGS)
    assert lines(edit)[1] == "Acknowledged by @ops:example.org: no reminders in this room."
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
            "⚠️ a.org: its certificate expires in 7 days",
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
    for kind, receiving in ((EventKind.FIRED, OPS), (EventKind.FLAPPING, {})):
        for key in (KEY, SECOND):
            rooms.hear(event(kind, key), receiving)
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
    assert lines(rooms.posts[-1])[1] == "Acknowledged by @ops:example.org: no reminders in this room."
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
    assert lines(rooms.posts[-1])[1] == "Acknowledged by @ops:example.org: no reminders in this room."


def test_a_room_that_left_the_matter_and_comes_back_begins_anew() -> None:
    """Its message was closed, and with it what was said about that message."""
    rooms = Rooms()
    rooms.hear(event(EventKind.FIRED), {**OPS, "!other": ("a.org",)})
    rooms.take(acknowledge(rooms.now, "!ops", REACTION, NOON + 300, SETTINGS))
    rooms.take(leave(rooms.now, "!ops", [KEY], NOON + 400, SETTINGS, quiet=True))
    rooms.refresh(NOON + 600, {**OPS, "!other": ("a.org",)})
    assert len(lines(rooms.posts[-1])) == 1


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

    def receiving(self, about: str) -> Mapping[str, tuple[str, ...]]:
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
                incident, posts = develop(self.incidents.get(about), one, self.receiving(about), SETTINGS, EVIDENCE)
                self.keep(about, incident, posts)

    @rule(room=st.sampled_from(ROOMS))
    def silence_or_speak(self, room: str) -> None:
        self.quiet ^= {room}

    @rule(after=st.sampled_from([60.0, 3600.0, 13 * 3600.0]))
    def refresh_all(self, after: float) -> None:
        self.now += after
        for about, incident in list(self.incidents.items()):
            audiences = {key: self.receiving(str(key)) for key in incident.members}
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

    def keep(self, about: str, incident: Incident | None, posts: tuple[Notification, ...]) -> None:
        for post in posts:
            self.account(about, post)
        if incident is None:
            self.incidents.pop(about, None)
        else:
            self.incidents[about] = incident

    def account(self, about: str, post: Notification) -> None:
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
            about = "focus:rtc.example.org" if key.kind is KeyKind.FOCUS else str(key)
            incident = self.incidents.get(about)
            assert (incident is not None and key in incident.members) is bad

    @invariant()
    def rooms_are_not_flooded(self) -> None:
        # Per key: two outages, flapping with its end, a notice and its end, a reminder.
        for room in ROOMS:
            assert sum(at > self.now - 3600 and one == room for at, one in self.said) <= 7 * len(KEYS)


AnyRooms.TestCase.settings = configured(max_examples=examples(100), stateful_step_count=50, deadline=None)
TestAnyRooms = AnyRooms.TestCase
