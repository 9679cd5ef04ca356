"""Answers that travel well and say something wrong: redirects, statuses, documents of the wrong shape."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from http import HTTPStatus

from lab import wellknown
from lab.exchange import Answer, Handler, Performance, Request, html_answer
from zoo import bodies
from zoo.stage import pours
from zoo.wire import Good, Species, head

_JSON = (
    ("Content-Type", "application/json"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "Content-Type, Authorization"),
)


def served(change: Callable[[bytes], bytes]) -> Species:
    """What a healthy server would say, with its body changed."""
    return lambda good: Answer(good.status, change(good.body), _JSON)


def body(content: bytes, status: int | None = None) -> Species:
    """This body, with the status of a healthy server or another one."""
    return lambda good: Answer(good.status if status is None else status, content, _JSON)


def status(code: int) -> Species:
    """This status with a web page, as most servers do it."""
    page = f"<html><body><h1>{code}</h1></body></html>"
    return lambda _: html_answer(code, page, ("Access-Control-Allow-Origin", "*"))


def foci(value: bytes) -> Species:
    """A well-known whose list is this, as text."""
    return served(lambda good: bodies.with_foci(good, value))


def entry(member: bytes) -> Species:
    """A well-known whose entry has one member more, as text."""

    def change(good: bytes) -> bytes:
        (healthy,) = json.loads(good)[wellknown.FOCI_KEY]
        return bodies.with_foci(good, b"[" + bodies.with_member(json.dumps(healthy).encode(), member) + b"]")

    return served(change)


def member(text: bytes) -> Species:
    """A document with one top-level member more, as text."""
    return served(lambda good: bodies.with_member(good, text))


def redirect(location: str | None, code: int = HTTPStatus.FOUND) -> Species:
    """A redirect; ``None`` sends no Location."""
    where = () if location is None else (("Location", location),)
    return lambda _: Answer(code, b"", (*where, *_JSON))


def endless_redirect(good: Good) -> Performance:
    """A redirect to the right place, with a body that never ends."""
    moved = Good(HTTPStatus.FOUND, good.body)
    return pours(head(moved, b"Location: /elsewhere"), b" " * 65_536)


def ring(paths: int, *, pause: float = 0.0) -> Species:
    """Redirects from path to path, back to the first after so many; each takes ``pause`` seconds."""

    def species(_: Good) -> Handler:
        async def answer(request: Request) -> Answer:
            await asyncio.sleep(pause)
            step = int(request.query or "0")
            return Answer(HTTPStatus.FOUND, b"", (("Location", f"{wellknown.PATH}?{(step + 1) % paths}"), *_JSON))

        return answer

    return species


def gzipped_in_secret(good: bytes) -> bytes:
    """Compressed, without a header that says so."""
    return gzip.compress(good)
