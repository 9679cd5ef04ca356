"""URLs of strangers, read strictly: what is odd is refused, never repaired into something else."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

import idna
from yarl import URL

from botkit.identifiers import HostPort, parse_host_port
from botkit.messages.sanitise import clean_line, closed, quoted
from botkit.outbound.model import FailureKind

LONGEST_URL = 4096
"""Characters."""

_LONGEST_NAME = 253
_LONGEST_LABEL = 63
_URL = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?#\\]*)(?:[/?#][^\x00-\x1f\x7f]*)?")
_NAME = re.compile(r"[a-z0-9._-]+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"http": 80, "https": 443}
# Dots that IDNA would turn into separators.
_FOREIGN_DOTS = frozenset("\u3002\uff0e\uff61")


class UrlError(Exception):
    """
    A URL or host that nothing can be fetched from.

    Attributes:
        kind: URL_INVALID, or DNS_BADNAME for a name that DNS cannot hold.
        detail: one line for people; never holds a password from the URL.
    """

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Host:
    """A host as it is looked up: a lower-case ASCII name, or an IP literal without brackets."""

    name: str
    literal: bool


@dataclass(frozen=True, slots=True)
class Url:
    """A URL that has been read: ``url`` is as it will be sent, its fragment gone."""

    scheme: str
    host: Host
    port: int
    url: URL

    @property
    def host_header(self) -> str:
        """The Host header (RFC 9110 section 7.2)."""
        return str(HostPort(self.host.name, None if self.port == _PORTS[self.scheme] else self.port))


def parse_url(text: str) -> Url:
    """
    Read an absolute http or https URL.

    Raises:
        UrlError: it is not one, or its host or port is not legal, or it carries a user name.
    """
    scheme, authority = _split(text)
    try:
        named = parse_host_port(authority.removesuffix(":"))
    except ValueError as error:
        raise _invalid(f"the URL cannot be read: {error}") from None
    host = parse_host(named.url_host)
    port = named.port or _PORTS[scheme]
    try:
        url = URL(text).with_fragment(None)
        same = url.scheme == scheme and url.port == port and _same_host(url.raw_host, host)
    except ValueError as error:
        raise _invalid(f"the URL cannot be read: {error}") from None
    if not same:
        raise _invalid("the URL can be read in more than one way")
    return Url(scheme, host, port, url)


def parse_host(text: str) -> Host:
    """
    Read a host: a name (internationalised ones become their xn-- form) or an IP literal, IPv6 with or
    without brackets.

    Raises:
        UrlError: it is neither.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if text.startswith("[") or ":" in text:
        return _ipv6(bare)
    name = (text if text.isascii() else _internationalised(text)).lower()
    if not _NAME.fullmatch(name):
        raise _invalid(f"{quoted(text, 80)} is not a legal host name")
    if _NUMBER.fullmatch(name.rstrip(".").rpartition(".")[2]):
        return _ipv4(name)
    labels = name.removesuffix(".").split(".")
    if len(name) > 254 or not all(1 <= len(label) <= 63 for label in labels):
        raise UrlError(FailureKind.DNS_BADNAME, f"{quoted(name, 80)} is not a name that DNS can hold")
    return Host(name, literal=False)


def _split(text: str) -> tuple[str, str]:
    if len(text) > LONGEST_URL:
        raise _invalid(f"the URL is longer than {LONGEST_URL} characters")
    if not text.isascii() and any(unicodedata.category(char) == "Cs" for char in text):
        raise _invalid("the URL holds a lone surrogate")
    found = _URL.fullmatch(text)
    if found is None:
        raise _invalid("not an absolute URL")
    scheme = found["scheme"].lower()
    if scheme not in _PORTS:
        raise _invalid(f"the URL's scheme is {quoted(scheme, 20)}, not https")
    if "@" in found["authority"]:
        raise _invalid("the URL carries a user name or password")
    return scheme, found["authority"]


def _ipv6(text: str) -> Host:
    try:
        address = IPv6Address(text)
    except ValueError:
        address = None
    if address is None or address.scope_id is not None:
        raise _invalid(f"{quoted(text, 80)} is not a legal IPv6 address")
    return Host(str(address), literal=True)


def _ipv4(text: str) -> Host:
    try:
        return Host(str(IPv4Address(text)), literal=True)
    except ValueError:
        raise _invalid(f"{quoted(text, 80)} is not a legal IPv4 address") from None


def _internationalised(text: str) -> str:
    # before anything that costs more than the text is long
    if len(text) > _LONGEST_NAME or any(len(label) > _LONGEST_LABEL for label in text.split(".")):
        raise UrlError(FailureKind.DNS_BADNAME, f"{quoted(text, 80)} is not a name that DNS can hold")
    if unicodedata.normalize("NFKC", text) != text:
        raise _invalid(f"{quoted(text, 80)} has look-alike characters")
    for char in text:
        if char in _FOREIGN_DOTS or not (char.isascii() or unicodedata.category(char)[0] in "LM"):
            raise _invalid(f"{quoted(text, 80)} is not a legal host name")
    try:
        return idna.encode(text, uts46=True).decode()
    except idna.IDNAError:
        raise _invalid(f"{quoted(text, 80)} is not a legal host name") from None


def _same_host(raw: str | None, host: Host) -> bool:
    if raw is None or not host.literal:
        return raw == host.name
    return ip_address(raw) == ip_address(host.name)


def _invalid(detail: str) -> UrlError:
    return UrlError(FailureKind.URL_INVALID, closed(clean_line(detail)))
