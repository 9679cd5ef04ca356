from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    Text,
    inline,
)
from botkit.messages.rendering import (
    EDITABLE_BYTES,
    MESSAGE_BYTES,
    bounded,
    message_content,
    to_body,
    to_html,
    to_plain,
)
from botkit.messages.sanitise import clipped, closed, quoted, visible, visible_lines
from tests.host.markup import Markup

hostile = st.text(st.characters(), max_size=40) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "@room",
        "</li></ol>",
        "&lt;",
        "a\u202eb",
        "\ud800",
        "\n\n1. fake",
        "*x* _y_ `z`",
        "https://matrix.to/#/@alice:example.org",
        "<!--",
        "]]>",
        "\x00",
        "x" * 5000,
    ],
)
inlines = st.one_of(
    st.builds(Text, hostile), st.builds(Bold, hostile), st.builds(Code, hostile), st.builds(Name, hostile)
)
paragraphs = st.builds(Paragraph, st.lists(inlines, max_size=4).map(tuple))
lists = st.builds(
    OrderedList, st.lists(st.lists(paragraphs, max_size=3).map(tuple), max_size=4).map(tuple), st.integers(1, 99)
)
blocks: st.SearchStrategy[Block] = st.one_of(paragraphs, lists, st.builds(CodeBlock, hostile))
documents = st.builds(Document, st.lists(blocks, max_size=6).map(tuple))


def line(*parts: Inline) -> Document:
    """A document of one paragraph."""
    return Document((Paragraph(parts),))


ANSWERS = (Text(" "), Emoji("✅"), Text(" answers"))
REPORT = Document(
    (
        Paragraph((Emoji("⚠️"), Text(" "), Name("example.org"), Text(": clients find a focus."))),
        OrderedList(
            (
                (Paragraph((Bold("livekit"), Text(" "), Code("https://rtc.example.org"), *ANSWERS)),),
                (Paragraph((Bold("livekit"),)), Paragraph((Emoji("❌"), Text(" TLS: certificate expired")))),
            )
        ),
        Paragraph((Text("To fix:"),)),
        Paragraph((Text("renew it"),)),
        CodeBlock('{\n  "a": 1\n}'),
    )
)


def test_plain_text_reads_like_a_letter() -> None:
    """Numbers, indented further lines, nothing of markup."""
    assert to_plain(REPORT) == (
        "⚠️ example.org: clients find a focus.\n"
        "1. livekit https://rtc.example.org ✅ answers\n"
        "2. livekit\n"
        "   ❌ TLS: certificate expired\n"
        "To fix:\n"
        "renew it\n"
        '{\n  "a": 1\n}'
    )


def test_html_is_the_subset_that_phones_show_well() -> None:
    """Lists stand by themselves, lines are divided by breaks."""
    assert to_html(REPORT) == (
        "⚠️ <b><code>example.org</code></b>: clients find a focus."
        "<ol><li><b>livekit</b> <code>https://rtc.example.org</code> ✅ answers</li>"
        "<li><b>livekit</b><br>❌ TLS: certificate expired</li></ol>"
        "To fix:<br>renew it"
        "<pre><code>{\n  &quot;a&quot;: 1\n}</code></pre>"
    )


def test_a_list_may_start_anywhere_and_an_empty_one_is_nothing() -> None:
    """A list that goes on after a remark keeps its numbers."""
    item = (Paragraph((Text("x"),)),)
    document = Document((OrderedList((item, item), start=9), OrderedList(()), Paragraph((Text("y"),))))
    assert to_plain(document) == "9. x\n10. x\ny"
    assert to_html(document) == '<ol start="9"><li>x</li><li>x</li></ol>y'


@given(documents)
def test_html_never_leaves_the_subset(document: Document) -> None:
    """Whatever strangers wrote stays text: known tags only, closed in order, no stray line breaks."""
    Markup(to_html(document))


def words(block: Block) -> list[str]:
    """All words of a block as they are shown, code included: what strangers wrote mostly stands there."""
    if isinstance(block, Paragraph):
        return [told(part.text) for part in block.parts]
    if isinstance(block, OrderedList):
        return [word for item in block.items for paragraph in item for word in words(paragraph)]
    return ["\n".join(re.sub(r"[^\S ]", " ", line) for line in visible_lines(block.text))]


def told(text: str) -> str:
    """Words as they are shown: blanks are plain and single."""
    return re.sub(r"\s{2,}|[^\S ]", " ", visible(text))


@given(documents)
def test_all_words_are_in_both_bodies(document: Document) -> None:
    """Nothing is lost but the tail of what is absurdly long."""
    plain = to_plain(document)
    shown = Markup(to_html(document)).text
    for block in document.blocks:
        for text in words(block):
            assert text[:3000] in plain
            assert text[:3000] in shown


@given(documents)
def test_nothing_hidden_reaches_a_client(document: Document) -> None:
    """No control, bidi, surrogate or private-use character."""
    for body in (to_plain(document), to_html(document)):
        for character in body.replace("\n", ""):
            assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


