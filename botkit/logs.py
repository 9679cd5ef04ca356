"""Where log lines go: standard error, or wherever the configuration's ``logging`` says."""

from __future__ import annotations

import logging.config
from collections.abc import Mapping
from typing import Any

from botkit.config import ConfigError

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


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
    if not schema.get("handlers"):
        root = schema.get("root")
        schema["formatters"] = {"line": {"format": FORMAT}, **(schema.get("formatters") or {})}
        schema["handlers"] = {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}}
        schema["root"] = {"level": level, **(root if isinstance(root, Mapping) else {}), "handlers": ["stderr"]}
    try:
        logging.config.dictConfig(schema)
    except (ValueError, TypeError, AttributeError, ImportError, KeyError, OSError) as error:
        cause = error.__cause__ or error
        raise ConfigError(f"logging: {' '.join(f'{error}: {cause}'.split())}"[:500]) from None
