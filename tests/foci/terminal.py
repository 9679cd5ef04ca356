"""``bot.py`` as somebody runs it: a process of its own, with a configuration file or without."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.federation import Federation

ROOT = Path(__file__).parents[2]
_LONGEST = 60.0


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
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "bot.py"),
        *map(str, arguments),
        cwd=directory,
        env={name: value for name, value in os.environ.items() if not name.startswith("FOCIBOT_")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_LONGEST):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())
