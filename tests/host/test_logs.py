from __future__ import annotations

import logging
from pathlib import Path

import pytest

from botkit.config import ConfigError
from botkit.logs import configure_logging

pytestmark = pytest.mark.usefixtures("kept_logging")


def test_without_settings_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, logger and message, from the level that was asked for."""
    configure_logging({}, "WARNING")
    logging.getLogger("some.part").info("unheard")
    logging.getLogger("some.part").warning("heard")
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.endswith(" WARNING some.part: heard\n")
    assert "unheard" not in output.err


def test_a_level_alone_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody should have to write a handler to see more."""
    configure_logging({"root": {"level": "DEBUG"}})
    logging.getLogger("some.part").debug("heard")
    assert "DEBUG some.part: heard" in capsys.readouterr().err


def test_own_handlers_are_taken_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The schema is passed through; loggers that exist already go on."""
    earlier = logging.getLogger("made.earlier")
    path = tmp_path / "log"
    handlers = {"file": {"class": "logging.FileHandler", "filename": str(path)}}
    configure_logging({"handlers": handlers, "root": {"level": "INFO", "handlers": ["file"]}})
    earlier.info("heard")
    assert path.read_text() == "heard\n"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "settings",
    [
        {"root": {"level": "LOUD"}},
        {"root": 3},
        {"version": 2},
        {"loggers": 3},
        {"handlers": {"x": {"class": "no.such.Handler"}}},
        {"handlers": {"x": {"class": "logging.FileHandler", "filename": "/nowhere/at/all"}}},
        {"handlers": 3},
        {"formatters": 3},
    ],
)
def test_wrong_settings_are_one_line(settings: dict[str, object]) -> None:
    """An operator reads what is wrong, not where Python stumbled."""
    with pytest.raises(ConfigError, match=r"^logging[.a-z]*: ") as caught:
        configure_logging(settings)
    assert "\n" not in str(caught.value)
