"""The ops room, printed as somebody in it sees it: messages as they come, edits, replies, threads, pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lab.bot import Bot
from lab.person import Image, Person, Said, pill
from lab.transcript import Transcript

_QUOTED = 44
"""Columns of a message that others refer to."""


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class OpsRoom:
    """
    One room through one person's client.

    Args:
        name: what the person is called.
        shown: the time to print, of the time that the homeserver gave a message; both in seconds since the epoch.
    """

    def __init__(self, transcript: Transcript, person: Person, room_id: str, name: str, bot_id: str) -> None:
        self.person = person
        self.room_id = room_id
        self.shown: Callable[[float], float] = lambda moment: moment
        self._transcript = transcript
        self._name = name
        self._bot_id = bot_id
        self._read = 0
        self._asked = ""
        self._first_lines: dict[str, str] = {}

    def title(self, words: str) -> None:
        """A line across the terminal."""
        print(self._transcript.rule(words), flush=True)

    def remark(self, words: str) -> None:
        """What the demo itself has to say."""
        print(f"· {words}\n", flush=True)

    async def type(self, text: str, *, mention: str = "") -> str:
        """The person types something; returns its event id."""
        markup = None
        if mention:
            name = mention[1:].split(":")[0].capitalize()
            markup = text.replace(mention, pill(mention, name))
        sent = await self.person.say(self.room_id, text, markup=markup, mention=mention)
        self._first_lines[sent], self._asked = text, sent
        print(self._transcript.message(self._name, self._now(), markup, text, "encrypted"), flush=True)
        return sent

    async def ask(self, text: str, bot: Bot, *, mention: str = "") -> None:
        """Type something and print everything until the bot answers it."""
        sent = await self.type(text, mention=mention)
        await self.until(bot, lambda said: said.reply_to == sent)

    async def react(self, said: Said, key: str) -> None:
        """The person reacts to a message."""
        await self.person.react(self.room_id, said.event_id, key)
        told = f"reacted with {key} to {self._quoted(said.event_id)}"
        print(self._transcript.message(self._name, self._now(), None, "", told), flush=True)

    async def until(self, bot: Bot, wanted: Callable[[Said], bool]) -> Said:
        """
        Print what the bot says, message by message, until one is as wanted; that one.

        Raises:
            BotError: it did not come.
            DemoError: a message cannot be read.
        """
        while True:
            said = await bot.watched(self._next())
            await self._show(said)
            if wanted(said):
                return said

    async def _next(self) -> Said:
        """The bot's next message in this room."""
        while True:
            said = await self.person.hears_nth(self._read)
            self._read += 1
            if said.sender == self._bot_id and said.room_id == self.room_id:
                return said

    async def _show(self, said: Said) -> None:
        if said.unreadable:
            raise DemoError("the bot's message cannot be decrypted")
        self._first_lines[said.replaces or said.event_id] = said.body.split("\n")[0]
        when = self._time(said.milliseconds / 1000)
        markup, text = said.html, said.body
        if said.image is not None:
            kept = await self._kept(said.image)
            markup, text = None, f"[picture, {said.image.width} x {said.image.height}, saved as {kept}]\n{text}"
        told = ("encrypted" if said.encrypted else "NOT ENCRYPTED") + self._relation(said)
        print(self._transcript.message("foci-bot", when, markup, text, told, aside=said.thread is not None), flush=True)

    def _relation(self, said: Said) -> str:
        if said.replaces is not None:
            return ", edits its message:"
        if said.thread is not None:
            return f", in the thread of {self._quoted(said.thread)}"
        # an answer below its question speaks for itself
        if said.reply_to not in (None, self._asked):
            return f", in reply to {self._quoted(said.reply_to)}"
        return ""

    def _quoted(self, event_id: str | None) -> str:
        line = self._first_lines.get(event_id or "", "an earlier message")
        return f'"{line if len(line) <= _QUOTED else line[: _QUOTED - 1].rstrip() + "…"}"'

    async def _kept(self, image: Image) -> Path:
        data = await self.person.look_at(image)
        with tempfile.NamedTemporaryFile(prefix="foci-demo-", suffix=".png", delete=False) as file:
            file.write(data)
        return Path(file.name)

    def _now(self) -> str:
        return self._time(datetime.now(UTC).timestamp())

    def _time(self, moment: float) -> str:
        return datetime.fromtimestamp(self.shown(moment), UTC).strftime("%H:%M")
