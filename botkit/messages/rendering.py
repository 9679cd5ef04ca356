"""A document as plain text, as the HTML that every Matrix client shows well, and as event content."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, Literal

from botkit.messages.document import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Inline,
    Name,
    OrderedList,
    Paragraph,
    inline,
)
from botkit.messages.sanitise import shortened, visible, visible_lines

MESSAGE_BYTES = 32_000
"""Both bodies together, as ASCII: an event may have 65,536 bytes, and encryption makes it 1.4 times as large."""

EDITABLE_BYTES = 20_000
"""For messages that will be edited: an edit holds its content twice."""

LONGEST_WORDS = 4_000
"""Characters of one inline part; what is longer is cut."""

LONGEST_CODE = 12_000
"""Characters of one code block; what is longer is cut."""

MessageType = Literal["m.notice", "m.text"]

WORD_JOINER = "\N{WORD JOINER}"
"""Nothing is seen of it, and no client reads past it."""

_QUOTES = 2
_LINKABLE = re.compile(
    r"""
    \S[.\u3002\uff0e\uff61](?:[^\W\d_]|[^\x00-\x7f])    # example.org, config.yaml
    | localhost | \d+\.\d+\.\d+\.\d
    | :: | (?:[0-9a-f]{1,4}:){3}                           # addresses of IPv6
    | :// | [a-z][a-z0-9+.-]*:[^\s"'`.,;:)]               # schemes; what is before a port
    | [@#]\S | [!+$]\S*:                                 # ids, aliases, mail
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""More than any client makes a link of in a word; version numbers and times of day are none."""

_WIDE_BLANK = re.compile(r"[^\S ]")
_BLANKS = re.compile(r"\s{2,}|[^\S ]")
_MENTION = re.compile(r"@(?=room)|[@#](?=[^\s:]+:)|matrix:(?=\S)|matrix\.to/(?=\S)", re.IGNORECASE)


def to_plain(document: Document) -> str:
    """The document as text without any markup; every block and item begins on a line of its own."""
    return "\n".join(_plain_block(block) for block in _present(document))


def to_body(document: Document) -> str:
    """
    The text for clients that do not show the HTML, and for notifications.

    Names and URLs stay as they are, to be copied. Mentions and permalinks are broken: old servers and clients without
    ``m.mentions`` look for them, to ping and to make pills.
    """
    return _MENTION.sub("\\g<0>" + WORD_JOINER, to_plain(document))


def _present(document: Document) -> tuple[Block, ...]:
    return tuple(block for block in document.blocks if not isinstance(block, OrderedList) or block.items)


def to_html(document: Document) -> str:
    """
    The document as HTML made of ``ol li b code br pre`` only.

    No tables, headings or details, and no line breaks outside ``pre``: clients on phones misshow them.
    """
    result = ""
    follows_line = False
    for block in _present(document):
        is_line = isinstance(block, Paragraph)
        result += "<br>" if is_line and follows_line else ""
        result += _html_block(block)
        follows_line = is_line
    return result


def message_content(
    document: Document,
    *,
    msgtype: MessageType = "m.notice",
    mentions: Sequence[str] = (),
    limit: int = MESSAGE_BYTES,
) -> dict[str, Any]:
    """
    The content of an ``m.room.message`` event, without its relation.

    Args:
        mentions: user ids to notify, and no others, whatever the text says (``m.mentions``).
        limit: bytes for both bodies as JSON; a larger document is cut as ``bounded`` says.
    """
    document = bounded(document, limit)
    return {
        "msgtype": msgtype,
        "body": to_body(document),
        "format": "org.matrix.custom.html",
        "formatted_body": to_html(document),
        "m.mentions": {"user_ids": list(mentions)} if mentions else {},
    }


def bounded(document: Document, limit: int = MESSAGE_BYTES) -> Document:
    """
    The document within ``limit`` bytes: whole blocks and list items are left out from the end.

    A line "… and N more lines" replaces what was left out.
    """
    if _size(to_body(document) + to_html(document)) <= limit:
        return document
    closing = _cost(_closing(_lines(document)))
    costs = accumulate(_costs(document), initial=closing + _QUOTES)
    fitting = sum(cost <= limit for cost in costs) - 1
    return _head(document, max(0, min(fitting, _units(document) - 1)))


def _size(text: str) -> int:
    # encryption works on JSON that escapes everything beyond ASCII
    return len(json.dumps(text))


def _cost(block: Block) -> int:
    """Bytes that a block takes in both bodies at most, with what parts it from its neighbours."""
    parting = "\n<br>" if isinstance(block, Paragraph) else "\n"
    return _size(parting + to_body(Document((block,))) + _html_block(block)) - _QUOTES


def _costs(document: Document) -> Iterator[int]:
    """What each unit adds; each is rendered once, however often sizes are compared."""
    for block in document.blocks:
        if not isinstance(block, OrderedList):
            yield _cost(block)
            continue
        for place, item in enumerate(block.items):
            number = block.start + place
            shell = 0 if place == 0 else _size(_html_block(OrderedList((), number))) - _QUOTES
            yield _cost(OrderedList((item,), number)) - shell


def _units(document: Document) -> int:
    return sum(len(block.items) if isinstance(block, OrderedList) else 1 for block in document.blocks)


def _head(document: Document, units: int) -> Document:
    """The first blocks and items, and a line that counts the rest."""
    kept: list[Block] = []
    for block in document.blocks:
        if units <= 0:
            break
        if isinstance(block, OrderedList):
            kept.append(replace(block, items=block.items[:units]))
            units -= len(block.items)
        else:
            kept.append(block)
            units -= 1
    head = Document(tuple(kept))
    return Document((*kept, _closing(_lines(document) - _lines(head))))


def _closing(left_out: int) -> Paragraph:
    return Paragraph(inline(f"… and {left_out} more line{'' if left_out == 1 else 's'}"))


def _lines(document: Document) -> int:
    return to_plain(document).count("\n") + 1 if _present(document) else 0


def _words(part: Inline) -> str:
    # many or wide blanks would push what follows into a line that looks like a new one
    return _BLANKS.sub(" ", visible(shortened(part.text, LONGEST_WORDS)))


def _plain_inline(part: Inline) -> str:
    return part.text if isinstance(part, Emoji) else _words(part)


def _html_inline(part: Inline) -> str:
    if isinstance(part, Emoji):
        return html.escape(part.text)
    words = _words(part)
    if isinstance(part, Code | Name):
        code = f"<code>{html.escape(words)}</code>"
        return f"<b>{code}</b>" if isinstance(part, Name) else code
    return f"<b>{_running(words)}</b>" if isinstance(part, Bold) else _running(words)


def _running(words: str) -> str:
    """Running text in which clients find nothing to link: a word that might be a link is code, whoever wrote it."""
    if not _LINKABLE.search(words):
        return html.escape(words)
    return " ".join(_as_code(word) if _LINKABLE.search(word) else html.escape(word) for word in words.split(" "))


def _as_code(word: str) -> str:
    opened = word.lstrip("(\"'")
    link = opened.rstrip(".,;:!?)\"'")
    before, after = word[: len(word) - len(opened)], opened[len(link) :]
    return f"{html.escape(before)}<code>{html.escape(link)}</code>{html.escape(after)}"


def _line(paragraph: Paragraph, inline: Callable[[Inline], str]) -> str:
    return "".join(inline(part) for part in paragraph.parts)


def _code_lines(block: CodeBlock) -> tuple[str, ...]:
    return tuple(_WIDE_BLANK.sub(" ", line) for line in visible_lines(shortened(block.text, LONGEST_CODE)))


def _plain_block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return _line(block, _plain_inline)
    if isinstance(block, CodeBlock):
        return "\n".join(_code_lines(block))
    lines = []
    for number, item in enumerate(block.items, block.start):
        label = f"{number}. "
        texts = [_line(paragraph, _plain_inline) for paragraph in item] or [""]
        lines.append(("\n" + " " * len(label)).join([label + texts[0], *texts[1:]]))
    return "\n".join(lines)


def _html_block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return _line(block, _html_inline)
    if isinstance(block, CodeBlock):
        return f"<pre><code>{html.escape(chr(10).join(_code_lines(block)))}</code></pre>"
    start = "" if block.start == 1 else f' start="{block.start}"'
    items = ("<br>".join(_line(paragraph, _html_inline) for paragraph in item) for item in block.items)
    return f"<ol{start}>{''.join(f'<li>{item}</li>' for item in items)}</ol>"
