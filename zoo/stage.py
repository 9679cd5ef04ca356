"""Ways to put bytes on a connection: at once, in drops, without end, and ended rudely."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable

from lab.exchange import Performance

SLOWLY = 0.5
"""Seconds between two pieces of what is slow: shorter than any limit of a check, so that only the whole is too slow."""


def says(*pieces: bytes) -> Performance:
    """Send these, then close in order."""

    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return Performance(play)


def holds(piece: bytes) -> Performance:
    """Send this, then nothing more, and leave the connection open."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(piece)
        await writer.drain()
        while await reader.read(65_536):
            pass

    return Performance(play)


def resets(piece: bytes) -> Performance:
    """Send this, then reset the connection (RST)."""

    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.1)
        raw: socket.socket | None = writer.get_extra_info("socket")
        # none where the client has gone already
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return Performance(play)


def drips(first: bytes, piece: bytes) -> Performance:
    """Send the first bytes, then a piece twice a second, without end."""
    return _repeated(first, piece, SLOWLY)


def pours(first: bytes, piece: bytes) -> Performance:
    """Send the first bytes, then a piece again and again as fast as they are taken, without end."""
    return _repeated(first, piece, 0.0)


def _repeated(first: bytes, piece: bytes, pause: float) -> Performance:
    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return Performance(play)


def streams(pieces: Iterable[bytes]) -> Performance:
    """Send pieces that are made while they are sent; ``pieces`` can be gone through more than once."""

    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
            if writer.is_closing():
                return

    return Performance(play)
