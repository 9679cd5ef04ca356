"""The public internet of a trial: one TLS server for every public name, and a name server that changes its mind."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID
from dnslib import AAAA, QTYPE, RCODE, RR, DNSRecord

from lab.authority import Authority
from lab.exchange import Answer, nginx_page, read_request
from lab.front import Site
from tests.policy.plot import DOMAIN

LATE = 0.3
"""Seconds by which a late answer is late."""


class Internet:
    """
    Public servers at one address.

    Attributes:
        sites: what is served, by host.
        crafted: hosts whose certificate has links to a forbidden address in it.
        greeted: TLS handshakes begun, by the name that was asked for.
    """

    def __init__(self, authority: Authority, lure: str, directory: Path) -> None:
        """Keep certificates in a directory; ``lure`` is the link in the crafted one."""
        self.sites: dict[str, Site] = {}
        self.crafted: set[str] = set()
        self.greeted: Counter[str] = Counter()
        self._context = authority.issue(f"*.{DOMAIN}").context()
        self._crafted = crafted_context(f"*.{DOMAIN}", lure, directory / "crafted.pem")
        self._context.sni_callback = self._greet
        self._servers: list[asyncio.Server] = []

    async def open(self, address: str, *ports: int) -> None:
        """Listen."""
        for port in ports:
            server = await asyncio.start_server(self._connected, address, port, ssl=self._context, backlog=512)
            self._servers.append(server)

    async def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.close()

    def _greet(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        self.greeted[name or ""] += 1
        if name in self.crafted:
            connection.context = self._crafted

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await read_request(reader)
            if request is not None:
                site = self.sites.get(request.host.partition(":")[0])
                answer = nginx_page(404) if site is None else await site.answer(request)
                assert isinstance(answer, Answer)
                writer.write(answer.encode(head_only=request.method == "HEAD"))
                await writer.drain()
        except OSError:
            pass  # the client has gone, as clients do
        finally:
            writer.transport.abort()


class Names(asyncio.DatagramProtocol):
    """
    A name server. Names below the trial's domain are public unless the zone says otherwise.

    An answer is a list such as ``A 10.0.0.1; CNAME x; x A 10.0.0.2``; ``EXTRA`` before a record puts it among the
    additional ones, ``LATE`` delays the answer that it is in.

    Attributes:
        zone: names to successive answers.
        asked: how many questions came.
    """

    def __init__(self, public: str) -> None:
        """Names are public at this address."""
        self.zone: dict[str, tuple[str, ...]] = {}
        self.asked = 0
        self._public = public
        self._turns: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.DatagramProtocol`."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """See `asyncio.DatagramProtocol`."""
        self.asked += 1
        request = DNSRecord.parse(data)
        name, kind = str(request.q.qname).lower(), QTYPE[request.q.qtype]
        answers = self._answers(name.removesuffix("."))
        reply = request.reply()
        late = False
        if not answers:
            reply.header.rcode = RCODE.NXDOMAIN
        else:
            turn = self._turn(name, kind, request.header.id)
            late = self._fill(reply, name, kind, answers[min(turn, len(answers) - 1)])
        loop = asyncio.get_running_loop()
        loop.call_later(LATE if late else 0, self._send, reply.pack(), addr)

    def _turn(self, name: str, kind: str, number: int) -> int:
        """How many other questions for this were asked before; one that is sent again has its number again."""
        earlier = self._turns[(name, kind)]
        if number not in earlier:
            earlier.append(number)
        return earlier.index(number)

    def _answers(self, name: str) -> tuple[str, ...]:
        return self.zone.get(name) or ((f"A {self._public}",) if name.endswith(f".{DOMAIN}") else ())

    def _fill(self, reply: DNSRecord, name: str, kind: str, answer: str) -> bool:
        late = False
        for text in answer.split("; "):
            words = text.split()
            mark = words.pop(0) if words[0] in ("EXTRA", "LATE") else ""
            owner = name if words[0] in QTYPE.reverse else f"{words.pop(0)}."
            record = _record(owner, words[0], " ".join(words[1:]))
            if mark == "EXTRA":
                reply.add_ar(record)
            elif words[0] in (kind, "CNAME"):
                reply.add_answer(record)
                late = late or mark == "LATE"
        return late

    def _send(self, data: bytes, addr: Any) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, addr)


def _record(owner: str, kind: str, value: str) -> RR:
    if kind == "AAAA":
        return RR(owner, QTYPE.AAAA, rdata=AAAA(tuple(ip_address(value).packed)), ttl=0)
    (record,) = RR.fromZone(f"{owner} 0 IN {kind} {value}{'.' if kind == 'CNAME' else ''}")
    return record


def crafted_context(name: str, lure: str, path: Path) -> ssl.SSLContext:
    """A server context with a certificate whose issuer, status and revocation list are said to be at ``lure``."""
    key = ec.generate_private_key(ec.SECP256R1())
    links = [x509.UniformResourceIdentifier(lure)]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "crafted")])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an issuer that has to be fetched")])
    access = (AuthorityInformationAccessOID.CA_ISSUERS, AuthorityInformationAccessOID.OCSP)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(
            x509.AuthorityInformationAccess([x509.AccessDescription(oid, links[0]) for oid in access]), False
        )
        .add_extension(x509.CRLDistributionPoints([x509.DistributionPoint(links, None, None, None)]), False)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    path.touch(mode=0o600)
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
