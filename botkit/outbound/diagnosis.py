"""From an exception and the record of the attempt to a failure that people can act on."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from datetime import datetime

from botkit.messages.sanitise import clean_line, closed, quoted
from botkit.outbound.attempt import SHORTAGES, Attempt
from botkit.outbound.certificate import read_certificate
from botkit.outbound.dns import refusal
from botkit.outbound.endpoint import Endpoint
from botkit.outbound.flight import FlightError
from botkit.outbound.model import Failure, FailureKind, Phase
from botkit.outbound.url import Url

# X509_V_ERR_* codes of OpenSSL's x509_vfy.h.
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED_LEAF = 18
_UNTRUSTED = frozenset({19, 20, 21})
_HOSTNAME = frozenset({62, 64})

# OpenSSL's reasons for the alerts (RFC 8446, section 6.2) that servers send where they have no certificate for the
# name (Go's servers, Caddy among them, send internal_error), and to clients that present none.
_NAME_ALERTS = {
    "TLSV1_UNRECOGNIZED_NAME": "unrecognized_name",
    "TLSV1_ALERT_UNRECOGNIZED_NAME": "unrecognized_name",
    "TLSV1_ALERT_INTERNAL_ERROR": "internal_error",
}
_CLIENT_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "certificate_required",
    "SSLV3_ALERT_BAD_CERTIFICATE": "bad_certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "handshake_failure",
}

_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EAFNOSUPPORT})
_RESET = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})
_CONNECT_TEXTS = {
    FailureKind.LOCAL_FAULT: "this machine cannot open a connection to {} ({})",
    FailureKind.CONNECT_REFUSED: "connection refused on {}",
    FailureKind.CONNECT_RESET: "connection reset by {}",
    FailureKind.CONNECT_TIMEOUT: "no answer to SYN from {}",
    FailureKind.NO_ROUTE: "no route from here to {}",
}
_NAMES_SHOWN = 3


class Diagnosis:
    """
    Classifies failures.

    Args:
        now: the time of day, to distinguish an expired leaf from an expired certificate above it.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def timed_out(self, attempt: Attempt, target: Url) -> Failure:
        """The failure of a request whose time ran out, by the phase it was in."""
        phase = attempt.phase
        if attempt.spent is not None and phase in (Phase.ADDRESS, Phase.CONNECT):
            return attempt.spent
        now = attempt.clock()
        if phase is Phase.ADDRESS:
            return Failure(FailureKind.DNS_TIMEOUT, phase, _line(f"no answer from DNS for {quoted(target.host.name)}"))
        if phase is Phase.CONNECT:
            silent = [endpoint for endpoint, error in attempt.tried.items() if error is None]
            waited = _seconds(now - (attempt.connect_at or now))
            detail = f"no answer to SYN from {_list(silent or list(attempt.tried))} within {waited}"
            return Failure(FailureKind.CONNECT_TIMEOUT, phase, _line(detail))
        if phase is Phase.TLS:
            waited = _seconds(now - (attempt.tcp_at or now))
            detail = f"`{attempt.peer}` accepted the connection but did not finish TLS within {waited}"
            return Failure(FailureKind.TLS_TIMEOUT, phase, _line(detail))
        waited = _seconds(now - (attempt.tls_at or attempt.tcp_at or now))
        missing = "the whole response" if attempt.head_read else "a response"
        return Failure(
            FailureKind.HTTP_TIMEOUT, phase, _line(f"`{attempt.peer}` did not send {missing} within {waited}")
        )

    def failed(self, error: Exception, attempt: Attempt, target: Url) -> Failure:
        """The failure behind an exception of the connector, the TLS layer or the HTTP layer."""
        if attempt.refused is not None:
            endpoint, rule = attempt.refused
            return refusal(target.host, endpoint.address, rule)
        cause = _root(error)
        phase = attempt.phase
        if attempt.spent is not None and phase in (Phase.ADDRESS, Phase.CONNECT):
            return attempt.spent
        if isinstance(cause, OSError) and cause.errno in SHORTAGES:
            return Failure(
                FailureKind.LOCAL_FAULT, phase, _line(f"this machine is short of resources ({_name(cause)})")
            )
        if phase in (Phase.ADDRESS, Phase.CONNECT):
            return _connect_failure(cause, attempt)
        if phase is Phase.TLS:
            return self._tls_failure(cause, attempt, target)
        if attempt.alert in _CLIENT_ALERTS and not attempt.head_read:
            return Failure(FailureKind.TLS_CLIENT_CERTIFICATE, Phase.TLS, _line(_demanded(attempt.alert, attempt)))
        return Failure(FailureKind.HTTP_DISCONNECTED, phase, _line(_disconnected(cause, attempt)))

    def _tls_failure(self, cause: BaseException, attempt: Attempt, target: Url) -> Failure:
        if isinstance(cause, FlightError):
            kind, detail = cause.kind, _unread(cause, attempt)
        elif attempt.overrun is not None:
            kind, detail = FailureKind.TLS_UNREAD, f"not tested: `{attempt.peer}` sent {attempt.overrun}"
        elif isinstance(cause, ssl.SSLCertVerificationError):
            kind, detail = self._verification_failure(cause, attempt, target)
        elif isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            kind, detail = FailureKind.TLS_RESET, f"`{attempt.peer}` closed the connection during TLS"
        elif isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None):
            kind, detail = _refusal(cause.reason, attempt, target)
        elif isinstance(cause, ConnectionAbortedError):
            # asyncio's own limit on the handshake, which matters only when the request's is longer.
            kind, detail = FailureKind.TLS_TIMEOUT, f"`{attempt.peer}` did not finish TLS"
        else:
            # OpenSSL gives no reason where the connection was lost under it.
            kind, detail = FailureKind.TLS_RESET, f"`{attempt.peer}` reset or closed the connection during TLS"
        return Failure(kind, Phase.TLS, _line(detail))

    def _verification_failure(
        self, cause: ssl.SSLCertVerificationError, attempt: Attempt, target: Url
    ) -> tuple[FailureKind, str]:
        leaf = read_certificate(attempt.leaf) if attempt.leaf else None
        code = cause.verify_code
        if code == _EXPIRED:
            if leaf is not None and leaf.not_after <= self._now():
                return FailureKind.TLS_EXPIRED, f"certificate expired on {leaf.not_after:%Y-%m-%d}"
            return FailureKind.TLS_EXPIRED, "a certificate in the chain above the server's own has expired"
        if code == _NOT_YET_VALID:
            if leaf is not None and leaf.not_before > self._now():
                return FailureKind.TLS_NOT_YET_VALID, f"certificate is not valid before {leaf.not_before:%Y-%m-%d}"
            return FailureKind.TLS_NOT_YET_VALID, "a certificate in the chain is not valid yet"
        if code == _SELF_SIGNED_LEAF:
            return FailureKind.TLS_SELF_SIGNED, "certificate is self-signed"
        if code in _HOSTNAME:
            names = leaf.names if leaf is not None else ()
            shown = ", ".join(quoted(name) for name in names[:_NAMES_SHOWN]) or "no name at all"
            more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
            return FailureKind.TLS_HOSTNAME, f"certificate is for {shown}{more}, not for {quoted(target.host.name)}"
        if code in _UNTRUSTED:
            issuer = f" ({quoted(leaf.issuer)})" if leaf is not None and leaf.issuer else ""
            return FailureKind.TLS_UNTRUSTED, f"certificate's issuer{issuer} is unknown, or the chain is incomplete"
        return FailureKind.TLS_UNTRUSTED, f"certificate is not accepted: {cause.verify_message}"


