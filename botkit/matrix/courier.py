"""Sends what is in the outbox: in order within a room, under transaction ids that never change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any

from botkit.matrix.backoff import Backoff
from botkit.matrix.crypto import Crypto, CryptoMissingError
from botkit.matrix.key_exchange import CryptoInterruptedError
from botkit.matrix.reply import shortened
from botkit.matrix.rooms import EncryptedRooms, RoomUnavailableError
from botkit.matrix.rounds import Rounds
from botkit.matrix.wire import Answer, Homeserver, UnreachableError, path
from botkit.storage.outbox import Outbox, Outgoing, Queued
from botkit.storage.rooms import RoomNotes

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

_PARALLEL = 8
_RETRY_PAUSE = 2.0
_CLEAR_IN_ENCRYPTED_ROOMS = frozenset({"m.reaction"})


class _Next(Enum):
    SENT = auto()
    REFUSED = auto()
    LATER = auto()
    TOO_LARGE = auto()


class Courier:
    """
    One sender per room. What fails for now is tried again for ever; what the homeserver refuses is given up.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self,
        homeserver: Homeserver,
        outbox: Outbox,
        notes: RoomNotes,
        crypto: Crypto,
        encrypted: EncryptedRooms,
        *,
        clock: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._homeserver = homeserver
        self._outbox = outbox
        self._notes = notes
        self._crypto = crypto
        self._encrypted = encrypted
        self._clock = clock
        self._sleep = sleep
        self._turns = asyncio.Semaphore(_PARALLEL)
        self._rounds = Rounds(outbox.rooms_waiting, self._serve)
        self._silent_until = 0.0

    def wake(self) -> None:
        """There may be messages to send."""
        self._rounds.wake()

    async def run(self) -> None:
        """Send until cancelled; begins with what an earlier run left."""
        await self._rounds.run()

    async def drain(self, patience: float) -> None:
        """Send what waits, for at most ``patience`` seconds; the rest goes out at the next start."""
        await self._rounds.look()
        await self._rounds.end(patience)

    async def _serve(self, room_id: str) -> None:
        backoff = Backoff()
        while not self._rounds.closed:
            try:
                queued = await self._outbox.next(room_id)
                if queued is None:
                    return
                await self._deliver(queued, backoff)
            except Exception:
                log.exception("sending interrupted, trying again room=%s", room_id)
                await self._sleep(_RETRY_PAUSE)

    async def _deliver(self, queued: Queued, backoff: Backoff) -> None:
        """Try one message until it is settled; a prepared (encrypted) event is kept for every attempt."""
        prepared: tuple[str, dict[str, Any]] | None = None
        complaint = ""
        while not self._rounds.closed:
            await self._wait_for_silence_to_end()
            asked: float | None = None
            try:
                async with self._turns:
                    prepared = prepared or await self._prepare(queued.message)
                    await self._outbox.mark_attempted(queued.id)
                    answer = await self._put(queued.message, *prepared)
                reason, asked = answer.describe(), answer.retry_after
                if await self._settle(queued, answer):
                    backoff.reset()
                    return
            except CryptoMissingError as error:
                log.error("message not sent: room=%s is encrypted and %s", queued.message.room_id, error)
                await self._outbox.mark_refused(queued.id)
                return
            except CryptoInterruptedError as error:
                reason, asked = str(error), error.retry_after
            except (UnreachableError, RoomUnavailableError) as error:
                reason = str(error)
            if reason != complaint:
                log.warning("message waits room=%s: %s", queued.message.room_id, reason)
                complaint = reason
            await self._sleep(backoff.pause(asked))

    async def _prepare(self, message: Outgoing) -> tuple[str, dict[str, Any]]:
        if message.kind in _CLEAR_IN_ENCRYPTED_ROOMS or not await self._encrypted(message.room_id):
            return message.kind, message.content
        return await self._crypto.encrypt(message.room_id, message.kind, message.content)

    async def _put(self, message: Outgoing, kind: str, content: dict[str, Any]) -> Answer:
        where = path("rooms", message.room_id, "send", kind, message.txn_id)
        return await self._homeserver.request("PUT", where, content, timeout=60)

    async def _settle(self, queued: Queued, answer: Answer) -> bool:
        """Write down what became of it; False when it is to be tried again."""
        outcome = _outcome(answer)
        if outcome is _Next.SENT:
            await self._outbox.mark_sent(queued.id, str(answer.body.get("event_id", "")))
        elif outcome is _Next.TOO_LARGE:
            await self._shorten(queued)
        elif outcome is _Next.REFUSED:
            log.error("message refused room=%s: %s", queued.message.room_id, answer.describe())
            await self._outbox.mark_refused(queued.id)
            await self._notes.set_suspended(queued.message.room_id, answer.status in (403, 404))
        elif answer.status == 429:
            # the limit is the account's: every room waits
            self._silent_until = max(self._silent_until, self._clock() + (answer.retry_after or 1.0))
        return outcome is not _Next.LATER

    async def _shorten(self, queued: Queued) -> None:
        notice = shortened(queued.message)
        if notice.content == queued.message.content:
            log.error("even a short notice is too large room=%s", queued.message.room_id)
            await self._outbox.mark_refused(queued.id)
            return
        log.warning("message too large, sending a notice instead room=%s", queued.message.room_id)
        await self._outbox.replace(queued.id, notice)

    async def _wait_for_silence_to_end(self) -> None:
        while (rest := self._silent_until - self._clock()) > 0:
            await self._sleep(rest)


def _outcome(answer: Answer) -> _Next:
    if answer.ok:
        return _Next.SENT
    if answer.status == 413 or answer.errcode == "M_TOO_LARGE":
        return _Next.TOO_LARGE
    # a rejected token is the sync's affair; the message waits for its verdict
    if answer.temporary or answer.token_rejected:
        return _Next.LATER
    return _Next.REFUSED
