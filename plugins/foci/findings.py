"""Every finding code with the group it belongs to and its usual severity. Codes are stable."""

from __future__ import annotations

from enum import StrEnum

from botkit.messages.sanitise import closed, shortened
from plugins.foci.model import Finding, Severity


class Group(StrEnum):
    """What a finding is about; the verdict treats groups differently."""

    WELL_KNOWN = "well-known"
    LIST = "list"
    ENTRY = "entry"
    PROBE = "probe"
    CONTEXT = "context"


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

CODES: dict[str, tuple[Group, Severity]] = {
    "well-known-absent": (Group.LIST, _E),
    "well-known-unreachable": (Group.WELL_KNOWN, _E),
    "well-known-http-status": (Group.WELL_KNOWN, _E),
    "well-known-not-json": (Group.WELL_KNOWN, _E),
    "well-known-html": (Group.WELL_KNOWN, _E),
    "well-known-not-object": (Group.WELL_KNOWN, _E),
    "well-known-too-large": (Group.WELL_KNOWN, _E),
    "redirect-refused": (Group.WELL_KNOWN, _E),
    "cors-missing": (Group.WELL_KNOWN, _W),
    "cors-missing-on-redirect": (Group.WELL_KNOWN, _W),
    "content-type": (Group.WELL_KNOWN, _I),
    "base-url-missing": (Group.WELL_KNOWN, _W),
    "base-url-invalid": (Group.WELL_KNOWN, _E),
    "long-cache": (Group.WELL_KNOWN, _I),
    "duplicate-key": (Group.WELL_KNOWN, _W),
    "foci-absent": (Group.LIST, _E),
    "foci-empty": (Group.LIST, _E),
    "foci-not-a-list": (Group.LIST, _E),
    "foci-only-on-base-url-host": (Group.LIST, _E),
    "stable-key-only": (Group.LIST, _W),
    "msc4158-key-only": (Group.LIST, _W),
    "keys-disagree": (Group.LIST, _W),
    "both-keys-present": (Group.LIST, _I),
    "unknown-rtc-key": (Group.LIST, _W),
    "transports-endpoint-missing": (Group.LIST, _I),
    "transports-empty": (Group.LIST, _E),
    "transports-broken": (Group.LIST, _W),
    "transports-cors": (Group.LIST, _W),
    "transports-disagree": (Group.LIST, _W),
    "duplicate-entry": (Group.LIST, _W),
    "first-entry-not-livekit": (Group.LIST, _W),
    "no-livekit-entry": (Group.LIST, _W),
    "entry-not-object": (Group.ENTRY, _E),
    "type-missing": (Group.ENTRY, _E),
    "livekit-url-missing": (Group.ENTRY, _E),
    "livekit-url-invalid": (Group.ENTRY, _E),
    "scheme-ws": (Group.ENTRY, _E),
    "scheme-http": (Group.ENTRY, _E),
    "private-address": (Group.ENTRY, _E),
    "placeholder-host": (Group.ENTRY, _E),
    "path-includes-endpoint": (Group.ENTRY, _E),
    "trailing-slash": (Group.ENTRY, _E),
    "foreign-focus": (Group.ENTRY, _I),
    "unknown-type": (Group.ENTRY, _I),
    "unknown-entry-key": (Group.ENTRY, _I),
    "dns-failure": (Group.PROBE, _E),
    "port-blocked": (Group.PROBE, _E),
    "connect-refused": (Group.PROBE, _E),
    "connect-timeout": (Group.PROBE, _E),
    "connect-reset": (Group.PROBE, _E),
    "address-family-broken": (Group.PROBE, _W),
    "addresses-differ": (Group.PROBE, _W),
    "tls-expired": (Group.PROBE, _E),
    "tls-not-yet-valid": (Group.PROBE, _E),
    "tls-self-signed": (Group.PROBE, _E),
    "tls-untrusted": (Group.PROBE, _E),
    "tls-hostname": (Group.PROBE, _E),
    "tls-protocol": (Group.PROBE, _E),
    "tls-no-certificate": (Group.PROBE, _E),
    "tls-client-certificate": (Group.PROBE, _E),
    "tls-timeout": (Group.PROBE, _E),
    "tls-expiring": (Group.PROBE, _W),
    "http-timeout": (Group.PROBE, _E),
    "http-protocol": (Group.PROBE, _E),
    "http-5xx": (Group.PROBE, _E),
    "refused-here": (Group.PROBE, _W),
    "waf-challenge": (Group.PROBE, _W),
    "service-not-routed": (Group.PROBE, _E),
    "login-page": (Group.PROBE, _E),
    "unknown-service": (Group.PROBE, _W),
    "not-an-authorisation-service": (Group.PROBE, _E),
    "points-at-sfu": (Group.PROBE, _E),
    "cors-doubled": (Group.PROBE, _W),
    "cors-missing-on-service": (Group.PROBE, _W),
    "matrix2-endpoint-missing": (Group.PROBE, _W),
    "service-outdated": (Group.PROBE, _W),
    "slow": (Group.PROBE, _W),
    "sfu-unreachable": (Group.PROBE, _E),
    "token-refused": (Group.PROBE, _E),
    "token-waiting": (Group.PROBE, _E),
    "sfu-refused-token": (Group.PROBE, _E),
    "room-not-created": (Group.PROBE, _E),
    "media-failed": (Group.PROBE, _E),
    "media-udp-blocked": (Group.PROBE, _W),
    "not-tested": (Group.PROBE, _I),
    "delayed-events-missing": (Group.CONTEXT, _W),
    "port-in-server-name": (Group.CONTEXT, _I),
    "openid-userinfo-unreachable": (Group.CONTEXT, _W),
}
"""
Code to group and usual severity. ``well-known-absent`` is a list finding because it takes
the place of ``foci-absent``: there is no list.
"""

MAX_MESSAGE = 400
"""Characters of a message."""


def finding(
    code: str,
    message: str,
    advice: str,
    *,
    focus: int | None = None,
    severity: Severity | None = None,
    snippet: str | None = None,
) -> Finding:
    """
    A finding with its usual severity unless another is given. An unlisted code is a KeyError.

    Message and advice are marked text; a message that quotes a stranger at length is cut.
    """
    return Finding(code, severity or CODES[code][1], focus, closed(shortened(message, MAX_MESSAGE)), advice, snippet)


def group_of(found: Finding) -> Group:
    """The group of a finding."""
    return CODES[found.code][0]
