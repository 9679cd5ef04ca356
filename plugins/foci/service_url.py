"""The URL of an authorisation service or SFU as clients would use it, judged without touching the network."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from botkit.identifiers import HostPort, parse_host_port
from botkit.messages.sanitise import quoted
from botkit.outbound.url import LONGEST_URL, UrlError, parse_host

_ENDPOINTS = ("/sfu/get", "/get_token")
_LONGEST_HOST = 400
"""Characters, port included; DNS allows 253, and normalising a name of thousands takes seconds."""

RESTRICTED_SERVICES = frozenset({"livekit-jwt.call.matrix.org"})
"""Services known to open no rooms for users of other servers (element-call#3510)."""


@dataclass(frozen=True, slots=True)
class ServiceUrl:
    """
    A URL taken apart.

    Attributes:
        kind: what is expected to answer there.
        fault: why it cannot be used as written, as a finding code; None when it can be probed.
        detail: what is wrong, one line of marked text.
        scheme, host, port, path: its parts; empty where it could not be parsed.
    """

    text: str
    kind: Literal["authorisation", "sfu"] = "authorisation"
    scheme: str = ""
    host: str = ""
    port: int = 0
    path: str = ""
    fault: str | None = None
    detail: str = ""

    @property
    def trailing_slash(self) -> bool:
        """Clients append paths by plain concatenation, so a slash at the end is doubled."""
        return self.text.endswith("/")

    @property
    def includes_endpoint(self) -> bool:
        """Whether the path already ends in an endpoint that clients append."""
        return self.path.rstrip("/").endswith(_ENDPOINTS)

    @property
    def origin(self) -> str:
        """``scheme://host:port``, the thing that is up or down."""
        return f"{self.scheme}://{HostPort(self.host, self.port)}"


def read_service_url(text: str) -> ServiceUrl:
    """Take a ``livekit_service_url`` apart; every fault that a client would stumble over is named."""
    parsed = _split(text, {"https": 443, "http": 80, "wss": 443, "ws": 80})
    if parsed.fault:
        return parsed
    if parsed.scheme in ("ws", "wss"):
        return _faulty(
            parsed,
            "scheme-ws",
            f"`{parsed.scheme}://` is an address for the SFU, not for its authorisation service",
        )
    if parsed.scheme == "http":
        return _faulty(parsed, "scheme-http", "`http://` is refused by browsers on an https page")
    return parsed


def read_sfu_url(text: str) -> ServiceUrl:
    """Take the ``url`` of a newer entry apart and give the https URL under which its host is probed."""
    parsed = _split(text, {"wss": 443, "ws": 80, "https": 443, "http": 80})
    if parsed.fault:
        return parsed
    if parsed.scheme in ("ws", "http"):
        return _faulty(parsed, "scheme-http", f"`{parsed.scheme}://` is refused by browsers on an https page")
    https = "https" + text[len(parsed.scheme) :]
    return ServiceUrl(https, "sfu", "https", parsed.host, parsed.port, parsed.path)


def registrable_domain(host: str, suffixes: PublicSuffixList) -> str:
    """The registrable domain (Public Suffix List); the host itself for addresses and bare suffixes."""
    if is_address(host):
        return host
    return suffixes.privatesuffix(host.lower().rstrip(".")) or host.lower()


def is_address(host: str) -> bool:
    """Whether the host is an IP literal (brackets already removed)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback_name(host: str) -> bool:
    """Whether a name means the local machine (RFC 6761, section 6.3)."""
    name = host.lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost")


def is_legal_host(host: str) -> bool:
    """Whether the host could be looked up and dialled; IPv6 literals without brackets."""
    try:
        parse_host(host)
    except UrlError:
        return False
    return True


def _split(text: str, ports: dict[str, int]) -> ServiceUrl:
    invalid = ServiceUrl(text, fault="livekit-url-invalid")
    scheme, colon, rest = text.partition("://")
    scheme = scheme.lower()
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if len(text) > LONGEST_URL:
        return _faulty(invalid, "livekit-url-invalid", f"it is longer than {LONGEST_URL} characters")
    if _has_blanks(text):
        unfilled = scheme in ports and " " in authority and authority.isprintable() and _looks_templated(authority)
        told = "it has spaces or control characters"
        return _placeholder(invalid, authority) if unfilled else _faulty(invalid, "livekit-url-invalid", told)
    if not colon or scheme not in ports:
        return _faulty(invalid, "livekit-url-invalid", "it is not an `https://` URL")
    if "@" in authority:
        return _faulty(invalid, "livekit-url-invalid", "it has user information before the host")
    if not authority or len(authority) > _LONGEST_HOST:
        return _placeholder(replace(invalid, scheme=scheme), authority)
    try:
        named = parse_host_port(authority.removesuffix(":"))
        host = parse_host(named.url_host)
    except UrlError:
        return _placeholder(replace(invalid, scheme=scheme), authority)
    except ValueError as error:
        if _looks_templated(authority):
            return _placeholder(invalid, authority)
        return _faulty(invalid, "livekit-url-invalid", f"it does not parse as a URL ({error})")
    path = re.split(r"[?#]", rest[len(authority) :], maxsplit=1)[0]
    result = ServiceUrl(text, "authorisation", scheme, host.name, named.port or ports[scheme], path)
    if "?" in text or "#" in text:
        return _faulty(
            result,
            "livekit-url-invalid",
            "clients append paths to it, so it must not have a query or a fragment",
        )
    return result


def _has_blanks(text: str) -> bool:
    return text != text.strip() or any(ord(c) < 0x21 or 0x7F <= ord(c) < 0xA0 for c in text)


def _looks_templated(host: str) -> bool:
    return any(mark in host for mark in "${}<>[]%")


def _placeholder(parsed: ServiceUrl, host: str) -> ServiceUrl:
    shown = quoted(host) if host else "an empty host"
    return _faulty(parsed, "placeholder-host", f"{shown} is not a valid host name")


def _faulty(parsed: ServiceUrl, fault: str, detail: str) -> ServiceUrl:
    return replace(parsed, fault=fault, detail=detail)


def host_of(url: str) -> str:
    """The host of a URL that was judged before, as written in a URL (brackets kept, port left out)."""
    return parse_host_port(urlsplit(url).netloc.removesuffix(":")).url_host