@given(st.lists(blocks, max_size=60).map(lambda some: Document(tuple(some))), st.integers(200, 40_000))
def test_events_stay_within_their_limit(document: Document, limit: int) -> None:
    """Hostile input of any size gives content that a homeserver accepts."""
    content = message_content(document, limit=limit)
    size = len(json.dumps(content["body"] + content["formatted_body"]))
    assert size <= limit
    Markup(content["formatted_body"])


def test_what_is_left_out_is_counted() -> None:
    """Whole items go, from the end, and the last line says how many lines they were."""
    items = tuple((Paragraph((Text(f"server {number} " + "x" * 100),)),) for number in range(1000))
    document = bounded(Document((Paragraph((Text("head"),)), OrderedList(items), Paragraph((Text("tail"),)))))
    lines = to_plain(document).split("\n")
    kept = len(lines) - 2
    assert lines[0] == "head"
    assert lines[-2].startswith(f"{kept}. server {kept - 1} ")
    assert lines[-1] == f"… and {1000 - kept + 1} more lines"
    assert 100 < kept < 200
    room_for_one_more = len(json.dumps(f"{kept}. server {kept} <li></li>")) + 2 * 110
    assert MESSAGE_BYTES - room_for_one_more < len(json.dumps(to_plain(document) + to_html(document))) <= MESSAGE_BYTES


def test_a_document_that_fits_is_left_alone() -> None:
    """The bound costs nothing in the usual case."""
    assert bounded(REPORT) is REPORT


def test_an_edit_fits_twice() -> None:
    """An edit repeats its content, and encryption makes it larger by two fifths."""
    assert 2 * EDITABLE_BYTES * 1.4 < 65_536
    assert MESSAGE_BYTES * 1.4 < 65_536


def test_one_enormous_word_is_cut() -> None:
    """A stranger's string cannot push everything else out of the message."""
    document = line(Text("before "), Text("y" * 100_000), Text(" after"))
    assert "before " in to_plain(bounded(document))
    assert to_plain(bounded(document)).endswith("y… after")


@pytest.mark.parametrize("kind", [Text, Bold, Code, Name])
def test_mentions_are_broken_in_the_body(kind: Callable[[str], Inline]) -> None:
    """Old servers ping a whole room for the word alone; clients make pills of the rest. Names and URLs stay whole."""
    words = "@ROOM @a:b.org #a:b.org matrix:u/a https://matrix.to/#/%40a https://rtc.example.org:443/?a=b@c a@b.org"
    body = "@~ROOM @~a:b.org #~a:b.org matrix:~u/a https://matrix.to/~#/%40a https://rtc.example.org:443/?a=b@c a@b.org"
    assert to_body(line(kind(words))) == body.replace("~", "\N{WORD JOINER}")
    assert to_plain(line(kind(words))) == words


def test_code_stays_copyable() -> None:
    """Nothing is inserted where people copy from, which is the HTML and the terminal; only the plain body can ping."""
    for document in (line(Code("@room")), Document((CodeBlock("@room"),))):
        assert "<code>@room</code>" in to_html(document)
        assert to_plain(document) == "@room"
        assert "@room" not in to_body(document)


@pytest.mark.parametrize(("part", "tag"), [(Text, "{}"), (Bold, "<b>{}</b>")])
def test_links_in_words_become_code(part: type[Text] | type[Bold], tag: str) -> None:
    """Clients make links of URLs in running text, and pills of permalinks; not in code."""
    words = "(see https://matrix.to/#/@alice:example.org or matrix:u/bob:example.org, HTTP://x.example.) matrix: ok"
    assert to_html(line(part(words))) == tag.format(
        "(see <code>https://matrix.to/#/@alice:example.org</code> or <code>matrix:u/bob:example.org</code>, "
        "<code>HTTP://x.example</code>.) matrix: ok"
    )


@pytest.mark.parametrize(
    "word",
    [
        "example.org",
        "EXAMPLE.ORG",
        "config.yaml",
        "пример.рф",
        "例え。テスト",
        "a．b",
        "203.0.113.7",
        "203.0.113.7:443",
        "[2001:db8::1]:443",
        "2001:470:1:2:3:4:5:6",
        "::1",
        "localhost",
        "localhost:8080",
        "https://x",
        "javascript:alert",
        "mailto:a",
        "tel:+49",
        "urn:x",
        "alice@host",
        "@alice",
        "@alice:host",
        "#room:host",
        "!room:host",
        "+group:host",
        "$event:host",
    ],
)
@pytest.mark.parametrize("around", ["{}", "({})", "see '{}'.", '"{}",', "{}…", "{}: {}"])
def test_what_might_be_a_link_is_code_wherever_it_stands(word: str, around: str) -> None:
    """Also where nobody marked it; what stands around it does not hide it, and the words around it stay words."""
    for kind in (Text, Bold):
        markup = Markup(to_html(line(kind(f"Read {around} and 0.19.1 at 14:02:33 UTC".replace("{}", word)))))
        running = "".join(markup.running)
        assert word not in running
        assert running.startswith("Read ")
        assert running.endswith(" and 0.19.1 at 14:02:33 UTC")


