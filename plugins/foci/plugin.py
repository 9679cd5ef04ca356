"""The plugin as the host sees it: configuration, commands, the ``check`` subcommand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel

from botkit.plugin import Command, OneShot, Plugin, PluginContext
from plugins.foci.check import Checker
from plugins.foci.commands import FociCommands
from plugins.foci.config import FociConfig
from plugins.foci.oneshot import check_command


class FociPlugin(Plugin):
    """Reports the foci that homeservers publish."""

    name: ClassVar[str] = "foci"
    config_model: ClassVar[type[BaseModel]] = FociConfig

    def __init__(self, context: PluginContext, config: BaseModel) -> None:
        super().__init__(context, config)
        settings = _own(config).check_settings(min(context.limits.timeout, context.limits.deadline))
        checker = Checker(context.outbound, context.account, context.limits, settings, _now)
        self._commands = FociCommands(checker, context.rooms, context.status, context.account.user_id)

    @classmethod
    def one_shots(cls, config: BaseModel) -> Sequence[OneShot]:
        """``bot.py check``."""
        return (check_command(_own(config).check_settings, _now),)

    def commands(self) -> Sequence[Command]:
        """``!foci``."""
        return (self._commands.command(),)


def _own(config: BaseModel) -> FociConfig:
    if not isinstance(config, FociConfig):
        raise TypeError("the foci plugin was given another plugin's configuration")
    return config


def _now() -> datetime:
    return datetime.now(UTC)
