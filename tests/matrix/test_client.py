"""What an answer of the homeserver means, whoever really gave it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from botkit.backoff import Backoff, insist
from botkit.matrix.client import Answer, HomeserverClient, UnreachableError, path, trust_anchors
from lab.authority import Authority


@dataclass(slots=True)
class StandIn:
    """A homeserver that says what it is told to."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    seen: list[web.Request] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        await request.read()
        self.seen.append(request)
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    server = StandIn()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def homeserver(stand_in: StandIn) -> AsyncIterator[HomeserverClient]:
    client = HomeserverClient(stand_in.url, trust=trust_anchors(None), user_agent="foci-bot/test")
    yield client
    await client.close()


@pytest.mark.parametrize(
    ("status", "body", "ok", "temporary", "rejected"),
    [
        (200, b'{"a": 1}', True, False, False),
        (200, b"<html>log in to the hotel wifi</html>", False, True, False),
        (200, b"\xff\xfe", False, True, False),
        (200, b"[" * 100_000, False, True, False),
        (401, b'{"errcode": "M_UNKNOWN_TOKEN"}', False, False, True),
        (401, b"<html>basic auth</html>", False, True, False),
        (403, b'{"errcode": "M_FORBIDDEN"}', False, False, False),
        (403, b"<html>blocked</html>", False, True, False),
        (404, b'{"errcode": "M_NOT_FOUND"}', False, False, False),
        (404, b"404 page not found", False, True, False),
        (429, b'{"errcode": "M_LIMIT_EXCEEDED"}', False, True, False),
        (502, b"<html>Bad Gateway</html>", False, True, False),
        (302, b"", False, True, False),
    ],
)
async def test_kinds_of_answers(
    stand_in: StandIn,
    homeserver: HomeserverClient,
    status: int,
    body: bytes,
    ok: bool,
    temporary: bool,
    rejected: bool,
) -> None:
    """Only the homeserver's own refusals are final; what a proxy says may pass."""
    stand_in.status, stand_in.body = status, body
    answer = await homeserver.request("GET", path("sync"))
    assert (answer.ok, answer.temporary, answer.token_rejected) == (ok, temporary, rejected)
    assert homeserver.token_lost.is_set() is rejected


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({}, b'{"retry_after_ms": 1500}', 1.5),
        ({"Retry-After": "7"}, b"", 7.0),
        ({"Retry-After": "7"}, b'{"retry_after_ms": 2000}', 2.0),
        ({"Retry-After": "99999999999"}, b"", 900.0),
        ({}, b'{"retry_after_ms": 1e300}', 900.0),
        ({}, b'{"retry_after_ms": -5}', 0.0),
        ({}, b'{"retry_after_ms": true}', None),
        ({}, b'{"retry_after_ms": "soon"}', None),
        (
            {"Retry-After": "Mon, 23 Nov 2026 09:00:30 GMT", "Date": "Mon, 23 Nov 2026 09:00:00 GMT"},
            b"",
            30.0,
        ),
        ({"Retry-After": "soon"}, b"", None),
    ],
)
async def test_how_long_to_wait(
    stand_in: StandIn, homeserver: HomeserverClient, headers: dict[str, str], body: bytes, seconds: float | None
) -> None:
    """Body and header are both heard, as number or date, within bounds."""
    stand_in.status, stand_in.headers, stand_in.body = 429, headers, body
    assert (await homeserver.request("GET", path("sync"))).retry_after == seconds


async def test_token_and_body(stand_in: StandIn, homeserver: HomeserverClient) -> None:
    """The token goes into the header, never the URL; a POST always has a JSON body; no redirect is followed."""
    homeserver.token = SecretStr("s3cret")
    stand_in.status, stand_in.headers = 307, {"Location": stand_in.url + "/elsewhere"}
    await homeserver.request("POST", path("join", "!a/../b:c"))
    (request,) = stand_in.seen
    assert request.headers["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(request.url)
    assert request.rel_url.raw_path == "/_matrix/client/v3/join/%21a%2F..%2Fb%3Ac"
    assert request.headers["User-Agent"] == "foci-bot/test"
    assert await request.read() == b"{}"


async def test_nobody_there() -> None:
    """A refused connection is one line."""
    client = HomeserverClient("http://127.0.0.1:1", trust=trust_anchors(None), user_agent="x")
    with pytest.raises(UnreachableError, match="refused"):
        await client.request("GET", path("sync"))
    await client.close()


async def test_ca_file(tmp_path: Path) -> None:
    """A homeserver with a private CA is trusted with ``ca_file``, and only with it."""
    authority = Authority(tmp_path)
    leaf = authority.issue("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate_file, leaf.key_file)
    server = StandIn()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    trusting = HomeserverClient(url, trust=trust_anchors(authority.ca_file), user_agent="x")
    wary = HomeserverClient(url, trust=trust_anchors(None), user_agent="x")
    assert (await trusting.request("GET", path("sync"))).ok
    with pytest.raises(UnreachableError, match="certificate not trusted"):
        await wary.request("GET", path("sync"))
    await trusting.close()
    await wary.close()
    await runner.cleanup()


def test_nothing_secret_in_the_representation() -> None:
    """An answer's repr holds no body, which may carry tokens."""
    assert "syt_" not in repr(Answer(200, {"access_token": "syt_abc"}))


def test_pauses() -> None:
    """Pauses double up to eight seconds, keep to what was asked for, and start over after a success."""
    backoff = Backoff(lambda: 0.0)
    assert [backoff.pause() for _ in range(6)] == [1, 2, 4, 8, 8, 8]
    assert backoff.pause(30) == 30
    backoff.reset()
    assert backoff.pause(0.2) == 1
    assert Backoff(lambda: 1.0).pause() == pytest.approx(1.1)


@dataclass(slots=True)
class _Step:
    """Fails with these errors in turn, then works."""

    errors: list[Exception]

    async def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited, without waiting."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waited


async def test_a_step_is_repeated_as_late_as_the_homeserver_asks(pauses: list[float]) -> None:
    """Pauses grow, ``retry_after`` is a lower bound of one, and a reason is told when it is another than before."""
    limited = UnreachableError("HTTP 429", 30.0)
    step = _Step([OSError("gone"), OSError("gone"), limited, UnreachableError("HTTP 429", 0.5), OSError("gone")])
    told: list[str] = []
    assert await insist(step, (OSError, UnreachableError), told.append) == "done"
    assert [int(pause) for pause in pauses] == [1, 2, 30, 8, 8]
    assert told == ["gone", "HTTP 429", "gone"]


async def test_who_has_no_patience_gets_the_error(pauses: list[float]) -> None:
    """So does everybody when it is another error than was expected, or a cancellation."""
    told: list[str] = []
    for error, patient in [(UnreachableError("gone", 5.0), False), (ValueError("odd"), True)]:
        with pytest.raises(type(error), match=str(error)):
            await insist(_Step([error]), (UnreachableError,), told.append, patient=patient)
    cancelled = asyncio.ensure_future(insist(asyncio.Event().wait, (UnreachableError,), told.append))
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert (told, pauses) == ([], [])
