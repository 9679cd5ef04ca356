"""The bot as its users run it: a child process with a configuration file."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from lab.process import spawn, stop

BOT_PROGRAM = Path(__file__).resolve().parent.parent / "bot.py"

_Result = TypeVar("_Result")


class BotError(Exception):
    """The bot ended, or did not do its part in time; the text ends with the last lines of its log."""


class Bot:
    """``bot.py run`` as a child process."""

    def __init__(self, directory: Path, config: dict[str, Any]) -> None:
        """Write the configuration; nothing runs yet."""
        self._directory = directory
        self._config = directory / "config.yaml"
        self._config.touch(mode=0o600)
        self.configure(config)
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, config: dict[str, Any]) -> None:
        """Write another configuration, for the next start."""
        self._config.write_text(json.dumps(config, indent=1))

    @property
    def log_file(self) -> Path:
        """What the bot writes to its standard output and error."""
        return self._directory / "bot.log"

    def start(self, *program: str) -> None:
        """Run the bot; ``program`` are the interpreter's arguments before ``--config``, ``bot.py run`` if not given."""
        argv = [sys.executable, *(program or (str(BOT_PROGRAM), "run")), "--config", str(self._config)]
        env = {**os.environ, "PYTHONPATH": str(BOT_PROGRAM.parent)}
        self._process = spawn(argv, log=self.log_file, cwd=self._directory, env=env)

    async def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            await stop(self._process)

    async def watched(self, work: Awaitable[_Result]) -> _Result:
        """
        Do something that needs the bot.

        Raises:
            BotError: the bot ended meanwhile, or did not do its part in time; with the end of its log.
        """
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=0.2)
                if self._process is None or self._process.poll() is not None:
                    raise BotError(f"the bot ended\n{self._log_tail()}")
            return task.result()
        except TimeoutError as error:
            raise BotError(f"{error}\n{self._log_tail()}") from None
        finally:
            task.cancel()

    def _log_tail(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        return "\n".join(lines[-15:])
