"""What it costs to watch very many healthy servers, beside prometheus-blackbox-exporter that is given their URLs."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import urllib.parse
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.contestants import ROOT, installed
from bench.launch import LaunchError
from bench.many_servers import NAMESERVER, ManyServers, urls
from bench.racers import WrongAnswerError
from bench.seclusion import furnish_names
from lab.loopback import reserved_port
from lab.process import spawn, stop

PROGRAMS = ("nginx", "prometheus-blackbox-exporter")
SIZES = (100, 1000)
_SHARE_CHANGING = 20
"""One server in so many changes its list, in the round with changes."""

_MOST_PROBED = 200
"""Servers that the exporter is timed on: what a probe costs it does not depend on their number."""

_CONFIG = ROOT / "bench" / "blackbox_watch.yml"
_PATIENCE = 1800.0
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Round:
    """
    A round of checks, or of probes.

    Attributes:
        cpu: seconds of CPU time for each check.
        requests, connections: for each check.
        resident: bytes, after it.
    """

    checks: int
    cpu: float
    requests: float
    connections: float
    resident: int


async def measure(rounds: int, sizes: Sequence[int] = SIZES) -> str:
    """Watch so many servers and probe them, and write the table. Raises LaunchError, WrongAnswerError."""
    lacking = [name for name in PROGRAMS if installed(name) is None]
    if lacking:
        raise LaunchError(f"not installed: {', '.join(lacking)}")
    rows = [
        "| servers | who | CPU a check, ms | requests | connections | memory, MiB | KiB a watch |",
        "| --- " * 7 + "|",
    ]
    with tempfile.TemporaryDirectory() as place:
        furnish_names(NAMESERVER, Path(place))
        for size in sizes:
            directory = Path(place) / str(size)
            directory.mkdir()
            async with ManyServers(directory) as servers:
                watched = await _watched(servers, directory, size, rounds)
                probed = await _probed(servers, directory, min(size, _MOST_PROBED))
            rows += _rows(size, watched, probed)
    return "\n".join(rows)


@dataclass(frozen=True, slots=True)
class Watched:
    """The rounds of a watch: the first, quiet ones, one with changes; and the memory before any."""

    idle: int
    first: Round
    quiet: Sequence[Round]
    changing: Round


async def _watched(servers: ManyServers, directory: Path, size: int, rounds: int) -> Watched:
    argv = ["-m", "bench.watched", str(directory), str(size), str(rounds + 2)]
    child = await asyncio.create_subprocess_exec(
        sys.executable, *argv, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    made = []
    try:
        idle = json.loads(await child.stdout.readline())["resident"]
        for number in range(rounds + 2):
            made.append(round_of(json.loads(await asyncio.wait_for(child.stdout.readline(), _PATIENCE)), servers))
            if number == rounds:
                servers.change(range(0, size, _SHARE_CHANGING), number)
            child.stdin.write(b"\n")
        await child.wait()
    except (ValueError, TimeoutError) as error:
        raise LaunchError(f"the watch of {size} servers ended too soon") from error
    finally:
        if child.returncode is None:
            child.kill()
    return Watched(idle, made[0], made[1:-1], made[-1])


def round_of(told: Mapping[str, float], servers: ManyServers) -> Round:
    """A round as the watch told it. Raises WrongAnswerError unless every check found a healthy server healthy."""
    requests, connections = servers.asked()
    checks = int(told["checks"])
    if not checks or told["good"] != checks:
        raise WrongAnswerError(f"of {checks} checks {told['good']} found healthy servers healthy")
    return Round(checks, told["cpu"] / checks, requests / checks, connections / checks, int(told["resident"]))


async def _probed(servers: ManyServers, directory: Path, size: int) -> Round:
    """The exporter, given every URL of each server."""
    async with _exporter(servers, directory) as (process, port):
        await _probe_all(port, 0)
        servers.asked()
        before = _cpu(process)
        for number in range(size):
            await _probe_all(port, number)
        requests, connections = servers.asked()
        spent = _cpu(process) - before
        return Round(size, spent / size, requests / size, connections / size, _resident(process))


@asynccontextmanager
async def _exporter(servers: ManyServers, directory: Path) -> AsyncIterator[tuple[int, int]]:
    port = reserved_port()
    argv = ["prometheus-blackbox-exporter", f"--config.file={_CONFIG}", f"--web.listen-address=127.0.0.1:{port}"]
    environment = {**os.environ, "SSL_CERT_FILE": str(servers.authority.ca_file)}
    process = spawn(argv, log=directory / "blackbox.log", env=environment)
    try:
        for _ in range(200):
            try:
                await _get(port, "/-/healthy")
                break
            except OSError:
                await asyncio.sleep(0.05)
        yield process.pid, port
    finally:
        await stop(process)


async def _probe_all(port: int, number: int) -> None:
    for method, url in urls(number):
        page = await _get(port, f"/probe?{urllib.parse.urlencode({'module': method, 'target': url})}")
        if "\nprobe_success 1\n" not in page:
            raise WrongAnswerError(f"the exporter says that {method} {url} fails")


async def _get(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    page = await reader.read()
    writer.close()
    return page.decode()


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _resident(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _rows(size: int, watched: Watched, probed: Round) -> list[str]:
    quiet = statistics.median(one.cpu for one in watched.quiet)
    grown = (watched.quiet[-1].resident - watched.idle) / size / 1024
    rows = [
        ("foci-bot, quiet", watched.quiet[-1], quiet, f"{grown:.1f}"),
        (f"foci-bot, 1 in {_SHARE_CHANGING} changing", watched.changing, watched.changing.cpu, ""),
        ("foci-bot, first round (all asked)", watched.first, watched.first.cpu, ""),
        ("blackbox_exporter, all URLs", probed, probed.cpu, ""),
    ]
    return [
        f"| {size} | {name} | {cpu * 1000:.1f} ({cpu / probed.cpu:.2f}) | {one.requests:.1f} | {one.connections:.1f} "
        f"| {one.resident / 2**20:.0f} | {memory} |"
        for name, one, cpu, memory in rows
    ]
