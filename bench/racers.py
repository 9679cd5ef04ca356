"""Who is timed: foci-bot, testmatrix's MatrixRTC tests and testmatrix whole, each a process of its own."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.contestants import ROOT
from bench.far_side import SERVER, FarSide
from bench.launch import Launched, launch

_WHOLE = """
import argparse, logging, sys, time
import test_matrix
from testmatrix import MatrixServer

logging.basicConfig(format="{message}", style="{", level=logging.DEBUG)
options = argparse.Namespace(user=None, token=None, anonymize=False, quiet=False, servername=sys.argv[1])
server = MatrixServer(options.servername, options, diagnostics=True)
started = time.monotonic()
RUN
print("seconds:", time.monotonic() - started, flush=True)
"""
_RTC = "server.get_client_baseurl(); server.test_client_endpoint(); server.test_rtc()"
_PROOF = "✔ jwt /get_token without auth returns 405"


class WrongAnswerError(Exception):
    """A tool did not find the healthy server healthy, so its time would mean nothing."""


@dataclass(frozen=True, slots=True)
class Time:
    """
    One run.

    Attributes:
        verdict: seconds from the first request's beginning to the verdict, by the tool's own clock.
        process: what the whole process took, start-up included.
    """

    verdict: float
    process: Launched


class FociBot:
    """``bot.py check --json`` with a configuration that leads to the far side."""

    name = "foci-bot"

    def __init__(self, directory: Path, side: FarSide) -> None:
        self._config = directory / "config.yaml"
        network = {**side.network(), "deadline": "110s"}
        self._config.write_text(json.dumps({"network": network}))

    async def run(self) -> Time:
        """Check the server. Raises WrongAnswerError, LaunchError."""
        ended = await self.check([SERVER])
        return Time(reports_of(ended)[0]["elapsed_ms"] / 1000, ended)

    async def check(self, servers: Sequence[str]) -> Launched:
        """Check several in one process. Raises LaunchError."""
        argv = [sys.executable, str(ROOT / "bot.py"), "check", "--json", "--config", str(self._config), *servers]
        return await launch(argv, os.environ, ROOT)


class TestMatrix:
    """
    testmatrix without credentials, as on somebody else's server.

    Args:
        rtc_only: only what concerns MatrixRTC: the client well-known, versions, and each focus.
    """

    __test__ = False

    def __init__(self, python: Path, side: FarSide, directory: Path, *, rtc_only: bool) -> None:
        self.name = "testmatrix, its MatrixRTC tests" if rtc_only else "testmatrix, whole"
        self._argv = [str(python), "-c", _WHOLE.replace("RUN", _RTC if rtc_only else "server.test()"), SERVER]
        self._environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(side.authority.ca_file)}
        self._directory = directory

    async def run(self) -> Time:
        """Test the server. Raises WrongAnswerError, LaunchError."""
        ended = await launch(self._argv, self._environment, self._directory)
        seconds = re.search(r"^seconds: (\S+)$", ended.output, re.MULTILINE)
        if seconds is None or ended.output.count(_PROOF) != 2:
            raise WrongAnswerError(f"{self.name} said:\n{ended.output}")
        return Time(float(seconds[1]), ended)


Racer = FociBot | TestMatrix


def reports_of(ended: Launched) -> list[dict[str, float]]:
    """The reports that foci-bot wrote. Raises WrongAnswerError unless each has two foci that answer."""
    try:
        told = json.loads(ended.output)
        reports = told if isinstance(told, list) else [told]
        proven = [[focus["deepest_stage"] for focus in report["foci"]] for report in reports]
    except (ValueError, KeyError, TypeError) as error:
        raise WrongAnswerError(f"foci-bot said:\n{ended.output}") from error
    if any(stages != ["authorisation"] * 2 for stages in proven):
        raise WrongAnswerError(f"foci-bot said:\n{ended.output}")
    return reports
