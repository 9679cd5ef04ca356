"""Configured watches whose alert would go down with the server: the room is warned once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import pytest

from botkit.plugin import RoomUnavailableError
from botkit.storage import Database
from plugins.foci.alerts.watches import Watch
from plugins.foci.watch.timers import SharedFateWarnings
from tests.host.clock import SetClock
from tests.watch_service.internet import Internet
from tests.watch_service.ops import NOON, Ops
from tests.watch_service.test_watch_commands import BOT, ROOM, Membership

HOME = BOT.partition(":")[2]


@dataclass
class Rooms(Membership):
    """The host's rooms when it has just started, or cannot reach its homeserver."""

    heard: bool = True
    reachable: bool = True
    asked: list[str] = field(default_factory=list)

    async def entitled_members(self, room_id: str) -> tuple[str, ...]:
        self.asked.append(room_id)
        if not self.reachable:
            raise RoomUnavailableError("the homeserver is away")
        return self.powerful

    def joined(self) -> frozenset[str]:
        return frozenset({ROOM}) if self.heard else frozenset()


@dataclass
class Bot:
    """a watch service, and what warns rooms."""

    ops: Ops
    rooms: Rooms = field(default_factory=Rooms)

    async def starts(self, *servers: str) -> list[str]:
        """With these servers in its configuration; what the room reads."""
        await self.ops.restarted().configure([Watch(ROOM, server, "config") for server in servers], self.ops.at)
        return await self.goes_on()

    async def goes_on(self) -> list[str]:
        clock = SetClock(NOON)
        await clock.during(150, SharedFateWarnings(self.ops.watch_service, self.rooms, BOT, clock).run)
        return await self.ops.lines()


@pytest.fixture
def bot(database: Database) -> Bot:
    return Bot(Ops(database, Internet()), Rooms(powerful=("@a:a.org", "@b:a.org", BOT)))


async def test_a_configured_watch_that_shares_its_fate_is_warned_of_once(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the bot's own homeserver, and of the one on which everybody lives who could act; restarts repeat nothing."""
    with caplog.at_level(logging.WARNING):
        first, second = await bot.starts("a.org", "b.org", HOME)
    assert first.startswith(f"{ROOM} new: ⚠️ a.org is watched for this room. Everyone here who may act on alerts has an")
    assert second.startswith(
        f"{ROOM} new: ⚠️ {HOME} is watched for this room. This is the bot's own homeserver: while it is"
    )
    assert [record.args[0] for record in caplog.records if record.args] == ["a.org", HOME]  # type: ignore[index]
    assert await bot.starts("a.org", "b.org", HOME) == []
    assert bot.rooms.asked == [ROOM]
    assert await bot.starts("b.org") == []
    bot.ops.at += 60
    assert len(await bot.starts("a.org", "b.org")) == 1


async def test_it_waits_until_the_bot_is_in_the_room_and_hears_of_it(bot: Bot) -> None:
    """It is invited later, its homeserver is away, it is started again meanwhile."""
    bot.rooms.heard = bot.rooms.reachable = False
    assert await bot.starts(HOME) == []
    assert bot.rooms.asked == []
    bot.rooms.heard = True
    assert await bot.starts(HOME) == []
    bot.rooms.reachable = True
    assert len(await bot.goes_on()) == 1
    assert await bot.goes_on() == []


async def test_a_watch_that_was_typed_is_not_warned_of_again(bot: Bot) -> None:
    """The answer to the command said so."""
    await bot.ops.watch({ROOM: [HOME]})
    assert await bot.goes_on() == []


async def test_a_watch_that_moves_or_changes_stays_warned_of(bot: Bot) -> None:
    """Into the room's replacement, and with another interval."""
    assert len(await bot.starts(HOME)) == 1
    await bot.ops.watch_service.configure([Watch(ROOM, HOME, "config", 600)], bot.ops.at)
    await bot.ops.watch_service.room_replaced(ROOM, "!new", bot.ops.at)
    assert await bot.ops.watch_service.unevaluated() == ()
