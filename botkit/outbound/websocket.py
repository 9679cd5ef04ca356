"""The opening of a WebSocket up to its first message (RFC 6455), over a stream of ours."""

from __future__ import annotations

from collections.abc import Mapping

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    RejectData,
    Request,
)
from wsproto.utilities import ProtocolError

from botkit.outbound.attempt import Attempt
from botkit.outbound.model import Response
from botkit.outbound.stream import Stream
from botkit.outbound.url import Url

_NORMAL_CLOSURE = 1000


class NotWebSocketError(Exception):
    """The other side does not keep to RFC 6455."""


async def greeting(
    stream: Stream, target: Url, *, headers: Mapping[str, str], farewell: bytes, attempt: Attempt, limit: int
) -> Response:
    """
    Open a WebSocket, take the first binary message, say farewell and close it (RFC 6455).

    Returns:
        Status 101 with the message as its body, empty if another kind of message came; or the refusal.

    Raises:
        NotWebSocketError, OSError: there is neither.
    """
    connection = WSConnection(ConnectionType.CLIENT)
    extra = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    request = Request(host=target.host_header, target=target.url.raw_path_qs, extra_headers=extra)
    opening = _Opening(attempt, limit)
    try:
        await stream.write(connection.send(request))
        while not opening.complete:
            data = await stream.read()
            if not data and not opening.refused:
                raise ConnectionResetError("the connection ended before the first message")
            connection.receive_data(data or None)
            for event in connection.events():
                opening.take(event)
                if isinstance(event, Ping) and not opening.complete:
                    await stream.write(connection.send(event.response()))
        if opening.greeted:
            parting = connection.send(BytesMessage(farewell)) if farewell else b""
            await stream.write(parting + connection.send(CloseConnection(_NORMAL_CLOSURE)))
    except ProtocolError:
        # Its text may quote the other side, which may quote what was sent.
        raise NotWebSocketError from None
    return opening.response


class _Opening:
    """What has come so far: the head of the answer, then the first message or the body of the refusal."""

    def __init__(self, attempt: Attempt, limit: int) -> None:
        self._attempt = attempt
        self._limit = limit
        self._head: Response | None = None
        self._body = bytearray()
        self._last = False
        self.greeted = False

    @property
    def complete(self) -> bool:
        """Whether nothing more is waited for."""
        return self._last

    @property
    def refused(self) -> bool:
        """Whether the head of a refusal has come."""
        return self._head is not None and self._head.status != 101

    @property
    def response(self) -> Response:
        """The answer, once complete."""
        assert self._head is not None  # noqa: S101 - complete means that there is one
        return Response(self._head.status, self._head.headers, bytes(self._body))

    def take(self, event: Event) -> None:
        """Note an event; those after the first message are ignored."""
        if self._last:
            return
        if isinstance(event, (AcceptConnection, RejectConnection)):
            self._head = _head(event)
            self._attempt.head_read = True
        if isinstance(event, (BytesMessage, RejectData)):
            self._body += event.data
        if len(self._body) > self._limit:
            raise NotWebSocketError
        self._last = _is_last(event)
        self.greeted = self._last and isinstance(event, BytesMessage)


def _is_last(event: Event) -> bool:
    if isinstance(event, RejectConnection):
        return not event.has_body
    if isinstance(event, RejectData):
        return event.body_finished
    if isinstance(event, BytesMessage):
        return event.message_finished
    return isinstance(event, (Message, CloseConnection))


def _head(event: AcceptConnection | RejectConnection) -> Response:
    status, raw = (event.status_code, event.headers) if isinstance(event, RejectConnection) else (101, ())
    headers: dict[str, tuple[str, ...]] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("latin-1").lower()
        headers[name] = (*headers.get(name, ()), raw_value.decode("utf-8", "replace"))
    return Response(status, headers, b"")
