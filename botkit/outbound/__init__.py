"""HTTP to strangers: which addresses may be talked to, what was observed on the way, and why it failed."""

from botkit.outbound.budget import Party, Payer, Purpose, current_party, one_party
from botkit.outbound.client import OutboundClient
from botkit.outbound.dns import Resolution, SrvRecord
from botkit.outbound.endpoint import Endpoint
from botkit.outbound.homeserver import HomeserverReader
from botkit.outbound.model import (
    Answered,
    Certificate,
    ConnectionFacts,
    Exchange,
    Failed,
    Failure,
    FailureKind,
    Phase,
    Response,
)
from botkit.outbound.policy import AddressPolicy
from botkit.outbound.settings import OutboundSettings
from botkit.outbound.stream import Stream
from botkit.outbound.url import Host, Url, UrlError, parse_host, parse_url

__all__ = [
    "AddressPolicy",
    "Answered",
    "Certificate",
    "ConnectionFacts",
    "Endpoint",
    "Exchange",
    "Failed",
    "Failure",
    "FailureKind",
    "HomeserverReader",
    "Host",
    "OutboundClient",
    "OutboundSettings",
    "Party",
    "Payer",
    "Phase",
    "Purpose",
    "Resolution",
    "Response",
    "SrvRecord",
    "Stream",
    "Url",
    "UrlError",
    "current_party",
    "one_party",
    "parse_host",
    "parse_url",
]
