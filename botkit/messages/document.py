"""A message as a small tree, rendered to plain text and to the HTML that every Matrix client shows well."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    """Words; whatever they contain is shown as it is, never interpreted."""

    text: str


@dataclass(frozen=True, slots=True)
class Bold:
    """Stressed words."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Words in fixed pitch: URLs, keys, server names, configuration. May have several lines in a block of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class Emoji:
    """The bot's own emoji, such as for a verdict. Never strangers' text: in all other parts emoji become U+FFFD."""

    text: str


Inline = Text | Bold | Code | Emoji


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of inline parts on a line of its own."""

    parts: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class OrderedList:
    """Numbered items; each item is one or more lines (joined by a line break)."""

    items: tuple[tuple[Paragraph, ...], ...]
    start: int = 1


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Lines to copy, such as the exact JSON to publish."""

    text: str


Block = Paragraph | OrderedList | CodeBlock


@dataclass(frozen=True, slots=True)
class Document:
    """A message: blocks in order."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """
    A picture as a reply of its own.

    Attributes:
        width: pixels, as is ``height``.
        name: file name, such as "history.png".
        alt: what it shows, in words, for those who cannot see it; also said when it cannot be uploaded.
    """

    png: bytes = field(repr=False)
    width: int
    height: int
    name: str
    alt: str


Reply = Document | Picture
"""What answers a command."""