def _connect_failure(cause: BaseException, attempt: Attempt) -> Failure:
    failures = {endpoint: error for endpoint, error in attempt.tried.items() if error is not None}
    by_kind: dict[FailureKind, list[Endpoint]] = {}
    for endpoint, error in failures.items():
        by_kind.setdefault(_connect_kind(endpoint, error), []).append(endpoint)
    for kind, text in _CONNECT_TEXTS.items():
        if kind in by_kind:
            endpoints = by_kind[kind]
            code = failures[endpoints[0]]
            detail = text.format(_list(endpoints), errno.errorcode.get(code, str(code)))
            return Failure(kind, Phase.CONNECT, _line(detail))
    return Failure(FailureKind.LOCAL_FAULT, attempt.phase, _line(f"cannot connect ({_name(cause)})"))


def _connect_kind(endpoint: Endpoint, error: int) -> FailureKind:
    if error == errno.ECONNREFUSED:
        return FailureKind.CONNECT_REFUSED
    if error in _RESET:
        return FailureKind.CONNECT_RESET
    if error == errno.ETIMEDOUT:
        return FailureKind.CONNECT_TIMEOUT
    # Without any IPv6 address of its own Linux reports EADDRNOTAVAIL; for IPv4 it means ports ran out.
    if error in _NO_ROUTE or (error == errno.EADDRNOTAVAIL and endpoint.family == 6):
        return FailureKind.NO_ROUTE
    return FailureKind.LOCAL_FAULT


