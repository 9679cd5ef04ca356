"""HTTP: what is sent, what comes back, and every bound on it."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from botkit.outbound import Answered, Exchange, Failed, FailureKind, OutboundClient, Phase
from lab.loopback import BLOCK
from tests.outbound.conftest import Fetch
from tests.outbound.standins import INTERNET, OK, Authority, Listeners, NameTable, Script, says, silent

NAME = "good.test"
MAX_BODY = 65536

Visit = Callable[..., Any]


@pytest.fixture(autouse=True)
def named(names: NameTable) -> None:
    names.name(NAME, INTERNET)


@pytest.fixture
def visit(fetch: Fetch, listeners: Listeners, authority: Authority) -> Visit:
    """Fetch once from a TLS listener that plays this script."""

    async def once(script: Script, path: str = "/", **arguments: Any) -> Exchange:
        port = await listeners.serve(script, tls=authority.context(NAME))
        return await fetch(f"https://{NAME}:{port}{path}", **arguments)

    return once


def kind(exchange: Exchange) -> FailureKind:
    assert isinstance(exchange, Failed), exchange
    assert exchange.failure.phase is Phase.HTTP
    assert exchange.connection.phase is Phase.HTTP
    assert exchange.failure.detail.isprintable()
    assert len(exchange.failure.detail) <= 200
    return exchange.failure.kind


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def pours(head: bytes, chunk: bytes, total: int = 16 << 20) -> Script:
    """A script: answer with this head, then pour the same chunk again and again, up to so many bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        for _ in range(total // len(chunk)):
            if writer.is_closing():
                return
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)
        await silent(reader, writer)

    return script


async def test_the_request_is_plain_and_says_who_asks(visit: Visit) -> None:
    """Host with port, gzip only, a user agent, the caller's headers, no cookie, no surprise."""
    seen: list[bytes] = []
    exchange = await visit(says(OK, seen=seen), "/a//b?c=%20d", headers={"Origin": "https://element.example"})
    assert isinstance(exchange, Answered)
    lines = seen[0].decode().split("\r\n")
    port = exchange.url.split(":")[2].split("/")[0]
    assert lines[0] == "GET /a//b?c=%20d HTTP/1.1"
    assert f"Host: {NAME}:{port}" in lines
    assert "Accept-Encoding: gzip" in lines
    assert "Origin: https://element.example" in lines
    assert len([line for line in lines if line.startswith("User-Agent: ")]) == 1
    assert not [line for line in lines if line.startswith(("Cookie", "Authorization", "Referer"))]


async def test_a_body_is_posted(visit: Visit) -> None:
    """POST carries the bytes and the headers given."""
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"{}"))
        writer.write(OK)
        await writer.drain()

    exchange = await visit(script, method="POST", body=b"{}", headers={"Content-Type": "application/json"})
    assert isinstance(exchange, Answered)
    assert b"Content-Length: 2\r\n" in seen[0]
    assert b"Content-Type: application/json\r\n" in seen[0]


async def test_the_configured_user_agent_is_sent(
    make_client: Callable[..., OutboundClient], listeners: Listeners
) -> None:
    """An administrator may say who asks."""
    seen: list[bytes] = []
    port = await listeners.serve(says(OK, seen=seen))
    await make_client(user_agent="checker/1").fetch("GET", f"http://{INTERNET}:{port}/", deadline=soon(20))
    assert b"User-Agent: checker/1\r\n" in seen[0]


async def test_repeated_headers_are_all_kept_and_always_encodable(visit: Visit) -> None:
    """Every value sent is there, in order, under the lower-case name; broken bytes are replaced."""
    answer = OK.replace(
        b"\r\n\r\n", b"\r\nAccess-Control-Allow-Origin: *\r\nACCESS-control-allow-origin: \xff x\r\n\r\n"
    )
    exchange = await visit(says(answer))
    assert isinstance(exchange, Answered)
    assert exchange.response.headers["access-control-allow-origin"] == ("*", "\ufffd x")
    assert exchange.response.header("Access-Control-Allow-Origin") == "*"


@pytest.mark.parametrize("status", [200, 204, 301, 304, 401, 404, 500, 502, 599])
async def test_every_status_is_a_response(visit: Visit, status: int) -> None:
    """The status is the caller's business."""
    exchange = await visit(says(b"HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n" % status))
    assert isinstance(exchange, Answered)
    assert exchange.response.status == status


async def test_no_redirect_is_followed(visit: Visit, listeners: Listeners) -> None:
    """A redirect is an answer like any other; its target hears nothing."""
    seen: list[bytes] = []
    port = await listeners.serve(says(OK, seen=seen))
    target = f"http://{INTERNET}:{port}/"
    exchange = await visit(says(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()))
    assert isinstance(exchange, Answered)
    assert exchange.response.status == 302
    assert exchange.response.header("location") == target
    assert seen == []


