"""TCP and TLS: every way to fail there, and the facts that are kept."""

from __future__ import annotations

import asyncio
import errno
import resource
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from botkit.outbound import Answered, Endpoint, Failed, FailureKind, OutboundClient, Phase, parse_url
from botkit.outbound.attempt import Attempt
from botkit.outbound.diagnosis import Diagnosis
from lab.loopback import BLOCK
from tests.outbound.conftest import Fetch, kind, soon
from tests.outbound.standins import (
    INTERNET,
    OK,
    Authority,
    BlackHole,
    Listeners,
    NameTable,
    closed_port,
    says,
    silent,
)

NAME = "good.test"


@pytest.fixture(autouse=True)
def named(names: NameTable) -> None:
    names.name(NAME, INTERNET)


@pytest.fixture
def black_hole() -> Iterator[BlackHole]:
    hole = BlackHole(INTERNET)
    yield hole
    hole.close()


async def test_success_keeps_every_fact(fetch: Fetch, listeners: Listeners, authority: Authority) -> None:
    """A healthy answer comes with addresses, peer, certificate, TLS version and the time of each phase."""
    port = await listeners.serve(says(OK), tls=authority.context(NAME, not_after=datetime(2040, 1, 2, tzinfo=UTC)))
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert isinstance(exchange, Answered)
    assert exchange.response.body == b"hi"
    facts = exchange.connection
    assert facts.addresses == (INTERNET,)
    assert facts.peer == INTERNET
    assert facts.phase is Phase.HTTP
    assert facts.tls_version == "TLSv1.3"
    assert facts.certificate is not None
    assert facts.certificate.names == (NAME,)
    assert facts.certificate.not_after == datetime(2040, 1, 2, tzinfo=UTC)
    spans = [facts.address_ms, facts.connect_ms, facts.tls_ms, facts.http_ms]
    assert all(span is not None and 0 <= span <= exchange.elapsed_ms for span in spans)


async def test_refused(fetch: Fetch) -> None:
    """Nothing listens: refused, with address and port."""
    port = closed_port()
    exchange = await fetch(f"https://{NAME}:{port}/")
    assert kind(exchange) == (FailureKind.CONNECT_REFUSED, Phase.CONNECT)
    assert isinstance(exchange, Failed)
    assert exchange.failure.detail == f"connection refused on `{INTERNET}:{port}`"
    assert exchange.connection.peer == INTERNET
    assert exchange.connection.tls_ms is None


async def test_a_name_in_the_subject_alone_is_no_name(fetch: Fetch, listeners: Listeners, authority: Authority) -> None:
    """Clients read the alternative names and nothing else (RFC 9110, section 4.3.4), so the common name is no help."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.ca.issue_cert(common_name=NAME).configure_cert(context)
    exchange = await fetch(f"https://{NAME}:{await listeners.serve(says(OK), tls=context)}/")
    assert kind(exchange) == (FailureKind.TLS_HOSTNAME, Phase.TLS)
    assert isinstance(exchange, Failed)
    assert exchange.failure.detail == f"certificate is for no name at all, not for `{NAME}`"


async def test_no_answer_to_syn(fetch: Fetch, black_hole: BlackHole) -> None:
    """A silent port is a time-out of the connect phase, at the deadline."""
    exchange = await fetch(f"https://{NAME}:{black_hole.port}/", deadline=soon(0.5))
    assert kind(exchange) == (FailureKind.CONNECT_TIMEOUT, Phase.CONNECT)
    assert isinstance(exchange, Failed)
    assert exchange.failure.detail.startswith(f"no answer to SYN from `{INTERNET}:{black_hole.port}` within 0.")
    assert exchange.elapsed_ms < 5 * 500


async def test_the_requests_own_timeout_holds_without_rounding(
    make_client: Callable[..., OutboundClient], black_hole: BlackHole
) -> None:
    """A time-out of a fraction of a second is kept when the deadline is far."""
    client = make_client(timeout=0.4)
    exchange = await client.fetch("GET", f"https://{INTERNET}:{black_hole.port}/", deadline=soon(20))
    assert kind(exchange) == (FailureKind.CONNECT_TIMEOUT, Phase.CONNECT)
    assert 390 <= exchange.elapsed_ms < 5 * 400


async def test_one_request_may_have_a_timeout_of_its_own(
    make_client: Callable[..., OutboundClient], black_hole: BlackHole
) -> None:
    """Shorter or longer than the others' (here longer)."""
    url = f"https://{INTERNET}:{black_hole.port}/"
    exchange = await make_client(timeout=0.1).fetch("GET", url, deadline=soon(20), timeout=0.5)
    assert kind(exchange) == (FailureKind.CONNECT_TIMEOUT, Phase.CONNECT)
    assert exchange.elapsed_ms >= 490


