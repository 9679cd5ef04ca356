"""The ``network`` section: bounds on everything that is fetched from strangers."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from botkit.config.section import RelativePath, Section
from botkit.config.units import PositiveDuration, Rate, RateLimit, Size
from botkit.identifiers import parse_address, parse_server_name

if TYPE_CHECKING:
    from botkit.outbound import OutboundSettings
    from botkit.plugin import Limits


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError("must be a CIDR block such as 10.1.0.0/16 or fd00::/8, without host bits") from None
    return text


def _endpoint(text: str) -> str:
    """An address with or without a port: ``192.0.2.7``, ``192.0.2.7:8443``, ``[::1]:8443``."""
    try:
        parse_address(text)
    except ValueError:
        raise ValueError("must be an address such as 192.0.2.7, 192.0.2.7:8443 or [2001:db8::7]:8443") from None
    return text


def _origin(text: str) -> str:
    try:
        named = parse_server_name(text).port is not None
    except ValueError:
        named = False
    if not named:
        raise ValueError("must have keys of the form host:port, such as example.org:443")
    return text.lower()


def _existing_file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"file {path} does not exist")
    return path


def _one_or_several(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: (inner,) if isinstance(inner, str) else inner for key, inner in value.items()}
    return value


def _header_value(text: str) -> str:
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise ValueError("must be printable ASCII on one line")
    return text


def _at_least_one_a_minute(rate: Rate) -> Rate:
    if rate.count * 60 < rate.seconds:
        raise ValueError("must be at least 1/min")
    return rate


Endpoints = Annotated[tuple[Annotated[str, AfterValidator(_endpoint)], ...], Field(min_length=1)]


class NetworkConfig(Section):
    """
    Attributes:
        timeout: seconds for one request.
        deadline: seconds for the whole check of one server.
        max_body: bytes of a body, after decompression.
        per_destination: requests to one address or registrable domain, for commands and as many for rooms' watches.
        connect_to: ``host:port`` to the addresses to talk to instead, in order.
    """

    timeout: PositiveDuration = 10.0
    deadline: PositiveDuration = 20.0
    max_body: Annotated[Size, Field(ge=1024, le=64 * 1024**2)] = 256 * 1024
    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    concurrency: Annotated[int, Field(ge=1, le=4096)] = 64
    per_destination: Annotated[RateLimit, AfterValidator(_at_least_one_a_minute)] = Rate(240, 60.0)
    nameservers: tuple[Annotated[str, AfterValidator(_endpoint)], ...] = ()
    allow_private: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    ca_file: Annotated[RelativePath, AfterValidator(_existing_file)] | None = None
    connect_to: Annotated[
        Mapping[Annotated[str, AfterValidator(_origin)], Endpoints], BeforeValidator(_one_or_several)
    ] = {}
    user_agent: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_header_value)] | None = None

    def outbound(self) -> OutboundSettings:
        """What the outbound client needs of this section."""
        # Imported here: reading a configuration needs no HTTP client.
        from botkit.outbound import OutboundSettings

        return OutboundSettings(
            timeout=self.timeout,
            max_body=self.max_body,
            concurrency=self.concurrency,
            per_destination=self.per_destination.count * 60 / self.per_destination.seconds,
            nameservers=self.nameservers,
            allow_private=self.allow_private,
            ca_file=self.ca_file,
            connect_to=self.connect_to,
            user_agent=self.user_agent,
        )

    def limits(self) -> Limits:
        """What plugins need of this section."""
        from botkit.plugin import Limits

        return Limits(self.timeout, self.deadline, self.max_redirects, self.concurrency)
