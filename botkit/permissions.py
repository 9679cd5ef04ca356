"""Who may do what, from raw room state and configuration. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any, Literal

from botkit.identifiers import matches_any

MODERATOR = 50
"""The power level that commands about a room require."""

InvitePolicy = Literal["admins", "allowlist", "anyone", "nobody"]


def power_level(
    user_id: str, *, create: Mapping[str, Any], create_sender: str, power_levels: Mapping[str, Any] | None
) -> float:
    """
    A user's power by the authorisation rules of the room's version.

    From room version 12 on the creators (the sender of the create event and its ``additional_creators``)
    have infinite power, whatever the power levels say (MSC4289). Without power levels the creator of an
    older room has 100 and everyone else 0. Values that are not levels count as 0.

    Args:
        create: content of ``m.room.create``.
        create_sender: the sender of that event.
        power_levels: content of ``m.room.power_levels``, None when the room has none.
    """
    version = create.get("room_version", "1")
    if _has_privileged_creators(version):
        additional = create.get("additional_creators")
        if user_id == create_sender or (isinstance(additional, list) and user_id in additional):
            return math.inf
        if power_levels is None:
            return 0.0
    elif power_levels is None:
        return 100.0 if user_id == _old_creator(version, create, create_sender) else 0.0
    users = power_levels.get("users")
    if isinstance(users, Mapping) and user_id in users:
        return _level(users[user_id])
    return _level(power_levels.get("users_default", 0))


def needed_for_state(kind: str, power_levels: Mapping[str, Any] | None) -> float:
    """The power that sending a state event of this kind takes; nothing in a room without power levels."""
    if power_levels is None:
        return 0.0
    events = power_levels.get("events")
    if isinstance(events, Mapping) and kind in events:
        return _level(events[kind])
    return _level(power_levels.get("state_default", 50))


def _has_privileged_creators(version: object) -> bool:
    if not isinstance(version, str):
        return False
    return version.startswith("org.matrix.hydra") or (_number(version) or 0) >= 12


def _old_creator(version: object, create: Mapping[str, Any], create_sender: str) -> object:
    """Up to room version 10 the content names the creator; from 11 on it is the sender (MSC2175)."""
    number = _number(version) if isinstance(version, str) else None
    if number is not None and number >= 11:
        return create_sender
    return create.get("creator", create_sender)


def _number(version: str) -> int | None:
    return int(version) if re.fullmatch(r"[1-9]\d{0,3}", version, re.ASCII) else None


def _level(value: object) -> float:
    """Rooms before version 10 may hold levels as text, with spaces and a sign."""
    if isinstance(value, bool):
        return 0.0
    if isinstance(value, int) and abs(value) < 2**53:
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,15}\s*", value, re.ASCII):
        return float(value)
    return 0.0


def entitled(user_id: str, admins: Collection[str], power: float) -> bool:
    """Whether a user may change what the bot does in a room."""
    return user_id in admins or power >= MODERATOR


def may_invite(inviter: str, policy: InvitePolicy, allow: Collection[str], admins: Collection[str]) -> bool:
    """
    Whether an invitation is followed; the same answer live and at start-up.

    Args:
        allow: globs over user ids, which the policy ``allowlist`` adds to the admins.
    """
    if policy == "nobody":
        return False
    if policy == "anyone" or inviter in admins:
        return True
    return policy == "allowlist" and matches_any(allow, inviter)


def may_command(sender: str, allow: Collection[str], block: Collection[str], admins: Collection[str]) -> bool:
    """
    Whether a user's commands are answered: ``block`` overrides ``allow``, admins are always answered.

    For ``block`` the case of a server's name is nothing: DNS knows none, so whoever owns it could take another.
    """
    blocked = matches_any(map(_with_lower_server, block), _with_lower_server(sender))
    return sender in admins or (matches_any(allow, sender) and not blocked)


def _with_lower_server(text: str) -> str:
    localpart, colon, server = text.partition(":")
    return f"{localpart}{colon}{server.lower()}"