@pytest.mark.parametrize(
    "words",
    ["TLS: expired (3 checks); Element Call 0.19.1 to 0.23, 14:02 UTC", "404 or 5xx: 12,5 %", "a/b – c…", "a. b"],
)
def test_words_that_no_client_links_stay_words(words: str) -> None:
    """Version numbers, times of day and stops make no code."""
    assert "<code>" not in to_html(line(Text(words)))


def test_marked_text_is_code_between_backticks() -> None:
    """Strangers' words cannot close the quotation, and one that was cut turns nothing around that follows."""
    quotation = quoted("x` evil.example `y\u202e")
    assert inline(f"type {quotation} here") == (
        Text("type "),
        Code("x\ufffd evil.example \ufffdy\ufffd"),
        Text(" here"),
    )
    cut = closed(f"it is {quoted('evil.example')} "[:12])
    assert inline(f"{cut}. Clients fail.") == (Text("it is "), Code("evil."), Text(". Clients fail."))
    assert closed("`a` b") == "`a` b"


def test_blanks_cannot_make_lines() -> None:
    """Wide or many blanks would push words to where the next line seems to begin."""
    assert to_plain(line(Text("a" + "\u3000" * 50 + "2. fake" + " " * 90 + "b\u00a0c"))) == "a 2. fake b c"


def test_line_breaks_in_words_cannot_make_lines() -> None:
    """A stranger's string cannot fake a further list item."""
    assert to_plain(line(Text("a\n2. fake\r\nb\u2028c"))) == "a 2. fake b\ufffdc"


def test_content_notifies_only_whom_it_should() -> None:
    """``m.mentions`` is always there; empty means nobody."""
    content = message_content(line(Code("@alice:example.org")))
    assert content == {
        "msgtype": "m.notice",
        "body": "@\u2060alice:example.org",
        "format": "org.matrix.custom.html",
        "formatted_body": "<code>@alice:example.org</code>",
        "m.mentions": {},
    }
    alert = message_content(line(Text("down")), msgtype="m.text", mentions=["@ops:example.org"])
    assert (alert["msgtype"], alert["m.mentions"]) == ("m.text", {"user_ids": ["@ops:example.org"]})


@pytest.mark.parametrize(
    "hidden",
    [
        "\x00",
        "\x1b",
        "\x7f",
        "\x85",
        "\u200b",
        "\u200f",
        "\u202e",
        "\u2060",
        "\u2066",
        "\ufeff",
        "\ue000",
        "\ud800",
        "\u2028",
        "\u3164",
        "\u034f",
        "\ufff9",
        "\ufdd0",
        "\U0001fffe",
        "\U000e0041",
        "\u00ad",
        "\ufe00",
        "\u180b",
    ],
)
def test_hidden_characters_are_made_visible(hidden: str) -> None:
    """What reorders, hides or pads is replaced, so that two names which look alike are alike."""
    assert visible(f"a{hidden}b") == "a\ufffdb"


@pytest.mark.parametrize(
    "text", ["plain", "Zürich", "例え", "العربية", "a\u00a0b", "é", "ệ", "עִבְרִית", "हिन्दी", "ภาษาที่", "1 → 2 ≥ 1", "▁▂█"]
)
def test_readable_text_is_left_alone(text: str) -> None:
    """Every script is welcome."""
    assert visible(text) == text


@pytest.mark.parametrize("sign", [*"✅❌⚠❔▫ℹ✔☑✓🗸✘🟢🔴🟩⛔🆗👍⭕‼⁉√●■🇩㊙", "1\ufe0f\u20e3", "👍🏽", "⚠️", "\U0001fae9"])
def test_only_the_bot_sets_signs(sign: str) -> None:
    """A stranger's emoji must not read as the bot's verdict; the bot's own is a part of its own."""
    assert set(visible(sign)) <= {"\ufffd", "1"}
    for part in (Text(sign), Bold(sign), Code(sign)):
        assert sign not in to_plain(line(part))
        assert sign not in to_html(line(part))
    assert sign not in to_html(Document((CodeBlock(sign),)))
    assert to_plain(line(Emoji(sign))) == to_html(line(Emoji(sign))) == sign


def test_marks_do_not_pile_up() -> None:
    """What is heaped on one letter covers the lines above and below."""
    assert visible("a" + "\u0301" * 40 + "b" + "\u0316" * 3) == "a" + "\u0301" * 3 + "\ufffdb" + "\u0316" * 3


def test_a_mark_needs_a_letter_of_its_own() -> None:
    """What begins with marks would go onto the sign or the word that the bot set before it."""
    assert visible("\u0338\u0301a\u0301") == "\ufffda\u0301"
    assert to_plain(Document((Paragraph((Emoji("✅"), Text("\u0338 fine"))),))) == "✅\ufffd fine"


def test_clipped_text_is_bounded() -> None:
    """Cut where it is too long, and seen to be cut."""
    assert clipped("x" * 120) == "x" * 120
    assert clipped("x" * 121) == "x" * 119 + "…"
    assert clipped("a\u202e" * 500_000, 4) == "a\ufffda…"
