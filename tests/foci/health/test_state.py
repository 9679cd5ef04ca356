"""From samples to alerts: patient before it fires, honest while it lasts, quiet when it flaps."""

from __future__ import annotations

import pytest
from hypothesis import settings as configured
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from plugins.foci.health.events import AlertEvent, Cause, EventKind, Sample, Status
from plugins.foci.health.state import (
    CODEC,
    DAY,
    HOUR,
    NOTICE_PAUSE,
    TURN_PAUSE,
    AlertState,
    Condition,
    drop,
    least_gap,
    pace,
    server_pace,
    step,
)
from tests.examples import examples
from tests.foci.health.patient import KEY, SETTINGS, STANDINGS, START, Patient, kinds

F, R, D, T = EventKind.FIRED, EventKind.RESOLVED, EventKind.DEVELOPED, EventKind.TURNED
TABLE = [
    ("", []),
    ("gggg", []),
    ("bb", []),
    ("bbg", []),
    ("bbgbbgbbg", []),
    ("bbb", [F]),
    ("bbbbbbbb", [F]),
    ("gbbb", [F]),
    ("bubub", [F]),
    ("bbuuuu", []),
    ("bbbg", [F]),
    ("bbbgg", [F, R]),
    ("bbbgug", [F, R]),
    ("bbbgbgbgbg", [F]),
    ("bbbgbgg", [F, R]),
    ("uuuuuuuu", []),
    ("uuuuuuuuu", [EventKind.UNCHECKABLE]),
    ("u" * 30, [EventKind.UNCHECKABLE]),
    ("u" * 9 + "g", [EventKind.UNCHECKABLE, EventKind.CHECKABLE]),
    ("u" * 9 + "bbb", [EventKind.UNCHECKABLE, EventKind.CHECKABLE, F]),
    ("u" * 8 + "g" + "u" * 8, []),
    ("bbb" + "u" * 9, [F, EventKind.UNCHECKABLE]),
    ("bbb" + "u" * 9 + "gg", [F, EventKind.UNCHECKABLE, EventKind.CHECKABLE, R]),
    ("bbbgg" * 3, [F, R, F, R, EventKind.FLAPPING, T]),
    ("bbbgg" * 9, [F, R, F, R, EventKind.FLAPPING, *[T] * 13]),
]


@pytest.mark.parametrize(("letters", "expected"), TABLE)
def test_samples_lead_to_these_events(letters: str, expected: list[EventKind]) -> None:
    """Three bad in a row fire, two good ones resolve, unknown ones count neither way."""
    assert kinds(Patient(letters).events) == expected


def test_an_outage_carries_its_times() -> None:
    """Since the first bad sample, last good before it, until the first good one after it."""
    fired, resolved = Patient("gggbbbbbgg").events
    assert (fired.since, fired.last_good, fired.checks) == (START + 400, START + 300, 3)
    assert fired.cause == Cause("connect-refused", "connect-refused!")
    assert (resolved.since, resolved.last_good, resolved.ended) == (START + 400, START + 300, START + 900)
    assert (resolved.checks, resolved.flaps, resolved.at) == (5, 1, START + 1000)


def test_what_only_deep_checks_see_was_last_good_in_a_deep_check() -> None:
    """Checks in between that looked no further did not see it; of other causes any good check counts."""
    told: list[AlertEvent] = []
    plan = [("g", True), ("g", False), ("g", False), *[("b", True)] * 3, ("g", True), ("g", True)]
    for cause in (Cause("media-failed", deep=True), Cause("connect-refused")):
        state = AlertState()
        for place, (letter, deep) in enumerate(plan):
            at = START + 100 * place
            good = letter == "g"
            sample = Sample(KEY, "h", STANDINGS[letter], at, f"{place}", Cause() if good else cause, deep=deep and good)
            state, events = step(state, sample, SETTINGS)
            assert CODEC.load(CODEC.dump(state)) == state
            told += events
    assert [(event.kind, event.last_good) for event in told] == [
        (F, START),
        (R, START),
        (F, START + 200),
        (R, START + 200),
    ]


def test_the_second_outage_within_an_hour_says_that_it_is_the_second() -> None:
    """Its resolve counts the outages of the last hour."""
    assert [event.flaps for event in Patient("bbbggbbbgg").events] == [1, 1, 2, 2]


def test_the_same_probe_counts_once() -> None:
    """A result that is reused for other servers is one sample, however often it arrives."""
    state = AlertState()
    sample = Sample(KEY, "h", Status.BAD, START, "one probe")
    for _ in range(10):
        state, events = step(state, sample, SETTINGS)
        assert events == ()
    assert state.bad == 1


