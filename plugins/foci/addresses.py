"""Several addresses of a host of which some fail: clients take one of them, so the same host works and fails."""

from __future__ import annotations

from collections.abc import Mapping

from botkit.outbound.endpoint import Endpoint
from plugins.foci.findings import finding
from plugins.foci.model import Finding

FAMILY_NAMES = {4: "IPv4", 6: "IPv6"}
OTHER_FAMILY = {4: 6, 6: 4}
_RECORDS = {4: "A", 6: "AAAA"}
_MOST_NAMED = 3


def family_broken(host: str, family: int, trouble: str) -> Finding:
    """The finding about a family (4 or 6) all of whose addresses fail while the other works."""
    name, other = FAMILY_NAMES[family], FAMILY_NAMES[OTHER_FAMILY[family]]
    advice = f"Repair {name} on {host}, or remove its {_RECORDS[family]} record."
    return finding("address-family-broken", f"{name} fails while {other} works: {trouble}.", advice)


def addresses_differ(host: str, asked: int, failing: Mapping[Endpoint, str]) -> Finding:
    """
    The finding about a host of which some addresses work.

    Args:
        asked: how many addresses were asked.
        failing: what is wrong at those that do not work; at least one.
    """
    named = [f"{endpoint.address}: {trouble}" for endpoint, trouble in list(failing.items())[:_MOST_NAMED]]
    more = f"; and {len(failing) - _MOST_NAMED} more" if len(failing) > _MOST_NAMED else ""
    verb = "fails" if len(failing) == 1 else "fail"
    message = (
        f"{len(failing)} of {asked} addresses of {host} {verb}, and clients take any of them: {'; '.join(named)}{more}."
    )
    kinds = " and ".join(_RECORDS[family] for family in sorted({endpoint.family for endpoint in failing}))
    addresses = ", ".join(endpoint.address for endpoint in list(failing)[:_MOST_NAMED])
    advice = f"Make {addresses} answer like the others, or take it out of the {kinds} records of {host}."
    return finding("addresses-differ", message, advice)
