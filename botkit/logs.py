"""Where log lines go: standard error, or wherever the configuration's ``logging`` says."""

from __future__ import annotations

import logging.config
from collections.abc import Mapping
from typing import Any

from botkit.config import ConfigError

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_CHATTERS = {"alembic.runtime.plugins": {"level": "WARNING"}}
"""Loggers that tell at INFO of having been imported."""


def configure_logging(settings: Mapping[str, Any], level: str = "INFO") -> None:
    """
    Apply ``logging`` of the configuration.

    It is a ``logging.config.dictConfig`` schema. What it leaves out is filled in: version 1, loggers that
    exist already stay enabled, and without handlers of its own the root logger writes to standard error.

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
    try:
        logging.config.dictConfig(schema)
    except (ValueError, TypeError, AttributeError, ImportError, KeyError, OSError) as error:
        cause = error.__cause__ or error
        raise ConfigError(f"logging: {' '.join(f'{error}: {cause}'.split())}"[:500]) from None
