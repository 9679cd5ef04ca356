"""HTTP to strangers: which addresses may be talked to, what was observed on the way, and why it failed."""

from botkit.outbound.client import OutboundClient
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
from botkit.outbound.resolution import Resolution
from botkit.outbound.services import Service
from botkit.outbound.settings import OutboundSettings
from botkit.outbound.slots import one_party
from botkit.outbound.stream import Stream
from botkit.outbound.target import Host, Target, TargetError, parse_host, parse_target

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
    "Phase",
    "Resolution",
    "Response",
    "Service",
    "Stream",
    "Target",
    "TargetError",
    "one_party",
    "parse_host",
    "parse_target",
]