async def test_a_head_response_has_no_body(visit: Visit) -> None:
    """HEAD may announce any length and sends none of it."""
    exchange = await visit(says(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"), method="HEAD")
    assert isinstance(exchange, Answered)
    assert exchange.response.body == b""


async def test_gzip_is_decoded(visit: Visit) -> None:
    """The body is what the other side meant."""
    body = gzip.compress(b"x" * 50_000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    exchange = await visit(says(answer))
    assert isinstance(exchange, Answered)
    assert exchange.response.body == b"x" * 50_000


async def test_a_body_of_exactly_the_limit_is_read(visit: Visit) -> None:
    """The bound is what it says, to the byte."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    exchange = await visit(says(head % MAX_BODY + b"x" * MAX_BODY))
    assert isinstance(exchange, Answered)
    assert len(exchange.response.body) == MAX_BODY
    assert kind(await visit(says(head % (MAX_BODY + 1) + b"x" * (MAX_BODY + 1)))) is FailureKind.BODY_TOO_LARGE


async def test_an_announced_flood_is_refused_unread(visit: Visit) -> None:
    """A Content-Length over the limit is enough."""
    exchange = await visit(pours(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x"))
    assert kind(exchange) is FailureKind.BODY_TOO_LARGE
    assert exchange.elapsed_ms < 5000


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (b"1;" + b"e" * 4000 + b"\r\nx\r\n") * 16),
    ],
)
async def test_an_unannounced_flood_is_cut(visit: Visit, head: bytes, chunk: bytes) -> None:
    """Endless bodies, small chunks and padded chunks end at the limit."""
    exchange = await visit(pours(head, chunk))
    assert kind(exchange) in (FailureKind.BODY_TOO_LARGE, FailureKind.HTTP_PROTOCOL)


async def test_a_decompression_bomb_is_cut(visit: Visit) -> None:
    """A gzip body is bounded by what it unpacks to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = packer.compress(bytes(1 << 20))
    bomb = zeros + b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer += b"%x\r\n" % len(bomb) + bomb + b"\r\n0\r\n\r\n"
    assert kind(await visit(says(answer))) is FailureKind.BODY_TOO_LARGE


@pytest.mark.parametrize("coding", ["br", "zstd", "x-gzip", "compress", "gzip, gzip", "gzip,br", "GZIP , BR"])
async def test_a_coding_that_was_not_asked_for_is_not_undone(visit: Visit, coding: str) -> None:
    """Only gzip is asked for, so whatever libraries are installed, nothing else is decoded or taken for content."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 2\r\n\r\n".encode()
    exchange = await visit(says(head + b"{}"))
    assert kind(exchange) is FailureKind.HTTP_CODING
    assert isinstance(exchange, Failed)
    assert f"comes with Content-Encoding `{coding}`, though only gzip was asked for" in exchange.failure.detail


async def test_what_is_not_in_the_coding_it_announces(visit: Visit) -> None:
    """It is no content, and said to be unreadable."""
    exchange = await visit(says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"))
    assert kind(exchange) is FailureKind.HTTP_CODING
    assert isinstance(exchange, Failed)
    assert "not in the content encoding that it announces" in exchange.failure.detail


@pytest.mark.parametrize("coding", ["identity", "UTF-8", "none", ""])
async def test_a_coding_that_is_none_is_passed_over(visit: Visit, coding: str) -> None:
    """Browsers read such a body as it is, and so does the bot."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 2\r\n\r\n".encode()
    exchange = await visit(says(head + b"{}"))
    assert isinstance(exchange, Answered)
    assert exchange.response.body == b"{}"


async def test_a_gzip_stream_that_unpacks_to_nothing_ends_too(visit: Visit) -> None:
    """Empty deflate blocks without end are stopped by what arrives on the wire."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packer.compress(b"") + packer.flush(zlib.Z_SYNC_FLUSH)
    assert kind(await visit(pours(head, b"\x00\x00\x00\xff\xff" * 5000))) is FailureKind.BODY_TOO_LARGE


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\n", b"X-Padding: " + b"x" * 1000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 1000),
        (b"HTTP/1.1 200 ", b"x" * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: x\r\n" * 100),
    ],
)
async def test_an_endless_head_is_cut(visit: Visit, head: bytes, chunk: bytes) -> None:
    """Interim responses, headers, lines and trailers without end are stopped, well before the time is up."""
    exchange = await visit(pours(head, chunk))
    assert kind(exchange) is FailureKind.HTTP_PROTOCOL
    assert exchange.elapsed_ms < 4000


async def test_interim_responses_are_cut_early(visit: Visit) -> None:
    """A server that only ever hints is stopped by the bound on headers, long before the one on bodies."""
    exchange = await visit(pours(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100))
    assert kind(exchange) is FailureKind.HTTP_PROTOCOL
    assert isinstance(exchange, Failed)
    assert exchange.failure.detail == "the response has more than 128 KiB before the end of the response's header"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"HTTP/9.9 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: minus\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\x00: x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_told(visit: Visit, answer: bytes) -> None:
    """Illegal answers are the protocol's failure, never a status that the server did not send."""
    assert kind(await visit(says(answer))) is FailureKind.HTTP_PROTOCOL


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ],
)
async def test_an_answer_that_breaks_off_is_told(visit: Visit, answer: bytes) -> None:
    """A connection that ends before the answer does is a disconnection."""
    assert kind(await visit(says(answer))) is FailureKind.HTTP_DISCONNECTED


async def _timed_out(visit: Visit, script: Script, words: str) -> Failed:
    """What a deadline ends; a longer one where it was over before the answer began, as on a busy machine."""
    for seconds in (0.6, 6.0, 60.0):
        exchange = await visit(script, deadline=soon(seconds))
        assert isinstance(exchange, Failed)
        if words in exchange.failure.detail:
            break
    return exchange


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "did not send a response within "),
        (b"HTTP/1.1 200 OK\r\nX-A", "did not send a response within "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "did not send the whole response within "),
    ],
)
async def test_silence_is_an_http_timeout(visit: Visit, answer: bytes, words: str) -> None:
    """No answer, half a header or half a body: the deadline ends it, and the detail says which."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await silent(reader, writer)

    exchange = await _timed_out(visit, script, words)
    assert kind(exchange) is FailureKind.HTTP_TIMEOUT
    assert words in exchange.failure.detail
    assert exchange.connection.certificate is not None


async def test_a_dripping_body_ends_at_the_deadline(visit: Visit) -> None:
    """A byte now and then does not keep a request alive."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    exchange = await _timed_out(visit, script, "did not send the whole response within ")
    assert kind(exchange) is FailureKind.HTTP_TIMEOUT


