"""
A delay line made of real packets: a TUN device whose every packet comes back after half a round trip.

Whoever connects to one of ``FAR`` has his packets taken by the device, kept for half the round trip and handed back
with source and destination exchanged. So they arrive at the listener on the device's own address (``NEAR``) as if from
afar, and its answers take the same way home. Hand-shakes, acknowledgements and slow start are the kernel's own; none
of them is modelled. Exchanging two addresses leaves every checksum as it is, since a sum does not mind the order.

Run as a program it is the line itself; ``DelayLine`` starts it.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Self

from lab.process import spawn, stop

DEVICE = "line0"
NEAR = ("10.99.0.1", "fd99::1")
FAR = ("10.99.0.2", "fd99::2")
NETWORKS = ("10.99.0.0/24", "fd99::/64")

_ROOT = Path(__file__).resolve().parent.parent
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_LONGEST_PACKET = 65_536


class DelayLine:
    """
    The line at one round trip, for as long as the block lasts; the device must be there (``seclusion``).

    Args:
        round_trip: seconds.
        directory: for the log.
    """

    def __init__(self, round_trip: float, directory: Path) -> None:
        self._round_trip = round_trip
        self._log = directory / "delay_line.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        argv = [sys.executable, "-m", "bench.delay_line", str(self._round_trip / 2)]
        self._process = spawn(argv, log=self._log, cwd=_ROOT)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        await stop(self._process)


def turned_back(packet: bytes) -> bytes | None:
    """An IP packet with source and destination exchanged; None for what is no IP packet."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        return packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
    if version == 6 and len(packet) >= 40:
        return packet[:8] + packet[24:40] + packet[8:24] + packet[40:]
    return None


def attach(device: str) -> int:
    """A file descriptor for the packets of an existing TUN device. Raises OSError."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TUN_NO_PI))
    return descriptor


def run(descriptor: int, delay: float) -> None:
    """Hand every packet back after ``delay`` seconds, for ever and in order."""
    waiting: deque[tuple[float, bytes]] = deque()
    while True:
        rest = max(waiting[0][0] - time.monotonic(), 0.0) if waiting else None
        if select.select([descriptor], [], [], rest)[0]:
            packet = turned_back(os.read(descriptor, _LONGEST_PACKET))
            if packet is not None:
                waiting.append((time.monotonic() + delay, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(descriptor, waiting.popleft()[1])


if __name__ == "__main__":
    run(attach(DEVICE), float(sys.argv[1]))
