"""Several addresses of a host of which some fail: clients take one of them, so the same host works and fails."""

from __future__ import annotations

from collections.abc import Mapping

from botkit.messages.sanitise import quoted
from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Exchange
from plugins.foci.findings import finding
from plugins.foci.model import Finding

FAMILY_NAMES = {4: "IPv4", 6: "IPv6"}
OTHER_FAMILY = {4: 6, 6: 4}
_RECORDS = {4: "A", 6: "AAAA"}
_MOST_NAMED = 3


def family_broken(host: str, family: int, trouble: str) -> Finding:
    """The finding about a family (4 or 6) all of whose addresses fail while the other works."""
    name, other = FAMILY_NAMES[family], FAMILY_NAMES[OTHER_FAMILY[family]]
    advice = f"Repair {name} on {quoted(host)}, or remove its {_RECORDS[family]} record."
    return finding("address-family-broken", f"{name} fails while {other} works: {trouble}.", advice)


def addresses_differ(
    host: str, asked: Mapping[Endpoint, Exchange], failing: Mapping[Endpoint, str], differing: Mapping[Endpoint, str]
) -> Finding:
    """
    The finding about a host of which some addresses work.

    Args:
        asked: what each address that was asked answered.
        failing: what is wrong at those that do not work.
        differing: what the others say that do not say the same; at least one of both.
    """
    told = {**failing, **differing}
    named = [f"`{endpoint.address}`: {trouble}" for endpoint, trouble in list(told.items())[:_MOST_NAMED]]
    more = f"; and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
    verb = ("fail" if failing else "differ") + ("s" if len(told) == 1 else "")
    known = max(len(exchange.connection.addresses) for exchange in asked.values())
    among = f"the {len(asked)} asked of {known}" if known > len(asked) else f"{len(asked)}"
    message = f"{len(told)} of {among} addresses of {quoted(host)} {verb}, and clients take any of them"
    message = f"{message}: {'; '.join(named)}{more}."
    kinds = " and ".join(_RECORDS[family] for family in sorted({endpoint.family for endpoint in told}))
    addresses = ", ".join(f"`{endpoint.address}`" for endpoint in list(told)[:_MOST_NAMED])
    advice = f"Make {addresses} answer like the others, or take it out of the {kinds} records of {quoted(host)}."
    return finding("addresses-differ", message, advice)
