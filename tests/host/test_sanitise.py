"""Strangers' strings on one line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.messages.sanitise import clean_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words", "plain words"),
        ("two\r\nlines\tand\u2028more", "two lines and more"),
        ("  padded \u00a0 \u3000 ", "padded"),
        ("a\x00b\x1b[31mc\x7f", "a\ufffdb\ufffd[31mc\ufffd"),
        ("safe\u202egpj.exe", "safe\ufffdgpj.exe"),
        ("zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd"),
        ("lone\ud800surrogate", "lone\ufffdsurrogate"),
        ("Bücher 漢字 ✅", "Bücher 漢字 \ufffd"),
        ("z" + "\u0335" * 50, "z\u0335\u0335\u0335\ufffd"),
    ],
)
def test_what_does_not_print_is_replaced(text: str, expected: str) -> None:
    """Line breaks become spaces; control, bidirectional, invisible and broken characters and signs are U+FFFD."""
    assert clean_line(text) == expected


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    """A text of any length costs and takes no more than the limit."""
    assert clean_line("x" * 10_000_000, 10) == "x" * 9 + "…"
    assert clean_line("x" * 10, 10) == "x" * 10


@given(st.text(), st.integers(1, 300))
def test_every_text_becomes_one_short_printable_line(text: str, limit: int) -> None:
    """Whatever comes in, the outcome is within the limit, encodable and free of control characters."""
    line = clean_line(text, limit)
    assert len(line) <= limit
    line.encode()
    assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert clean_line(line, limit) == line
