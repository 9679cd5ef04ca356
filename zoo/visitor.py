"""``bot.py check`` in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import asyncio
import contextlib
import io
import multiprocessing
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from plugins.foci.checker import Checker


@dataclass(frozen=True, slots=True)
class Visit:
    """
    What one run of ``check --json`` came to.

    Attributes:
        output: what it printed; empty if it died or had to be stopped.
        errors: what it said on standard error, or why there is nothing.
        seconds: wall time, without the start of Python and its imports.
        megabytes: peak resident memory of the process (10^6 bytes), interpreter and libraries included.
        stall: CPU seconds of the longest step of its event loop, during which nothing else is served.
    """

    output: str
    errors: str
    seconds: float
    megabytes: float
    stall: float


class Visitor:
    """Runs checks, each run in a fresh process that is forked from one where the product is imported already."""

    def __init__(self) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["zoo.visitor", "botkit.cli", "botkit.outbound", "plugins.foci.plugin"])

    def check(self, config: Path, targets: Sequence[str], *, patience: float) -> Visit:
        """Check targets, at the same time; blocks, for ``patience`` seconds at most."""
        started = time.monotonic()
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_run, args=(sender, str(config), tuple(targets)), daemon=True)
        process.start()
        sender.close()
        try:
            if not receiver.poll(patience):
                process.kill()
                return Visit("", "it had to be stopped", time.monotonic() - started, 0.0, 0.0)
            visit: Visit = receiver.recv()
            return visit
        except EOFError:
            return Visit("", "it died", time.monotonic() - started, 0.0, 0.0)
        finally:
            receiver.close()
            process.join()
            process.close()


_ASIDE = "openid-userinfo-unreachable"
"""A question aside with little patience, so that a busy machine decides; it has tests of its own."""


class Stalls:
    """
    How long the steps of an event loop take from the first check on, in CPU time, so that other load has little say.

    Attributes:
        longest: seconds.
    """

    def __init__(self) -> None:
        self.longest = 0.0

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note every step of every loop in this process."""
        step, check = asyncio.Handle._run, Checker.check
        checking = False

        def timed(handle: asyncio.Handle) -> None:
            started = time.thread_time() if checking else None
            step(handle)
            if started is not None:
                self.longest = max(self.longest, time.thread_time() - started)

        async def noting(checker: Checker, *args: Any, **kwargs: Any) -> Any:
            nonlocal checking
            checking = True
            return await check(checker, *args, **kwargs)

        with patch.object(asyncio.Handle, "_run", timed), patch.object(Checker, "check", noting):
            yield


def _run(sender: Connection, config: str, targets: Sequence[str]) -> None:
    from botkit.cli import main

    output, errors, stalls = io.StringIO(), io.StringIO(), Stalls()
    started = time.monotonic()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors), stalls.noted():
        main(["check", "--json", "--ignore", _ASIDE, "--config", config, *targets], {})
    seconds = time.monotonic() - started
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sender.send(Visit(output.getvalue(), errors.getvalue(), seconds, kibibytes * 1024 / 1e6, stalls.longest))
