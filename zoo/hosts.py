"""Hosts that are odd before HTTP: handshakes and certificates."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from lab.authority import Authority, Flaw
from lab.exchange import Performance
from lab.loopback import BLOCK
from zoo import ders
from zoo.stage import drips, holds, pours, resets, says
from zoo.wire import Good, sized

ADDRESS = f"{BLOCK}.253"


@dataclass(frozen=True, slots=True)
class Host:
    """
    A whole host that answers every request alike.

    Attributes:
        script: what is played on each connection; within TLS if there is a context.
        context: makes the TLS context for a host name; None is a host that plays on the bare connection.
        after: the request is read before the script starts.
    """

    script: Callable[[Good], Performance]
    context: Callable[[Authority, str], ssl.SSLContext] | None = None
    after_request: bool = True

    async def open(self, authority: Authority, name: str, good: Good) -> OpenHost:
        """Listen at ``ADDRESS``, at a port of the kernel's choice."""
        host = OpenHost(self.script(good), self.context is not None, self.after_request)
        await host.listen(self.context(authority, name) if self.context else None)
        return host


class OpenHost:
    """A listening `Host`."""

    def __init__(self, performance: Performance, encrypted: bool, after_request: bool) -> None:
        self._performance = performance
        self._request_ends = b"\r\n\r\n" if encrypted else b"\x16"
        self._after_request = after_request
        self._connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    async def listen(self, context: ssl.SSLContext | None) -> None:
        """Start."""
        self._server = await asyncio.start_server(self._connected, ADDRESS, 0, ssl=context)

    @property
    def endpoint(self) -> str:
        """``address:port``."""
        assert self._server is not None
        address, port = self._server.sockets[0].getsockname()[:2]
        return f"{address}:{port}"

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*(task for task in self._connections if task is not None))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._connections[task] = writer
        try:
            if self._after_request:
                await reader.readuntil(self._request_ends)
            await self._performance.play(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            return  # the client has gone, which is what most of these hosts are there for
        finally:
            writer.transport.abort()
            del self._connections[task]


def _right(good: Good) -> Performance:
    return says(sized(good))


def _plain(authority: Authority, name: str) -> ssl.SSLContext:
    return authority.issue(name).context()


def _flawed(flaw: Flaw) -> Host:
    return Host(_right, lambda authority, name: authority.issue(name, flaw=flaw).context())


def _asks_for_certificate(authority: Authority, name: str) -> ssl.SSLContext:
    context = _plain(authority, name)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    return context


def _of_two_thousand_names(authority: Authority, name: str) -> ssl.SSLContext:
    return authority.issue(name, *(f"host-{number}.zoo.test" for number in range(2000))).context()


def _until_the_next_millennium(authority: Authority, name: str) -> ssl.SSLContext:
    return authority.issue(name, days=360_000).context()


def _of_a_wildcard_above(authority: Authority, name: str) -> ssl.SSLContext:
    return authority.issue("*." + name.partition(".")[2].partition(".")[2]).context()


def _endless_chain(authority: Authority, name: str) -> ssl.SSLContext:
    return _with_more(authority, name, 62, authority.ca_file.read_text() * 400)


def _many_certificates(authority: Authority, name: str) -> ssl.SSLContext:
    chain = (ders.certificate(str(number), str(number + 1)) for number in range(200))
    return _with_more(authority, name, 63, "".join(ssl.DER_cert_to_PEM_cert(one) for one in chain))


def _costly_certificates(authority: Authority, name: str) -> ssl.SSLContext:
    costly = ders.certificate("a", "b", ders.costly_key())
    return _with_more(authority, name, 64, ssl.DER_cert_to_PEM_cert(costly) * 8)


def _with_more(authority: Authority, name: str, days: int, more: str) -> ssl.SSLContext:
    """A right certificate, and others sent along."""
    leaf = authority.issue(name, days=days)
    chain = leaf.certificate_file.with_suffix(".chain.pem")
    chain.write_text(leaf.certificate_file.read_text() + more)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, leaf.key_file)
    return context


