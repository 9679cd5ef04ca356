"""A network and a hosts file of the benchmark's own: nothing it sends can leave, nothing else disturbs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.delay_line import DEVICE, FAR, NEAR

_INSIDE = "FOCI_BENCH_SECLUDED"
_HOSTS = "/etc/hosts"


class SeclusionError(Exception):
    """There is no seclusion to be had here; the text is one line and says what is missing."""


def missing() -> str | None:
    """What this machine lacks for it, None when it lacks nothing."""
    for program in ("unshare", "ip", "mount"):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install util-linux iproute2 mount)"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun cannot be opened"
    done = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else "no namespaces may be made here: root is needed"


def is_inside() -> bool:
    """Whether this process is in it already."""
    return _INSIDE in os.environ


def enter(argv: Sequence[str]) -> int:
    """
    Run a program in new network and mount namespaces; its exit status.

    Raises:
        SeclusionError: this machine cannot.
    """
    lacking = missing()
    if lacking is not None:
        raise SeclusionError(lacking)
    environment = {**os.environ, _INSIDE: "1"}
    return subprocess.run([*_unshare(), *argv], env=environment, check=False).returncode


def again(module: str, arguments: Iterable[str]) -> int:
    """Run a module of this project with this interpreter inside. Raises SeclusionError."""
    return enter([sys.executable, "-m", module, *arguments])


def furnish(names: Iterable[str], directory: Path) -> None:
    """
    Set up the delay line's device, and let names lead to its far end; only inside.

    Raises:
        SeclusionError: a step was refused.
    """
    if not is_inside():
        raise SeclusionError("this would change the machine's own network")
    hosts = directory / "hosts"
    lines = ["127.0.0.1 localhost", *(f"{address} {' '.join(names)}" for address in FAR)]
    hosts.write_text("\n".join(lines) + "\n")
    steps = [f"ip tuntap add dev {DEVICE} mode tun", "ip link set lo up", f"ip link set {DEVICE} up"]
    steps += [f"ip -4 address add {NEAR[0]}/24 dev {DEVICE}", f"ip -6 address add {NEAR[1]}/64 dev {DEVICE} nodad"]
    _do(*(step.split() for step in steps), ["mount", "--bind", str(hosts), _HOSTS])


def furnish_names(nameserver: str, directory: Path) -> None:
    """
    Bring loopback up, and let every program ask this name server; only inside.

    Raises:
        SeclusionError: a step was refused.
    """
    if not is_inside():
        raise SeclusionError("this would change the machine's own network")
    resolver, hosts = directory / "resolv.conf", directory / "hosts"
    resolver.write_text(f"nameserver {nameserver}\n")
    hosts.write_text("127.0.0.1 localhost\n")
    _do(
        ["ip", "link", "set", "lo", "up"],
        ["mount", "--bind", str(resolver), "/etc/resolv.conf"],
        ["mount", "--bind", str(hosts), _HOSTS],
    )


def _do(*steps: Sequence[str]) -> None:
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SeclusionError(f"{' '.join(step)}: {done.stderr.strip()}")


def _unshare() -> list[str]:
    own = ["unshare", "--net", "--mount"]
    return own if os.geteuid() == 0 else [*own, "--user", "--map-root-user"]
