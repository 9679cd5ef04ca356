"""A server's certificates, looked at before OpenSSL decodes them: some take it seconds, on the event loop."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from botkit.outbound.model import FailureKind

MOST_CERTIFICATES = 10
"""OpenSSL 3.0 takes up to 0.3 ms for one; honest chains have two to five."""

LONGEST_MESSAGE = 0xFFFF
"""Bytes of one handshake message, as in rustls, with which Element X connects."""

# id-ecPublicKey, then a curve of those that browsers and rustls have: P-256, P-384, P-521 (RFC 5480). Points of others
# may take 1 ms, and those on a curve that is spelt out, whose field is named first (RFC 3279), 0.3 s.
_OTHER_CURVE = re.compile(
    rb"\x2a\x86\x48\xce\x3d\x02\x01(?!\x06(\x08\x2a\x86\x48\xce\x3d\x03\x01\x07|\x05\x2b\x81\x04\x00[\x22\x23]))"
    rb"|\x2a\x86\x48\xce\x3d\x01"
)

_ALERTS_TO_DATA = range(20, 24)
_HANDSHAKE, _ENCRYPTED = 22, 23
_LONGEST_RECORD = 2**14 + 2048
_SERVER_HELLO, _CERTIFICATE, _COMPRESSED = 2, 11, 25
_AEADS: dict[int, tuple[type[AESGCM] | type[ChaCha20Poly1305], hashes.HashAlgorithm, int]] = {
    0x1301: (AESGCM, hashes.SHA256(), 16),
    0x1302: (AESGCM, hashes.SHA384(), 32),
    0x1303: (ChaCha20Poly1305, hashes.SHA256(), 32),
}


class FlightError(ssl.SSLError):
    """What came is not handed to OpenSSL. The text completes "the other side sent"."""

    kind = FailureKind.TLS_PROTOCOL

    def __str__(self) -> str:
        return str(self.args[-1])


class UnreadError(FlightError):
    """It is more than is read here, though not more than browsers read."""

    kind = FailureKind.TLS_UNREAD


class KeyMissingError(FlightError):
    """OpenSSL has not given the key for it."""

    kind = FailureKind.LOCAL_FAULT


class Flight:
    """What a server sends up to its certificates, in records of TLS 1.2 and 1.3 (RFC 8446, sections 4 and 5)."""

    def __init__(self) -> None:
        self._records = bytearray()
        self._messages = bytearray()
        self._suite = 0
        self._decryption: _Decryption | None = None
        self._seen = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """
        What to hand to OpenSSL now: records, each once it is whole and was looked at; after the certificates all.

        Raises:
            FlightError: it would cost too much, or cannot be read.
        """
        self._records += data
        while self._records and not self._seen and self._records[0] in _ALERTS_TO_DATA:
            length = int.from_bytes(self._records[3:5], "big")
            if length > _LONGEST_RECORD:
                break
            if len(self._records) < 5 + length or len(self._records) < 5:
                return
            record = bytes(self._records[: 5 + length])
            del self._records[: 5 + length]
            self._look_at(record)
            yield record
        # what is no record is for OpenSSL to name
        rest, self._records = bytes(self._records), bytearray()
        yield rest

    def learn(self, secret: bytes | None) -> None:
        """The secret of the server's handshake (TLS 1.3), which OpenSSL has once it was handed the ServerHello."""
        if secret is not None and self._suite in _AEADS:
            self._decryption = _Decryption(self._suite, secret)

    def _look_at(self, record: bytes) -> None:
        if record[0] == _HANDSHAKE and self._decryption is None:
            self._read(record[5:])
        elif record[0] == _ENCRYPTED:
            if self._decryption is None and self._suite in _AEADS:
                raise KeyMissingError("certificates for which this machine has no key")
            if self._decryption is None:
                raise FlightError("encrypted data before a key was agreed on")
            self._read(self._decryption.handshake(record))

    def _read(self, data: bytes) -> None:
        self._messages += data
        while len(self._messages) >= 4 and not self._seen:
            kind, length = self._messages[0], int.from_bytes(self._messages[1:4], "big")
            if length > LONGEST_MESSAGE:
                raise UnreadError(f"a handshake message of more than {LONGEST_MESSAGE} bytes")
            if len(self._messages) < 4 + length:
                return
            message = bytes(self._messages[4 : 4 + length])
            del self._messages[: 4 + length]
            if kind == _SERVER_HELLO:
                self._suite = _suite_of(message)
            elif kind == _CERTIFICATE:
                _judge(message, encrypted=self._decryption is not None)
                self._seen = True
            elif kind == _COMPRESSED:
                raise FlightError("compressed certificates, which were not asked for")


class _Decryption:
    """The server's handshake traffic (RFC 8446, sections 5.2 and 7.3)."""

    def __init__(self, suite: int, secret: bytes) -> None:
        kind, self._hash, length = _AEADS[suite]
        self._aead = kind(self._expanded(secret, b"tls13 key", length))
        self._iv = int.from_bytes(self._expanded(secret, b"tls13 iv", 12), "big")
        self._number = 0

    def handshake(self, record: bytes) -> bytes:
        """The handshake messages of a record; empty if it has something else."""
        nonce = (self._iv ^ self._number).to_bytes(12, "big")
        self._number += 1
        try:
            plain = self._aead.decrypt(nonce, record[5:], record[:5]).rstrip(b"\0")
        except InvalidTag:
            raise FlightError("a record that cannot be decrypted") from None
        return plain[:-1] if plain[-1:] == bytes([_HANDSHAKE]) else b""

    def _expanded(self, secret: bytes, label: bytes, length: int) -> bytes:
        info = length.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
        return HKDFExpand(self._hash, length, info).derive(secret)


def _suite_of(hello: bytes) -> int:
    at = 2 + 32
    at += 1 + int.from_bytes(hello[at : at + 1], "big")
    return int.from_bytes(hello[at : at + 2], "big")


def _judge(message: bytes, *, encrypted: bool) -> None:
    starts = _starts(message, encrypted=encrypted)
    curve = _OTHER_CURVE.search(message)
    if curve and (len(starts) < 2 or curve.start() < starts[1]):
        raise FlightError("a certificate with an elliptic curve that clients do not have")
    if curve:
        # browsers do not look at what they do not need to get to a root
        raise UnreadError("a certificate above its own with an elliptic curve that clients do not have")
    if len(starts) > MOST_CERTIFICATES:
        raise UnreadError(f"more than {MOST_CERTIFICATES} certificates")


def _starts(message: bytes, *, encrypted: bool) -> list[int]:
    """Where certificates begin in a Certificate message: with extensions, and a context before them, in TLS 1.3."""
    at = (1 + message[0] if encrypted and message else 0) + 3
    starts = []
    while at < len(message):
        starts.append(at)
        at += 3 + int.from_bytes(message[at : at + 3], "big")
        if encrypted:
            at += 2 + int.from_bytes(message[at : at + 2], "big")
    return starts
