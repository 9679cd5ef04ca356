"""The URL of the database in the configuration: checked, redacted, and its files found."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from botkit.config.errors import ConfigError
from botkit.database_url import PATHS, SYSTEM, WANTED, PostgresUrl, SqliteUrl, parse_database_url


def validate_url(url: str) -> str:
    """
    The URL unchanged, if it is one of the two kinds.

    Raises:
        ValueError: without the URL in its text, as it may hold a password.
    """
    parsed = parse_database_url(url)
    if isinstance(parsed, SqliteUrl) and not re.fullmatch(r"[^?#\s]+", parsed.path):
        raise ValueError(WANTED)
    return url


def resolve_url(url: str, base: Path) -> str:
    """
    The URL with the paths in it made absolute, relative to ``base``: of an SQLite file, certificates and keys.

    Raises:
        ConfigError: a file that a parameter names cannot be read.
    """
    parsed = parse_database_url(url)
    if isinstance(parsed, SqliteUrl):
        return str(replace(parsed, path=str((base / parsed.path).absolute())))
    return str(replace(parsed, parameters=_with_files(parsed, base)))


def _with_files(url: PostgresUrl, base: Path) -> dict[str, str]:
    resolved = dict(url.parameters)
    for name in PATHS:
        if name not in resolved or resolved[name] == SYSTEM:
            continue
        path = (base / resolved[name]).absolute()
        if not os.access(path, os.R_OK):
            raise ConfigError(f"storage.database: {name}: cannot read {path}")
        resolved[name] = str(path)
    return resolved


def redact_url(url: str) -> str:
    """The URL with its passwords replaced, wherever they are written."""
    return parse_database_url(url).redacted
