"""The guide's plugin that writes notifications, on a real homeserver."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

import plugins
from botkit import host
from botkit.config import load_config
from botkit.loader import load_plugins
from lab.synapse import Synapse
from tests.matrix.bot import Bot
from tests.matrix.person import Person

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"


class BellBot(Bot):
    """Has the plugins that its configuration lists."""

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(host.run(self.config, load_plugins(self.config)))
        await asyncio.sleep(0)
        return self


@pytest.fixture
def bell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plugin of the guide, where plugins are found."""
    source = re.search(r"<!-- example: plugins/bell\.py -->\n```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert source is not None
    (tmp_path / "bell.py").write_text(source[1])
    monkeypatch.setattr(plugins, "__path__", [*plugins.__path__, str(tmp_path)])
    yield
    sys.modules.pop("plugins.bell", None)


async def test_the_guides_notifications_and_hooks(
    bell: None, synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """What it says is edited when somebody reacts to it."""
    made = await BellBot.with_password(synapse, localparts("bot"), tmp_path / "bot")
    # the configuration as a file would bring it; the loader imports what it lists
    path = made.directory.parent / "config.yaml"
    path.write_text(path.read_text().replace('"plugins": {}', '"plugins": {"bell": {}}'))
    async with BellBot(load_config(path, {})) as bot:
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        await alice.say(room, "!ring")
        question = await alice.hears_text("Who is there?")
        content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": question.event_id, "key": "🔔"}}
        where = f"/_matrix/client/v3/rooms/{room}/send/m.reaction/{secrets.token_hex(8)}"
        await synapse.api("PUT", where, alice.token, content)
        edit = await alice.hears_text(f"* {alice.user_id} is there.")
    assert edit.content["m.relates_to"] == {"rel_type": "m.replace", "event_id": question.event_id}
