"""Reading a client well-known (client-server API, "Well-known URIs"; MSC4158): strict JSON, all keys, order kept."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plugins.foci.model import FOCI_KEYS, MAX_ENTRIES, Entry

_MAX_DEPTH = 64
_RTC_WORD = re.compile(r"(?:^|[^a-z])(?:[a-z]*rtc|rtc[a-z]*)(?:[^a-z]|$)|livekit|(?:^|[^a-z])foc(?:i|us)(?:[^a-z]|$)")
_HOMESERVER_KEY = "m.homeserver"
_IDENTITY_KEY = "m.identity_server"


@dataclass(frozen=True, slots=True)
class BodyFault:
    """
    Why a body is no JSON object.

    Attributes:
        code: the finding it leads to.
        detail: what and where; line and column count from 1.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class WellKnown:
    """
    A client well-known that is a JSON object.

    Attributes:
        document: the whole object, as published.
        keys_found: which of the three foci keys are present, in the order of their use.
    """

    document: Mapping[str, Any]
    keys_found: tuple[str, ...]

    @property
    def key_used(self) -> str | None:
        """The first present key of the three."""
        return self.keys_found[0] if self.keys_found else None

    @property
    def foci_value(self) -> Any:
        """The value of the used key, whatever it is; None without a key."""
        return self.document[self.keys_found[0]] if self.keys_found else None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of the used key in published order (``MAX_ENTRIES``); empty when the value is not a list."""
        value = self.foci_value
        if not isinstance(value, list):
            return ()
        return tuple(Entry("well-known", place, item) for place, item in enumerate(value[:MAX_ENTRIES], 1))

    @property
    def base_url_value(self) -> Any:
        """``m.homeserver.base_url`` as published, None when it is not there."""
        return _member(self.document.get(_HOMESERVER_KEY), "base_url")

    @property
    def identity_server_broken(self) -> bool:
        """Whether ``m.identity_server`` is present without a usable ``base_url``: a client must stop and ask."""
        if _IDENTITY_KEY not in self.document:
            return False
        return not isinstance(_member(self.document[_IDENTITY_KEY], "base_url"), str)

    @property
    def rtc_like_keys(self) -> tuple[str, ...]:
        """Top-level keys that speak of rtc, livekit or foci and are none of the three."""
        return tuple(key for key in self.document if key not in FOCI_KEYS and _RTC_WORD.search(key.lower()))


def read_well_known(body: bytes) -> WellKnown | BodyFault:
    """Parse a body that was answered with status 200."""
    value = read_json(body)
    if isinstance(value, BodyFault):
        return value
    if not isinstance(value.value, dict):
        return BodyFault("well-known-not-object", f"the body is {_article(value.value)}, not a JSON object")
    document = value.value
    return WellKnown(document, tuple(key for key in FOCI_KEYS if key in document))


@dataclass(frozen=True, slots=True)
class Json:
    """A parsed JSON value, wrapped so that it cannot be taken for a fault."""

    value: Any


def read_json(body: bytes) -> Json | BodyFault:
    """
    Strict JSON (RFC 8259): UTF-8 without a byte order mark, no NaN, bounded depth and number length.

    Duplicate keys are allowed by the grammar; the last one counts, as in browsers.
    """
    if not body.strip():
        return BodyFault("well-known-not-json", "the body is empty")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _position(body[: error.start].decode("utf-8", "replace"))
        return BodyFault("well-known-not-json", f"not UTF-8 at line {line}, column {column}")
    if text.removeprefix("\ufeff").lstrip()[:1] == "<":
        return BodyFault("well-known-html", "the body is HTML or XML, not JSON")
    if text.startswith("\ufeff"):
        return BodyFault("well-known-not-json", "a byte order mark at line 1, column 1, which strict parsers refuse")
    return _parse(text)


def _parse(text: str) -> Json | BodyFault:
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        return BodyFault("well-known-not-json", f"{_reason(error)} at line {error.lineno}, column {error.colno}")
    except RecursionError:
        return BodyFault("well-known-not-json", "nested too deeply")
    except ValueError as error:
        return BodyFault("well-known-not-json", _constant_or_digits(error))
    if _deeper_than(value, _MAX_DEPTH):
        return BodyFault("well-known-not-json", f"nested more than {_MAX_DEPTH} levels deep")
    return Json(value)


def _reason(error: json.JSONDecodeError) -> str:
    """The parser's reason; the commonest mistake by its name in every Python version."""
    before, here = error.doc[: error.pos].rstrip(), error.doc[error.pos :].lstrip()[:1]
    if here in ("]", "}") and before.endswith(","):
        return "a comma too many before the closing bracket"
    return error.msg[:1].lower() + error.msg[1:]


class _BareConstantError(ValueError):
    """NaN or Infinity, which JSON does not have."""


def _refuse_constant(name: str) -> None:
    raise _BareConstantError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """A number; beyond what a double holds the largest one, as infinity could not be written as JSON again."""
    value = float(text)
    return value if math.isfinite(value) else math.copysign(sys.float_info.max, value)


def _constant_or_digits(error: ValueError) -> str:
    return str(error) if isinstance(error, _BareConstantError) else "a number with too many digits"


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


def _position(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _article(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
