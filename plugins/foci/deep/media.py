"""The stage ``media``: what the media client saw of ICE (RFC 8445) in a room of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from plugins.foci.findings import finding
from plugins.foci.model import Certainty, Stage
from plugins.foci.probe.observation import DeepStageResult, failed, passed, skipped
from plugins.foci.responses import BodyFault, read_json

MediaOutcome = Literal["connected", "no-ice", "no-signal", "absent", "broken", "cut-short", "turned-away"]
_OUTCOMES: tuple[MediaOutcome, ...] = ("connected", "no-ice", "no-signal", "absent", "broken")


@dataclass(frozen=True, slots=True)
class Media:
    """
    How joining ended.

    Attributes:
        outcome: ICE connected; it did not; the room was not even entered; the package ``livekit`` is not installed;
            the client itself failed; there was no time left for it; the SFU refused it as it may refuse whoever asks
            often.
        protocol: of the selected candidate pair.
        relayed: whether it goes through a TURN server.
        family: 4 or 6; None when not known.
        round_trip_ms: of the pair; None before it was measured.
        elapsed_ms: from the start to the pair.
    """

    outcome: MediaOutcome
    protocol: Literal["udp", "tcp"] | None = None
    relayed: bool = False
    family: Literal[4, 6] | None = None
    round_trip_ms: float | None = None
    elapsed_ms: float | None = None


def read_media(output: bytes) -> Media:
    """What the media client printed; anything unexpected means that it failed itself."""
    parsed = read_json(output)
    value: Any = parsed.value if not isinstance(parsed, BodyFault) else None
    if not isinstance(value, dict) or value.get("outcome") not in _OUTCOMES:
        return Media("broken")
    protocol, family = value.get("protocol"), value.get("family")
    return Media(
        value["outcome"],
        protocol=protocol if protocol in ("udp", "tcp") else None,
        relayed=value.get("relayed") is True,
        family=family if family in (4, 6) else None,
        round_trip_ms=_milliseconds(value.get("round_trip_ms")),
        elapsed_ms=_milliseconds(value.get("elapsed_ms")),
    )


def judge_media(media: Media) -> DeepStageResult:
    """Judge what the media client saw."""
    if media.outcome == "absent":
        return skipped(Stage.MEDIA, "the package livekit is not installed (requirements-media.txt)")
    if media.outcome == "broken":
        return _unfinished("the media client ended without an answer", _LOOK_HERE)
    if media.outcome == "cut-short":
        return _unfinished("there was no time left for media (network.deadline)", _MORE_TIME)
    if media.outcome == "turned-away":
        return _unfinished("the SFU rejected the media client (HTTP 403 or 429)", _LATER)
    if media.outcome == "no-signal":
        return _failed(media, "the SFU accepted the token, but the media client could not join", _PORTS)
    if media.outcome == "no-ice":
        return _failed(media, "no ICE candidate pair works from here", _PORTS)
    detail = f"media connects over {_way(media)}"
    # Only a pair that was seen to go over TCP speaks against UDP.
    if media.protocol != "tcp":
        return passed(Stage.MEDIA, media.elapsed_ms, detail)
    message = f"Media connects, but not over UDP: it uses {_way(media)}, which stutters when packets are lost."
    return passed(Stage.MEDIA, media.elapsed_ms, detail, finding("media-udp-blocked", message, _UDP))


_PORTS = (
    "Open LiveKit's media ports to the internet: UDP 50000-60000 or `rtc.udp_port`, TCP 7881 (`rtc.tcp_port`), and let "
    "it announce its public address (`rtc.use_external_ip: true` or `rtc.node_ip`). A firewall in front of this "
    "machine may be the cause as well."
)
_UDP = (
    "Open LiveKit's UDP ports (`rtc.port_range_start` to `rtc.port_range_end`, or `rtc.udp_port`) to the internet; "
    "check that this machine itself may send UDP."
)

_LOOK_HERE = "Check again. If this persists, check the package livekit on this machine, and what the SFU sends."
_LATER = "Nothing yet: check again later. A rate limit or a firewall may meet this machine alone."
_MORE_TIME = "Check again when fewer checks are running, or raise `network.deadline`."


def _unfinished(detail: str, advice: str) -> DeepStageResult:
    """Tried to no end: a skip would pass for "all is well"."""
    found = finding("not-tested", f"{detail[:1].upper()}{detail[1:]}.", advice)
    return failed(Stage.MEDIA, None, detail, Certainty.UNCLEAR, found)


def _failed(media: Media, detail: str, advice: str) -> DeepStageResult:
    # As with a time-out: it counts against the other side, since something else there has answered.
    found = finding("media-failed", f"{detail[:1].upper()}{detail[1:]}.", advice)
    return failed(Stage.MEDIA, media.elapsed_ms, detail, Certainty.TIMEOUT, found)


def _way(media: Media) -> str:
    way = media.protocol.upper() if media.protocol else "an unknown protocol"
    parts = ["TURN"] if media.relayed else []
    parts += [f"IPv{media.family}"] if media.family else []
    parts += [f"{media.round_trip_ms:.0f} ms round trip"] if media.round_trip_ms is not None else []
    return f"{way} ({', '.join(parts)})" if parts else way


def _milliseconds(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e7:
        return float(value)
    return None
