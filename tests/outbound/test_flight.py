"""Certificates that cost CPU time are refused before OpenSSL decodes them; those of honest servers are not."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound import Answered, Failed, FailureKind, Phase
from botkit.outbound.attempt import Attempt
from botkit.outbound.flight import LONGEST_MESSAGE, MOST_CERTIFICATES, FlightError
from botkit.outbound.tls import GROUPS, ClientContext, build_context
from tests.outbound.conftest import Fetch
from tests.outbound.standins import INTERNET, OK, Authority, Listeners, NameTable, says, silent
from zoo import ders

NAME = "good.test"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
OTHER_CURVE = "a certificate with an elliptic curve that clients do not have"
CURVE_ABOVE = "a certificate above its own with an elliptic curve that clients do not have"


def _answered(sent: bytes) -> tuple[ssl.SSLError, float]:
    """How a client takes an answer to its ClientHello, and the CPU seconds that it needs."""
    arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = build_context(None, GROUPS[0]).wrap_bio(arriving, leaving, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    arriving.write(sent)
    started = time.thread_time()
    with pytest.raises(ssl.SSLError) as caught:
        client.do_handshake()
    return caught.value, time.thread_time() - started


@pytest.mark.parametrize(
    ("certificates", "told"),
    [
        ([ders.certificate("a", "b", ders.costly_key())] * 12, OTHER_CURVE),
        ([ders.certificate("a", "b", ders.point("2b81040021", 28))], OTHER_CURVE),
        ([ders.certificate("a", "b", ders.point("2b81040027", 72))], OTHER_CURVE),
        ([ders.certificate("a", "b", ders.point("2b8104000a", 32)), ders.certificate("b", "c")], OTHER_CURVE),
        ([ders.certificate("a", "b", ders.point("2b2403030208010107", 32))], OTHER_CURVE),
        ([ders.certificate("a", "b"), *[ders.certificate("b", "c", ders.costly_key())] * 12], CURVE_ABOVE),
        ([ders.certificate(f"{n}", f"{n + 1}") for n in range(450)], f"more than {MOST_CERTIFICATES} certificates"),
        ([ders.certificate("a" * LONGEST_MESSAGE, "b")], f"more than {LONGEST_MESSAGE} bytes"),
    ],
    ids=[
        "curves",
        "p-224",
        "binary-field",
        "secp256k1",
        "brainpool",
        "curves-above-the-leaf",
        "long-chain",
        "long-name",
    ],
)
def test_what_costs_much_is_not_decoded(certificates: Sequence[bytes], told: str) -> None:
    """OpenSSL 3 decodes twelve keys on such a curve for more than a second."""
    error, seconds = _answered(ders.flight(certificates))
    assert told in str(error)
    assert seconds < 0.5


def test_a_short_chain_of_odd_certificates_is_for_openssl_to_judge() -> None:
    """The bound is not met: it is their trust that is refused."""
    chain = [ders.certificate(f"{n}", f"{n + 1}") for n in range(MOST_CERTIFICATES)]
    error, _ = _answered(ders.flight(chain))
    assert isinstance(error, ssl.SSLCertVerificationError)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (ders.record(b"\0" * 40, kind=23), "before a key was agreed on"),
        (ders.record(ders.message(25, b"\0" * 40)), "not asked for"),
    ],
)
def test_what_could_hide_certificates_is_refused(sent: bytes, told: str) -> None:
    """Nothing reaches OpenSSL that was not read."""
    error, _ = _answered(sent)
    assert isinstance(error, FlightError)
    assert told in str(error)


@pytest.fixture(scope="module")
def long_chains(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """PEM files: key and chain of a server whose chain is as long as asked, all of one unknown CA's."""
    folder = tmp_path_factory.mktemp("chains")

    def written(count: int) -> Path:
        leaf = trustme.CA().issue_cert(NAME)
        others = [trustme.CA().cert_pem.bytes() for _ in range(count - 1)]
        path = folder / f"{count}.pem"
        path.write_bytes(leaf.private_key_pem.bytes() + b"".join([leaf.cert_chain_pems[0].bytes(), *others]))
        return path

    return written


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("count", [MOST_CERTIFICATES, MOST_CERTIFICATES + 1])
async def test_certificates_are_counted_in_every_version(
    fetch: Fetch,
    listeners: Listeners,
    names: NameTable,
    long_chains: Callable[[int], Path],
    version: ssl.TLSVersion,
    count: int,
) -> None:
    """Encrypted or not; one more than the bound, and nothing is known: browsers take longer chains."""
    names.name(NAME, INTERNET)
    context = _server(long_chains(count), version)
    port = await listeners.serve(says(OK), tls=context)
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Failed)
    assert exchange.failure.phase is Phase.TLS
    if count > MOST_CERTIFICATES:
        assert exchange.failure.kind is FailureKind.TLS_UNREAD
        assert exchange.failure.detail.startswith("not tested: ")
        assert exchange.failure.detail.endswith(f" sent more than {MOST_CERTIFICATES} certificates")
    else:
        assert exchange.failure.kind is FailureKind.TLS_UNTRUSTED


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_message_too_long_to_be_read_proves_nothing(
    fetch: Fetch, listeners: Listeners, names: NameTable, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """One certificate with so many names that it is longer than the bound."""
    names.name(NAME, INTERNET)
    leaf = trustme.CA().issue_cert(NAME, *(f"{number}.{'a' * 60}.test" for number in range(1000)))
    path = tmp_path / "chain.pem"
    path.write_bytes(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())
    port = await listeners.serve(says(OK), tls=_server(path, version))
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Failed)
    assert (exchange.failure.kind, exchange.failure.phase) == (FailureKind.TLS_UNREAD, Phase.TLS)
    assert exchange.failure.detail.startswith("not tested: ")


