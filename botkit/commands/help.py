"""Help in a room, generated from the commands' declarations."""

from __future__ import annotations

from botkit.messages.document import Code, Document, Name, Paragraph, Text, inline
from botkit.plugin import Command, Subcommand


def usage_line(prefix: str, command: Command, subcommand: Subcommand | None = None) -> str:
    """How a command is typed, prefix included."""
    words = [f"{prefix}{command.word}"]
    words += [subcommand.name, subcommand.usage] if subcommand else [command.usage]
    return " ".join(word for word in words if word)


def command_help(prefix: str, command: Command) -> Document:
    """Everything a command can do, one line each."""
    lines = [_entry(usage_line(prefix, command), command.summary)]
    lines += [_entry(usage_line(prefix, command, known), known.summary) for known in command.subcommands]
    lines.append(_entry(f"{prefix}{command.word} help [COMMAND]", "this list, or help on one command"))
    return Document((Paragraph((Text("Usage of "), Name(f"{prefix}{command.word}"), Text(":"))), *lines))


def subcommand_help(prefix: str, command: Command, subcommand: Subcommand) -> Document:
    """One subcommand."""
    return Document((_entry(usage_line(prefix, command, subcommand), subcommand.summary),))


def _entry(usage: str, summary: str) -> Paragraph:
    return Paragraph((Code(usage), *inline(f" – {summary}")))