def _unread(error: FlightError, attempt: Attempt) -> str:
    known = error.kind is FailureKind.TLS_PROTOCOL
    return f"`{attempt.peer}` sent {error}" if known else f"not tested: `{attempt.peer}` sent {error}"


def _refusal(reason: str, attempt: Attempt, target: Url) -> tuple[FailureKind, str]:
    """What a failed handshake means; servers that have shown their own certificate refuse the client's."""
    if attempt.leaf is not None and reason in _CLIENT_ALERTS:
        return FailureKind.TLS_CLIENT_CERTIFICATE, _demanded(reason, attempt)
    if attempt.leaf is None and reason in _NAME_ALERTS:
        detail = (
            f"`{attempt.peer}` has no certificate for {quoted(target.host.name)} (TLS alert {_NAME_ALERTS[reason]})"
        )
        return FailureKind.TLS_NO_CERTIFICATE, detail
    return FailureKind.TLS_PROTOCOL, _protocol_text(reason, attempt)


def _demanded(reason: str, attempt: Attempt) -> str:
    return f"`{attempt.peer}` demands a client certificate (TLS alert {_CLIENT_ALERTS[reason]})"


def _protocol_text(reason: str, attempt: Attempt) -> str:
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        return f"`{attempt.peer}` does not speak TLS on this port (`{reason}`)"
    return f"TLS with `{attempt.peer}` failed (`{reason}`)"


def _disconnected(cause: BaseException, attempt: Attempt) -> str:
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return f"`{attempt.peer}` ended the connection after the request (`{cause.reason}`)"
    missing = "before the response was complete" if attempt.head_read else "without a response"
    return f"`{attempt.peer}` closed the connection {missing}"


def _root(error: BaseException) -> BaseException:
    """The operating system's or OpenSSL's own exception below the HTTP client's."""
    seen = error
    for _ in range(8):
        below = seen.__cause__ or (seen.__context__ if not seen.__suppress_context__ else None)
        if isinstance(seen, ssl.SSLError) and type(seen).__module__ == "ssl":
            return seen
        if below is None:
            return seen
        seen = below
    return seen


def _name(error: BaseException) -> str:
    code = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(code or 0, type(error).__name__)


def _list(endpoints: list[Endpoint]) -> str:
    shown = " and ".join(f"`{endpoint}`" for endpoint in endpoints[:_NAMES_SHOWN])
    return f"{shown} and {len(endpoints) - _NAMES_SHOWN} more" if len(endpoints) > _NAMES_SHOWN else shown


def _seconds(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") + " s" if value >= 1 else f"{value:.2g} s"


def _line(text: str) -> str:
    return closed(clean_line(text))
