"""A bot that can be killed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from lab.process import spawn
from lab.process import stop as stop_process


class Process:
    """
    The bot as a process of its own.

    Attributes:
        log: what it wrote to its standard output and error.
    """

    def __init__(self, config: Path, log: Path, *arguments: str) -> None:
        self._argv = [sys.executable, "-m", "tests.matrix.echo", str(config), *arguments]
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        root = Path(__file__).parents[2]
        self._process = spawn(self._argv, log=self.log, cwd=root)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def died(self) -> int:
        """The exit status, once it ends by itself."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, 30)

    async def terminate(self) -> int:
        """SIGTERM; the exit status."""
        assert self._process is not None
        return await stop_process(self._process, patience=20)
