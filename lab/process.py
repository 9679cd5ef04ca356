"""Child processes of the lab: they log to a file and never outlive the process that started them."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def _die_with(parent: int) -> Callable[[], None] | None:
    """What a child runs before exec so that the kernel kills it with its parent; Linux only (prctl(2))."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def bind_to_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return bind_to_parent


def spawn(
    argv: Sequence[str], *, log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """
    Start a child whose output is appended to ``log``.

    The kernel ties the child to the *thread* that calls this: it must live as long as the child should.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with(os.getpid()),
            process_group=0,  # so that Ctrl-C reaches the parent alone, which then ends its children in order
        )


async def stop(process: subprocess.Popen[bytes], *, patience: float = 10.0) -> int:
    """Ask a child to end (SIGTERM), insist (SIGKILL) after ``patience`` seconds; return its exit status."""
    if process.poll() is None:
        process.terminate()
    try:
        return await asyncio.to_thread(process.wait, patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return await asyncio.to_thread(process.wait)
