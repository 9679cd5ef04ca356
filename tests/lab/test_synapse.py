"""The lab's homeserver is a real one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from lab.authority import Authority
from lab.synapse import ApiError, Synapse, SynapseError

FOCI = [{"type": "livekit", "livekit_service_url": "https://rtc.example.org/livekit/jwt"}]
TRANSPORTS = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports"


async def test_accounts_survive_stop_kill_and_start(tmp_path: Path) -> None:
    """An account can be made and used, also after a restart and after a crash, at the same URL."""
    async with Synapse(tmp_path, server_name="example.org") as synapse:
        alice = await synapse.register("alice", "secret")
        assert alice.user_id == "@alice:example.org"
        url = synapse.base_url
        await synapse.restart()
        synapse.kill()
        assert not synapse.running
        await synapse.start()
        assert synapse.base_url == url
        who = await synapse.api("GET", "/_matrix/client/v3/account/whoami", token=alice.access_token)
        assert who["user_id"] == alice.user_id
        again = await synapse.login("alice", "secret", device_id=alice.device_id)
        assert again.device_id == alice.device_id
        with pytest.raises(ApiError) as refused:
            await synapse.login("alice", "wrong")
        assert (refused.value.status, refused.value.errcode) == (403, "M_FORBIDDEN")
        assert "syt_" not in repr(alice)


async def test_rtc_configuration_is_served(tmp_path: Path) -> None:
    """Well-known, transports, delayed events, OpenID and the TLS listener are there as asked."""
    authority = Authority(tmp_path / "ca")
    async with Synapse(
        tmp_path / "hs",
        authority=authority,
        well_known={"org.matrix.msc4143.rtc_foci": FOCI},
        transports=FOCI,
        msc4143=True,
    ) as synapse:
        well_known = await synapse.api("GET", "/.well-known/matrix/client")
        assert well_known["org.matrix.msc4143.rtc_foci"] == FOCI
        versions = await synapse.api("GET", "/_matrix/client/versions")
        assert versions["unstable_features"]["org.matrix.msc4140"] is True
        status, body = await synapse.request("GET", TRANSPORTS)
        assert (status, body["errcode"]) == (401, "M_MISSING_TOKEN")
        bob = await synapse.register("bob", "secret")
        assert await synapse.api("GET", TRANSPORTS, token=bob.access_token) == {"rtc_transports": FOCI}
        status, body = await synapse.request("GET", "/_matrix/federation/v1/openid/userinfo")
        assert (status, body["errcode"]) == (401, "M_MISSING_TOKEN")
        context = authority.client_context()
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
            session.get(f"{synapse.tls_url}/health") as response,
        ):
            assert response.status == 200


async def test_rate_limits_can_be_set(tmp_path: Path) -> None:
    """A limit that is asked for holds: the homeserver answers 429."""
    limits = {"rc_room_creation": {"per_second": 0.001, "burst_count": 1}}
    async with Synapse(tmp_path, rate_limits=limits) as synapse:
        eve = await synapse.register("eve", "secret")
        answers = [
            await synapse.request("POST", "/_matrix/client/v3/createRoom", eve.access_token, {}) for _ in range(4)
        ]
        assert 429 in {status for status, _ in answers}


async def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    """What Synapse complained of is in the error, and no process is left."""
    synapse = Synapse(tmp_path, config={"server_name": "not a name"})
    with pytest.raises(SynapseError, match="not a name"):
        await synapse.start()
    assert not synapse.running


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """Killing the process that started a child kills the child."""
    script = (
        "import pathlib, sys, time\n"
        "from lab.process import spawn\n"
        "idle = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "child = spawn(idle, log=pathlib.Path(sys.argv[1]))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    argv = [sys.executable, "-c", script, str(tmp_path / "log")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    deadline = time.monotonic() + 10
    while _alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
