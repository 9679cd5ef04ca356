"""Invitations: whose are accepted, and joins limited in all and for each inviting server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from botkit.backoff import Backoff
from botkit.identifiers import server_of
from botkit.matrix.client import HomeserverClient, UnreachableError, path
from botkit.matrix.rooms.directory import Sleep, log

_AT_ONCE = 16
_AT_ONCE_PER_SERVER = 2


@dataclass(slots=True, weakref_slot=True)
class ServerJoins:
    """
    Joins through one server.

    Attributes:
        silent_until: monotonic seconds; no join through it is asked for before.
    """

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE_PER_SERVER))
    silent_until: float = 0.0


class JoinLimiter:
    """
    A queue for each inviting server.

    The server behind an invitation can let a join hang, and the homeserver passes on its 429, so both may
    hold up its own queue only.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._servers: WeakValueDictionary[str, ServerJoins] = WeakValueDictionary()

    def queue(self, server: str) -> ServerJoins:
        """The server's queue, remembered while it is in use."""
        queue = self._servers.get(server)
        if queue is None:
            queue = self._servers[server] = ServerJoins()
        return queue

    @asynccontextmanager
    async def turn(self, queue: ServerJoins) -> AsyncIterator[None]:
        """Wait until a join may be asked for, and hold the turn for as long as the block takes."""
        async with queue.turns:
            while (rest := queue.silent_until - self._clock()) > 0:
                await self._sleep(rest)
            async with self._turns:
                yield

    def silence(self, queue: ServerJoins, seconds: float) -> None:
        """Ask for nothing in this queue for so long."""
        queue.silent_until = max(queue.silent_until, self._clock() + seconds)


_JOIN_ATTEMPTS = 12
_LIMITED_ATTEMPTS = 100
_REMEMBERED = 10_000


class Invitations:
    """
    Follows invitations that the policy allows, a few at a time; others are left alone.

    Args:
        allowed: the policy, given the room and the inviter.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        homeserver: HomeserverClient,
        own_user_id: str,
        allowed: Callable[[str, str], bool],
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._homeserver = homeserver
        self._own_user_id = own_user_id
        self._allowed = allowed
        self._sleep = sleep
        self._limiter = JoinLimiter(clock, sleep)
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._declined: set[str] = set()

    def consider(self, invites: Mapping[str, Any]) -> None:
        """Judge the ``invite`` part of a sync answer; joining continues in the background."""
        for room_id, invite in invites.items():
            inviter = self._inviter(invite)
            if inviter is None or room_id in self._joining:
                continue
            if self._allowed(room_id, inviter):
                task = asyncio.create_task(self._join(room_id, inviter))
                self._joining[room_id] = task
                task.add_done_callback(lambda _, room=room_id: self._joining.pop(room, None))  # type: ignore[misc]
            elif room_id not in self._declined:
                if len(self._declined) >= _REMEMBERED:
                    self._declined.clear()
                self._declined.add(room_id)
                log.info("invitation not accepted by invites.policy room=%s inviter=%s", room_id, inviter)

    def joining(self, room_id: str) -> bool:
        """Whether an invitation to the room is being followed."""
        return room_id in self._joining

    def withdrawn(self, room_id: str) -> None:
        """The invitation is gone, or the bot is in the room."""
        self._declined.discard(room_id)
        task = self._joining.pop(room_id, None)
        if task is not None:
            task.cancel()

    async def stop(self) -> None:
        """Stop joining; what is left is found again at the next start."""
        tasks = tuple(self._joining.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _inviter(self, invite: Any) -> str | None:
        """The sender of the invitation to the bot itself; other people's memberships come along with it."""
        state = invite.get("invite_state") if isinstance(invite, Mapping) else None
        events = state.get("events") if isinstance(state, Mapping) else None
        for event in events if isinstance(events, list) else ():
            if not isinstance(event, Mapping) or event.get("type") != "m.room.member":
                continue
            content = event.get("content")
            membership = content.get("membership") if isinstance(content, Mapping) else None
            sender = event.get("sender")
            if event.get("state_key") == self._own_user_id and membership == "invite":
                return sender if isinstance(sender, str) else None
        return None

    async def _join(self, room_id: str, inviter: str) -> None:
        backoff = Backoff()
        server = server_of(inviter)
        queue = self._limiter.queue(server)
        failed = limited = 0
        while failed < _JOIN_ATTEMPTS and limited < _LIMITED_ATTEMPTS:
            asked = None
            try:
                async with self._limiter.turn(queue):
                    answer = await self._homeserver.request(
                        "POST", path("join", room_id), {}, query={"via": server, "server_name": server}, timeout=90
                    )
                    if answer.status == 429:
                        self._limiter.silence(queue, answer.retry_after or 1.0)
                if answer.ok:
                    log.info("joined room=%s inviter=%s", room_id, inviter)
                    return
                reason, asked = answer.describe(), answer.retry_after
                if not answer.temporary:
                    break
                if answer.status == 429:
                    limited += 1
                    continue
            except UnreachableError as error:
                reason = str(error)
            failed += 1
            await self._sleep(backoff.pause(asked))
        log.warning("could not join room=%s inviter=%s: %s", room_id, inviter, reason)
