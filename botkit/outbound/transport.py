"""One HTTP request over one fresh connection, bounded in size, with no redirect followed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import (
    ClientHandlerType,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from aiohttp.connector import Connection

from botkit.messages.sanitise import quoted
from botkit.outbound.attempt import CURRENT, Attempt
from botkit.outbound.dial import Dialler, PinnedResolver
from botkit.outbound.endpoint import ADDRESSES_PER_FAMILY, Endpoint, shortlist
from botkit.outbound.model import Response
from botkit.outbound.url import Url

# Replaces an IP literal in the URL, since the connector asks its resolver about names only.
_LITERAL_ALIAS = "literal.invalid"
_HAPPY_EYEBALLS_DELAY = 0.25
_HEAD_LIMIT = 128 * 1024
_LINE_LIMIT = 16 * 1024
_FIELD_LIMIT = 32 * 1024
_READ_SIZE = 32 * 1024
# Chunked coding can blow a body up: so many times max_body may arrive in all. Chunks of a byte cost the most to take.
_WIRE_FACTOR = 2
# Compressions that a client may know; only gzip is asked for, and aiohttp decodes others where it finds a library.
_UNASKED_CODINGS = frozenset({"br", "compress", "dcb", "dcz", "x-compress", "x-gzip", "zstd"})
_LONGEST_CODING = 40
_BODILESS = frozenset({204, 304})


class TooLargeError(Exception):
    """The body is, or says that it is, longer than allowed."""


class CodingError(Exception):
    """The body comes in a content encoding that cannot be read; the text names it."""


class UpgradeError(Exception):
    """The other side switched protocols without being asked."""


class HttpTransport:
    """
    Carries requests. One per client; closing it ends every connection.

    Args:
        dialler: opens the sockets.
        max_body: bytes after decompression.
        user_agent: of every request that brings no other.
    """

    def __init__(self, *, dialler: Dialler, max_body: int, user_agent: str) -> None:
        self._dialler = dialler
        self._max_body = max_body
        self._headers = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": user_agent}
        self._session: ClientSession | None = None

    @property
    def head_limit(self) -> int:
        """Bytes that may arrive before the end of the response's header, TLS handshake included."""
        return _HEAD_LIMIT

    @property
    def wire_limit(self) -> int:
        """Bytes that may arrive in all."""
        return _HEAD_LIMIT + self._max_body * _WIRE_FACTOR

    async def close(self) -> None:
        """End every connection."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def carry(
        self,
        method: str,
        target: Url,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        attempt: Attempt,
        endpoints: tuple[Endpoint, ...],
    ) -> Response:
        """
        Send one request to the first endpoint that can be connected and read the answer.

        Raises:
            TooLargeError, CodingError, UpgradeError, aiohttp.ClientError, OSError, ValueError: there is no answer.
        """
        attempt.endpoints = shortlist(endpoints)
        attempt.connect_at = attempt.clock()
        token = CURRENT.set(attempt)
        try:
            return await self._request(method, target, headers, body, attempt)
        finally:
            CURRENT.reset(token)

    async def _request(
        self, method: str, target: Url, headers: Mapping[str, str], body: bytes | None, attempt: Attempt
    ) -> Response:
        url, name = target.url, None
        all_headers = {**self._headers, **headers}
        if target.host.literal:
            url, name = url.with_host(_LITERAL_ALIAS), target.host.name
            all_headers["Host"] = target.host_header
        try:
            response = await self._open_session().request(
                method,
                url,
                headers=all_headers,
                data=body,
                allow_redirects=False,
                server_hostname=name,
                ssl=attempt.tls or True,
            )
            try:
                return Response(response.status, _headers(response), await self._body(method, response, attempt))
            finally:
                response.close()
        except (ClientResponseError, ClientPayloadError) as error:
            if "decode content-encoding" in str(error):
                raise _unreadable(error) from error
            raise

    async def _body(self, method: str, response: ClientResponse, attempt: Attempt) -> bytes:
        if response.status == 101:
            raise UpgradeError
        if method == "HEAD" or response.status in _BODILESS:
            return b""
        codings = response.headers.get("Content-Encoding", "").lower().split(",")
        if len(codings) > 1 or codings[0].strip() in _UNASKED_CODINGS:
            raise _unasked(response.headers["Content-Encoding"])
        announced = response.content_length
        if announced is not None and announced > self._max_body:
            raise TooLargeError(f"the body is announced with {announced} bytes, more than the {self._max_body} allowed")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._max_body:
                raise TooLargeError(f"the body is longer than the {self._max_body} bytes allowed")
        # aiohttp takes a body that only the connection's end delimits for whole, however that came about.
        if announced is None and attempt.read_error is not None and "Transfer-Encoding" not in response.headers:
            raise ConnectionResetError(attempt.read_error, "connection lost")
        return bytes(body)

    def _open_session(self) -> ClientSession:
        if self._session is None:
            connector = TCPConnector(
                resolver=PinnedResolver(),
                use_dns_cache=False,
                socket_factory=self._dialler.open,
                force_close=True,
                limit=0,
                happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY,
                # As many as are tried: then the connector gives up after one round, whose failures are recorded.
                interleave=ADDRESSES_PER_FAMILY,
            )
            self._session = ClientSession(
                connector=connector,
                cookie_jar=DummyCookieJar(),
                trust_env=False,
                # The caller's deadline is the only clock; aiohttp would round longer ones up to whole seconds.
                timeout=ClientTimeout(total=None, sock_connect=None),
                read_bufsize=_READ_SIZE,
                max_line_size=_LINE_LIMIT,
                max_field_size=_FIELD_LIMIT,
                response_class=_NotingResponse,
                middlewares=(_send_once,),
            )
        return self._session


def _unasked(coding: str) -> CodingError:
    named = quoted(coding, _LONGEST_CODING)
    return CodingError(f"the body comes with Content-Encoding {named}, though only gzip was asked for")


def _unreadable(error: Exception) -> CodingError:
    """A coding that the HTTP client lacks a library for, and names in brackets; else a body that is not in its own."""
    missing = re.search(r"\((br|zstd)\)", str(error))
    if missing:
        return _unasked(missing[1])
    return CodingError("the body is not in the content encoding that it announces")


class SentOnceError(Exception):
    """The connection was lost after the request was sent; the cause says how."""


class _NotingResponse(ClientResponse):
    """A response that reports to the current attempt when its header has been read."""

    async def start(self, connection: Connection) -> ClientResponse:
        response = await super().start(connection)
        attempt = CURRENT.get()
        if attempt is not None:
            attempt.head_read = True
        return response


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    # aiohttp would send an idempotent request a second time, on a fresh connection too.
    try:
        return await handler(request)
    except (ClientOSError, ServerDisconnectedError) as error:
        raise SentOnceError from error


def _headers(response: ClientResponse) -> dict[str, tuple[str, ...]]:
    headers: dict[str, tuple[str, ...]] = {}
    for raw_name, raw_value in response.raw_headers:
        name = raw_name.decode("latin-1").lower()
        headers[name] = (*headers.get(name, ()), raw_value.decode("utf-8", "replace"))
    return headers
