"""Events of a sync answer: which are commands, reactions, redactions, tombstones or membership changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botkit.identifiers import server_of
from botkit.messages.inbound import InboundMessage
from botkit.storage.room_events import Annotation, Departure, Redaction, Tombstone

_MOST_MENTIONS = 50
_LONGEST_ID = 255
"""Bytes (Matrix appendices); in content nothing but this holds strangers to it, and answers repeat the ids."""


class IgnoredReason(StrEnum):
    """Why an event is passed over."""

    MALFORMED = "malformed"
    OTHER_TYPE = "other type"
    OWN = "own"
    TOO_OLD = "too old"
    EDIT = "edit"
    REDACTED = "redacted"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """
    The rules that events are held against.

    Attributes:
        own_user_id: whose events are never answered.
        max_age: seconds after which an event is too old.
    """

    own_user_id: str
    max_age: float

    def outside(self, event: Any, now: float) -> IgnoredReason | None:
        """
        Judge what can be seen without decrypting.

        Args:
            now: seconds since 1970.
        """
        if not isinstance(event, Mapping) or not well_formed(event):
            return IgnoredReason.MALFORMED
        if event["type"] not in ("m.room.message", "m.room.encrypted") or "state_key" in event:
            return IgnoredReason.OTHER_TYPE
        if event["sender"] == self.own_user_id:
            return IgnoredReason.OWN
        if "redacted_because" in _mapping(event.get("unsigned")) or not event["content"]:
            return IgnoredReason.REDACTED
        if _replaces(event["content"]):
            return IgnoredReason.EDIT
        return IgnoredReason.TOO_OLD if age(event, now) > self.max_age else None

    def inside(self, event: Mapping[str, Any], room_id: str, *, encrypted: bool) -> InboundMessage | IgnoredReason:
        """The message in an event that passed ``outside`` and is in clear by now."""
        content = event.get("content")
        if not isinstance(content, Mapping):
            return IgnoredReason.MALFORMED
        if event.get("type") != "m.room.message" or content.get("msgtype") != "m.text":
            return IgnoredReason.OTHER_TYPE
        if _replaces(content):
            return IgnoredReason.EDIT
        if not isinstance(content.get("body"), str):
            return IgnoredReason.MALFORMED
        return _message(event, content, room_id, encrypted)


def age(event: Mapping[str, Any], now: float) -> float:
    """
    Seconds since the event was sent.

    The homeserver's own measure (``unsigned.age``) where it gives one; the sender's server's clock otherwise.
    """
    measured = _mapping(event.get("unsigned")).get("age")
    if isinstance(measured, int) and not isinstance(measured, bool):
        return measured / 1000
    return now - float(event["origin_server_ts"]) / 1000


def own_join(event: Any, own_user_id: str) -> bool:
    """Whether this is the bot entering the room (not merely changing its profile)."""
    if not isinstance(event, Mapping) or event.get("type") != "m.room.member":
        return False
    if event.get("state_key") != own_user_id or _mapping(event.get("content")).get("membership") != "join":
        return False
    before = _mapping(_mapping(event.get("unsigned")).get("prev_content"))
    return before.get("membership") != "join"


def well_formed(event: Mapping[str, Any]) -> bool:
    """Whether the fields that every event has are there and of a bearable size."""
    texts = all(_is_short(event.get(key)) for key in ("type", "event_id", "sender"))
    sent = event.get("origin_server_ts")
    numbers = isinstance(sent, int) and not isinstance(sent, bool) and 0 <= sent < 2**53
    return texts and numbers and isinstance(event.get("content"), Mapping)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) <= _LONGEST_ID


def _event_id(value: Any) -> str | None:
    """An id that a homeserver would take; anything else is as good as none."""
    return value if _is_short(value) and value.startswith("$") else None


def _replaces(content: Mapping[str, Any]) -> bool:
    return _mapping(content.get("m.relates_to")).get("rel_type") == "m.replace" or "m.new_content" in content


def _message(event: Mapping[str, Any], content: Mapping[str, Any], room_id: str, encrypted: bool) -> InboundMessage:
    relation = _mapping(content.get("m.relates_to"))
    threaded = relation.get("rel_type") == "m.thread"
    fallback = threaded and relation.get("is_falling_back") is True
    reply_to = _event_id(_mapping(relation.get("m.in_reply_to")).get("event_id"))
    mentioned = _mapping(content.get("m.mentions")).get("user_ids")
    users = mentioned if isinstance(mentioned, list) else []
    html = content.get("format") == "org.matrix.custom.html"
    return InboundMessage(
        event_id=event["event_id"],
        room_id=room_id,
        sender=event["sender"],
        body=content["body"],
        formatted_body=_text(content.get("formatted_body")) if html else None,
        mentions=tuple(user for user in users[:_MOST_MENTIONS] if _is_short(user)),
        reply_to=None if fallback else reply_to,
        reply_author=None,
        thread_root=_event_id(relation.get("event_id")) if threaded else None,
        sent_at=event["origin_server_ts"],
        encrypted=encrypted,
    )


REACTION_TYPES = ("m.reaction", "m.room.redaction")
"""Timeline events that are read however old they are: what they say still holds."""

ABSENT = "the bot is no longer in the room"
_LONGEST_EVENT_ID = 255
_LONGEST_KEY = 100


def reaction_or_redaction(event: Any, room_id: str, own_user_id: str) -> Annotation | Redaction | None:
    """A reaction or a redaction by another user; its content is untrusted."""
    if not isinstance(event, Mapping) or not well_formed(event) or "state_key" in event:
        return None
    if event["sender"] == own_user_id:
        return None
    content = event["content"]
    if event["type"] == "m.room.redaction":
        # up to room version 10 the event itself says what it redacts and its content is free text; from 11 on the
        # content says it, and a homeserver that repeats it at the top repeats the same
        target = _id(event["redacts"] if "redacts" in event else content.get("redacts"), "$")
        return Redaction(room_id, target) if target else None
    if event["type"] != "m.reaction":
        return None
    relation = _mapping_of(content.get("m.relates_to"))
    target, key = _id(relation.get("event_id"), "$"), relation.get("key")
    if relation.get("rel_type") != "m.annotation" or target is None or not isinstance(key, str):
        return None
    return Annotation(room_id, event["event_id"], target, event["sender"], key[:_LONGEST_KEY])


def tombstones(events: Iterable[Any], room_id: str) -> list[Tombstone]:
    """Where a room's state says that it is continued elsewhere; whether that is true is to be asked."""
    found = []
    for event in events:
        if not isinstance(event, Mapping) or event.get("type") != "m.room.tombstone" or event.get("state_key") != "":
            continue
        replacement = _id(_mapping_of(event.get("content")).get("replacement_room"), "!")
        if not well_formed(event) or replacement is None or replacement == room_id:
            continue
        found.append(Tombstone(room_id, event["event_id"], replacement, server_of(event["sender"])))
    return found


def changes_power_levels(events: Iterable[Any]) -> bool:
    """Whether rules changed that may have kept the bot from speaking."""
    return any(
        isinstance(event, Mapping) and event.get("type") == "m.room.power_levels" and event.get("state_key") == ""
        for event in events
    )


def departure(events: Iterable[Any], room_id: str, own_user_id: str) -> Departure:
    """Why the bot is no longer in a room."""
    last: Mapping[str, Any] = {}
    for event in events:
        if (
            isinstance(event, Mapping)
            and event.get("type") == "m.room.member"
            and event.get("state_key") == own_user_id
        ):
            last = event
    membership = _mapping_of(last.get("content")).get("membership")
    if membership == "ban":
        return Departure(room_id, "the bot was banned")
    if membership == "leave":
        return Departure(room_id, None if last.get("sender") == own_user_id else "the bot was removed")
    return Departure(room_id, ABSENT)


def _mapping_of(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _id(value: Any, sigil: str) -> str | None:
    if not isinstance(value, str) or not value.startswith(sigil):
        return None
    return value if len(value.encode("utf-8", "surrogatepass")) <= _LONGEST_EVENT_ID else None
