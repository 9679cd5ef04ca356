"""The record of one request under way, filled in by the socket, the TLS object and the response."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from botkit.outbound.certificate import read_certificate
from botkit.outbound.dns import Resolution
from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import ConnectionFacts, Failure, Phase


class AddressRefusedError(OSError):
    """The address policy forbids this address. An OSError because the connector handles only those."""

    def __init__(self, address: str, rule: str) -> None:
        super().__init__(errno.EACCES, f"{address} is refused: {rule}")


SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""Errors that are this machine's own, and pass."""


class BudgetSpentError(OSError):
    """No more may be asked of this address for now."""


class WireBudgetError(OSError):
    """The other side sent more than any answer within the bounds can need."""


@dataclass(slots=True)
class Attempt:
    """
    What is known so far. Times are loop time.

    Attributes:
        tried: endpoints a socket was opened for, in order, with the errno of those that failed.
        refused: the endpoint and rule that the address policy stopped at the socket.
        spent: an endpoint was not tried, for what may be asked of it is spent.
        leaf: the other side's certificate (DER), trusted or not.
        wire_limit: bytes that may arrive, head and body.
        overrun: what was too long, when the wire budget was spent.
        read_error: errno with which reading from the socket ended, if it did not end in order.
        peer_closed: the other side ended the connection, in order or not.
        alert: OpenSSL's reason with which TLS ended after the handshake.
        tls: what an encrypted connection offers.
        group_refused: the other side ended the handshake because it has nothing in common with that.
    """

    clock: Callable[[], float]
    head_limit: int
    wire_limit: int
    encrypted: bool = True
    resolution: Resolution | None = None
    endpoints: tuple[Endpoint, ...] = ()
    tried: dict[Endpoint, int | None] = field(default_factory=dict)
    refused: tuple[Endpoint, str] | None = None
    spent: Failure | None = None
    peer: Endpoint | None = None
    connect_at: float | None = None
    tcp_at: float | None = None
    tls_at: float | None = None
    leaf: bytes | None = None
    tls_version: str | None = None
    received: int = 0
    head_read: bool = False
    overrun: str | None = None
    read_error: int | None = None
    peer_closed: bool = False
    alert: str = ""
    tls: ssl.SSLContext | None = None
    group_refused: bool = False

    @property
    def phase(self) -> Phase:
        """The phase the request is in."""
        if self.connect_at is None:
            return Phase.ADDRESS
        if self.tcp_at is None:
            return Phase.CONNECT
        if self.encrypted and self.tls_at is None:
            return Phase.TLS
        return Phase.HTTP

    def dialling(self, endpoint: Endpoint) -> None:
        """A socket for this endpoint is about to be connected."""
        self.tried[endpoint] = None
        if self.tcp_at is None:
            self.peer = endpoint

    def dial_failed(self, endpoint: Endpoint, error: int | None) -> None:
        """Connecting to this endpoint ended with this errno."""
        self.tried[endpoint] = error or errno.EIO

    def tcp_done(self, endpoint: Endpoint | None = None) -> None:
        """TCP is up. The first endpoint to get there is the one that is talked to."""
        if self.tcp_at is None:
            self.tcp_at = self.clock()
            self.peer = endpoint or self.peer

    def tls_done(self, leaf: bytes | None, version: str | None) -> None:
        """The TLS handshake succeeded."""
        self.leaf, self.tls_version, self.tls_at = leaf, version, self.clock()

    def arrived(self, count: int) -> None:
        """So many bytes were read from the socket; none means that the other side is done."""
        self.received += count
        if count == 0:
            self.peer_closed = True

    def read_failed(self, error: int | None) -> None:
        """Reading from the socket ended with this errno."""
        self.read_error = error or errno.EIO
        self.peer_closed = self.overrun is None

    def check_budget(self) -> None:
        """
        Called before more is read from the socket.

        Raises:
            WireBudgetError: too much has arrived already.
        """
        if not self.head_read and self.received > self.head_limit:
            self.overrun = f"more than {self.head_limit // 1024} KiB before the end of the response's header"
        elif self.received > self.wire_limit:
            self.overrun = f"more than {self.wire_limit // 1024} KiB on the wire"
        if self.overrun is not None:
            raise WireBudgetError(errno.EMSGSIZE, self.overrun)

    def facts(self) -> ConnectionFacts:
        """The record as a value."""
        now = self.clock()
        resolution = self.resolution
        tls_from = self.tcp_at if self.encrypted else None
        http_from = self.tls_at if self.encrypted else self.tcp_at
        return ConnectionFacts(
            addresses=resolution.addresses if resolution else (),
            peer=self.peer.address if self.peer else None,
            phase=self.phase,
            address_ms=resolution.elapsed_ms if resolution else None,
            connect_ms=_span(self.connect_at, self.tcp_at, now),
            tls_ms=_span(tls_from, self.tls_at, now),
            http_ms=_span(http_from, None, now),
            certificate=read_certificate(self.leaf) if self.leaf else None,
            tls_version=self.tls_version,
        )


# Context, not state: each request sets its own, and the sockets opened in its tasks see that one.
CURRENT: ContextVar[Attempt | None] = ContextVar("outbound_attempt", default=None)


def _span(start: float | None, end: float | None, now: float) -> float | None:
    return None if start is None else ((now if end is None else end) - start) * 1000
