"""Nothing that a stranger writes leads to an address that the policy forbids."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from botkit.outbound import Answered, Endpoint, Failed, FailureKind, OutboundClient
from lab.loopback import BLOCK
from tests.outbound.conftest import Canary, Fetch
from tests.outbound.standins import CANARY, INTERNET, OK, Listeners, NameTable, says

REFUSALS = {
    FailureKind.PRIVATE_LITERAL,
    FailureKind.PRIVATE_NAME,
    FailureKind.URL_INVALID,
    FailureKind.DNS_NXDOMAIN,
    FailureKind.DNS_BADNAME,
}


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0.0.0.0",
        "127.0.0.1.",
        "127.1",
        "0",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "①②⑦.⓪.⓪.①",
        "１２７.０.０.１",
        "127。0。0。1",
        "127．0．0．1",
        "127.0.0.%31",
        "127.0.0.1\t",
        "127.0.0.1%00",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "localhost..",
        "foo.localhost",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[::1%25lo]",
        "good.test@127.0.0.1",
        "127.0.0.1\\@good.test",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_spelling_of_a_forbidden_address_is_fetched(
    fetch: Fetch, canary: Canary, names: NameTable, host: str, scheme: str
) -> None:
    """However the address is written, no connection is opened."""
    names.name("good.test", INTERNET)
    exchange = await fetch(f"{scheme}://{host}:{canary.port}/")
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind in REFUSALS
    assert canary.connections == []


@pytest.mark.parametrize(
    "addresses",
    [
        (CANARY,),
        ("0.0.0.0",),
        ("::1",),
        ("::",),
        ("::ffff:127.0.0.1",),
        ("::127.0.0.1",),
        ("64:ff9b::7f00:1",),
        ("2002:7f00:1::1",),
        ("fe80::1",),
        (INTERNET, CANARY),
        (INTERNET, "::1"),
    ],
)
async def test_no_name_leads_there(fetch: Fetch, canary: Canary, names: NameTable, addresses: tuple[str, ...]) -> None:
    """A name is refused when any of its addresses is forbidden."""
    names.name("evil.test", *addresses)
    exchange = await fetch(f"http://evil.test:{canary.port}/")
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.PRIVATE_NAME
    assert canary.connections == []


async def test_an_alias_into_forbidden_ground_is_refused(fetch: Fetch, canary: Canary, names: NameTable) -> None:
    """A CNAME to localhost is judged by where it ends."""
    names.table[("evil.test.", "CNAME")] = ["inner.test."]
    names.name("inner.test", CANARY)
    exchange = await fetch(f"http://evil.test:{canary.port}/")
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.PRIVATE_NAME
    assert canary.connections == []


async def test_rebinding_finds_no_window(
    client: OutboundClient, listeners: Listeners, names: NameTable, canary: Canary
) -> None:
    """What was judged is what is connected to: a second answer from DNS is never asked for."""
    port = await listeners.serve(says(OK))
    names.name("rebind.test", INTERNET)
    resolution = await client.resolve("rebind.test", port, deadline=soon(20))
    names.name("rebind.test", CANARY)
    asked = len(names.asked)
    exchange = await client.fetch("GET", f"http://rebind.test:{port}/", deadline=soon(20), resolution=resolution)
    assert isinstance(exchange, Answered)
    assert exchange.connection.peer == INTERNET
    assert len(names.asked) == asked
    assert canary.connections == []


async def test_the_socket_has_the_last_word(client: OutboundClient, canary: Canary, names: NameTable) -> None:
    """Even a resolution that was tampered with leads nowhere."""
    names.name("evil.test", INTERNET)
    resolution = await client.resolve("evil.test", canary.port, deadline=soon(20))
    forged = replace(resolution, endpoints=(Endpoint(CANARY, canary.port),))
    exchange = await client.fetch("GET", f"http://evil.test:{canary.port}/", deadline=soon(20), resolution=forged)
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.PRIVATE_NAME
    assert "an address, which is refused: loopback" in exchange.failure.detail
    assert canary.connections == []


async def test_a_resolution_of_another_host_is_not_used(
    client: OutboundClient, listeners: Listeners, names: NameTable
) -> None:
    """A resolution counts for its own host and port only."""
    names.name("one.test", f"{BLOCK}.9")
    names.name("two.test", INTERNET)
    port = await listeners.serve(says(OK))
    resolution = await client.resolve("one.test", port, deadline=soon(20))
    exchange = await client.fetch("GET", f"http://two.test:{port}/", deadline=soon(20), resolution=resolution)
    assert exchange.connection.peer == INTERNET


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
async def test_no_proxy_of_the_environment_is_used(
    make_client: Callable[..., OutboundClient],
    listeners: Listeners,
    canary: Canary,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """A proxy would open the connection where no policy sees it."""
    monkeypatch.setenv(variable, f"http://{CANARY}:{canary.port}")
    port = await listeners.serve(says(OK))
    exchange = await make_client().fetch("GET", f"http://{INTERNET}:{port}/", deadline=soon(20))
    assert isinstance(exchange, Answered)
    assert canary.connections == []
