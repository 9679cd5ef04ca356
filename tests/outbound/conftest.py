"""A small internet on a block of loopback, and forbidden ground on 127.0.0.1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import trustme

from botkit.outbound import Exchange, Failed, FailureKind, OutboundClient, OutboundSettings, Phase
from lab.loopback import BLOCK
from tests.outbound.standins import CANARY, OK, Authority, Listeners, NameTable, says

Fetch = Callable[..., Awaitable[Exchange]]


def soon(seconds: float) -> float:
    """Loop time, so many seconds from now."""
    return asyncio.get_running_loop().time() + seconds


def kind(exchange: Exchange) -> tuple[FailureKind, Phase]:
    """What failed, and where; the detail is one short line."""
    assert isinstance(exchange, Failed)
    assert exchange.failure.detail.isprintable()
    assert len(exchange.failure.detail) <= 200
    return exchange.failure.kind, exchange.failure.phase


@dataclass
class Canary:
    """A listener on forbidden ground; ``requests`` must stay empty."""

    port: int
    connections: list[bytes]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    folder = tmp_path_factory.mktemp("authority")
    ca_file = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    return Authority(ca, ca_file, folder)


@pytest.fixture
async def listeners() -> AsyncIterator[Listeners]:
    listeners = Listeners()
    yield listeners
    await listeners.close()


@pytest.fixture
async def names() -> AsyncIterator[NameTable]:
    loop = asyncio.get_running_loop()
    transport, table = await loop.create_datagram_endpoint(NameTable, local_addr=("127.0.0.1", 0))
    yield table
    transport.close()
    await asyncio.sleep(0)


@pytest.fixture
async def canary(listeners: Listeners) -> Canary:
    connections: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(b"")
        await says(OK, seen=connections)(reader, writer)

    return Canary(await listeners.serve(script, host=CANARY), connections)


@pytest.fixture
def settings(authority: Authority, names: NameTable) -> dict[str, Any]:
    """What every client of these tests is made with; a test may change it before it asks for ``client``."""
    assert names.transport is not None
    host, port = names.transport.get_extra_info("sockname")
    return {
        "timeout": 5.0,
        "max_body": 65536,
        "nameservers": (f"{host}:{port}",),
        "allow_private": (f"{BLOCK}.0/24",),
        "ca_file": authority.ca_file,
    }


@pytest.fixture
async def make_client(settings: dict[str, Any]) -> AsyncIterator[Callable[..., OutboundClient]]:
    made: list[OutboundClient] = []

    def make(**changes: Any) -> OutboundClient:
        client = OutboundClient(OutboundSettings(**{**settings, **changes}))
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def client(make_client: Callable[..., OutboundClient]) -> OutboundClient:
    return make_client()


@pytest.fixture
def fetch(client: OutboundClient) -> Fetch:
    """GET with a deadline far away."""

    async def get(url: str, **arguments: Any) -> Exchange:
        deadline = asyncio.get_running_loop().time() + 20
        return await client.fetch(arguments.pop("method", "GET"), url, **{"deadline": deadline, **arguments})

    return get
