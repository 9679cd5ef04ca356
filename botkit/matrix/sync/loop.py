"""The sync loop: long polls, hands each answer to the handler, waits while the homeserver cannot be reached."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from botkit.backoff import insist
from botkit.matrix.client import Answer, HomeserverClient, UnreachableError, path
from botkit.matrix.crypto.key_exchange import CryptoInterruptedError, mapping
from botkit.matrix.crypto.machine import Crypto
from botkit.matrix.sync.events import REACTION_TYPES
from botkit.matrix.sync.gap import GapError
from botkit.matrix.sync.handler import SyncHandler
from botkit.storage.errors import StorageError
from botkit.storage.inbox import Inbox, UserDevice

log = logging.getLogger(__name__)

LONG_POLL = 30.0
"""Seconds that the homeserver may keep a request without news."""

_NOTHING = {"not_types": ["*"]}
_TIMELINE_TYPES = [
    "m.room.message",
    "m.room.encrypted",
    "m.room.member",
    "m.room.encryption",
    "m.room.power_levels",
    "m.room.tombstone",
    *REACTION_TYPES,
]
_STATE_TYPES = ["m.room.member", "m.room.encryption", "m.room.power_levels", "m.room.tombstone"]
_ROOMS = {
    "ephemeral": _NOTHING,
    "account_data": _NOTHING,
    "state": {"types": _STATE_TYPES, "lazy_load_members": True},
    "timeline": {"types": _TIMELINE_TYPES, "limit": 50},
}
_KEYS_ALONE = json.dumps({"presence": _NOTHING, "account_data": _NOTHING, "room": {"rooms": []}})
_MOST_COLLECTED = 200
_FILTER = json.dumps({"presence": _NOTHING, "account_data": _NOTHING, "room": _ROOMS})


def _fresh_filter() -> str:
    """The same filter in words of its own: Synapse answers a repeated initial sync from a cache, minutes old."""
    nothing = {"not_types": ["*", secrets.token_hex(8)]}
    return json.dumps({"presence": _NOTHING, "account_data": nothing, "room": _ROOMS})


class TokenRejectedError(Exception):
    """
    The homeserver no longer accepts the access token.

    Attributes:
        soft: the device is still there; logging in to it again is enough.
    """

    def __init__(self, soft: bool, reason: str) -> None:
        super().__init__(reason)
        self.soft = soft


class SyncLoop:
    """
    Reads the homeserver's news for ever.

    Attributes:
        last_success: monotonic seconds of the last answer that was taken in; None before the first.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self,
        homeserver: HomeserverClient,
        account: UserDevice,
        inbox: Inbox,
        handler: SyncHandler,
        crypto: Crypto,
        *,
        clock: Callable[[], float],
        long_poll: float = LONG_POLL,
    ) -> None:
        self._homeserver = homeserver
        self._account = account
        self._inbox = inbox
        self._handler = handler
        self._crypto = crypto
        self._clock = clock
        self._long_poll = long_poll
        self._complaint = ""
        self.last_success: float | None = None
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """
        Sync until cancelled.

        Raises:
            TokenRejectedError: nothing more can be done with this token.
        """
        await self._persist(self._start)
        self.ready.set()
        while True:
            await self._persist(self._step)

    async def _persist(self, step: Callable[[], Awaitable[None]]) -> None:
        await insist(step, (UnreachableError, GapError, StorageError), self._interrupted)
        self._recovered()

    def _interrupted(self, reason: str) -> None:
        log.warning("sync failed, retrying: %s", reason)
        self._complaint = reason

    def _recovered(self) -> None:
        if self._complaint:
            log.info("sync works again")
        self._complaint = ""
        self.last_success = self._clock()

    async def _start(self) -> None:
        """Take stock of the rooms; on the very first start this is also where reading begins."""
        since = await self._inbox.since(self._account)
        answer = await self._ask({"timeout": "0", "filter": _fresh_filter()})
        await self._handler.record_now(answer.body, await self._joined_rooms())
        if since is None:
            last = await self._inbox.last_token(self._account.user_id)
            if last is None:
                await self._handler.begin(answer.body, _next_batch(answer))
            else:
                await self._collect_keys(answer)
                await self._handler.begin({}, last)
        await self._upkeep()

    async def _collect_keys(self, answer: Answer) -> None:
        """
        Receive what was sent to this device while another one was the bot: going on from that one's token deletes it.

        A homeserver gives a hundred messages at a time.
        """
        for _ in range(_MOST_COLLECTED):
            self._crypto.hear(answer.body)
            if not mapping(answer.body.get("to_device")).get("events"):
                return
            answer = await self._ask({"timeout": "0", "filter": _KEYS_ALONE, "since": _next_batch(answer)})
        log.warning("more keys wait for this device than it takes in at once")

    async def _joined_rooms(self) -> set[str]:
        """Asked by itself: what is no longer joined is forgotten, and that must not rest on a cached answer."""
        answer = await self._homeserver.request("GET", path("joined_rooms"))
        rooms = answer.body.get("joined_rooms")
        if not answer.ok or not isinstance(rooms, list):
            raise UnreachableError(answer.describe(), answer.retry_after)
        return {room for room in rooms if isinstance(room, str)}

    async def _step(self) -> None:
        since = await self._inbox.since(self._account)
        if since is None:
            raise StorageError("the sync token is gone from the database")
        # without waiting at first, so that trouble is over as soon as it is over
        timeout = 0.0 if self._complaint or self.last_success is None else self._long_poll
        query = {"timeout": str(int(timeout * 1000)), "filter": _FILTER, "since": since}
        answer = await self._ask(query, timeout=timeout + 60)
        await self._handler.take(answer.body, since, _next_batch(answer))
        await self._handler.give_up_late()
        await self._upkeep()

    async def _upkeep(self) -> None:
        try:
            await self._crypto.upkeep()
        except CryptoInterruptedError as error:
            log.warning("key upload or query failed, retrying after the next sync: %s", error)

    async def _ask(self, query: dict[str, str], timeout: float = 120.0) -> Answer:
        """One sync request, given up as soon as any other request learns that the token is gone."""
        request = asyncio.ensure_future(self._homeserver.request("GET", path("sync"), query=query, timeout=timeout))
        lost = asyncio.ensure_future(self._homeserver.token_lost.wait())
        try:
            await asyncio.wait((request, lost), return_when=asyncio.FIRST_COMPLETED)
            if not request.done():
                request.cancel()
                request = asyncio.ensure_future(self._homeserver.request("GET", path("account", "whoami")))
                answer = await request
                if answer.ok:
                    self._homeserver.token_lost.clear()
                    raise UnreachableError("the token was doubted")
            answer = await request
        finally:
            for task in (request, lost):
                task.cancel()
        if answer.token_rejected:
            raise TokenRejectedError(answer.soft_logout, answer.describe())
        if not answer.ok or not isinstance(answer.body.get("next_batch"), str):
            raise UnreachableError(answer.describe(), answer.retry_after)
        return answer


def _next_batch(answer: Answer) -> str:
    token: Any = answer.body["next_batch"]
    return str(token)
