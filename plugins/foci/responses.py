"""Reading what services and homeservers answer: strict JSON, errcodes, CORS as browsers judge it, firewalls' pages."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botkit.outbound.model import Response
from plugins.foci.refusal import refused_here

ORIGIN = "https://web-client.invalid"
"""The Origin sent with every request: one that no server lists (RFC 6761), since a public answer must allow all."""

REQUEST_HEADERS = {"Origin": ORIGIN, "Accept": "application/json"}


def preflight_headers(method: str, header: str) -> dict[str, str]:
    """What a browser sends with the OPTIONS request before one of this method with this header."""
    return {"Origin": ORIGIN, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": header}


def origins_allowed(response: Response) -> list[str]:
    """Every value of Access-Control-Allow-Origin, split where a proxy joined two; browsers count empty ones."""
    values = response.headers.get("access-control-allow-origin", ())
    return [part.strip() for value in values for part in value.split(",")]


def allows_any_origin(response: Response) -> bool:
    """Whether a web client of any origin may read the answer."""
    allowed = origins_allowed(response)
    return len(allowed) == 1 and allowed[0] in ("*", ORIGIN)


def is_doubled(response: Response) -> bool:
    """Two values, which browsers refuse although each alone would do."""
    return len(origins_allowed(response)) > 1


def preflight_fault(response: Response, header: str) -> str:
    """
    What keeps a browser from a request after this answer to its preflight; empty if nothing does.

    Source: Fetch standard, "CORS-preflight fetch": a status of 2xx, an origin, and the request's header by name; ``*``
    stands for every header but Authorization.

    Args:
        header: the one that the request has, in lower case.
    """
    if not 200 <= response.status < 300:
        return f"is answered with HTTP {response.status}"
    if is_doubled(response):
        return "has Access-Control-Allow-Origin twice in its answer"
    if not allows_any_origin(response):
        return "has no `Access-Control-Allow-Origin` that allows every origin in its answer"
    values = ",".join(response.headers.get("access-control-allow-headers", ()))
    allowed = {part.strip().lower() for part in values.split(",")}
    if header in allowed or (header != "authorization" and "*" in allowed):
        return ""
    return f"does not allow the header `{header.title()}` (Access-Control-Allow-Headers)"


def preflight_allows_post(response: Response) -> bool:
    """Whether the answer to an OPTIONS request lets a browser POST JSON."""
    return not preflight_fault(response, "content-type")


def is_challenge(response: Response) -> bool:
    """
    Whether a bot challenge was answered. It may meet this prober only, so it proves nothing about clients.

    Source: Cloudflare marks its challenges with ``cf-mitigated: challenge``; AWS WAF answers with
    ``x-amzn-waf-action``.
    """
    if response.header("cf-mitigated") == "challenge":
        return True
    return response.header("x-amzn-waf-action") in ("challenge", "captcha")


def meets_prober_only(response: Response) -> bool:
    """A challenge or a refusal may meet this prober alone; it says nothing about what clients get."""
    return is_challenge(response) or bool(refused_here(response))


_DEMANDS = (b"No required SSL certificate was sent", b"Cannot perform Post-Handshake Authentication")
_PAGE_START = 4096


def demands_client_certificate(response: Response) -> bool:
    """
    Whether the page is a web server's that lets in only clients with a certificate.

    Source: nginx with ``ssl_verify_client on`` answers 400 (496 inside), Apache with ``SSLVerifyClient require`` for a
    folder 403; both finish the TLS handshake first.
    """
    return response.status in (400, 403) and any(text in response.body[:_PAGE_START] for text in _DEMANDS)


def errcode_of(response: Response) -> str | None:
    """The Matrix errcode of a JSON body, whatever its content type says."""
    try:
        document: Any = json.loads(response.body[:4096].decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    found = document.get("errcode") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


_MAX_DEPTH = 64
_TOO_DEEP = f"nested more than {_MAX_DEPTH} levels deep"
_OPENINGS = re.compile(rf"(?:\s*[\[{{]){{{_MAX_DEPTH + 1}}}")
_MAX_PARTS = 20_000
"""Commas and opening brackets, which nobody's document has, and for which reading it would stall everything else."""


@dataclass(frozen=True, slots=True)
class BodyFault:
    """
    Why a body is not a JSON object.

    Attributes:
        code: the finding it leads to.
        detail: what and where; line and column count from 1.
    """

    code: str
    detail: str


Path = tuple[str | int, ...]
"""The way to a value: keys of objects, and places in lists from 1."""


def shown_path(path: Path) -> str:
    """Such as ``m.homeserver`` › ``base_url``, a place in a list in brackets."""
    parts = (f"[{part}]" if isinstance(part, int) else part for part in path)
    return " › ".join(parts)


@dataclass(frozen=True, slots=True)
class Json:
    """
    A parsed JSON value, wrapped so that it cannot be taken for a fault.

    Attributes:
        repeated: where a key stands twice in one object; the last value counts, as in browsers.
    """

    value: Any
    repeated: tuple[Path, ...] = ()


def read_json(body: bytes) -> Json | BodyFault:
    """
    Strict JSON (RFC 8259): UTF-8 without a byte order mark, no NaN; depth, numbers and values are bounded.

    The same key twice is allowed by the grammar, and noted.
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
    if sum(text.count(mark) for mark in ",[{") > _MAX_PARTS:
        if _OPENINGS.match(text):
            return BodyFault("well-known-not-json", _TOO_DEEP)
        return BodyFault("well-known-too-large", f"it has more than {_MAX_PARTS} commas and opening brackets")
    return _parse(text)


def _parse(text: str) -> Json | BodyFault:
    repeated: list[tuple[dict[str, Any], list[str]]] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            counted = Counter(key for key, _ in pairs)
            repeated.append((value, [key for key, count in counted.items() if count > 1]))
        return value

    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=members)
    except json.JSONDecodeError as error:
        return BodyFault("well-known-not-json", f"{_reason(error)} at line {error.lineno}, column {error.colno}")
    except RecursionError:
        return BodyFault("well-known-not-json", "nested too deeply")
    except ValueError as error:
        return BodyFault("well-known-not-json", _constant_or_digits(error))
    if _deeper_than(value, _MAX_DEPTH):
        return BodyFault("well-known-not-json", _TOO_DEEP)
    return Json(value, tuple(_paths(value, {id(one): keys for one, keys in repeated})) if repeated else ())


def _paths(value: Any, repeated: Mapping[int, Sequence[str]]) -> Iterator[Path]:
    """
    The ways to keys that stand twice, by the identities of their objects, outer ones first.

    An object that was replaced by a second one under its key is not there, but that key is.
    """
    todo: list[tuple[Path, Any]] = [((), value)]
    for path, item in todo:
        if isinstance(item, dict):
            yield from ((*path, key) for key in repeated.get(id(item), ()))
            todo += (((*path, key), inner) for key, inner in item.items())
        elif isinstance(item, list):
            todo += (((*path, place), inner) for place, inner in enumerate(item, 1))


def _reason(error: json.JSONDecodeError) -> str:
    """The parser's reason; the commonest mistake by its name in every Python version."""
    before, here = error.doc[: error.pos].rstrip(), error.doc[error.pos :].lstrip()[:1]
    if here in ("]", "}") and before.endswith(","):
        return "a trailing comma before the closing bracket"
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
