"""
Run a program and measure it: what it wrote, how long it took, its CPU time and its greatest memory.

Run as a program it is a very small parent for the one that is measured: the kernel counts what a child inherits from
its parent as the child's memory, and the benchmark itself is not small.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 120.0
"""Seconds after which a program is killed."""


class LaunchError(Exception):
    """The program did not end in time."""


@dataclass(frozen=True, slots=True)
class Launched:
    """
    What became of a program.

    Attributes:
        seconds: from before it was started until it had ended.
        cpu: seconds of CPU time, its own and the kernel's for it.
        memory: MiB, the greatest resident set.
    """

    status: int
    output: str
    seconds: float
    cpu: float
    memory: float


async def launch(argv: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Launched:
    """
    Run a program to its end.

    Raises:
        LaunchError: it was still running after ``PATIENCE`` seconds and was killed.
    """
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", __file__, str(writing), *argv),
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            process_group=0,
        )
    finally:
        os.close(writing)
    with os.fdopen(reading) as told:
        try:
            output, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise LaunchError(f"{argv[0]} took more than {PATIENCE:.0f} s") from None
        return Launched(output=output.decode("utf-8", "replace"), **json.loads(told.read()))


def _measure(argv: Sequence[str]) -> dict[str, float | int]:
    started = time.monotonic()
    child = os.posix_spawnp(argv[0], list(argv), os.environ)
    _, status, usage = os.wait4(child, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - started,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss / 1024,
    }


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1]), "w") as result:
        os.set_inheritable(result.fileno(), False)
        json.dump(_measure(sys.argv[2:]), result)
