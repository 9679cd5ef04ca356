"""Read-only queries for ``!foci watches``, ``!foci history`` and the metrics."""

from __future__ import annotations

from dataclasses import replace

from plugins.foci.alerts.change_messages import describe
from plugins.foci.alerts.watches import Watch, ignored_by, terms_of
from plugins.foci.changes.diff import diff
from plugins.foci.health.events import AlertEvent
from plugins.foci.health.keys import KeyKind
from plugins.foci.watch.known import WatchTotals
from plugins.foci.watch.transaction import UnitOfWork
from plugins.foci.watch.views import History, WatchView


async def views_of(work: UnitOfWork, room_id: str) -> tuple[WatchView, ...]:
    """What is watched for a room, by name. Of what other rooms ask for, and since when, nothing is said."""
    mine: dict[str, list[Watch]] = {}
    for watch in await work.watches.of_room(room_id):
        mine.setdefault(watch.server, []).append(watch)
    rows = {row.server: row for row in await work.servers.all()}
    troubles = await _troubles(work, room_id)
    silences = [one for one in await work.silences.all() if one.room_id == room_id]
    found = []
    for server, own in sorted(mine.items()):
        terms, row = terms_of(server, own, work.settings), rows.get(server)
        if terms is None or row is None:
            continue
        begun = min(watch.created_at for watch in own)
        checked = row.checked_at is not None and row.checked_at >= begun
        ends = [one.until for one in silences if one.covers(server)]
        found.append(
            WatchView(
                server,
                terms.interval,
                own[0].source,
                row.verdict if checked else None,
                row.checked_at if checked else None,
                tuple(_since(begun, event) for event in troubles.get(server, ())),
                max(ends, default=None),
            )
        )
    return tuple(found)


async def names_of(work: UnitOfWork, room_id: str) -> tuple[str, ...]:
    """What a silence in a room may name: its servers, and of those checked since it watches them the services."""
    views = await views_of(work, room_id)
    checked = {view.server for view in views if view.checked_at is not None}
    labels = {key.label for server, key in await work.states.concerning_room(room_id) if server in checked}
    return tuple(sorted(labels | {view.server for view in views}))


def _since(begun: float, event: AlertEvent) -> AlertEvent:
    """An event as those see it who watch since then."""
    return replace(event, since=max(event.since, begun))


async def history_of(work: UnitOfWork, room_id: str, server: str, since: float) -> History | None:
    """What is remembered of a server since a room watches it: what was before is of others."""
    begun = min((one.created_at for one in await work.watches.of_room(room_id) if one.server == server), default=None)
    if begun is None:
        return None
    since = max(since, begun)
    keys = [key for key in await work.states.concerning(server) if key.kind is not KeyKind.CERTIFICATE]
    outages = [replace(one, start=max(one.start, begun)) for one in await work.history.outages(server, since)]
    changes = [
        (change.at, describe(diff(change.before, change.after))) for change in await work.history.changes(server, since)
    ]
    return History(begun, tuple(keys), tuple(outages), tuple(changes))


async def tally_of(work: UnitOfWork) -> WatchTotals:
    """Everything counted."""
    rows, watches = await work.servers.all(), await work.watches.all()
    checks = [row.checked_at for row in rows if row.checked_at is not None]
    return WatchTotals(
        len({watch.room_id for watch in watches}),
        {row.server: row.verdict for row in rows},
        len(await work.incidents.all()),
        max(checks, default=None),
        frozenset(row.server for row in rows) - {watch.server for watch in watches},
    )


async def _troubles(work: UnitOfWork, room_id: str) -> dict[str, list[AlertEvent]]:
    """Open events of each server of a room, without those that it ignores."""
    events = [event for one in await work.incidents.all() for event in one.members.values()]
    concerned = await work.watches.concerned_by({event.key for event in events})
    found: dict[str, list[AlertEvent]] = {}
    for event in events:
        here = [watch for watch in concerned.get(event.key, ()) if watch.room_id == room_id]
        for server in sorted({watch.server for watch in here}):
            ignored = ignored_by(watch for watch in here if watch.server == server)[room_id]
            if event.cause.code not in ignored | work.settings.ignore:
                found.setdefault(server, []).append(event)
    return found
