"""HTTP done wrong, whatever the answer would have been: framing, headers, codings, time."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass

from lab.exchange import Answer, Handler, Performance
from zoo import bombs
from zoo.stage import drips, holds, pours, resets, says, streams


@dataclass(frozen=True, slots=True)
class Good:
    """What a healthy server would answer in this place."""

    status: int
    body: bytes


Species = Callable[[Good], Answer | Performance | Handler]
"""From the right answer to the wrong one."""

_FIELDS = (
    b"Content-Type: application/json",
    b"Access-Control-Allow-Origin: *",
    b"Access-Control-Allow-Methods: GET, POST, OPTIONS",
    b"Access-Control-Allow-Headers: Content-Type, Authorization",
)


def head(good: Good, *fields: bytes, version: bytes = b"HTTP/1.1", end: bytes = b"\r\n\r\n") -> bytes:
    """The beginning of an answer that is right as far as it goes."""
    return b"\r\n".join([b"%s %d Zoo" % (version, good.status), *_FIELDS, *fields]) + end


def sized(good: Good, *fields: bytes) -> bytes:
    """The whole answer, with further header fields."""
    return head(good, b"Content-Length: %d" % len(good.body), *fields) + good.body


def _length(value: bytes) -> Species:
    """The right body under a wrong length."""
    return lambda good: says(head(good, b"Content-Length: " + value) + good.body)


def _field(field: bytes) -> Species:
    """The right answer with one header line more."""
    return lambda good: says(sized(good, field))


def _chunks(pieces: bytes) -> Species:
    """A chunked body written by hand."""
    return lambda good: says(head(good, b"Transfer-Encoding: chunked") + pieces)


def _endless_chunks(piece: bytes) -> Species:
    return lambda good: pours(head(good, b"Transfer-Encoding: chunked"), piece)


def _coded(coding: bytes, body: Callable[[], bytes]) -> Species:
    """A body in a content coding, sent in pieces."""

    def answer(good: Good) -> Performance:
        coded = body()
        first = head(good, b"Content-Encoding: " + coding, b"Content-Length: %d" % len(coded))
        return streams([first, *(coded[at : at + 16_384] for at in range(0, len(coded), 16_384))])

    return answer


def _verbatim(blurt: bytes) -> Species:
    return lambda _: says(blurt)


def _status_line(line: bytes) -> Species:
    return lambda good: says(line + sized(good)[len(b"HTTP/1.1 200 Zoo") :])


def _empty_blocks(good: Good) -> Performance:
    """A gzip stream of blocks that hold nothing, without end."""
    start = bytes.fromhex("1f8b0800000000000003")
    return pours(head(good, b"Content-Encoding: gzip") + start, b"\x00\x00\x00\xff\xff" * 5000)


def _bomb_in_chunks(good: Good) -> Performance:
    bomb = bombs.squeezed(31)
    pieces = (bomb[at : at + 1000] for at in range(0, len(bomb), 1000))
    coded = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    return streams([head(good, b"Content-Encoding: gzip", b"Transfer-Encoding: chunked"), *coded, b"0\r\n\r\n"])


def _gzipped(good: Good) -> Performance:
    return says(sized(Good(good.status, gzip.compress(good.body)), b"Content-Encoding: gzip"))


def _cut(good: Good, share: float) -> bytes:
    whole = sized(good)
    return whole[: int(len(whole) * share)]


ENDLESS: dict[str, Species] = {
    "silence": lambda _: holds(b""),
    "silence-in-the-status-line": lambda _: holds(b"HTTP/1.1 2"),
    "silence-in-the-header": lambda good: holds(_cut(good, 0.3)),
    "silence-in-the-body": lambda good: holds(_cut(good, 0.95)),
    "silence-before-the-last-chunk": lambda good: holds(
        head(good, b"Transfer-Encoding: chunked") + b"%x\r\n%s\r\n" % (len(good.body), good.body)
    ),
    "length-too-long-then-silence": lambda good: holds(head(good, b"Content-Length: 100000") + good.body),
    "dripping-status-line": lambda _: drips(b"HTTP/1.1 200 ", b"O"),
    "dripping-header": lambda good: drips(head(good, end=b"\r\n"), b"X-Slow: 1\r\n"),
    "dripping-body": lambda good: drips(head(good), b" "),
    "dripping-chunks": lambda good: drips(head(good, b"Transfer-Encoding: chunked"), b"1\r\n \r\n"),
    "dripping-hints": lambda _: drips(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "dripping-continues": lambda _: drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
"""What never ends and would cost a client that waits its whole time."""

BROKEN: dict[str, Species] = {
    "endless-hints": lambda _: pours(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
    "endless-continues": lambda _: pours(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "endless-header-lines": lambda good: pours(head(good, end=b"\r\n"), b"X-Flood: 1\r\n" * 100),
    "endless-header-line": lambda good: pours(head(good, end=b"\r\nX-Long: "), b"a" * 4096),
    "endless-status-line": lambda _: pours(b"HTTP/1.1 200 ", b"O" * 4096),
    "endless-cookies": lambda good: pours(head(good, end=b"\r\n"), b"Set-Cookie: a=" + b"b" * 1000 + b"\r\n"),
    "endless-trailers": lambda good: pours(
        head(good, b"Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n", b"X-Trailer: 1\r\n" * 100
    ),
    "header-of-a-megabyte": lambda good: says(head(good, b"X-Big: " + b"a" * (1 << 20))),
    "chunk-size-not-hexadecimal": _chunks(b"zz\r\n{}\r\n0\r\n\r\n"),
    "chunk-size-negative": _chunks(b"-2\r\n{}\r\n0\r\n\r\n"),
    "chunk-longer-than-said": _chunks(b"2\r\n{}{}{}{}\r\n0\r\n\r\n"),
    "chunk-size-beyond-64-bits": _chunks(b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "chunks-without-end": _chunks(b"2\r\n{}\r\n"),
    "length-and-chunks": lambda good: says(head(good, b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"{}"),
    "two-lengths": lambda good: says(head(good, b"Content-Length: 2", b"Content-Length: 7") + good.body),
    "length-negative": _length(b"-1"),
    "length-not-a-number": _length(b"much"),
    "length-in-hexadecimal": _length(b"0x10"),
    "length-too-long": _length(b"100000"),
    "closed-at-once": _verbatim(b""),
    "closed-in-the-status-line": _verbatim(b"HTTP/1.1 2"),
    "closed-in-the-header": lambda good: says(_cut(good, 0.3)),
    "closed-in-the-body": lambda good: says(_cut(good, 0.95)),
    "reset-at-once": lambda _: resets(b""),
    "reset-in-the-header": lambda good: resets(_cut(good, 0.3)),
    "reset-in-the-body": lambda good: resets(_cut(good, 0.95)),
    "reset-in-a-body-without-length": lambda good: resets(head(good) + good.body),
    "http-0.9": lambda good: says(good.body),
    "http-2-frames": _verbatim(bytes.fromhex("000012040000000000000300000064000400100000000600004000")),
    "ssh-banner": _verbatim(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "version-9.9": _status_line(b"HTTP/9.9 200 Zoo"),
    "status-not-a-number": _status_line(b"HTTP/1.1 abc Zoo"),
    "status-of-four-digits": _status_line(b"HTTP/1.1 2000 Zoo"),
    "status-negative": _status_line(b"HTTP/1.1 -200 Zoo"),
    "protocol-switched-unasked": _verbatim(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: zoo\r\n\r\n"),
    "nul-in-a-header-name": _field(b"X-\0: 1"),
    "header-name-in-latin-1": _field(b"X-Caf\xe9: 1"),
    "header-without-colon": _field(b"nothing"),
    "space-before-the-colon": _field(b"X-Space : 1"),
    "gzip-that-is-none": lambda good: says(sized(good, b"Content-Encoding: gzip")),
    "gzip-cut-short": lambda good: says(head(good, b"Content-Encoding: gzip") + gzip.compress(good.body * 9)[:-30]),
}
"""What ends, or can be told to be no HTTP, and so is certain."""

SWOLLEN: dict[str, Species] = {
    "endless-body": lambda good: pours(head(good), b" " * 65_536),
    "endless-chunks": _endless_chunks(b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    "endless-tiny-chunks": _endless_chunks(b"1\r\n \r\n" * 1000),
    "endless-chunk-extensions": _endless_chunks((b"1;" + b"e" * 4000 + b"\r\n \r\n") * 16),
    "length-of-an-exabyte": lambda good: pours(head(good, b"Content-Length: 1000000000000000000"), b" " * 65_536),
    "gzip-bomb": _coded(b"gzip", lambda: bombs.squeezed(31)),
    "gzip-bomb-by-its-old-name": _coded(b"x-gzip", lambda: bombs.squeezed(31)),
    "gzip-bomb-in-members": _coded(b"gzip", bombs.in_members),
    "gzip-bomb-in-chunks": _bomb_in_chunks,
    "gzip-of-nothing-without-end": _empty_blocks,
    "deflate-bomb": _coded(b"deflate", lambda: bombs.squeezed(15)),
    "deflate-bomb-without-its-head": _coded(b"deflate", lambda: bombs.squeezed(-15)),
    "brotli-bomb": _coded(b"br", lambda: bombs.BROTLI),
    "zstandard-bomb": _coded(b"zstd", bombs.zstandard),
    "gzip-bomb-in-gzip": _coded(b"gzip, gzip", bombs.nested),
}
"""What would be larger than any answer has a right to be."""

HARMLESS: dict[str, Species] = {
    "http-1.0-until-the-end": lambda good: says(head(good, version=b"HTTP/1.0") + good.body),
    "gzipped": _gzipped,
    "in-chunks-of-one-byte": lambda good: says(
        head(good, b"Transfer-Encoding: chunked") + b"".join(b"1\r\n%c\r\n" % byte for byte in good.body) + b"0\r\n\r\n"
    ),
    "after-three-hints": lambda good: says(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + sized(good)),
    "with-a-hundred-cookies": lambda good: says(sized(good, *[b"Set-Cookie: zoo=%d" % n for n in range(100)])),
    "with-a-header-in-latin-1": _field(b"X-Latin: \xe9\xff"),
    "with-an-unknown-content-coding": _field(b"Content-Encoding: UTF-8"),
    "with-an-unknown-transfer-coding": lambda good: says(head(good, b"Transfer-Encoding: zoo") + good.body),
    "with-more-after-its-end": lambda good: says(sized(good) + b"HTTP/1.1 500 More\r\nContent-Length: 0\r\n\r\n"),
}
"""Strange, but an answer: nothing may be found wrong with it."""
