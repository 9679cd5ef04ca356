"""A plugin for tests that writes notifications and keeps what its hooks were told, and a bot that has it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from botkit import host
from botkit.loader import LoadedPlugin
from botkit.messages.document import Picture, Reply
from botkit.messages.notification import Notification, Placement
from botkit.plugin import Command, Invocation, Plugin, PluginContext, Reaction, Subcommand
from tests.matrix.bot import Bot
from tests.matrix.echo import line, loaded
from tests.matrix.patience import until
from tests.matrix.person import Person


def png(width: int, height: int) -> bytes:
    """A picture, grey all over."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 0, 0, 0, 0])
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PICTURE = Picture(png(20, 10), 20, 10, "grey.png", "Nothing but grey.")


@dataclass(slots=True)
class Journal:
    """
    What a bot's plugin was told, over all its lives.

    Attributes:
        failures: how many calls of hooks are still to fail.
    """

    told: list[tuple[Any, ...]] = field(default_factory=list)
    failures: int = 0
    context: PluginContext | None = None

    def note(self, *entry: Any) -> None:
        """Keep a call, or fail."""
        if self.failures:
            self.failures -= 1
            raise RuntimeError("this hook fails")
        self.told.append(entry)

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        """Calls of one hook, without its name."""
        return [entry[1:] for entry in self.told if entry[0] == kind]

    async def hears(self, *entry: Any) -> None:
        """Until a hook was called like that."""
        await until(lambda: entry in self.told)

    async def post(self, *notifications: Notification) -> None:
        """Have notifications sent."""
        await until(lambda: self.context is not None)
        assert self.context is not None
        async with self.context.storage.begin() as connection:
            await self.context.notifier.post(connection, notifications)
        self.context.notifier.wake()


class ScribeConfig(BaseModel):
    """Where the plugin keeps what it is told."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    journal: Journal


class Scribe(Plugin):
    """Answers ``!scribe`` and lets the test write notifications."""

    name = "scribe"
    config_model = ScribeConfig

    @property
    def journal(self) -> Journal:
        assert isinstance(self.config, ScribeConfig)
        return self.config.journal

    async def start(self) -> None:
        self.journal.context = self.context

    async def stop(self) -> None:
        self.journal.context = None

    def commands(self) -> Sequence[Command]:
        inner = (
            Subcommand("picture", "", "shows one", self._picture),
            Subcommand("rule", "", "only for some", self._rule, entitled=True),
        )
        return (Command("scribe", "", "writes", self._rule, inner),)

    async def _picture(self, _: Invocation) -> Sequence[Reply]:
        return (PICTURE, line("that was it"))

    async def _rule(self, invocation: Invocation) -> Sequence[Reply]:
        return (line(f"done for {invocation.sender}"),)

    async def reacted(self, reaction: Reaction) -> None:
        self.journal.note("reacted", reaction)

    async def redacted(self, room_id: str, event_id: str) -> None:
        self.journal.note("redacted", room_id, event_id)

    async def room_replaced(self, old: str, new: str) -> None:
        self.journal.note("replaced", old, new)

    async def room_left(self, room_id: str) -> None:
        self.journal.note("left", room_id)

    async def room_suspended(self, room_id: str, reason: str) -> None:
        self.journal.note("suspended", room_id, reason)

    async def room_joined(self, room_id: str) -> None:
        self.journal.note("joined", room_id)


class ScribeBot(Bot):
    """A bot that writes notifications, and answers ``!echo`` as well."""

    journal: Journal

    async def __aenter__(self) -> Self:
        if not hasattr(self, "journal"):
            self.journal = Journal()
        scribe = LoadedPlugin("scribe", Scribe, ScribeConfig.model_construct(journal=self.journal))
        self.task = asyncio.create_task(host.run(self.config, (*loaded(), scribe)))
        await asyncio.sleep(0)
        return self

    def again(self) -> ScribeBot:
        """The next life of the same bot."""
        bot = ScribeBot(self.config)
        bot.journal = self.journal
        return bot


def notification(
    room_id: str, name: str, placement: Placement, text: str, about: str = "incident 1", **more: Any
) -> Notification:
    """One line of words."""
    return Notification(room_id, name, about, placement, line(text), **more)


async def enter(alice: Person, bot: ScribeBot, **extra: Any) -> str:
    """A room that the bot is in, and has heard that it is."""
    room = await alice.create_room(bot.user_id, **extra)
    await bot.journal.hears("joined", room)
    return room
