"""
The life of an incident: opened, developed, reminded of, acknowledged, moved with its room, closed.

Several URLs of one service that are bad for the same reason are one incident, of which each room reads only what
concerns its own servers. A post's ``name`` is unique and the same when the step is repeated, so a transaction id can
follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from botkit.messages.document import Document
from botkit.messages.notification import Notification, Placement
from plugins.foci.alerts.incident import UNCLEAR, Acknowledgement, Incident, Past, RoomView
from plugins.foci.alerts.messages import reminder_message
from plugins.foci.alerts.notifications import AlertSettings, Purpose
from plugins.foci.alerts.notifier import NotificationBuilder
from plugins.foci.alerts.receivers import ReceivingRooms
from plugins.foci.health.events import AlertEvent, EventKind, LastFailure
from plugins.foci.health.keys import Key, KeyKind

_OPENING = frozenset(
    {EventKind.FIRED, EventKind.FLAPPING, EventKind.STILL_BAD, EventKind.NEARER, EventKind.UNCHECKABLE}
)
_NOTICES = frozenset({EventKind.UNCHECKABLE, EventKind.CHECKABLE})

MOST_PROVEN = 100
"""Keys of an incident whose evidence is kept."""

IncidentUpdate = tuple[Incident | None, tuple[Notification, ...]]


def subject(event: AlertEvent) -> str:
    """
    What an incident that begins with this event is about.

    Where nothing works on a host and port, all of its URLs are one service. What answers wrongly, and a URL that is
    wrong itself, is apart: others' URLs there need not suffer from it. So is a notice.
    """
    shared = event.key.kind is KeyKind.FOCUS and not event.key.is_faulty and event.cause.outage
    about = str(Key(KeyKind.FOCUS, event.key.label) if shared else event.key)
    return f"{UNCLEAR}{about}" if event.kind in _NOTICES else about


def subjects(key: Key) -> tuple[str, ...]:
    """The subjects of all incidents that may have this key among their members."""
    outage = AlertEvent(EventKind.FIRED, key, 0.0, 0.0)
    return tuple({about: None for about in (str(key), subject(outage)) for about in (about, f"{UNCLEAR}{about}")})


def matching(incidents: Iterable[Incident], event: AlertEvent) -> tuple[Incident | None, ...]:
    """Which of the open incidents an event is for; None: for a new one. The end of a key ends its notice as well."""
    known = tuple(incidents)
    own = [one for one in known if event.key in one.members]
    if event.kind is EventKind.DROPPED:
        return tuple(own)
    own = [one for one in own if one.is_notice is (event.kind in _NOTICES)]
    return (next(iter([*own, *(one for one in known if one.subject == subject(event))]), None),)


def develop(
    incident: Incident | None,
    event: AlertEvent,
    receiving: ReceivingRooms,
    settings: AlertSettings,
    evidence: Document | None = None,
) -> IncidentUpdate:
    """
    Take in an event.

    Args:
        incident: one that ``matching`` names.
        receiving: rooms notified of the event's key now.
        evidence: for the thread of a new or changed outage; kept for rooms that are notified later.
    """
    if event.is_end:
        return (None, ()) if incident is None else _without(incident, event, receiving, settings)
    if incident is None:
        if event.kind not in _OPENING:
            return None, ()
        incident = Incident(subject(event), event.at, {})
    members = {**incident.members, event.key: event}
    turned = event.kind is EventKind.TURNED
    proven = incident.evidence if turned else _proven(incident, event.key, evidence)
    builder = NotificationBuilder(replace(incident, members=members, evidence=proven), settings)
    known = [room_id for room_id, view in incident.rooms.items() if event.key in view.members]
    for room_id in known:
        builder.develop(room_id, event, receiving.get(room_id))
    for room_id, servers in receiving.items():
        if room_id not in known:
            builder.tell(room_id, {event.key: servers}, event.at)
    return builder.result()


def refresh(
    incident: Incident,
    audiences: Mapping[Key, ReceivingRooms],
    now: float,
    settings: AlertSettings,
    failures: Mapping[Key, LastFailure] = MappingProxyType({}),
) -> tuple[Incident, tuple[Notification, ...]]:
    """
    Update every room: notify new receivers and of what got worse while muted, correct names, remind.

    Args:
        audiences: rooms that receive each member now.
        failures: the last of each member, for reminders.
    """
    builder = NotificationBuilder(incident, settings)
    for room_id in sorted({room_id for receiving in audiences.values() for room_id in receiving}):
        heard = {key: audiences[key][room_id] for key in incident.members if room_id in audiences.get(key, ())}
        view = incident.rooms.get(room_id)
        if view is None:
            builder.tell(room_id, heard, now)
            continue
        # A clock that was set back must not put reminders off.
        builder.put(room_id, replace(view, told_at=min(view.told_at, now)))
        for key in heard.keys() & view.members.keys():
            builder.share(room_id, key, heard[key])
        if builder.views[room_id].members != view.members:
            builder.edit(room_id, now)
        builder.tell(room_id, {key: servers for key, servers in heard.items() if key not in view.members}, now)
        builder.catch_up(room_id, heard.keys(), now)
        lasted = now - builder.views[room_id].told_at
        if incident.reminds and not view.acknowledgements and lasted >= settings.reminder:
            builder.put(room_id, replace(builder.views[room_id], told_at=now))
            first = next(iter(heard))
            message = reminder_message(builder.in_room(room_id, now, first), failures.get(first))
            builder.post(room_id, Purpose.REMINDER, Placement.REPLY, message)
    return builder.result()


def next_reminder(incident: Incident, settings: AlertSettings) -> float | None:
    """When the first room is due for a reminder, seconds since the epoch; None when none ever is."""
    if not incident.reminds:
        return None
    waiting = [view.told_at for view in incident.rooms.values() if not view.acknowledgements]
    return min(waiting) + settings.reminder if waiting else None


def acknowledge(
    incident: Incident, room_id: str, reaction: Acknowledgement, now: float, settings: AlertSettings
) -> IncidentUpdate:
    """A permitted user reacted to a message of the incident: no reminders in that room until it is resolved."""
    known = _known(incident, room_id)
    if known is None or reaction.event_id in {one.event_id for one in known.acknowledgements}:
        return incident, ()
    return _acknowledged(incident, room_id, (*known.acknowledgements, reaction), now, settings)


def withdraw(incident: Incident, room_id: str, event_id: str, now: float, settings: AlertSettings) -> IncidentUpdate:
    """A reaction was redacted; reminders resume once the last one is."""
    known = _known(incident, room_id)
    if known is None:
        return incident, ()
    rest = tuple(one for one in known.acknowledgements if one.event_id != event_id)
    if rest == known.acknowledgements:
        return incident, ()
    return _acknowledged(incident, room_id, rest, now, settings)


def rehome(incident: Incident, room_id: str, successor: str | None = None, *, standing: bool = False) -> Incident:
    """
    Forget what a room was sent, because it was replaced or rejects messages.

    Rooms that receive the incident then, that room included, are notified anew by the next ``refresh``.
    Acknowledgements move to the successor; without one they hold when the room itself receives the incident again.

    Args:
        standing: what the room was sent may be editable again later, so it is closed at the end.
    """
    known = _known(incident, room_id)
    if known is None:
        return incident
    held, members = known.acknowledgements, known.members if standing else {}
    rooms = {room: other for room, other in incident.rooms.items() if room != room_id}
    past = {**incident.past, room_id: Past(known.posts, () if successor else held, members)}
    incident = replace(incident, rooms=rooms, past=past)
    if successor is None or not held:
        return incident
    there = _known(incident, successor)
    before = () if there is None else there.acknowledgements
    return _holding(incident, successor, tuple(dict.fromkeys((*before, *held))))


def leave(
    incident: Incident, room_id: str, keys: Iterable[Key], now: float, settings: AlertSettings, *, quiet: bool
) -> tuple[Incident, tuple[Notification, ...]]:
    """
    The incident goes on, but these keys are none of this room's business any longer.

    With the last one its message there gets a last edit.

    Args:
        quiet: the room knows why, so nothing more is said.
    """
    builder = NotificationBuilder(incident, settings)
    for key in keys:
        last = replace(incident.members[key], kind=EventKind.DROPPED, at=now, ended=None)
        builder.end(room_id, last, aloud=not quiet)
    return builder.result()


def _without(
    incident: Incident, event: AlertEvent, receiving: ReceivingRooms, settings: AlertSettings
) -> IncidentUpdate:
    """The incident after one of its keys came to an end; with the last one it is closed."""
    if event.key not in incident.members:
        return incident, ()
    builder = NotificationBuilder(incident, settings)
    for room_id, members in incident.standing.items():
        if event.key in members:
            # A room that silenced it, or does not watch it any longer, is not disturbed.
            builder.end(room_id, event, aloud=room_id in receiving and event.kind is not EventKind.CHECKABLE)
    after, posts = builder.result()
    left = {key: member for key, member in incident.members.items() if key != event.key}
    evidence = _proven(after, event.key, None)
    return (replace(after, members=left, evidence=evidence) if left else None), posts


def _proven(incident: Incident, key: Key, evidence: Document | None) -> dict[Key, Document]:
    """What is to be kept once this was seen of a key, or nothing: of the latest keys only."""
    rest = {known: document for known, document in incident.evidence.items() if known != key}
    return rest if evidence is None else {**dict([*rest.items()][1 - MOST_PROVEN :]), key: evidence}


def _known(incident: Incident, room_id: str) -> RoomView | Past | None:
    """What is kept of a room that was notified, whether it receives the incident at present or not."""
    return incident.rooms.get(room_id) or incident.past.get(room_id)


def _holding(incident: Incident, room_id: str, acknowledgements: tuple[Acknowledgement, ...]) -> Incident:
    view = incident.rooms.get(room_id)
    if view is None:
        past = replace(incident.past.get(room_id, Past()), acknowledgements=acknowledgements)
        return replace(incident, past={**incident.past, room_id: past})
    return replace(incident, rooms={**incident.rooms, room_id: replace(view, acknowledgements=acknowledgements)})


def _acknowledged(
    incident: Incident,
    room_id: str,
    acknowledgements: tuple[Acknowledgement, ...],
    now: float,
    settings: AlertSettings,
) -> IncidentUpdate:
    builder = NotificationBuilder(_holding(incident, room_id, acknowledgements), settings)
    if room_id in builder.views:
        builder.edit(room_id, now)
    return builder.result()
