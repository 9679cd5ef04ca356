"""
The bot with watches for which a minute is a moment: ``python -m lab.fast_clock SPEED BEGINNING --config FILE``.

Everything is the bot's own but the clock that its watches go by, which the plugin is handed as any collaborator is.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from botkit import host
from botkit.config import load_config
from botkit.loader import LoadedPlugin, load_plugins
from botkit.logs import configure_logging
from botkit.plugin import PluginContext
from plugins.foci.clock import Clock
from plugins.foci.plugin import FociPlugin


class HurriedClock:
    """
    A `plugins.foci.clock.Clock` that agrees with the machine's at one moment and runs faster.

    Args:
        speed: its seconds in one second.
        beginning: when both show the same, seconds since the epoch; now if not given.
    """

    def __init__(self, speed: float, beginning: float | None = None) -> None:
        self._speed = speed
        self._beginning = time.time() if beginning is None else beginning

    def at(self, moment: float) -> float:
        """What it shows when the machine's clock shows ``moment``; before the beginning they are the same."""
        return moment + max(0.0, moment - self._beginning) * (self._speed - 1)

    def now(self) -> float:
        """Seconds since the epoch; runs as fast on a machine whose clock was set to before the beginning."""
        moment = time.time()
        return moment + (moment - self._beginning) * (self._speed - 1)

    def passed(self) -> float:
        """Seconds that never jump."""
        return time.monotonic() * self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait as long by this clock."""
        await asyncio.sleep(seconds / self._speed)


def hurried(loaded: LoadedPlugin, clock: Clock) -> LoadedPlugin:
    """The foci plugin as it was loaded, watching by another clock."""

    class Hurried(FociPlugin):
        def __init__(self, context: PluginContext, config: BaseModel) -> None:
            super().__init__(context, config, clock)

    return replace(loaded, plugin=Hurried)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """``bot.py run`` with such a clock; returns the exit status."""
    speed, beginning, _, config_file = argv
    config = load_config(Path(config_file), environ)
    configure_logging(config.logging)
    clock = HurriedClock(float(speed), float(beginning))
    plugins = [hurried(one, clock) if one.name == "foci" else one for one in load_plugins(config)]
    return asyncio.run(host.run(config, plugins))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
