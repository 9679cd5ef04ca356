"""Writes plugins' notifications into the outbox (``botkit.plugin.Notifier``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from botkit.matrix.send.content import transaction_id
from botkit.messages.notification import Notification
from botkit.messages.rendering import EDITABLE_BYTES, message_content
from botkit.storage import Connection
from botkit.storage.outbox import Outgoing, Stamp, enqueue, refusals


class OutboxNotifier:
    """
    One plugin's notifications.

    Args:
        now: milliseconds since 1970.
        wake: called when there may be something to send.
    """

    def __init__(self, plugin: str, now: Callable[[], int], wake: Callable[[], None]) -> None:
        self._plugin = plugin
        self._now = now
        self._wake = wake

    async def post(self, connection: Connection, notifications: Iterable[Notification]) -> Sequence[Notification]:
        """Write notifications down; a name that was used before is passed over. Returns the others."""
        return [one for one in notifications if await enqueue(connection, self._outgoing(one), self._now())]

    async def missed(self, connection: Connection, room_id: str) -> Sequence[tuple[str, bool]]:
        """What a room's notifications (no replies or edits) are about, oldest first, and whether each was rejected."""
        return await refusals(connection, self._plugin, room_id)

    def wake(self) -> None:
        """There may be notifications to send."""
        self._wake()

    def _outgoing(self, notification: Notification) -> Outgoing:
        content = message_content(
            notification.document, msgtype=notification.msgtype, mentions=notification.mentions, limit=EDITABLE_BYTES
        )
        return Outgoing(
            room_id=notification.room_id,
            # the name is the plugin's own: two plugins may use the same one
            txn_id=transaction_id("letter", self._plugin, notification.name),
            kind="m.room.message",
            content=content,
            stamp=Stamp(self._plugin, notification.about, notification.placement),
        )
