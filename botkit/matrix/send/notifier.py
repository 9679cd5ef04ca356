"""The way of plugins' letters into the outbox (``botkit.plugin.Mail``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from botkit.matrix.send.content import transaction_id
from botkit.messages.notification import Notification
from botkit.messages.rendering import EDITABLE_BYTES, message_content
from botkit.storage import Connection
from botkit.storage.outbox import Outgoing, Stamp, enqueue, refusals


class OutboxNotifier:
    """
    One plugin's letters.

    Args:
        now: milliseconds since 1970.
        wake: called when there may be something to send.
    """

    def __init__(self, plugin: str, now: Callable[[], int], wake: Callable[[], None]) -> None:
        self._plugin = plugin
        self._now = now
        self._wake = wake

    async def post(self, connection: Connection, letters: Iterable[Notification]) -> None:
        """Write letters down; a name that was used before is passed over."""
        for letter in letters:
            await enqueue(connection, self._outgoing(letter), self._now())

    async def missed(self, connection: Connection, room_id: str) -> Sequence[tuple[str, bool]]:
        """Subjects of a room's letters that are not replies or edits, oldest first, and whether each was rejected."""
        return await refusals(connection, self._plugin, room_id)

    def wake(self) -> None:
        """There may be letters to send."""
        self._wake()

    def _outgoing(self, letter: Notification) -> Outgoing:
        content = message_content(
            letter.document, msgtype=letter.msgtype, mentions=letter.mentions, limit=EDITABLE_BYTES
        )
        return Outgoing(
            room_id=letter.room_id,
            # the name is the plugin's own: two plugins may use the same one
            txn_id=transaction_id("letter", self._plugin, letter.name),
            kind="m.room.message",
            content=content,
            stamp=Stamp(self._plugin, letter.about, letter.placement),
        )
