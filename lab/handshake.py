"""A TLS server's handshake by hand, since asyncio's own drops the alert with which a server refuses a client."""

from __future__ import annotations

import asyncio
import ssl


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
    """
    Shake hands on a plain connection until the server's side refuses, and send its alert.

    Args:
        context: demands a client certificate, or has another reason to refuse.
    """
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(arrived, leaving, server_side=True)
    while data := await reader.read(65_536):
        arrived.write(data)
        try:
            server.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(leaving.read())
        except ssl.SSLError:
            writer.write(leaving.read())
            await writer.drain()
            return
