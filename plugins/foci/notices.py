"""What a room reads about another room."""

from __future__ import annotations

from botkit.document import Code, Document, Paragraph, Sign, Text
from plugins.foci.wording import counted


def suspended_message(room_id: str, reason: str, watches: int) -> Document:
    """
    A room refuses the bot, so that nobody there is warned any more.

    Args:
        reason: a few words of the bot's own.
        watches: how many servers are watched for it; which ones is not for others to read.
    """
    told = f": {reason}. Alerts of {counted(watches, 'watched server')} are not told there until I can write again."
    head = (Sign("⚠️"), Text(" I cannot write to the room "), Code(room_id), Text(told))
    return Document((Paragraph(head),))
