"""The bot as a process of its own that is killed and started again, on a clock for which a minute is a second."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from lab.process import spawn, stop

ROOT = Path(__file__).resolve().parents[2]
SPEED = 60.0


class Life:
    """
    One bot over all its lives.

    Attributes:
        starts, kills: how often.
        killed_at: monotonic seconds of every kill.
        exits: exit codes of lives that nobody ended.
        program: the interpreter's arguments before those of `lab.fast_clock`.
    """

    def __init__(self, config: Path, log: Path) -> None:
        self._config = config
        self._log = log
        self._beginning = time.time()
        self._process: subprocess.Popen[bytes] | None = None
        self.program: tuple[str, ...] = ("-m", "lab.fast_clock")
        self.starts = 0
        self.killed_at: list[float] = []
        self.exits: list[int] = []

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code of a life that ended by itself."""
        return None if self._process is None else self._process.poll()

    def start(self, *prefix: str) -> None:
        """Run it; ``prefix`` is a command that runs another."""
        assert not self.alive
        arguments = [*self.program, str(SPEED), str(self._beginning), "--config", str(self._config)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = spawn([*prefix, sys.executable, *arguments], log=self._log, cwd=self._config.parent, env=env)
        self.starts += 1

    def kill(self) -> None:
        """SIGKILL, this very moment."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is not None:
            self.exits.append(process.returncode)
            return
        process.kill()
        process.wait()
        self.killed_at.append(time.monotonic())

    def end(self) -> None:
        """Leave nothing running."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    async def terminate(self) -> int:
        """SIGTERM; the exit code."""
        process, self._process = self._process, None
        assert process is not None
        return await stop(process, patience=30)

    def log(self) -> str:
        """What it wrote to its standard output and error, over all lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
