"""Certificates that no library makes, written in DER (X.690)."""

from __future__ import annotations

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
