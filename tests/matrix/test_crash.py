"""kill -9, again and again: nothing is lost, nothing is said twice, in plain and encrypted rooms."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.synapse import Synapse
from tests.matrix.bot import write_config
from tests.matrix.person import Person
from tests.matrix.process import Process

COMMANDS = 40
KILLS = 6


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_kill_nine(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path, encrypted: bool
) -> None:
    """Every command sent while the bot is killed at random moments is answered exactly once, in order."""
    account = await synapse.register(localparts("bot"), "bot-password")
    config = write_config(tmp_path / "bot", synapse.base_url, account.user_id, matrix={"password": "bot-password"})
    chance = random.Random(20261123)
    bot = Process(config, tmp_path / "bot.log")
    bot.start()
    try:
        room = await alice.create_room(account.user_id, encrypted=encrypted)
        await alice.wait_for_member(room, account.user_id)
        kills = asyncio.create_task(_kill_now_and_then(bot, chance))
        for number in range(COMMANDS):
            await alice.say(room, f"!echo {number}")
            await asyncio.sleep(chance.uniform(0.05, 0.4))
        await kills
        await alice.say(room, f"!echo {COMMANDS}")
        await alice.hears_text(f"echo {COMMANDS}", within=60)
        assert await bot.terminate() == 0
    except BaseException:
        print((tmp_path / "bot.log").read_text()[-8000:])
        bot.kill()
        raise
    assert alice.unreadable == []
    assert Counter(said.body for said in alice.heard) == Counter(f"echo {n}" for n in range(COMMANDS + 1))
    assert [said.body for said in alice.heard] == [f"echo {number}" for number in range(COMMANDS + 1)]
    log = (tmp_path / "bot.log").read_text()
    assert "Traceback" not in log
    assert "no longer in" not in log


async def _kill_now_and_then(bot: Process, chance: random.Random) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.8, 2.5))
        bot.kill()
        bot.start()


async def test_sigterm_lets_an_answer_end(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """An answer that is being worked on when SIGTERM comes is finished and sent; the exit status is 0."""
    account = await synapse.register(localparts("bot"), "bot-password")
    config = write_config(tmp_path / "bot", synapse.base_url, account.user_id, matrix={"password": "bot-password"})
    bot = Process(config, tmp_path / "bot.log")
    bot.start()
    try:
        room = await alice.create_room(account.user_id)
        await alice.wait_for_member(room, account.user_id)
        await alice.say(room, "!echo warm")
        await alice.hears_text("echo warm")
        await alice.say(room, "!echo nap 2")
        await asyncio.sleep(1)
        assert await bot.terminate() == 0
    finally:
        bot.kill()
    await alice.hears_text("napped 2")


async def test_a_deadly_command_is_given_up(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A command that kills the bot three times is dropped with an error, and the next one is answered."""
    account = await synapse.register(localparts("bot"), "bot-password")
    config = write_config(tmp_path / "bot", synapse.base_url, account.user_id, matrix={"password": "bot-password"})
    bot = Process(config, tmp_path / "bot.log")
    bot.start()
    try:
        room = await alice.create_room(account.user_id)
        await alice.wait_for_member(room, account.user_id)
        await alice.say(room, "!echo die")
        await alice.say(room, "!echo survived")
        for _ in range(3):
            assert await bot.died() == 9
            bot.start()
        await alice.hears_text("echo survived")
    finally:
        bot.kill()
    assert "dropped after 3 attempts" in (tmp_path / "bot.log").read_text()
