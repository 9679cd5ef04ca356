"""
Joins a LiveKit room, waits for ICE, reports the selected candidate pair, leaves.

A program of its own, run by ``plugins.foci.deep.media_runner`` apart: it uses a native library that dials by
itself. It reads one line of JSON with ``url``, ``jwt`` and ``patience`` (seconds), and prints one line of JSON and
nothing else: texts of the library may hold the token.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import ipaddress
import json
import os
import resource
import sys
import time
from typing import Any

_POLL = 0.1
_PAIR_PATIENCE = 3.0
_PR_SET_DUMPABLE = 4


async def join(url: str, jwt: str, patience: float) -> dict[str, Any]:
    """Join and look at the pair; the outcome as values."""
    try:
        import livekit.rtc as rtc
    except ImportError:
        return {"outcome": "absent"}
    started = time.monotonic()
    room = rtc.Room()
    try:
        options = rtc.RoomOptions(auto_subscribe=False)
        await asyncio.wait_for(room.connect(url, jwt, options), patience)
    except TimeoutError:
        return {"outcome": "no-ice", "elapsed_ms": _since(started)}
    except rtc.ConnectError as error:
        reason = "no-ice" if "wait_pc_connection" in str(error) else "no-signal"
        return {"outcome": reason, "elapsed_ms": _since(started)}
    elapsed = _since(started)
    try:
        return {"outcome": "connected", "elapsed_ms": elapsed, **await _pair(room)}
    finally:
        await room.disconnect()


async def _pair(room: Any) -> dict[str, Any]:
    """The selected candidate pair; the best that was known when time ran out."""
    seen: dict[str, Any] = {}
    ends = time.monotonic() + _PAIR_PATIENCE
    while time.monotonic() < ends:
        stats = await room.get_rtc_stats()
        found = _selected([*stats.publisher_stats, *stats.subscriber_stats])
        seen = found or seen
        if seen.get("round_trip_ms"):
            break
        await asyncio.sleep(_POLL)
    return seen


def _selected(stats: list[Any]) -> dict[str, Any]:
    chosen = {one.transport.transport.selected_candidate_pair_id for one in stats if _is(one, "transport")} - {""}
    pairs = [one.candidate_pair for one in stats if _is(one, "candidate_pair") and one.candidate_pair.rtc.id in chosen]
    if not pairs:
        return {}
    pair = pairs[0].candidate_pair
    local = _candidate(stats, "local_candidate", pair.local_candidate_id)
    remote = _candidate(stats, "remote_candidate", pair.remote_candidate_id)
    relayed = any(one is not None and _type(one) == "RELAY" for one in (local, remote))
    through = local if local is not None and _type(local) == "RELAY" else remote or local
    protocol = through.relay_protocol if through is local and relayed and through is not None else None
    return {
        "protocol": _protocol(protocol, through),
        "relayed": relayed,
        "family": _family(remote or local),
        "round_trip_ms": pair.current_round_trip_time * 1000 or None,
    }


def _is(one: Any, kind: str) -> bool:
    return bool(one.WhichOneof("stats") == kind)


def _candidate(stats: list[Any], kind: str, identifier: str) -> Any:
    found = (getattr(one, kind) for one in stats if _is(one, kind))
    return next((one.candidate for one in found if one.rtc.id == identifier), None)


def _type(candidate: Any) -> str:
    field = candidate.DESCRIPTOR.fields_by_name["candidate_type"]
    return str(field.enum_type.values_by_number[candidate.candidate_type].name).rpartition("_")[2]


def _protocol(relay_protocol: Any, candidate: Any) -> str | None:
    """Between here and the next hop: of the TURN server if there is one."""
    if isinstance(relay_protocol, str) and relay_protocol:
        return "udp" if relay_protocol.lower() == "udp" else "tcp"
    return None if candidate is None else str(candidate.protocol).lower()


def _family(candidate: Any) -> int | None:
    try:
        return ipaddress.ip_address(candidate.address).version if candidate is not None else None
    except ValueError:
        return None


def _since(started: float) -> float:
    return (time.monotonic() - started) * 1000


def _forbid_dumps() -> None:
    """No core dump, for the token is in memory and what an SFU sends can make the library abort."""
    # A sandbox may forbid even this, after it has set the limit itself (contrib/foci-bot.service).
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A pattern that pipes dumps to a collector ignores the limit.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def main() -> None:
    """Do what standard input asks for."""
    _forbid_dumps()
    request = json.loads(sys.stdin.buffer.readline(65536))
    try:
        outcome = asyncio.run(join(request["url"], request["jwt"], float(request["patience"])))
    except Exception:  # noqa: BLE001 - its text may hold the token, and the parent needs an answer
        outcome = {"outcome": "broken"}
    print(json.dumps(outcome), flush=True)
    # The library's own threads may still be dialling.
    os._exit(0)


if __name__ == "__main__":
    main()
