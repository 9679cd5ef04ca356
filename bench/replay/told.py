"""What rooms were told: one value per message, and what can be read off its text."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SERVICE = re.compile(r"https://([a-z0-9-]+)\.example\.org/jwt")
_SERVER = re.compile(r"\b([a-z0-9-]+\.example)\b(?!\.\w)")
_URL = re.compile(r"focus:https://([a-z0-9.-]+):443/jwt")
_BOTH = re.compile(r"Before.*?:\n(?P<before>.*)\nNow.*?:\n(?P<now>.*)", re.DOTALL)

Names = tuple[str, ...] | None
"""A foci list by the names of its services; None where there is none."""


@dataclass(frozen=True, slots=True)
class Told:
    """
    One message.

    Attributes:
        at: seconds since the beginning of the trace.
    """

    at: float
    room: str
    placement: str
    about: str
    text: str
    msgtype: str
    txn_id: str

    @property
    def subject(self) -> str:
        """What it is about, without the time that tells incidents apart; a service for any of its URLs."""
        return subject_of(self.about)

    @property
    def sign(self) -> str:
        """The character in front, which says what kind of message it is."""
        return self.text[:1]

    @property
    def servers(self) -> frozenset[str]:
        """Watched servers that are named in it."""
        return frozenset(_SERVER.findall(self.text))

    @property
    def lists(self) -> tuple[Names, Names] | None:
        """The list before and now, of the evidence of a list change."""
        found = _BOTH.search(self.text)
        return None if found is None else (_names(found["before"]), _names(found["now"]))


def subject_of(about: str) -> str:
    """See `Told.subject`."""
    return _URL.sub(r"focus:\1", about.rpartition("@")[0])


def _names(text: str) -> Names:
    return None if text.strip() == "no list" else tuple(_SERVICE.findall(text))
