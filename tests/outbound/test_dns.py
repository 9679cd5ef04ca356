"""Names, through a real name server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from dnslib import RCODE

from botkit.outbound import Failed, FailureKind, OutboundClient, Phase, Resolution
from lab.loopback import BLOCK
from tests.outbound.standins import NameTable


async def resolve(client: OutboundClient, host: str, within: float = 20) -> Resolution:
    return await client.resolve(host, 443, deadline=asyncio.get_running_loop().time() + within)


async def test_both_families_are_reported(client: OutboundClient, names: NameTable) -> None:
    """A and AAAA are asked for, and IPv6 comes first."""
    names.name("both.test", f"{BLOCK}.2", "2606:4700::1", f"{BLOCK}.1")
    resolution = await resolve(client, "BOTH.test")
    assert resolution.failure is None
    assert resolution.host == "both.test"
    assert resolution.addresses[0] == "2606:4700::1"
    assert set(resolution.addresses[1:]) == {f"{BLOCK}.1", f"{BLOCK}.2"}
    assert [endpoint.family for endpoint in resolution.endpoints] == [6, 4, 4]
    assert resolution.elapsed_ms > 0


@pytest.mark.parametrize("failing", [[], RCODE.SERVFAIL, RCODE.REFUSED, RCODE.NXDOMAIN])
@pytest.mark.parametrize("broken", ["A", "AAAA"])
async def test_one_family_failing_is_no_failure(
    client: OutboundClient, names: NameTable, failing: list[str] | int, broken: str
) -> None:
    """While one family answers, the other may be absent or broken."""
    names.name("half.test", f"{BLOCK}.1", "2606:4700::1")
    names.table[("half.test.", broken)] = failing
    resolution = await resolve(client, "half.test")
    assert resolution.failure is None
    assert [endpoint.family for endpoint in resolution.endpoints] == [6 if broken == "A" else 4]


async def test_the_addresses_to_ask_do_not_follow_the_name_servers_order(
    client: OutboundClient, names: NameTable
) -> None:
    """At most four per family, IPv6 first, and the same ones however the name server shuffles them."""
    v4 = [f"{BLOCK}.{number}" for number in (9, 10, 2, 30, 4)]
    v6 = ["2606:4700::2", "2606:4700::1"]
    lists = []
    for turn in range(5):
        names.name("many.test", *v6[turn % 2 :], *v6[: turn % 2], *v4[turn:], *v4[:turn])
        lists.append([endpoint.address for endpoint in (await resolve(client, "many.test")).shortlist()])
    assert lists == [["2606:4700::1", "2606:4700::2", *(f"{BLOCK}.{number}" for number in (2, 4, 9, 10))]] * 5


async def test_of_very_many_addresses_some_count(client: OutboundClient, names: NameTable) -> None:
    """What is not judged is not there, and so never connected to."""
    names.name("many.test", *(f"{BLOCK}.{number}" for number in range(1, 70)), "127.0.0.1")
    resolution = await resolve(client, "many.test")
    assert len(resolution.addresses) == len(resolution.endpoints) == 64


async def test_a_silent_family_does_not_hold_up_the_other_for_long(client: OutboundClient, names: NameTable) -> None:
    """A name server that never answers AAAA costs a grace period, not the look-up."""
    names.name("half.test", f"{BLOCK}.1")
    names.table[("half.test.", "AAAA")] = None
    resolution = await resolve(client, "half.test")
    assert resolution.failure is None
    assert resolution.addresses == (f"{BLOCK}.1",)
    assert resolution.elapsed_ms < 10_000


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        ({}, FailureKind.DNS_NXDOMAIN, "does not exist"),
        ({"A": [], "AAAA": []}, FailureKind.DNS_NODATA, "no address"),
        ({"A": RCODE.SERVFAIL, "AAAA": RCODE.SERVFAIL}, FailureKind.DNS_SERVFAIL, "SERVFAIL"),
        ({"A": [], "AAAA": RCODE.SERVFAIL}, FailureKind.DNS_SERVFAIL, "SERVFAIL"),
        ({"A": RCODE.REFUSED, "AAAA": RCODE.REFUSED}, FailureKind.DNS_REFUSED, "REFUSED"),
        ({"A": None, "AAAA": None}, FailureKind.DNS_TIMEOUT, "no answer"),
        ({"A": [], "AAAA": None}, FailureKind.DNS_TIMEOUT, "no answer"),
    ],
)
async def test_each_dns_failure_is_told_apart(
    make_client: Callable[..., OutboundClient],
    names: NameTable,
    answers: dict[str, list[str] | int | None],
    kind: FailureKind,
    words: str,
) -> None:
    """NXDOMAIN, no data, SERVFAIL, REFUSED and silence each have their class and their words."""
    for record, answer in answers.items():
        names.table[("broken.test.", record)] = answer
    resolution = await resolve(make_client(timeout=2.0), "broken.test")
    assert resolution.failure is not None
    assert (resolution.failure.kind, resolution.failure.phase) == (kind, Phase.ADDRESS)
    assert words in resolution.failure.detail
    assert resolution.addresses == ()


async def test_dns_times_out_before_the_request_does(
    make_client: Callable[..., OutboundClient], names: NameTable
) -> None:
    """A dead name server is seen as such, within the request's time."""
    names.table[("slow.test.", "A")] = names.table[("slow.test.", "AAAA")] = None
    client = make_client(timeout=2.0)
    loop = asyncio.get_running_loop()
    exchange = await client.fetch("GET", "https://slow.test/", deadline=loop.time() + 20)
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.DNS_TIMEOUT
    assert exchange.elapsed_ms < 5 * 1000


