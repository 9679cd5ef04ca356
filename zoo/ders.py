"""Certificates that no library makes, written in DER (X.690), and a server's messages with them (RFC 5246)."""

from __future__ import annotations

from collections.abc import Sequence

_SUITE = 0xC02B
"""ECDHE-ECDSA-AES128-GCM-SHA256, of TLS 1.2."""

_PRIME = 133 * 2**600 + 1
"""A field in which square roots take long: its order less one is divisible by two very often."""
_LENGTH = (_PRIME.bit_length() + 7) // 8


def certificate(subject: str, issuer: str, key: bytes = b"") -> bytes:
    """A certificate with these common names and an empty signature; with an Ed25519 key if no other is given."""
    ed25519 = _sequence(bytes.fromhex("06032b6570"))
    validity = _sequence(_tagged(0x17, b"260101000000Z"), _tagged(0x17, b"460101000000Z"))
    key = key or _sequence(ed25519, _tagged(3, b"\0" + bytes(32)))
    body = _sequence(_integer(1), ed25519, _name(issuer), validity, _name(subject), key)
    return _sequence(body, ed25519, _tagged(3, b"\0"))


def costly_key() -> bytes:
    """A key that spells out its elliptic curve (RFC 3279, section 2.3.5), made for square roots that take long."""
    field = _sequence(bytes.fromhex("06072a8648ce3d0101"), _integer(_PRIME))
    curve = _sequence(_tagged(4, _element(3)), _tagged(4, _element(5)))
    point = b"\2" + _element(4)
    parameters = _sequence(_integer(1), field, curve, _tagged(4, point), _integer(_PRIME - 2), _integer(1))
    algorithm = _sequence(bytes.fromhex("06072a8648ce3d0201"), parameters)
    return _sequence(algorithm, _tagged(3, b"\0" + point))


def point(curve: str, length: int) -> bytes:
    """A key with a compressed point on a named curve: its object identifier in hexadecimal, bytes of a coordinate."""
    algorithm = _sequence(bytes.fromhex("06072a8648ce3d0201"), _tagged(6, bytes.fromhex(curve)))
    return _sequence(algorithm, _tagged(3, b"\0\2" + (3).to_bytes(length, "big")))


def flight(certificates: Sequence[bytes]) -> bytes:
    """ServerHello and Certificate of TLS 1.2, which anyone can write."""
    hello = b"\x03\x03" + bytes(32) + b"\0" + _SUITE.to_bytes(2, "big") + b"\0" + b"\0\x05\xff\x01\0\x01\0"
    chain = b"".join(len(one).to_bytes(3, "big") + one for one in certificates)
    sent = message(2, hello) + message(11, len(chain).to_bytes(3, "big") + chain)
    return b"".join(record(sent[at : at + 16384]) for at in range(0, len(sent), 16384))


def record(body: bytes, kind: int = 22) -> bytes:
    """A record of TLS; of handshake messages if nothing else is said."""
    return bytes([kind, 3, 3]) + len(body).to_bytes(2, "big") + body


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def _element(value: int) -> bytes:
    return value.to_bytes(_LENGTH, "big")


def _name(text: str) -> bytes:
    common = _sequence(bytes.fromhex("0603550403"), _tagged(0x0C, text.encode()))
    return _sequence(_tagged(0x31, common))


def _integer(value: int) -> bytes:
    return _tagged(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _sequence(*parts: bytes) -> bytes:
    return _tagged(0x30, b"".join(parts))


def _tagged(tag: int, body: bytes) -> bytes:
    length = len(body)
    if length < 128:
        return bytes([tag, length]) + body
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 128 + size]) + length.to_bytes(size, "big") + body
