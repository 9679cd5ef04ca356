"""Which services may be shown an OpenID token of the bot's account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from botkit.identifiers import HostPort, parse_host_port
from botkit.outbound.url import UrlError, parse_host, parse_url
from plugins.foci.discovery.homeserver import HomeserverAnswer, entries_of
from plugins.foci.discovery.well_known import WellKnownAnswer
from plugins.foci.model import Entry
from plugins.foci.service_url import ServiceUrl


@dataclass(frozen=True, slots=True)
class OwnList:
    """
    The services to which the bot's homeserver sends its users, as far as they could be read.

    Attributes:
        complete: both places of the list could be read, so that a service that is not here is not listed.
    """

    services: frozenset[str]
    complete: bool


def read_service(text: str) -> str:
    """
    A service as an operator names it, ``host`` or ``host:port``, as ``host:port`` in lower case; without a port 443.

    Raises:
        ValueError: it is neither.
    """
    try:
        named = parse_host_port(text)
        return str(HostPort(parse_host(named.host).name, named.port or 443))
    except (ValueError, UrlError):
        raise ValueError("must be host or host:port, such as rtc.example.org") from None


def place_of(url: ServiceUrl) -> str:
    """``host:port`` of a service URL, comparable."""
    try:
        name = parse_host(url.host).name
    except UrlError:
        name = url.host.lower()
    return str(HostPort(name, url.port))


def asked_place(url: ServiceUrl) -> str | None:
    """``host:port`` that a request to the URL goes to, read as the network does; None if none would be sent."""
    try:
        target = parse_url(url.text)
    except UrlError:
        return None
    return str(HostPort(target.host.name, target.port))


def services_of(entries: Iterable[Entry]) -> frozenset[str]:
    """The services that a homeserver's own list names, and so sends its users' tokens to."""
    urls = (entry.probe_url for entry in entries)
    return frozenset(place_of(url) for url in urls if url is not None and not url.fault and url.kind == "authorisation")


def read_own_list(well_known: WellKnownAnswer, homeserver: HomeserverAnswer) -> OwnList:
    """The own homeserver's list, from its well-known and its transports endpoint."""
    transports = homeserver.transports
    listed = transports.entries is not None or transports.endpoint == "absent"
    complete = listed and well_known.report.outcome != "failed"
    return OwnList(services_of(entries_of(well_known, homeserver)), complete)