def test_bad_samples_in_quick_succession_count_once() -> None:
    """A blip that many servers see at once is one look, whatever their probes are called."""
    patient = Patient()
    for place in range(8):
        sample = Sample(KEY, "h", Status.BAD, START + 20 * place, f"probe {place}", Cause("http-5xx"))
        patient.state, events = step(patient.state, sample, SETTINGS, least=50.0)
        assert kinds(list(events)) == ([F] if place == 6 else [])
    assert (patient.state.bad, patient.state.first_bad) == (3, START)
    assert least_gap(300) == 50
    assert least_gap(60) == 10


def test_while_the_bot_suspects_itself_nothing_fires() -> None:
    """What is still bad afterwards fires with its next bad sample, since the first one."""
    patient = Patient("ggg")
    assert patient.feed("b" * 10, held=True) == []
    assert patient.state.condition is Condition.PENDING
    (fired,) = patient.feed("b")
    assert (fired.kind, fired.since, fired.checks) == (F, START + 400, 11)


def test_what_recovers_under_suspicion_was_never_blamed() -> None:
    """A good sample clears it."""
    patient = Patient()
    patient.feed("b" * 10, held=True)
    assert patient.feed("gbb") == []


def test_under_suspicion_nothing_is_called_uncheckable() -> None:
    """The notice comes once the suspicion is over, if it still holds."""
    patient = Patient()
    assert patient.feed("u" * 30, held=True) == []
    assert kinds(patient.feed("u")) == [EventKind.UNCHECKABLE]


def test_the_notice_is_given_once_a_day_at_most() -> None:
    """A key that is unknown now and then does not become a stream of notices."""
    patient = Patient()
    for _ in range(20):
        patient.feed("u" * 9 + "g")
    assert kinds(patient.events) == [EventKind.UNCHECKABLE, EventKind.CHECKABLE]
    patient.now += NOTICE_PAUSE
    assert kinds(patient.feed("u" * 9)) == [EventKind.UNCHECKABLE]


def test_another_cause_of_the_same_outage_is_a_development() -> None:
    """Told once it is new and ten minutes have passed; the same cause in other words is not."""
    patient = Patient("bbb")
    assert patient.feed("b", cause="tls-expired") == []
    assert kinds(patient.feed("b", every=600.0, cause="connect-refused")) == []
    (developed,) = patient.feed("b", cause="tls-expired")
    assert (developed.kind, developed.cause.code, developed.since) == (D, "tls-expired", START + 100)
    assert patient.feed("b", every=600.0, cause="tls-expired") == []


@pytest.mark.parametrize(
    ("letters", "expected"),
    [("", []), ("bb", []), ("bbbgg", []), ("bbb", [EventKind.DROPPED]), ("bbbgg" * 3, [EventKind.DROPPED])],
)
def test_what_is_forgotten_while_bad_is_told(letters: str, expected: list[EventKind]) -> None:
    """An incident does not stay open for ever because its focus left every list."""
    patient = Patient(letters)
    assert [event.kind for event in drop(patient.state, KEY, patient.now)] == expected


def test_what_is_forgotten_while_uncheckable_is_told() -> None:
    """The notice needs its end too."""
    patient = Patient("u" * 9)
    (event,) = drop(patient.state, KEY, patient.now)
    assert (event.kind, event.since) == (EventKind.DROPPED, START + 100)


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    """Flapping from the future still ends, and no duration is negative."""
    patient = Patient("bbbgg" * 3)
    patient.now -= 30 * DAY
    assert kinds(patient.feed("g" * 38)) == [R]
    assert all(event.ended is None or event.ended >= event.since for event in patient.events)
    patient.feed("bbb")
    patient.now -= DAY
    (resolved,) = patient.feed("gg")
    assert resolved.ended is not None
    assert resolved.ended >= resolved.since


@pytest.mark.parametrize(
    ("letters", "later", "interval", "expected"),
    [
        ("", 0, 300, 300),
        ("g", 0, 300, 300),
        ("u", 0, 300, 300),
        ("b", 0, 300, 100),
        ("bbb", 0, 300, 300),
        ("bbbg", 0, 300, 100),
        ("bbb", DAY - 1, 300, 300),
        ("bbb", DAY + 1, 300, 1200),
        ("bbb", DAY + 1, 1800, 3600),
        ("bbb", DAY + 1, 7200, 7200),
        ("b", 0, 45, 20),
        ("g", 0, 5, 20),
    ],
)
def test_pace(letters: str, later: float, interval: float, expected: float) -> None:
    """Quicker while it is decided, slower once it has long been known, never under twenty seconds."""
    patient = Patient(letters)
    assert pace(patient.state, interval, patient.now + later) == expected


