"""LiveKit's signalling messages (livekit protocol): the welcome to somebody who joins, and the leave."""

from __future__ import annotations

from collections.abc import Sequence

from plugins.foci.discretion import discreet
from plugins.foci.signalling_answer import Welcome

_LONGEST_NAME = 40
_MOST_ICE_SERVERS = 99


def read_welcome(message: bytes, secrets: Sequence[str]) -> Welcome | None:
    """The SFU's first message; None if it is no welcome. ``secrets`` are what it may not be quoted with."""
    # Loaded late: protobuf costs a tenth of a second, which checks that go no deeper need not spend.
    from google.protobuf.message import DecodeError
    from livekit.protocol.rtc import SignalResponse

    try:
        parsed = SignalResponse.FromString(message)
    except DecodeError:
        return None
    if parsed.WhichOneof("message") != "join":
        return None
    server = parsed.join.server_info
    version = discreet(server.version or parsed.join.server_version, secrets, _LONGEST_NAME)
    region = discreet(server.region or parsed.join.server_region, secrets, _LONGEST_NAME)
    return Welcome(version, region, min(len(parsed.join.ice_servers), _MOST_ICE_SERVERS))


def leave() -> bytes:
    """What somebody says who leaves of their own will."""
    from livekit.protocol.models import DisconnectReason
    from livekit.protocol.rtc import LeaveRequest, SignalRequest

    request = SignalRequest(leave=LeaveRequest(reason=DisconnectReason.CLIENT_INITIATED))
    return bytes(request.SerializeToString())
