"""One check evaluated over time: connectivity, self-check, alert states, certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from plugins.foci.health import certificates, self_check
from plugins.foci.health import deep_interval as deep_pace
from plugins.foci.health import state as health
from plugins.foci.health.certificates import CertificateState
from plugins.foci.health.events import AlertEvent, Cause, Sample
from plugins.foci.health.keys import Key
from plugins.foci.health.samples import WatchedThings, samples_of
from plugins.foci.health.self_check import Connectivity, SelfCheck
from plugins.foci.health.state import AlertState, Condition, HealthSettings
from plugins.foci.report.build import CheckResult

KeyState = AlertState | CertificateState


@dataclass(frozen=True, slots=True)
class OwnConnection:
    """What the bot knows of its own connection."""

    connectivity: Connectivity = field(default_factory=Connectivity)
    self_check: SelfCheck = field(default_factory=SelfCheck)


@dataclass(frozen=True, slots=True)
class OutageBegan:
    """An outage as history keeps it; while something flaps it is not reported."""

    key: Key
    start: float
    cause: Cause


@dataclass(frozen=True, slots=True)
class OutageEnded:
    """The end of the outage of a key that is open."""

    key: Key
    end: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """
    What a check came to.

    Attributes:
        changed: states that are different now.
        touched: hosts of which something new is known.
        turns: outages that began or ended, in order.
    """

    mind: OwnConnection
    changed: Mapping[Key, KeyState]
    events: tuple[AlertEvent, ...]
    turns: tuple[OutageBegan | OutageEnded, ...]
    touched: frozenset[str]


def progress(
    checked: CheckResult,
    watched: WatchedThings,
    mind: OwnConnection,
    states: Mapping[Key, KeyState],
    settings: HealthSettings,
    window: float,
    interval: float,
) -> Evaluation:
    """
    Take in a check.

    Args:
        mind: as it was before the check.
        states: of the keys that have one.
        window: seconds in which another host's answer proves the bot's own connection.
        interval: of the server's checks, in seconds.
    """
    at = checked.at
    connectivity = mind.connectivity.noted(watched.answering, at, window)
    outdone = frozenset[Key]() if checked.seen.deep else fails_deep(states, at)
    samples = samples_of(checked, watched, lambda host: connectivity.proves(host, at, window), outdone)
    doubts, told = self_check.step(mind.self_check, samples, at, window, checked.server)
    events = [*told]
    turns: list[OutageBegan | OutageEnded] = []
    changed: dict[Key, KeyState] = {}
    for sample in samples:
        before = states.get(sample.key)
        before = before if isinstance(before, AlertState) else AlertState()
        held = self_check.held_back(doubts, before.first_bad, at, window) or _unproven(
            sample, before.first_bad, connectivity
        )
        after, told = health.step(before, sample, settings, held=held, least=health.least_gap(interval))
        if after != before:
            changed[sample.key] = after
        events += told
        turns += _turns(sample.key, before, after, at)
    for sighting in watched.certificates:
        known = states.get(sighting.key)
        known = known if isinstance(known, CertificateState) else CertificateState()
        renewed, told = certificates.step(known, sighting, at, settings.recoveries)
        if renewed != known:
            changed[sighting.key] = renewed
        events += told
    if checked.seen.deep:
        changed |= _looked_deep(watched, {**states, **changed}, at)
    touched = watched.answering | {sample.host for sample in samples if sample.host}
    return Evaluation(OwnConnection(connectivity, doubts), changed, tuple(events), tuple(turns), frozenset(touched))


def drop(key: Key, state: KeyState, now: float) -> tuple[AlertEvent, ...]:
    """Events when a key is dropped."""
    if isinstance(state, CertificateState):
        return certificates.drop(state, key, now)
    return health.drop(state, key, now)


def fires(state: KeyState) -> bool:
    """Whether an outage of the key is open in the history."""
    return isinstance(state, AlertState) and state.condition is Condition.FIRING


def is_repeat(before: KeyState | None, after: KeyState) -> bool:
    """Whether a state says nothing new, so that nothing is lost if it is; one of certificates changes when it does."""
    before = AlertState() if before is None else before
    return isinstance(before, AlertState) and isinstance(after, AlertState) and health.is_repeat(before, after)


def due_in(states: Iterable[KeyState], interval: float, now: float) -> float:
    """Seconds until the next check of a server with these keys."""
    return health.server_pace((state for state in states if isinstance(state, AlertState)), interval, now)


def fails_deep(states: Mapping[Key, KeyState], now: float) -> frozenset[Key]:
    """The keys at which a deep check failed lately, so that a check which looks no further proves nothing."""
    known = {key: state.deep for key, state in states.items() if isinstance(state, AlertState)}
    return frozenset(key for key, failure in known.items() if failure is not None and failure.lasts(now))


def _looked_deep(watched: WatchedThings, states: Mapping[Key, KeyState], at: float) -> dict[Key, KeyState]:
    """The states that a deep check's last stages change."""
    changed: dict[Key, KeyState] = {}
    for key, same in watched.foci.items():
        state = states.get(key)
        known = state if isinstance(state, AlertState) else AlertState()
        failure = known.deep
        for focus in same:
            failure = deep_pace.after(failure, focus.stages, at)
        if failure != known.deep:
            changed[key] = replace(known, deep=failure)
    return changed


def _unproven(sample: Sample, first_bad: float | None, connectivity: Connectivity) -> bool:
    """Whether nothing else answered since this trouble began: an answer before it proves no time-out."""
    trouble = sample.at if first_bad is None else min(first_bad, sample.at)
    return sample.timed_out and not connectivity.proves(sample.host, sample.at, sample.at - trouble)


def _turns(key: Key, before: AlertState, after: AlertState, now: float) -> Iterable[OutageBegan | OutageEnded]:
    fired, fires_now = fires(before), fires(after)
    if fires_now and not fired:
        yield OutageBegan(key, now if after.first_bad is None else after.first_bad, after.told)
    if fired and not fires_now:
        yield OutageEnded(key, now if before.recovering_since is None else before.recovering_since)
