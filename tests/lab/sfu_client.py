"""What a call's client does at an SFU before media: ask whether a token is good, open the WebSocket, read the join."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from livekit.protocol.rtc import JoinResponse, SignalResponse


@dataclass(frozen=True)
class Refusal:
    """An upgrade that was answered otherwise; a whole answer of HTTP."""

    status: int
    body: bytes
    allows_any_origin: bool


async def join(session: aiohttp.ClientSession, url: str, token: str) -> JoinResponse | Refusal:
    """Knock at ``<url>/rtc`` and leave after the first message; the URL is of ``http`` or ``https``."""
    bearer = {"Authorization": f"Bearer {token}"}
    try:
        async with session.ws_connect(f"{url}/rtc?protocol=16&sdk=python", headers=bearer) as socket:
            first = await socket.receive_bytes(timeout=20)
            return SignalResponse.FromString(first).join
    except aiohttp.WSServerHandshakeError:
        return await _refused(session, f"{url}/rtc", bearer)


async def _refused(session: aiohttp.ClientSession, url: str, bearer: dict[str, str]) -> Refusal:
    """The same request once more, since aiohttp keeps no body of a refused upgrade."""
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    async with session.get(url, headers={**bearer, **upgrade}) as response:
        return Refusal(
            response.status, await response.read(), response.headers.get("Access-Control-Allow-Origin") == "*"
        )
