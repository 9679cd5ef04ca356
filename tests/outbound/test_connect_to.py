"""connect_to: another address for a name, before its DNS says so."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import pytest

from botkit.outbound import Answered, Failed, FailureKind, OutboundClient
from tests.outbound.conftest import Canary
from tests.outbound.standins import CANARY, INTERNET, OK, Authority, Listeners, NameTable, closed_port, says


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def noting(context: ssl.SSLContext, asked: list[str | None]) -> ssl.SSLContext:
    context.sni_callback = lambda sock, name, context: asked.append(name)
    return context


async def test_the_name_is_kept_for_sni_host_and_certificate(
    make_client: Callable[..., OutboundClient], listeners: Listeners, authority: Authority, names: NameTable
) -> None:
    """Only the address changes; DNS is not asked."""
    seen: list[bytes] = []
    asked: list[str | None] = []
    port = await listeners.serve(says(OK, seen=seen), tls=noting(authority.context("moved.test"), asked))
    client = make_client(connect_to={"Moved.test:443": (f"{INTERNET}:{port}",)})
    exchange = await client.fetch("GET", "https://moved.test/x", deadline=soon(20))
    assert isinstance(exchange, Answered)
    assert asked == ["moved.test"]
    assert b"Host: moved.test\r\n" in seen[0]
    assert names.asked == []
    assert exchange.connection.addresses == (INTERNET,)
    resolution = await client.resolve("moved.test", 443, deadline=soon(20))
    assert [str(endpoint) for endpoint in resolution.endpoints] == [f"{INTERNET}:{port}"]


async def test_an_ip_literal_can_be_sent_elsewhere(
    make_client: Callable[..., OutboundClient], listeners: Listeners, authority: Authority
) -> None:
    """A literal in the URL stays in Host and certificate while another address is talked to."""
    seen: list[bytes] = []
    for literal, key in (("203.0.113.7", "203.0.113.7"), ("2001:db8::7", "[2001:db8::7]")):
        port = await listeners.serve(says(OK, seen=seen), tls=authority.context(literal))
        client = make_client(connect_to={f"{key}:8448": (f"{INTERNET}:{port}",)})
        exchange = await client.fetch("GET", f"https://{key}:8448/", deadline=soon(20))
        assert isinstance(exchange, Answered)
        assert f"Host: {key}:8448\r\n".encode() in seen[-1]


async def test_an_address_without_port_keeps_the_port(
    make_client: Callable[..., OutboundClient], listeners: Listeners
) -> None:
    """An entry may give an address only."""
    port = await listeners.serve(says(OK))
    client = make_client(connect_to={f"moved.test:{port}": (INTERNET,)})
    exchange = await client.fetch("GET", f"http://moved.test:{port}/", deadline=soon(20))
    assert isinstance(exchange, Answered)


async def test_each_address_of_a_list_is_tried(
    make_client: Callable[..., OutboundClient], listeners: Listeners
) -> None:
    """Several addresses, each with its port, behave like several in DNS."""
    port = await listeners.serve(says(OK))
    client = make_client(connect_to={"moved.test:80": (f"{INTERNET}:{closed_port()}", f"{INTERNET}:{port}")})
    exchange = await client.fetch("GET", "http://moved.test/", deadline=soon(20))
    assert isinstance(exchange, Answered)


async def test_other_ports_of_the_name_still_use_dns(
    make_client: Callable[..., OutboundClient], names: NameTable
) -> None:
    """The key is host and port."""
    client = make_client(connect_to={"moved.test:443": (INTERNET,)})
    resolution = await client.resolve("moved.test", 8448, deadline=soon(20))
    assert resolution.failure is not None
    assert resolution.failure.kind is FailureKind.DNS_NXDOMAIN
    assert names.asked != []


@pytest.mark.parametrize("host", ["moved.test", "8.8.8.8"])
async def test_the_address_policy_still_holds(
    make_client: Callable[..., OutboundClient], canary: Canary, host: str
) -> None:
    """A private target needs allow_private, whoever wrote it."""
    client = make_client(connect_to={f"{host}:80": (f"{CANARY}:{canary.port}",)})
    exchange = await client.fetch("GET", f"http://{host}/", deadline=soon(20))
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.PRIVATE_NAME
    assert canary.connections == []
