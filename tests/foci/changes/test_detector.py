"""When a different list is a change: never by a failed fetch, never unconfirmed, never endlessly."""

from __future__ import annotations

import pytest
from hypothesis import settings as configured
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from plugins.foci.changes.detector import (
    CODEC,
    HOUR,
    Alternates,
    Baseline,
    Changed,
    ConfirmAt,
    Effect,
    ListSettings,
    ListState,
    Settled,
    step,
)
from plugins.foci.changes.diff import Kind, Turn, diff
from plugins.foci.changes.snapshot import NOTHING, ListObservation, Missing, Seen, Snapshot, Unseen
from plugins.foci.discovery.homeserver import PathState
from tests.examples import examples
from tests.foci.changes.lists import malformed, published

SETTINGS = ListSettings(failures=3, confirm_change=20.0)
A, B, C = published("a"), published("b"), published("c")
CHECK = 300.0


class Watch:
    """One server's watch with its clock, driven by hand."""

    def __init__(self, *seen: Snapshot) -> None:
        self.state = ListState()
        self.now = 1_000_000.0
        for snapshot in seen:
            self.sees(snapshot)

    def takes(self, observation: ListObservation, after: float = CHECK) -> tuple[Effect, ...]:
        self.now += after
        self.state, effects = step(self.state, observation, self.now, SETTINGS)
        assert CODEC.load(CODEC.dump(self.state)) == self.state
        return effects

    def sees(self, snapshot: Snapshot, after: float = CHECK, endpoint: PathState | None = None) -> tuple[Effect, ...]:
        return self.takes(Seen(snapshot, endpoint), after)

    def changes_to(self, snapshot: Snapshot) -> tuple[Effect, ...]:
        self.sees(snapshot)
        return self.sees(snapshot, after=20)


def test_the_first_list_is_a_silent_baseline() -> None:
    """Nothing is told of what was there before the watch."""
    assert Watch().sees(A) == (Baseline(A),)


def test_a_change_is_confirmed_by_a_second_fetch() -> None:
    """The first sight asks for another fetch, the second tells the change with the time of the first."""
    watch = Watch(A)
    first = watch.sees(B)
    assert first == (ConfirmAt(watch.now + 20),)
    seen_at = watch.now
    assert watch.sees(B, after=20) == (Changed(seen_at, diff(A, B), "unknown"),)
    assert (watch.state.current, watch.state.previous) == (B, A)
    assert watch.state.candidate is None


def test_two_fetches_at_once_confirm_nothing() -> None:
    """A command a moment later is no confirmation: a replica or cache may be rolling over."""
    watch = Watch(A)
    watch.sees(B)
    due = watch.now + 20
    assert watch.sees(B, after=5) == (ConfirmAt(due),)
    assert [type(effect) for effect in watch.sees(B, after=15)] == [Changed]


def test_there_and_back_inside_the_confirmation_is_silent() -> None:
    """A to B to A: nobody hears of it, and nothing is left over."""
    watch = Watch(A)
    watch.sees(B)
    assert watch.sees(A, after=20) == ()
    assert watch.state.candidate is None
    assert watch.sees(B) == (ConfirmAt(watch.now + 20),)


def test_a_failed_confirmation_keeps_the_candidate() -> None:
    """It is tried again at each check until an answer comes."""
    watch = Watch(A)
    watch.sees(B)
    for _ in range(20):
        assert watch.takes(Unseen()) == ()
        assert watch.state.candidate == B
    assert [type(effect) for effect in watch.sees(B)] == [Changed]


def test_a_third_list_replaces_the_candidate() -> None:
    """It needs a confirmation of its own, and is then told against the last confirmed list."""
    watch = Watch(A)
    watch.sees(B)
    assert watch.sees(C, after=20) == (ConfirmAt(watch.now + 20),)
    seen_at = watch.now
    assert watch.sees(C, after=20) == (Changed(seen_at, diff(A, C), "unknown"),)


def test_failures_never_change_anything() -> None:
    """A hundred failed fetches are not an observation."""
    watch = Watch(A)
    for _ in range(100):
        assert watch.takes(Unseen()) == ()
    assert watch.state.current == A


