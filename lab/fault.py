"""The catalogue of faults that the lab can play, each by a name that says what a stranger would see."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Layer(StrEnum):
    """Where a fault sits, and so what it spoils."""

    CONNECTION = "connection"
    """The whole host: what happens before HTTP. Holds for everything that is served there."""
    HTTP = "http"
    """Any path that is served: how bytes of an answer travel."""
    SERVICE = "service"
    """The authorisation service: what answers at its URL."""
    WELL_KNOWN = "well-known"
    """The client well-known: what is published, and how."""


class Fault(StrEnum):
    """
    One way to be broken.

    Attributes:
        layer: what it spoils.
        description: what somebody who knocks sees.
    """

    layer: Layer
    description: str

    def __new__(cls, name: str, layer: Layer, description: str) -> Self:
        """Build a member; the value is its name alone."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.layer = layer
        member.description = description
        return member

    REFUSED = "refused", Layer.CONNECTION, "nothing listens on the port"
    BLACKHOLE = "blackhole", Layer.CONNECTION, "connection attempts are never answered"
    RESET_AFTER_CONNECT = "reset-after-connect", Layer.CONNECTION, "connections are reset once made"
    CLOSED_AFTER_CONNECT = "closed-after-connect", Layer.CONNECTION, "connections are closed at the first byte"
    NEVER_SPEAKS_TLS = "never-speaks-tls", Layer.CONNECTION, "connections are taken, then silence"
    PLAIN_HTTP_ON_PORT = "plain-http-on-port", Layer.CONNECTION, "HTTP without TLS on the HTTPS port"
    TLS_OUTDATED = "tls-outdated", Layer.CONNECTION, "no TLS version that is still in use (an alert says so)"
    TLS_NAME_UNKNOWN = "tls-name-unknown", Layer.CONNECTION, "an alert that no such host is served"
    TLS_NAME_FAILS = (
        "tls-name-fails",
        Layer.CONNECTION,
        "an alert of an internal error, as Go's servers send for a name",
    )
    TLS_CLIENT_CERTIFICATE = "tls-client-certificate", Layer.CONNECTION, "a client certificate is demanded"
    TLS_EXPIRED = "tls-expired", Layer.CONNECTION, "the certificate ended three days ago"
    TLS_NOT_YET_VALID = "tls-not-yet-valid", Layer.CONNECTION, "the certificate starts in three days"
    TLS_SELF_SIGNED = "tls-self-signed", Layer.CONNECTION, "the certificate is signed by itself"
    TLS_UNTRUSTED = "tls-untrusted", Layer.CONNECTION, "the certificate's authority is unknown"
    TLS_WRONG_NAME = "tls-wrong-name", Layer.CONNECTION, "the certificate is for another host"
    TLS_NEAR_EXPIRY = "tls-near-expiry", Layer.CONNECTION, "the certificate ends in five days"
    DEAD_IPV6 = "dead-ipv6", Layer.CONNECTION, "IPv4 works; nothing listens at the IPv6 address"
    DEAD_IPV4 = "dead-ipv4", Layer.CONNECTION, "IPv6 works; nothing listens at the IPv4 address"

    SLOW_HEADERS = "slow-headers", Layer.HTTP, "header lines come one a second, without end"
    SILENT_AFTER_REQUEST = "silent-after-request", Layer.HTTP, "the request is read and never answered"
    CLOSED_AFTER_REQUEST = "closed-after-request", Layer.HTTP, "the connection is closed without an answer"
    GARBAGE_HTTP = "garbage-http", Layer.HTTP, "the answer is not HTTP"
    OVERLONG_HEADER = "overlong-header", Layer.HTTP, "one header line of a megabyte"
    ENDLESS_BODY = "endless-body", Layer.HTTP, "a body that never ends"
    SLOW_BODY = "slow-body", Layer.HTTP, "a body of one byte a second"
    TRUNCATED_BODY = "truncated-body", Layer.HTTP, "the connection ends before the promised length"
    GZIP_BOMB = "gzip-bomb", Layer.HTTP, "a compressed body that swells to 256 MiB"
    BAD_GATEWAY = "bad-gateway", Layer.HTTP, "502 and a proxy's page, without CORS"
    WAF_CHALLENGE = "waf-challenge", Layer.HTTP, "403 and a bot challenge (cf-mitigated: challenge)"
    HTML_200 = "html-200", Layer.HTTP, "200 and the same web page at every path"
    NGINX_404 = "nginx-404", Layer.HTTP, "404 and nginx's page"
    HOMESERVER_MOUNTED_THERE = "homeserver-mounted-there", Layer.HTTP, "a homeserver: 404 M_UNRECOGNIZED"

    PREFIX_NOT_STRIPPED = (
        "prefix-not-stripped",
        Layer.SERVICE,
        "the service sees the proxy's prefix: Go's 404",
    )
    POINTS_AT_SFU = "points-at-sfu", Layer.SERVICE, "the URL is the SFU's, not the authorisation service's"
    HEALTHZ_ONLY = "healthz-only", Layer.SERVICE, "/healthz is 200, the POST paths are 404"
    SERVICE_CORS_MISSING = "service-cors-missing", Layer.SERVICE, "answers without CORS headers"
    SERVICE_CORS_DOUBLED = "service-cors-doubled", Layer.SERVICE, "service and proxy both send CORS headers"
    SERVICE_CORS_JOINED = "service-cors-joined", Layer.SERVICE, "one CORS header with the value '*, *'"
    NO_GET_TOKEN = "no-get-token", Layer.SERVICE, "/get_token is not routed"
    SHUTTING_DOWN = "shutting-down", Layer.SERVICE, "503 on the POST paths"

    ABSENT = "absent", Layer.WELL_KNOWN, "404"
    FORBIDDEN = "forbidden", Layer.WELL_KNOWN, "403"
    INTERNAL_ERROR = "internal-error", Layer.WELL_KNOWN, "500"
    HTML = "html", Layer.WELL_KNOWN, "200 and a web page"
    EMPTY = "empty", Layer.WELL_KNOWN, "200 and no body"
    TRAILING_COMMA = "trailing-comma", Layer.WELL_KNOWN, "JSON with a comma too many"
    CUT_SHORT = "cut-short", Layer.WELL_KNOWN, "JSON without its end"
    NOT_UTF8 = "not-utf8", Layer.WELL_KNOWN, "bytes that are not UTF-8"
    TOO_DEEP = "too-deep", Layer.WELL_KNOWN, "a hundred thousand opening brackets"
    LONG_INTEGER = "long-integer", Layer.WELL_KNOWN, "JSON with an integer of 5000 digits"
    LONE_SURROGATE = "lone-surrogate", Layer.WELL_KNOWN, "JSON with a string that cannot be encoded again"
    LIST = "list", Layer.WELL_KNOWN, "the document is a list"
    HUGE = "huge", Layer.WELL_KNOWN, "50 MiB"
    REDIRECT_LOOP = "redirect-loop", Layer.WELL_KNOWN, "a redirect to itself"
    REDIRECT_CHAIN = "redirect-chain", Layer.WELL_KNOWN, "redirects to ever new addresses"
    REDIRECT_TO_HTTP = "redirect-to-http", Layer.WELL_KNOWN, "a redirect to http://"
    REDIRECT_TO_PRIVATE = "redirect-to-private", Layer.WELL_KNOWN, "a redirect to a private address"
    REDIRECT_TO_FILE = "redirect-to-file", Layer.WELL_KNOWN, "a redirect to file:///"
    REDIRECT_NOWHERE = "redirect-nowhere", Layer.WELL_KNOWN, "a redirect without a Location"
    REDIRECT_WITHOUT_CORS = "redirect-without-cors", Layer.WELL_KNOWN, "a good redirect without CORS headers"
    CORS_MISSING = "cors-missing", Layer.WELL_KNOWN, "the document without CORS headers"
    WRONG_CONTENT_TYPE = "wrong-content-type", Layer.WELL_KNOWN, "the document as application/octet-stream"
    LONG_CACHE = "long-cache", Layer.WELL_KNOWN, "the document with max-age of a week"
    BASE_URL_MISSING = "base-url-missing", Layer.WELL_KNOWN, "the document without m.homeserver"
