"""
Alert state of one key: samples in; fired, changed, resolved and flapping events out, each once.

A thing has a `Key`; the state of certificates is that of ``certificates``.

A service's result that is reused for another server keeps its ``probe``, so it counts once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from plugins.foci.health.deep_interval import DeepFailure
from plugins.foci.health.events import AlertEvent, Cause, EventKind, LastFailure, Sample, Status
from plugins.foci.health.keys import Key
from plugins.foci.serialise import Codec

HOUR = 3600.0
DAY = 86400.0
MANY_FIRINGS = 3
"""Firings within an hour from which a thing is said to flap."""

UNKNOWN_FACTOR = 3
"""Unknown samples in a row, in multiples of ``failures``, from which a thing is said to be uncheckable."""

NOTICE_PAUSE = DAY
"""Seconds between two notices that the same thing cannot be checked."""

RETELL_PAUSE = 600.0
"""Seconds between two edits because the cause of the same outage changed."""

TURN_PAUSE = 120.0
"""Seconds between two edits because a thing that flaps fails or works again."""

SHORTEST_PACE = 20.0

_REST = 24
"""Multiples of the least gap between two bad samples, and an hour at least, after which they are not in a row."""


class Condition(StrEnum):
    """PENDING: bad, but not often enough yet. FIRING lasts until enough good samples came in a row."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """How many bad samples in a row fire, and how many good ones resolve."""

    failures: int = 3
    recoveries: int = 2


@dataclass(frozen=True, slots=True)
class AlertState:
    """
    What is known of one key. Times are seconds since the epoch.

    Attributes:
        bad: samples in a row while pending, all of the outage while firing; unknown ones do not interrupt, a rest does.
        good: in a row while firing.
        unknown, unknown_since: in a row, whatever the condition.
        first_bad: first bad sample of this trouble; None while ok.
        last_bad, last_cause: the last one that counted, and why it was bad; None if that was not kept.
        last_good, last_good_deep: the last good sample, and the last one that was good of the deep stages as well.
        recovering_since: first good sample of the present row while firing.
        fired_at: start of the present firing.
        firings: starts of firings within the last hour, while flapping of the whole spell (``flaps`` counts them).
        spell: when the first of them began; None unless flapping.
        turned_at: when it last fired or resolved.
        told: the cause of the present or last firing, or what it developed into.
        told_at: when that was last reported; while flapping, when it was last reported to fail or work.
        told_failing: which of the two was reported; None where nothing was, as by versions that did not.
        unclear: they know that it cannot be checked.
        noticed_at: when that was last reported.
        probe: the last one taken in.
        deep: what fails there where only deep checks look; see ``deep_pace``.
    """

    condition: Condition = Condition.OK
    bad: int = 0
    good: int = 0
    unknown: int = 0
    unknown_since: float | None = None
    first_bad: float | None = None
    last_bad: float | None = None
    last_cause: Cause | None = None
    last_good: float | None = None
    last_good_deep: float | None = None
    recovering_since: float | None = None
    fired_at: float | None = None
    firings: tuple[float, ...] = ()
    spell: float | None = None
    flaps: int = 0
    turned_at: float = 0.0
    told: Cause = field(default_factory=Cause)
    told_at: float = 0.0
    told_failing: bool | None = None
    unclear: bool = False
    noticed_at: float | None = None
    probe: str = ""
    deep: DeepFailure | None = None


CODEC = Codec(AlertState)

Events = tuple[AlertEvent, ...]


def step(
    state: AlertState, sample: Sample, settings: HealthSettings, *, held: bool = False, least: float = 0.0
) -> tuple[AlertState, Events]:
    """
    Take in one sample.

    Args:
        held: the bot suspects itself. Nothing fires and nothing is called uncheckable; what is still bad when the
            suspicion is over fires with its next bad sample.
        least: seconds between two bad samples that both count: many servers that share a thing look at it often.
    """
    if sample.probe == state.probe:
        return state, ()
    state = replace(_rebased(state, sample.at), probe=sample.probe)
    if sample.standing is Status.UNKNOWN:
        return _unknown(state, sample, settings, held)
    state, cleared = _checkable(state, sample)
    if sample.standing is Status.BAD:
        state, events = _bad(_rested(state, sample.at, least), sample, settings, held, least)
    else:
        state, events = _good(state, sample, settings)
    state, steady = _steadied(state, sample)
    state, turned = _turned(state, sample)
    return state, (*cleared, *events, *steady, *turned)


def last_failure(state: AlertState) -> LastFailure | None:
    """The last bad sample; None when there was none, or its cause was not kept."""
    if state.last_bad is None or state.last_cause is None:
        return None
    bad = state.condition is Condition.PENDING or (state.condition is Condition.FIRING and not state.good)
    latest = Status.UNKNOWN if state.unknown else Status.BAD if bad else Status.GOOD
    return LastFailure(state.last_bad, state.last_cause, latest)


def is_repeat(before: AlertState, after: AlertState) -> bool:
    """
    Whether a sample said again what was known, so that nothing is lost if its state is: the next one says it too.

    Rows that lead to something count from the first to the last: bad ones until it fires, good ones until it resolves,
    unknown ones until they are reported.
    """
    if after.condition is Condition.PENDING or (after.unknown != before.unknown and not after.unclear):
        return False
    again = replace(
        after,
        bad=before.bad,
        unknown=before.unknown,
        last_bad=before.last_bad,
        last_cause=before.last_cause,
        last_good=before.last_good,
        last_good_deep=before.last_good_deep,
        probe=before.probe,
    )
    return again == before


def drop(state: AlertState, key: Key, now: float) -> Events:
    """
    What to tell when a key is forgotten: its thing is watched no more, or no watched server publishes it any longer.

    The state can be deleted afterwards.
    """
    if state.condition is not Condition.FIRING and state.spell is None and not state.unclear:
        return ()
    since = next((at for at in (state.spell, state.first_bad, state.unknown_since) if at is not None), now)
    last_good = _last_good(state, state.told)
    return (AlertEvent(EventKind.DROPPED, key, now, min(since, now), state.told, state.bad, last_good, state.flaps),)


def pace(state: AlertState, interval: float, now: float) -> float:
    """
    Seconds until the next check on account of this key.

    Pending and recovering: a third of the interval. Firing: the interval, over a day four times that, at most an hour.
    """
    if state.condition is Condition.PENDING or state.good > 0:
        wanted = interval / 3
    elif state.condition is Condition.FIRING and state.fired_at is not None and now - state.fired_at > DAY:
        wanted = slowest_pace(interval)
    else:
        wanted = interval
    return max(SHORTEST_PACE, wanted)


def least_gap(interval: float) -> float:
    """Seconds between two bad samples that both count: half of the pace while pending."""
    return max(SHORTEST_PACE, interval / 3) / 2


def slowest_pace(interval: float) -> float:
    """The most that ``pace`` ever comes to."""
    return max(SHORTEST_PACE, interval, min(4 * interval, HOUR))


def server_pace(states: Iterable[AlertState], interval: float, now: float) -> float:
    """Seconds until the next check of a server with these keys: the shortest pace, without any the interval."""
    return min((pace(state, interval, now) for state in states), default=max(SHORTEST_PACE, interval))


def _rebased(state: AlertState, now: float) -> AlertState:
    """The same with no time in the future: a clock that was set back must not keep anything from ending."""

    def past(at: float | None) -> float | None:
        return None if at is None else min(at, now)

    return replace(
        state,
        unknown_since=past(state.unknown_since),
        first_bad=past(state.first_bad),
        last_bad=past(state.last_bad),
        last_good=past(state.last_good),
        last_good_deep=past(state.last_good_deep),
        recovering_since=past(state.recovering_since),
        fired_at=past(state.fired_at),
        firings=tuple(at for at in state.firings if now - HOUR < at <= now),
        spell=past(state.spell),
        turned_at=min(state.turned_at, now),
        told_at=min(state.told_at, now),
        noticed_at=past(state.noticed_at),
    )


def _rested(state: AlertState, now: float, least: float) -> AlertState:
    """Reset a pending streak whose last bad sample is too old to count."""
    if state.condition is not Condition.PENDING or state.last_bad is None:
        return state
    if now - state.last_bad <= max(HOUR, _REST * least):
        return state
    return replace(state, condition=Condition.OK, bad=0, first_bad=None)


def _unknown(state: AlertState, sample: Sample, settings: HealthSettings, held: bool) -> tuple[AlertState, Events]:
    since = sample.at if state.unknown_since is None else state.unknown_since
    state = replace(state, unknown=state.unknown + 1, unknown_since=since)
    lately = state.noticed_at is not None and sample.at - state.noticed_at < NOTICE_PAUSE
    if state.unknown < UNKNOWN_FACTOR * settings.failures or state.unclear or lately or held:
        return state, ()
    last_good = _last_good(state, sample.cause)
    event = AlertEvent(EventKind.UNCHECKABLE, sample.key, sample.at, since, sample.cause, state.unknown, last_good)
    return replace(state, unclear=True, noticed_at=sample.at), (event,)


def _checkable(state: AlertState, sample: Sample) -> tuple[AlertState, Events]:
    events: Events = ()
    if state.unclear:
        since = sample.at if state.unknown_since is None else state.unknown_since
        events = (AlertEvent(EventKind.CHECKABLE, sample.key, sample.at, since, sample.cause, ended=sample.at),)
    return replace(state, unknown=0, unknown_since=None, unclear=False), events


def _bad(
    state: AlertState, sample: Sample, settings: HealthSettings, held: bool, least: float
) -> tuple[AlertState, Events]:
    first = sample.at if state.first_bad is None else state.first_bad
    state = replace(state, good=0, first_bad=first, recovering_since=None)
    if not state.bad or state.last_bad is None or sample.at - state.last_bad >= least:
        state = replace(state, bad=state.bad + 1, last_bad=sample.at, last_cause=sample.cause)
    if state.condition is Condition.FIRING:
        return _developed(state, sample)
    if state.bad < settings.failures or held:
        return replace(state, condition=Condition.PENDING), ()
    firings = (*state.firings, sample.at)
    state = replace(
        state,
        condition=Condition.FIRING,
        fired_at=sample.at,
        turned_at=sample.at,
        firings=firings,
        told=sample.cause,
        flaps=state.flaps + 1 if state.spell is not None else len(firings),
    )
    if state.spell is not None:
        return state, ()
    state = replace(state, told_at=sample.at, told_failing=True)
    if len(firings) < MANY_FIRINGS:
        return state, (_event(EventKind.FIRED, state, sample),)
    state = replace(state, spell=firings[0])
    return state, (_event(EventKind.FLAPPING, state, sample),)


def _developed(state: AlertState, sample: Sample) -> tuple[AlertState, Events]:
    same = sample.cause.code == state.told.code
    if same or state.spell is not None or sample.at - state.told_at < RETELL_PAUSE:
        return state, ()
    state = replace(state, told=sample.cause, told_at=sample.at)
    return state, (_event(EventKind.DEVELOPED, state, sample),)


def _good(state: AlertState, sample: Sample, settings: HealthSettings) -> tuple[AlertState, Events]:
    if state.condition is not Condition.FIRING:
        return _seen_good(replace(state, condition=Condition.OK, bad=0, first_bad=None), sample), ()
    since = sample.at if state.recovering_since is None else state.recovering_since
    state = replace(state, good=state.good + 1, recovering_since=since)
    if state.good < settings.recoveries:
        return state, ()
    events = () if state.spell is not None else (_event(EventKind.RESOLVED, state, sample),)
    return _seen_good(_well(state, sample.at), sample), events


def _seen_good(state: AlertState, sample: Sample) -> AlertState:
    return replace(state, last_good=sample.at, last_good_deep=sample.at if sample.deep else state.last_good_deep)


def _last_good(state: AlertState, cause: Cause) -> float | None:
    """When what now fails was last seen good: a check that looks less deep did not see it."""
    return state.last_good_deep if cause.deep else state.last_good


def _well(state: AlertState, now: float) -> AlertState:
    return replace(
        state,
        condition=Condition.OK,
        bad=0,
        good=0,
        first_bad=None,
        recovering_since=None,
        fired_at=None,
        turned_at=now,
    )


def _steadied(state: AlertState, sample: Sample) -> tuple[AlertState, Events]:
    """The end of flapping: an hour in one condition, which is reported."""
    if state.spell is None or sample.at - state.turned_at < HOUR:
        return state, ()
    if state.condition is Condition.PENDING or state.good > 0:
        return state, ()
    calm = replace(state, spell=None, firings=(), flaps=0)
    if state.condition is Condition.OK:
        ended = replace(state, recovering_since=state.turned_at)
        return calm, (_event(EventKind.RESOLVED, ended, sample),)
    calm = replace(calm, told=sample.cause, told_at=sample.at, flaps=1)
    return calm, (_event(EventKind.STILL_BAD, state, sample),)


def _turned(state: AlertState, sample: Sample) -> tuple[AlertState, Events]:
    """While flapping: it fails or works, and was last reported not to; what turns sooner is reported later."""
    failing = state.condition is Condition.FIRING
    if state.spell is None or failing is state.told_failing or sample.at - state.told_at < TURN_PAUSE:
        return state, ()
    if state.condition is Condition.PENDING or state.good > 0:
        return state, ()
    unknown = state.told_failing is None
    state = replace(state, told_at=sample.at, told_failing=failing)
    if unknown:
        return state, ()
    seen = replace(state, recovering_since=None if failing else state.turned_at)
    return state, (_event(EventKind.TURNED, seen, sample),)


def _event(kind: EventKind, state: AlertState, sample: Sample) -> AlertEvent:
    since = state.spell if state.spell is not None and kind is not EventKind.STILL_BAD else state.first_bad
    cause = sample.cause if sample.standing is Status.BAD else state.told
    return AlertEvent(
        kind,
        sample.key,
        sample.at,
        sample.at if since is None else since,
        cause,
        state.bad,
        _last_good(state, cause),
        state.flaps,
        state.recovering_since,
        failing_since=state.first_bad if kind in (EventKind.FLAPPING, EventKind.TURNED) else None,
    )