def test_single_404s_never_change_anything() -> None:
    """Fewer than three in a row, whatever interrupts them."""
    watch = Watch(A)
    for interruption in (Unseen(), Seen(A), Unseen(), Seen(A)):
        for _ in range(2):
            assert watch.takes(Missing()) == ()
        assert watch.takes(interruption) == ()
    assert (watch.state.current, watch.state.candidate) == (A, None)


def test_a_404_that_stays_is_a_withdrawal() -> None:
    """Three in a row are seen as no list, which is confirmed like any other."""
    watch = Watch(A)
    assert [watch.takes(Missing("absent")) for _ in range(2)] == [(), ()]
    assert watch.takes(Missing("absent")) == (ConfirmAt(watch.now + 20),)
    (changed,) = watch.takes(Missing("absent"), after=20)
    assert isinstance(changed, Changed)
    assert changed.diff.turn is Turn.WITHDRAWN
    assert not changed.migration


def test_a_server_without_well_known_has_a_silent_baseline_too() -> None:
    """After three 404s its later list is news: published."""
    watch = Watch()
    assert [watch.takes(Missing()) for _ in range(3)] == [(), (), (Baseline(NOTHING),)]
    (changed,) = watch.changes_to(A)
    assert isinstance(changed, Changed)
    assert changed.diff.turn is Turn.PUBLISHED


@pytest.mark.parametrize(("endpoint", "migration"), [("present", True), ("open", True), ("absent", False)])
def test_a_withdrawal_beside_the_endpoint_is_a_migration(endpoint: PathState, migration: bool) -> None:
    """The endpoint is remembered from the check: the confirming fetch reads the well-known alone."""
    watch = Watch(A)
    watch.sees(NOTHING, endpoint=endpoint)
    (changed,) = watch.sees(NOTHING, after=20)
    assert isinstance(changed, Changed)
    assert changed.migration is migration


def test_a_list_that_is_merely_emptied_is_no_migration() -> None:
    """An empty list says that there is no focus."""
    watch = Watch(A)
    watch.sees(published(), endpoint="present")
    (changed,) = watch.sees(published(), after=20)
    assert isinstance(changed, Changed)
    assert not changed.migration
    assert [change.kind for change in changed.diff.changes].count(Kind.REMOVED) == 1


def test_three_changes_within_an_hour_are_one_alert_and_then_silence() -> None:
    """Each further change is silent; after a quiet hour the list is compared with the last one told."""
    watch = Watch(A)
    assert [type(effect) for effect in (*watch.changes_to(B), *watch.changes_to(A))] == [Changed, Changed]
    (alternates,) = watch.changes_to(B)
    assert isinstance(alternates, Alternates)
    assert [watch.changes_to(snapshot) for snapshot in (A, B, A, B)] == [()] * 4
    quiet = [watch.sees(B) for _ in range(int(HOUR / CHECK) - 1)]
    assert quiet == [()] * len(quiet)
    assert watch.sees(B) == (Settled(watch.now, alternates.at, diff(A, B)),)
    assert watch.sees(B) == ()


def test_alternation_that_ends_where_it_began_says_so() -> None:
    """Back at the list that was told last: settled, without a difference."""
    watch = Watch(A)
    for snapshot in (B, A, B, A):
        watch.changes_to(snapshot)
    effects = [effect for _ in range(13) for effect in watch.sees(A)]
    assert len(effects) == 1
    assert isinstance(effects[0], Settled)
    assert not effects[0].diff


def test_unconfirmed_flips_keep_alternation_alive() -> None:
    """An hour counts from the last answer that differed, confirmed or not."""
    watch = Watch(A)
    for snapshot in (B, A, B):
        watch.changes_to(snapshot)
    for _ in range(20):
        assert [effect for effect in (*watch.sees(A), *watch.sees(B)) if not isinstance(effect, ConfirmAt)] == []


