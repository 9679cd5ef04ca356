"""Running the media client: a process of its own, a deadline, the token through a pipe."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Set
from pathlib import Path

from botkit.outbound import OutboundClient
from plugins.foci.deep.media import Media, read_media
from plugins.foci.deep.relay import Relay

log = logging.getLogger(__name__)

PROGRAM = Path(__file__).with_name("media_client.py")
PATIENCE = 12.0
"""Seconds that ICE may take; clients give up after fifteen."""

_AFTERWARDS = 4.0
_AT_ONCE = 2
_LONGEST_ANSWER = 4096


class MediaClient:
    """
    Joins rooms for their media.

    Args:
        outbound: dials the SFU for it; only ICE candidates, which the SFU names, are dialled by the library itself.
        program: what is run.
    """

    def __init__(self, outbound: OutboundClient, program: Path = PROGRAM) -> None:
        self._outbound = outbound
        self._program = program
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def join(self, url: str, jwt: str, *, deadline: float) -> Media:
        """
        Join the token's room at an SFU (https URL), wait for ICE, leave. Only cancellation raises.

        Args:
            deadline: loop time at which the process is killed.
        """
        try:
            async with asyncio.timeout_at(deadline - _AFTERWARDS):
                await self._places.acquire()
        except TimeoutError:
            return Media("cut-short")
        try:
            async with Relay(self._outbound, url, deadline) as relay:
                media = await self._run(relay.url, jwt, deadline)
                return Media("turned-away") if _is_turned_away(media, relay.statuses) else media
        except OSError as error:
            log.warning("the relay for the media client cannot be started: %s", error.strerror)
            return Media("broken")
        finally:
            self._places.release()

    async def _run(self, url: str, jwt: str, deadline: float) -> Media:
        left = deadline - asyncio.get_running_loop().time()
        patience = max(0.0, min(PATIENCE, left - _AFTERWARDS))
        request = json.dumps({"url": url, "jwt": jwt, "patience": patience}).encode() + b"\n"
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(self._program),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # What the library writes there may hold the token.
                stderr=asyncio.subprocess.DEVNULL,
                # The bot's own environment may hold secrets of the configuration.
                env={"PATH": os.defpath},
            )
        except OSError as error:
            log.warning("the media client cannot be started: %s", error.strerror)
            return Media("broken")
        try:
            async with asyncio.timeout_at(deadline):
                media = read_media(await _dialogue(process, request))
                # One that a signal ended has not finished, whatever it printed.
                if media.outcome != "broken" and await process.wait() < 0:
                    media = Media("broken")
        except TimeoutError:
            return Media("cut-short")
        except OSError:
            return Media("broken")
        finally:
            await _end(process)
        # Less patience than clients have proves nothing.
        return Media("cut-short") if media.outcome == "no-ice" and patience < PATIENCE else media


def _is_turned_away(media: Media, statuses: Set[int]) -> bool:
    """Whether it never got in, and was met by what may meet this machine alone."""
    return media.outcome in ("no-signal", "no-ice") and 101 not in statuses and bool(statuses & {403, 429})


async def _dialogue(process: asyncio.subprocess.Process, request: bytes) -> bytes:
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101 - both are pipes
    process.stdin.write(request)
    await process.stdin.drain()
    process.stdin.close()
    return await process.stdout.read(_LONGEST_ANSWER)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        try:
            process.kill()
        except ProcessLookupError:
            log.debug("the media client had already exited")
    await process.wait()
