"""One check evaluated over time: connectivity, self-check, alert states, certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from plugins.foci.failure import was_not_asked
from plugins.foci.health import certificates
from plugins.foci.health import deep_interval as deep_pace
from plugins.foci.health import state as health
from plugins.foci.health.certificates import CertificateState
from plugins.foci.health.connectivity import Connectivity
from plugins.foci.health.events import AlertEvent, Cause, LastFailure, Sample
from plugins.foci.health.keys import Key
from plugins.foci.health.samples import WatchedThings, samples_of
from plugins.foci.health.self_check import SelfCheck, Suspicion
from plugins.foci.health.state import AlertState, Condition, HealthSettings
from plugins.foci.health.witnesses import Role, Witnesses
from plugins.foci.report.build import CheckResult

KeyState = AlertState | CertificateState


class OwnConnection:
    """
    What the bot knows of its own connection; each check changes it.

    Attributes:
        witnesses: as of the last ``assign``.
    """

    def __init__(self, self_check: SelfCheck, witnesses: Witnesses) -> None:
        self.connectivity = Connectivity()
        self.self_check = self_check
        self.witnesses = witnesses
        self.assign(witnesses)

    def assign(self, witnesses: Witnesses) -> None:
        """Go by these from now on."""
        self.witnesses = witnesses
        self.self_check.assign(witnesses.roles)
        self.connectivity.assign(witnesses.roles.values())


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
        turns: outages that began or ended, in order.
        turned: the server answered for the first time, or began or ended to be silent, since ``silent_since``.
        suspicion: what the bot thinks of itself, if that is different now.
    """

    changed: Mapping[Key, KeyState]
    events: tuple[AlertEvent, ...]
    turns: tuple[OutageBegan | OutageEnded, ...]
    turned: bool
    silent_since: float | None
    suspicion: Suspicion | None


def progress(
    checked: CheckResult,
    watched: WatchedThings,
    own: OwnConnection,
    states: Mapping[Key, KeyState],
    settings: HealthSettings,
    interval: float,
) -> Evaluation:
    """
    Take in a check.

    Args:
        own: changed by this.
        states: of the keys that have one.
        interval: of the server's checks, in seconds.
    """
    at, window, role = checked.at, own.witnesses.window, own.witnesses.roles[checked.server]
    connectivity, before = own.connectivity, own.self_check.suspicion
    still = connectivity.works(at - window)
    connectivity.note(watched.answering, role, at)
    outdone = frozenset[Key]() if checked.seen.deep else fails_deep(states, at)
    samples = samples_of(checked, watched, lambda host: connectivity.proves(host, role, at - window), outdone)
    turned = _was_asked(checked, watched) and own.self_check.look(
        checked.server, role, at, window, answers=bool(watched.answering)
    )
    events = [*own.self_check.conclude(window, proven=connectivity.works(at - window), still=still)]
    turns: list[OutageBegan | OutageEnded] = []
    changed: dict[Key, KeyState] = {}
    for sample in samples:
        known = states.get(sample.key)
        known = known if isinstance(known, AlertState) else AlertState()
        held = own.self_check.holds_back(known.first_bad, window)
        held = held or _unproven(sample, known.first_bad, connectivity, role)
        after, told = health.step(known, sample, settings, held=held, least=health.least_gap(interval))
        if after != known:
            changed[sample.key] = after
        events += told
        turns += _turns(sample.key, known, after, at)
    for sighting in watched.certificates:
        presented = states.get(sighting.key)
        presented = presented if isinstance(presented, CertificateState) else CertificateState()
        renewed, told = certificates.step(presented, sighting, at, settings.recoveries)
        if renewed != presented:
            changed[sighting.key] = renewed
        events += told
    if checked.seen.deep:
        changed |= _looked_deep(watched, {**states, **changed}, at)
    silent_since = own.self_check.silent_since(checked.server)
    suspicion = None if own.self_check.suspicion == before else own.self_check.suspicion
    return Evaluation(changed, tuple(events), tuple(turns), turned, silent_since, suspicion)


def drop(key: Key, state: KeyState, now: float) -> tuple[AlertEvent, ...]:
    """Events when a key is dropped."""
    if isinstance(state, CertificateState):
        return certificates.drop(state, key, now)
    return health.drop(state, key, now)


def fires(state: KeyState) -> bool:
    """Whether an outage of the key is open in the history."""
    return isinstance(state, AlertState) and state.condition is Condition.FIRING


def last_failure(state: KeyState) -> LastFailure | None:
    """The last bad sample of a key; None of certificates, and where it was not kept."""
    return health.last_failure(state) if isinstance(state, AlertState) else None


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


def _was_asked(checked: CheckResult, watched: WatchedThings) -> bool:
    """Whether silence is the server's: whom the bot itself does not ask says nothing."""
    return bool(watched.answering) or not was_not_asked(checked.seen.well_known.hops[-1])


def _unproven(sample: Sample, first_bad: float | None, connectivity: Connectivity, role: Role) -> bool:
    """Whether nothing else answered since this trouble began: an answer before it proves no time-out."""
    trouble = sample.at if first_bad is None else min(first_bad, sample.at)
    return sample.timed_out and not connectivity.proves(sample.host, role, trouble)


def _turns(key: Key, before: AlertState, after: AlertState, now: float) -> Iterable[OutageBegan | OutageEnded]:
    fired, fires_now = fires(before), fires(after)
    if fires_now and not fired:
        yield OutageBegan(key, now if after.first_bad is None else after.first_bad, after.told)
    if fired and not fires_now:
        yield OutageEnded(key, now if before.recovering_since is None else before.recovering_since)
