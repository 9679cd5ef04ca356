"""
The watch service: watches, silences, acknowledgements and check results; every method is one transaction.

Whatever the host may repeat after a crash does nothing the second time. ``now`` is everywhere in seconds since the
epoch.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from botkit.messages.document import Document
from botkit.messages.notification import Notification, Placement
from botkit.messages.sanitise import logged
from botkit.plugin import Notifier
from botkit.storage import Database, Turns
from plugins.foci.alerts import lifecycle as incident
from plugins.foci.alerts.incident import Acknowledgement, Incident
from plugins.foci.alerts.lifecycle import rehome
from plugins.foci.alerts.messages import suspended_message
from plugins.foci.alerts.notifications import Purpose, make_notification, without_overtaken
from plugins.foci.alerts.receivers import confidant
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.vouching import PartyOf
from plugins.foci.alerts.watches import Watch, WatchSettings, successor, terms_of
from plugins.foci.report.build import CheckResult
from plugins.foci.storage.history import KEPT
from plugins.foci.watch.ingest import CheckIngest
from plugins.foci.watch.known import Memory, WatchTotals
from plugins.foci.watch.queries import history_of, names_of, tally_of, views_of
from plugins.foci.watch.runner import ConfirmationResult
from plugins.foci.watch.step import Dues, dues_of
from plugins.foci.watch.transaction import UnitOfWork
from plugins.foci.watch.views import History, Unwatched, Watched, WatchView

log = logging.getLogger(__name__)

DAY = 86400.0
_PRUNED = "pruned_at"


class WatchService:
    """
    The memory of watches.

    Args:
        jitter: a factor for the time until a server's next check, such as 0.9 to 1.1.
        party_of: whose users count as one; homeservers by their names alone if not given.

    Attributes:
        queued: notifications that were written, by purpose, since the start.
    """

    def __init__(
        self,
        storage: Database,
        notifier: Notifier,
        settings: WatchSettings,
        jitter: Callable[[], float] = lambda: 1.0,
        party_of: PartyOf = lambda host: host,
    ) -> None:
        self._storage = storage
        self._notifier = notifier
        self._settings = settings
        self.queued: Counter[str] = Counter()
        self._memory = Memory()
        self._turns = Turns()
        self._ingest = CheckIngest(self._memory, self._turns, self._transaction, settings, jitter, party_of)

    async def schedule(self) -> Dues:
        """All watched servers with the time of their next check, and the confirmations that are outstanding."""
        await self.flush()
        async with self._work(0.0) as work:
            rows, watches = await work.servers.all(), await work.watches.all()
        wishes: dict[str, list[Watch]] = {}
        for watch in watches:
            wishes.setdefault(watch.server, []).append(watch)
        found = [(row, terms_of(row.server, wishes.get(row.server, ()), self._settings)) for row in rows]
        return tuple(due for row, terms in found if terms is not None for due in dues_of(row, terms))

    async def take(self, outcome: CheckResult | ConfirmationResult, now: float) -> Dues:
        """
        Take in a check or a confirmation; returns what is next for this server, nothing if it is not watched.

        An exception means that nothing was stored or queued. A check that changes nothing is not stored by itself: see
        ``flush``.
        """
        if isinstance(outcome, ConfirmationResult):
            return await self._ingest.confirmation(outcome, now)
        return await self._ingest.check(outcome, now)

    async def flush(self) -> None:
        """Store due times and last results of checks that changed nothing; what is lost by a crash is repeated."""
        await self._ingest.flush()

    async def remind(self, now: float) -> None:
        """Remind of what lasts."""
        async with self._work(now) as work:
            await work.refresh(await work.incidents.due(now, now + self._settings.alerts.reminder))

    async def next_reminder(self) -> float | None:
        """When ``remind`` has something to do; None for never."""
        async with self._work(0.0) as work:
            return await work.incidents.next_at()

    async def forget(self, now: float) -> None:
        """
        Once a day forget what is too old; after a long rest not before a day went by.

        To be called often, but not while ``now`` is of a clock that has just leapt.
        """
        async with self._work(now) as work:
            last = await work.states.noted(_PRUNED)
            went_by = math.inf if last is None else now - float(last)
            if 0 <= went_by < DAY:
                return
            if DAY <= went_by < 2 * DAY:
                await work.history.prune(now - KEPT)
            await work.states.note(_PRUNED, str(now))

    async def configure(self, wanted: Iterable[Watch], now: float) -> tuple[Watch, ...]:
        """
        Make the watches of the configuration what it says now; those made by commands stay.

        Rooms that were replaced mean their replacements. Returns the watches that are new.
        """
        async with self._work(now) as work:
            replacements = await work.rooms.replacements()
            moved = [replace(watch, room_id=successor(watch.room_id, replacements)) for watch in wanted]
            known = {(one.room_id, one.server): one for one in await work.watches.all() if one.source == "config"}
            asked = {(one.room_id, one.server): replace(one, source="config") for one in moved}
            for place, watch in known.items():
                if place not in asked:
                    await work.watches.remove(watch)
            new, changed = [], []
            for place, watch in asked.items():
                before = known.get(place)
                if before is None:
                    new.append(replace(watch, created_at=now))
                elif not before.asks_the_same_as(watch):
                    changed.append(replace(watch, created_at=before.created_at, evaluated=before.evaluated))
            await work.watches.put(*new, *changed)
            await self._reconcile(work)
        for (room_id, server), _ in sorted(known.items()):
            if (room_id, server) not in asked:
                log.info("watch ended room=%s server=%s by=configuration", logged(room_id), logged(server))
        for watch in new:
            log.info("watch room=%s server=%s by=configuration", logged(watch.room_id), logged(watch.server))
        return tuple(new)

    async def unevaluated(self) -> tuple[Watch, ...]:
        """Watches whose shared-fate warning has not been evaluated."""
        async with self._work(0.0) as work:
            return tuple(one for one in await work.watches.all() if not one.evaluated)

    async def record_warning(self, watch: Watch, caution: Document | None, now: float) -> None:
        """Record the evaluation, and send the warning to the room, once."""
        async with self._work(now) as work:
            if not await work.watches.evaluated(watch) or caution is None:
                return
            about = f"caution:{watch.server}@{watch.created_at:.3f}"
            settings = self._settings.alerts
            work.notifications.append(
                make_notification(about, 0, watch.room_id, Purpose.CHANGE, Placement.NEW, caution, settings)
            )

    async def watch(self, room_id: str, server: str, interval: float | None, author: str, now: float) -> Watched:
        """Watch a server for a room; without an interval the configured one."""
        wish = Watch(room_id, server, "room", interval, author=author, created_at=now, evaluated=True)
        async with self._work(now) as work:
            known = [one for one in await work.watches.of_room(room_id) if (one.server, one.source) == (server, "room")]
            if known and known[0].asks_the_same_as(wish):
                return Watched.SAME
            limits = self._settings.limits
            if not known and await work.watches.made_in(room_id) >= limits.per_room:
                return Watched.ROOM_FULL
            if not known and await work.watches.made_by(author) >= limits.per_person:
                return Watched.PERSON_FULL
            await work.watches.put(replace(wish, created_at=known[0].created_at) if known else wish)
            await self._reconcile(work)
        pace = "configured" if interval is None else f"{interval:.0f}"
        log.info("watch room=%s server=%s by=%s interval=%s", logged(room_id), logged(server), logged(author), pace)
        return Watched.CHANGED if known else Watched.NEW

    async def unwatch(self, room_id: str, server: str, now: float) -> Unwatched:
        """Stop watching a server for a room. Watches from the configuration stay."""
        async with self._work(now) as work:
            known = [one for one in await work.watches.of_room(room_id) if one.server == server]
            made = [one for one in known if one.source == "room"]
            if not made:
                return Unwatched.CONFIGURED if known else Unwatched.UNKNOWN
            await work.watches.remove(made[0])
            await self._reconcile(work)
        log.info("watch ended room=%s server=%s by=command", logged(room_id), logged(server))
        return Unwatched.CONFIGURED if len(known) > 1 else Unwatched.GONE

    async def watches(self, room_id: str, now: float) -> tuple[WatchView, ...]:
        """What is watched for a room, by name."""
        async with self._work(now) as work:
            return await views_of(work, room_id)

    async def names(self, room_id: str, now: float) -> tuple[str, ...]:
        """Servers and services that a room's alerts may be about, sorted."""
        async with self._work(now) as work:
            return await names_of(work, room_id)

    async def history(self, room_id: str, server: str, since: float, now: float) -> History | None:
        """What is remembered of a server since a room watches it; None where it does not."""
        async with self._work(now) as work:
            return await history_of(work, room_id, server, since)

    async def tally(self, now: float) -> WatchTotals:
        """How many things there are, for the bot's own status."""
        if not self._memory.counted:
            async with self._work(now) as work:
                self._memory.totals = await tally_of(work)
            self._memory.counted = True
        return self._memory.totals

    def last_tally(self) -> WatchTotals:
        """The same as of the last ``tally``, and the checks since then."""
        return self._memory.totals

    async def silence(self, silence: Silence, now: float) -> None:
        """Begin a silence; one of the same target in the same room is replaced."""
        async with self._work(now) as work:
            await work.silences.put(silence)
            # an incident that is due in this room only waits for the end now; a shorter silence may end at once
            await work.hear()
        place, author = logged(silence.room_id), logged(silence.author)
        log.info(
            "silence room=%s target=%s by=%s seconds=%.0f", place, logged(silence.target), author, silence.until - now
        )

    async def unsilence(self, room_id: str, target: str, now: float) -> bool:
        """End a silence and send what it held back; False when there is none."""
        async with self._work(now) as work:
            ended = [one for one in await work.silences.all() if (one.room_id, one.target) == (room_id, target)]
            await _lift(work, ended)
        _log_ended(ended, "command")
        return bool(ended)

    async def lift(self, over: Collection[Silence], now: float) -> None:
        """End these silences, as far as they still hold, and send what they held back."""
        async with self._work(now) as work:
            ended = [one for one in await work.silences.all() if one in over]
            await _lift(work, ended)
        _log_ended(ended, "time")

    async def silences(self, room_id: str | None = None) -> tuple[Silence, ...]:
        """The silences that hold, in one room or anywhere."""
        async with self._work(0.0) as work:
            return tuple(one for one in await work.silences.all() if room_id in (None, one.room_id))

    async def acknowledge(self, room_id: str, about: str, event_id: str, user_id: str, now: float) -> None:
        """A permitted user reacted to a notification: no more reminders in that room, if its incident is open."""
        async with self._work(now) as work:
            known = await work.incidents.named(about)
            if known is not None:
                reaction = Acknowledgement(event_id, user_id)
                await _put(work, known, incident.acknowledge(known, room_id, reaction, now, self._settings.alerts))

    async def withdraw(self, room_id: str, event_id: str, now: float) -> None:
        """A reaction was taken back; one that was made before an upgrade of the room holds in the replacement."""
        async with self._work(now) as work:
            for place in dict.fromkeys((room_id, successor(room_id, await work.rooms.replacements()))):
                for known in await work.incidents.all():
                    await _put(work, known, incident.withdraw(known, place, event_id, now, self._settings.alerts))

    async def room_replaced(self, old: str, new: str, now: float) -> None:
        """
        A room was upgraded: its watches and silences move, and open incidents are sent anew to its replacement.

        Into a room where something is watched already nothing moves: what is asked for there stays as it is.
        """
        async with self._work(now) as work:
            if any(watch.source == "room" for watch in await work.watches.of_room(new)):
                log.warning("watches not moved, the replacement has its own room=%s replacement=%s", old, new)
                return
            await work.rooms.replace(old, new)
            await work.rooms.suspend(new, None)
            await work.suppress_refused(old, await self._notifier.missed(work.connection, old))
            there = {(one.server, one.source) for one in await work.watches.of_room(new)}
            for watch in await work.watches.of_room(old):
                await work.watches.remove(watch)
                if (watch.server, watch.source) not in there:
                    await work.watches.put(replace(watch, room_id=new))
            await work.silences.move(old, new)
            await self._forget_what_was_told(work, old, new)
            await self._reconcile(work)

    async def room_left(self, room_id: str, now: float) -> None:
        """The bot left a room: what was asked for there is forgotten, what the configuration asks for waits."""
        async with self._work(now) as work:
            for watch in await work.watches.of_room(room_id):
                if watch.source == "room":
                    await work.watches.remove(watch)
            await work.silences.forget_room(room_id)
            if any(watch.source == "config" for watch in await work.watches.of_room(room_id)):
                await work.rooms.suspend(room_id, now)
            await self._forget_what_was_told(work, room_id)
            await self._reconcile(work)

    async def room_suspended(self, room_id: str, reason: str, now: float, operators: Collection[str] = ()) -> None:
        """
        A room rejects the bot: nothing is sent there until it is joined again. Another room is notified, once, and of
        any room at most daily.

        Args:
            reason: a few words of the bot's own.
            operators: see ``confidant``.
        """
        async with self._work(now) as work:
            if room_id in await work.rooms.suspended():
                return
            await work.rooms.suspend(room_id, now)
            await work.suppress_refused(room_id, await self._notifier.missed(work.connection, room_id))
            await self._forget_what_was_told(work, room_id, standing=True)
            await work.hear()
            watches = await work.watches.all()
            log.info("a room with watches refuses the bot room=%s: %s", room_id, reason)
            other = confidant(room_id, watches, await work.rooms.suspended(), operators)
            if other is None or not any(watch.room_id == room_id for watch in watches):
                return
            note = f"suspension told {other}"
            last = await work.states.noted(note)
            if last is not None and 0 <= now - float(last) < DAY:
                return
            await work.states.note(note, str(now))
            message, settings = suspended_message(reason), self._settings.alerts
            about = f"suspended@{now:.3f}"
            work.notifications.append(
                make_notification(about, 0, other, Purpose.CHANGE, Placement.NEW, message, settings)
            )

    async def room_joined(self, room_id: str, now: float) -> None:
        """The bot is in a room, perhaps again: open incidents are sent there anew."""
        async with self._work(now) as work:
            await work.rooms.suspend(room_id, None)
            await work.hear()

    @asynccontextmanager
    async def _work(self, now: float) -> AsyncIterator[UnitOfWork]:
        """One transaction, with no check taken in meanwhile."""
        async with self._turns.turn(), self._transaction(now, background=False) as work:
            yield work

    @asynccontextmanager
    async def _transaction(self, now: float, *, background: bool) -> AsyncIterator[UnitOfWork]:
        """What it wrote is sent when it succeeded."""
        async with self._storage.begin(background=background) as connection:
            work = UnitOfWork(connection, self._settings, now)
            yield work
            written = await self._notifier.post(connection, without_overtaken(work.notifications))
            self._memory.forget(keys=work.forgotten)
        self._memory.totals.incidents += work.incidents.opened
        self._record(written)
        if work.notifications:
            self._notifier.wake()

    def _record(self, written: Iterable[Notification]) -> None:
        for one in written:
            self.queued[one.purpose] += 1
            log.info("alert kind=%s room=%s about=%s", one.purpose, logged(one.room_id), logged(one.about))

    async def _reconcile(self, work: UnitOfWork) -> None:
        watching = await work.reconcile()
        terms = {server: terms_of(server, watches, self._settings) for server, watches in watching.items()}
        self._memory.retain({server: one for server, one in terms.items() if one is not None})

    async def _forget_what_was_told(
        self, work: UnitOfWork, room_id: str, successor: str | None = None, *, standing: bool = False
    ) -> None:
        for known in await work.incidents.all():
            after = rehome(known, room_id, successor, standing=standing)
            if after != known:
                await work.keep(after)


async def _lift(work: UnitOfWork, ended: Collection[Silence]) -> None:
    for silence in ended:
        await work.silences.remove(silence)
    if ended:
        await work.hear()


def _log_ended(ended: Iterable[Silence], by: str) -> None:
    for one in ended:
        log.info("silence ended room=%s target=%s by=%s", logged(one.room_id), logged(one.target), by)


async def _put(work: UnitOfWork, before: Incident, step: incident.IncidentUpdate) -> None:
    after, told = step
    if after is not None and after is not before:
        work.notifications += told
        await work.keep(after)
