"""How a letter points to the letters before it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botkit.letter import Placement

_EDITED = "* "
"""What stands before the fallback for clients that do not know edits (Matrix, event replacements)."""


def related(content: Mapping[str, Any], placement: Placement, anchor: str | None) -> dict[str, Any]:
    """
    The content of a letter as it is sent.

    Args:
        anchor: the event it refers to; without one it is a message of its own.
    """
    if anchor is None or placement is Placement.NEW:
        return dict(content)
    if placement is Placement.EDIT:
        return _edit(content, anchor)
    reply = {"m.in_reply_to": {"event_id": anchor}}
    if placement is Placement.REPLY:
        return {**content, "m.relates_to": reply}
    relation = {"rel_type": "m.thread", "event_id": anchor, "is_falling_back": True, **reply}
    return {**content, "m.relates_to": relation}


def _edit(content: Mapping[str, Any], anchor: str) -> dict[str, Any]:
    fallback = {**content, "body": _EDITED + str(content["body"])}
    if "formatted_body" in content:
        fallback["formatted_body"] = _EDITED + str(content["formatted_body"])
    return {
        **fallback,
        # those who are mentioned know already: an edit pings nobody
        "m.mentions": {},
        "m.new_content": dict(content),
        "m.relates_to": {"rel_type": "m.replace", "event_id": anchor},
    }
