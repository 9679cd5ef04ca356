"""Stand-ins for the world outside: listeners with a script, a name server with a table, certificates."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, SRV, A, DNSRecord

from lab.loopback import BLOCK, reserved_port

INTERNET = f"{BLOCK}.1"
CANARY = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listeners:
    """TCP listeners on loopback that play a script for every connection, TLS or not."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    async def serve(self, script: Script, *, tls: ssl.SSLContext | None = None, host: str = INTERNET) -> int:
        """Start one; returns its port."""

        async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await script(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                self._tasks.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(play, host, 0, ssl=tls)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop all and end their connections."""
        for server in self._servers:
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


def says(answer: bytes, *, seen: list[bytes] | None = None) -> Script:
    """A script: read a request's header, answer with these bytes, close."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return script


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A script: take everything, say nothing."""
    while await reader.read(4096):
        pass
    await asyncio.Event().wait()


@dataclass
class NameTable(asyncio.DatagramProtocol):
    """
    A name server that answers from a table, over UDP.

    Attributes:
        table: (name with final dot, "A", "AAAA", "CNAME" or "SRV") to addresses ("host port" for SRV), a response code,
            or None for silence.
        asked: every question, in order.
    """

    table: dict[tuple[str, str], list[str] | int | None] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        request = DNSRecord.parse(data)
        name, kind = str(request.q.qname).lower(), QTYPE[request.q.qtype]
        self.asked.append((name, kind))
        reply = request.reply()
        alias = self.table.get((name, "CNAME"))
        if isinstance(alias, list):
            reply.add_answer(RR(request.q.qname, QTYPE.CNAME, rdata=CNAME(alias[0]), ttl=0))
            name = alias[0]
        answer = self.table.get((name, kind), RCODE.NXDOMAIN if not self._known(name) else [])
        if answer is None:
            return
        if isinstance(answer, int):
            reply.header.rcode = answer
        else:
            for address in answer:
                reply.add_answer(_record(name, kind, address))
        assert self.transport is not None
        self.transport.sendto(reply.pack(), addr)

    def name(self, name: str, *addresses: str) -> None:
        """Let a name stand for these addresses, of either family."""
        self.table[(f"{name}.", "A")] = [a for a in addresses if ":" not in a]
        self.table[(f"{name}.", "AAAA")] = [a for a in addresses if ":" in a]

    def _known(self, name: str) -> bool:
        return any(known == name for known, _ in self.table)


def _record(name: str, kind: str, value: str) -> RR:
    if kind == "SRV":
        host, port = value.split()
        return RR(name, QTYPE.SRV, rdata=SRV(10, 1, int(port), host), ttl=0)
    record, number = (AAAA, QTYPE.AAAA) if kind == "AAAA" else (A, QTYPE.A)
    return RR(name, number, rdata=record(tuple(ip_address(value).packed)), ttl=0)


@dataclass(frozen=True)
class Authority:
    """A test CA, and contexts for servers with good and with bad certificates."""

    ca: trustme.CA
    ca_file: Path
    folder: Path

    def context(self, *names: str, **validity: datetime) -> ssl.SSLContext:
        """A server context with a certificate of the trusted CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, **validity).configure_cert(context)
        return context

    def self_signed(self, name: str) -> ssl.SSLContext:
        """A server context with a certificate that signed itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        path = self.folder / "self-signed.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def old_fashioned_context(name: str, ca_file: Path) -> ssl.SSLContext:
    """A server context below a CA without key identifiers, as made by hand for years; its CA goes to ``ca_file``."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("Old CA", name)]
    now = datetime.now(UTC)
    certificates = []
    for key, subject, extension in (
        (keys[0], names[0], x509.BasicConstraints(ca=True, path_length=None)),
        (keys[1], names[1], x509.SubjectAlternativeName([x509.DNSName(name)])),
    ):
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(names[0]).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        builder = builder.not_valid_after(now + timedelta(days=1)).add_extension(extension, critical=False)
        certificates.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    ca_file.write_bytes(certificates[0])
    path = ca_file.with_suffix(".leaf.pem")
    private = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificates[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def foreign_context(name: str) -> ssl.SSLContext:
    """A server context with a certificate of a CA that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(name).configure_cert(context)
    return context


class BlackHole:
    """A port on loopback that answers no SYN: a listener whose queue is full."""

    def __init__(self, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._sockets = [socket.socket(family)]
        self._sockets[0].bind((host, 0))
        self._sockets[0].listen(0)
        self.port: int = self._sockets[0].getsockname()[1]
        for _ in range(3):
            filler = socket.socket(family)
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((host, self.port))
            self._sockets.append(filler)

    def close(self) -> None:
        """Free the port."""
        for one in self._sockets:
            one.close()


def closed_port(host: str = INTERNET) -> int:
    """A port on which nothing listens."""
    return reserved_port(host)
