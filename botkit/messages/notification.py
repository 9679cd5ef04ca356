"""Messages that a plugin sends of its own accord: where they go, and which of them belong together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from botkit.messages.document import Document
from botkit.messages.rendering import MessageType


class Placement(StrEnum):
    """
    Relation of a notification to earlier notifications.

    NEW is a message of its own. The others refer to the NEW notification with the same ``about`` in the same room:
    EDIT takes its place, REPLY answers it, THREAD is said in its thread. Where that notification never arrived,
    EDIT and REPLY become a message of their own, which later notifications refer to, and THREAD is left out.
    """

    NEW = "new"
    EDIT = "edit"
    REPLY = "reply"
    THREAD = "thread"


@dataclass(frozen=True, slots=True)
class Notification:
    """
    A message to send to a room.

    Attributes:
        name: unique among the plugin's notifications and the same when the step that wrote it is repeated; a name
            that was used is passed over.
        about: what it belongs to, such as one incident.
        msgtype: ``m.text`` notifies, ``m.notice`` does not.
        mentions: user ids to mention, whatever the text says; an edit mentions no one.
        purpose: the plugin's own word for why it is sent; the host does not read it.
    """

    room_id: str
    name: str
    about: str
    placement: Placement
    document: Document
    msgtype: MessageType = "m.notice"
    mentions: tuple[str, ...] = ()
    purpose: str = ""
