"""SRV records: where DNS says that a service runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from dnslib import QTYPE, RCODE, RR, SRV, DNSRecord

from botkit.outbound import OutboundClient, SrvRecord

NAME = "_matrix-fed._tcp.example.org"


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


class Records(asyncio.DatagramProtocol):
    """A stand-in for a name server that answers every question alike: records, a response code, or silence."""

    def __init__(self, answer: list[SRV] | int | None) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._answer is None:
            return
        request = DNSRecord.parse(data)
        reply = request.reply()
        if isinstance(self._answer, int):
            reply.header.rcode = self._answer
        else:
            for record in self._answer:
                reply.add_answer(RR(request.q.qname, QTYPE.SRV, rdata=record, ttl=0))
        self._transport.sendto(reply.pack(), addr)


@pytest.mark.parametrize(
    ("answer", "services"),
    [
        (
            [SRV(20, 1, 8448, "b.test."), SRV(10, 1, 443, "a.test.")],
            (SrvRecord("a.test", 443), SrvRecord("b.test", 8448)),
        ),
        (
            [SRV(10, 1, 1, "light.test."), SRV(10, 9, 9, "heavy.test.")],
            (SrvRecord("heavy.test", 9), SrvRecord("light.test", 1)),
        ),
        ([SRV(0, 0, 0, ".")], ()),
        ([], ()),
        (RCODE.NXDOMAIN, ()),
        (RCODE.SERVFAIL, None),
        (None, None),
    ],
    ids=["by-priority", "by-weight", "not-offered", "no-record", "no-name", "broken", "silent"],
)
async def test_services(
    make_client: Callable[..., OutboundClient], answer: list[SRV] | int | None, services: tuple[SrvRecord, ...] | None
) -> None:
    """The most preferred first; nothing is told apart from not knowing."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Records(answer), local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    client = make_client(nameservers=(f"{host}:{port}",), timeout=1.0)
    assert await client.services(NAME, deadline=soon(20)) == services
    transport.close()


async def test_many_records_are_bounded(make_client: Callable[..., OutboundClient]) -> None:
    """Nobody makes the bot try hundreds of hosts."""
    loop = asyncio.get_running_loop()
    records = [SRV(place, 1, 443, f"h{place}.t.") for place in range(20)]
    transport, _ = await loop.create_datagram_endpoint(lambda: Records(records), local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    services = await make_client(nameservers=(f"{host}:{port}",)).services(NAME, deadline=soon(20))
    assert services is not None
    assert len(services) == 8
    transport.close()
