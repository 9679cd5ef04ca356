"""What an administrator may set about talking to strangers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from botkit.identifiers import parse_address
from botkit.outbound.endpoint import parse_routes
from botkit.outbound.policy import AddressPolicy

DEFAULT_USER_AGENT = "foci-bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundSettings:
    """
    Limits and exceptions for everything fetched from strangers.

    Attributes:
        timeout: seconds for one request, name resolution included.
        max_body: bytes of a response body after decompression.
        concurrency: requests in flight at once; more of them wait.
        per_destination: requests and look-ups a minute to one address or registrable domain, for each `Purpose`.
        nameservers: "address" or "address:port", instead of the system's.
        allow_private: CIDRs exempt from the address policy.
        ca_file: PEM trust anchors on top of the system's.
        connect_to: "host:port" to addresses, with or without a port, used instead of DNS.
        user_agent: None for the default.
        names_private: failures say which private address a name resolves to; on a terminal only, not before strangers.

    Raises:
        ValueError: an entry cannot be read; the text names it.
    """

    timeout: float = 10.0
    max_body: int = 262144
    concurrency: int = 64
    per_destination: float = 240.0
    nameservers: tuple[str, ...] = ()
    allow_private: tuple[str, ...] = ()
    ca_file: Path | None = None
    connect_to: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    user_agent: str | None = None
    names_private: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.timeout < float("inf"):
            raise ValueError("timeout: must be more than 0 seconds")
        if self.max_body < 1:
            raise ValueError("max_body: must be at least 1 byte")
        if self.concurrency < 1:
            raise ValueError("concurrency: must be at least 1")
        if self.per_destination < 1:
            raise ValueError("per_destination: must be at least 1 a minute")
        if self.user_agent is not None and not (self.user_agent.isascii() and self.user_agent.isprintable()):
            raise ValueError("user_agent: must be printable ASCII")
        for nameserver in self.nameservers:
            _check_nameserver(nameserver)
        AddressPolicy(self.allow_private)
        parse_routes(self.connect_to)


def _check_nameserver(text: str) -> None:
    try:
        parse_address(text)
    except ValueError as error:
        raise ValueError(f"nameservers: {text!r} is not an address such as 192.0.2.53:53 ({error})") from None
