"""The three tools of the scoreboard, each run as its user would run it, against one stage."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from bench.mark import Run, alarming
from bench.stage import ADDRESS, Stage
from lab.homeserver import UNSTABLE_TRANSPORTS
from lab.loopback import reserved_port
from lab.process import spawn, stop
from lab.wellknown import PATH as WELL_KNOWN_PATH

ROOT = Path(__file__).resolve().parent.parent
BLACKBOX_CONFIG = ROOT / "bench" / "blackbox.yml"
PATIENCE = 30.0
"""Seconds after which a tool is stopped."""

_EXPIRY_WARNING = 14 * 86_400
_ROUTINE = {
    "Beginning probe",
    "Resolving target address",
    "Resolved target address",
    "Making HTTP request",
    "Received HTTP response",
    "Response timings for roundtrip",
    "Probe failed",
}
_PLACES = re.compile(rf"{re.escape(ADDRESS)}(:\d+)?|0x[0-9a-f]+|\b\d+(\.\d+)? ?m?s\b")


class FociBot:
    """``bot.py check --json``, with defaults and the way into the lab."""

    name = "foci-bot"

    def __init__(self, directory: Path) -> None:
        self._config = directory / "config.yaml"

    async def run(self, stage: Stage) -> Run:
        """Check the stage; the alarms are the findings that are more than information."""
        network = {
            "connect_to": {f"{ADDRESS}:443": stage.name},
            "ca_file": str(stage.authority.ca_file),
            "allow_private": [f"{ADDRESS}/32"],
        }
        self._config.write_text(json.dumps({"network": network}))
        argv = [sys.executable, str(ROOT / "bot.py"), "check", "--json", "--config", str(self._config), stage.name]
        status, output, seconds = await _execute(argv, os.environ, cwd=ROOT)
        if status is None:
            return Run(None, (), seconds)
        try:
            findings = json.loads(output)["findings"]
        except (ValueError, KeyError):
            return Run(status, (), seconds, _last_line(output) or f"exit status {status}")
        told = [f"{one['code']}: {one['message']}" for one in findings if one["severity"] != "info"]
        return Run(status, tuple(told) if status else (), seconds)


class TestMatrix:
    """``testmatrix HOST:PORT`` without credentials; what it says of the healthy stage does not count."""

    name = "testmatrix"
    __test__ = False

    def __init__(self, binary: Path) -> None:
        self._binary = binary
        self._usual: frozenset[str] = frozenset()

    async def run(self, stage: Stage) -> Run:
        """Test the stage; the first run must be on a healthy one, and is what later runs are compared with."""
        environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(stage.authority.ca_file)}
        status, output, seconds = await _execute([str(self._binary), stage.name], environment)
        if status is None:
            return Run(None, (), seconds)
        own, traceback, _ = output.partition("Traceback (most recent call last)")
        lines = [line.strip() for line in own.splitlines() if line.strip()]
        if not self._usual:
            self._usual = frozenset(bare(line) for line in lines)
        alarms = [line for line in lines if bare(line) not in self._usual and alarming(line)]
        crash = _last_line(output) if traceback else f"exit status {status}" if status else ""
        return Run(status, tuple(alarms), seconds, crash)


class Blackbox:
    """prometheus-blackbox-exporter with ``bench/blackbox.yml`` and the URLs of the healthy stage."""

    name = "blackbox_exporter"

    def __init__(self, binary: Path, directory: Path) -> None:
        self._binary = binary
        self._log = directory / "blackbox.log"

    async def run(self, stage: Stage) -> Run:
        """Probe every URL; the alarms are what the log of a failed probe says, most telling line first."""
        started = time.monotonic()
        async with self._running(stage) as endpoint:
            results = await asyncio.gather(
                *(asyncio.to_thread(_probe, endpoint, *target) for target in _targets(stage))
            )
        alarms = [line for lines in results for line in lines]
        return Run(0, tuple(alarms), time.monotonic() - started)

    @contextlib.asynccontextmanager
    async def _running(self, stage: Stage) -> AsyncIterator[str]:
        """The exporter with the stage's authority trusted, as Go programs take it from SSL_CERT_FILE."""
        endpoint = f"127.0.0.1:{reserved_port()}"
        argv = [str(self._binary), f"--config.file={BLACKBOX_CONFIG}", f"--web.listen-address={endpoint}"]
        environment = {**os.environ, "SSL_CERT_FILE": str(stage.authority.ca_file)}
        process = spawn(argv, log=self._log, env=environment)
        try:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(_get, f"http://{endpoint}/-/healthy")
                    break
                await asyncio.sleep(0.05)
            yield endpoint
        finally:
            await stop(process)


def _targets(stage: Stage) -> list[tuple[str, str]]:
    """Module and URL, as an operator wrote them down on a day when all was well."""
    service = stage.urls[0]
    return [
        ("well_known", f"https://{stage.name}{WELL_KNOWN_PATH}"),
        ("service_health", f"{service}/healthz"),
        ("service_endpoint", f"{service}/sfu/get"),
        ("service_endpoint", f"{service}/get_token"),
        ("transports", stage.base_url + UNSTABLE_TRANSPORTS),
    ]


def _probe(endpoint: str, module: str, target: str) -> list[str]:
    query = urllib.parse.urlencode({"module": module, "target": target, "debug": "true"})
    page = _get(f"http://{endpoint}/probe?{query}")
    metrics = dict(re.findall(r"^(probe_\w+) (\S+)$", page, re.MULTILINE))
    if metrics.get("probe_success") != "1":
        lines = re.findall(r'level=\w+ msg="([^"]*)"(.*)$', page, re.MULTILINE)
        path = urllib.parse.urlsplit(target).path.removeprefix("/livekit/jwt")
        told = [f"{path}: {message}{rest}" for message, rest in lines if message not in _ROUTINE]
        return [*told, f"{path}: probe_success 0, probe_http_status_code {metrics.get('probe_http_status_code', '0')}"]
    left = float(metrics.get("probe_ssl_earliest_cert_expiry", "inf")) - time.time()
    return [f"certificate ends in {left / 86_400:.0f} days"] if left < _EXPIRY_WARNING else []


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        return str(response.read().decode())


async def _execute(
    argv: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None
) -> tuple[int | None, str, float]:
    """Exit status (None when it had to be killed), everything it wrote, and how long it took."""
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        return None, "", time.monotonic() - started
    return process.returncode, output.decode("utf-8", "replace"), time.monotonic() - started


def bare(line: str) -> str:
    """A line without what differs from stage to stage."""
    return _PLACES.sub("…", line.strip())


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def installed(name: str) -> Path | None:
    """Where a program is, None if it is not installed."""
    found = shutil.which(name)
    return None if found is None else Path(found)


def version_of(argv: Sequence[str]) -> str:
    """The first line that a program says when asked for its version."""
    done = subprocess.run(list(argv), capture_output=True, text=True, check=False, timeout=PATIENCE)
    return ((done.stdout or done.stderr).strip().splitlines() or ["unknown"])[0]
