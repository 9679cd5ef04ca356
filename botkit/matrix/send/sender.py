"""Sends what is in the outbox: in order within a room, under transaction ids that never change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any

from botkit.backoff import Backoff
from botkit.lease import Lease, LeaseExpiredError
from botkit.matrix.client import Answer, HomeserverClient, UnreachableError, path
from botkit.matrix.crypto.machine import Crypto, CryptoMissingError
from botkit.matrix.per_room import PerRoom
from botkit.matrix.rooms.directory import EncryptedRooms
from botkit.matrix.rooms.membership import RoomAcceptance
from botkit.matrix.send.attachment import MOST_ATTEMPTS, UploadRefusedError, in_words, uploaded
from botkit.matrix.send.content import related, shortened_message
from botkit.messages.notification import Placement
from botkit.messages.sanitise import logged
from botkit.plugin import RoomClosedError, RoomUnavailableError
from botkit.storage.outbox import Outbox, Outgoing, Queued

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

REMEMBERED_MS = 86_400_000
"""How long a homeserver surely knows a transaction id (Synapse: a day)."""

_PARALLEL = 8
_PAUSE = 0.5
_THROTTLED_FOR = 60.0
_CLEAR_IN_ENCRYPTED_ROOMS = frozenset({"m.reaction"})
_ROOM_REFUSES = frozenset({"M_FORBIDDEN", "M_NOT_FOUND"})
_ACCOUNT_WAITS = frozenset({"M_RESOURCE_LIMIT_EXCEEDED", "M_CONSENT_NOT_GIVEN", "M_USER_SUSPENDED", "M_USER_LOCKED"})


class _Next(Enum):
    SENT = auto()
    REFUSED = auto()
    LATER = auto()
    TOO_LARGE = auto()


class Sender:
    """
    One sender per room. What fails for now is tried again for ever; what the homeserver refuses is given up.

    Args:
        standing: records which messages rooms accept and reject.
        joining: whether the bot is about to enter a room; what is sent before that is refused.
        device_id: transaction ids are good on one device.
        lease: nothing is sent without it.
        clock: monotonic seconds.
        now: milliseconds since 1970.
    """

    def __init__(
        self,
        homeserver: HomeserverClient,
        outbox: Outbox,
        standing: RoomAcceptance,
        crypto: Crypto,
        encrypted: EncryptedRooms,
        joining: Callable[[str], bool],
        *,
        device_id: str,
        lease: Lease,
        clock: Callable[[], float],
        now: Callable[[], int],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._homeserver = homeserver
        self._outbox = outbox
        self._standing = standing
        self._crypto = crypto
        self._encrypted = encrypted
        self._joining = joining
        self._device_id = device_id
        self._lease = lease
        self._clock = clock
        self._now = now
        self._sleep = sleep
        self._turns = asyncio.Semaphore(_PARALLEL)
        self._rounds = PerRoom("sending", outbox.rooms_waiting, self._serve, sleep)
        self._silent_until = float("-inf")

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

    async def _serve(self, room_id: str) -> bool:
        await self._wait_until_it_may_go(room_id)
        queued = await self._outbox.next(room_id, throttled=self._throttled)
        if queued is None:
            return False
        if _needs_anchor(queued) and queued.anchor is None:
            log.info("message skipped, the message it refers to was not sent room=%s", room_id)
            await self._outbox.mark_left_out(queued.id)
        else:
            self._remark(queued)
            await self._deliver(queued)
        return True

    @property
    def _throttled(self) -> bool:
        """For a while after each 429: a limit that has just let one message pass refuses the next ones."""
        return self._clock() < self._silent_until + _THROTTLED_FOR

    def _remark(self, queued: Queued) -> None:
        if not queued.attempted or queued.attempted_at is None:
            return
        if queued.attempted_by != self._device_id or self._now() - queued.attempted_at > REMEMBERED_MS:
            log.warning(
                "message may arrive twice room=%s: first sent over a day ago, or by another device",
                queued.message.room_id,
            )

    async def _deliver(self, queued: Queued) -> None:
        """Try one message until it is settled; a prepared (encrypted) event is kept for every attempt."""
        prepared: tuple[str, dict[str, Any]] | None = None
        backoff = Backoff()
        complaint = ""
        attempts = 0
        while not self._rounds.closed:
            await self._wait_until_it_may_go(queued.message.room_id)
            asked: float | None = None
            attempts += 1
            try:
                async with self._turns:
                    prepared = prepared or await self._prepare(queued, attempts)
                    await self._outbox.mark_attempted(queued.id, self._device_id)
                    answer = await self._put(queued.message, *prepared)
                reason, asked = answer.describe(), answer.retry_after
                if await self._settle(queued, answer):
                    return
            except CryptoMissingError as error:
                log.error("message not sent: room=%s is encrypted and %s", queued.message.room_id, error)
                await self._outbox.mark_refused(queued.id)
                return
            except RoomClosedError as error:
                await self._refuse(queued, f"the bot may not join it ({error})")
                return
            except UnreachableError as error:
                reason, asked = str(error), error.retry_after
            except RoomUnavailableError as error:
                reason = str(error)
            if reason != complaint:
                log.warning("message not sent yet, retrying room=%s: %s", queued.message.room_id, reason)
                complaint = reason
            await self._sleep(backoff.pause(asked))
            if not await self._outbox.waiting(queued.id):
                return

    async def _refuse(self, queued: Queued, reason: str) -> None:
        log.error("message rejected room=%s: %s", queued.message.room_id, reason)
        await self._outbox.mark_refused(queued.id)
        await self._standing.refused(queued.message.room_id, reason)

    async def _prepare(self, queued: Queued, attempts: int) -> tuple[str, dict[str, Any]]:
        message = queued.message
        encrypted = message.kind not in _CLEAR_IN_ENCRYPTED_ROOMS and await self._encrypted(message.room_id)
        content = message.content
        if message.attachment is not None:
            content = await self._attach(queued.id, message, message.attachment, encrypted, attempts)
        if message.stamp is not None:
            content = related(content, message.stamp.placement, queued.anchor)
        return (
            await self._crypto.encrypt(message.room_id, message.kind, content) if encrypted else (message.kind, content)
        )

    async def _attach(
        self, row_id: int, message: Outgoing, data: bytes, encrypted: bool, attempts: int
    ) -> dict[str, Any]:
        """The content with its picture uploaded, or in words; either is kept before the message is sent."""
        try:
            content = await uploaded(self._homeserver, message.content, data, encrypted=encrypted)
        except (UploadRefusedError, UnreachableError) as error:
            if isinstance(error, UnreachableError) and attempts < MOST_ATTEMPTS:
                raise
            log.warning("picture not uploaded room=%s: %s", message.room_id, error)
            content = in_words(message.content, str(error))
        await self._outbox.attached(row_id, content)
        return content

    async def _put(self, message: Outgoing, kind: str, content: dict[str, Any]) -> Answer:
        where = path("rooms", message.room_id, "send", kind, message.txn_id)
        try:
            async with self._lease.speaking():
                return await self._homeserver.request("PUT", where, content, timeout=60)
        except LeaseExpiredError:
            raise UnreachableError("the database no longer confirms that this bot is the only one") from None

    async def _settle(self, queued: Queued, answer: Answer) -> bool:
        """Write down what became of it; False when it is to be tried again."""
        outcome = _outcome(answer)
        if outcome is _Next.SENT:
            anchor = queued.message.stamp is not None and queued.anchor is None
            awaited = await self._outbox.mark_sent(queued.id, _event_id(answer), anchor=anchor)
            self._log(queued, _event_id(answer))
            await self._standing.accepted(queued.message.room_id, awaited=awaited)
        elif outcome is _Next.TOO_LARGE:
            await self._shorten(queued)
        elif outcome is _Next.REFUSED and answer.errcode in _ROOM_REFUSES:
            await self._refuse(queued, f"the room rejected a message ({answer.describe()})")
        elif outcome is _Next.REFUSED:
            log.error("message rejected room=%s: %s", queued.message.room_id, answer.describe())
            await self._outbox.mark_refused(queued.id)
        elif answer.status == 429:
            # the limit is the account's: every room waits
            self._silent_until = max(self._silent_until, self._clock() + (answer.retry_after or 1.0))
        return outcome is not _Next.LATER

    def _log(self, queued: Queued, event_id: str) -> None:
        message, waited = queued.message, max(0, self._now() - queued.queued_at) / 1000
        about = logged(message.stamp.about) if message.stamp else "-"
        log.info(
            "delivered room=%s event=%s about=%s seconds=%.1f",
            logged(message.room_id),
            logged(event_id),
            about,
            waited,
        )

    async def _shorten(self, queued: Queued) -> None:
        notice = shortened_message(queued.message)
        if notice.content == queued.message.content:
            log.error("shortened message is still too large room=%s", queued.message.room_id)
            await self._outbox.mark_refused(queued.id)
            return
        log.warning("message too large, sending a shortened one room=%s", queued.message.room_id)
        await self._outbox.replace(queued.id, notice)

    async def _wait_until_it_may_go(self, room_id: str) -> None:
        while True:
            rest = self._silent_until - self._clock()
            if rest <= 0 and self._lease.held and not self._joining(room_id):
                return
            await self._sleep(rest if rest > 0 else _PAUSE)


def _needs_anchor(queued: Queued) -> bool:
    stamp = queued.message.stamp
    return stamp is not None and stamp.placement is Placement.THREAD


def _event_id(answer: Answer) -> str:
    event_id = answer.body.get("event_id")
    return event_id if isinstance(event_id, str) else ""


def _outcome(answer: Answer) -> _Next:
    if answer.ok:
        # without its event id nothing could refer to it; asking again under the same transaction id gives it
        return _Next.SENT if _event_id(answer) else _Next.LATER
    if answer.status == 413 or answer.errcode == "M_TOO_LARGE":
        return _Next.TOO_LARGE
    # a rejected token is the sync's affair; the message waits for its verdict
    if answer.temporary or answer.token_rejected or answer.errcode in _ACCOUNT_WAITS:
        return _Next.LATER
    return _Next.REFUSED
