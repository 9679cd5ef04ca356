"""What a report must say of each species: the cause in words, wherever the species lives."""

from __future__ import annotations

_TOO_MANY = "Too many headers received"
_HEAD = "more than 128 KiB before the end of the response's header"
_WIRE = "more than 640 KiB on the wire"
_LONG_BODY = "the body is longer than the 262144 bytes allowed"
_LENGTH = "Invalid character in Content-Length"
_CHUNK = "Invalid character in chunk size"
_NO_RESPONSE = "closed the connection without a response"
_HALF = "closed the connection before the response was complete"
_STATUS = "Bad status line"
_TOKEN = "Invalid header token"
_CODING = "though only gzip was asked for"
_NOT_GZIP = "the body is not in the content encoding that it announces"
_SILENT = "did not send a response within"
_SLOW = "did not send the whole response within"
_TLS_SILENT = "accepted the connection but did not finish TLS within"
_CLOSED_IN_TLS = "reset or closed the connection during TLS"

CAUSES = {
    "endless-hints": _HEAD,
    "endless-continues": _HEAD,
    "endless-header-lines": _TOO_MANY,
    "endless-header-line": "Got more than 32768 bytes when reading",
    "endless-status-line": "Got more than 16384 bytes when reading",
    "endless-cookies": "header",
    "endless-trailers": _TOO_MANY,
    "header-of-a-megabyte": "Got more than 32768 bytes when reading",
    "chunk-size-not-hexadecimal": _CHUNK,
    "chunk-size-negative": _CHUNK,
    "chunk-longer-than-said": "Expected LF after chunk data",
    "chunk-size-beyond-64-bits": "Chunk size overflow",
    "chunks-without-end": _HALF,
    "length-and-chunks": "Transfer-Encoding can't be present with Content-Length",
    "two-lengths": "Duplicate Content-Length",
    "length-negative": _LENGTH,
    "length-not-a-number": _LENGTH,
    "length-in-hexadecimal": _LENGTH,
    "length-too-long": _HALF,
    "closed-at-once": _NO_RESPONSE,
    "closed-in-the-status-line": _NO_RESPONSE,
    "closed-in-the-header": _NO_RESPONSE,
    "closed-in-the-body": _HALF,
    "reset-at-once": _NO_RESPONSE,
    "reset-in-the-header": _NO_RESPONSE,
    "reset-in-the-body": _HALF,
    "reset-in-a-body-without-length": _HALF,
    "http-0.9": _STATUS,
    "http-2-frames": _STATUS,
    "ssh-banner": _STATUS,
    "version-9.9": "Invalid HTTP version",
    "status-not-a-number": "Invalid status code",
    "status-of-four-digits": "Invalid response status",
    "status-negative": "Invalid status code",
    "protocol-switched-unasked": "switches protocols unasked",
    "nul-in-a-header-name": _TOKEN,
    "header-name-in-latin-1": _TOKEN,
    "header-without-colon": _TOKEN,
    "space-before-the-colon": _TOKEN,
    "gzip-that-is-none": _NOT_GZIP,
    "gzip-cut-short": "line 1, column",
    "endless-body": _LONG_BODY,
    "endless-chunks": _LONG_BODY,
    "endless-tiny-chunks": _WIRE,
    "endless-chunk-extensions": _WIRE,
    "length-of-an-exabyte": "the body is announced with 1000000000000000000 bytes",
    "gzip-bomb": _LONG_BODY,
    "gzip-bomb-by-its-old-name": _CODING,
    "gzip-bomb-in-members": _LONG_BODY,
    "gzip-bomb-in-chunks": _LONG_BODY,
    "gzip-of-nothing-without-end": _WIRE,
    "deflate-bomb": _LONG_BODY,
    "deflate-bomb-without-its-head": _LONG_BODY,
    "brotli-bomb": _CODING,
    "zstandard-bomb": _CODING,
    "gzip-bomb-in-gzip": _CODING,
    "silence": _SILENT,
    "silence-in-the-status-line": _SILENT,
    "silence-in-the-header": _SILENT,
    "silence-in-the-body": _SLOW,
    "silence-before-the-last-chunk": _SLOW,
    "length-too-long-then-silence": _SLOW,
    "dripping-status-line": _SILENT,
    "dripping-header": _SILENT,
    "dripping-body": _SLOW,
    "dripping-chunks": _SLOW,
    "dripping-hints": _SILENT,
    "dripping-continues": _SILENT,
    # under load the client sees it before it sees that it is connected
    "reset-after-connect": " reset ",
    "closed-after-connect": _CLOSED_IN_TLS,
    "http-without-tls": "does not speak TLS on this port",
    "tls-expired": "certificate expired on",
    "tls-not-yet-valid": "certificate is not valid before",
    "tls-self-signed": "certificate is self-signed",
    "tls-untrusted": "is unknown, or the chain is incomplete",
    "tls-wrong-name": "certificate is for `another-host.test`, not for",
    "tls-handshake-failure": "HANDSHAKE_FAILURE",
    "tls-internal-error": "TLS alert internal_error",
    "tls-record-too-long": "does not speak TLS on this port",
    "tls-endless-warnings": "TOO_MANY_WARN_ALERTS",
    "tls-endless-cipher-changes": "UNEXPECTED_MESSAGE",
    "tls-endless-junk": "does not speak TLS on this port",
    "tls-asks-for-a-certificate": _NO_RESPONSE,
    "tls-endless-chain": "sent a handshake message of more than 65535 bytes",
    "tls-many-certificates": "sent more than 10 certificates",
    "tls-costly-certificates": "sent a certificate above its own with an elliptic curve that clients do not have",
    "tls-weak-key": "EE certificate key too weak",
    "tls-nameless": "certificate is for no name at all",
    "tls-wildcard-one-level-above": "certificate is for `*.",
    "tls-closed-after-the-handshake": _NO_RESPONSE,
    "tls-junk-after-the-handshake": "ended the connection after the request",
    "tls-reset-during-the-handshake": _CLOSED_IN_TLS,
    "never-speaks-tls": _TLS_SILENT,
    "tls-silence-in-the-handshake": _TLS_SILENT,
    "tls-dripping-handshake": _TLS_SILENT,
}

TLS_CODES = {
    "reset-after-connect": "connect-reset",
    "http-without-tls": "tls-protocol",
    "tls-expired": "tls-expired",
    "tls-wrong-name": "tls-hostname",
    "tls-weak-key": "tls-untrusted",
    "tls-endless-chain": "not-tested",
    "tls-many-certificates": "not-tested",
    "tls-costly-certificates": "not-tested",
    "tls-endless-warnings": "tls-protocol",
}
"""The finding at a focus, for hosts with which no connection comes about."""
