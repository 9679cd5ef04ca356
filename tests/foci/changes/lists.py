"""Foci lists in few words, for tests of watches."""

from __future__ import annotations

from typing import Any

from plugins.foci.changes.snapshot import Shape, Snapshot, canonical
from plugins.foci.model import MSC4143_KEY

KEY = MSC4143_KEY


def focus(name: str, **fields: Any) -> dict[str, Any]:
    """An entry that is told by its name."""
    return {"type": "livekit", "livekit_service_url": url(name), **fields}


def url(name: str) -> str:
    return f"https://{name}.example.org/jwt"


def published(*entries: Any, key: str = KEY) -> Snapshot:
    """A list; words stand for entries of that name."""
    values = [focus(entry) if isinstance(entry, str) else entry for entry in entries]
    return Snapshot(Shape.LIST, key, tuple(canonical(value) for value in values))


def malformed(value: Any, key: str = KEY) -> Snapshot:
    """Something that is not a list under the key."""
    return Snapshot(Shape.MALFORMED, key, value=canonical(value))
