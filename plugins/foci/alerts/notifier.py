"""The notifications of one step of an incident, room by room."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from botkit.messages.document import Document
from botkit.messages.notification import Notification, Placement
from plugins.foci.alerts.incident import Incident, NotifiedKey, Past, RoomView
from plugins.foci.alerts.messages import IncidentInRoom, closed_message, resolve_message, status_message
from plugins.foci.alerts.notifications import AlertSettings, Purpose, make_notification
from plugins.foci.health.events import AlertEvent, EventKind
from plugins.foci.health.keys import Key

_LOUD = frozenset({EventKind.FLAPPING, EventKind.STILL_BAD, EventKind.NEARER})
"""Developments that are worth a message of their own."""


class NotificationBuilder:
    """What is written down room by room, numbered."""

    def __init__(self, incident: Incident, settings: AlertSettings) -> None:
        self.views = dict(incident.rooms)
        self._past = dict(incident.past)
        self._incident = incident
        self._settings = settings
        self._posts: list[Notification] = []

    def put(self, room_id: str, view: RoomView) -> None:
        self.views[room_id] = view

    def share(self, room_id: str, key: Key, servers: tuple[str, ...], since: float | None = None) -> None:
        """Note which servers a key concerns here."""
        view = self.views[room_id]
        known = view.members.get(key, NotifiedKey(()))
        share = replace(known, servers=servers, since=known.since if since is None else since)
        self.put(room_id, replace(view, members={**view.members, key: share}))

    def tell(self, room_id: str, heard: Mapping[Key, tuple[str, ...]], now: float) -> None:
        """Notify a room of keys that are new to it; another URL with a cause it knows is an edit only."""
        view = self.views.get(room_id)
        if view is None and heard:
            members = {key: NotifiedKey(servers) for key, servers in heard.items()}
            before = self._past.pop(room_id, Past())
            self.put(room_id, RoomView(members, now, before.posts, before.acknowledgements))
            purpose = Purpose.INFO if self._incident.is_notice else Purpose.FIRING
            self.post(room_id, purpose, Placement.NEW, status_message(self.in_room(room_id, now)))
            self._prove(room_id, heard)
            return
        for key, servers in heard.items():
            known = self._like(room_id, self._incident.members[key])
            self.share(room_id, key, servers)
            self.edit(room_id, now)
            if known is None and not self._incident.is_notice:
                self.alert(room_id, key, now)
            self._prove(room_id, (key,))

    def develop(self, room_id: str, event: AlertEvent, servers: tuple[str, ...] | None) -> None:
        """A development of a key that the room knows; ``servers`` is None while the room is muted."""
        if servers is not None:
            self.share(room_id, event.key, servers)
        self.edit(room_id, event.at)
        if event.kind is EventKind.TURNED:
            return
        if servers is not None:
            if event.kind in _LOUD:
                self.alert(room_id, event.key, event.at)
            self._prove(room_id, (event.key,))
        elif event.kind in _LOUD:
            self._owe(room_id, (event.key,), owed=True)

    def catch_up(self, room_id: str, heard: Collection[Key], now: float) -> None:
        """Report what got worse while the room was muted, in one message, as it is now."""
        owed = [key for key, share in self.views[room_id].members.items() if share.owed and key in heard]
        if owed:
            self._owe(room_id, owed, owed=False)
            self.alert(room_id, owed[0], now)
            self._prove(room_id, owed)

    def end(self, room_id: str, last: AlertEvent, *, aloud: bool) -> None:
        """
        A key is over here, with the last one the incident is; one of several that ended alike is an edit only.

        A room that takes no notifications gets only the last edit: it is sent again when the room takes them.
        """
        if room_id not in self.views:
            past = self._past[room_id]
            if past.members.keys() - {last.key}:
                left = {key: share for key, share in past.members.items() if key != last.key}
                self._past[room_id] = replace(past, members=left)
                return
            self.put(room_id, RoomView(past.members, last.at, past.posts))
        view = self.views[room_id]
        rest = {key: share for key, share in view.members.items() if key != last.key}
        in_room = self.in_room(room_id, last.at, last.key)
        if not rest:
            self.post(room_id, Purpose.CLOSED, Placement.EDIT, closed_message(last, in_room))
            if aloud:
                self.post(room_id, Purpose.RESOLVE, Placement.REPLY, resolve_message(last, in_room))
            self._past[room_id] = Past(self.views.pop(room_id).posts)
            return
        self.put(room_id, replace(view, members=rest))
        heir = self._like(room_id, in_room.events[0])
        if heir is not None:
            since = min(in_room.events[0].since, self._event(room_id, heir).since)
            self.share(room_id, heir, rest[heir].servers, since)
        self.edit(room_id, last.at)
        if aloud and heir is None:
            self.post(room_id, Purpose.RESOLVE, Placement.REPLY, resolve_message(last, in_room))

    def edit(self, room_id: str, now: float) -> None:
        self.post(room_id, Purpose.UPDATE, Placement.EDIT, status_message(self.in_room(room_id, now)))

    def alert(self, room_id: str, key: Key, now: float) -> None:
        self._owe(room_id, (key,), owed=False)
        self.put(room_id, replace(self.views[room_id], told_at=now))
        self.post(room_id, Purpose.FIRING, Placement.REPLY, status_message(self.in_room(room_id, now, key)))

    def in_room(self, room_id: str, now: float, first: Key | None = None) -> IncidentInRoom:
        """The incident as the room knows it, with one key in front."""
        view = self.views[room_id]
        users = tuple(dict.fromkeys(one.user_id for one in view.acknowledgements))
        keys = sorted((key for key in self._incident.members if key in view.members), key=lambda key: key != first)
        return IncidentInRoom(tuple(self._event(room_id, key) for key in keys), view.servers, now, users)

    def post(self, room_id: str, purpose: Purpose, placement: Placement, document: Document) -> None:
        view = self.views[room_id]
        self.views[room_id] = replace(view, posts=view.posts + 1)
        about, number, quiet = self._incident.name, view.posts, self._incident.is_notice
        post = make_notification(about, number, room_id, purpose, placement, document, self._settings, quiet=quiet)
        self._posts.append(post)

    def result(self) -> tuple[Incident, tuple[Notification, ...]]:
        return replace(self._incident, rooms=self.views, past=self._past), tuple(self._posts)

    def _prove(self, room_id: str, keys: Collection[Key]) -> None:
        """Evidence, in the thread: once for all that is bad for the same reason, however many URLs that are."""
        members = self._incident.members
        proven = {members[key].cause.code for key in self.views[room_id].members if key not in keys}
        for key in keys:
            code = members[key].cause.code
            if code not in proven and key in self._incident.evidence:
                proven.add(code)
                self.post(room_id, Purpose.EVIDENCE, Placement.THREAD, self._incident.evidence[key])

    def _owe(self, room_id: str, keys: Collection[Key], *, owed: bool) -> None:
        view = self.views[room_id]
        members = {key: replace(share, owed=owed) if key in keys else share for key, share in view.members.items()}
        self.put(room_id, replace(view, members=members))

    def _event(self, room_id: str, key: Key) -> AlertEvent:
        event, since = self._incident.members[key], self.views[room_id].members[key].since
        return event if since is None else replace(event, since=min(event.since, since))

    def _like(self, room_id: str, event: AlertEvent) -> Key | None:
        """Another key that the room knows to be bad for the same reason."""
        others = (self._incident.members[key] for key in self.views[room_id].members if key != event.key)
        return next((one.key for one in others if one.cause.outage and one.cause.code == event.cause.code), None)
