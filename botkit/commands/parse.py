"""One parse of a message into the command that it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from botkit.commands.mention import resolved_line, typed_line
from botkit.messages.inbound import InboundMessage
from botkit.plugin import Command, Subcommand

MOST_ARGUMENTS = 64


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """
    A command in a message.

    Attributes:
        message: the message with its sender, room and replied-to event.
        subcommand: None where the first word names none.
        args: the words after command and subcommand, without flags, mentions replaced by their user ids.
        flags: the declared flags among the words.
    """

    message: InboundMessage
    command: Command
    subcommand: Subcommand | None
    args: tuple[str, ...]
    flags: frozenset[str]


class CommandParser:
    """
    Finds commands in messages.

    Args:
        commands: of all plugins; two of one word are a ValueError.
        prefix: what stands before the word, such as ``!``.
    """

    def __init__(self, commands: Sequence[Command], prefix: str) -> None:
        self._commands = {command.word.casefold(): command for command in commands}
        if len(self._commands) != len(commands):
            raise ValueError("two commands of the same word")
        self._prefix = prefix

    def is_command(self, message: InboundMessage) -> bool:
        """Whether there is a command in the plain body; cheap, as the HTML is not read."""
        return bool(self._split(typed_line(message.body)))

    def parse(self, message: InboundMessage) -> ParsedCommand | None:
        """The command in a message. The HTML may say something else than the body; it is what both agree on."""
        typed = self._split(typed_line(message.body))
        if typed is None:
            return None
        found = self._split(resolved_line(message.body, message.formatted_body))
        if found is None or found[0] is not typed[0]:
            found = self._split(resolved_line(message.body, None)) or typed
        command, words = found
        return ParsedCommand(message, command, *sorted_words(command, words))

    def _split(self, line: str) -> tuple[Command, list[str]] | None:
        rest = line.removeprefix(self._prefix)
        if not line.startswith(self._prefix) or rest[:1].isspace():
            return None
        word, *words = rest.split(maxsplit=MOST_ARGUMENTS) or [""]
        command = self._commands.get(word.casefold())
        return None if command is None else (command, words)


def sorted_words(command: Command, words: Sequence[str]) -> tuple[Subcommand | None, tuple[str, ...], frozenset[str]]:
    """What the words after a command are: the subcommand, its arguments, its flags."""
    args = [_unjoined(word) for word in words]
    name = args[0].casefold() if args else ""
    subcommand = next((known for known in command.subcommands if known.name.casefold() == name), None)
    if subcommand is not None:
        return subcommand, tuple(args[1:]), frozenset()
    flags = frozenset(word.casefold() for word in args) & command.flags
    return None, tuple(word for word in args if word.casefold() not in flags), flags


def _unjoined(word: str) -> str:
    """Phones turn ``--`` into a dash."""
    return re.sub(r"^[–—](?=[a-z])", "--", word, flags=re.IGNORECASE)