async def test_a_deadline_holds_for_dns(client: OutboundClient, names: NameTable) -> None:
    """A deadline earlier than every time-out ends the look-up."""
    names.table[("slow.test.", "A")] = names.table[("slow.test.", "AAAA")] = None
    resolution = await resolve(client, "slow.test", within=0.2)
    assert resolution.failure is not None
    assert resolution.failure.kind is FailureKind.DNS_TIMEOUT
    assert resolution.elapsed_ms < 5 * 200


async def test_no_name_server_at_all_is_this_machines_fault(make_client: Callable[..., OutboundClient]) -> None:
    """A name server that refuses packets says nothing about the name."""
    resolution = await resolve(make_client(nameservers=("127.0.0.1:1",), timeout=2.0), "good.test")
    assert resolution.failure is not None
    assert resolution.failure.kind in (FailureKind.LOCAL_FAULT, FailureKind.DNS_TIMEOUT)


async def test_an_alias_is_followed(client: OutboundClient, names: NameTable) -> None:
    """A CNAME leads to the addresses of its target."""
    names.table[("alias.test.", "CNAME")] = ["real.test."]
    names.name("real.test", f"{BLOCK}.1")
    assert (await resolve(client, "alias.test")).addresses == (f"{BLOCK}.1",)


async def test_search_domains_are_not_tried(
    client: OutboundClient, names: NameTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's short name is never completed with this machine's own domain."""
    monkeypatch.setenv("LOCALDOMAIN", "corp.test")
    names.name("intranet.corp.test", f"{BLOCK}.1")
    resolution = await resolve(client, "intranet")
    assert resolution.addresses == ()
    assert {name for name, _ in names.asked} == {"intranet."}


async def test_no_socket_is_pointed_at_an_address_before_it_is_judged(client: OutboundClient, names: NameTable) -> None:
    """Addresses stay in the order of DNS: sorting them would try each with a socket to see which can be reached."""
    names.name("many.test", "255.255.255.255", f"{BLOCK}.1", f"{BLOCK}.2")
    assert (await resolve(client, "many.test")).addresses == ("255.255.255.255", f"{BLOCK}.1", f"{BLOCK}.2")


async def test_localhost_resolves_and_is_refused(client: OutboundClient, names: NameTable) -> None:
    """Names of the hosts file count, and the policy has its say on them."""
    resolution = await resolve(client, "localhost")
    assert resolution.failure is not None
    assert resolution.failure.kind is FailureKind.PRIVATE_NAME
    assert "`localhost` resolves to" in resolution.failure.detail
    assert "loopback" in resolution.failure.detail
    assert names.asked == []


async def test_one_private_address_among_public_ones_refuses_the_name(client: OutboundClient, names: NameTable) -> None:
    """All or nothing: the failure names the rule, and the addresses stay known."""
    names.name("mixed.test", f"{BLOCK}.1", "10.0.0.5")
    resolution = await resolve(client, "mixed.test")
    assert resolution.failure is not None
    assert resolution.failure.kind is FailureKind.PRIVATE_NAME
    assert resolution.failure.detail == "`mixed.test` resolves to an address, which is refused: private (RFC 1918)"
    assert set(resolution.addresses) == {f"{BLOCK}.1", "10.0.0.5"}


async def test_only_a_terminal_is_told_the_private_address(
    make_client: Callable[..., OutboundClient], names: NameTable
) -> None:
    """``names_private``, which ``check`` sets and the running bot does not."""
    names.name("inside.test", "10.0.0.5")
    resolution = await resolve(make_client(names_private=True), "inside.test")
    assert resolution.failure is not None
    assert resolution.failure.detail == "`inside.test` resolves to `10.0.0.5`, which is refused: private (RFC 1918)"


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        pytest.param(f"{BLOCK}.1", None, id="allowed"),
        ("127.0.0.1", FailureKind.PRIVATE_LITERAL),
        ("[::1]", FailureKind.PRIVATE_LITERAL),
        ("::1", FailureKind.PRIVATE_LITERAL),
        ("::ffff:127.0.0.1", FailureKind.PRIVATE_LITERAL),
        ("127.1", FailureKind.URL_INVALID),
        ("a..b", FailureKind.DNS_BADNAME),
        ("${DOMAIN}", FailureKind.URL_INVALID),
    ],
)
async def test_literals_and_bad_hosts_need_no_dns(
    client: OutboundClient, names: NameTable, host: str, kind: FailureKind | None
) -> None:
    """Literals are judged as they are; what is no host is refused without a question asked."""
    resolution = await resolve(client, host)
    assert (resolution.failure and resolution.failure.kind) == kind
    assert names.asked == []
