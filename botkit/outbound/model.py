"""What a request to a stranger observed: values only, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Phase(StrEnum):
    """How far a request got; each phase starts only when the one before it succeeded."""

    ADDRESS = "address"
    CONNECT = "connect"
    TLS = "tls"
    HTTP = "http"


class FailureKind(StrEnum):
    """Why a request failed. The prefix is the phase it failed in."""

    URL_INVALID = "url_invalid"
    DNS_NXDOMAIN = "dns_nxdomain"
    DNS_NODATA = "dns_nodata"
    DNS_BADNAME = "dns_badname"
    DNS_SERVFAIL = "dns_servfail"
    DNS_REFUSED = "dns_refused"
    DNS_TIMEOUT = "dns_timeout"
    PORT_BLOCKED = "port_blocked"
    """Browsers refuse this port (Fetch standard, "bad port")."""
    PORT_AVOIDED = "port_avoided"
    """Nothing is sent to this port on a stranger's word: it is known for something else than the web."""
    PRIVATE_LITERAL = "private_literal"
    PRIVATE_NAME = "private_name"
    NO_ROUTE = "no_route"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_RESET = "connect_reset"
    TLS_EXPIRED = "tls_expired"
    TLS_NOT_YET_VALID = "tls_not_yet_valid"
    TLS_SELF_SIGNED = "tls_self_signed"
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_HOSTNAME = "tls_hostname"
    TLS_PROTOCOL = "tls_protocol"
    TLS_NO_CERTIFICATE = "tls_no_certificate"
    TLS_CLIENT_CERTIFICATE = "tls_client_certificate"
    TLS_RESET = "tls_reset"
    TLS_TIMEOUT = "tls_timeout"
    TLS_UNREAD = "tls_unread"
    """Ended here: its certificates are more than the bot reads. Says nothing about other clients."""
    HTTP_TIMEOUT = "http_timeout"
    HTTP_PROTOCOL = "http_protocol"
    HTTP_CODING = "http_coding"
    HTTP_DISCONNECTED = "http_disconnected"
    BODY_TOO_LARGE = "body_too_large"
    LOCAL_FAULT = "local_fault"
    """This machine's own fault (no file descriptors, no memory): says nothing about the other side."""
    BUDGET_SPENT = "budget_spent"
    """Not asked: what may be asked of one host is spent for now. Says nothing about the other side."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The leaf certificate that the other side presented, trusted or not. Times are UTC."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """
    What was learnt about the way to a host, also when the request failed on it.

    Attributes:
        addresses: every address of the name (both families), or the literal; empty if DNS failed.
        peer: the address that was talked to, or the last one tried.
        phase: the phase that was reached (HTTP means that the request was sent).
        address_ms, connect_ms, tls_ms, http_ms: time spent in each phase; None when it was not entered.
        certificate: the leaf certificate, known also when its verification failed.
        tls_version: such as "TLSv1.3".
    """

    addresses: tuple[str, ...] = ()
    peer: str | None = None
    phase: Phase = Phase.ADDRESS
    address_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    http_ms: float | None = None
    certificate: Certificate | None = None
    tls_version: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """
    Why a request has no answer.

    Attributes:
        kind: the class of the failure.
        phase: where it happened.
        detail: one line of marked text for people; bounded, no control characters, no secrets, no bodies.
    """

    kind: FailureKind
    phase: Phase
    detail: str


@dataclass(frozen=True, slots=True)
class Response:
    """
    An answer, whole and within the bounds.

    Attributes:
        headers: lower-case name to every value sent, in order.
        body: decoded (gzip) bytes, at most ``max_body``.
    """

    status: int
    headers: Mapping[str, tuple[str, ...]]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        values = self.headers.get(name.lower(), ())
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, and what was learnt on its way."""

    method: str
    url: str
    elapsed_ms: float
    connection: ConnectionFacts


@dataclass(frozen=True, slots=True)
class Answered(_Asked):
    """A request that was answered."""

    response: Response


@dataclass(frozen=True, slots=True)
class Failed(_Asked):
    """A request that has no answer."""

    failure: Failure


Exchange = Answered | Failed
"""One request and what came of it."""
