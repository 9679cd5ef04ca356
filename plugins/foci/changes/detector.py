"""Confirmed changes of one server's foci list: a second look, alternation, the baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace

from plugins.foci.changes.diff import Diff, diff
from plugins.foci.changes.snapshot import NOTHING, ListObservation, Missing, Shape, Snapshot, Unseen
from plugins.foci.discovery.homeserver import PathState
from plugins.foci.serialise import Codec

HOUR = 3600.0
MANY_CHANGES = 3
"""Confirmed changes within an hour from which answers are said to alternate."""


@dataclass(frozen=True, slots=True)
class ListSettings:
    """
    Limits of judgement.

    Attributes:
        failures: 404s in a row from which the list counts as gone.
        confirm_change: seconds between two fetches that must agree on a new list.
    """

    failures: int = 3
    confirm_change: float = 20.0


@dataclass(frozen=True, slots=True)
class ListState:
    """
    What is known of one server's list. Times are seconds since the epoch.

    Attributes:
        current: the last confirmed list; None before the first one was seen.
        previous: the confirmed list before it; None until the first change.
        announced: the list that the rooms know of; differs from ``current`` only while answers alternate.
        candidate, candidate_since: another list, seen and not yet confirmed.
        missing: 404s in a row.
        endpoint: the transports endpoint when last looked at.
        changes: times of the confirmed changes within the last hour.
        alternating_since: when it was said that answers alternate; None while they do not.
        restless_at: when a list other than ``current`` was last seen while answers alternate.
    """

    current: Snapshot | None = None
    previous: Snapshot | None = None
    announced: Snapshot | None = None
    candidate: Snapshot | None = None
    candidate_since: float = 0.0
    missing: int = 0
    endpoint: PathState = "unknown"
    changes: tuple[float, ...] = ()
    alternating_since: float | None = None
    restless_at: float = 0.0


CODEC = Codec(ListState)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The first list seen of this server: the baseline, not reported."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class ConfirmAt:
    """Fetch the well-known again, past every cache, at this time."""

    at: float


@dataclass(frozen=True, slots=True)
class Changed:
    """
    A confirmed change.

    Attributes:
        at: when the new list was first seen.
        migration: the list went while the transports endpoint is there: clients are meant to ask that.
    """

    at: float
    diff: Diff
    endpoint: PathState = "unknown"

    @property
    def migration(self) -> bool:
        return self.diff.new.shape is Shape.NONE and self.endpoint in ("present", "open")


@dataclass(frozen=True, slots=True)
class Alternates:
    """The third change within an hour; nothing more is reported until ``Settled``. ``diff`` is the latest change."""

    at: float
    since: float
    diff: Diff


@dataclass(frozen=True, slots=True)
class Settled:
    """
    An hour without another answer after ``Alternates``.

    Attributes:
        alternated_at: the ``at`` of the ``Alternates`` that ends.
        diff: from the last announced list to the one that stayed; falsy when they are the same.
    """

    at: float
    alternated_at: float
    diff: Diff


Effect = Baseline | ConfirmAt | Changed | Alternates | Settled


def step(
    state: ListState, observation: ListObservation, now: float, settings: ListSettings
) -> tuple[ListState, tuple[Effect, ...]]:
    """
    Take in one fetch.

    A fetch that failed changes nothing and never leads to a change; neither do fewer than ``failures`` 404s in a row.
    """
    state = _rebased(state, now)
    if isinstance(observation, Unseen):
        return replace(state, missing=0), ()
    if observation.endpoint is not None:
        state = replace(state, endpoint=observation.endpoint)
    if isinstance(observation, Missing):
        state = replace(state, missing=min(state.missing + 1, settings.failures))
        return (state, ()) if state.missing < settings.failures else _seen(state, NOTHING, now, settings)
    return _seen(replace(state, missing=0), observation.snapshot, now, settings)


def _rebased(state: ListState, now: float) -> ListState:
    """The same with no time in the future: a clock that was set back must not stop the watch."""
    return replace(
        state,
        candidate_since=min(state.candidate_since, now),
        changes=tuple(at for at in state.changes if now - HOUR < at <= now),
        restless_at=min(state.restless_at, now),
    )


def _seen(
    state: ListState, snapshot: Snapshot, now: float, settings: ListSettings
) -> tuple[ListState, tuple[Effect, ...]]:
    current = state.current
    if current is None:
        return replace(state, current=snapshot, announced=snapshot), (Baseline(snapshot),)
    if snapshot == current:
        return _unchanged(replace(state, candidate=None), current, now)
    state = replace(state, restless_at=now)
    if snapshot != state.candidate:
        state = replace(state, candidate=snapshot, candidate_since=now)
        return state, (ConfirmAt(now + settings.confirm_change),)
    due = state.candidate_since + settings.confirm_change
    if now < due:
        return state, (ConfirmAt(due),)
    return _confirmed(state, current, snapshot, now)


def _unchanged(state: ListState, current: Snapshot, now: float) -> tuple[ListState, tuple[Effect, ...]]:
    """The current list again; after an hour of that, alternation is over."""
    if state.alternating_since is None or now - state.restless_at < HOUR:
        return state, ()
    assert state.announced is not None  # noqa: S101 - something changed before
    effect = Settled(now, state.alternating_since, diff(state.announced, current))
    return replace(state, alternating_since=None, changes=(), announced=current), (effect,)


def _confirmed(
    state: ListState, before: Snapshot, snapshot: Snapshot, now: float
) -> tuple[ListState, tuple[Effect, ...]]:
    changed, at = diff(before, snapshot), state.candidate_since
    changes = (*state.changes, now)
    state = replace(state, current=snapshot, previous=before, candidate=None, changes=changes[-MANY_CHANGES:])
    if state.alternating_since is not None:
        return state, ()
    if len(changes) >= MANY_CHANGES:
        return replace(state, alternating_since=now), (Alternates(now, changes[0], changed),)
    return replace(state, announced=snapshot), (Changed(at, changed, state.endpoint),)
