"""What is closed of the SFU's media plane is closed for a real client, and what is open carries media."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from livekit.api import AccessToken, VideoGrants

from lab.livekit import LiveKit, Media

ROOT = Path(__file__).resolve().parent.parent.parent


async def call(sfu: LiveKit, *, patience: float) -> str:
    """The protocol over which a client in a process of its own gets its media."""
    grants = VideoGrants(room_join=True, room="a room")
    token = AccessToken(sfu.key, sfu.secret).with_identity("caller").with_grants(grants).to_jwt()
    caller = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.lab.caller",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    job = json.dumps({"url": sfu.base_url.replace("http://", "ws://"), "jwt": token, "patience": patience})
    async with asyncio.timeout(5 * patience):
        output, _ = await caller.communicate(job.encode() + b"\n")
    return output.decode().strip()


async def test_media_come_over_what_is_open(tmp_path: Path, livekit: None, media_client: None) -> None:
    """UDP where it is open, TCP where only that is, nothing where neither is; all on loopback."""
    async with LiveKit(tmp_path) as sfu:
        protocols = {}
        for media in Media:
            sfu.media = media
            await sfu.restart()
            protocols[media] = await call(sfu, patience=6 if media is Media.CLOSED else 60)
        assert protocols == {Media.OPEN: "udp", Media.UDP_CLOSED: "tcp", Media.CLOSED: "none"}
