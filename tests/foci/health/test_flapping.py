"""What fails and works by turns: one message, which says how it is now, until it is steady; and what failed last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugins.foci.health.events import Cause, EventKind, LastFailure, Sample, Status
from plugins.foci.health.state import AlertState, Condition, last_failure, step
from tests.foci.health.patient import KEY, SETTINGS, START, Patient, kinds

F, R, T = EventKind.FIRED, EventKind.RESOLVED, EventKind.TURNED


def test_flapping_ends_well_after_a_steady_hour() -> None:
    """One resolve for the whole spell, with how often it failed and since when."""
    patient = Patient("bbbgg" * 5)
    turned = patient.state.turned_at
    assert patient.events[-1].kind is T
    assert patient.feed("g" * 35) == []
    (resolved,) = patient.feed("g")
    assert (resolved.kind, resolved.flaps) == (R, 5)
    assert (resolved.since, resolved.ended) == (START + 300, turned)
    assert kinds(patient.feed("bbbgg")) == [F, R]


def test_flapping_that_ends_badly_says_so() -> None:
    """An hour down after flapping is told, and resolves as usual later."""
    patient = Patient("bbbgg" * 3 + "bbb")
    since = patient.state.first_bad
    (still,) = patient.feed("b" * 36)
    assert (still.kind, still.since) == (EventKind.STILL_BAD, since)
    assert kinds(patient.feed("bbgg")) == [R]


def test_while_it_flaps_each_turn_is_told() -> None:
    """Since when it fails or works, and what failed."""
    patient = Patient("bbbgg" * 3)
    flapping, up = patient.events[-2:]
    assert (flapping.failing_since, flapping.ended) == (START + 1100, None)
    assert (up.kind, up.since, up.failing_since, up.ended) == (T, START + 300, None, START + 1500)
    assert up.cause == Cause("connect-refused", "connect-refused!")
    (down,) = patient.feed("bbb", cause="http-5xx")
    assert (down.failing_since, down.ended, down.cause.code, down.flaps) == (START + 1600, None, "http-5xx", 4)


def test_turns_in_quick_succession_are_told_later() -> None:
    """Then as it is: what was over again by then is told in the number of failures only."""
    patient = Patient("bbbgg" * 3)
    assert patient.feed("bbbgg", every=30.0) == []
    assert patient.feed("bb", every=30.0) == []
    (down,) = patient.feed("b", every=30.0)
    assert (down.kind, down.failing_since, down.flaps) == (T, patient.now - 60, 5)


def test_what_flapped_before_turns_were_told_begins_with_the_next_one() -> None:
    """An older version's message says nothing of now, so nothing in it is wrong yet."""
    patient = Patient("bbbgg" * 3)
    patient.state = replace(patient.state, told_failing=None)
    assert patient.feed("ggg") == []
    assert kinds(patient.feed("bbb")) == [T]


def test_what_is_not_sure_is_not_told_as_a_turn() -> None:
    """A late edit does not say that it works while checks fail again, nor that it fails while they succeed."""
    patient = Patient("bbbgg" * 2 + "bbb")
    patient.feed("gg", every=30.0)
    assert patient.state.condition is Condition.OK
    assert patient.feed("bb") == []
    assert kinds(patient.feed("g")) == [T]


@pytest.mark.parametrize(
    ("letters", "latest"),
    [
        ("bbb", Status.BAD),
        ("bbbb", Status.BAD),
        ("bbbg", Status.GOOD),
        ("bbbgg", Status.GOOD),
        ("bbbu", Status.UNKNOWN),
    ],
)
def test_the_last_failure_is_that_of_the_last_bad_sample(letters: str, latest: Status) -> None:
    """Also where the same code says something else than when it fired, which is no development."""
    patient = Patient("bbb")
    patient.state, _ = step(
        patient.state,
        Sample(KEY, "h", Status.BAD, START + 400, "other", Cause("connect-refused", "elsewhere")),
        SETTINGS,
    )
    assert last_failure(patient.state) == LastFailure(START + 400, Cause("connect-refused", "elsewhere"), Status.BAD)
    patient = Patient(letters)
    failure = last_failure(patient.state)
    assert failure is not None
    assert (failure.at, failure.latest) == (START + 100 * (letters.rindex("b") + 1), latest)


def test_what_never_failed_has_no_last_failure() -> None:
    """Nor has a state of a version that did not keep its cause."""
    assert last_failure(Patient("ggu").state) is None
    assert last_failure(AlertState(condition=Condition.FIRING, last_bad=START)) is None


def test_outages_far_apart_do_not_flap() -> None:
    """A third firing counts only with the two others within an hour."""
    patient = Patient()
    for _ in range(5):
        patient.feed("bbbgg", every=400.0)
    assert kinds(patient.events) == [F, R] * 5
