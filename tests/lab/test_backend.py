"""A MatrixRTC backend of real parts: tokens that the SFU takes, and each way in which calls fail."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import pytest_asyncio
from livekit.protocol.rtc import JoinResponse

from lab.authority import Authority
from lab.backend import Backend, CallFault
from lab.federation import Federation
from lab.loopback import BLOCK, reserved_port
from lab.nginx import Nginx
from lab.openid import USERINFO, LookupFailedError, OpenIdLookup
from lab.synapse import Login, Synapse
from tests.lab.client import Client, Seen
from tests.lab.sfu_client import Refusal, join

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "example.org"
SERVICE = f"https://rtc.{NAME}/livekit/jwt"
SFU = f"wss://rtc.{NAME}/livekit/sfu"
UNAUTHORISED = {"errcode": "M_UNAUTHORIZED", "error": "The request could not be authorised."}
NO_ROOM_MADE = {"errcode": "M_UNKNOWN", "error": "Unable to create room on SFU"}
MISSING = b"requested room does not exist"


@dataclass
class World:
    """A federation with one real homeserver, one real SFU, and a user."""

    federation: Federation
    synapse: Synapse
    backend: Backend
    user: Login

    async def openid(self) -> dict[str, Any]:
        path = f"/_matrix/client/v3/user/{self.user.user_id}/openid/request_token"
        token: dict[str, Any] = await self.synapse.api("POST", path, token=self.user.access_token, json={})
        return token

    async def ask(self, path: str, token: dict[str, Any], *, user: str | None = None, room: str = "!probe") -> Seen:
        """Ask for a token at either endpoint, as clients do."""
        if path == "/sfu/get":
            body: dict[str, Any] = {"room": room, "device_id": "D"}
        else:
            member = {"id": "m", "claimed_user_id": user or self.user.user_id, "claimed_device_id": "D"}
            body = {"room_id": room, "slot_id": "m.call#ROOM", "member": member}
        content = json.dumps({**body, "openid_token": token}).encode()
        return await Client(self.federation)("POST", SERVICE + path, body=content)

    async def issued(self, **further: str) -> dict[str, str]:
        """What a client that may call is given."""
        seen = await self.ask("/get_token", await self.openid(), **further)
        assert seen.status == 200, seen.body
        answer: dict[str, str] = json.loads(seen.body)
        return answer

    async def knock(self, answer: dict[str, str]) -> tuple[int, bytes, JoinResponse | Refusal]:
        """What the SFU says to a token: status and body of the validation, then the WebSocket's first message."""
        url = answer["url"].replace("wss://", "https://")
        bearer = {"Authorization": f"Bearer {answer['jwt']}"}
        seen = await Client(self.federation)("GET", f"{url}/rtc/validate", headers=bearer)
        async with Client(self.federation).session() as session:
            return seen.status, seen.body, await join(session, url, answer["jwt"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parts(tmp_path_factory: pytest.TempPathFactory, livekit: None) -> AsyncIterator[World]:
    directory = tmp_path_factory.mktemp("backend")
    federation = Federation(directory, authority=Authority(directory / "ca"))
    synapse = Synapse(directory / "hs", server_name=NAME, authority=federation.authority)
    backend = Backend(federation, directory / "sfu", SERVICE, homeserver=synapse)
    async with federation, synapse, backend:
        await federation.adopt(synapse, [backend.entry])
        yield World(federation, synapse, backend, await synapse.register("bob", "secret"))


@pytest_asyncio.fixture(loop_scope="module")
async def world(parts: World) -> AsyncIterator[World]:
    """The parts, healed after each test."""
    yield parts
    await parts.backend.play(None)
    parts.backend.full_access = ["*"]
    parts.backend.focus.service.version = "0.6.0"


@pytest.mark.parametrize("full_access", [["*"], [NAME], ["another.example"]], ids=["all", "own", "strangers"])
async def test_a_token_opens_the_sfu(world: World, full_access: list[str]) -> None:
    """Whoever the homeserver vouches for gets a token that the real SFU takes over TLS, WebSocket included."""
    world.backend.full_access = full_access
    status, body, joined = await world.knock(await world.issued())
    assert (status, body) == (200, b"success")
    assert isinstance(joined, JoinResponse)
    assert joined.room.name == "R7JL8+UPulOybVZLUnxaE8Wk1i8rdLTogLIeyoKF9nM"


@pytest.mark.parametrize("path", ["/get_token", "/sfu/get"])
async def test_what_a_token_says(world: World, path: str) -> None:
    """It names room and participant, lets them in for an hour, and lets nobody make rooms."""
    answer = json.loads((await world.ask(path, await world.openid())).body)
    claims = jwt.decode(answer["jwt"], world.backend.sfu.secret, algorithms=["HS256"])
    assert (answer["url"], claims["iss"], claims["exp"] - claims["nbf"]) == (SFU, world.backend.sfu.key, 3600)
    assert claims["sub"] == (
        "@bob:example.org:D" if path == "/sfu/get" else "PYawFPhjC4NKUlCA91N6IwSA1GtyHn8S1ffXo+9M5Tw"
    )
    grants = {"roomJoin": True, "canPublish": True, "canSubscribe": True, "canUpdateOwnMetadata": True}
    assert grants.items() <= claims["video"].items()
    assert "roomCreate" not in claims["video"]


async def test_users_are_really_looked_up(world: World) -> None:
    """A token that the homeserver does not know, another server's, or one under another's name is refused."""
    good = await world.openid()
    for token in ({**good, "access_token": "made-up"}, {**good, "matrix_server_name": "absent.example"}):
        seen = await world.ask("/get_token", token)
        assert (seen.status, json.loads(seen.body)) == (401, UNAUTHORISED)
    seen = await world.ask("/get_token", good, user="@eve:example.org")
    assert (seen.status, json.loads(seen.body)) == (401, UNAUTHORISED)
    assert (await world.ask("/get_token", good)).status == 200


async def test_a_homeserver_vouches_for_its_own_users_only(world: World) -> None:
    """A server that answers for users of another is not believed."""
    await world.federation.server("eve.example", m_server=f"matrix.{NAME}:443")
    token = {**await world.openid(), "matrix_server_name": "eve.example"}
    with pytest.raises(LookupFailedError, match=r"not of eve\.example"):
        await OpenIdLookup(world.federation).user_of(token["access_token"], "eve.example")


@pytest.mark.parametrize("full_access", [["*"], []], ids=["full", "restricted"])
@pytest.mark.parametrize("fault", [CallFault.WRONG_KEY, CallFault.SFU_DOWN])
async def test_an_sfu_that_does_not_obey_the_service(world: World, fault: CallFault, full_access: list[str]) -> None:
    """Where the service makes the room, no token comes; others get one that is worth nothing."""
    world.backend.full_access = full_access
    await world.backend.play(fault)
    if full_access:
        seen = await world.ask("/get_token", await world.openid())
        assert (seen.status, json.loads(seen.body)) == (500, NO_ROOM_MADE)
        return
    answer = await world.issued()
    status, body, refused = await world.knock(answer)
    assert isinstance(refused, Refusal)
    if fault is CallFault.SFU_DOWN:
        assert (status, refused.status) == (502, 502)
        return
    assert (status, refused.status) == (401, 401)
    assert body.startswith(f"invalid token: {answer['jwt']}, ".encode())


@pytest.mark.parametrize(
    ("fault", "start"),
    [(CallFault.SFU_URL_PRIVATE, "wss://10."), (CallFault.SFU_URL_INTERNAL, "ws://livekit-sfu.")],
)
async def test_an_sfu_at_an_address_of_the_inside(world: World, fault: CallFault, start: str) -> None:
    """The token is good, but clients are sent where they cannot go."""
    await world.backend.play(fault)
    answer = await world.issued()
    assert answer["url"].startswith(start)
    status, _, joined = await world.knock({**answer, "url": SFU})
    assert (status, type(joined)) == (200, JoinResponse)


async def test_a_room_that_nobody_makes(world: World) -> None:
    """A good token for a room that is not there is 404 with LiveKit's words, at both doors."""
    await world.backend.play(CallFault.ROOM_NOT_CREATED)
    status, body, refused = await world.knock(await world.issued(room="!never-before"))
    assert isinstance(refused, Refusal)
    assert (status, body, refused.status, refused.body) == (404, MISSING, 404, MISSING)


async def test_the_service_makes_rooms_for_full_access(world: World) -> None:
    """With an SFU that makes none by itself, users with full access get in, and others do not."""
    world.backend.sfu.auto_create = False
    await world.backend.sfu.restart()
    try:
        assert (await world.knock(await world.issued(room="!made")))[0] == 200
        world.backend.full_access = ["another.example"]
        assert (await world.knock(await world.issued(room="!not-made")))[:2] == (404, MISSING)
    finally:
        world.backend.sfu.auto_create = True
        await world.backend.sfu.restart()


async def test_a_proxy_that_passes_no_upgrades(world: World) -> None:
    """The token is valid, but the WebSocket is answered with LiveKit's empty 404."""
    await world.backend.play(CallFault.UPGRADE_REFUSED)
    status, body, refused = await world.knock(await world.issued())
    assert (status, body) == (200, b"success")
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.body) == (404, b"")


FORWARDED = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"


@pytest.mark.parametrize("headers", [FORWARDED, ""], ids=["with-upgrade", "without"])
@pytest.mark.usefixtures("nginx")
async def test_a_real_nginx_does_the_same(world: World, tmp_path: Path, headers: str) -> None:
    """Behind nginx the SFU can be joined if its configuration passes upgrades on, else the same empty 404 comes."""
    nginx = Nginx(tmp_path / "nginx", world.federation)
    host = f"sfu.{NAME}" if headers else f"no-upgrade.{NAME}"
    await nginx.start({host: f"location / {{ proxy_pass {world.backend.sfu.base_url}; {headers} }}"})
    try:
        answer = {**await world.issued(), "url": f"wss://{host}"}
        status, body, joined = await world.knock(answer)
    finally:
        await nginx.stop()
    assert (status, body) == (200, b"success")
    if headers:
        assert isinstance(joined, JoinResponse)
    else:
        assert isinstance(joined, Refusal)
        assert (joined.status, joined.body) == (404, b"")


async def test_a_homeserver_without_the_openid_resource(world: World) -> None:
    """The homeserver answers 404 where it should vouch, and the service refuses its users, by version."""
    await world.backend.play(CallFault.OPENID_OFF)
    seen = await Client(world.federation)("GET", f"https://matrix.{NAME}{USERINFO}")
    assert (seen.status, json.loads(seen.body)["errcode"]) == (404, "M_UNRECOGNIZED")
    token = await world.openid()
    refusals = {}
    for version, path in (
        ("0.6.0", "/get_token"),
        ("0.6.0", "/sfu/get"),
        ("0.5.0", "/get_token"),
        ("0.5.0", "/sfu/get"),
    ):
        world.backend.focus.service.version = version
        seen = await world.ask(path, token)
        refusals[version, path] = seen.status, json.loads(seen.body)["errcode"]
    assert refusals == {
        ("0.6.0", "/get_token"): (401, "M_UNAUTHORIZED"),
        ("0.6.0", "/sfu/get"): (401, "M_UNAUTHORIZED"),
        ("0.5.0", "/get_token"): (401, "M_UNAUTHORIZED"),
        ("0.5.0", "/sfu/get"): (500, "M_LOOKUP_FAILED"),
    }


async def test_faults_end(world: World) -> None:
    """After every fault, one after the other and without healing in between, the backend can be healed."""
    for fault in CallFault:
        await world.backend.play(fault)
        assert world.backend.fault is fault
    await world.backend.play(None)
    assert (await world.knock(await world.issued()))[:2] == (200, b"success")
    assert all(fault.description for fault in CallFault)


async def test_what_needs_a_homeserver_says_so(tmp_path: Path) -> None:
    """A fault of the look-up cannot be played where no homeserver was named."""
    async with Federation(tmp_path) as federation:
        backend = Backend(federation, tmp_path / "sfu", SERVICE)
        with pytest.raises(ValueError, match="openid-off"):
            await backend.play(CallFault.OPENID_OFF)


async def test_an_sfu_at_its_own_address(tmp_path: Path, livekit: None) -> None:
    """A client that knows nothing of the federation's names finds an SFU whose URL holds address and port."""
    async with Federation(tmp_path) as federation:
        port = reserved_port(f"{BLOCK}.253")
        backend = Backend(federation, tmp_path / "sfu", SERVICE, sfu_url=f"wss://{BLOCK}.253:{port}/livekit/sfu")
        async with backend:
            connector = aiohttp.TCPConnector(ssl=federation.authority.client_context())
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get(f"https://{BLOCK}.253:{port}/livekit/sfu/rtc/validate") as response,
            ):
                assert (response.status, await response.read()) == (401, b"no permissions to access the room")
            assert [request.path for request in backend.sfu_site.requests] == ["/livekit/sfu/rtc/validate"]
