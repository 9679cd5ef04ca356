"""
A real client of calls, as a program: joins with what a line of JSON on its standard input names and tells of its media.

Prints ``udp`` or ``tcp``, the protocol of the selected candidate pair, or ``none`` if no media came about in time.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from livekit import rtc


async def call(url: str, jwt: str, patience: float) -> str:
    room = rtc.Room()
    try:
        await asyncio.wait_for(room.connect(url, jwt, rtc.RoomOptions(auto_subscribe=False)), patience)
    except TimeoutError:
        return "none"
    protocol = ""
    while not protocol:
        await asyncio.sleep(0.05)
        protocol = _selected_protocol((await room.get_rtc_stats()).publisher_stats)
    await room.disconnect()
    return protocol


def _selected_protocol(stats: list[Any]) -> str:
    selected = {stat.transport.transport.selected_candidate_pair_id for stat in stats if stat.HasField("transport")}
    pairs = {stat.candidate_pair.rtc.id: stat.candidate_pair.candidate_pair for stat in stats}
    there = {stat.remote_candidate.rtc.id: stat.remote_candidate.candidate.protocol for stat in stats}
    return next((there[pairs[pair].remote_candidate_id] for pair in selected if pair and pair in pairs), "")


if __name__ == "__main__":
    print(asyncio.run(call(**json.loads(sys.stdin.readline()))), flush=True)
