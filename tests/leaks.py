"""Looking for secrets in what a program left behind, in every form in which one slips out."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """What to look for: the secret, what it becomes in URLs, JSON, base64 and hexadecimal, and each half of it."""
    raw = secret.encode()
    yield "itself", raw
    yield "its first half", raw[: (len(raw) + 1) // 2]
    yield "its second half", raw[len(raw) // 2 :]
    yield "as in a URL", quote(secret, safe="").encode()
    yield "in hexadecimal", raw.hex().encode()
    yield "as Python shows bytes", repr(raw)[2:-1].encode()
    # Where base64 starts within other text, the same bytes become one of three texts.
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 :]
        yield f"in base64, shifted by {shift}", coded.rstrip(b"=")[:-1]


def leaks(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Every secret that stands in a place, by their names; never the secret itself."""
    return [
        f"{name} ({form}) in {place}"
        for place, content in places.items()
        for name, secret in secrets.items()
        for form, wanted in forms(secret)
        if wanted in content
    ]


def joined(lines: Iterable[str]) -> bytes:
    """Text of many parts as one place."""
    return "\n".join(lines).encode(errors="surrogateescape")
