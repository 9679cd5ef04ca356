"""
What watches remember and tell: every method is one transaction, and what it tells is in it.

Whatever the host may repeat after a crash does nothing the second time. ``now`` is everywhere in seconds since the
epoch.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from statistics import median_high

from botkit.document import Document
from botkit.letter import Letter, Placement
from botkit.plugin import Mail
from botkit.storage import Database
from plugins.foci import incidents as incident
from plugins.foci.audience import Silence
from plugins.foci.checked import Checked, Confirmed
from plugins.foci.desk import Desk
from plugins.foci.incident import Acknowledgement, Incident
from plugins.foci.incidents import rehome
from plugins.foci.intake import Dues, dues_of, take_check, take_confirmation
from plugins.foci.notices import suspended_message
from plugins.foci.posts import Post, Purpose, make_post, without_overtaken
from plugins.foci.progress import Mind
from plugins.foci.recall import Tally, history_of, tally_of, views_of
from plugins.foci.repository.history import KEPT
from plugins.foci.roster import History, Unwatched, Watched, WatchView
from plugins.foci.watches import Watch, WatchSettings, confidant, successor, terms_of

DAY = 86400.0
_SLACK = 1.1
"""Checks come later than their interval by as much."""

_PRUNED = "pruned_at"


class Ledger:
    """
    The memory of watches.

    Args:
        jitter: a factor for the time until a server's next check, such as 0.9 to 1.1.
    """

    def __init__(
        self, storage: Database, mail: Mail, settings: WatchSettings, jitter: Callable[[], float] = lambda: 1.0
    ) -> None:
        self._storage = storage
        self._mail = mail
        self._settings = settings
        self._jitter = jitter
        self._mind: Mind | None = None
        self._window: float | None = None

    async def schedule(self) -> Dues:
        """All watched servers with the time of their next check, and the confirmations that are outstanding."""
        async with self._desk(0.0) as desk:
            rows, watches = await desk.servers.all(), await desk.watches.all()
        wishes: dict[str, list[Watch]] = {}
        for watch in watches:
            wishes.setdefault(watch.server, []).append(watch)
        found = [(row, terms_of(wishes.get(row.server, ()), self._settings)) for row in rows]
        return tuple(due for row, terms in found if terms is not None for due in dues_of(row, terms))

    async def take(self, outcome: Checked | Confirmed, now: float) -> Dues:
        """
        Take in a check or a confirmation; the answer is what is next for this server, nothing if nobody watches it.

        An exception means that nothing was stored or told.
        """
        if isinstance(outcome, Confirmed):
            async with self._desk(now) as desk:
                return await take_confirmation(desk, outcome)
        try:
            async with self._desk(now) as desk:
                mind = self._mind if self._mind is not None else await desk.states.mind()
                mind, dues = await take_check(desk, outcome, mind, await self._span(desk), self._jitter)
        except BaseException:
            # whether it was committed is not known in every case; the tables know
            self._mind = None
            raise
        self._mind = mind
        return dues

    async def remind(self, now: float) -> None:
        """Remind of what lasts."""
        async with self._desk(now) as desk:
            await desk.refresh(await desk.incidents.due(now, now + self._settings.alerts.reminder))

    async def next_reminder(self) -> float | None:
        """When ``remind`` has something to do; None for never."""
        async with self._desk(0.0) as desk:
            return await desk.incidents.next_at()

    async def forget(self, now: float) -> None:
        """
        Once a day forget what is too old; after a long rest not before a day went by.

        To be called often, but not while ``now`` is of a clock that has just leapt.
        """
        async with self._desk(now) as desk:
            last = await desk.states.noted(_PRUNED)
            went_by = math.inf if last is None else now - float(last)
            if 0 <= went_by < DAY:
                return
            if DAY <= went_by < 2 * DAY:
                await desk.history.prune(now - KEPT)
            await desk.states.note(_PRUNED, str(now))

    async def configure(self, wanted: Iterable[Watch], now: float) -> tuple[Watch, ...]:
        """
        Make the watches of the configuration what it says now; those made by commands stay.

        Rooms that were replaced stand for their replacements. The answer is the watches that are new.
        """
        async with self._desk(now) as desk:
            replacements = await desk.rooms.replacements()
            moved = [replace(watch, room_id=successor(watch.room_id, replacements)) for watch in wanted]
            known = {(one.room_id, one.server): one for one in await desk.watches.all() if one.source == "config"}
            asked = {(one.room_id, one.server): replace(one, source="config") for one in moved}
            for place, watch in known.items():
                if place not in asked:
                    await desk.watches.remove(watch)
            new = []
            for place, watch in asked.items():
                before = known.get(place)
                if before is None:
                    new.append(replace(watch, created_at=now))
                    await desk.watches.put(new[-1])
                elif not before.asks_the_same_as(watch):
                    await desk.watches.put(replace(watch, created_at=before.created_at, weighed=before.weighed))
            await self._reconcile(desk)
        return tuple(new)

    async def unweighed(self) -> tuple[Watch, ...]:
        """The watches of which nobody asked yet whether an alert would go down with the server."""
        async with self._desk(0.0) as desk:
            return tuple(one for one in await desk.watches.all() if not one.weighed)

    async def weigh(self, watch: Watch, caution: Document | None, now: float) -> None:
        """Note that it was asked, and tell the room what came of it, once."""
        async with self._desk(now) as desk:
            if not await desk.watches.weighed(watch) or caution is None:
                return
            about = f"caution:{watch.server}@{watch.created_at:.3f}"
            settings = self._settings.alerts
            desk.posts.append(make_post(about, 0, watch.room_id, Purpose.CHANGE, Placement.NEW, caution, settings))

    async def watch(self, room_id: str, server: str, interval: float | None, author: str, now: float) -> Watched:
        """Watch a server for a room; without an interval the configured one."""
        wish = Watch(room_id, server, "room", interval, author=author, created_at=now, weighed=True)
        async with self._desk(now) as desk:
            known = [one for one in await desk.watches.of_room(room_id) if (one.server, one.source) == (server, "room")]
            if known and known[0].asks_the_same_as(wish):
                return Watched.SAME
            await desk.watches.put(replace(wish, created_at=known[0].created_at) if known else wish)
            await self._reconcile(desk)
        return Watched.CHANGED if known else Watched.NEW

    async def unwatch(self, room_id: str, server: str, now: float) -> Unwatched:
        """Watch a server for a room no more. What the configuration asks for stays."""
        async with self._desk(now) as desk:
            known = [one for one in await desk.watches.of_room(room_id) if one.server == server]
            made = [one for one in known if one.source == "room"]
            if not made:
                return Unwatched.CONFIGURED if known else Unwatched.UNKNOWN
            await desk.watches.remove(made[0])
            await self._reconcile(desk)
        return Unwatched.CONFIGURED if len(known) > 1 else Unwatched.GONE

    async def watches(self, room_id: str, now: float) -> tuple[WatchView, ...]:
        """What is watched for a room, by name."""
        async with self._desk(now) as desk:
            return await views_of(desk, room_id)

    async def history(self, server: str, since: float, now: float) -> History | None:
        """What is remembered of a server; None when it was never watched."""
        async with self._desk(now) as desk:
            return await history_of(desk, server, since)

    async def tally(self, now: float) -> Tally:
        """How many things there are, for the bot's own status."""
        async with self._desk(now) as desk:
            return await tally_of(desk)

    async def silence(self, silence: Silence, now: float) -> None:
        """Begin a silence; one of the same target in the same room is replaced."""
        async with self._desk(now) as desk:
            await desk.silences.put(silence)
            # an incident that is due in this room only waits for the end now; a shorter silence may end at once
            await desk.refresh(await desk.incidents.all())
            await desk.release()

    async def unsilence(self, room_id: str, target: str, now: float) -> bool:
        """End a silence and tell what it kept back; False when there is none."""
        ended = [one for one in await self.silences(room_id) if one.target == target]
        return await self.lift(ended, now)

    async def lift(self, over: Collection[Silence], now: float) -> bool:
        """End these silences and tell what they kept back; False when there are none such."""
        async with self._desk(now) as desk:
            ended = [one for one in await desk.silences.all() if one in over]
            for silence in ended:
                await desk.silences.remove(silence)
            if ended:
                await desk.refresh(await desk.incidents.all())
                await desk.release()
        return bool(ended)

    async def silences(self, room_id: str | None = None) -> tuple[Silence, ...]:
        """The silences that hold, in one room or anywhere."""
        async with self._desk(0.0) as desk:
            return tuple(one for one in await desk.silences.all() if room_id in (None, one.room_id))

    async def acknowledge(self, room_id: str, about: str, event_id: str, user_id: str, now: float) -> None:
        """Somebody entitled reacted to a letter: no more reminders in that room, if it is about an open incident."""
        async with self._desk(now) as desk:
            known = await desk.incidents.named(about)
            if known is not None:
                reaction = Acknowledgement(event_id, user_id)
                await _put(desk, known, incident.acknowledge(known, room_id, reaction, now, self._settings.alerts))

    async def withdraw(self, room_id: str, event_id: str, now: float) -> None:
        """A reaction was taken back; one that was made before an upgrade of the room holds in the replacement."""
        async with self._desk(now) as desk:
            for place in dict.fromkeys((room_id, successor(room_id, await desk.rooms.replacements()))):
                for known in await desk.incidents.all():
                    await _put(desk, known, incident.withdraw(known, place, event_id, now, self._settings.alerts))

    async def room_replaced(self, old: str, new: str, now: float) -> None:
        """A room was upgraded: its watches and silences move, and open incidents are told afresh in its replacement."""
        async with self._desk(now) as desk:
            await desk.rooms.replace(old, new)
            await desk.rooms.suspend(new, None)
            await desk.withhold_refused(old, await self._mail.missed(desk.connection, old))
            there = {(one.server, one.source) for one in await desk.watches.of_room(new)}
            for watch in await desk.watches.of_room(old):
                await desk.watches.remove(watch)
                if (watch.server, watch.source) not in there:
                    await desk.watches.put(replace(watch, room_id=new))
            await desk.silences.move(old, new)
            await self._forget_what_was_told(desk, old, new)
            await self._reconcile(desk)

    async def room_left(self, room_id: str, now: float) -> None:
        """The bot left a room: what was asked for there is forgotten, what the configuration asks for waits."""
        async with self._desk(now) as desk:
            for watch in await desk.watches.of_room(room_id):
                if watch.source == "room":
                    await desk.watches.remove(watch)
            await desk.silences.forget_room(room_id)
            if any(watch.source == "config" for watch in await desk.watches.of_room(room_id)):
                await desk.rooms.suspend(room_id, now)
            await self._forget_what_was_told(desk, room_id)
            await self._reconcile(desk)

    async def room_suspended(self, room_id: str, reason: str, now: float) -> None:
        """
        A room refuses the bot: nothing is told there until it is joined anew. Another room is told so, once.

        Args:
            reason: a few words of the bot's own.
        """
        async with self._desk(now) as desk:
            if room_id in await desk.rooms.suspended():
                return
            await desk.rooms.suspend(room_id, now)
            await desk.withhold_refused(room_id, await self._mail.missed(desk.connection, room_id))
            await self._forget_what_was_told(desk, room_id, standing=True)
            await self._reconcile(desk)
            watches = await desk.watches.all()
            unwatched = {watch.server for watch in watches if watch.room_id == room_id}
            other = confidant(room_id, watches, await desk.rooms.suspended())
            if unwatched and other is not None:
                message = suspended_message(room_id, reason, len(unwatched))
                about = f"suspended:{room_id}@{now:.3f}"
                settings = self._settings.alerts
                desk.posts.append(make_post(about, 0, other, Purpose.CHANGE, Placement.NEW, message, settings))

    async def room_joined(self, room_id: str, now: float) -> None:
        """The bot is in a room, perhaps again: what is open is told there afresh."""
        async with self._desk(now) as desk:
            await desk.rooms.suspend(room_id, None)
            await self._reconcile(desk)

    @asynccontextmanager
    async def _desk(self, now: float) -> AsyncIterator[Desk]:
        """One transaction; what it wrote is sent when it succeeded."""
        async with self._storage.begin() as connection:
            desk = Desk(connection, self._settings, now)
            yield desk
            await self._mail.post(connection, [_letter(post) for post in without_overtaken(desk.posts)])
        if desk.posts:
            self._mail.wake()

    async def _reconcile(self, desk: Desk) -> None:
        self._window = None
        await desk.reconcile()

    async def _span(self, desk: Desk) -> float:
        """The interval of most servers: the time in which hosts are compared with each other."""
        if self._window is None:
            default = self._settings.interval
            intervals = [default if one.interval is None else one.interval for one in await desk.watches.all()]
            self._window = _SLACK * max(self._settings.shortest, median_high(intervals or [default]))
        return self._window

    async def _forget_what_was_told(
        self, desk: Desk, room_id: str, successor: str | None = None, *, standing: bool = False
    ) -> None:
        for known in await desk.incidents.all():
            after = rehome(known, room_id, successor, standing=standing)
            if after != known:
                await desk.keep(after)


async def _put(desk: Desk, before: Incident, step: incident.Step) -> None:
    after, posts = step
    if after is not None and after is not before:
        desk.posts += posts
        await desk.keep(after)


def _letter(post: Post) -> Letter:
    return Letter(post.room_id, post.name, post.about, post.placement, post.document, post.msgtype, post.mentions)