def test_a_server_is_checked_at_the_pace_of_its_most_urgent_key() -> None:
    """One key that is pending is enough."""
    assert server_pace([Patient("g").state, Patient("b").state], 300, START) == 100
    assert server_pace([], 300, START) == 300


class AnySamples(RuleBasedStateMachine):
    """Samples in any order and at any pace, with suspicions, restarts and jumps of the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.state = AlertState()
        self.now = START
        self.count = 0
        self.bad = 0
        self.good = 0
        self.open = False
        self.unclear = False
        self.told: list[float] = []
        self.turned = 0.0
        self.firings: list[float] = []

    @rule(
        letters=st.text("gbu", min_size=1, max_size=9),
        every=st.sampled_from([20.0, 100.0, 300.0, 1200.0]),
        held=st.sampled_from([False, False, False, True]),
        cause=st.sampled_from(["connect-refused", "http-5xx"]),
    )
    def samples(self, letters: str, every: float, held: bool, cause: str) -> None:
        for letter in letters:
            self.now += every
            self.sample(STANDINGS[letter], held, cause)

    def sample(self, standing: Status, held: bool, cause: str) -> None:
        self.count += 1
        if standing is Status.BAD:
            self.bad, self.good = self.bad + 1, 0
        elif standing is Status.GOOD:
            self.bad, self.good = 0, self.good + 1
        before = self.state
        sample = Sample(KEY, "h", standing, self.now, str(self.count), Cause(cause))
        self.state, events = step(self.state, sample, SETTINGS, held=held)
        if standing is Status.UNKNOWN:
            assert (self.state.condition, self.state.bad, self.state.good, self.state.spell) == (
                before.condition,
                before.bad,
                before.good,
                before.spell,
            )
            assert all(event.kind is EventKind.UNCHECKABLE for event in events)
        if self.state.condition is Condition.FIRING and before.condition is not Condition.FIRING:
            assert self.bad >= SETTINGS.failures
            self.firings.append(self.now)
        for event in events:
            self.account(event, held)

    def account(self, event: AlertEvent, held: bool) -> None:
        assert event.since <= event.at == self.now
        assert event.ended is None or event.since <= event.ended <= event.at
        if event.kind in (EventKind.FIRED, EventKind.FLAPPING):
            assert not held
            assert not self.open
            assert self.bad >= SETTINGS.failures
            self.open = True
        elif event.kind is EventKind.RESOLVED:
            assert self.open
            assert self.good >= SETTINGS.recoveries or self.state.condition is Condition.OK
            self.open = False
        elif event.kind in (EventKind.DEVELOPED, EventKind.STILL_BAD):
            assert self.open
        elif event.kind is T:
            assert self.open
            assert event.works is (self.state.condition is Condition.OK)
            assert (event.failing_since is None) is event.works
            assert self.now - self.turned >= TURN_PAUSE
            self.turned = self.now
        elif event.kind is EventKind.UNCHECKABLE:
            assert not held
            assert not self.unclear
            self.unclear = True
        elif event.kind is EventKind.CHECKABLE:
            assert self.unclear
            self.unclear = False
        if event.kind not in (EventKind.DEVELOPED, T):
            self.told.append(self.now)

    @rule()
    def a_restart(self) -> None:
        self.state = CODEC.load(CODEC.dump(self.state))

    @invariant()
    def a_firing_is_resolved_or_still_open(self) -> None:
        assert self.open is (self.state.condition is Condition.FIRING or self.state.spell is not None)
        assert self.unclear is self.state.unclear

    @invariant()
    def messages_are_bounded(self) -> None:
        # Two outages with their ends, the flapping; its end only an hour later. A notice and its end.
        assert sum(at > self.now - HOUR for at in self.told) <= 5 + 2 + 1

    @invariant()
    def the_next_check_is_near(self) -> None:
        assert 20 <= pace(self.state, 300.0, self.now) <= HOUR


AnySamples.TestCase.settings = configured(max_examples=examples(150), stateful_step_count=50, deadline=None)
TestAnySamples = AnySamples.TestCase


def test_a_day_of_the_worst_rhythm_is_bounded() -> None:
    """Two plain outages an hour are the most that is told one by one; quicker ones are told as flapping."""
    for good in range(2, 40):
        patient = Patient()
        while patient.now < START + DAY:
            patient.feed("bbb" + "g" * good)
        aloud = [event for event in patient.events if event.kind is not T]
        assert len(aloud) <= (5 if (3 + good) * 100 < HOUR / 2 else 24 * 4 + 2), good
        assert len(patient.events) <= DAY / TURN_PAUSE, good
