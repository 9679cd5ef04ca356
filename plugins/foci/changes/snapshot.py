"""
A foci list at one time, in a canonical form that can be compared and stored.

Only a 200 with a JSON object is a list seen; a 404 is one only when it repeats, which ``listwatch`` counts. Everything
else leaves the last list as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from plugins.foci.discovery.homeserver import PathState
from plugins.foci.discovery.well_known import WellKnown, WellKnownAnswer
from plugins.foci.model import Entry
from plugins.foci.serialise import Codec

_EXACT = 2**53
"""From here on a number with a fraction part of zero is no longer a safe integer in every client."""


class Shape(StrEnum):
    """What is published in the list's place. MALFORMED is a value that is not a list; NONE is no key, or a 404."""

    LIST = "list"
    MALFORMED = "malformed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    A foci list, comparable by ``==``.

    Attributes:
        key: the key used; None with Shape.NONE.
        entries: each entry as canonical JSON, in published order; only with Shape.LIST.
        value: the canonical JSON of what is not a list; only with Shape.MALFORMED.
    """

    shape: Shape
    key: str | None = None
    entries: tuple[str, ...] = ()
    value: str | None = None

    def published(self) -> tuple[Entry, ...]:
        """The entries as values, in order."""
        return tuple(entry_of(text, place) for place, text in enumerate(self.entries, 1))


NOTHING = Snapshot(Shape.NONE)
"""No list is published."""

CODEC = Codec(Snapshot)


@dataclass(frozen=True, slots=True)
class Seen:
    """
    A 200 with a JSON object.

    Attributes:
        endpoint: the transports endpoint at the same check; None when only the well-known was fetched.
    """

    snapshot: Snapshot
    endpoint: PathState | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A 404: no observation yet, unless it repeats."""

    endpoint: PathState | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """The list could not be read; nothing follows about it."""


ListObservation = Seen | Missing | Unseen


def observe(answer: WellKnownAnswer, endpoint: PathState | None = None) -> ListObservation:
    """What a fetch of the client well-known proves about the list."""
    if answer.report.outcome == "absent":
        return Missing(endpoint)
    if answer.report.outcome != "ok" or answer.document is None:
        return Unseen()
    return Seen(snapshot_of(answer.document), endpoint)


def snapshot_of(document: WellKnown) -> Snapshot:
    """The list of a well-known that is a JSON object."""
    if document.key_used is None:
        return NOTHING
    if not isinstance(document.foci_value, list):
        return Snapshot(Shape.MALFORMED, document.key_used, value=canonical(document.foci_value))
    return Snapshot(Shape.LIST, document.key_used, tuple(canonical(entry.value) for entry in document.entries))


def canonical(value: Any) -> str:
    """
    One JSON text for everything that means the same (in the manner of RFC 8785): sorted keys, ASCII, no spaces.

    Numbers that are equal are written equally. Parsing the result gives an equal value.
    """
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def entry_of(text: str, position: int) -> Entry:
    """The entry whose canonical form is ``text``, at a position counted from 1."""
    return Entry("well-known", position, json.loads(text))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value
