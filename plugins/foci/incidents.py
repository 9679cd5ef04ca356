"""
Incidents: what each room reads of an outage, from the first message to the last.

Intended use: keep every open ``Incident`` (``STORED`` for the database) and per room the event id of its NEW message.
Several URLs of one service are one incident: ``subject(event)`` finds the open one.

- A health event: ``develop(open one or None, event, audience, settings, evidence)``. DROPPED goes to every incident
  with the key among its ``members``.
- Now and then, at the latest at ``next_reminder``, and when silences, watches or lists change:
  ``refresh(incident, audience, now, settings)``. Rooms that join the audience (a silence ended, a watch was added)
  get the incident afresh.
- Reactions: ``acknowledge`` and ``withdraw``. A room that was upgraded: ``rehome``, then ``refresh``. A room that
  watches nothing of it any more: ``leave``.

Each returns the incident (None once closed) and posts, to be stored in one transaction. A post's ``name`` is unique and
the same when the step is repeated, so a transaction id can follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from botkit.document import Document
from botkit.letter import Placement
from plugins.foci.announcement import Matter, closed_message, reminder_message, resolve_message, standing_message
from plugins.foci.audience import Audience
from plugins.foci.posts import AlertSettings, Post, Purpose, make_post
from plugins.foci.standing import HealthEvent, News
from plugins.foci.stored import StoredForm
from plugins.foci.wording import service_of

_OPENING = frozenset({News.FIRED, News.FLAPPING, News.STILL_BAD, News.NEARER, News.UNCHECKABLE})
_CLOSING = frozenset({News.RESOLVED, News.CHECKABLE, News.DROPPED})
_LOUD = frozenset({News.FLAPPING, News.STILL_BAD, News.NEARER})
"""Developments that are worth a message of their own."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A reaction: its event id and who reacted."""

    event_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class RoomView:
    """
    What one room knows of an incident.

    Attributes:
        servers: as last told.
        told_at: last message that notified, seconds since the epoch.
        posts: how many were made for this room.
    """

    servers: tuple[str, ...]
    told_at: float
    posts: int = 0
    acknowledgements: tuple[Acknowledgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """
    Something that is not over yet.

    Attributes:
        subject: what it is about; only one incident of a subject is open at a time.
        opened_at: seconds since the epoch.
        members: health key to its latest event, the first key first.
        rooms: those that were told, silenced ones included.
        past: room id to how many posts were made for a room that is to be told afresh, should it hear of this again.
    """

    subject: str
    opened_at: float
    members: Mapping[str, HealthEvent]
    rooms: Mapping[str, RoomView] = field(default_factory=dict)
    past: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Unique among all incidents."""
        return f"{self.subject}@{self.opened_at:.3f}"

    @property
    def reminds(self) -> bool:
        """Notices need no reminder; certificates have their own days."""
        members = self.members.items()
        return all(event.kind is not News.UNCHECKABLE and not key.startswith("cert:") for key, event in members)


STORED = StoredForm(Incident)

Step = tuple[Incident | None, tuple[Post, ...]]


def subject(event: HealthEvent) -> str:
    """What the event is about: URLs of one host and port are one service; a notice is apart from an outage."""
    kind = event.key.partition(":")[0]
    about = f"focus:{service_of(event.key)}" if kind == "focus" else event.key
    return f"unclear {about}" if event.kind in (News.UNCHECKABLE, News.CHECKABLE) else about


def develop(
    incident: Incident | None,
    event: HealthEvent,
    audience: Audience,
    settings: AlertSettings,
    evidence: Document | None = None,
) -> Step:
    """
    Take in an event.

    Args:
        incident: the open one of the event's subject, None without one.
        audience: who hears of the event's key now.
        evidence: for the thread of a new or changed outage.
    """
    if event.kind in _CLOSING:
        return (None, ()) if incident is None else _without(incident, event, audience, settings)
    if incident is None:
        if event.kind not in _OPENING:
            return None, ()
        opened = Incident(subject(event), event.at, {event.key: event})
        return _opened(opened, audience, settings, evidence)
    sheet = _Sheet(replace(incident, members={**incident.members, event.key: event}), settings)
    for room_id, view in incident.rooms.items():
        sheet.put(room_id, replace(view, servers=audience.get(room_id, view.servers)))
        sheet.edit(room_id, event.at)
        if room_id not in audience:
            continue
        if event.kind in _LOUD:
            sheet.put(room_id, replace(sheet.views[room_id], told_at=event.at))
            sheet.post(room_id, Purpose.FIRING, Placement.REPLY, standing_message(sheet.matter(room_id, event.at)))
        if evidence is not None:
            sheet.post(room_id, Purpose.EVIDENCE, Placement.THREAD, evidence)
    return sheet.result()


def refresh(
    incident: Incident, audience: Audience, now: float, settings: AlertSettings
) -> tuple[Incident, tuple[Post, ...]]:
    """Bring every room up to date: tell those that were not told, correct names, remind."""
    sheet = _Sheet(incident, settings)
    for room_id, servers in audience.items():
        view = incident.rooms.get(room_id)
        if view is None:
            sheet.open(room_id, servers, now)
            continue
        # A clock that was set back must not put reminders off.
        sheet.put(room_id, replace(view, servers=servers, told_at=min(view.told_at, now)))
        if view.servers != servers:
            sheet.edit(room_id, now)
        if incident.reminds and not view.acknowledgements and now - view.told_at >= settings.reminder:
            sheet.put(room_id, replace(sheet.views[room_id], told_at=now))
            sheet.post(room_id, Purpose.REMINDER, Placement.REPLY, reminder_message(sheet.matter(room_id, now)))
    return sheet.result()


def next_reminder(incident: Incident, settings: AlertSettings) -> float | None:
    """When the first room is due for a reminder, seconds since the epoch; None when none ever is."""
    if not incident.reminds:
        return None
    waiting = [view.told_at for view in incident.rooms.values() if not view.acknowledgements]
    return min(waiting) + settings.reminder if waiting else None


def acknowledge(
    incident: Incident, room_id: str, reaction: Acknowledgement, now: float, settings: AlertSettings
) -> Step:
    """Somebody entitled reacted to a message of the incident: no reminders in that room until it is over."""
    view = incident.rooms.get(room_id)
    if view is None or any(one.event_id == reaction.event_id for one in view.acknowledgements):
        return incident, ()
    return _acknowledged(incident, room_id, (*view.acknowledgements, reaction), now, settings)


def withdraw(incident: Incident, room_id: str, event_id: str, now: float, settings: AlertSettings) -> Step:
    """A reaction was redacted; reminders go on once the last one is."""
    view = incident.rooms.get(room_id)
    if view is None or all(one.event_id != event_id for one in view.acknowledgements):
        return incident, ()
    rest = tuple(one for one in view.acknowledgements if one.event_id != event_id)
    return _acknowledged(incident, room_id, rest, now, settings)


def rehome(incident: Incident, room_id: str) -> Incident:
    """
    Forget what a room was told, for it is replaced by another or cannot be written to.

    Whoever hears of the incident then, that room included, is told afresh by the next ``refresh``.
    """
    view = incident.rooms.get(room_id)
    if view is None:
        return incident
    rest = {room: other for room, other in incident.rooms.items() if room != room_id}
    return replace(incident, rooms=rest, past={**incident.past, room_id: view.posts})


def leave(
    incident: Incident, room_id: str, now: float, settings: AlertSettings, *, quiet: bool
) -> tuple[Incident, tuple[Post, ...]]:
    """
    The incident goes on, but it is none of this room's business any more: its message there gets a last edit.

    Args:
        quiet: the room knows why, so nothing more is said.
    """
    if room_id not in incident.rooms:
        return incident, ()
    sheet = _Sheet(incident, settings)
    matter = sheet.matter(room_id, now)
    last = replace(matter.events[0], kind=News.DROPPED, at=now, ended=None)
    sheet.post(room_id, Purpose.CLOSED, Placement.EDIT, closed_message(last, matter))
    if not quiet:
        sheet.post(room_id, Purpose.RESOLVE, Placement.REPLY, resolve_message(last, matter))
    left, posts = sheet.result()
    return rehome(left, room_id), posts


def _opened(
    incident: Incident, audience: Audience, settings: AlertSettings, evidence: Document | None
) -> tuple[Incident, tuple[Post, ...]]:
    sheet = _Sheet(incident, settings)
    for room_id, servers in audience.items():
        sheet.open(room_id, servers, incident.opened_at)
        if evidence is not None:
            sheet.post(room_id, Purpose.EVIDENCE, Placement.THREAD, evidence)
    return sheet.result()


def _without(incident: Incident, event: HealthEvent, audience: Audience, settings: AlertSettings) -> Step:
    """The incident after one of its keys came to an end; with the last one it is closed."""
    if event.key not in incident.members:
        return incident, ()
    left = {key: member for key, member in incident.members.items() if key != event.key}
    if left:
        sheet = _Sheet(replace(incident, members=left), settings)
        for room_id in incident.rooms:
            sheet.edit(room_id, event.at)
        return sheet.result()
    sheet = _Sheet(incident, settings)
    for room_id in incident.rooms:
        matter = sheet.matter(room_id, event.at)
        sheet.post(room_id, Purpose.CLOSED, Placement.EDIT, closed_message(event, matter))
        # A room that silenced it, or does not watch it any more, is not disturbed.
        if room_id in audience and event.kind is not News.CHECKABLE:
            sheet.post(room_id, Purpose.RESOLVE, Placement.REPLY, resolve_message(event, matter))
    return None, sheet.result()[1]


def _acknowledged(
    incident: Incident,
    room_id: str,
    acknowledgements: tuple[Acknowledgement, ...],
    now: float,
    settings: AlertSettings,
) -> Step:
    sheet = _Sheet(incident, settings)
    sheet.put(room_id, replace(incident.rooms[room_id], acknowledgements=acknowledgements))
    sheet.edit(room_id, now)
    return sheet.result()


class _Sheet:
    """The posts of one step, numbered per room."""

    def __init__(self, incident: Incident, settings: AlertSettings) -> None:
        self.views = dict(incident.rooms)
        self._incident = incident
        self._settings = settings
        self._notice = any(event.kind is News.UNCHECKABLE for event in incident.members.values())
        self._posts: list[Post] = []

    def put(self, room_id: str, view: RoomView) -> None:
        self.views[room_id] = view

    def open(self, room_id: str, servers: tuple[str, ...], now: float) -> None:
        self.put(room_id, RoomView(servers, now, self._incident.past.get(room_id, 0)))
        purpose = Purpose.INFO if self._notice else Purpose.FIRING
        self.post(room_id, purpose, Placement.NEW, standing_message(self.matter(room_id, now)))

    def edit(self, room_id: str, now: float) -> None:
        self.post(room_id, Purpose.UPDATE, Placement.EDIT, standing_message(self.matter(room_id, now)))

    def matter(self, room_id: str, now: float) -> Matter:
        view = self.views[room_id]
        users = tuple(dict.fromkeys(one.user_id for one in view.acknowledgements))
        return Matter(tuple(self._incident.members.values()), view.servers, now, users)

    def post(self, room_id: str, purpose: Purpose, placement: Placement, document: Document) -> None:
        view = self.views[room_id]
        self.views[room_id] = replace(view, posts=view.posts + 1)
        about, number = self._incident.name, view.posts
        post = make_post(about, number, room_id, purpose, placement, document, self._settings, quiet=self._notice)
        self._posts.append(post)

    def result(self) -> tuple[Incident, tuple[Post, ...]]:
        return replace(self._incident, rooms=self.views), tuple(self._posts)
