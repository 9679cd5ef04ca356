"""The lab's SFU is a real one, and what it answers is what the stand-in for it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from livekit.api import AccessToken, VideoGrants

from lab.exchange import Request
from lab.livekit import BINARY_VARIABLE, LiveKit, LiveKitError, livekit_binary, livekit_version
from lab.sfu import Sfu
from tests.lab.sfu_client import Refusal, join

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def token(sfu: LiveKit, *, secret: str | None = None, key: str | None = None) -> str:
    grants = VideoGrants(room_join=True, room="a room")
    made = AccessToken(key or sfu.key, secret or sfu.secret).with_identity("somebody").with_grants(grants)
    return made.to_jwt()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


async def ask(
    session: aiohttp.ClientSession, sfu: LiveKit, path: str, headers: dict[str, str]
) -> tuple[int, bytes, dict[str, str]]:
    async with session.get(sfu.base_url + path, headers=headers) as response:
        said = {name: response.headers[name] for name in HEADERS if name in response.headers}
        return response.status, await response.read(), said


HEADERS = (
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Content-Type",
    "Vary",
    "X-Content-Type-Options",
)
STRANGERS = [
    ("/", {}),
    ("/rtc", {}),
    ("/rtc", UPGRADE),
    ("/rtc/v1", {}),
    ("/rtc/v1", UPGRADE),
    ("/rtc/validate", {}),
    ("/rtc/v1/validate", {}),
    ("//rtc//validate", {}),
    ("/healthz", {}),
    ("/sfu/get", {}),
    ("/rtc/validate", {"Authorization": "Bearer x"}),
    ("/rtc/v1/validate", {"Authorization": "Bearer x"}),
    ("/rtc/validate", {"Authorization": "Basic x"}),
    ("/rtc", {**UPGRADE, "Authorization": "Bearer x"}),
]


@pytest.mark.parametrize("origin", [{}, {"Origin": "https://call.test"}], ids=["no-origin", "a-browser"])
async def test_the_stand_in_answers_as_the_real_one(
    tmp_path: Path, session: aiohttp.ClientSession, origin: dict[str, str], livekit: None
) -> None:
    """Status, body and the headers that matter to browsers are the same, byte for byte, wherever a stranger knocks."""
    async with LiveKit(tmp_path) as sfu:
        for path, headers in STRANGERS:
            sent = {**headers, **origin}
            lower = {name.lower(): value for name, value in sent.items()}
            stand_in = await Sfu().answer(Request("GET", "sfu.test", path, "", lower, b""))
            said = dict(stand_in.headers)
            assert (stand_in.status, stand_in.body, said) == await ask(session, sfu, path, sent), (path, headers)


async def test_tokens_of_its_key_are_taken(tmp_path: Path, session: aiohttp.ClientSession, livekit: None) -> None:
    """A good token is valid at the older path, asked for a join request at the newer one, and opens the WebSocket."""
    async with LiveKit(tmp_path) as sfu:
        bearer = {"Authorization": f"Bearer {token(sfu)}"}
        assert (await ask(session, sfu, "/rtc/validate", bearer))[:2] == (200, b"success")
        assert (await ask(session, sfu, "/rtc/v1/validate", bearer))[:2] == (400, b"join_request is required")
        joined = await join(session, sfu.base_url, token(sfu))
        assert not isinstance(joined, Refusal)
        binary = livekit_binary()
        assert binary is not None
        assert joined.server_info.version == await livekit_version(binary)
        assert (joined.server_info.region, joined.room.name) == ("loopback", "a room")
        stun = [url for server in joined.ice_servers for url in server.urls]
        assert stun == ["stun:127.0.0.1:9"], "nobody outside loopback may be asked"


@pytest.mark.parametrize("path", ["/rtc/validate", "/rtc/v1/validate"])
async def test_tokens_of_others_are_refused(
    tmp_path: Path, session: aiohttp.ClientSession, path: str, livekit: None
) -> None:
    """Another secret or another key is 401, in words that tell which; for a wrong secret the token is echoed."""
    async with LiveKit(tmp_path) as sfu:
        forged = token(sfu, secret="s" * 40)
        status, body, _ = await ask(session, sfu, path, {"Authorization": f"Bearer {forged}"})
        assert (status, body.decode().partition(", ")[0]) == (401, f"invalid token: {forged}")
        foreign = token(sfu, key="somebody-elses")
        status, body, _ = await ask(session, sfu, path, {"Authorization": f"Bearer {foreign}"})
        assert (status, body) == (401, b"invalid API key: somebody-elses")
        refused = await join(session, sfu.base_url, forged)
        assert isinstance(refused, Refusal)
        assert (refused.status, refused.allows_any_origin) == (401, False)


async def test_rooms_are_not_made_if_it_may_not(tmp_path: Path, session: aiohttp.ClientSession, livekit: None) -> None:
    """Without auto-create a good token is of no use: 404 with LiveKit's words, until it is allowed again."""
    async with LiveKit(tmp_path, auto_create=False) as sfu:
        bearer = {"Authorization": f"Bearer {token(sfu)}"}
        missing = b"requested room does not exist"
        assert (await ask(session, sfu, "/rtc/validate", bearer))[:2] == (404, missing)
        refused = await join(session, sfu.base_url, token(sfu))
        assert isinstance(refused, Refusal)
        assert (refused.status, refused.body) == (404, missing)
        sfu.auto_create = True
        await sfu.restart()
        assert not isinstance(await join(session, sfu.base_url, token(sfu)), Refusal)


async def test_it_stops_and_comes_back(tmp_path: Path, session: aiohttp.ClientSession, livekit: None) -> None:
    """Stopped, nothing listens; started again it is at the same place with the same keys, also with somebody inside."""
    async with LiveKit(tmp_path) as sfu:
        bearer = {"Authorization": f"Bearer {token(sfu)}"}
        async with session.ws_connect(f"{sfu.base_url}/rtc", headers=bearer) as inside:
            await inside.receive_bytes(timeout=20)
            await sfu.stop()
        assert not sfu.running
        with pytest.raises(aiohttp.ClientConnectorError):
            await ask(session, sfu, "/", {})
        await sfu.start()
        assert (await ask(session, sfu, "/rtc/validate", bearer))[0] == 200
    assert not sfu.running


async def test_a_start_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program complained of is in the error, and no process is left."""
    complains = tmp_path / "livekit"
    complains.write_text("#!/bin/sh\necho this cannot work\nexit 1\n")
    complains.chmod(0o755)
    monkeypatch.setenv(BINARY_VARIABLE, str(complains))
    sfu = LiveKit(tmp_path / "sfu")
    with pytest.raises(LiveKitError, match="this cannot work"):
        await sfu.start()
    assert not sfu.running


async def test_a_binary_that_is_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path in the environment wins over what was built; if nothing is there the error says what to do."""
    monkeypatch.setenv(BINARY_VARIABLE, str(tmp_path / "absent"))
    assert livekit_binary() is None
    with pytest.raises(LiveKitError, match="make livekit"):
        await LiveKit(tmp_path).start()
    named = tmp_path / "livekit"
    named.touch(mode=0o755)
    monkeypatch.setenv(BINARY_VARIABLE, str(named))
    assert livekit_binary() == named
