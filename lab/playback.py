"""How the faults of the HTTP layer are played."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

from lab.exchange import Answer, Performance, html_answer, json_answer, nginx_page
from lab.fault import Fault, Layer

_CHALLENGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
_WEB_PAGE = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><div id=app></div></body></html>\n"
_BOMB_MEBIBYTES = 256


def spoil(fault: Fault, *, pause: float = 1.0) -> Answer | Performance:
    """
    The answer that a fault of the HTTP layer gives, whatever was asked.

    Args:
        fault: which one.
        pause: seconds between two pieces of what is slow.

    Raises:
        ValueError: the fault belongs to another layer.
    """
    if fault.layer is not Layer.HTTP:
        raise ValueError(f"{fault} is not a fault of HTTP")
    if fault in _ANSWERS:
        return _ANSWERS[fault]()
    if fault in _DRIPS:
        first, piece = _DRIPS[fault]
        return _drip(first, piece, pause if fault is not Fault.ENDLESS_BODY else 0.0)
    return _once(_BLURTS[fault]) if fault in _BLURTS else Performance(_silence)


def page() -> Answer:
    """A web page such as single-page applications serve at every path."""
    return html_answer(200, _WEB_PAGE)


def homeserver_unrecognised() -> Answer:
    """What Synapse answers where it has no endpoint."""
    return json_answer(
        404,
        {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"},
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    )


def _challenge() -> Answer:
    return html_answer(403, _CHALLENGE, ("Server", "cloudflare"), ("cf-mitigated", "challenge"))


def _bomb() -> Performance:
    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
        )
        squeezer = zlib.compressobj(level=1, wbits=31)
        for _mebibyte in range(_BOMB_MEBIBYTES):
            writer.write(squeezer.compress(bytes(1 << 20)))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(squeezer.flush())
        await writer.drain()

    return Performance(play)


def _once(blurt: bytes) -> Performance:
    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(blurt)
        await writer.drain()

    return Performance(play)


def _drip(first: bytes, piece: bytes, pause: float) -> Performance:
    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return Performance(play)


async def _silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass


_ANSWERS: dict[Fault, Callable[[], Answer | Performance]] = {
    Fault.BAD_GATEWAY: lambda: nginx_page(502),
    Fault.NGINX_404: lambda: nginx_page(404),
    Fault.WAF_CHALLENGE: _challenge,
    Fault.HTML_200: page,
    Fault.HOMESERVER_MOUNTED_THERE: homeserver_unrecognised,
    Fault.GZIP_BOMB: _bomb,
}
_BLURTS: dict[Fault, bytes] = {
    Fault.CLOSED_AFTER_REQUEST: b"",
    Fault.GARBAGE_HTTP: b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\x00\xff\xfe<script>\r\n\r\n",
    Fault.OVERLONG_HEADER: b"HTTP/1.1 200 OK\r\nX-Padding: " + b"a" * (1 << 20) + b"\r\nContent-Length: 0\r\n\r\n",
    Fault.TRUNCATED_BODY: b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n{"m.hom',
}
_DRIPS: dict[Fault, tuple[bytes, bytes]] = {
    Fault.SLOW_HEADERS: (b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n"),
    Fault.SLOW_BODY: (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
        b" ",
    ),
    Fault.ENDLESS_BODY: (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
        b" " * 65_536,
    ),
}
