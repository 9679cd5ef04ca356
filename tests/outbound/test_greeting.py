"""WebSockets to strangers: the first message, the refusals, and everything that is neither."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Callable

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from botkit.outbound import Answered, Exchange, Failed, FailureKind, OutboundClient, Phase, Stream
from tests.outbound.conftest import Canary
from tests.outbound.standins import CANARY, INTERNET, Authority, Listeners, NameTable, Script, closed_port, says, silent

TOKEN = "a-token-that-nobody-may-see"
REFUSED = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nno such r"


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def speaking(*events: Event, heard: asyncio.Queue[Event] | None = None, heads: list[bytes] | None = None) -> Script:
    """A script: accept the upgrade, say these things, listen to the end."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = WSConnection(ConnectionType.SERVER)
        head = await reader.readuntil(b"\r\n\r\n")
        if heads is not None:
            heads.append(head)
        connection.receive_data(head)
        list(connection.events())
        writer.write(connection.send(AcceptConnection()))
        writer.write(b"".join(connection.send(event) for event in events))
        while data := await reader.read(4096):
            connection.receive_data(data)
            for event in connection.events():
                if heard is not None:
                    heard.put_nowait(event)
        writer.close()

    return script


async def until(heard: asyncio.Queue[Event], kind: type[Event]) -> list[Event]:
    """What was heard up to the first event of a kind, that one included."""
    events: list[Event] = []
    async with asyncio.timeout(20):
        while not events or not isinstance(events[-1], kind):
            events.append(await heard.get())
    return events


@pytest.fixture
async def greet(
    client: OutboundClient, listeners: Listeners, names: NameTable, authority: Authority
) -> Callable[..., asyncio.Future[Exchange]]:
    """Greet whatever plays a script at wss.test."""
    names.name("wss.test", INTERNET)

    async def ask(script: Script, *, farewell: bytes = b"", limit: float = 20) -> Exchange:
        port = await listeners.serve(script, tls=authority.context("wss.test"))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return await client.greet(
            f"https://wss.test:{port}/rtc?a=b", headers=headers, farewell=farewell, deadline=soon(limit)
        )

    return ask


Greet = Callable[..., asyncio.Future[Exchange]]


async def test_the_first_binary_message_is_taken_and_answered(greet: Greet) -> None:
    """Over TLS, with the headers given; the farewell is said and the WebSocket closed in order."""
    heard: asyncio.Queue[Event] = asyncio.Queue()
    heads: list[bytes] = []
    exchange = await greet(speaking(BytesMessage(b"welcome"), heard=heard, heads=heads), farewell=b"bye")
    assert isinstance(exchange, Answered)
    assert (exchange.response.status, exchange.response.body) == (101, b"welcome")
    assert heads[0].startswith(b"GET /rtc?a=b HTTP/1.1\r\n")
    assert f"Authorization: Bearer {TOKEN}".encode() in heads[0]
    assert exchange.connection.certificate is not None
    said = await until(heard, CloseConnection)
    assert [event.data for event in said if isinstance(event, BytesMessage)] == [b"bye"]


async def test_a_message_in_pieces_is_put_together(greet: Greet) -> None:
    """Fragments count as one message; a ping in between is answered."""
    heard: asyncio.Queue[Event] = asyncio.Queue()
    parts = (BytesMessage(b"wel", message_finished=False), Ping(b"there?"), BytesMessage(b"come"))
    exchange = await greet(speaking(*parts, heard=heard))
    assert isinstance(exchange, Answered)
    assert exchange.response.body == b"welcome"
    (pong,) = await until(heard, Pong)
    assert isinstance(pong, Pong)
    assert pong.payload == b"there?"


@pytest.mark.parametrize("event", [TextMessage("welcome"), CloseConnection(1000)])
async def test_another_beginning_is_no_message(greet: Greet, event: Event) -> None:
    """Text, or a close: the upgrade worked, and nothing was said."""
    exchange = await greet(speaking(event))
    assert isinstance(exchange, Answered)
    assert (exchange.response.status, exchange.response.body) == (101, b"")


async def test_a_refusal_is_an_answer(greet: Greet) -> None:
    """Status, headers and body of whoever does not upgrade; a redirect is one, and not followed."""
    exchange = await greet(says(REFUSED))
    assert isinstance(exchange, Answered)
    assert (exchange.response.status, exchange.response.body) == (404, b"no such r")
    assert exchange.response.header("Content-Type") == "text/plain"
    moved = await greet(says(b"HTTP/1.1 307 Moved\r\nLocation: https://127.0.0.1/\r\nConnection: close\r\n\r\n"))
    assert isinstance(moved, Answered)
    assert (moved.response.status, moved.response.header("location")) == (307, "https://127.0.0.1/")


