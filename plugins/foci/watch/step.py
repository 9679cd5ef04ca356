"""What a check of a watched server comes to, and what is next. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from plugins.foci.alerts.watches import Terms, WatchSettings
from plugins.foci.changes import detector as listwatch
from plugins.foci.changes.detector import ConfirmAt, Effect
from plugins.foci.changes.snapshot import ListObservation, observe
from plugins.foci.health import deep_interval as deep_pace
from plugins.foci.health.evaluate import Evaluation, KeyState, OwnConnection, due_in, fails_deep, is_repeat, progress
from plugins.foci.health.keys import Key
from plugins.foci.health.samples import WatchedThings
from plugins.foci.health.tracked import Following, follow
from plugins.foci.report.build import CheckResult
from plugins.foci.storage.watches import ServerRow
from plugins.foci.watch.known import KnownServer
from plugins.foci.watch.runner import ScheduledCheck

Dues = tuple[ScheduledCheck, ...]


def dues_of(row: ServerRow, terms: Terms) -> Dues:
    """What is next for a server; one that was never checked has been due since it is watched."""
    at = row.watched_since if row.due_at is None else row.due_at
    deep = terms.deep and deep_pace.is_due(row.deep_at, at)
    regular = ScheduledCheck(
        row.server, at, terms.interval, deep, terms.ignore, afresh=row.unconfirmed, payers=terms.payers
    )
    if row.confirm_at is None:
        return (regular,)
    return (regular, replace(regular, at=row.confirm_at, confirm=True))


@dataclass(frozen=True, slots=True)
class Step:
    """
    What a check of a server comes to.

    Attributes:
        effects: of its list.
        repeats: no state of a key says anything new.
    """

    before: KnownServer
    after: KnownServer
    evaluation: Evaluation
    effects: tuple[Effect, ...]
    following: Following
    repeats: bool

    @property
    def is_quiet(self) -> bool:
        """Whether everything is as it was: nothing is lost if this is forgotten, the next check comes to the same."""
        made, before, after = self.evaluation, self.before.row, self.after.row
        changed = made.events or made.turns or self.effects or self.following.came or self.following.went
        same = before.lists == after.lists and before.confirm_at == after.confirm_at
        return self.repeats and same and not (changed or made.turned or made.suspicion)


def step(
    checked: CheckResult,
    watched: WatchedThings,
    known: KnownServer,
    states: Mapping[Key, KeyState],
    own: OwnConnection,
    settings: WatchSettings,
    due: Callable[[float], float],
) -> Step:
    """
    Evaluate a check.

    Args:
        states: of ``keys_of``, of those that have one.
        own: changed by this.
        due: seconds from the check to the time of the next one.
    """
    report, seen, at, row = checked.report, checked.seen, checked.at, known.row
    listed = observe(seen.well_known, seen.homeserver.transports.endpoint)
    made = progress(checked, watched, own, states, settings.health, known.terms.interval)
    fetched, effects = looked(row, listed, at, settings)
    following = follow(known.concerns, checked, watched, listed, fetched.lists)
    # what a check cannot see, because the list could not be read, does not shorten the interval
    all_states = {**states, **made.changed}
    visible = [state for key, state in all_states.items() if key in watched.keys]
    after = replace(
        fetched,
        due_at=due(due_in(visible, known.terms.interval, at)),
        verdict=report.verdict.value,
        checked_at=at,
        deep_at=row.deep_at if not seen.deep else None if fails_deep(all_states, at) else at,
    )
    concerns = known.concerns
    if following.came or following.went:
        concerns = {key: origin for key, origin in {**concerns, **following.came}.items() if key not in following.went}
    repeats = all(is_repeat(states.get(key), state) for key, state in made.changed.items())
    return Step(known, KnownServer(known.terms, after, concerns), made, effects, following, repeats)


def keys_of(watched: WatchedThings, known: KnownServer) -> frozenset[Key]:
    """The keys whose states a check is evaluated with."""
    return frozenset(known.concerns.keys() | watched.keys | {one.key for one in watched.certificates})


def looked(
    row: ServerRow, observation: ListObservation, at: float, settings: WatchSettings
) -> tuple[ServerRow, tuple[Effect, ...]]:
    """The server with its list after a fetch; a confirmation stays outstanding only while there is something to it."""
    lists, effects = listwatch.step(row.lists, observation, at, settings.lists)
    asked = [effect.at for effect in effects if isinstance(effect, ConfirmAt)]
    confirm_at = asked[-1] if asked else row.confirm_at if lists.candidate is not None else None
    unconfirmed = lists.candidate is not None
    return replace(row, lists=lists, confirm_at=confirm_at, unconfirmed=unconfirmed), effects
