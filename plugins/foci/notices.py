"""What a room reads about how it is told: another one refuses the bot, or an alert would go down with its server."""

from __future__ import annotations

from collections.abc import Iterable

from botkit.messages.document import Code, Document, Emoji, Paragraph, Text
from plugins.foci.watches import shares_fate
from plugins.foci.wording import counted, sentence


def suspended_message(room_id: str, reason: str, watches: int) -> Document:
    """
    A room refuses the bot, so that nobody there is warned any more.

    Args:
        reason: a few words of the bot's own.
        watches: how many servers are watched for it; which ones is not for others to read.
    """
    told = f": {reason}. Alerts of {counted(watches, 'watched server')} are not told there until I can write again."
    head = (Emoji("⚠️"), Text(" I cannot write to the room "), Code(room_id), Text(told))
    return Document((Paragraph(head),))


def caution_of(server: str, own_user_id: str, entitled: Iterable[str]) -> str:
    """
    Why an alert about a server cannot arrive when it matters, which is worth a word beforehand; empty if it can.

    Args:
        own_user_id: the bot's.
        entitled: user ids of everyone in the room who may act.
    """
    home = own_user_id.partition(":")[2]
    if shares_fate(server, home, ()):
        return "This is my own homeserver: while it is down I can tell nobody. Have it watched from elsewhere too."
    if not shares_fate(server, home, [user for user in entitled if user != own_user_id]):
        return ""
    return (
        "Everyone here who could act lives on this server: while it is down nobody reads the alert. "
        "Invite somebody from another server, or have it watched from there."
    )


def caution_message(server: str, caution: str) -> Document:
    """The same about a watch that the configuration asks for, which nobody in the room typed."""
    return Document((Paragraph(sentence("⚠️", server, Text(f" is watched for this room. {caution}"))),))
