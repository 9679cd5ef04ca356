"""What a failed request means: the finding it leads to, how much it proves, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from botkit.identifiers import parse_server_name
from botkit.messages.sanitise import REPLACEMENT
from botkit.outbound.model import Exchange, Failed, Failure, FailureKind
from plugins.foci.model import Certainty
from plugins.foci.service_url import is_loopback_name

_K = FailureKind


@dataclass(frozen=True, slots=True)
class Meaning:
    """
    How a kind of failure is reported.

    Attributes:
        code: the probe finding.
        certainty: what it proves about the other side.
        advice: what to change, as marked text; ``{host}`` is replaced by the host.
    """

    code: str
    certainty: Certainty
    advice: str


_RENEW = "Renew the certificate of `{host}` and reload the server that presents it."
_ISSUE = "Install a certificate for `{host}` from a public certificate authority, with all intermediate certificates."
_SERVE_NAME = (
    "Configure `{host}` on the server that listens there, with a certificate: a site `{host}` in Caddy, a `server` "
    "block with `server_name {host}` in nginx, a certificate in the `crt` list of HAProxy's `bind`; check that it was "
    "issued."
)
NO_CLIENT_CERTIFICATE = (
    "Do not ask for client certificates here, Matrix clients have none: remove `ssl_verify_client on` (nginx), "
    "`client_auth` (Caddy), `verify required` (HAProxy), or the mTLS rule of a CDN."
)
"""What to change where a server lets in only clients with a certificate."""
_FIREWALL = "Check that a server listens on this port of `{host}` and that no firewall blocks it."
_HERE = "Check the network and DNS resolver of the machine that runs this check; the server may be fine."
_LOCAL_NAME = (
    "Publish a full host name that public DNS knows, such as `matrix.example.org`, instead of `{host}`: a name without "
    "a dot is known inside one network only (of containers, or in a hosts file)."
)
_PROXY = "Check the reverse proxy of `{host}`: it must serve HTTP/1.1 over TLS on this port."

_MEANINGS: dict[FailureKind, Meaning] = {
    _K.URL_INVALID: Meaning("livekit-url-invalid", Certainty.DEFINITE, "Publish a plain `https://` URL."),
    _K.DNS_NXDOMAIN: Meaning(
        "dns-failure", Certainty.DEFINITE, "Create A and AAAA records for `{host}`, or correct the name."
    ),
    _K.DNS_NODATA: Meaning("dns-failure", Certainty.DEFINITE, "Add an A or AAAA record for `{host}`."),
    _K.DNS_BADNAME: Meaning("dns-failure", Certainty.DEFINITE, "Correct the name `{host}`: it cannot exist in DNS."),
    _K.DNS_SERVFAIL: Meaning(
        "dns-failure", Certainty.UNCLEAR, "Check the name servers and DNSSEC of `{host}`; try again."
    ),
    _K.DNS_REFUSED: Meaning(
        "dns-failure", Certainty.UNCLEAR, "Check the resolver used here and the name servers of `{host}`."
    ),
    _K.DNS_TIMEOUT: Meaning(
        "dns-failure", Certainty.UNCLEAR, "Check the resolver used here and the name servers of `{host}`."
    ),
    _K.PORT_BLOCKED: Meaning(
        "port-blocked",
        Certainty.DEFINITE,
        "Serve it on port 443 of `{host}`, or on another port that browsers accept, and publish that.",
    ),
    _K.PORT_AVOIDED: Meaning(
        "not-tested",
        Certainty.UNCLEAR,
        "Serve it on port 443 of `{host}`: the bot does not connect to ports of databases.",
    ),
    _K.PRIVATE_LITERAL: Meaning(
        "private-address", Certainty.DEFINITE, "Publish a public host name instead of `{host}`."
    ),
    _K.PRIVATE_NAME: Meaning(
        "private-address",
        Certainty.UNCLEAR,
        "If clients outside your network need to reach `{host}`, give it a public address in public DNS; "
        "for an intranet, list the range in `network.allow_private`.",
    ),
    _K.NO_ROUTE: Meaning("not-tested", Certainty.UNCLEAR, _HERE),
    _K.LOCAL_FAULT: Meaning("not-tested", Certainty.UNCLEAR, _HERE),
    _K.BUDGET_SPENT: Meaning("not-tested", Certainty.UNCLEAR, "Ask again in a minute, or run `foci-bot check`."),
    _K.CONNECT_REFUSED: Meaning("connect-refused", Certainty.DEFINITE, _FIREWALL),
    _K.CONNECT_TIMEOUT: Meaning("connect-timeout", Certainty.TIMEOUT, _FIREWALL),
    _K.CONNECT_RESET: Meaning("connect-reset", Certainty.DEFINITE, _FIREWALL),
    _K.TLS_EXPIRED: Meaning("tls-expired", Certainty.DEFINITE, _RENEW),
    _K.TLS_NOT_YET_VALID: Meaning(
        "tls-not-yet-valid", Certainty.DEFINITE, "Correct the clock of `{host}` or its certificate."
    ),
    _K.TLS_SELF_SIGNED: Meaning("tls-self-signed", Certainty.DEFINITE, _ISSUE),
    _K.TLS_UNTRUSTED: Meaning("tls-untrusted", Certainty.DEFINITE, _ISSUE),
    _K.TLS_HOSTNAME: Meaning("tls-hostname", Certainty.DEFINITE, _ISSUE),
    _K.TLS_PROTOCOL: Meaning(
        "tls-protocol", Certainty.DEFINITE, "Serve HTTPS with TLS 1.2 or later on this port of `{host}`."
    ),
    _K.TLS_NO_CERTIFICATE: Meaning("tls-no-certificate", Certainty.DEFINITE, _SERVE_NAME),
    _K.TLS_CLIENT_CERTIFICATE: Meaning("tls-client-certificate", Certainty.DEFINITE, NO_CLIENT_CERTIFICATE),
    _K.TLS_RESET: Meaning(
        "connect-reset",
        Certainty.DEFINITE,
        "Serve HTTPS for `{host}` on this port; check that the proxy is configured for this name.",
    ),
    _K.TLS_TIMEOUT: Meaning(
        "tls-timeout",
        Certainty.TIMEOUT,
        "Serve HTTPS on this port of `{host}`: it accepts connections but does not answer the TLS handshake.",
    ),
    _K.TLS_UNREAD: Meaning(
        "not-tested",
        Certainty.UNCLEAR,
        "Let `{host}` send only its own certificate and the intermediate ones, without roots or others: browsers may "
        "connect, but the bot does not read so much.",
    ),
    _K.HTTP_TIMEOUT: Meaning(
        "http-timeout",
        Certainty.TIMEOUT,
        "Check why the server behind `{host}` does not answer: it accepts the request but sends no response.",
    ),
    _K.HTTP_PROTOCOL: Meaning("http-protocol", Certainty.DEFINITE, _PROXY),
    _K.HTTP_CODING: Meaning(
        "http-protocol",
        Certainty.DEFINITE,
        "Let the server compress only what the request's `Accept-Encoding` names, here gzip: nginx `brotli_static` and "
        "`gzip_static` are `on`, not `always`; a file stored compressed has no `Content-Encoding` of its own.",
    ),
    _K.HTTP_DISCONNECTED: Meaning("http-protocol", Certainty.DEFINITE, _PROXY),
    _K.BODY_TOO_LARGE: Meaning(
        "http-protocol",
        Certainty.DEFINITE,
        "Check what answers at `{host}`: the response is too large to come from this service.",
    ),
}


def meaning_of(failure: Failure) -> Meaning:
    """The meaning of a failure; every kind has one."""
    return _MEANINGS[failure.kind]


def was_left_out(failure: Failure | None) -> bool:
    """Whether the bot itself stopped short of an answer: what it would have found is not known."""
    return failure is not None and failure.kind in (FailureKind.BUDGET_SPENT, FailureKind.TLS_UNREAD)


def was_not_asked(exchange: Exchange) -> bool:
    """Whether the bot itself left the request out, or gave it up."""
    return isinstance(exchange, Failed) and was_left_out(exchange.failure)


def as_anywhere(failure: Failure, host: str) -> Failure:
    """The failure; a name of the local machine (localhost) counts as its address."""
    if failure.kind is FailureKind.PRIVATE_NAME and is_loopback_name(host):
        return replace(failure, kind=FailureKind.PRIVATE_LITERAL)
    return failure


def advice_for(failure: Failure, host: str) -> str:
    """What to do about a failure at ``host``, as written in a URL; a port is left out, since records have none."""
    try:
        name = parse_server_name(host).host
    except ValueError:
        name = host
    local = failure.kind in (_K.DNS_NXDOMAIN, _K.DNS_NODATA) and "." not in name.rstrip(".")
    return (_LOCAL_NAME if local else meaning_of(failure).advice).replace("{host}", name.replace("`", REPLACEMENT))
