"""Which services may be shown an OpenID token of the bot's account."""

from __future__ import annotations

from collections.abc import Iterable

from plugins.foci.entries import probe_url
from plugins.foci.model import Entry
from plugins.foci.service_url import ServiceUrl, read_service_url


def read_service(text: str) -> str:
    """
    A service as an operator names it, ``host`` or ``host:port``, as ``host:port`` in lower case; without a port 443.

    Raises:
        ValueError: it is neither.
    """
    url = read_service_url(f"https://{text}")
    if url.fault or url.path or text != text.strip():
        raise ValueError("must be host or host:port, such as rtc.example.org")
    return place_of(url)


def place_of(url: ServiceUrl) -> str:
    """``host:port`` of a service URL, comparable."""
    return url.origin.removeprefix(f"{url.scheme}://").lower()


def services_of(entries: Iterable[Entry]) -> frozenset[str]:
    """The services that a homeserver's own list names, and so sends its users' tokens to."""
    urls = (probe_url(entry) for entry in entries)
    return frozenset(place_of(url) for url in urls if url is not None and not url.fault and url.kind == "authorisation")