async def test_a_request_is_sent_once(visit: Visit) -> None:
    """A server that hangs up is not asked a second time."""
    seen: list[bytes] = []
    assert kind(await visit(says(b"", seen=seen))) is FailureKind.HTTP_DISCONNECTED
    await asyncio.sleep(0.1)
    assert len(seen) == 1


async def test_each_request_has_its_own_connection(fetch: Fetch, listeners: Listeners) -> None:
    """Keep-alive is not used, so that every fact is of this request."""
    seen: list[bytes] = []
    port = await listeners.serve(says(OK, seen=seen))
    for _ in range(2):
        exchange = await fetch(f"http://{NAME}:{port}/")
        assert exchange.connection.connect_ms is not None
        assert exchange.connection.tls_ms is None
    assert len(seen) == 2


async def test_a_header_that_cannot_be_sent_is_no_exception(visit: Visit) -> None:
    """What the caller took from a stranger and cannot be sent is an outcome too."""
    exchange = await visit(says(OK), headers={"If-None-Match": "a\r\nb"})
    assert isinstance(exchange, Failed)
    assert exchange.failure.kind is FailureKind.LOCAL_FAULT


async def test_a_body_without_length_that_is_reset_is_not_taken_for_whole(fetch: Fetch, listeners: Listeners) -> None:
    """Only an orderly end completes a body that says neither length nor chunks."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(0.1)
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    port = await listeners.serve(script)
    assert kind(await fetch(f"http://{NAME}:{port}/")) is FailureKind.HTTP_DISCONNECTED


async def test_a_body_without_length_ends_with_the_connection(visit: Visit) -> None:
    """HTTP/1.0 manners are understood."""
    exchange = await visit(says(b"HTTP/1.0 200 OK\r\n\r\nwhole"))
    assert isinstance(exchange, Answered)
    assert exchange.response.body == b"whole"


async def test_many_at_once_do_not_mix_up_their_facts(
    client: OutboundClient, names: NameTable, listeners: Listeners
) -> None:
    """Requests in parallel each record their own peer and answer."""
    urls: dict[str, str] = {}
    for number in range(2, 22):
        address = f"{BLOCK}.{number}"
        names.name(f"host{number}.test", address)
        body = address.encode()
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        urls[f"http://host{number}.test:{await listeners.serve(says(answer), host=address)}/"] = address
    exchanges = await asyncio.gather(*(client.fetch("GET", url, deadline=soon(20)) for url in urls))
    for exchange in exchanges:
        assert isinstance(exchange, Answered)
        assert exchange.response.body.decode() == urls[exchange.url] == exchange.connection.peer
