"""
A real LiveKit server (the SFU) on loopback, started and stopped at will.

The binary is the one that the environment variable ``LIVEKIT_SERVER`` names, else the one that ``make livekit`` built
below ``.cache``, else ``livekit-server`` of the PATH::

    async with LiveKit(directory) as sfu:                    # or auto_create=False, media=Media.UDP_CLOSED
        token = AccessToken(sfu.key, sfu.secret)...          # of the package livekit-api
        ... http://127.0.0.1:PORT is sfu.base_url

TLS, names and paths come from a proxy before it: ``lab.backend`` puts one there.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import aiohttp

from lab.loopback import BLOCK, reserved_port
from lab.process import spawn, stop

BINARY_VARIABLE = "LIVEKIT_SERVER"
_BUILT = Path(__file__).resolve().parent.parent / ".cache" / "livekit" / "livekit-server"
# An address of loopback at which the server, bound to 127.0.0.1 alone, has no UDP.
_DEAD = f"{BLOCK}.252"
_NOBODY = "127.0.0.1:9"


class Media(StrEnum):
    """What of the media plane can be reached."""

    OPEN = "open"
    """UDP and TCP."""
    UDP_CLOSED = "udp-closed"
    """TCP only: the server offers no UDP. (Pion, on which LiveKit rests, cannot offer a dead UDP beside a live TCP.)"""
    CLOSED = "closed"
    """UDP is offered at an address where nothing listens, TCP is not offered: as behind a firewall or a wrong NAT."""


class LiveKitError(Exception):
    """LiveKit is not there or did not start; the text ends with the last lines of its log."""


def livekit_binary() -> Path | None:
    """Where livekit-server is, None if it is nowhere; ``LIVEKIT_SERVER`` wins, even if it names nothing."""
    named = os.environ.get(BINARY_VARIABLE)
    if named is None:
        found = _BUILT if _BUILT.exists() else shutil.which("livekit-server")
        return Path(found) if found else None
    return Path(named) if os.access(named, os.X_OK) else None


async def livekit_version(binary: Path) -> str:
    """What the binary says of itself, such as ``1.13.5``."""
    process = await asyncio.create_subprocess_exec(binary, "--version", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode().strip().rpartition(" ")[2]


class LiveKit:
    """
    An SFU that lives in a directory; an async context manager that starts and stops it.

    Rooms are kept in memory: they end with the process. Changes of the attributes count from the next ``start``.
    Everything is at 127.0.0.1, but LiveKit knows no way to bind the TCP port of the media to one address.

    Attributes:
        base_url: where it answers, such as ``http://127.0.0.1:20123``; stays the same.
        key, secret: sign its tokens.
        auto_create: whether a participant's arrival makes the room.
        media: what of the media plane can be reached.
        log_file: where it writes.
    """

    def __init__(self, directory: Path, *, auto_create: bool = True, media: Media = Media.OPEN) -> None:
        """Choose ports and keys; nothing is written or run before ``start``."""
        self.directory = directory
        self.auto_create = auto_create
        self.media = media
        self.key = f"lab{secrets.token_hex(4)}"
        self.secret = secrets.token_urlsafe(32)
        self.log_file = directory / "livekit.log"
        self._port = reserved_port()
        self._tcp_port = reserved_port("0.0.0.0")
        self._udp_port = _free_udp_port()
        self.base_url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    async def start(self, *, patience: float = 30.0) -> None:
        """
        Write the configuration, run the server and wait until it is ready.

        Raises:
            LiveKitError: there is no binary, it ended, or was not ready within ``patience`` seconds.
        """
        if self.running:
            return
        binary = livekit_binary()
        if binary is None:
            raise LiveKitError(f"no livekit-server: run `make livekit`, or name one in {BINARY_VARIABLE}")
        self.directory.mkdir(parents=True, exist_ok=True)
        configuration = self.directory / "livekit.yaml"
        configuration.touch(mode=0o600)
        configuration.write_text(json.dumps(self._configuration(), indent=1))
        argv = [str(binary), "--config", str(configuration)]
        self._process = spawn(argv, log=self.log_file, cwd=self.directory)
        try:
            async with asyncio.timeout(patience):
                await self._until_ready()
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise LiveKitError(f"LiveKit was not ready within {patience:g} s\n{self._log_tail()}") from None
            raise

    async def stop(self) -> None:
        """End the process; it may be started again."""
        if self._process is not None:
            if self.running:
                # At the first signal it waits for those in its rooms; the second, which ``stop`` sends, ends that.
                self._process.terminate()
                await asyncio.sleep(0.05)
            # Signals that come within a tenth of a second after the start are lost on it; it has nothing to lose.
            await stop(self._process, patience=1.0)
            self._process = None

    async def restart(self) -> None:
        """Stop and start, so that changed attributes count."""
        await self.stop()
        await self.start()

    def _configuration(self) -> dict[str, Any]:
        """LiveKit's configuration (JSON is YAML): loopback alone, no STUN servers of strangers."""
        rtc: dict[str, Any] = {
            "node_ip": _DEAD if self.media is Media.CLOSED else "127.0.0.1",
            "interfaces": {"includes": ["lo"]},
            "ips": {"includes": ["127.0.0.1/32"]},
            "enable_loopback_candidate": True,
            "use_external_ip": False,
            # Otherwise its own checks, from where it really is, would open a way that it does not offer.
            "use_ice_lite": self.media is Media.CLOSED,
            "stun_servers": [_NOBODY],
        }
        if self.media is Media.UDP_CLOSED:
            rtc["force_tcp"] = True
        else:
            rtc["udp_port"] = self._udp_port
        if self.media is not Media.CLOSED:
            rtc["tcp_port"] = self._tcp_port
        return {
            "port": self._port,
            "bind_addresses": ["127.0.0.1"],
            "rtc": rtc,
            "region": "loopback",
            "keys": {self.key: self.secret},
            "room": {"auto_create": self.auto_create},
            "logging": {"level": "info", "json": False},
        }

    async def _until_ready(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                if not self.running:
                    raise LiveKitError(f"LiveKit ended while it started\n{self._log_tail()}")
                try:
                    async with session.get(self.base_url) as response:
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.05)

    def _log_tail(self) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-20:])


def _free_udp_port() -> int:
    """A UDP port at 127.0.0.1 of those that belong to this process's block, below what the kernel hands out."""
    first = 4_096 + 100 * int(BLOCK.rpartition(".")[2])
    for port in random.sample(range(first, first + 100), 100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as candidate:
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free UDP port at 127.0.0.1")
