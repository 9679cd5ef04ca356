"""Follows rooms into their replacements (``m.room.tombstone``)."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from botkit.backoff import Backoff
from botkit.matrix.client import HomeserverClient, UnreachableError, path
from botkit.matrix.rooms.directory import RoomDirectory
from botkit.matrix.rooms.membership import Membership
from botkit.permissions import entitled, needed_for_state
from botkit.plugin import RoomClosedError, RoomUnavailableError
from botkit.storage.room_events import Tombstone
from botkit.storage.rooms import RoomStore, Upgrade, UpgradeState

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

TOMBSTONE = "m.room.tombstone"
_KNOCK_AGAIN = 3600.0
_LONGEST_PAUSE = 600.0
_JOIN_PATIENCE = 90.0
_MOST_JOINS = 3
"""Replacements of one room that are tried within an hour: each costs a request to a server that others chose."""
_AT_ONCE = 16
"""Rooms whose tombstones are followed at the same time."""
_LONGEST_CHAIN = 12
"""Upgrades in a row that led to a room; there are no more room versions."""


class Upgrades:
    """
    Verifies a tombstone, joins the replacement, verifies that too, and notifies plugins.

    A tombstone counts if somebody entitled sent it, a replacement if it says itself that it replaces this room and was
    created by somebody who could upgrade it: no room takes over what belongs to another. A replacement that does not
    let the bot in is tried again every hour; an invitation to it is followed whatever the policy says (``awaited``).

    Args:
        told: called when plugins are to be notified.
    """

    def __init__(
        self,
        homeserver: HomeserverClient,
        rooms: RoomDirectory,
        room_store: RoomStore,
        membership: Membership,
        admins: Collection[str],
        told: Callable[[], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._homeserver = homeserver
        self._rooms = rooms
        self._room_store = room_store
        self._membership = membership
        self._admins = admins
        self._told = told
        self._sleep = sleep
        self._news = asyncio.Event()
        self._awaited: frozenset[str] = frozenset()
        self._knocked: set[str] = set()
        self._joins: Counter[str] = Counter()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def awaited(self, room_id: str) -> bool:
        """Whether this is a replacement that the bot should join."""
        return room_id in self._awaited

    def wake(self) -> None:
        """There may be a tombstone, or the bot may have entered a room."""
        self._news.set()

    async def load(self) -> None:
        """Remember what earlier runs waited for."""
        waiting = await self._room_store.upgrades(UpgradeState.AWAITED)
        self._awaited = frozenset(upgrade.tombstone.replacement for upgrade in waiting)

    async def run(self) -> None:
        """Follow tombstones until cancelled."""
        backoff = Backoff(longest=_LONGEST_PAUSE)
        while True:
            self._news.clear()
            if await self._look():
                backoff.reset()
                pause = _KNOCK_AGAIN
            else:
                pause = backoff.pause()
            if not await self._woken(pause):
                self._knocked.clear()
                self._joins.clear()

    async def _woken(self, pause: float) -> bool:
        """Wait for news, at most this long; whether there were any."""
        timer = asyncio.ensure_future(self._sleep(pause))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((timer, news), return_when=asyncio.FIRST_COMPLETED)
            return not timer.done()
        finally:
            timer.cancel()
            news.cancel()

    async def _look(self) -> bool:
        """
        Follow every tombstone as far as it goes now; False when the homeserver was not there for one.

        Rooms do not wait for each other: the server of a replacement can let a join hang.
        """
        rooms: dict[str, list[Upgrade]] = defaultdict(list)
        for upgrade in await self._room_store.upgrades(UpgradeState.HEARD, UpgradeState.AWAITED):
            rooms[upgrade.tombstone.room_id].append(upgrade)
        reached = await asyncio.gather(*map(self._follow_all, rooms.values()))
        await self.load()
        return all(reached)

    async def _follow_all(self, upgrades: Collection[Upgrade]) -> bool:
        """Follow the tombstones of one room."""
        reached = True
        async with self._turns:
            for upgrade in upgrades:
                try:
                    await self._follow(upgrade)
                except (RoomUnavailableError, UnreachableError) as error:
                    log.warning("room upgrade postponed room=%s: %s", upgrade.tombstone.room_id, error)
                    reached = False
        return reached

    async def _follow(self, upgrade: Upgrade) -> None:
        tombstone = upgrade.tombstone
        if upgrade.state is UpgradeState.HEARD:
            if not await self._genuine(tombstone):
                log.warning(
                    "tombstone ignored, not current or not from a permitted sender room=%s event=%s",
                    tombstone.room_id,
                    tombstone.event_id,
                )
                await self._room_store.upgraded(tombstone, UpgradeState.REFUSED)
                return
            await self._room_store.upgraded(tombstone, UpgradeState.AWAITED)
            await self.load()
        if tombstone.replacement in self._membership.joined:
            await self._settle(tombstone)
        elif tombstone.replacement not in self._knocked and self._joins[tombstone.room_id] < _MOST_JOINS:
            await self._enter(tombstone)

    async def _settle(self, tombstone: Tombstone) -> None:
        if await self._succeeds(tombstone):
            log.info("room upgrade followed room=%s replacement=%s", tombstone.room_id, tombstone.replacement)
            await self._room_store.upgraded(tombstone, UpgradeState.DONE)
            self._told()
            return
        log.warning(
            "room upgrade not followed, the replacement does not name this room, or its creator could not upgrade it "
            "room=%s replacement=%s",
            tombstone.room_id,
            tombstone.replacement,
        )
        await self._room_store.upgraded(tombstone, UpgradeState.REFUSED)
        await self.load()
        if tombstone.replacement in self._knocked:
            # nobody but the tombstone asked the bot in
            await self._homeserver.request("POST", path("rooms", tombstone.replacement, "leave"), {})

    async def _genuine(self, tombstone: Tombstone) -> bool:
        """Whether it is the state of the room it speaks of, sent by someone who could."""
        try:
            event = await self._rooms.state_event(tombstone.room_id, TOMBSTONE)
        except RoomClosedError:
            return False
        if event is None or event.get("event_id", tombstone.event_id) != tombstone.event_id:
            return False
        sender = event.get("sender")
        if (
            not isinstance(sender, str)
            or _mapping(event.get("content")).get("replacement_room") != tombstone.replacement
        ):
            return False
        return await self._may_upgrade(tombstone.room_id, sender) and await self._links(tombstone) <= _LONGEST_CHAIN

    async def _may_upgrade(self, room_id: str, user_id: str) -> bool:
        """Whether a user may send a tombstone, and has a say about the bot in this room."""
        levels = await self._rooms.state(room_id, "m.room.power_levels")
        power = await self._rooms.power_level(room_id, user_id)
        return power >= needed_for_state(TOMBSTONE, levels) and entitled(user_id, self._admins, power)

    async def _links(self, tombstone: Tombstone) -> int:
        """Upgrades in a row that this one would make."""
        before = {
            upgrade.tombstone.replacement: upgrade.tombstone.room_id
            for upgrade in await self._room_store.upgrades(UpgradeState.DONE)
        }
        links, room_id = 1, tombstone.room_id
        while room_id in before and links <= _LONGEST_CHAIN:
            links, room_id = links + 1, before[room_id]
        return links

    async def _succeeds(self, tombstone: Tombstone) -> bool:
        """Whether the replacement was made for this room (m.room.create, ``predecessor``), by one who could."""
        try:
            create = await self._rooms.state_event(tombstone.replacement, "m.room.create") or {}
            predecessor = _mapping(create.get("content")).get("predecessor")
            creator = create.get("sender")
            if _mapping(predecessor).get("room_id") != tombstone.room_id or not isinstance(creator, str):
                return False
            return await self._may_upgrade(tombstone.room_id, creator)
        except RoomClosedError:
            return False

    async def _enter(self, tombstone: Tombstone) -> None:
        """Request to join, via the server of the tombstone's sender; the sync shows when it succeeded."""
        self._joins[tombstone.room_id] += 1
        query = {"via": tombstone.via, "server_name": tombstone.via} if tombstone.via else None
        answer = await self._homeserver.request(
            "POST", path("join", tombstone.replacement), {}, query=query, timeout=_JOIN_PATIENCE
        )
        if answer.temporary:
            raise RoomUnavailableError(answer.describe())
        # every attempt is a request to another server
        self._knocked.add(tombstone.replacement)
        if not answer.ok:
            log.warning(
                "cannot join the replacement room=%s, waiting for an invitation: %s",
                tombstone.replacement,
                answer.describe(),
            )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
