"""What the real reverse proxies of the lab have in common: a process at one address to which hosts are routed."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lab.federation import Federation
from lab.loopback import BLOCK, reserved_port
from lab.process import spawn, stop

_ADDRESS = f"{BLOCK}.251"
_PATIENCE = 30.0
"""Seconds in which one must listen; on a busy machine starting takes its time."""


class ProxyError(Exception):
    """A proxy did not start; the text ends with what it said."""


def find_program(name: str) -> str | None:
    """Where a proxy is installed, None if it is not; Debian keeps some out of ordinary users' PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


class ReverseProxy:
    """
    One process; hosts that it serves are routed to it.

    Attributes:
        directory: holds configuration and log.
        endpoint: ``address:port`` where it serves TLS.
    """

    program: str

    def __init__(self, directory: Path, federation: Federation) -> None:
        """Run nothing yet; ``directory`` is its own."""
        self.directory = directory
        self.endpoint = f"{_ADDRESS}:{reserved_port(_ADDRESS)}"
        self._federation = federation
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)

    async def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            await stop(self._process)
            self._process = None

    async def _run(self, arguments: Sequence[str], hosts: Iterable[str], env: Mapping[str, str] | None = None) -> None:
        """Start the program in its directory, wait until it listens, and route the hosts to it."""
        binary = find_program(self.program)
        if binary is None:
            raise ProxyError(f"{self.program} is not installed")
        await self.stop()
        self._process = spawn([binary, *arguments], log=self._log, cwd=self.directory, env=env)
        await self._until_it_listens()
        for host in hosts:
            self._federation.route(host, self.endpoint)

    @property
    def _log(self) -> Path:
        return self.directory / f"{self.program}.log"

    async def _until_it_listens(self) -> None:
        address, _, port = self.endpoint.rpartition(":")
        for _ in range(round(_PATIENCE / 0.05)):
            if self._process is None or self._process.poll() is not None:
                break
            with socket.socket() as knock:
                if knock.connect_ex((address, int(port))) == 0:
                    return
            await asyncio.sleep(0.05)
        await self.stop()
        raise ProxyError(self._log.read_text(errors="replace")[-2000:])
