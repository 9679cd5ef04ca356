"""What strangers write where a name or a sentence is expected, and what must never come of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from botkit.messages.document import Document, Emoji, OrderedList, Paragraph
from botkit.messages.sanitise import MOST_MARKS
from tests.host.markup import Markup
from tests.hostile.linkifier import MENTION, links_of_stand_in

STRINGS: Mapping[str, str] = {
    "controls": "a\x00b\x07c\x1b[2J\x1b]0;title\x07d\x7f\x9b31m",
    "lines": "first\r\n2. livekit https://good.example\n\x0b\x0c\x85\u2028\u2029last",
    "bidi": "https://evil.example/\u202egro.elpmaxe\u2066\u2067\u200f\u061c",
    "invisible": "rtc\u200b\u2060\ufeff\u00ad\u034f\u3164\U000e0041\ue000.example",
    "surrogate": "rtc\udc00\ud800.\udfff",
    "html": "</code></li></ol><script>alert(1)</script><img src=x onerror=y><!-- &amp; &#64;",
    "html pill": '<a href="https://matrix.to/#/@admin:example.org">admin</a><mx-reply>x</mx-reply>',
    "markdown": "**x** `y` ``` [a](https://evil.example) ![b](mxc://evil/c) # h\n> q",
    "backticks": "`a` @room `b` https://matrix.to/#/@admin:example.org `",
    "room ping": "@room @ROOM wake up @room",
    "mention": "@admin:example.org matrix:u/admin:example.org",
    "permalink": "https://matrix.to/#/@admin:example.org",
    "room link": "HTTPS://Matrix.To/#/!room:example.org/$event?via=evil.example",
    "fake reply": "> <@admin:example.org> yes\n\nfine, go on",
    "verdict": "livekit ✅ authorisation service answers (84 ms; certificate valid 61 days).",
    "verdicts": "✔️ ☑ ✓ 🟢 🆗 👍🏽 ❌ ⚠️ ❔ ℹ️ 1️⃣ 🇩🇪 √ ⭕",
    "zalgo": "r" + "\u0301\u0316\u0360" * 300 + "tc",
    "zalgo in pieces": "r" + ("\u0301\u0316\u0360`") * 60 + "tc",
    "wide blanks": "livekit" + "\u2003" * 80 + "2. livekit" + " " * 200 + "x",
    "long": "x" * 20_000,
    "long and wide": "漢" * 20_000,
    "long and fourfold": "\U00020000" * 20_000,
    "long quotes": "\"\\&<>'" * 4_000,
    "nagios": "OK - all is well | time=0.1s;1;2",
    "format": "{host} %s %(x)d ${HOME} $(id) `id`",
    "prefix": "!foci @admin:example.org",
    "json": '{"msgtype": "m.text", "m.mentions": {"room": true}}',
}

SIGNS = frozenset("✅❌⚠❔▫ℹ✔☑✓🟢🆗👍🏽🇩🇪√⭕\u20e3")
LARGEST_EVENT = 65_536


def assert_only_text(content: Mapping[str, Any], document: Document) -> None:
    """The content of an event notifies nobody, shows what it is, and is HTML of the allowed subset."""
    assert content["m.mentions"] == {}
    assert content["msgtype"] == "m.notice"
    assert MENTION.search(content["body"]) is None
    markup = Markup(content["formatted_body"])
    running = "".join(markup.running)
    assert "@room" not in running.lower()
    assert links_of_stand_in(running) == []
    assert_readable(content["body"].replace("\u2060", ""))
    assert_readable(markup.text)
    assert [sign for sign in content["body"] if sign in SIGNS] == own_signs(document, content["body"])


def own_signs(document: Document, body: str) -> list[str]:
    """The signs that the bot set, in order, as far as the message was not cut."""
    paragraphs: list[Paragraph] = []
    for block in document.blocks:
        if isinstance(block, OrderedList):
            paragraphs += [paragraph for item in block.items for paragraph in item]
        elif isinstance(block, Paragraph):
            paragraphs.append(block)
    signs = [part.text for paragraph in paragraphs for part in paragraph.parts if isinstance(part, Emoji)]
    found = [character for sign in signs for character in sign if character in SIGNS]
    return found[: sum(character in SIGNS for character in body)] if "more line" in body else found


def assert_readable(text: str) -> None:
    """Nothing hidden, nothing that reorders, no piles of marks, no stretch of blanks."""
    marks = 0
    for character in text.replace("\n", "").replace("\ufe0f", ""):
        category = unicodedata.category(character)
        assert category not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), repr(character)
        marks = marks + 1 if category == "Mn" else 0
        assert marks <= MOST_MARKS
        assert character == " " or not character.isspace()
