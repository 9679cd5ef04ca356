"""TLS with strangers: certificates, alerts, old versions, silence, each told apart."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from botkit.outbound import Answered, Failed, FailureKind, OutboundClient, Phase
from botkit.outbound.attempt import CURRENT, Attempt
from botkit.outbound.tls import GROUPS, build_context
from lab.handshake import refuse
from tests.outbound.conftest import Fetch, kind, soon
from tests.outbound.standins import (
    INTERNET,
    OK,
    Authority,
    Listeners,
    NameTable,
    foreign_context,
    old_fashioned_context,
    says,
    silent,
)

NAME = "good.test"
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def named(names: NameTable) -> None:
    names.name(NAME, INTERNET)


@pytest.mark.parametrize(
    ("context", "expected", "words"),
    [
        (
            lambda ca: ca.context(NAME, not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=NOW - timedelta(days=3)),
            FailureKind.TLS_EXPIRED,
            f"certificate expired on {NOW - timedelta(days=3):%Y-%m-%d}",
        ),
        (
            lambda ca: ca.context(NAME, not_before=NOW + timedelta(days=3), not_after=datetime(2900, 1, 1, tzinfo=UTC)),
            FailureKind.TLS_NOT_YET_VALID,
            f"certificate is not valid before {NOW + timedelta(days=3):%Y-%m-%d}",
        ),
        (lambda ca: ca.self_signed(NAME), FailureKind.TLS_SELF_SIGNED, "certificate is self-signed"),
        (lambda ca: foreign_context(NAME), FailureKind.TLS_UNTRUSTED, "is unknown, or the chain is incomplete"),
        (
            lambda ca: ca.context("a.example", "b.example", "c.example", "d.example"),
            FailureKind.TLS_HOSTNAME,
            f"certificate is for `a.example`, `b.example`, `c.example` and 1 more, not for `{NAME}`",
        ),
    ],
)
async def test_a_bad_certificate_is_named_and_kept(
    fetch: Fetch,
    listeners: Listeners,
    authority: Authority,
    context: Callable[[Authority], ssl.SSLContext],
    expected: FailureKind,
    words: str,
) -> None:
    """Each way a certificate fails has its class, its words, and the certificate's facts."""
    port = await listeners.serve(silent, tls=context(authority))
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert kind(exchange) == (expected, Phase.TLS)
    assert isinstance(exchange, Failed)
    assert words in exchange.failure.detail
    assert exchange.connection.certificate is not None
    assert exchange.connection.certificate.not_after > exchange.connection.certificate.not_before
    assert exchange.connection.peer == INTERNET


async def test_an_address_that_the_certificate_does_not_name(
    fetch: Fetch, listeners: Listeners, authority: Authority
) -> None:
    """A literal is verified as an address, not as a name."""
    port = await listeners.serve(silent, tls=authority.context(NAME))
    assert kind(await fetch(f"https://{INTERNET}:{port}/"))[0] is FailureKind.TLS_HOSTNAME


async def test_without_ca_file_the_test_ca_is_untrusted(
    make_client: Callable[..., OutboundClient], listeners: Listeners, authority: Authority
) -> None:
    """ca_file is what makes a private CA trusted."""
    port = await listeners.serve(silent, tls=authority.context(NAME))
    exchange = await make_client(ca_file=None).fetch("GET", f"https://{NAME}:{port}/", deadline=soon(20))
    assert kind(exchange)[0] is FailureKind.TLS_UNTRUSTED


async def test_a_ca_made_by_hand_gets_the_same_verdict_on_every_python(
    make_client: Callable[..., OutboundClient], listeners: Listeners, tmp_path: Path
) -> None:
    """Python 3.13 rejects by default what browsers and earlier versions accept; a report must not depend on it."""
    ca_file = tmp_path / "old.pem"
    port = await listeners.serve(says(OK), tls=old_fashioned_context(NAME, ca_file))
    exchange = await make_client(ca_file=ca_file).fetch("GET", f"https://{NAME}:{port}/", deadline=soon(20))
    assert isinstance(exchange, Answered)


