"""Small bodies that swell: one for each content coding that an HTTP client may know."""

from __future__ import annotations

import gzip
import zlib
from functools import cache

_MIB = 1 << 20
MEBIBYTES = 256
"""What they swell to."""

# 256 MiB of zeros in 211 bytes; made once with Brotli 1.2 at quality 11, so that no library is needed to send it.
BROTLI = bytes.fromhex(
    "cfffff7ff82700e2b14020f7fe9ffffffff04f00c4610180eefd3fffffffe19f0088c32200ddfb7ffeffffc33f0110870500baf7fffcffff"
    "877f02200e0b0074effff9ffff0fff04401c1600e8defff3ffff1ffe0980382c00d0bdffe7ffff3ffc1300715800a07bffcfffff7ff82700"
    "e2b00040f7fe9ffffffff04f00c4610180eefd3fffffffe19f0088c32200ddfb7ffeffffc33f0110870500baf7fffcffff877f02200e0b00"
    "74effff9ffff0fff04401c1600e8defff3ffff1ffe0980382c00d0bdffe7ffff3ffc1300715800a07bff3f"
)


def zstandard() -> bytes:
    """Blocks of one repeated byte (RFC 8878, section 3.1.1.2.2): four bytes for each 128 KiB."""
    magic_and_window = bytes.fromhex("28b52ffd 00 58")
    blocks = MEBIBYTES * 8
    heads = [(128 * 1024 << 3 | 1 << 1 | (number == blocks - 1)).to_bytes(3, "little") for number in range(blocks)]
    return magic_and_window + b"".join(head + b"\0" for head in heads)


@cache
def squeezed(window: int) -> bytes:
    """Zeros by zlib: 31 gives gzip, 15 gives "deflate" as specified, -15 what some servers send by that name."""
    squeezer = zlib.compressobj(level=9, wbits=window)
    return b"".join(squeezer.compress(bytes(_MIB)) for _ in range(MEBIBYTES)) + squeezer.flush()


@cache
def in_members() -> bytes:
    """Many gzip members in a row (RFC 1952, section 2.2), each of a mebibyte; a quarter, to stay small itself."""
    return gzip.compress(bytes(_MIB), 9) * (MEBIBYTES // 4)


@cache
def nested() -> bytes:
    """A gzip bomb in gzip: a thousand times smaller again."""
    return gzip.compress(squeezed(31), 9)
