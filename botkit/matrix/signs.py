"""What events say about letters and rooms rather than in words: reactions, redactions, tombstones, expulsions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botkit.matrix.screening import well_formed
from botkit.storage.calls import Annotation, Redaction
from botkit.storage.residence import Departure, Tombstone

REACTION_TYPES = ("m.reaction", "m.room.redaction")
"""Timeline events that are read however old they are: what they say still holds."""

ABSENT = "the bot is no longer in the room"
_LONGEST_EVENT_ID = 255
_LONGEST_KEY = 100


def reaction_or_redaction(event: Any, room_id: str, own_user_id: str) -> Annotation | Redaction | None:
    """A reaction or a redaction by somebody else; strangers write these, so nothing in them is believed."""
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
        found.append(Tombstone(room_id, event["event_id"], replacement, event["sender"].partition(":")[2]))
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
