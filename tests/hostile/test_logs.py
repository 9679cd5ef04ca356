"""Log lines: what strangers wrote stays inside the record that quotes it."""

from __future__ import annotations

import logging
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.logs import FORMAT, LONGEST_LINE, LineFormatter, configure_logging
from botkit.messages.sanitise import logged
from tests.hostile.strings import SIGNS, STRINGS

anything = st.text(st.characters(), max_size=60) | st.sampled_from(list(STRINGS.values()))
HIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def formatted(message: str, error: BaseException | None = None) -> list[str]:
    """The lines that a record comes out as."""
    record = logging.LogRecord("some.part", logging.ERROR, __file__, 1, "room=%s", (message,), None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    return LineFormatter(FORMAT).format(record).split("\n")


def raised(text: str) -> BaseException:
    """An exception that quotes a stranger, raised while another one that does was handled."""
    try:
        try:
            raise KeyError(text)
        except KeyError as error:
            raise ValueError(text) from error
    except ValueError:
        caught = sys.exc_info()[1]
        assert caught is not None
        return caught


@given(anything)
def test_a_record_is_one_line(message: str) -> None:
    """No line break, escape sequence or bidi control gets through, and the line is bounded."""
    (line,) = formatted(message)
    assert " ERROR some.part: room=" in line
    assert not HIDDEN.search(line)
    assert not SIGNS & set(line)
    assert len(line) <= LONGEST_LINE
    line.encode()


@given(anything | st.sampled_from(["", "a kind=firing", 'a" kind="b', "\\", '\\" kind=x', '"', "x" * 9999]))
def test_a_value_stays_one_value(text: str) -> None:
    """Whoever splits a line at its keys finds those that the bot wrote, whatever a stranger calls a room."""
    (line,) = formatted(f"{logged(text)} sender={logged(text)}")
    keys = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^" ]+)(?: |$)', line.partition("some.part: ")[2])
    assert [key for key, _ in keys] == ["room", "sender"]
    assert keys[0][1] == keys[1][1]
    assert len(line) <= 1200


@given(anything)
def test_a_traceback_cannot_pass_for_a_record(text: str) -> None:
    """The text of an exception may have lines, all of them indented."""
    first, *rest = formatted("x", raised(text))
    assert first.endswith(" ERROR some.part: room=x")
    assert rest
    for line in rest:
        assert line.startswith("  ")
        assert not HIDDEN.search(line)
        assert len(line) <= LONGEST_LINE + 2


def test_a_traceback_is_bounded() -> None:
    """Its end tells what happened, so its beginning goes."""
    lines = formatted("x", raised("\n".join(map(str, range(100_000)))))
    assert len(lines) < 250
    assert lines[-1] == "  99999"


@pytest.mark.usefixtures("kept_logging")
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "formatters": {"own": {"format": "%(levelname)s %(message)s"}},
            "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "own"}},
            "root": {"handlers": ["out"]},
        },
        {"handlers": {"out": {"class": "logging.StreamHandler"}}, "root": {"handlers": ["out"]}},
    ],
    ids=["default", "own format", "own handler"],
)
def test_every_configuration_is_safe(settings: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    """Formats and handlers of an operator's own keep the protection."""
    configure_logging(settings)
    try:
        raise ValueError("text\nERROR forged: trust me")
    except ValueError:
        logging.getLogger("some.part").exception("event=%s", "$x\nERROR forged: trust me\x1b[2J")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("event=$x\\nERROR forged: trust me\ufffd[2J")
    assert all(line.startswith("  ") for line in lines[1:])
