"""The reader that carries the bot's token to its own homeserver, and nowhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from botkit.outbound import Answered, Failed, FailureKind, HomeserverReader, OutboundSettings
from tests.outbound.standins import CANARY, OK, Authority, Listeners, closed_port, says

TOKEN = "syt_very_secret"


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.fixture
async def reader(authority: Authority) -> AsyncIterator[Callable[[str], HomeserverReader]]:
    made: list[HomeserverReader] = []

    def make(base_url: str, **changes: Any) -> HomeserverReader:
        settings = OutboundSettings(ca_file=authority.ca_file, timeout=5.0, **changes)
        made.append(HomeserverReader(base_url, SecretStr(TOKEN), settings))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def test_the_token_travels_in_the_authorization_header_only(
    reader: Callable[[str], HomeserverReader],
    listeners: Listeners,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Loopback is fine for one's own homeserver, ca_file holds, and the token shows nowhere else."""
    caplog.set_level(logging.DEBUG)
    seen: list[bytes] = []
    port = await listeners.serve(says(OK, seen=seen), tls=authority.context("localhost"), host=CANARY)
    home = reader(f"https://localhost:{port}/")
    exchange = await home.get("/_matrix/client/versions?a=b", deadline=soon(20))
    assert isinstance(exchange, Answered)
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "GET /_matrix/client/versions?a=b HTTP/1.1"
    assert f"Authorization: Bearer {TOKEN}" in lines
    for text in (repr(home), repr(exchange), exchange.url, caplog.text):
        assert TOKEN not in text


async def test_plain_http_on_a_loopback_literal_works(
    reader: Callable[[str], HomeserverReader], listeners: Listeners
) -> None:
    """A homeserver behind no TLS on the same machine is an ordinary set-up."""
    port = await listeners.serve(says(OK), host=CANARY)
    exchange = await reader(f"http://{CANARY}:{port}").get("/", deadline=soon(20))
    assert isinstance(exchange, Answered)


async def test_a_redirect_is_never_followed(reader: Callable[[str], HomeserverReader], listeners: Listeners) -> None:
    """The token does not go where a redirect points."""
    seen: list[bytes] = []
    other = await listeners.serve(says(OK, seen=seen), host=CANARY)
    answer = f"HTTP/1.1 307 Elsewhere\r\nLocation: http://{CANARY}:{other}/\r\nContent-Length: 0\r\n\r\n"
    port = await listeners.serve(says(answer.encode()), host=CANARY)
    exchange = await reader(f"http://{CANARY}:{port}").get("/x", deadline=soon(20))
    assert isinstance(exchange, Answered)
    assert exchange.response.status == 307
    assert seen == []


@pytest.mark.parametrize("path", ["evil.test/", ".evil.test/", "@evil.test/", ":1@evil.test/", ""])
async def test_a_path_cannot_name_another_host(reader: Callable[[str], HomeserverReader], path: str) -> None:
    """What does not start with a slash would extend the host name."""
    with pytest.raises(ValueError, match="slash"):
        await reader("https://localhost").get(path, deadline=soon(20))


async def test_a_failure_does_not_show_the_token(
    reader: Callable[[str], HomeserverReader], caplog: pytest.LogCaptureFixture
) -> None:
    """An unreachable homeserver is an outcome without the token in it."""
    caplog.set_level(logging.DEBUG)
    exchange = await reader(f"http://{CANARY}:{closed_port(CANARY)}").get("/", deadline=soon(20))
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.CONNECT_REFUSED
    assert TOKEN not in repr(exchange) + caplog.text


async def test_a_post_carries_json_and_the_token(
    reader: Callable[[str], HomeserverReader], listeners: Listeners, authority: Authority
) -> None:
    """A body for one's own homeserver goes there once, with its content type, and no redirect is followed."""
    seen: list[bytes] = []
    moved = b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    port = await listeners.serve(says(moved, seen=seen), tls=authority.context("localhost"), host=CANARY)
    exchange = await reader(f"https://localhost:{port}").post("/_matrix/x", b"{}", deadline=soon(20))
    assert isinstance(exchange, Answered)
    assert exchange.response.status == 307
    assert len(seen) == 1
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "POST /_matrix/x HTTP/1.1"
    assert {f"Authorization: Bearer {TOKEN}", "Content-Type: application/json", "Content-Length: 2"} <= set(lines)