def test_three_changes_in_a_day_are_three_changes() -> None:
    """Only what happens within an hour is alternation."""
    watch = Watch(A)
    kinds = []
    for snapshot in (B, A, B, A):
        watch.now += HOUR
        kinds += [type(effect) for effect in watch.changes_to(snapshot)]
    assert kinds == [Changed] * 4


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    """A candidate and a silence from the future still come to their end."""
    watch = Watch(A)
    watch.sees(B)
    watch.now -= 86400
    watch.sees(B)
    assert [type(effect) for effect in watch.sees(B, after=20)] == [Changed]
    for snapshot in (A, B, A):
        watch.changes_to(snapshot)
    assert watch.state.alternating_since is not None
    watch.now -= 86400
    effects = [effect for _ in range(14) for effect in watch.sees(A)]
    assert [type(effect) for effect in effects] == [Settled]


SNAPSHOTS = (A, B, C, published("b", "a"), published(), NOTHING, malformed({}))


class AnyFetches(RuleBasedStateMachine):
    """Answers and failures in any order: what was told adds up to what is published."""

    def __init__(self) -> None:
        super().__init__()
        self.state = ListState()
        self.now = 1_000_000.0
        self.told: Snapshot | None = None
        self.silent = False
        self.missing = 0
        self.news: list[float] = []
        self.sightings: list[tuple[float, Snapshot]] = []

    def take(self, observation: ListObservation, after: float) -> tuple[Effect, ...]:
        self.now += after
        self.state, effects = step(self.state, observation, self.now, SETTINGS)
        for effect in effects:
            self.account(effect)
        return effects

    def account(self, effect: Effect) -> None:
        if isinstance(effect, Baseline):
            assert self.told is None
            self.told = effect.snapshot
        elif isinstance(effect, Changed):
            assert not self.silent
            assert effect.diff.old == self.told
            assert effect.diff
            # Two sightings of the very list, twenty seconds apart, and no other in between.
            same = [at for at, snapshot in self.sightings if at >= effect.at and snapshot == effect.diff.new]
            assert same[-1] - same[0] >= SETTINGS.confirm_change
            assert all(snapshot == effect.diff.new for at, snapshot in self.sightings if at >= effect.at)
            self.told = effect.diff.new
            self.news.append(self.now)
        elif isinstance(effect, Alternates):
            assert not self.silent
            self.silent = True
            self.news.append(self.now)
        elif isinstance(effect, Settled):
            assert self.silent
            assert effect.diff.old == self.told
            self.silent, self.told = False, effect.diff.new
            self.news.append(self.now)

    @rule(snapshot=st.sampled_from(SNAPSHOTS), after=st.sampled_from([1.0, 20.0, 300.0, 3600.0]))
    def an_answer(self, snapshot: Snapshot, after: float) -> None:
        self.missing = 0
        self.sightings.append((self.now + after, snapshot))
        self.take(Seen(snapshot), after)

    @rule(after=st.sampled_from([1.0, 20.0, 300.0, 3600.0]))
    def a_404(self, after: float) -> None:
        self.missing += 1
        if self.missing >= SETTINGS.failures:
            self.sightings.append((self.now + after, NOTHING))
        effects = self.take(Missing(), after)
        assert self.missing >= SETTINGS.failures or effects == ()

    @rule(after=st.sampled_from([1.0, 300.0, 7200.0]))
    def a_failure(self, after: float) -> None:
        self.missing = 0
        assert self.take(Unseen(), after) == ()

    @precondition(lambda self: self.state.candidate is not None)
    @rule()
    def the_confirmation(self) -> None:
        due = self.state.candidate_since + SETTINGS.confirm_change
        if self.state.candidate != NOTHING:
            self.an_answer(self.state.candidate, max(0.0, due - self.now))

    @rule()
    def a_restart(self) -> None:
        self.state = CODEC.load(CODEC.dump(self.state))

    @invariant()
    def the_rooms_know_the_list_unless_answers_alternate(self) -> None:
        assert self.silent is (self.state.alternating_since is not None)
        assert self.told == self.state.announced
        assert self.silent or self.state.announced == self.state.current

    @invariant()
    def messages_are_bounded(self) -> None:
        # Two changes and the alert within an hour; then silence until an hour later.
        assert sum(at > self.now - HOUR for at in self.news) <= 4


AnyFetches.TestCase.settings = configured(max_examples=examples(150), stateful_step_count=60, deadline=None)
TestAnyFetches = AnyFetches.TestCase
