"""A whole bot that watches on a clock of its own, for which a minute is a moment."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Self

from pydantic import BaseModel

from botkit import host
from botkit.loader import LoadedPlugin
from botkit.plugin import PluginContext
from plugins.foci.config import FociConfig
from plugins.foci.plugin import FociPlugin
from tests.matrix.bot import Bot

SPEED = 40.0


class HastyClock:
    """Runs ``SPEED`` times as fast as the machine's clocks; goes on through restarts of the bot."""

    def __init__(self) -> None:
        self._day = time.time()
        self._start = time.monotonic()

    def now(self) -> float:
        return self._day + self.passed()

    def passed(self) -> float:
        return (time.monotonic() - self._start) * SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


class WatchBot(Bot):
    """
    Attributes:
        foci: the plugin's part of the configuration, set before it starts.
    """

    foci: dict[str, Any]

    async def __aenter__(self) -> Self:
        clock = self.__dict__.setdefault("clock", HastyClock())

        class Hasty(FociPlugin):
            def __init__(self, context: PluginContext, config: BaseModel) -> None:
                super().__init__(context, config, clock)

        plugin = LoadedPlugin("foci", Hasty, FociConfig.model_validate(self.foci))
        self.task = asyncio.create_task(host.run(self.config, (plugin,)))
        await asyncio.sleep(0)
        return self
