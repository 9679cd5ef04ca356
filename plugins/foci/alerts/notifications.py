"""From a message to a notification: where it goes, how loud it is, whom it mentions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from botkit.messages.document import Document
from botkit.messages.notification import Notification, Placement
from botkit.messages.rendering import MessageType


class Purpose(StrEnum):
    """
    Why a message is sent.

    FIRING and CHANGE are alerts. UPDATE and CLOSED edit one. INFO needs no action.
    """

    FIRING = "firing"
    CHANGE = "change"
    INFO = "info"
    UPDATE = "update"
    CLOSED = "closed"
    REMINDER = "reminder"
    RESOLVE = "resolve"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """
    How rooms are notified.

    Attributes:
        reminder: seconds between reminders of the same incident in a room.
        msgtype: of alerts; ``m.text`` notifies.
        mention: user ids who are pinged when something fires.
    """

    reminder: float = 12 * 3600.0
    msgtype: MessageType = "m.text"
    mention: tuple[str, ...] = ()


def make_notification(
    about: str,
    number: int,
    room_id: str,
    purpose: Purpose,
    placement: Placement,
    document: Document,
    settings: AlertSettings,
    *,
    quiet: bool = False,
) -> Notification:
    """
    A notification with the loudness that its purpose asks for; an edit has that of the one it replaces.

    Args:
        about: unique for each incident and each change.
        number: counts the notifications about it in this room.
        quiet: what it edits is information, not an alert.
    """
    if purpose is Purpose.REMINDER:
        msgtype: MessageType = "m.text"
    elif purpose in (Purpose.RESOLVE, Purpose.EVIDENCE, Purpose.INFO) or quiet:
        msgtype = "m.notice"
    else:
        msgtype = settings.msgtype
    mentions = settings.mention if purpose is Purpose.FIRING else ()
    return Notification(room_id, f"{about} {room_id} {number}", about, placement, document, msgtype, mentions, purpose)


def without_overtaken(posts: Sequence[Notification]) -> list[Notification]:
    """What is left of notifications that are sent together when a message is edited only once."""
    kept: list[Notification] = []
    edited: set[tuple[str, str]] = set()
    for post in reversed(posts):
        place = (post.about, post.room_id)
        if post.placement is Placement.EDIT:
            if place in edited:
                continue
            edited.add(place)
        elif post.placement is Placement.NEW:
            # edits before it are of another message
            edited.discard(place)
        kept.append(post)
    return kept[::-1]
