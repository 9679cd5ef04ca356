"""Which addresses are open."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound import AddressPolicy


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("0.0.0.0", "this network"),
        ("0.1.2.3", "this network"),
        ("10.0.0.1", "private (RFC 1918)"),
        ("100.64.0.1", "shared by carriers (RFC 6598)"),
        ("100.100.100.200", "shared by carriers (RFC 6598)"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("168.63.129.16", "cloud platform service"),
        ("169.254.169.254", "link-local"),
        ("172.16.0.1", "private (RFC 1918)"),
        ("172.31.255.255", "private (RFC 1918)"),
        ("192.0.0.192", "protocol assignments (RFC 6890)"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "6to4 relay"),
        ("192.168.1.1", "private (RFC 1918)"),
        ("198.18.0.1", "benchmarking"),
        ("198.19.255.255", "benchmarking"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "scoped address"),
        ("2606:4700::1%1", "scoped address"),
        ("fec0::1", "site-local"),
        ("fc00::1", "unique local"),
        ("fd00:ec2::254", "unique local"),
        ("ff02::1", "multicast"),
        ("100::1", "discard-only"),
        ("2001:2::1", "protocol assignments (RFC 2928)"),
        ("2001:10::1", "protocol assignments (RFC 2928)"),
        ("2001:20::1", "protocol assignments (RFC 2928)"),
        ("2001:db8::1", "documentation"),
        ("3fff::1", "documentation"),
        ("5f00::1", "outside global unicast (2000::/3)"),
        ("4000::1", "outside global unicast (2000::/3)"),
        ("::ffff:127.0.0.1", "IPv4-mapped form of loopback"),
        ("::ffff:10.0.0.1", "IPv4-mapped form of a private address"),
        ("64:ff9b::7f00:1", "NAT64 of loopback"),
        ("64:ff9b::a00:1", "NAT64 of a private address"),
        ("64:ff9b:1::808:808", "local NAT64"),
        ("2002:7f00:1::", "6to4 of loopback"),
        ("2002:c0a8:101::1", "6to4 of a private address"),
        ("2001:0:808:808:0:0:80ff:fffe", "Teredo of loopback"),
        ("2001:0:a00:1:0:0:f7f7:f7f7", "Teredo of a private address"),
        ("2001:0:808:808:0:0:f7f7:f7f7", "Teredo"),
        ("::127.0.0.1", "IPv4-compatible form of loopback"),
        ("::8.8.8.8", "IPv4-compatible form"),
        ("::ffff:0:127.0.0.1", "IPv4-translated form of loopback"),
        ("::ffff:0:8.8.8.8", "IPv4-translated form"),
        ("2606:4700::5efe:10.0.0.1", "ISATAP of a private address"),
        ("2606:4700::200:5efe:127.0.0.1", "ISATAP of loopback"),
        ("not an address", "not an IP address"),
        ("127.1", "not an IP address"),
        ("", "not an IP address"),
    ],
)
def test_special_addresses_are_refused_by_name(address: str, rule: str) -> None:
    """Everything that is not plainly public is refused, and the rule says why."""
    assert AddressPolicy().verdict(address) == rule


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00::1",
        "2001:4860:4860::8888",
        "2001:200::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_public_addresses_are_open(address: str) -> None:
    """Public IPv4, global unicast IPv6 and public IPv4 behind NAT64 or 6to4 may be talked to."""
    assert AddressPolicy().verdict(address) is None


def test_exempt_networks_are_open_and_nothing_else() -> None:
    """allow_private opens exactly the networks that it names, in mapped form as well."""
    policy = AddressPolicy(("10.1.0.0/16", "fd00:1::/32"))
    assert policy.verdict("10.1.2.3") is None
    assert policy.verdict("::ffff:10.1.2.3") is None
    assert policy.verdict("fd00:1::5") is None
    assert policy.verdict("10.2.0.1") == "private (RFC 1918)"
    assert policy.verdict("fd00:2::5") == "unique local"


def test_a_network_that_cannot_be_read_is_named() -> None:
    """A typing error in allow_private is an error that quotes the entry."""
    with pytest.raises(ValueError, match=r"allow_private: '10\.1\.0\.0/33'"):
        AddressPolicy(("10.1.0.0/33",))


@given(st.integers(0, 2**32 - 1))
def test_translation_never_opens_a_closed_address(value: int) -> None:
    """An IPv4 address is as open in mapped, NAT64 and 6to4 form as it is by itself."""
    policy = AddressPolicy()
    plain = policy.verdict(str(IPv4Address(value))) is None
    for form in ((0xFFFF << 32) | value, (0x64FF9B << 96) | value, (0x2002 << 112) | (value << 80)):
        assert (policy.verdict(str(IPv6Address(form))) is None) == plain


@given(st.integers(0, 2**128 - 1))
def test_no_address_outside_global_unicast_is_open_but_mapped_and_nat64(value: int) -> None:
    """IPv6 is closed unless it is known to be open."""
    address = IPv6Address(value)
    if AddressPolicy().verdict(str(address)) is None and value >> 125 != 1:
        assert value >> 32 in (0xFFFF, 0x64FF9B << 64)
