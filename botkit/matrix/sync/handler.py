"""One sync answer stored: commands, hook calls, keys and notes on rooms, with the token that follows it."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botkit.matrix.crypto.machine import Crypto
from botkit.matrix.rooms.directory import EncryptedRooms
from botkit.matrix.rooms.invitations import Invitations
from botkit.matrix.rooms.membership import Membership
from botkit.matrix.send.content import unreadable_notice
from botkit.matrix.sync.events import (
    ABSENT,
    EventFilter,
    age,
    changes_power_levels,
    departure,
    own_join,
    reaction_or_redaction,
    tombstones,
)
from botkit.matrix.sync.gap import GapReader
from botkit.messages.inbound import InboundMessage
from botkit.plugin import RoomUnavailableError
from botkit.storage.inbox import Inbox, ReceivedEvent, UndecryptedEvent, UserDevice
from botkit.storage.outbox import Outbox
from botkit.storage.room_events import Departure, Joined, RoomChanges
from botkit.storage.rooms import RoomNotes, RoomStore

log = logging.getLogger(__name__)

KEY_PATIENCE = 300.0
"""Seconds that an unreadable event waits for its key."""

MOST_HINTS = 3
"""Notices about unreadable messages in a room within an hour, however many keys are missing."""


@dataclass(frozen=True, slots=True)
class Wakers:
    """Wakes the workers that have something to do."""

    inbox: Callable[[], None]
    outbox: Callable[[], None]
    hooks: Callable[[], None]
    upgrades: Callable[[], None]


@dataclass(frozen=True, slots=True)
class SyncStores:
    """Where things are kept."""

    inbox: Inbox
    outbox: Outbox
    notes: RoomNotes
    room_store: RoomStore


class SyncHandler:
    """
    Takes a sync answer in: what it says is stored together with the token that follows it.

    Attributes:
        lag: age in seconds of the newest message when it arrived; None before the first.

    Args:
        is_command: whether a message is worth keeping.
        now: seconds since 1970.
    """

    def __init__(
        self,
        account: UserDevice,
        stores: SyncStores,
        crypto: Crypto,
        encrypted: EncryptedRooms,
        invitations: Invitations,
        history: GapReader,
        screen: EventFilter,
        is_command: Callable[[InboundMessage], bool],
        wake: Wakers,
        membership: Membership,
        now: Callable[[], float],
    ) -> None:
        self._account = account
        self._stores = stores
        self._crypto = crypto
        self._encrypted = encrypted
        self._invitations = invitations
        self._history = history
        self._screen = screen
        self._is_command = is_command
        self._wake = wake
        self._now = now
        self._membership = membership
        self.lag: float | None = None
        self._look_at: float | None = None
        self._hints: dict[str, deque[float]] = {}

    async def record_now(self, sync: Mapping[str, Any], joined: set[str]) -> None:
        """Learn from an initial sync, without its timelines; rooms that are not among ``joined`` are lost."""
        described = _part(sync, "join")
        await self._encrypted.mark([room for room, info in described.items() if _turned_encrypted(info)])
        room_store = self._stores.room_store
        known, suspended = await self._stores.notes.known(), await room_store.suspended()
        news = RoomChanges(losses=[Departure(room_id, ABSENT) for room_id in sorted(known - suspended - joined)])
        for room_id in joined & described.keys():
            news.tombstones += tombstones(_events(described[room_id]), room_id)
        await room_store.record_now(news)
        await room_store.settle(joined - known)
        self._forget(news)
        self._membership.joined = joined
        self._membership.suspended = set(await room_store.suspended())
        self._invitations.consider(_part(sync, "invite"))
        self._wake.hooks()
        self._wake.upgrades()

    async def begin(self, sync: Mapping[str, Any], next_batch: str) -> None:
        """The first sync ever of this device: its keys are kept; what is before ``next_batch`` is not answered."""
        self._crypto.hear(sync)
        await self._stores.inbox.receive(self._account, next_batch, ())

    async def take(self, sync: Mapping[str, Any], since: str, next_batch: str) -> None:
        """
        Take an incremental sync in. May be repeated with the same answer.

        Raises:
            GapError, StorageError: nothing was stored; ask for the same sync again.
        """
        keys_for = self._crypto.hear(sync)
        joined = _part(sync, "join")
        await self._encrypted.mark([room for room, info in joined.items() if _turned_encrypted(info)])
        heard: list[ReceivedEvent] = []
        news = RoomChanges()
        for room_id, info in joined.items():
            self._invitations.withdrawn(room_id)
            heard += await self._room(room_id, info, since, news)
        for room_id, info in _part(sync, "leave").items():
            self._invitations.withdrawn(room_id)
            if room_id in self._membership.joined:
                news.losses.append(departure(_events(info), room_id, self._screen.own_user_id))
        await self._stores.inbox.receive(
            self._account, next_batch, heard, lambda connection: self._stores.room_store.record(connection, news)
        )
        await self._settle(news, joined)
        if heard:
            self._wake.inbox()
        self._invitations.consider(_part(sync, "invite"))
        if keys_for:
            await self._retry(await self._stores.inbox.locked(rooms=keys_for))

    async def _settle(self, news: RoomChanges, joined: Iterable[str]) -> None:
        """What was stored holds from now on."""
        self._membership.joined.update(joined)
        self._forget(news)
        for gone in news.losses:
            await self._stores.inbox.forget_room(gone.room_id)
        if news.entries or news.losses or news.relieved:
            self._membership.suspended = set(await self._stores.room_store.suspended())
        if news != RoomChanges():
            self._wake.hooks()
        if news.entries or news.relieved:
            self._wake.outbox()
        if news.entries or news.tombstones:
            self._wake.upgrades()

    async def _room(self, room_id: str, info: Any, since: str, news: RoomChanges) -> list[ReceivedEvent]:
        timeline = _mapping(_mapping(info).get("timeline"))
        events = _list(timeline.get("events"))
        limited, previous = timeline.get("limited") is True, timeline.get("prev_batch")
        entered = _last_join(events, self._screen.own_user_id)
        signs = events
        if limited and entered is None and isinstance(previous, str):
            signs = await self._history.reactions_before(room_id, previous, since, self._now()) + events
            events = await self._history.before(room_id, previous, since, self._now()) + events
            entered = _last_join(events, self._screen.own_user_id)
        if limited or any(_changes_membership(event) for event in (*_state(info), *events)):
            self._crypto.members_changed(room_id)
        if entered is not None:
            news.entries.append(Joined(room_id, _event_id(events[entered])))
            events = events[entered + 1 :]
        elif room_id not in self._membership.joined:
            news.entries.append(Joined(room_id))
        self._notice(room_id, info, signs, news)
        if any(_is_encrypted(event) for event in events) and not await self._may_be_encrypted(room_id):
            events = [event for event in events if not _is_encrypted(event)]
        return [heard for event in events if (heard := self._heard(room_id, event)) is not None]

    async def _may_be_encrypted(self, room_id: str) -> bool:
        """False where the room is in clear for certain: what pretends to be encrypted there is nobody's command."""
        try:
            return await self._encrypted(room_id)
        except RoomUnavailableError:
            return True

    def _notice(self, room_id: str, info: Any, timeline: list[Any], news: RoomChanges) -> None:
        """Collect reactions, redactions, tombstones and power-level changes."""
        changes = _events(info)
        if room_id in self._membership.suspended and changes_power_levels(changes):
            news.relieved.append(room_id)
        news.tombstones += tombstones(changes, room_id)
        seen = (reaction_or_redaction(event, room_id, self._screen.own_user_id) for event in timeline)
        news.reactions += [found for found in seen if found is not None]

    def _heard(self, room_id: str, event: Any) -> ReceivedEvent | None:
        try:
            return self._judge(room_id, event)
        except Exception:  # a stranger's event must neither stop the sync nor hide the next one
            log.exception("event skipped room=%s", room_id)
            return None

    def _judge(self, room_id: str, event: Any) -> ReceivedEvent | None:
        if self._screen.outside(event, self._now()) is not None:
            return None
        self.lag = max(age(event, self._now()), 0.0)
        event_id = event["event_id"]
        if event["type"] == "m.room.message":
            message = self._wanted(event, room_id, encrypted=False)
            return ReceivedEvent(event_id, room_id, message) if message else None
        clear = self._crypto.decrypt(room_id, event)
        if clear is None:
            return ReceivedEvent(event_id, room_id, locked=dict(event))
        message = self._wanted(clear, room_id, encrypted=True)
        return ReceivedEvent(event_id, room_id, message) if message else None

    def _wanted(self, event: Mapping[str, Any], room_id: str, *, encrypted: bool) -> InboundMessage | None:
        message = self._screen.inside(event, room_id, encrypted=encrypted)
        return message if isinstance(message, InboundMessage) and self._is_command(message) else None

    async def give_up_late(self) -> None:
        """Give up events that waited too long, with one hint per key; to be called after every sync."""
        now, first = self._now(), self._look_at is None
        if self._look_at is not None and now < self._look_at:
            return
        self._look_at = now + KEY_PATIENCE / 5
        # an earlier process may have had keys and no time left to use them
        await self._retry(await self._stores.inbox.locked(math.inf if first else (now - KEY_PATIENCE) * 1000))

    async def _retry(self, waiting: Iterable[UndecryptedEvent]) -> None:
        for locked in waiting:
            clear = self._crypto.decrypt(locked.room_id, locked.event)
            if clear is not None:
                message = self._wanted(clear, locked.room_id, encrypted=True)
                if message is None:
                    await self._stores.inbox.drop(locked.seq)
                else:
                    await self._stores.inbox.unlock(locked.seq, message)
                    self._wake.inbox()
            elif self._now() - locked.received_at / 1000 > KEY_PATIENCE:
                await self._give_up(locked)

    async def _give_up(self, locked: UndecryptedEvent) -> None:
        session = _mapping(locked.event.get("content")).get("session_id")
        session_id = session if isinstance(session, str) else ""
        if self._may_hint(locked.room_id) and await self._stores.notes.hint_due(locked.room_id, session_id):
            self._hints[locked.room_id].append(self._now())
            log.warning("message not decrypted room=%s sender=%s", locked.room_id, locked.event.get("sender"))
            await self._stores.outbox.add(unreadable_notice(locked.room_id, session_id))
            self._wake.outbox()
        await self._stores.inbox.drop(locked.seq)

    def _may_hint(self, room_id: str) -> bool:
        sent = self._hints.setdefault(room_id, deque(maxlen=MOST_HINTS))
        return len(sent) < MOST_HINTS or sent[0] <= self._now() - 3600

    def _forget(self, news: RoomChanges) -> None:
        for gone in news.losses:
            log.info("no longer in room=%s", gone.room_id)
            self._membership.joined.discard(gone.room_id)
            self._invitations.withdrawn(gone.room_id)
            if gone.reason is None:
                self._encrypted.forget(gone.room_id)
            self._crypto.forget_room(gone.room_id)
            self._hints.pop(gone.room_id, None)


