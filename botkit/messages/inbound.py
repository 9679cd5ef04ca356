"""A received message, and who answers it. No nio types cross this line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from botkit.messages.document import Reply


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """
    A text message (``m.text``, already decrypted) that someone else sent to a room the bot is in.

    Attributes:
        body: the plain body, reply fallback included where an old client sent one.
        formatted_body: the HTML body, None without one; written by a stranger.
        mentions: user ids of ``m.mentions``; empty when the sender's client sets none.
        reply_to: event id this message replies to (a thread's fallback does not count), else None.
        reply_author: who wrote that event, None when not a reply or not to be found.
        thread_root: event id of the thread the message is in, else None.
        sent_at: milliseconds since 1970 by the clock of the sender's server.
        encrypted: whether the event arrived encrypted.
    """

    event_id: str
    room_id: str
    sender: str
    body: str
    formatted_body: str | None
    mentions: tuple[str, ...]
    reply_to: str | None
    reply_author: str | None
    thread_root: str | None
    sent_at: int
    encrypted: bool


Answerer = Callable[[InboundMessage], Awaitable[Sequence[Reply]]]
"""Turns a message into the replies to send, in order; an empty sequence means silence."""
