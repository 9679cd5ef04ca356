"""Replacements on a server that lets joins hang: other rooms' upgrades are followed meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from botkit.matrix.client import Answer, HomeserverClient, UnreachableError
from botkit.matrix.rooms.directory import RoomDirectory
from botkit.matrix.rooms.membership import Membership
from botkit.matrix.rooms.upgrades import Upgrades
from botkit.storage.room_events import Tombstone
from botkit.storage.rooms import RoomStore, Upgrade, UpgradeState


class Store:
    """Forty upgrades of a stranger's room, and one of somebody else's whose id comes after it."""

    def __init__(self) -> None:
        rooms = [("!evil", f"$t{number}", f"!n{number}", "evil.example") for number in range(40)]
        self._waiting = [
            Upgrade(Tombstone(*one), UpgradeState.AWAITED)
            for one in (*rooms, ("!good", "$g", "!better", "good.example"))
        ]

    async def upgrades(self, *_: UpgradeState) -> list[Upgrade]:
        return self._waiting


class Homeserver:
    """
    Joins through the stranger's server come to no end until they are given up.

    Attributes:
        asked: servers that joins were to go through.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.joined = asyncio.Event()
        self.given_up = asyncio.Event()

    async def request(self, *_: Any, query: dict[str, str], **__: Any) -> Answer:
        self.asked.append(query["via"])
        if query["via"] == "good.example":
            self.joined.set()
            return Answer(200, {})
        await self.given_up.wait()
        raise UnreachableError("timed out")


async def test_a_hanging_join_holds_up_its_own_room_alone() -> None:
    """And its server hears of the bot three times, however many tombstones the room has."""
    server = Homeserver()
    upgrades = Upgrades(
        cast(HomeserverClient, server),
        cast(RoomDirectory, None),
        cast(RoomStore, Store()),
        Membership(),
        (),
        lambda: None,
    )
    running = asyncio.ensure_future(upgrades.run())
    async with asyncio.timeout(10):
        await server.joined.wait()
        server.given_up.set()
    for _ in range(300):
        await asyncio.sleep(0)
    assert server.asked.count("evil.example") == 3
    running.cancel()
