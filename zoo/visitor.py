"""``bot.py check`` in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Visit:
    """
    What one run of ``check --json`` came to.

    Attributes:
        output: what it printed; empty if it died or had to be stopped.
        errors: what it said on standard error, or why there is nothing.
        seconds: wall time, without the start of Python and its imports.
        megabytes: peak resident memory of the process (10^6 bytes), interpreter and libraries included.
    """

    output: str
    errors: str
    seconds: float
    megabytes: float


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
                return Visit("", "it had to be stopped", time.monotonic() - started, 0.0)
            visit: Visit = receiver.recv()
            return visit
        except EOFError:
            return Visit("", "it died", time.monotonic() - started, 0.0)
        finally:
            receiver.close()
            process.join()
            process.close()


_ASIDE = "openid-userinfo-unreachable"
"""A question aside with little patience, so that a busy machine decides; it has tests of its own."""


def _run(sender: Connection, config: str, targets: Sequence[str]) -> None:
    from botkit.cli import main

    output, errors = io.StringIO(), io.StringIO()
    started = time.monotonic()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        main(["check", "--json", "--ignore", _ASIDE, "--config", config, *targets], {})
    seconds = time.monotonic() - started
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sender.send(Visit(output.getvalue(), errors.getvalue(), seconds, kibibytes * 1024 / 1e6))
