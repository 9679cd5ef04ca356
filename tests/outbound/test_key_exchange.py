"""What a handshake offers, so that no server decides how much it costs here."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from botkit.outbound import Answered, Failed, FailureKind, Phase
from botkit.outbound.tls import GROUPS, build_context
from tests.outbound.conftest import Fetch
from tests.outbound.standins import INTERNET, OK, Authority, NameTable

NAME = "good.test"
SUPPORTED_GROUPS = 10
TLS_1_3 = {0x1301, 0x1302, 0x1303}
TLS_1_3_NAMES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
ELLIPTIC = {"prime256v1": 0x17, "X25519": 0x1D, "secp384r1": 0x18}


@pytest.fixture(autouse=True)
def named(names: NameTable) -> None:
    names.name(NAME, INTERNET)


def _client_hello(context: ssl.SSLContext) -> bytes:
    """The body of the ClientHello (RFC 8446, section 4.1.2), without record and handshake headers."""
    written = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), written, server_hostname=NAME).do_handshake()
    return written.read()[9:]


def _pairs(data: bytes) -> list[int]:
    return [int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2)]


def _offered(hello: bytes) -> tuple[list[int], list[int]]:
    """Cipher suites and groups."""
    at = 2 + 32
    at += 1 + hello[at]
    length = int.from_bytes(hello[at : at + 2], "big")
    suites = _pairs(hello[at + 2 : at + 2 + length])
    at += 2 + length
    at += 1 + hello[at] + 2
    for kind, body in _extensions(hello[at:]):
        if kind == SUPPORTED_GROUPS:
            return suites, _pairs(body[2:])
    raise AssertionError("no groups are offered")


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        kind, length = _pairs(data[:4])
        yield kind, data[4 : 4 + length]
        data = data[4 + length :]


def _names(context: ssl.SSLContext) -> dict[int, str]:
    return {cipher["id"] & 0xFFFF: cipher["name"] for cipher in context.get_ciphers()}


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_with_finite_fields_is_offered(group: str | None) -> None:
    """One group of an elliptic curve, or no TLS 1.3, and suites that use it; no renegotiation."""
    context = build_context(None, group)
    suites, groups = _offered(_client_hello(context))
    assert groups == [ELLIPTIC[group]] if group else not {*suites} & TLS_1_3
    known = _names(context)
    assert {known[suite].partition("-")[0] for suite in suites if suite in known} <= {*TLS_1_3_NAMES, "ECDHE"}
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_the_reading_of_a_hello_sees_finite_fields() -> None:
    """A context as the library builds it offers them, so the test above can fail."""
    context = ssl.create_default_context()
    suites, groups = _offered(_client_hello(context))
    assert set(groups) & set(range(0x100, 0x105))
    assert any(_names(context).get(suite, "").startswith("DHE-") for suite in suites)


@contextmanager
def _serving(context: ssl.SSLContext) -> Iterator[int]:
    """The port of a server that sends alerts, which those of asyncio swallow."""
    listener = socket.create_server((INTERNET, 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as encrypted:
                        encrypted.recv(65536)
                        encrypted.sendall(OK)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("group", ELLIPTIC)
async def test_a_server_that_has_one_of_the_groups_is_reached(
    fetch: Fetch, authority: Authority, group: str, version: ssl.TLSVersion
) -> None:
    """Whichever it is; what was refused before leaves no trace in the facts."""
    context = authority.context(NAME)
    context.minimum_version = context.maximum_version = version
    context.set_ecdh_curve(group)
    with _serving(context) as port:
        exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Answered)
    assert exchange.response.body == b"hi"
    assert exchange.connection.phase is Phase.HTTP


async def test_a_server_with_finite_fields_alone_is_not_served(fetch: Fetch, authority: Authority) -> None:
    """As in browsers; the handshake costs nothing but its refusals."""
    context = authority.context(NAME)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256")
    with _serving(context) as port:
        exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Failed)
    assert (exchange.failure.phase, exchange.failure.kind) == (Phase.TLS, FailureKind.TLS_PROTOCOL)


async def test_without_a_pipe_for_the_next_group_nothing_is_known(
    fetch: Fetch, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's own shortage is no fault of the server's, and passes."""
    context = authority.context(NAME)
    context.set_ecdh_curve("X25519")

    def no_more() -> tuple[int, int]:
        raise OSError(errno.EMFILE, "Too many open files")

    with _serving(context) as port:
        with monkeypatch.context() as short:
            short.setattr(os, "pipe", no_more)
            exchange = await fetch(f"https://{NAME}:{port}/")
        later = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.LOCAL_FAULT
    assert "EMFILE" in exchange.failure.detail
    assert isinstance(later, Answered)


def test_a_shortage_leaves_no_context_without_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every certificate would be untrusted from then on."""

    def no_more(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", no_more)
    with pytest.raises(OSError, match="Too many open files"):
        build_context(None, GROUPS[0])


def test_what_the_system_trusts_is_in_memory(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL would look into the directory again for each unknown issuer; only the names that it looks for count."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    files = [tmp_path / name for name in ("0badcafe.0", "0badcafe.1", "README")]
    for path in files:
        path.write_bytes(b"no certificate" if path.suffix == ".1" else authority.ca_file.read_bytes())
    trusted = build_context(None, GROUPS[0])
    files[0].unlink()
    untrusted = build_context(None, GROUPS[0])
    assert len(trusted.get_ca_certs()) == 1
    assert untrusted.get_ca_certs() == []
