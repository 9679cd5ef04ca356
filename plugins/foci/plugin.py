"""The plugin as the host sees it: configuration, commands, watches, the ``check`` subcommand."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

from botkit.figure import Figure
from botkit.outbound import Purpose
from botkit.plugin import Command, OneShot, Plugin, PluginContext, Reaction
from plugins.foci.checker import Checker
from plugins.foci.clock import Clock, SystemClock
from plugins.foci.commands.check import check_command
from plugins.foci.commands.report import FociCommands
from plugins.foci.config import FociConfig
from plugins.foci.deep.quota import DeepQuota
from plugins.foci.report.build import IN_ROOMS

if TYPE_CHECKING:
    from botkit.storage.transfer import Carried


class FociPlugin(Plugin):
    """
    Reports the foci that homeservers publish, and watches them.

    Args:
        clock: what watches go by.
    """

    name: ClassVar[str] = "foci"
    config_model: ClassVar[type[BaseModel]] = FociConfig
    migrations: ClassVar[Path | None] = Path(__file__).parent / "storage" / "migrations"

    def __init__(self, context: PluginContext, config: BaseModel, clock: Clock | None = None) -> None:
        # Imported here: a single check from the command line needs neither a database nor pictures.
        from plugins.foci.commands.watch import WatchCommands
        from plugins.foci.watch.watcher import Watcher

        super().__init__(context, config)
        clock, own, limits = clock or SystemClock(), _own(config), context.limits
        timeout = min(limits.timeout, limits.deadline)
        settings = own.check_settings(timeout)
        checker = Checker(context.outbound, context.account, limits, settings, lambda: _at(clock.now()), IN_ROOMS)
        watch_settings = own.watch_settings(context.account.user_id, context.admins)
        self._watcher = Watcher(
            checker,
            context.account,
            context.rooms,
            context.storage,
            context.notifier,
            limits,
            watch_settings,
            own.watch.watches(),
            clock,
            lambda: 1 + own.watch.jitter * random.uniform(-1, 1),  # noqa: S311 - chance, not secrecy
            partial(context.outbound.payer, Purpose.WATCH),
        )
        user_id = context.account.user_id
        watches = WatchCommands(
            self._watcher.watch_service,
            context.rooms,
            user_id,
            self._watcher.scheduler.wake,
            clock.now,
            watch_settings.limits,
        )
        self._commands = FociCommands(
            checker,
            context.rooms,
            context.status,
            user_id,
            watches.subcommands(),
            self._watcher.lines,
            DeepQuota(time.monotonic) if own.deep.enabled else None,
        )

    @classmethod
    def one_shots(cls, config: BaseModel) -> Sequence[OneShot]:
        """``bot.py check``."""
        return (check_command(_own(config).check_settings, _now),)

    @classmethod
    def carried(cls) -> Carried | None:
        """Watches, states, incidents, silences and history."""
        # Imported here, as above.
        from plugins.foci.storage.carried import CARRIED

        return CARRIED

    def commands(self) -> Sequence[Command]:
        """``!foci``."""
        return (self._commands.command(),)

    async def start(self) -> None:
        """Begin to watch."""
        await self._watcher.start()

    async def stop(self) -> None:
        """Stop watching."""
        await self._watcher.stop()

    async def figures(self) -> Sequence[Figure]:
        """How the watching goes."""
        return await self._watcher.figures()

    async def reacted(self, reaction: Reaction) -> None:
        """Acknowledge."""
        await self._watcher.reacted(reaction)

    async def redacted(self, room_id: str, event_id: str) -> None:
        """Withdraw an acknowledgement."""
        await self._watcher.redacted(room_id, event_id)

    async def room_replaced(self, old: str, new: str) -> None:
        """Watches move along."""
        await self._watcher.room_replaced(old, new)

    async def room_left(self, room_id: str) -> None:
        """Watches made there end."""
        await self._watcher.room_left(room_id)

    async def room_suspended(self, room_id: str, reason: str) -> None:
        """Watches there are suspended, and another room is notified."""
        await self._watcher.room_suspended(room_id, reason)

    async def room_joined(self, room_id: str) -> None:
        """Open incidents are sent there."""
        await self._watcher.room_joined(room_id)


def _own(config: BaseModel) -> FociConfig:
    if not isinstance(config, FociConfig):
        raise TypeError("the foci plugin was given another plugin's configuration")
    return config


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _now() -> datetime:
    return datetime.now(UTC)
