"""Bodies that are no document, or hardly one: encodings, numbers, depth, length, shape."""

from __future__ import annotations

import json
from typing import Any

from lab.wellknown import FOCI_KEY

_MIB = 1 << 20


def with_member(document: bytes, member: bytes) -> bytes:
    """A JSON object with one more member, as text."""
    return document.rstrip().removesuffix(b"}") + b", " + member + b"}"


def with_foci(document: bytes, value: bytes) -> bytes:
    """A well-known with something else as its list, as text."""
    parsed: dict[str, Any] = json.loads(document)
    parsed.pop(FOCI_KEY, None)
    return with_member(json.dumps(parsed).encode(), json.dumps(FOCI_KEY).encode() + b": " + value)


def in_utf_16(document: bytes) -> bytes:
    """With a byte order mark, as Windows' editors save it."""
    return document.decode().encode("utf-16")


def in_utf_16_without_mark(document: bytes) -> bytes:
    """Every second byte is NUL."""
    return document.decode().encode("utf-16-le")


def deep(opening: bytes, closing: bytes, levels: int) -> bytes:
    """Brackets in brackets."""
    return opening * levels + closing * levels


def entries(item: bytes, count: int) -> bytes:
    """A list of one item again and again."""
    return b"[" + b",".join([item] * count) + b"]"


def members(count: int) -> bytes:
    """An object of very many members."""
    return json.dumps({f"key {number}": number for number in range(count)}).encode()


def text(length: int) -> bytes:
    """A JSON string of so many characters."""
    return b'"' + b"a" * length + b'"'


MEGABYTE_TEXT = text(_MIB)
MILLION_ENTRIES = entries(b"0", 1_000_000)
"""Two megabytes: more than any limit lets through."""


def long_names(letter: str, *labels: int) -> bytes:
    """Five hundred foci at internationalised names that are all different, each with labels of so many letters."""
    rest = ".".join(letter * length for length in labels)
    urls = (f"https://{letter}{number}.{rest}.example/jwt" for number in range(500))
    return json.dumps([{"type": "livekit", "livekit_service_url": url} for url in urls], ensure_ascii=False).encode()