async def test_a_flight_without_end_proves_nothing(fetch: Fetch, listeners: Listeners, names: NameTable) -> None:
    """Messages that OpenSSL passes over, until no more is read: how this ends is not known."""
    names.name(NAME, INTERNET)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        writer.write(ders.record(bytes(2**14)) * 20)  # HelloRequests
        await silent(reader, writer)

    port = await listeners.serve(script)
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Failed)
    assert (exchange.failure.kind, exchange.failure.phase) == (FailureKind.TLS_UNREAD, Phase.TLS)
    assert "sent more than 128 KiB" in exchange.failure.detail


async def test_without_the_key_nothing_is_known(
    fetch: Fetch, listeners: Listeners, names: NameTable, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where OpenSSL's key does not come, certificates of TLS 1.3 stay unread, by this machine's fault."""
    names.name(NAME, INTERNET)
    monkeypatch.setattr(ClientContext, "secret", lambda _: None)
    newer, older = [
        await fetch(f"https://{NAME}:{await listeners.serve(says(OK), tls=context)}/")
        for context in reversed([*_server_contexts(authority)])
    ]
    assert isinstance(newer, Failed)
    assert (newer.failure.kind, newer.failure.phase) == (FailureKind.LOCAL_FAULT, Phase.TLS)
    assert "for which this machine has no key" in newer.failure.detail
    assert isinstance(older, Answered)


def _server(path: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_curve_of_its_own_is_found_in_every_version(
    fetch: Fetch, listeners: Listeners, names: NameTable, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """In a certificate above the leaf, which any server can send along: browsers may get to a root without it."""
    names.name(NAME, INTERNET)
    leaf = trustme.CA().issue_cert(NAME)
    above = ssl.DER_cert_to_PEM_cert(ders.certificate("b", "c", ders.costly_key()))
    path = tmp_path / "chain.pem"
    path.write_bytes(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes() + above.encode())
    port = await listeners.serve(says(OK), tls=_server(path, version))
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.TLS_UNREAD
    assert exchange.failure.detail == f"not tested: `{exchange.connection.peer}:{port}` sent {CURVE_ABOVE}"


def _server_contexts(authority: Authority) -> Iterator[ssl.SSLContext]:
    for version in VERSIONS:
        context = authority.context(NAME)
        context.minimum_version = context.maximum_version = version
        yield context


@given(sizes=st.lists(st.integers(1, 2000), min_size=1, max_size=20))
def test_an_honest_flight_may_come_in_any_pieces(authority: Authority, sizes: list[int]) -> None:
    """Cut anywhere, the handshake ends well, and what follows it is read."""
    client_context = build_context(authority.ca_file, GROUPS[0])
    for context in _server_contexts(authority):
        arriving, leaving, asked, answer = (ssl.MemoryBIO() for _ in range(4))
        client = client_context.wrap_bio(arriving, leaving, server_hostname=NAME)
        server = context.wrap_bio(asked, answer, server_side=True)
        for _ in range(4):
            _step(client)
            asked.write(leaving.read())
            if _step(server):
                server.write(b"hello")
            sent, at = answer.read(), 0
            for size in sizes * (len(sent) // sum(sizes) + 1):
                arriving.write(sent[at : at + size])
                at += size
                _step(client)
        assert client.read(100) == b"hello"


def _step(one: ssl.SSLObject) -> bool:
    """Whether the handshake is done."""
    try:
        one.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


@pytest.mark.parametrize("version", VERSIONS)
def test_messages_may_be_split_over_records(authority: Authority, version: ssl.TLSVersion) -> None:
    """One byte of a handshake message in each, which is legal where nothing is encrypted."""
    context = authority.context(NAME)
    context.minimum_version = context.maximum_version = version
    arriving, leaving, asked, answer = (ssl.MemoryBIO() for _ in range(4))
    client = build_context(authority.ca_file, GROUPS[0]).wrap_bio(arriving, leaving, server_hostname=NAME)
    server = context.wrap_bio(asked, answer, server_side=True)
    assert not _step(client)
    asked.write(leaving.read())
    assert not _step(server)
    arriving.write(b"".join(_split(answer.read())))
    done = _step(client)
    asked.write(leaving.read())
    assert _step(server)
    arriving.write(answer.read())
    assert done or _step(client)


def _split(sent: bytes) -> Iterator[bytes]:
    while sent:
        length = int.from_bytes(sent[3:5], "big")
        kind, body, sent = sent[0], sent[5 : 5 + length], sent[5 + length :]
        yield from (ders.record(body[at : at + 1]) for at in range(length)) if kind == 22 else [ders.record(body, kind)]


async def test_an_honest_chain_is_seen_as_before(
    fetch: Fetch, listeners: Listeners, names: NameTable, authority: Authority
) -> None:
    """What is told of the certificate is the leaf's."""
    names.name(NAME, INTERNET)
    port = await listeners.serve(says(OK), tls=authority.context(NAME))
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Answered)
    assert exchange.connection.certificate is not None
    assert exchange.connection.certificate.names == (NAME,)


