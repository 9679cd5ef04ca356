"""Requests and answers as the lab's servers see them: every byte is what the server says, nothing more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

MAX_HEAD = 64 * 1024
MAX_BODY = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """
    What a client sent.

    Attributes:
        path: as it came, without the query; a handler behind a prefix gets the rest of the path.
        headers: lower-case name to the last value sent.
    """

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def at(self, path: str) -> Request:
        """The same request for another path."""
        return replace(self, path=path)


@dataclass(frozen=True, slots=True)
class Answer:
    """An ordinary answer. ``Content-Length`` is added, nothing else."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *headers: tuple[str, str]) -> Answer:
        """The same answer with more headers."""
        return replace(self, headers=self.headers + headers)

    def without_headers(self, prefix: str) -> Answer:
        """The same answer without the headers whose name starts so, whatever their case."""
        kept = tuple(pair for pair in self.headers if not pair[0].lower().startswith(prefix.lower()))
        return replace(self, headers=kept)

    def encode(self, *, head_only: bool = False) -> bytes:
        """The answer as it goes over the wire."""
        reason = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else ""
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{name}: {value}" for name, value in self.headers)]
        if self.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            lines.append(f"Content-Length: {len(self.body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head if head_only else head + self.body


@dataclass(frozen=True, slots=True)
class Performance:
    """An answer written by hand; the connection ends after it."""

    play: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


Handler = Callable[[Request], Awaitable[Answer | Performance]]


def json_answer(status: int, value: Any, *headers: tuple[str, str]) -> Answer:
    """An answer with a JSON body and its content type."""
    return Answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"), *headers))


def html_answer(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    """An answer with a web page."""
    return Answer(status, text.encode(), (("Content-Type", "text/html"), *headers))


def nginx_page(status: int) -> Answer:
    """What nginx answers by itself."""
    title = f"{status} {HTTPStatus(status).phrase}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return html_answer(status, page, ("Server", "nginx"))


def go_not_found() -> Answer:
    """What a Go program answers where no route matches."""
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    return Answer(404, b"404 page not found\n", headers)


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """
    The next request of a connection; None when the client is done or sends what is no request.

    Bodies need a ``Content-Length``; more than ``MAX_BODY`` bytes count as no request.
    """
    try:
        first = await reader.readexactly(1)
        if not first.isalpha():
            return None
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        method, target, _ = request_line.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= MAX_BODY:
            return None
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, OSError):
        return None
    path, _, query = target.partition("?")
    return Request(method, headers.get("host", ""), path, query, headers, body)
