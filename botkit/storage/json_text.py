"""Strangers' strings made fit for any database."""

from __future__ import annotations

import json
import re
from typing import Any

_UNFIT = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text without what SQLite or PostgreSQL cannot hold: lone surrogates and NUL become U+FFFD."""
    return _UNFIT.sub("\ufffd", text)


def to_json(value: Any) -> str:
    """JSON that any database holds, whatever strings are inside: everything beyond ASCII is escaped."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def from_json(text: str) -> Any:
    """The value that ``to_json`` wrote."""
    return json.loads(text)
