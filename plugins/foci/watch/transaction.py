"""Unit of work: applies alert events to incidents and queues the notifications, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from botkit.messages.document import Document
from botkit.messages.notification import Notification
from botkit.storage import Connection
from plugins.foci.alerts.change_messages import ChangeSubject, list_notifications
from plugins.foci.alerts.incident import Incident
from plugins.foci.alerts.lifecycle import develop, leave, matching, next_reminder, refresh, subjects
from plugins.foci.alerts.receivers import Receivers
from plugins.foci.alerts.watches import Watch, WatchSettings
from plugins.foci.changes.detector import Alternates, Changed, Effect, Settled
from plugins.foci.changes.diff import diff
from plugins.foci.health.evaluate import OutageEnded, drop, fires, last_failure
from plugins.foci.health.events import AlertEvent, LastFailure
from plugins.foci.health.keys import SELF, Key
from plugins.foci.storage.history import HistoryTable, ListChange
from plugins.foci.storage.incidents import IncidentTable, RoomTable, SilenceTable, SuppressedChange
from plugins.foci.storage.states import StateTable
from plugins.foci.storage.watches import ServerTable, WatchTable

Evidence = Callable[[Key], Document | None]
"""The evidence that a check has about a key."""


class UnitOfWork:
    """
    Everything that is remembered, as one transaction sees it, and the notifications that it writes.

    Attributes:
        connection: of the transaction.
        notifications: to be sent if the transaction succeeds.
        forgotten: keys that have no state any longer.
    """

    def __init__(self, connection: Connection, settings: WatchSettings, now: float) -> None:
        self.connection = connection
        self.watches = WatchTable(connection)
        self.servers = ServerTable(connection)
        self.states = StateTable(connection)
        self.incidents = IncidentTable(connection)
        self.silences = SilenceTable(connection)
        self.rooms = RoomTable(connection)
        self.history = HistoryTable(connection)
        self.settings = settings
        self.now = now
        self.notifications: list[Notification] = []
        self.forgotten: set[Key] = set()

    async def receivers(self, keys: Collection[Key], watches: Iterable[Watch] = ()) -> Receivers:
        """The receivers of these keys, and of lists that these watches are about."""
        concerned = await self.watches.concerned_by(keys)
        # only the bot's own network concerns every room
        everywhere = await self.watches.rooms() if SELF in keys else frozenset[str]()
        rooms = {watch.room_id for some in (watches, *concerned.values()) for watch in some} | everywhere
        silences, suspended = await self.silences.of_rooms(rooms), await self.rooms.suspended_of(rooms)
        return Receivers(concerned, everywhere, silences, suspended, self.settings.ignore)

    async def tell(
        self, events: Collection[AlertEvent], evidence: Evidence = lambda _: None, receivers: Receivers | None = None
    ) -> None:
        """
        Take events in, in order.

        Args:
            receivers: who there is to tell, if that is not what the tables say now.
        """
        if not events:
            return
        touched = {name for event in events for name in subjects(event.key)}
        known = {one.subject: one for one in await self.incidents.about(touched)}
        if receivers is None:
            members = {key for one in known.values() for key in one.members}
            receivers = await self.receivers({*members, *(event.key for event in events)})
        changed = set()
        for event in events:
            shown = None if event.is_end else evidence(event.key)
            for before in matching(known.values(), event):
                after, told = develop(before, event, receivers.of_event(event), self.settings.alerts, shown)
                self.notifications += told
                if after is not None and after is not before:
                    known[after.subject] = after
                    changed.add(after.subject)
                elif after is None and before is not None:
                    del known[before.subject]
                    changed.add(before.subject)
        for name in sorted(changed):
            if name in known:
                await self._update(known[name], receivers, quiet=True)
            else:
                await self.incidents.remove(name)

    async def refresh(self, incidents: Iterable[Incident], *, quiet: bool = True) -> None:
        """
        Update rooms on incidents: notify new receivers, correct names, remind.

        Args:
            quiet: rooms that an incident no longer concerns get no message.
        """
        todo = tuple(incidents)
        if not todo:
            return
        receivers = await self.receivers({key for one in todo for key in one.members})
        for incident in todo:
            await self._update(incident, receivers, quiet=quiet)

    async def keep(self, incident: Incident) -> None:
        """Store an incident as it is."""
        await self._keep(incident, await self.receivers(incident.members.keys()))

    async def about_keys(self, keys: Iterable[Key]) -> tuple[Incident, ...]:
        """The open incidents that have any of these keys among their members."""
        wanted = set(keys)
        if not wanted:
            return ()
        found = await self.incidents.about({name for key in wanted for name in subjects(key)})
        return tuple(one for one in found if wanted & one.members.keys())

    async def depart(self, server: str, keys: Collection[Key]) -> None:
        """A server published these keys and does not any longer; what nobody else publishes comes to its end."""
        if not keys:
            return
        incidents = await self.about_keys(keys)
        receivers = await self.receivers({*keys, *(key for one in incidents for key in one.members)})
        await self.states.end(server, keys, self.now)
        await self.forget_orphans(keys, receivers)
        await self.refresh(await self.about_keys(keys), quiet=False)

    async def forget_orphans(self, keys: Collection[Key] | None = None, receivers: Receivers | None = None) -> None:
        """
        Keys, of these or of all, that concern no watched server any longer are forgotten.

        Args:
            receivers: who is told of open ends, if that is not what the tables say now.
        """
        orphans = await self.states.orphans(keys)
        events = [event for key, state in orphans.items() for event in drop(key, state, self.now)]
        await self.history.turn(OutageEnded(key, self.now) for key, state in orphans.items() if fires(state))
        await self.states.remove(orphans)
        self.forgotten |= orphans.keys()
        await self.tell(events, receivers=receivers)

    async def lists(self, server: str, effects: Iterable[Effect]) -> None:
        """Record list changes, notify receivers, and note rooms that are muted or suspended."""
        for effect in effects:
            if not isinstance(effect, Changed | Alternates | Settled):
                continue
            watches = await self.watches.of_server(server)
            if effect.diff:
                await self.history.change(_recorded(server, effect))
            receivers = await self.receivers((), watches)
            waiting = {one.room_id for one in await self.silences.suppressed(server)}
            receiving = {
                room_id: names
                for room_id, names in receivers.of_list(server, watches).items()
                if room_id not in waiting and not _is_new_to(effect, room_id, watches)
            }
            alternated = effect.alternated_at if isinstance(effect, Settled) else None
            for room_id in sorted({watch.room_id for watch in watches} - receiving.keys()):
                if not _is_new_to(effect, room_id, watches):
                    await self.silences.suppress(
                        SuppressedChange(room_id, server, effect.diff.old, effect.at, alternated)
                    )
            self.notifications += list_notifications(server, effect, receiving, self.settings.alerts)
            await self.release(server)

    async def suppress_refused(self, room_id: str, notifications: Iterable[tuple[str, bool]]) -> None:
        """
        List changes whose notifications a room refused are to be told when it hears again.

        Args:
            notifications: what its notifications are about, oldest first, and whether each was refused.
        """
        lost: dict[str, str] = {}
        for about, refused in notifications:
            subject = ChangeSubject.parse(about)
            if subject is None:
                continue
            if refused:
                lost.setdefault(subject.server, subject.at)
            else:
                lost.pop(subject.server, None)
        watched = {watch.server for watch in await self.watches.of_room(room_id)}
        for server, at in sorted(lost.items()):
            if server not in watched:
                continue
            for change in await self.history.changes(server, float(at) - 1):
                if f"{change.at:.3f}" == at:
                    await self.silences.suppress(SuppressedChange(room_id, server, change.before, change.at))
                    break

    async def release(self, server_name: str | None = None) -> None:
        """
        Send what was withheld from rooms that receive again, if the list still differs from the one they know.

        Args:
            server_name: only of this server.
        """
        for row in await self.silences.suppressed(server_name):
            watches = await self.watches.of_server(row.server)
            if row.room_id not in {watch.room_id for watch in watches}:
                await self.silences.release(row)
                continue
            server = await self.servers.get(row.server)
            receiving = (await self.receivers((), watches)).of_list(row.server, watches)
            if row.room_id not in receiving or server is None or server.lists.alternating_since is not None:
                continue
            await self.silences.release(row)
            if server.lists.announced is None:
                continue
            only, compared = {row.room_id: receiving[row.room_id]}, diff(row.snapshot, server.lists.announced)
            if compared:
                changed = Changed(row.at, compared, server.lists.endpoint)
                self.notifications += list_notifications(row.server, changed, only, self.settings.alerts, self.now)
            elif row.alternated_at is not None:
                settled = Settled(row.at, row.alternated_at, compared)
                self.notifications += list_notifications(row.server, settled, only, self.settings.alerts)

    async def reconcile(self) -> Mapping[str, list[Watch]]:
        """
        After any change of who watches what: servers, keys, incidents and what was withheld follow. Idempotent.

        Returns the watches of each server; a canary may have none.
        """
        wanted: dict[str, list[Watch]] = {server: [] for server in self.settings.vouchers.checked}
        for watch in await self.watches.all():
            wanted.setdefault(watch.server, []).append(watch)
        known = {row.server for row in await self.servers.all()}
        await self.servers.add(wanted.keys() - known, self.now)
        for server in sorted(known - wanted.keys()):
            await self.states.end_all(server, self.now)
        await self.servers.remove(known - wanted.keys())
        await self.forget_orphans()
        await self.hear()
        return wanted

    async def hear(self) -> None:
        """After any change of which rooms are to be told: they learn what is open, and what was withheld from them."""
        await self.refresh(await self.incidents.all())
        await self.release()

    async def _update(self, incident: Incident, receivers: Receivers, *, quiet: bool) -> None:
        watching = {key: receivers.watching(key) for key in incident.members}
        for room_id, members in sorted(incident.standing.items()):
            gone = [key for key in members if room_id not in watching[key]]
            incident, told = leave(incident, room_id, gone, self.now, self.settings.alerts, quiet=quiet)
            self.notifications += told
        failures = await self._last_failures(incident)
        incident, told = refresh(incident, receivers.of_members(incident), self.now, self.settings.alerts, failures)
        self.notifications += told
        await self._keep(incident, receivers)

    async def _last_failures(self, incident: Incident) -> Mapping[Key, LastFailure]:
        """What a reminder says of each key; nothing where none is due."""
        due = next_reminder(incident, self.settings.alerts)
        if due is None or due > self.now:
            return {}
        states = await self.states.load(incident.members.keys())
        found = {key: last_failure(state) for key, state in states.items()}
        return {key: failure for key, failure in found.items() if failure is not None}

    async def _keep(self, incident: Incident, receivers: Receivers) -> None:
        """Rooms that are muted or suspended have no reminder due."""
        receiving = {room_id for rooms in receivers.of_members(incident).values() for room_id in rooms}
        heard = replace(incident, rooms={room: view for room, view in incident.rooms.items() if room in receiving})
        await self.incidents.save(incident, next_reminder(heard, self.settings.alerts))


def _recorded(server: str, effect: Changed | Alternates | Settled) -> ListChange:
    kind = type(effect).__name__.lower()
    endpoint = effect.endpoint if isinstance(effect, Changed) else "unknown"
    return ListChange(server, effect.at, kind, effect.diff.old, effect.diff.new, endpoint)


def _is_new_to(effect: Changed | Alternates | Settled, room_id: str, watches: Iterable[Watch]) -> bool:
    """Whether a room has watched only since answers began to alternate, so that it was never notified of it."""
    if not isinstance(effect, Settled):
        return False
    return min(watch.created_at for watch in watches if watch.room_id == room_id) > effect.alternated_at
