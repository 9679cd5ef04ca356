"""
What the demo shows of watches: servers whose lists change and whose services break, and the ops room meanwhile.

A minute passes in a second here (`lab.fast_clock`), and the times that are printed are those of the watches.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from lab.bot import Bot
from lab.fast_clock import HurriedClock
from lab.fault import Fault
from lab.federation import Federation, Server
from lab.focus import Focus
from lab.opsroom import OpsRoom
from lab.person import Said

SPEED = 60.0
_THREE = ("east.example", "north.example", "west.example")


@dataclass(frozen=True, slots=True)
class Watched:
    """
    The servers that the alerts are about.

    Attributes:
        club: publishes two foci of its own.
        three: publish one focus between them.
        school: publishes a focus whose certificate is nobody's business yet.
    """

    club: Server
    club_focus: Focus
    club_backup: Focus
    three: Sequence[Server]
    shared: Focus
    school: Server
    school_focus: Focus

    @classmethod
    async def declared(cls, federation: Federation) -> Self:
        """All of them, healthy."""
        rtc = await federation.focus("https://rtc.club.example/livekit/jwt")
        backup = await federation.focus("https://backup.club.example/livekit/jwt")
        club = await federation.server("club.example", foci=[rtc.entry, backup.entry])
        shared = await federation.focus("https://rtc.shared.example/livekit/jwt")
        three = [await federation.server(name, foci=[shared.entry]) for name in _THREE]
        taught = await federation.focus("https://rtc.school.example/livekit/jwt")
        school = await federation.server("school.example", foci=[taught.entry])
        return cls(club, rtc, backup, three, shared, school, taught)

    @property
    def servers(self) -> tuple[Server, ...]:
        """All of them."""
        return (self.club, *self.three, self.school)


async def restart_hurried(bot: Bot, config: dict[str, Any], watched: Watched, room: OpsRoom) -> None:
    """End the bot and start it again with servers to watch, in a hurry; the room shows the time of the watches then."""
    servers = [server.name for server in (*watched.three, watched.school)]
    watch = {"interval": "1m", "rooms": [room.room_id], "servers": servers}
    await bot.stop()
    bot.configure({**config, "plugins": {"foci": {**config["plugins"]["foci"], "watch": watch}}})
    beginning = time.time()
    room.shown = HurriedClock(SPEED, beginning).at
    bot.start("-m", "lab.fast_clock", str(SPEED), str(beginning))


async def play_alerts(federation: Federation, watched: Watched, room: OpsRoom, bot: Bot) -> None:
    """From the first watch to the history of it all."""
    room.title("servers are watched from now on")
    room.remark(f"started again, with {len(watched.three) + 1} servers to watch; a minute passes in {60 / SPEED:.0f} s")
    await room.ask("!foci watch club.example every 1m", bot)
    # The first look at a list is taken as it is, so it must be over before anything changes.
    await bot.watched(_checked(watched.servers, 2))

    room.title("somebody swaps two entries of a list")
    watched.club.publish([watched.club_backup.entry, watched.club_focus.entry])
    await room.until(bot, lambda said: "changed its foci list" in said.body)
    await room.until(bot, _in_thread)

    room.title("a focus dies; somebody takes it up; it comes back")
    await federation.set_fault(watched.club_focus, Fault.REFUSED)
    fired = await room.until(bot, lambda said: "rtc.club.example" in said.body and said.replaces is None)
    await room.until(bot, _in_thread)
    await room.react(fired, "👀")
    await room.until(bot, lambda said: "Acknowledged by" in said.body)
    await federation.set_fault(watched.club_focus, None)
    await room.until(bot, lambda said: "recovered" in said.body)

    room.title("three servers share a focus, and it dies: one alert")
    await federation.set_fault(watched.shared, Fault.BAD_GATEWAY)
    await room.until(bot, lambda said: "rtc.shared.example" in said.body and said.replaces is None)
    await room.until(bot, _in_thread)
    await room.ask("!foci silence rtc.shared.example 2h moved to another rack", bot)
    await room.ask("!foci watches", bot)

    room.title("it comes back while silenced: only its message says so")
    await federation.set_fault(watched.shared, None)
    await room.until(bot, lambda said: said.replaces is not None and "was down" in said.body)

    room.title("a certificate nears its end, and is renewed")
    await federation.set_fault(watched.school_focus, Fault.TLS_NEAR_EXPIRY)
    await room.until(bot, lambda said: "rtc.school.example" in said.body)
    await federation.set_fault(watched.school_focus, None)
    await room.until(bot, lambda said: "new certificate" in said.body and said.replaces is None)

    room.title("what happened to a server, with a picture")
    sent = await room.type("!foci history club.example 1h")
    await room.until(bot, lambda said: said.reply_to == sent and said.image is not None)


def _in_thread(said: Said) -> bool:
    return said.thread is not None


async def _checked(servers: Sequence[Server], times: int) -> None:
    """Until each was checked so often, as its own requests show."""
    async with asyncio.timeout(60):
        for server in servers:
            while len(server.site.requests) < times:  # noqa: ASYNC110 - a site tells nobody of its visitors
                await asyncio.sleep(0.05)
