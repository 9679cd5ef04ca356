"""
``python -m tests.policy``: how many of the ways into private networks get there, on two grounds.

Ends with 1 when one does, or when the proof has a gap: a way that leads nowhere without the policy, a listener
that the control does not reach, a connection that the kernel counted and nobody saw.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.policy.ground import every_way
from tests.policy.verdict import Verdict, judge
from tests.policy.way import Way

ROOT = Path(__file__).resolve().parents[2]


class NoNamespaceError(Exception):
    """A network namespace cannot be made here; the text says why."""


def main() -> int:
    """Walk both grounds and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.policy", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print every way, and what stops it")
    ways = every_way()
    if parser.parse_args().list:
        for way in ways:
            print(f"{way.stop:8} {way.name}")
        return 0
    try:
        verdicts = [loopback_verdict(ways), private_verdict(ways)]
    except NoNamespaceError as error:
        print(f"a network namespace is needed: {error}", file=sys.stderr)
        return 1
    stops = Counter(way.stop for way in ways)
    for verdict in verdicts:
        print(*verdict.lines(), sep="\n")
    reached = sum(verdict.reached for verdict in verdicts)
    stopped = ", ".join(f"{stop.value} {count}" for stop, count in stops.items())
    print(f"{len(ways)} ways, {reached} connections to a private address; stopped by {stopped}")
    return 1 if any(verdict.flaws for verdict in verdicts) else 0


def loopback_verdict(ways: Sequence[Way]) -> Verdict:
    """Ways to this machine, with the public servers on a loopback address that is allowed."""
    return judge("loopback", _findings("loopback", ()), ways, own_network=False)


def private_verdict(ways: Sequence[Way]) -> Verdict:
    """
    All ways, in a network namespace where every private range is this machine, with the policy as shipped.

    Raises:
        NoNamespaceError: there can be none.
    """
    return judge("private", _findings("private", _namespace()), ways, own_network=True)


def _namespace() -> tuple[str, ...]:
    """The command that runs another in a new network namespace."""
    for program in ("unshare", "ip"):
        if shutil.which(program) is None:
            raise NoNamespaceError(f"{program} is not installed")
    command = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--net", "--map-root-user")
    tried = subprocess.run([*command, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise NoNamespaceError(tried.stderr.strip() or "not permitted")
    return command


def _findings(ground: str, prefix: Sequence[str]) -> dict[str, object]:
    command = [*prefix, sys.executable, "-m", "tests.policy.ground", ground]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, object] = json.loads(ended.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
