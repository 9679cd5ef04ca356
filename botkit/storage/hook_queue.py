"""Calls of plugins' hooks: stored together with what caused them, kept until the plugin has returned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.storage.database import Database
from botkit.storage.json_text import from_json, storable, to_json
from botkit.storage.room_events import Annotation, Redaction
from botkit.storage.statements import insert_new
from botkit.storage.tables import calls, notifications, reactions

MOST_PENDING = 20
"""Reactions of one person in one room that may wait at once; what comes on top of them is dropped."""

_HELD = "held"
"""In place of a hook: a reaction to an event that may turn out to be a notification, with its ``target``."""


class Hook(StrEnum):
    """Which method of a plugin."""

    REACTED = "reacted"
    REDACTED = "redacted"
    REPLACED = "room_replaced"
    LEFT = "room_left"
    SUSPENDED = "room_suspended"
    JOINED = "room_joined"


@dataclass(frozen=True, slots=True)
class HookCall:
    """
    A call that waits.

    Attributes:
        arguments: of a reaction ``key`` and ``about``; of the others what the hook takes beyond the room.
    """

    seq: int
    plugin: str
    room_id: str
    hook: Hook
    event_id: str | None
    sender: str | None
    arguments: dict[str, str]


async def note_call(
    connection: AsyncConnection,
    plugins: Sequence[str],
    hook: str,
    room_id: str,
    now: int,
    *,
    event_id: str | None = None,
    sender: str | None = None,
    **arguments: str,
) -> None:
    """Have plugins called; the same event calls the same hook once."""
    for plugin in plugins:
        await connection.execute(
            insert_new(connection, calls).values(
                plugin=plugin,
                room_id=storable(room_id),
                hook=hook,
                event_id=storable(event_id) if event_id else None,
                sender=storable(sender) if sender else None,
                arguments=to_json(arguments),
                created_at=now,
            )
        )


async def note_annotation(
    connection: AsyncConnection, plugins: Sequence[str], seen: Annotation, now: int, under_way: str | None = None
) -> None:
    """
    Queue a call of the plugin whose notification this is, if there is one.

    A notification whose sending was not acknowledged yet may be in the room already, and people react to it there.
    So what is meant for an unknown event is held until that notification's event id is known.

    Args:
        under_way: the plugin whose notification to the room was attempted and is not known to have arrived, if any.
    """
    room_id, sender = storable(seen.room_id), storable(seen.sender)
    query = select(notifications.c.plugin, notifications.c.about).where(
        notifications.c.event_id == storable(seen.target), notifications.c.room_id == room_id
    )
    notification = (await connection.execute(query)).first()
    plugin = under_way if notification is None else notification.plugin
    if plugin is None or plugin not in plugins:
        return
    waiting = select(func.count()).where(
        calls.c.room_id == room_id, calls.c.sender == sender, calls.c.hook.in_((Hook.REACTED, _HELD))
    )
    if (await connection.scalar(waiting) or 0) >= MOST_PENDING:
        return
    whose = {"event_id": seen.event_id, "sender": seen.sender}
    if notification is None:
        held = {"target": storable(seen.target), "key": seen.key}
        await note_call(connection, (plugin,), _HELD, seen.room_id, now, **whose, **held)
        return
    await note_call(
        connection, (plugin,), Hook.REACTED, seen.room_id, now, **whose, about=notification.about, key=seen.key
    )


async def release_held(
    connection: AsyncConnection, room_id: str, now: int, *, event_id: str, plugin: str, about: str
) -> bool:
    """
    A notification has arrived: reactions to it that were there first are calls now, other held ones are forgotten.

    Returns:
        whether there is a plugin to call.
    """
    held = select(calls).where(_held(room_id)).order_by(calls.c.seq)
    rows = (await connection.execute(held)).all()
    await forget_held(connection, room_id)
    meant = [(row, from_json(row.arguments)) for row in rows]
    meant = [(row, arguments) for row, arguments in meant if arguments["target"] == event_id]
    for row, arguments in meant:
        whose = {"event_id": row.event_id, "sender": row.sender}
        await note_call(connection, (plugin,), Hook.REACTED, room_id, now, **whose, about=about, key=arguments["key"])
    return bool(meant)


async def forget_held(connection: AsyncConnection, room_id: str) -> None:
    """No notification to that room is under way any longer."""
    await connection.execute(delete(calls).where(_held(room_id)))


def _held(room_id: str) -> ColumnElement[bool]:
    return and_(calls.c.room_id == storable(room_id), calls.c.hook == _HELD)


async def note_redaction(connection: AsyncConnection, seen: Redaction, now: int) -> None:
    """Have the plugin called that was, or will be, called with this reaction."""
    event_id, room_id = storable(seen.event_id), storable(seen.room_id)
    await connection.execute(delete(calls).where(_held(room_id), calls.c.event_id == event_id))
    taken = select(reactions.c.plugin).where(reactions.c.event_id == event_id, reactions.c.room_id == room_id)
    waiting = select(calls.c.plugin).where(
        calls.c.event_id == event_id, calls.c.room_id == room_id, calls.c.hook == Hook.REACTED
    )
    plugin = await connection.scalar(taken) or await connection.scalar(waiting)
    if plugin is not None:
        await note_call(connection, (plugin,), Hook.REDACTED, seen.room_id, now, event_id=seen.event_id)


class HookQueue:
    """
    The table of calls.

    Args:
        now: milliseconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    async def waiting(self) -> tuple[tuple[str, str], ...]:
        """Pairs of plugin and room for which calls wait, longest waiting first."""
        query = (
            select(calls.c.plugin, calls.c.room_id)
            .where(calls.c.hook != _HELD)
            .group_by(calls.c.plugin, calls.c.room_id)
        )
        async with self._database.begin() as connection:
            rows = (await connection.execute(query.order_by(func.min(calls.c.seq)))).all()
        return tuple((row.plugin, row.room_id) for row in rows)

    async def next(self, plugin: str, room_id: str) -> HookCall | None:
        """The oldest call that waits."""
        mine = and_(calls.c.plugin == plugin, calls.c.room_id == room_id, calls.c.hook != _HELD)
        query = select(calls).where(mine).order_by(calls.c.seq).limit(1)
        async with self._database.begin() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        return HookCall(
            row.seq, row.plugin, row.room_id, Hook(row.hook), row.event_id, row.sender, from_json(row.arguments)
        )

    async def taken(self, event_id: str) -> bool:
        """Whether a plugin was called with this reaction."""
        async with self._database.begin() as connection:
            query = select(reactions.c.plugin).where(reactions.c.event_id == event_id)
            return await connection.scalar(query) is not None

    async def done(self, call: HookCall) -> None:
        """The plugin has returned."""
        async with self._database.begin() as connection:
            if call.hook is Hook.REACTED:
                await connection.execute(
                    insert_new(connection, reactions).values(
                        event_id=call.event_id, room_id=call.room_id, plugin=call.plugin, taken_at=self._now()
                    )
                )
            elif call.hook is Hook.REDACTED:
                await connection.execute(delete(reactions).where(reactions.c.event_id == call.event_id))
            await connection.execute(delete(calls).where(calls.c.seq == call.seq))

    async def drop(self, call: HookCall) -> None:
        """The plugin is not to be called."""
        async with self._database.begin() as connection:
            await connection.execute(delete(calls).where(calls.c.seq == call.seq))

    async def prune(self, older_than: int) -> None:
        """Forget notifications and reactions from before ``older_than`` (ms): nothing can refer to them any longer."""
        async with self._database.begin() as connection:
            await connection.execute(delete(notifications).where(notifications.c.sent_at < older_than))
            await connection.execute(delete(reactions).where(reactions.c.taken_at < older_than))