async def test_no_route(make_client: Callable[..., OutboundClient]) -> None:
    """An address that the kernel will not send to is no fault of the host's."""
    client = make_client(allow_private=("255.255.255.255/32",))
    exchange = await client.fetch("GET", "https://255.255.255.255/", deadline=soon(20))
    assert kind(exchange) == (FailureKind.NO_ROUTE, Phase.CONNECT)


async def test_a_refusal_is_reported_over_a_missing_route(
    make_client: Callable[..., OutboundClient], names: NameTable
) -> None:
    """Of several addresses that fail differently, the one that says something about the host counts."""
    port = closed_port()
    names.name("two.test", "255.255.255.255", INTERNET)
    client = make_client(allow_private=("255.255.255.255/32", f"{BLOCK}.0/24"))
    exchange = await client.fetch("GET", f"https://two.test:{port}/", deadline=soon(20))
    assert kind(exchange) == (FailureKind.CONNECT_REFUSED, Phase.CONNECT)
    assert isinstance(exchange, Failed)
    assert exchange.failure.detail == f"connection refused on `{INTERNET}:{port}`"


async def test_a_dead_address_does_not_hide_a_living_one(
    fetch: Fetch, names: NameTable, listeners: Listeners, authority: Authority
) -> None:
    """As clients do, the other addresses are tried."""
    port = await listeners.serve(says(OK), tls=authority.context("two.test"), host=f"{BLOCK}.2")
    names.name("two.test", f"{BLOCK}.1", f"{BLOCK}.2")
    exchange = await fetch(f"https://two.test:{port}/")
    assert isinstance(exchange, Answered)
    assert exchange.connection.peer == f"{BLOCK}.2"
    assert set(exchange.connection.addresses) == {f"{BLOCK}.1", f"{BLOCK}.2"}


async def test_one_address_can_be_chosen(
    make_client: Callable[..., OutboundClient], names: NameTable, listeners: Listeners, authority: Authority
) -> None:
    """A broken IPv6 is seen when asked for, and the families that ever worked are remembered."""
    port = await listeners.serve(says(OK), tls=authority.context("two.test"))
    names.name("two.test", "::1", INTERNET)
    client = make_client(allow_private=("::1/128", f"{BLOCK}.0/24"))
    assert client.families_reached() == frozenset()
    both = await client.resolve("two.test", port, deadline=soon(20))
    one, other = both.shortlist()
    url = f"https://two.test:{port}/"
    six = await client.fetch("GET", url, deadline=soon(20), resolution=both.at(one))
    assert kind(six)[0] is FailureKind.CONNECT_REFUSED
    assert six.connection.peer == "::1"
    assert client.families_reached() == frozenset()
    four = await client.fetch("GET", url, deadline=soon(20), resolution=both.at(other))
    assert isinstance(four, Answered)
    assert client.families_reached() == {4}
    either = await client.fetch("GET", url, deadline=soon(20), resolution=both)
    assert isinstance(either, Answered)


async def test_a_chosen_address_is_judged_like_any_other(
    make_client: Callable[..., OutboundClient], names: NameTable
) -> None:
    """Choosing among the addresses of a name does not lead past the address policy."""
    names.name("two.test", "127.0.0.1", INTERNET)
    client = make_client()
    resolution = await client.resolve("two.test", 443, deadline=soon(20))
    for endpoint in resolution.shortlist():
        chosen = replace(resolution, failure=None).at(endpoint)
        exchange = await client.fetch("GET", "https://two.test/", deadline=soon(20), resolution=resolution.at(endpoint))
        assert kind(exchange) == (FailureKind.PRIVATE_NAME, Phase.ADDRESS)
        if endpoint.address != INTERNET:
            exchange = await client.fetch("GET", "https://two.test/", deadline=soon(20), resolution=chosen)
            assert kind(exchange)[0] is FailureKind.PRIVATE_NAME


