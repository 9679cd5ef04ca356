"""The running Matrix side: sync, inbox, worker, outbox and rooms of one enrolled device."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from botkit.config import Config
from botkit.matrix.courier import Courier
from botkit.matrix.crypto import Crypto
from botkit.matrix.enrolment import Device
from botkit.matrix.history import History
from botkit.matrix.intake import Intake, Stores, Wakers
from botkit.matrix.rooms import EncryptedRooms, Invitations, RoomDirectory
from botkit.matrix.screening import Screen
from botkit.matrix.status import StatusBoard
from botkit.matrix.sync import SyncLoop
from botkit.matrix.whereabouts import Whereabouts
from botkit.matrix.wire import Homeserver
from botkit.matrix.worker import Typing, Worker
from botkit.message import Answerer, InboundMessage
from botkit.permissions import may_invite
from botkit.storage.database import Database
from botkit.storage.inbox import Account, Inbox
from botkit.storage.outbox import Outbox
from botkit.storage.rooms import RoomNotes
from botkit.tasks import Supervisor

KEPT_FOR_MS = 7 * 86_400_000
"""How long finished rows are kept; transaction ids are good for a day on the homeserver."""

ANSWERS_PATIENCE = 5.0
"""Seconds that running answers get when the bot stops."""

DRAIN_PATIENCE = 3.0
"""Seconds that waiting messages get when the bot stops."""

_PRUNE_EVERY = 3600.0


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Memory:
    """The tables, each behind its own door."""

    database: Database
    inbox: Inbox
    outbox: Outbox
    notes: RoomNotes

    @classmethod
    def of(cls, database: Database) -> Memory:
        """The tables of an open database."""
        return cls(database, Inbox(database, now_ms), Outbox(database, now_ms), RoomNotes(database))


class Station:
    """
    Wires the parts together and runs them under a supervisor.

    Args:
        is_command: whether a message is worth an answer.
        answer: what knows the commands.
    """

    def __init__(
        self,
        config: Config,
        homeserver: Homeserver,
        device: Device,
        memory: Memory,
        rooms: RoomDirectory,
        whereabouts: Whereabouts,
        status: StatusBoard,
        *,
        is_command: Callable[[InboundMessage], bool],
        answer: Answerer,
        supervisor: Supervisor,
    ) -> None:
        self._memory = memory
        self._crypto: Crypto = device.crypto
        self._supervisor = supervisor
        own_user_id = device.session.user_id
        account = Account(own_user_id, device.session.device_id)
        self._encrypted = EncryptedRooms(rooms, memory.notes)
        self._courier = Courier(
            homeserver, memory.outbox, memory.notes, device.crypto, self._encrypted, clock=time.monotonic
        )
        typing = Typing(homeserver, own_user_id)
        self._worker = Worker(memory.inbox, rooms, typing, answer, self._courier.wake)
        self._invitations = Invitations(
            homeserver,
            own_user_id,
            lambda inviter: may_invite(inviter, config.invites.policy, config.invites.allow, config.admins),
        )
        intake = Intake(
            account,
            Stores(memory.inbox, memory.outbox, memory.notes),
            device.crypto,
            self._encrypted,
            self._invitations,
            History(homeserver, own_user_id, config.commands.max_age),
            Screen(own_user_id, config.commands.max_age),
            is_command,
            Wakers(self._worker.wake, self._courier.wake),
            whereabouts,
            time.time,
        )
        self.sync = SyncLoop(homeserver, account, memory.inbox, intake, device.crypto, clock=time.monotonic)
        status.watch(self.sync, intake)

    async def start(self) -> None:
        """Begin to read, answer and send."""
        await self._encrypted.load()
        self._supervisor.vital("sync", self.sync.run)
        self._supervisor.forever("worker", self._worker.run)
        self._supervisor.forever("courier", self._courier.run)
        self._supervisor.forever("prune", self._prune)

    def wake(self) -> None:
        """There may be letters to send."""
        self._courier.wake()

    async def resume(self) -> None:
        """Read on after the session was renewed."""
        await self._supervisor.stop("sync")
        self._supervisor.vital("sync", self.sync.run)

    async def stop(self) -> None:
        """Read no more, let answers end, send what is ready. Never logs out."""
        await self._supervisor.stop("sync", "prune")
        await self._invitations.stop()
        await self._worker.stop(ANSWERS_PATIENCE)
        await self._courier.drain(DRAIN_PATIENCE)
        await self._supervisor.stop("worker", "courier")

    async def _prune(self) -> None:
        while True:
            await self._memory.inbox.prune(now_ms() - KEPT_FOR_MS)
            await self._memory.outbox.prune(now_ms() - KEPT_FOR_MS)
            await asyncio.sleep(_PRUNE_EVERY)
