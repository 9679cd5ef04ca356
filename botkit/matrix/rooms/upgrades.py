"""Follows rooms into their replacements (``m.room.tombstone``)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from botkit.backoff import Backoff
from botkit.matrix.client import HomeserverClient, UnreachableError, path
from botkit.matrix.rooms.directory import RoomDirectory
from botkit.matrix.rooms.membership import Membership
from botkit.permissions import needed_for_state
from botkit.plugin import RoomClosedError, RoomUnavailableError
from botkit.storage.room_events import Tombstone
from botkit.storage.rooms import RoomStore, Upgrade, UpgradeState

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

TOMBSTONE = "m.room.tombstone"
_KNOCK_AGAIN = 3600.0
_LONGEST_PAUSE = 600.0
_JOIN_PATIENCE = 90.0


class Upgrades:
    """
    Verifies a tombstone, joins the replacement, and notifies plugins.

    A replacement that does not let the bot in is tried again every hour, and an invitation to it is followed
    whatever the policy says (``awaited``).

    Args:
        told: called when plugins are to be notified.
    """

    def __init__(
        self,
        homeserver: HomeserverClient,
        rooms: RoomDirectory,
        room_store: RoomStore,
        membership: Membership,
        told: Callable[[], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._homeserver = homeserver
        self._rooms = rooms
        self._room_store = room_store
        self._membership = membership
        self._told = told
        self._sleep = sleep
        self._news = asyncio.Event()
        self._awaited: frozenset[str] = frozenset()
        self._knocked: set[str] = set()

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
        """Follow every tombstone as far as it goes now; False when the homeserver was not there for one."""
        reached = True
        for upgrade in await self._room_store.upgrades(UpgradeState.HEARD, UpgradeState.AWAITED):
            try:
                await self._follow(upgrade)
            except (RoomUnavailableError, UnreachableError) as error:
                log.warning("room upgrade postponed room=%s: %s", upgrade.tombstone.room_id, error)
                reached = False
        await self.load()
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
            log.info("room upgrade followed room=%s replacement=%s", tombstone.room_id, tombstone.replacement)
            await self._room_store.upgraded(tombstone, UpgradeState.DONE)
            self._told()
        elif tombstone.replacement not in self._knocked:
            await self._enter(tombstone)

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
        levels = await self._rooms.state(tombstone.room_id, "m.room.power_levels")
        power = await self._rooms.power_level(tombstone.room_id, sender)
        return power >= needed_for_state(TOMBSTONE, levels)

    async def _enter(self, tombstone: Tombstone) -> None:
        """Request to join, via the server of the tombstone's sender; the sync shows when it succeeded."""
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
