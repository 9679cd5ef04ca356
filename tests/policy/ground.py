"""``python -m tests.policy.ground loopback|private``: what was seen on one ground, as JSON for ``tests.policy``."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.loopback import reserved_port
from tests.policy import careless, named, placed, spelled
from tests.policy.plot import Ground
from tests.policy.trial import Trial, Walk
from tests.policy.way import Way
from tests.policy.witness import AuditHook, listening_address


@dataclass(frozen=True, slots=True)
class Findings:
    """
    What one ground yields.

    Attributes:
        ways: names of the ways walked here.
        shipped: the walk under the policy.
        open: the control: the same with every address allowed.
        careless: ways that lead a program astray that has no policy and reads hosts as the C library does.
    """

    ways: tuple[str, ...]
    shipped: Walk
    open: Walk
    careless: tuple[str, ...]


def every_way() -> tuple[Way, ...]:
    """The whole table; no two ways have the same name."""
    found = (*spelled.ways(), *named.ways(), *placed.ways())
    if len({way.name for way in found}) != len(found):
        raise ValueError("two ways have the same name")
    return found


def loopback() -> Ground:
    """Public servers at an address of the loopback network that is allowed; the rest of that network is not."""
    public_port = reserved_port("127.0.7.1")
    port = next(port for port in iter(reserved_port, None) if port != public_port)
    return Ground("loopback", "127.0.7.1", public_port, port, ("127.0.7.0/24",), routed=True)


def private(ways: Sequence[Way]) -> Ground:
    """
    A network namespace of one's own in which every address is this machine's, public and private ones alike.

    Public servers have an address of AS112 (RFC 7535), and the policy is as shipped.
    """
    aims = sorted({listening_address(way.aim) for way in ways if way.can_listen})
    addresses = [aim for aim in aims if aim not in ("127.0.0.1", "::1")]
    commands = ["link set lo up", *(_address(one) for one in (*addresses, "192.31.196.1"))]
    commands += ["route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo"]
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)
    return Ground("private", "192.31.196.1", 443, 8443, further=(8448,))


def _address(address: str) -> str:
    return f"addr add {address}/128 dev lo nodad" if ":" in address else f"addr add {address}/32 dev lo"


def has_ipv6() -> bool:
    """Whether this machine has ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def examine(ground: Ground, ways: Sequence[Way]) -> Findings:
    """Walk the ways as shipped, then without the policy, then carelessly."""
    hook = AuditHook()
    broken: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(str(context)))
    with tempfile.TemporaryDirectory() as scratch:
        trial = Trial(ground, ways, Path(scratch), hook)
        shipped = await trial.walk(shipped=True)
        control = await trial.walk(shipped=False)
        astray = await careless.reached(ground, ways)
    if broken:
        raise RuntimeError(f"the trial itself is broken: {broken[:3]}")
    return Findings(tuple(way.name for way in ways), shipped, control, astray)


def main() -> None:
    """Print the findings as JSON."""
    ways = every_way()
    if sys.argv[1] == "private":
        ground = private(ways)
    else:
        ground, ways = loopback(), tuple(way for way in ways if way.on_loopback)
    json.dump(asdict(asyncio.run(examine(ground, ways))), sys.stdout)


if __name__ == "__main__":
    main()
