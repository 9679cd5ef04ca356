"""A plugin for tests: says things back, slowly or badly if asked to. Run as a script it is a whole bot."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from botkit import host
from botkit.config import load_config
from botkit.loader import LoadedPlugin
from botkit.logs import configure_logging
from botkit.messages.document import Document, Paragraph, Text
from botkit.plugin import Command, Invocation, Plugin, PluginContext


class EchoConfig(BaseModel):
    """No keys."""

    model_config = ConfigDict(extra="forbid")


def line(text: str) -> Document:
    """One line of words."""
    return Document((Paragraph((Text(text),)),))


class Echo(Plugin):
    """Answers ``!echo``."""

    name = "echo"
    config_model = EchoConfig

    def __init__(self, context: PluginContext, config: BaseModel) -> None:
        super().__init__(context, config)
        self.handled: list[Invocation] = []
        self.release = asyncio.Event()

    def commands(self) -> Sequence[Command]:
        """``!echo WORD...``."""
        return (Command("echo", "WORD...", "says it back", self._answer),)

    async def _answer(self, invocation: Invocation) -> Sequence[Document]:
        self.handled.append(invocation)
        match invocation.args:
            case ("twice", *words):
                return (line(" ".join(words)), line(" ".join(words) + " again"))
            case ("status",):
                told = (*self.context.status.lines(), *self.context.status.totals())
                return (line("; ".join(f"{name}: {value}" for name, value in told)),)
            case ("members",):
                return (line(" ".join(await self.context.rooms.members(invocation.room_id))),)
            case ("power", user):
                return (line(str(await self.context.rooms.power_level(invocation.room_id, user))),)
            case ("author",):
                return (line(str(invocation.reply_author)),)
            case ("wait",):
                await self.release.wait()
                return (line("waited"),)
            case ("die",):
                os._exit(9)
            case ("nap", seconds):
                await asyncio.sleep(float(seconds))
                return (line(f"napped {seconds}"),)
        return (line("echo " + " ".join(invocation.args)),)


def loaded() -> tuple[LoadedPlugin, ...]:
    """What the loader would have made of it."""
    return (LoadedPlugin("echo", Echo, EchoConfig()),)


if __name__ == "__main__":
    settings = load_config(Path(sys.argv[1]), {})
    configure_logging(settings.logging, "INFO")
    sys.exit(asyncio.run(host.run(settings, loaded(), standby="--standby" in sys.argv)))
