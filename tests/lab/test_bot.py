"""Whoever waits for a bot that fails learns why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lab.bot import Bot, BotError
from lab.loopback import BLOCK


async def test_a_bot_that_ends_is_told(tmp_path: Path) -> None:
    """When the bot gives up, whatever waits for it ends with the bot's own words."""
    bot = Bot(tmp_path, {"no_such_key": 1})
    bot.start()
    with pytest.raises(BotError, match="no_such_key"):
        await bot.watched(asyncio.sleep(300))
    await bot.stop()


async def test_a_bot_that_does_nothing_is_told(tmp_path: Path) -> None:
    """A wait that runs out, here on a bot without a homeserver, says what was waited for."""

    async def in_vain() -> None:
        await asyncio.sleep(0.5)
        raise TimeoutError("waited in vain for an answer")

    account = {"homeserver_url": f"http://{BLOCK}.253:9", "user_id": "@foci:example.org", "password": "secret"}
    bot = Bot(tmp_path, {"matrix": account, "storage": {"path": str(tmp_path / "data")}})
    bot.start()
    with pytest.raises(BotError, match="in vain for an answer"):
        await bot.watched(in_vain())
    await bot.stop()
