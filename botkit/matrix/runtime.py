"""The running Matrix side: sync, inbox, worker, outbox and rooms of one enrolled device."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from botkit.config import Config
from botkit.lease import Lease
from botkit.matrix.account.enrolment import Device
from botkit.matrix.client import HomeserverClient
from botkit.matrix.command_worker import CommandWorker
from botkit.matrix.hook_worker import HookWorker
from botkit.matrix.retention import Retention
from botkit.matrix.rooms.directory import EncryptedRooms, RoomDirectory
from botkit.matrix.rooms.invitations import Invitations
from botkit.matrix.rooms.membership import Membership, RoomAcceptance
from botkit.matrix.rooms.upgrades import Upgrades
from botkit.matrix.send.retry import SuspendedRoomRetry
from botkit.matrix.send.sender import Sender
from botkit.matrix.status import StatusBoard
from botkit.matrix.sync.events import EventFilter
from botkit.matrix.sync.gap import GapReader
from botkit.matrix.sync.handler import SyncHandler, SyncStores, Wakers
from botkit.matrix.sync.loop import SyncLoop
from botkit.messages.inbound import Answerer, InboundMessage
from botkit.permissions import may_invite
from botkit.plugin import Plugin, Rooms
from botkit.storage.database import Database
from botkit.storage.hook_queue import HookQueue
from botkit.storage.inbox import Inbox, UserDevice
from botkit.storage.outbox import Outbox
from botkit.storage.rooms import RoomNotes, RoomStore
from botkit.tasks import Supervisor

ANSWERS_PATIENCE = 5.0
"""Seconds that running answers get when the bot stops."""

DRAIN_PATIENCE = 3.0
"""Seconds that waiting messages get when the bot stops."""


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class HostStores:
    """The tables, each behind its own door."""

    inbox: Inbox
    outbox: Outbox
    notes: RoomNotes
    room_store: RoomStore
    hook_queue: HookQueue

    @classmethod
    def of(cls, database: Database, plugins: Sequence[str] = ()) -> HostStores:
        """The tables of an open database; ``plugins`` receive room events."""
        return cls(
            Inbox(database, now_ms),
            Outbox(database, now_ms),
            RoomNotes(database),
            RoomStore(database, plugins, now_ms),
            HookQueue(database, now_ms),
        )


class MatrixRuntime:
    """
    Wires the parts together and runs them under a supervisor.

    Args:
        plugins: whose hooks are called.
        rooms: what plugins, and the rules for reactions, know about rooms.
        is_command: whether a message gets an answer.
        answer: what knows the commands.
        lease: the right to send messages.
    """

    def __init__(
        self,
        config: Config,
        homeserver: HomeserverClient,
        device: Device,
        stores: HostStores,
        directory: RoomDirectory,
        membership: Membership,
        status: StatusBoard,
        *,
        plugins: Mapping[str, Plugin],
        rooms: Rooms,
        is_command: Callable[[InboundMessage], bool],
        answer: Answerer,
        supervisor: Supervisor,
        lease: Lease,
    ) -> None:
        self._config = config
        self._retention = Retention(
            stores.inbox, stores.outbox, stores.hook_queue, now_ms, commands_age=config.commands.max_age
        )
        self._supervisor = supervisor
        own_user_id = device.session.user_id
        account = UserDevice(own_user_id, device.session.device_id)
        self._encrypted = EncryptedRooms(directory, stores.notes)
        self._hooks = HookWorker(stores.hook_queue, plugins, rooms)
        self._upgrades = Upgrades(homeserver, directory, stores.room_store, membership, config.admins, self._hooks.wake)
        self._invitations = Invitations(homeserver, own_user_id, self._may_invite)
        self._sender = Sender(
            homeserver,
            stores.outbox,
            RoomAcceptance(stores.room_store, membership, self._hooks.wake),
            device.crypto,
            self._encrypted,
            self._invitations.joining,
            device_id=device.session.device_id,
            lease=lease,
            clock=time.monotonic,
            now=now_ms,
        )
        self._suspended_retry = SuspendedRoomRetry(
            rooms, stores.outbox, self._sender.wake, clock=time.monotonic, now=now_ms
        )
        self._worker = CommandWorker(stores.inbox, answer, self._sender.wake)
        handler = SyncHandler(
            account,
            SyncStores(stores.inbox, stores.outbox, stores.notes, stores.room_store),
            device.crypto,
            self._encrypted,
            self._invitations,
            GapReader(homeserver, own_user_id, config.commands.max_age),
            EventFilter(own_user_id, config.commands.max_age),
            is_command,
            Wakers(self._worker.wake, self._sender.wake, self._hooks.wake, self._upgrades.wake),
            membership,
            time.time,
        )
        self.sync = SyncLoop(homeserver, account, stores.inbox, handler, device.crypto, clock=time.monotonic)
        status.watch(self.sync, handler)

    def _may_invite(self, room_id: str, inviter: str) -> bool:
        """Whether an invitation is followed: those to the replacement of an upgraded room always are."""
        policy, admins = self._config.invites, self._config.admins
        return self._upgrades.awaited(room_id) or may_invite(inviter, policy.policy, policy.allow, admins)

    async def _call_hooks(self) -> None:
        """Wait until the joined rooms are known: reactions in other rooms do not count."""
        await self.sync.ready.wait()
        await self._hooks.run()

    async def _follow_upgrades(self) -> None:
        await self.sync.ready.wait()
        await self._upgrades.run()

    async def start(self) -> None:
        """Begin to read, answer and send."""
        await self._encrypted.load()
        await self._upgrades.load()
        self._supervisor.vital("sync", self.sync.run)
        self._supervisor.forever("worker", self._worker.run)
        self._supervisor.forever("sender", self._sender.run)
        self._supervisor.forever("hooks", self._call_hooks)
        self._supervisor.forever("upgrades", self._follow_upgrades)
        self._supervisor.forever("retry", self._suspended_retry.run)
        self._supervisor.forever("retention", self._retention.run)

    def wake(self) -> None:
        """There may be notifications to send."""
        self._sender.wake()

    async def resume(self) -> None:
        """Read on after the session was renewed."""
        await self._supervisor.stop("sync")
        self._supervisor.vital("sync", self.sync.run)

    async def stop(self) -> None:
        """Stop reading, let running answers finish, send what is ready. Never logs out."""
        await self._supervisor.stop("sync", "retention", "upgrades", "retry")
        await asyncio.gather(self._worker.stop(ANSWERS_PATIENCE), self._hooks.stop(ANSWERS_PATIENCE))
        await self._sender.drain(DRAIN_PATIENCE)
        # not before: rooms that are still being joined would refuse what is ready
        await self._invitations.stop()
        await self._supervisor.stop("worker", "hooks", "sender")
