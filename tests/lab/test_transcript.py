"""A message reads on a terminal as it reads in a client."""

from __future__ import annotations

import pytest

from lab.transcript import Transcript


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        ("one<br>two", ["one", "two"]),
        ("<p>one</p><p>two</p>", ["one", "two"]),
        ("<b>a</b> &amp; <code>b</code>", ["a & b"]),
        ("x<ol><li>one</li><li>two<br>more</li></ol>y", ["x", "1. one", "2. two", "   more", "y"]),
        ('<ol start="7"><li>seven</li><li>eight</li></ol>', ["7. seven", "8. eight"]),
        ('<ol start="x"><li>one</li></ol>', ["1. one"]),
        ("<ul><li>a<ol><li>b</li></ol></li></ul>", ["• a", "   1. b"]),
        ("see<pre><code>{\n  1\n}</code></pre>end", ["see", "  {", "    1", "  }", "end"]),
        ("<mx-reply><blockquote>old</blockquote></mx-reply>new", ["new"]),
        ("a\nb", ["a b"]),
        ("&lt;b&gt;", ["<b>"]),
        ("</ol></li></pre>x", ["x"]),
    ],
)
def test_html_becomes_lines(markup: str, lines: list[str]) -> None:
    """Lists are numbered, breaks break, code keeps its lines, and broken HTML does no harm."""
    assert Transcript().body(markup, "") == lines


def test_long_lines_hang_under_their_item() -> None:
    """A list item is wrapped under its own words, not under its number."""
    lines = Transcript(width=42).body("<ol><li>" + "word " * 20 + "</li></ol>", "")
    assert len(lines) > 2
    assert lines[0].startswith("1. word")
    assert all(line.startswith("   word") for line in lines[1:])
    assert all(len(line) <= 40 for line in lines)


def test_plain_text_is_shown_where_there_is_no_html() -> None:
    """Without a formatted body the text is shown, line by line."""
    assert Transcript().body(None, "one\ntwo <b>") == ["one", "two <b>"]


def test_colour_is_for_terminals_only() -> None:
    """Bold is an ANSI sequence with colour, and nothing without."""
    assert Transcript(colour=True).body("<b>a</b>", "") == ["\x1b[1ma\x1b[0m"]
    assert "\x1b" not in Transcript(colour=False).message("bot", "14:02", "<b>a</b>", "")


def test_a_message_cannot_steer_the_terminal() -> None:
    """Control and bidirectional characters of a message do not reach the terminal."""
    assert Transcript(colour=True).body("\x1b[2Ja\x07\u202eb", "") == ["[2Jab"]
    assert Transcript().body(None, "\x1b]0;title\x07x") == ["]0;titlex"]


def test_a_message_stands_under_its_sender() -> None:
    """Name and time come first, then the words, then an empty line."""
    assert Transcript().message("bot", "14:02", "<b>a</b>", "a", "encrypted").split("\n") == [
        "bot 14:02 encrypted",
        "  a",
        "",
    ]


def test_what_is_in_a_thread_stands_aside() -> None:
    """A bar marks it, and leaves no line too long; what is said about it cannot steer the terminal."""
    shown = Transcript(width=40).message("bot", "14:02", None, "word " * 20, "in the thread\x1b[2J", aside=True)
    head, *lines = shown.split("\n")
    assert head == "bot 14:02 in the thread[2J"
    assert len(lines) > 3
    assert all(line.startswith("  │ word") and len(line) <= 40 for line in lines[:-1])
