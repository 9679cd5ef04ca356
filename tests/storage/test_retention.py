"""What the host deletes because it is old, on a machine whose clock is set."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import func, insert, select

from botkit.matrix.retention import Retention
from botkit.storage import Database
from botkit.storage.hook_queue import HookQueue
from botkit.storage.inbox import Inbox
from botkit.storage.outbox import MessageState, Outbox
from botkit.storage.tables import inbox, notifications, outbox, reactions
from tests.host.clock import SetClock

NOW = 1_700_000_000.0
HOUR, DAY = 3600.0, 86_400.0


@dataclass
class Host:
    """One finished row of each kind, written at ``NOW``, and what prunes them."""

    database: Database
    clock: SetClock

    async def write(self) -> None:
        at = int(NOW * 1000)
        rows = {
            inbox: {"event_id": "$e", "payload": "{}", "state": "done", "attempts": 1, "received_at": at},
            outbox: {"txn_id": "t", "kind": "m", "content": "{}", "state": MessageState.SENT, "created_at": at},
            notifications: {"event_id": "$l", "seq": 1, "plugin": "p", "about": "a", "anchor": True, "sent_at": at},
            reactions: {"event_id": "$r", "plugin": "p", "taken_at": at},
        }
        async with self.database.begin() as connection:
            for table, values in rows.items():
                await connection.execute(insert(table).values(room_id="!r", **values))

    async def left(self) -> list[int]:
        """Rows of inbox, outbox, notifications, reactions."""
        async with self.database.begin() as connection:
            tables = (inbox, outbox, notifications, reactions)
            return [await connection.scalar(select(func.count()).select_from(one)) or 0 for one in tables]

    def started(self) -> Retention:
        """What a process prunes with."""

        def now() -> int:
            return int(self.clock.now() * 1000)

        stores = Inbox(self.database, now), Outbox(self.database, now), HookQueue(self.database, now)
        return Retention(*stores, now, self.clock.passed, self.clock.sleep)


@pytest.fixture
async def host(database: Database) -> Host:
    host = Host(database, SetClock(NOW))
    await host.write()
    return host


@pytest.mark.parametrize("leap", [3 * DAY, 30 * DAY, 500 * DAY, -500 * DAY])
async def test_a_clock_that_leaps_and_is_put_right_costs_nothing(host: Host, leap: float) -> None:
    """Twice within a day, for hours each, in either direction."""
    retention = host.started()
    for wrong_by, seconds in ((0.0, 6 * DAY), (leap, 9 * HOUR), (0.0, 2 * HOUR), (2 * leap, 9 * HOUR)):
        host.clock.wrong_by = wrong_by
        await host.clock.during(seconds, retention.run)
        assert (await host.left())[1:] == [1, 1, 1]
    host.clock.wrong_by = 0.0
    await host.clock.during(2 * DAY, retention.run)
    assert await host.left() == [0, 0, 1, 1]


async def test_an_answered_command_is_forgotten_within_a_day(host: Host) -> None:
    """What was sent is kept for as long as the homeserver knows it again."""
    retention = host.started()
    await host.clock.during(DAY - HOUR, retention.run)
    assert await host.left() == [1, 1, 1, 1]
    await host.clock.during(2 * HOUR, retention.run)
    assert await host.left() == [0, 1, 1, 1]


async def test_a_clock_that_stays_where_it_leapt_is_believed_a_day_later(host: Host) -> None:
    """It may have been wrong before."""
    retention = host.started()
    await host.clock.during(HOUR, retention.run)
    host.clock.wrong_by = 30 * DAY
    await host.clock.during(DAY, retention.run)
    assert await host.left() == [1, 1, 1, 1]
    await host.clock.during(2 * HOUR, retention.run)
    assert await host.left() == [0, 0, 1, 1]


async def test_after_a_long_rest_old_rows_go_within_hours(host: Host) -> None:
    """Not at once: a machine that has just started may not know the time yet."""
    host.clock.wrong_by = 500 * DAY
    retention = host.started()
    await host.clock.during(HOUR / 2, retention.run)
    host.clock.wrong_by = 0.0
    await host.clock.during(HOUR, retention.run)
    assert await host.left() == [1, 1, 1, 1]
    host.clock.wrong_by = 500 * DAY
    await host.clock.during(2 * HOUR, host.started().run)
    assert await host.left() == [0, 0, 0, 0]
