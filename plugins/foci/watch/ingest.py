"""Takes in a check or a confirmation: states, history, incidents and lists, within one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from plugins.foci.alerts.evidence import evidence_document
from plugins.foci.alerts.watches import Terms, terms_of
from plugins.foci.changes import detector as listwatch
from plugins.foci.changes.detector import ConfirmAt, Effect
from plugins.foci.changes.snapshot import ListObservation, observe
from plugins.foci.health import deep_interval as deep_pace
from plugins.foci.health.evaluate import OwnConnection, due_in, fails_deep, progress
from plugins.foci.health.samples import watched_by
from plugins.foci.health.tracked import follow
from plugins.foci.report.build import CheckResult
from plugins.foci.storage.watches import ServerRow
from plugins.foci.watch.runner import ConfirmationResult, ScheduledCheck
from plugins.foci.watch.transaction import UnitOfWork

Dues = tuple[ScheduledCheck, ...]


def dues_of(row: ServerRow, terms: Terms) -> Dues:
    """What is next for a server; one that was never checked has been due since it is watched."""
    at = row.watched_since if row.due_at is None else row.due_at
    deep = terms.deep and deep_pace.is_due(row.deep_at, at)
    regular = ScheduledCheck(row.server, at, terms.interval, deep, terms.ignore, afresh=row.unconfirmed)
    if row.confirm_at is None:
        return (regular,)
    return (regular, replace(regular, at=row.confirm_at, confirm=True))


async def take_check(
    work: UnitOfWork, checked: CheckResult, mind: OwnConnection, window: float, jitter: Callable[[], float]
) -> tuple[OwnConnection, Dues]:
    """
    Take in a check. Of a server that nobody watches any longer nothing is kept.

    Args:
        window: seconds in which another host's answer proves the bot's own connection.
        jitter: a factor for the time until the next check.
    """
    watches, row = await work.watches.of_server(checked.server), await work.servers.get(checked.server)
    terms = terms_of(watches, work.settings)
    if row is None or terms is None:
        return mind, ()
    report, seen, at = checked.report, checked.seen, checked.at
    watched = watched_by(checked)
    listed = observe(seen.well_known, seen.homeserver.transports.endpoint)
    concerns = await work.states.concerning(checked.server)
    states = await work.states.load(concerns.keys() | watched.keys | {one.key for one in watched.certificates})
    made = progress(checked, watched, mind, states, work.settings.health, window, terms.interval)
    after, effects = _looked(row, listed, at, work)
    following = follow(concerns, checked, watched, listed, after.lists)
    await work.states.save(made.changed)
    await work.states.save_mind(mind, made.mind, made.touched)
    await work.states.begin(checked.server, following.came, work.now)
    await work.history.turn(made.turns)
    # what a check cannot see, because the list could not be read, does not shorten the interval
    known = {**states, **made.changed}
    visible = [state for key, state in known.items() if key in watched.keys]
    pace = due_in(visible, terms.interval, at)
    failing = fails_deep(known, at)
    after = replace(
        after,
        due_at=work.now + pace * jitter(),
        verdict=report.verdict.value,
        summary=report.summary,
        checked_at=at,
        deep_at=row.deep_at if not seen.deep else None if failing else at,
    )
    await work.servers.save(row, after)
    await work.tell(made.events, lambda key: evidence_document(report, key))
    # an incident that was open before another server published its service as well
    fired = {event.key for event in made.events}
    await work.refresh(await work.about_keys(following.came.keys() - fired))
    await work.depart(checked.server, following.went)
    await work.lists(checked.server, effects, watches)
    return made.mind, dues_of(after, terms)


async def take_confirmation(work: UnitOfWork, confirmed: ConfirmationResult) -> Dues:
    """Take in a fetch of the well-known that was to confirm a changed list."""
    watches, row = await work.watches.of_server(confirmed.server), await work.servers.get(confirmed.server)
    terms = terms_of(watches, work.settings)
    if row is None or terms is None:
        return ()
    after, effects = _looked(replace(row, confirm_at=None), observe(confirmed.answer), confirmed.at, work)
    await work.servers.save(row, after)
    await work.lists(confirmed.server, effects, watches)
    return dues_of(after, terms)


def _looked(
    row: ServerRow, observation: ListObservation, at: float, work: UnitOfWork
) -> tuple[ServerRow, tuple[Effect, ...]]:
    """The server with its list after a fetch; a confirmation stays outstanding only while there is something to it."""
    lists, effects = listwatch.step(row.lists, observation, at, work.settings.lists)
    asked = [effect.at for effect in effects if isinstance(effect, ConfirmAt)]
    confirm_at = asked[-1] if asked else row.confirm_at if lists.candidate is not None else None
    unconfirmed = lists.candidate is not None
    return replace(row, lists=lists, confirm_at=confirm_at, unconfirmed=unconfirmed), effects