def _weak_key(authority: Authority, name: str) -> ssl.SSLContext:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # weak on purpose
    return _loaded(authority, name, key, x509.DNSName(name), "weak")


def _nameless(authority: Authority, name: str) -> ssl.SSLContext:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _loaded(authority, name, key, x509.RFC822Name("zoo@zoo.test"), "nameless")


def _loaded(
    authority: Authority, name: str, key: rsa.RSAPrivateKey, alternative: x509.GeneralName, stem: str
) -> ssl.SSLContext:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "zoo")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=61))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    )
    path = Path(authority.ca_file).with_name(f"{stem}-{name}.pem")
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.touch(mode=0o600)
    path.write_bytes(private + authority.sign(builder).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(path)
    return context


def _junk_below_tls(_: Good) -> Performance:
    """Bytes on the bare connection once both sides think it is encrypted."""

    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        os.write(writer.get_extra_info("socket").fileno(), b"HTTP/1.1 200 OK\r\n\r\n{}")
        await asyncio.sleep(0.2)

    return Performance(play)


def _bare(performance: Performance) -> Host:
    return Host(lambda _: performance)


# TLS records (RFC 8446, section 5.1): type, version, length, content.
_ALERT = bytes.fromhex("15 0303 0002")
_CHANGE_CIPHER = bytes.fromhex("14 0303 0001 01")

UNFRIENDLY: dict[str, Host] = {
    "reset-after-connect": Host(lambda _: resets(b""), after_request=False),
    "closed-after-connect": _bare(says(b"")),
    "http-without-tls": _bare(says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
    "tls-expired": _flawed(Flaw.EXPIRED),
    "tls-not-yet-valid": _flawed(Flaw.NOT_YET_VALID),
    "tls-self-signed": _flawed(Flaw.SELF_SIGNED),
    "tls-untrusted": _flawed(Flaw.UNTRUSTED),
    "tls-wrong-name": _flawed(Flaw.WRONG_NAME),
    "tls-handshake-failure": _bare(says(_ALERT + bytes.fromhex("02 28"))),
    "tls-internal-error": _bare(says(_ALERT + bytes.fromhex("02 50"))),
    "tls-record-too-long": _bare(says(bytes.fromhex("16 0303 ffff") + b"\0" * 65_535)),
    "tls-endless-warnings": _bare(pours(b"", (_ALERT + bytes.fromhex("01 5a")) * 100)),
    "tls-endless-cipher-changes": _bare(pours(b"", _CHANGE_CIPHER * 100)),
    "tls-endless-junk": _bare(pours(b"", b"\xff" * 65_536)),
    "tls-asks-for-a-certificate": Host(_right, _asks_for_certificate),
    "tls-endless-chain": Host(_right, _endless_chain),
    "tls-many-certificates": Host(_right, _many_certificates),
    "tls-costly-certificates": Host(_right, _costly_certificates),
    "tls-weak-key": Host(_right, _weak_key),
    "tls-nameless": Host(_right, _nameless),
    "tls-wildcard-one-level-above": Host(_right, _of_a_wildcard_above),
    "tls-closed-after-the-handshake": Host(lambda _: says(b""), _plain, after_request=False),
    "tls-junk-after-the-handshake": Host(_junk_below_tls, _plain),
    "tls-reset-during-the-handshake": _bare(resets(bytes.fromhex("16 0303 0100"))),
}
"""Hosts with which no request gets through."""

TARDY: dict[str, Host] = {
    "never-speaks-tls": _bare(holds(b"")),
    "tls-silence-in-the-handshake": _bare(holds(bytes.fromhex("16 0303 0100 02"))),
    "tls-dripping-handshake": _bare(drips(bytes.fromhex("16 0303 4000 02 003ffc"), b"\0")),
}
"""Hosts whose handshake never ends."""

ODD: dict[str, Host] = {
    "tls-two-thousand-names": Host(_right, _of_two_thousand_names),
    "tls-until-the-next-millennium": Host(_right, _until_the_next_millennium),
}
"""Strange, but nothing is wrong with them."""
