"""What a hundred hostile TLS handshakes do to a check for another room."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from bench.contestants import ROOT
from bench.delay_line import FAR, NEAR, DelayLine
from bench.far_side import SERVER, FarSide
from bench.launch import launch
from bench.racers import WrongAnswerError
from bench.seclusion import furnish
from bench.spread import Spread
from zoo import ders

ROUND_TRIP = 0.05
HOSTILE = 100
PARTIES = 10
"""Commands that the hostile ones belong to, each in a room of its own."""

_PORT = 8443
_CHAIN = 10
"""The most that is decoded, each the issuer of the one before: what costs most of what is not refused unread."""


async def measure(runs: int) -> str:
    """Check a server alone and beside the hostile ones, in turn, and write the table."""
    flight = ders.flight([ders.certificate(f"{number}", f"{number + 1}") for number in range(_CHAIN)])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(flight)
        await reader.read(4096)
        writer.close()

    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        side = FarSide(directory)
        furnish(side.hosts, directory)
        hostile = await asyncio.start_server(answer, NEAR[0], _PORT, backlog=HOSTILE * 2)
        async with side, hostile, DelayLine(ROUND_TRIP, directory):
            argv = [sys.executable, "-m", "bench.handshakes_beside", json.dumps(side.network()), str(runs)]
            ended = await launch([*argv, SERVER, f"https://{FAR[0]}:{_PORT}/"], os.environ, ROOT)
    try:
        told = json.loads(ended.output)
        alone, beside, refused = told["alone"], told["beside"], told["refused"]
    except (ValueError, KeyError, TypeError) as error:
        raise WrongAnswerError(f"the checks said:\n{ended.output}") from error
    if refused != HOSTILE * (runs + 1):
        raise WrongAnswerError(f"{refused} hostile handshakes came about")
    return table(alone, beside)


def table(alone: list[float], beside: list[float]) -> str:
    """Markdown: a row for each, and what the one is of the other."""
    idle, busy = Spread.of(alone), Spread.of(beside)
    return "\n".join(
        [
            "| a check of one server | seconds | × alone |",
            "| --- | --- | --- |",
            f"| alone | {idle.text(2)} | 1.0 |",
            f"| beside {HOSTILE} hostile handshakes | {busy.text(2)} | {busy.text(1, 1 / idle.median)} |",
        ]
    )
