"""How far a message of the outbox has come."""

from __future__ import annotations

from enum import StrEnum


class MessageState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"
    """A later edit says the same and more."""
    LEFT_OUT = "left out"
    """What it belonged to never arrived."""