def _accepting(rest: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
        )
        proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        upgrade = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        writer.write(upgrade + proof + b"\r\n\r\n" + rest)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return script


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), FailureKind.HTTP_PROTOCOL),
        (says(b"HTTP/1.1 101 Sure\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), FailureKind.HTTP_PROTOCOL),
        (says(b""), FailureKind.HTTP_DISCONNECTED),
        (_accepting(b""), FailureKind.HTTP_DISCONNECTED),
        (_accepting(b"\x82\x7f" + (1 << 40).to_bytes(8, "big") + b"x" * 200_000), FailureKind.HTTP_PROTOCOL),
        (says(b"HTTP/1.1 101 X\r\n" + b"a: " + b"b" * 400_000), FailureKind.HTTP_PROTOCOL),
    ],
    ids=["no-http", "no-proof", "closed", "closed-after-upgrade", "endless-message", "endless-header"],
)
async def test_what_is_neither_is_a_failure(
    greet: Greet, script: Script, kind: FailureKind, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is told apart, within the bounds, and the token stands in no text."""
    caplog.set_level(logging.DEBUG)
    exchange = await greet(script)
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is kind
    assert exchange.failure.phase is Phase.HTTP
    assert TOKEN not in repr(exchange) + caplog.text


async def test_silence_ends_with_the_time(greet: Greet) -> None:
    """Whoever takes the request and says nothing is a time-out of HTTP."""
    exchange = await greet(silent, limit=1.0)
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.HTTP_TIMEOUT
    assert exchange.elapsed_ms < 5000


async def test_forbidden_ground_is_not_greeted(client: OutboundClient, names: NameTable, canary: Canary) -> None:
    """The address policy holds for WebSockets and for bare connections, by name and by literal."""
    names.name("inside.test", CANARY)
    for host in ("inside.test", CANARY):
        url = f"https://{host}:{canary.port}/"
        exchange = await client.greet(url, headers={}, farewell=b"", deadline=soon(20))
        assert isinstance(exchange, Failed)
        assert exchange.failure.kind in (FailureKind.PRIVATE_NAME, FailureKind.PRIVATE_LITERAL)
        opened = await client.open(url, deadline=soon(20))
        assert not isinstance(opened, Stream)
    assert canary.connections == []


async def test_a_bare_connection_carries_bytes(
    client: OutboundClient, listeners: Listeners, authority: Authority, names: NameTable
) -> None:
    """With TLS, both ways, until it is closed; failures are values."""
    names.name("bare.test", INTERNET)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data.upper())

    port = await listeners.serve(echo, tls=authority.context("bare.test"))
    stream = await client.open(f"https://bare.test:{port}/", deadline=soon(20))
    assert isinstance(stream, Stream)
    await stream.write(b"hello")
    assert await stream.read() == b"HELLO"
    stream.close()
    refused = await client.open(f"https://bare.test:{closed_port()}/", deadline=soon(20))
    assert not isinstance(refused, Stream)
    assert refused.kind is FailureKind.CONNECT_REFUSED
    wrong = await client.open(f"https://{INTERNET}:{port}/", deadline=soon(20))
    assert not isinstance(wrong, Stream)
    assert wrong.kind is FailureKind.TLS_HOSTNAME


async def test_the_user_agent_is_that_of_every_request(
    make_client: Callable[..., OutboundClient], listeners: Listeners, names: NameTable, authority: Authority
) -> None:
    """Filters that refuse an empty user agent let WebSockets in as they let all else in."""
    names.name("wss.test", INTERNET)
    heads: list[bytes] = []
    port = await listeners.serve(speaking(BytesMessage(b"welcome"), heads=heads), tls=authority.context("wss.test"))
    for agent in (None, "checker/1"):
        greeting = make_client(user_agent=agent).greet(
            f"https://wss.test:{port}/rtc", headers={}, farewell=b"", deadline=soon(20)
        )
        assert isinstance(await greeting, Answered)
    assert [head.count(b"\r\nUser-Agent: ") for head in heads] == [1, 1]
    assert b"\r\nUser-Agent: foci-bot\r\n" in heads[0]
    assert b"\r\nUser-Agent: checker/1\r\n" in heads[1]
