"""The stand-in for LiveKit shows strangers the face that LiveKit shows them."""

from __future__ import annotations

import pytest

from lab.exchange import Request
from lab.sfu import Sfu

UPGRADE = {"upgrade": "websocket", "connection": "upgrade"}


@pytest.mark.parametrize(
    ("path", "headers", "status", "body"),
    [
        ("/", {}, 200, b"OK"),
        ("", {}, 200, b"OK"),
        ("/rtc", {}, 404, b""),
        ("/rtc/v1", {}, 404, b""),
        ("/rtc", UPGRADE, 401, b"no permissions to access the room"),
        ("/rtc/validate", {}, 401, b"no permissions to access the room"),
        ("/rtc/v1/validate", {}, 401, b"no permissions to access the room"),
        ("//rtc//validate", {}, 401, b"no permissions to access the room"),
        ("/healthz", {}, 404, b"404 page not found\n"),
        ("/sfu/get", {}, 404, b"404 page not found\n"),
        ("/rtc/validate", {"authorization": "Bearer x"}, 401, b"invalid authorization token"),
        (
            "/rtc/validate",
            {"authorization": "Basic x"},
            401,
            b"invalid authorization header. Must start with Bearer ",
        ),
    ],
)
async def test_answers_to_strangers(path: str, headers: dict[str, str], status: int, body: bytes) -> None:
    """Without a token that it knows, LiveKit says OK at its root and refuses everything else."""
    answer = await Sfu().answer(Request("GET", "sfu.test", path, "", headers, b""))
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(("path", "allowed"), [("/", "https://call.test"), ("/rtc/validate", "*")])
async def test_browsers_may_read_its_answers(path: str, allowed: str) -> None:
    """An origin comes back as allowed; where browsers fetch, any is."""
    request = Request("GET", "sfu.test", path, "", {"origin": "https://call.test"}, b"")
    assert ("Access-Control-Allow-Origin", allowed) in (await Sfu().answer(request)).headers


async def test_older_servers_lack_v1() -> None:
    """Before /rtc/v1 came, its paths are Go's 404."""
    request = Request("GET", "sfu.test", "/rtc/v1/validate", "", {}, b"")
    assert (await Sfu(since_v1=False).answer(request)).status == 404
    assert (await Sfu(since_v1=False).answer(request.at("/rtc/validate"))).status == 401