def test_no_secret_stays(authority: Authority) -> None:
    """The log holds nothing after a step, no file, and ends with its context."""
    context = build_context(authority.ca_file, GROUPS[0])
    assert isinstance(context, ClientContext)
    log = context._log
    server_context = authority.context(NAME)
    arriving, leaving, asked, answer = (ssl.MemoryBIO() for _ in range(4))
    client = context.wrap_bio(arriving, leaving, server_hostname=NAME)
    server = server_context.wrap_bio(asked, answer, server_side=True)
    assert not _step(client)
    asked.write(leaving.read())
    assert not _step(server)
    arriving.write(answer.read())
    assert _step(client)
    assert client.version() == "TLSv1.3"
    with pytest.raises(BlockingIOError):
        os.read(log, 1)
    del client, context
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(log)


async def test_what_is_read_in_a_step_is_little(
    fetch: Fetch, listeners: Listeners, names: NameTable, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much has come, and in however small records."""
    names.name(NAME, INTERNET)
    steps: list[int] = []
    arrived = Attempt.arrived
    monkeypatch.setattr(Attempt, "arrived", lambda attempt, count: (steps.append(count), arrived(attempt, count))[1])
    body = b"x" * 60_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    port = await listeners.serve(says(head + body), tls=authority.context(NAME))
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Answered)
    assert len(exchange.response.body) == len(body)
    assert max(steps) <= 16384