def _part(sync: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _mapping(_mapping(sync.get("rooms")).get(name))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _state(info: Any) -> Iterator[Any]:
    for part in ("state", "state_after"):
        yield from _list(_mapping(_mapping(info).get(part)).get("events"))


def _events(info: Any) -> list[Any]:
    """State and timeline, the latter last."""
    return [*_state(info), *_list(_mapping(_mapping(info).get("timeline")).get("events"))]


def _event_id(event: Any) -> str | None:
    event_id = _mapping(event).get("event_id")
    return event_id if isinstance(event_id, str) else None


def _turned_encrypted(info: Any) -> bool:
    timeline = _list(_mapping(_mapping(info).get("timeline")).get("events"))
    return any(
        isinstance(event, Mapping) and event.get("type") == "m.room.encryption" and event.get("state_key") == ""
        for event in (*_state(info), *timeline)
    )


def _is_encrypted(event: Any) -> bool:
    return isinstance(event, Mapping) and event.get("type") == "m.room.encrypted"


def _changes_membership(event: Any) -> bool:
    """Whether somebody came or went; a new name or picture alone leaves the members as they are."""
    if not isinstance(event, Mapping) or event.get("type") != "m.room.member":
        return False
    before = _mapping(_mapping(event.get("unsigned")).get("prev_content")).get("membership")
    return before is None or before != _mapping(event.get("content")).get("membership")


def _last_join(events: list[Any], own_user_id: str) -> int | None:
    return max((index for index, event in enumerate(events) if own_join(event, own_user_id)), default=None)