async def test_ipv6_counts_as_reached(
    make_client: Callable[..., OutboundClient], listeners: Listeners, authority: Authority
) -> None:
    """A connection over IPv6, to a literal, is verified against the literal and remembered."""
    port = await listeners.serve(says(OK), tls=authority.context("::1"), host="::1")
    client = make_client(allow_private=("::1/128",))
    exchange = await client.fetch("GET", f"https://[::1]:{port}/", deadline=soon(20))
    assert isinstance(exchange, Answered)
    assert client.families_reached() == {6}


async def test_a_queue_blames_nobody(
    make_client: Callable[..., OutboundClient], listeners: Listeners, authority: Authority
) -> None:
    """Waiting for a slot respects the deadline, is told apart, and gives the slot back."""
    port = await listeners.serve(silent, tls=authority.context(NAME))
    client = make_client(concurrency=1)
    first = asyncio.create_task(client.fetch("GET", f"https://{NAME}:{port}/", deadline=soon(20)))
    await asyncio.sleep(0)
    second = await client.fetch("GET", f"https://{NAME}:{port}/", deadline=soon(0.2))
    assert kind(second) == (FailureKind.LOCAL_FAULT, Phase.ADDRESS)
    assert isinstance(second, Failed)
    assert second.failure.detail.startswith("queue")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    third = await client.fetch("GET", f"https://{NAME}:{closed_port()}/", deadline=soon(20))
    assert kind(third)[0] is FailureKind.CONNECT_REFUSED


async def test_a_deadline_in_the_past_sends_nothing(fetch: Fetch, listeners: Listeners) -> None:
    """With no time left nothing is tried and nobody blamed."""
    seen: list[bytes] = []
    port = await listeners.serve(says(OK, seen=seen))
    assert kind(await fetch(f"http://{NAME}:{port}/", deadline=soon(-1)))[0] is FailureKind.LOCAL_FAULT
    assert seen == []


async def test_no_file_descriptors_is_this_machines_fault(fetch: Fetch) -> None:
    """Running out of file descriptors says nothing about the other side."""
    url = f"https://{INTERNET}:{closed_port()}/"
    assert kind(await fetch(url))[0] is FailureKind.CONNECT_REFUSED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        exchange = await fetch(url)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert kind(exchange) == (FailureKind.LOCAL_FAULT, Phase.CONNECT)


@pytest.mark.parametrize(
    ("endpoint", "error", "expected"),
    [
        (Endpoint("1.1.1.1", 443), errno.ECONNRESET, FailureKind.CONNECT_RESET),
        (Endpoint("1.1.1.1", 443), errno.ETIMEDOUT, FailureKind.CONNECT_TIMEOUT),
        (Endpoint("1.1.1.1", 443), errno.EHOSTUNREACH, FailureKind.NO_ROUTE),
        (Endpoint("2606:4700::1", 443), errno.EADDRNOTAVAIL, FailureKind.NO_ROUTE),
        (Endpoint("2606:4700::1", 443), errno.EAFNOSUPPORT, FailureKind.NO_ROUTE),
        (Endpoint("1.1.1.1", 443), errno.EADDRNOTAVAIL, FailureKind.LOCAL_FAULT),
        (Endpoint("1.1.1.1", 443), errno.EPERM, FailureKind.LOCAL_FAULT),
    ],
)
def test_errors_that_loopback_cannot_provoke_have_their_class(
    endpoint: Endpoint, error: int, expected: FailureKind
) -> None:
    """What the kernel said about an address decides, and the detail names the address."""
    attempt = Attempt(lambda: 7.0, head_limit=1, wire_limit=1, connect_at=5.0)
    attempt.dialling(endpoint)
    attempt.dial_failed(endpoint, error)
    failure = Diagnosis(lambda: datetime.now(UTC)).failed(OSError(error, "x"), attempt, parse_url("https://good.test/"))
    assert (failure.kind, failure.phase) == (expected, Phase.CONNECT)
    assert str(endpoint) in failure.detail


def test_a_connection_lost_under_tls_is_a_reset_even_without_a_reason() -> None:
    """OpenSSL names no reason when the socket fails below it, which depends on who is quicker."""
    attempt = Attempt(lambda: 7.0, head_limit=1, wire_limit=1, connect_at=5.0)
    attempt.dialling(Endpoint("1.1.1.1", 443))
    attempt.tcp_done()
    failure = Diagnosis(lambda: datetime.now(UTC)).failed(ssl.SSLError(), attempt, parse_url("https://good.test/"))
    assert (failure.kind, failure.phase) == (FailureKind.TLS_RESET, Phase.TLS)
    assert failure.detail == "`1.1.1.1:443` reset or closed the connection during TLS"