def test_the_first_handshake_step_proves_that_tcp_is_done(authority: Authority) -> None:
    """Whatever event loop opens the socket, a TLS hang is told from a TCP hang."""
    attempt = Attempt(lambda: 7.0, head_limit=1, wire_limit=1, connect_at=5.0)
    token = CURRENT.set(attempt)
    try:
        client = build_context(authority.ca_file, GROUPS[0]).wrap_bio(
            ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=NAME
        )
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
    finally:
        CURRENT.reset(token)
    assert attempt.phase is Phase.TLS
    assert attempt.facts().connect_ms == 2000


async def test_plain_http_on_the_port(fetch: Fetch, listeners: Listeners) -> None:
    """A port that speaks plain HTTP is no TLS."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    port = await listeners.serve(script)
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert kind(exchange) == (FailureKind.TLS_PROTOCOL, Phase.TLS)
    assert isinstance(exchange, Failed)
    assert "does not speak TLS" in exchange.failure.detail


async def test_a_tls_alert_is_named(fetch: Fetch, listeners: Listeners) -> None:
    """A server that wants other TLS than we offer says so in an alert."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x28")
        await writer.drain()
        await reader.read()

    port = await listeners.serve(script)
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert kind(exchange) == (FailureKind.TLS_PROTOCOL, Phase.TLS)
    assert isinstance(exchange, Failed)
    assert "HANDSHAKE_FAILURE" in exchange.failure.detail


@pytest.mark.parametrize("alert", [0x70, 0x50])
async def test_a_server_without_certificate_for_the_name_says_so(
    fetch: Fetch, listeners: Listeners, alert: int
) -> None:
    """unrecognized_name, and internal_error as Go's servers send it, before any certificate was shown."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x15\x03\x03\x00\x02\x02" + bytes([alert]))
        await writer.drain()
        await reader.read()

    exchange = await fetch(f"https://{NAME}:{await listeners.serve(script)}/")
    assert kind(exchange) == (FailureKind.TLS_NO_CERTIFICATE, Phase.TLS)
    assert isinstance(exchange, Failed)
    assert f"no certificate for `{NAME}`" in exchange.failure.detail


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("version", "words"),
    [(ssl.TLSVersion.TLSv1_3, "certificate_required"), (ssl.TLSVersion.TLSv1_2, "handshake_failure")],
)
async def test_a_demanded_client_certificate_is_named(
    fetch: Fetch, listeners: Listeners, authority: Authority, version: ssl.TLSVersion, words: str, method: str
) -> None:
    """TLS 1.2 refuses in the handshake, TLS 1.3 after it, when the request is already on its way."""
    context = authority.context(NAME)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await refuse(reader, writer, context)

    exchange = await fetch(f"https://{NAME}:{await listeners.serve(script)}/", method=method)
    assert kind(exchange) == (FailureKind.TLS_CLIENT_CERTIFICATE, Phase.TLS)
    assert isinstance(exchange, Failed)
    assert exchange.failure.detail.endswith(f"demands a client certificate (TLS alert {words})")
    assert exchange.connection.certificate is not None


async def test_tls_older_than_1_2_is_refused(fetch: Fetch, listeners: Listeners, authority: Authority) -> None:
    """TLS 1.1 is not spoken, whatever the other side offers."""
    context = authority.context(NAME)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    port = await listeners.serve(silent, tls=context)
    assert kind(await fetch(f"https://{NAME}:{port}/"))[0] in (FailureKind.TLS_PROTOCOL, FailureKind.TLS_RESET)


@pytest.mark.parametrize("linger", [True, False])
async def test_reset_or_close_during_tls(fetch: Fetch, listeners: Listeners, linger: bool) -> None:
    """A connection that ends in the middle of the handshake is told from one that never began."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        sock: socket.socket = writer.get_extra_info("socket")
        if linger:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    port = await listeners.serve(script)
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert kind(exchange) == (FailureKind.TLS_RESET, Phase.TLS)


async def test_tls_that_hangs_is_told_from_tcp_that_hangs(fetch: Fetch, listeners: Listeners) -> None:
    """TCP was accepted, TLS never answered: the phase is TLS."""
    port = await listeners.serve(silent)
    exchange = await fetch(f"https://{NAME}:{port}/", deadline=soon(0.5))
    assert kind(exchange) == (FailureKind.TLS_TIMEOUT, Phase.TLS)
    assert exchange.connection.connect_ms is not None
    assert exchange.connection.connect_ms < 400
    assert exchange.elapsed_ms < 5 * 500
