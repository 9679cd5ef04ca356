"""Where log lines go: standard error, or wherever the configuration's ``logging`` says."""

from __future__ import annotations

import logging.config
from collections.abc import Mapping
from typing import Any

from botkit.config import ConfigError
from botkit.messages.sanitise import shortened, visible, visible_lines

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

LONGEST_LINE = 4_000
"""Characters of one record's line; what is longer is cut."""

MOST_TRACE_LINES = 200
"""Lines of a traceback to keep: the last ones."""

_CHATTERS = {"alembic.runtime.plugins": {"level": "WARNING"}, "stamina": {"level": "ERROR"}}
"""Loggers that say nothing new: that they were imported, or that an attempt failed, whose reason is logged here."""


class LineFormatter(logging.Formatter):
    """
    One record, one line: what strangers wrote cannot begin another, nor move a terminal's cursor.

    Tracebacks follow on lines that are indented, so that none of them passes for a record.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library's name
        return shortened(visible(_escaped(super().formatMessage(record))), LONGEST_LINE)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _indented(super().formatStack(stack_info))


def _escaped(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")


def _indented(trace: str) -> str:
    return "\n".join(f"  {shortened(line, LONGEST_LINE)}" for line in visible_lines(trace)[-MOST_TRACE_LINES:])


def configure_logging(settings: Mapping[str, Any], level: str = "INFO") -> None:
    """
    Apply ``logging`` of the configuration.

    It is a ``logging.config.dictConfig`` schema. What it leaves out is filled in: version 1, loggers that
    exist already stay enabled, formatters without a class of their own are ``LineFormatter``, and without
    handlers of its own the root logger writes to standard error.

    Args:
        level: of the root logger where the settings name none.

    Raises:
        ConfigError: the schema is wrong or one of its handlers cannot be built.
    """
    schema: dict[str, Any] = {"version": 1, "disable_existing_loggers": False, **settings}
    for key in ("formatters", "filters", "handlers", "loggers", "root"):
        part = schema.get(key)
        if not isinstance(part, Mapping | None):
            raise ConfigError(f"logging.{key}: must be a mapping")
        schema[key] = dict(part or {})
    schema["loggers"] = {**_CHATTERS, **schema["loggers"]}
    if not schema["handlers"]:
        schema["formatters"]["line"] = {"format": FORMAT}
        schema["handlers"]["stderr"] = {"class": "logging.StreamHandler", "formatter": "line"}
        schema["root"] = {"level": level, **schema["root"], "handlers": ["stderr"]}
    _fill_in_formatters(schema)
    try:
        logging.config.dictConfig(schema)
    except (ValueError, TypeError, AttributeError, ImportError, KeyError, OSError) as error:
        cause = error.__cause__ or error
        raise ConfigError(f"logging: {' '.join(f'{error}: {cause}'.split())}"[:500]) from None


def _fill_in_formatters(schema: dict[str, Any]) -> None:
    """Lines are sanitised whichever formatter is declared, unless they bring a formatter class of their own."""
    ours = f"{__name__}.{LineFormatter.__qualname__}"
    for name, formatter in schema["formatters"].items():
        if isinstance(formatter, Mapping) and "()" not in formatter:
            schema["formatters"][name] = {"class": ours, **formatter}
    for name, handler in schema["handlers"].items():
        if isinstance(handler, Mapping) and handler.get("formatter") is None and "()" not in handler:
            schema["handlers"][name] = {**handler, "formatter": "message-alone"}
    schema["formatters"].setdefault("message-alone", {"class": ours, "format": "%(message)s"})
