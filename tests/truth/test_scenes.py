"""What the bot cannot see is really broken in the scenes that play it; else its silence would prove nothing."""

from __future__ import annotations

import json

import pytest

from lab.homeserver import USERINFO as USERINFO_PATH
from lab.reverse_proxy import ProxyError
from lab.sfu import Sfu
from tests.lab.client import Client
from tests.truth import publication
from tests.truth.row import Case
from tests.truth.table import ROWS
from tests.truth.world import BASE_URL, NAME, World, behind_nginx

UNSTABLE = f"{BASE_URL}/_matrix/client/unstable"
USERINFO = BASE_URL + USERINFO_PATH
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "Zm9jaQ==",
}


def _case(number: int, name: str) -> Case:
    (row,) = (row for row in ROWS if row.number == number)
    (case,) = (case for case in row.cases if case.name == name)
    return case


@pytest.mark.parametrize(
    ("number", "name", "url", "status"),
    [
        (29, "listener-off", USERINFO, 404),
        (30, "tunnel", USERINFO, 403),
        (35, "behind-nginx", "https://sfu.example.org/rtc", 404),
        (
            39,
            "delayed-events-worker-gone",
            f"{UNSTABLE}/org.matrix.msc4140/delayed_events",
            502,
        ),
        (39, "transports-worker-gone", f"{UNSTABLE}/org.matrix.msc4143/rtc/transports", 502),
    ],
)
async def test_what_is_out_of_sight_is_broken(number: int, name: str, url: str, status: int, world: World) -> None:
    """Whoever asks for the very thing is refused it."""
    await _case(number, name).scene(world)
    assert status == (await Client(world.federation)("GET", url, headers=UPGRADE)).status


async def test_an_sfu_that_gets_the_upgrade_answers_otherwise(world: World) -> None:
    """The status of row 35 is nginx's doing: with the header passed on, the SFU asks for a token."""
    sfu = await world.upstream("sfu.internal:7880", Sfu().answer)
    passed_on = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"
    await behind_nginx(world, {"sfu.example.org": f"location / {{ {passed_on} proxy_pass http://{sfu}; }}"})
    assert (await Client(world.federation)("GET", "https://sfu.example.org/rtc", headers=UPGRADE)).status == 401


@pytest.mark.parametrize("name", ["scheme", "object"])
async def test_the_server_well_known_is_malformed(name: str, world: World) -> None:
    """Row 31 publishes what no federating server can use."""
    await _case(31, name).scene(world)
    seen = await Client(world.federation)("GET", f"https://{NAME}/.well-known/matrix/server")
    m_server = json.loads(seen.body)["m.server"]
    assert not isinstance(m_server, str) or "://" in m_server


async def test_synapse_lists_nothing_to_its_users(world: World) -> None:
    """Row 5 is what Synapse itself does with the flag alone."""
    await publication.synapse_without_transports_from_inside(world)
    assert world.account is not None
    report = await world.examination(NAME, account=world.account)
    assert report.transports.entries == ()


async def test_a_wrong_configuration_of_nginx_is_told(world: World) -> None:
    """A mistake of a test's own ends with nginx's words, and not in a time-out."""
    with pytest.raises(ProxyError, match="unknown directive"):
        await world.nginx.start({NAME: "no_such_thing on;"})
