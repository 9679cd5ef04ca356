"""
``bot.py`` as somebody runs it: a process of its own, with a configuration file or without.

The processes are forked from one that has loaded the program and run nothing of it: loading takes longer than most
checks. ``tests/host/test_cli.py`` starts the program from its file.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botkit.cli import main
from lab.federation import Federation

_LONGEST = 60.0
_LOADED = multiprocessing.get_context("forkserver")
_LOADED.set_forkserver_preload([__name__, "plugins.foci.plugin"])


@dataclass(frozen=True, slots=True)
class Finished:
    """How the process ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> Any:
        """What ``--json`` printed."""
        return json.loads(self.out)


def write_config(directory: Path, federation: Federation, **sections: Any) -> Path:
    """A configuration file that lives in the federation (JSON, which YAML reads)."""
    network = {**federation.network(), "nameservers": ["127.0.0.1:9"], **sections.pop("network", {})}
    path = directory / "config.yaml"
    path.write_text(json.dumps({"network": network, **sections}))
    return path


async def run(*arguments: str | Path, directory: Path) -> Finished:
    """Run ``bot.py`` in a directory and wait for its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOCIBOT_")}
    with tempfile.TemporaryDirectory() as scratch:
        out, err, status = (Path(scratch, name) for name in ("out", "err", "status"))
        process = _LOADED.Process(
            target=_begin, args=([str(one) for one in arguments], directory, environment, (out, err), status)
        )
        process.start()
        await asyncio.to_thread(process.join, _LONGEST)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
            raise TimeoutError(f"{arguments} did not end: {err.read_text()}")
        process.close()
        # the server that forks loses a status now and then where many end at once, and then says 255
        code = int(status.read_text()) if status.exists() else code
        return Finished(code, out.read_text(), err.read_text())


def _begin(
    arguments: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    output: tuple[Path, Path],
    status: Path,
) -> None:
    """What the process does: as if started there, with this environment and its output in two files."""
    for descriptor, path in enumerate(output, start=1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    code = main(arguments, os.environ)
    status.write_text(str(code))
    sys.exit(code)
