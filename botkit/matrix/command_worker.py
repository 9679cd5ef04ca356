"""Answers commands: in order within a room, rooms side by side."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from botkit.matrix.client import HomeserverClient, UnreachableError, path
from botkit.matrix.per_room import PerRoom
from botkit.matrix.rooms.directory import RoomDirectory
from botkit.matrix.send.content import replies
from botkit.messages.inbound import Answerer, InboundMessage
from botkit.plugin import RoomUnavailableError
from botkit.storage import StorageError
from botkit.storage.inbox import Inbox, PendingMessage

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

MOST_ATTEMPTS = 3
"""Starts after which a message that never came to its end is given up."""

_PARALLEL = 64
"""Rooms answered at once; what they fetch is shared out elsewhere, so this only bounds memory."""

_TYPING_AFTER = 0.3
"""Seconds of work before it is shown: what is refused costs no request."""
_TYPING_FOR = 30.0


class Typing:
    """Shows in a room that an answer is being worked on. Never an obstacle: its failures are ignored."""

    def __init__(self, homeserver: HomeserverClient, user_id: str) -> None:
        self._homeserver = homeserver
        self._user_id = user_id

    @asynccontextmanager
    async def shown(self, room_id: str) -> AsyncIterator[None]:
        """Show it for as long as the block takes, if that is not done at once."""
        task = asyncio.create_task(self._keep(room_id))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep(self, room_id: str) -> None:
        where = path("rooms", room_id, "typing", self._user_id)
        try:
            await asyncio.sleep(_TYPING_AFTER)
            while True:
                body = {"typing": True, "timeout": int(_TYPING_FOR * 1000)}
                answer = await self._homeserver.request("PUT", where, body)
                if not answer.ok:
                    return
                await asyncio.sleep(_TYPING_FOR * 2 / 3)
        except UnreachableError as error:
            log.debug("typing notification not sent room=%s: %s", room_id, error)


class Preparation:
    """
    What is done for a command that is answered, and for none that is refused: typing is shown, the author of the
    replied-to event looked up and the bot's own state read.

    Args:
        refresh: reads what only the database knows.
    """

    def __init__(self, rooms: RoomDirectory, typing: Typing, refresh: Callable[[], Awaitable[None]]) -> None:
        self._rooms = rooms
        self._typing = typing
        self._refresh = refresh

    @asynccontextmanager
    async def __call__(self, message: InboundMessage) -> AsyncIterator[InboundMessage]:
        """The message with its author; what it is for is done in the block."""
        async with self._typing.shown(message.room_id):
            # the database has said what ails it, and what it did not tell is told as unknown
            with contextlib.suppress(StorageError):
                await self._refresh()
            yield await self._with_author(message)

    async def _with_author(self, message: InboundMessage) -> InboundMessage:
        if message.reply_to is None:
            return message
        try:
            return replace(message, reply_author=await self._rooms.author(message.room_id, message.reply_to))
        except RoomUnavailableError as error:
            log.warning("author of the replied-to event unknown event=%s: %s", message.reply_to, error)
            return message


class CommandWorker:
    """
    Takes messages from the inbox, has them answered and puts the answers into the outbox.

    Args:
        answer: what knows the commands.
        wake_outbox: called when there is something to send.
    """

    def __init__(
        self,
        inbox: Inbox,
        answer: Answerer,
        wake_outbox: Callable[[], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._inbox = inbox
        self._answer = answer
        self._wake_outbox = wake_outbox
        self._turns = asyncio.Semaphore(_PARALLEL)
        self._rounds = PerRoom("answering commands", inbox.rooms_waiting, self._serve, sleep)

    def wake(self) -> None:
        """There may be messages to answer."""
        self._rounds.wake()

    async def run(self) -> None:
        """Answer until cancelled; begins with what an earlier run left."""
        await self._rounds.run()

    async def stop(self, patience: float) -> None:
        """Let running answers end for ``patience`` seconds; what does not end is answered at the next start."""
        self._rounds.closed = True
        await self._rounds.end(patience)

    async def _serve(self, room_id: str) -> bool:
        """The next message of a room; one turn per message, so that no room holds up the others."""
        async with self._turns:
            waiting = await self._inbox.start(room_id)
            if waiting is not None:
                await self._handle(waiting)
            return waiting is not None

    async def _handle(self, waiting: PendingMessage) -> None:
        message = waiting.message
        if waiting.attempts >= MOST_ATTEMPTS:
            log.error(
                "command dropped after %d attempts room=%s event=%s sender=%s",
                waiting.attempts,
                message.room_id,
                message.event_id,
                message.sender,
            )
            await self._inbox.drop(waiting.seq)
            return
        try:
            documents = await self._answer(message)
        except asyncio.CancelledError:
            await asyncio.shield(self._inbox.put_back(waiting.seq))
            raise
        await self._inbox.finish(waiting.seq, replies(message, documents))
        if documents:
            self._wake_outbox()
