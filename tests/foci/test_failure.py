"""What is advised about a failed request."""

from __future__ import annotations

import pytest

from botkit.outbound.model import Failure, FailureKind, Phase
from plugins.foci.failure import advice_for

GONE = Failure(FailureKind.DNS_NXDOMAIN, Phase.ADDRESS, "it does not exist in DNS")
BARE = Failure(FailureKind.DNS_NODATA, Phase.ADDRESS, "it has no address in DNS")


@pytest.mark.parametrize("failure", [GONE, BARE])
@pytest.mark.parametrize("host", ["matrix.example.org", "matrix.example.org:8448", "matrix.example.org:443"])
def test_records_are_advised_for_host_names_without_ports(failure: Failure, host: str) -> None:
    """DNS knows no ports."""
    advice = advice_for(failure, host)
    assert "for `matrix.example.org`" in advice
    assert ":" not in advice


@pytest.mark.parametrize("failure", [GONE, BARE])
@pytest.mark.parametrize("host", ["synapse", "lk-jwt-service:8080", "livekit."])
def test_no_records_are_advised_for_names_of_one_label(failure: Failure, host: str) -> None:
    """They are names of containers or of a hosts file; nobody can create such records."""
    advice = advice_for(failure, host)
    assert "record" not in advice
    assert "Publish a full host name" in advice
    assert f"instead of `{host.partition(':')[0]}`:" in advice


def test_addresses_of_ipv6_are_written_as_such() -> None:
    """Brackets belong to URLs."""
    refused = Failure(FailureKind.CONNECT_REFUSED, Phase.CONNECT, "connection refused")
    assert "this port of `2001:db8::7` and" in advice_for(refused, "[2001:db8::7]:8448")
