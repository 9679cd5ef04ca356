"""One request from its URL to an `Exchange`: resolved, carried within its time, explained when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from aiohttp import ClientError, ClientPayloadError, ClientResponseError, InvalidURL

from botkit.messages.sanitise import clean_line, quoted
from botkit.outbound.attempt import Attempt
from botkit.outbound.budget import Budgets
from botkit.outbound.diagnosis import Diagnosis
from botkit.outbound.dial import Dialler
from botkit.outbound.dns import Resolution, Resolver
from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Answered, Exchange, Failed, Failure, FailureKind, Phase, Response
from botkit.outbound.settings import DEFAULT_USER_AGENT, OutboundSettings
from botkit.outbound.stream import Stream, Streams
from botkit.outbound.tls import GROUPS, TlsContexts
from botkit.outbound.transport import CodingError, HttpTransport, SentOnceError, TooLargeError, UpgradeError
from botkit.outbound.url import Url, UrlError, parse_url
from botkit.outbound.websocket import NotWebSocketError, greeting

logger = logging.getLogger(__name__)

_Outcome = TypeVar("_Outcome")
_Carry = Callable[[Url, Attempt, tuple[Endpoint, ...]], Awaitable[_Outcome]]


@dataclass(frozen=True, slots=True)
class Request:
    """What to send."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


class Fetcher:
    """
    What `OutboundClient` and `HomeserverReader` share.

    Args:
        settings: bounds and trust anchors.
        resolver: looks names up; closed with the fetcher.
        dialler: opens the sockets, under a policy or without.
        now: the time of day, for what is said about certificates.
        budgets: what requests are counted in; None where they are not.

    Raises:
        ValueError: the settings' ``ca_file`` cannot be used.
    """

    def __init__(
        self,
        settings: OutboundSettings,
        *,
        resolver: Resolver,
        dialler: Dialler,
        now: Callable[[], datetime],
        budgets: Budgets | None = None,
    ) -> None:
        self._resolver = resolver
        self._tls = TlsContexts(settings.ca_file)
        self._max_body = settings.max_body
        self._user_agent = settings.user_agent or DEFAULT_USER_AGENT
        self._streams = Streams(dialler)
        self._sender = HttpTransport(
            dialler=dialler,
            max_body=settings.max_body,
            user_agent=self._user_agent,
        )
        self._diagnosis = Diagnosis(now)
        self._budgets = budgets

    async def close(self) -> None:
        """End every connection and look-up."""
        await self._sender.close()
        await self._resolver.close()

    async def resolve(self, host: str, port: int, *, deadline: float) -> Resolution:
        """See `Resolver.resolve`."""
        return await self._resolver.resolve(host, port, deadline=deadline)

    async def fetch(self, request: Request, *, deadline: float, resolution: Resolution | None = None) -> Exchange:
        """Every outcome is an `Exchange`; only cancellation raises. ``deadline`` is loop time."""

        async def carry(target: Url, attempt: Attempt, endpoints: tuple[Endpoint, ...]) -> Response:
            return await self._sender.carry(
                request.method, target, headers=request.headers, body=request.body, attempt=attempt, endpoints=endpoints
            )

        return await self._exchange(request, carry, deadline, resolution)

    async def greet(self, request: Request, farewell: bytes, *, deadline: float) -> Exchange:
        """Open a WebSocket and take its first binary message; see `greeting`. Every outcome is an `Exchange`."""

        async def carry(target: Url, attempt: Attempt, endpoints: tuple[Endpoint, ...]) -> Response:
            stream = await self._streams.open(target, attempt, endpoints)
            try:
                return await greeting(
                    stream,
                    target,
                    headers={"User-Agent": self._user_agent, **request.headers},
                    farewell=farewell,
                    attempt=attempt,
                    limit=self._max_body,
                )
            finally:
                stream.close()

        return await self._exchange(request, carry, deadline, None)

    async def open(self, url: str, *, deadline: float) -> Stream | Failure:
        """Connect to where a URL leads, with TLS for https, and send nothing. Only cancellation raises."""
        try:
            target = parse_url(url)
        except UrlError as error:
            return Failure(error.kind, Phase.ADDRESS, error.detail)
        attempt, opened = await self._agree(target, deadline, None, self._streams.open)
        # A stream has no header of its own that could be too long.
        attempt.head_read = True
        return opened

    def _attempt(self) -> Attempt:
        clock = asyncio.get_running_loop().time
        return Attempt(clock, head_limit=self._sender.head_limit, wire_limit=self._sender.wire_limit)

    async def _agree(
        self,
        target: Url,
        deadline: float,
        resolution: Resolution | None,
        carry: _Carry[_Outcome],
    ) -> tuple[Attempt, _Outcome | Failure]:
        """The outcome, with the next group where the other side has no use for the one before."""
        for group in GROUPS:
            attempt = self._attempt()
            if target.scheme == "https":
                try:
                    attempt.tls = await self._tls.offering(group)
                except (OSError, ValueError) as error:
                    return attempt, self._failed(error, attempt, target)
            else:
                attempt.encrypted = False
            outcome = await self._outcome(target, attempt, deadline, resolution, carry)
            if not attempt.group_refused:
                break
            resolution = attempt.resolution
        return attempt, outcome

    async def _exchange(
        self, request: Request, carry: _Carry[Response], deadline: float, resolution: Resolution | None
    ) -> Exchange:
        attempt = self._attempt()
        started = attempt.clock()
        try:
            target = parse_url(request.url)
        except UrlError as error:
            outcome: Response | Failure = Failure(error.kind, Phase.ADDRESS, error.detail)
        else:
            attempt, outcome = await self._agree(target, deadline, resolution, carry)
        elapsed_ms, connection = (attempt.clock() - started) * 1000, attempt.facts()
        if isinstance(outcome, Failure):
            return Failed(request.method, request.url, elapsed_ms, connection, outcome)
        return Answered(request.method, request.url, elapsed_ms, connection, outcome)

    async def _outcome(
        self,
        target: Url,
        attempt: Attempt,
        deadline: float,
        resolution: Resolution | None,
        carry: _Carry[_Outcome],
    ) -> _Outcome | Failure:
        try:
            async with asyncio.timeout_at(deadline) as limit:
                return await self._answer(target, attempt, deadline, resolution, carry)
        except TimeoutError as error:
            return (
                self._diagnosis.timed_out(attempt, target) if limit.expired() else self._failed(error, attempt, target)
            )
        except (
            TooLargeError,
            CodingError,
            UpgradeError,
            SentOnceError,
            NotWebSocketError,
            ClientError,
            OSError,
            ValueError,
        ) as error:
            return self._failed(error, attempt, target)
        except Exception as error:  # noqa: BLE001 - whatever a stranger provokes in a library is an outcome too
            logger.warning("unexpected %s while fetching in phase %s", type(error).__name__, attempt.phase)
            return self._failed(error, attempt, target)

    async def _answer(
        self,
        target: Url,
        attempt: Attempt,
        deadline: float,
        resolution: Resolution | None,
        carry: _Carry[_Outcome],
    ) -> _Outcome | Failure:
        if resolution is None or (resolution.host, resolution.port) != (target.host.name, target.port):
            resolution = await self._resolver.resolve(target.host.name, target.port, deadline=deadline)
        attempt.resolution = resolution
        if resolution.failure is not None:
            return resolution.failure
        host = target.host
        spent = None if self._budgets is None else self._budgets.request(host.name, literal=host.literal)
        return spent or await carry(target, attempt, resolution.endpoints)

    def _failed(self, error: Exception, attempt: Attempt, target: Url) -> Failure:
        if isinstance(error, TooLargeError):
            return Failure(FailureKind.BODY_TOO_LARGE, Phase.HTTP, str(error))
        if isinstance(error, CodingError):
            return Failure(FailureKind.HTTP_CODING, Phase.HTTP, str(error))
        if isinstance(error, UpgradeError):
            return Failure(
                FailureKind.HTTP_PROTOCOL, Phase.HTTP, "the response switches protocols unasked (status 101)"
            )
        if isinstance(error, NotWebSocketError):
            return Failure(FailureKind.HTTP_PROTOCOL, Phase.HTTP, "the answer does not keep to the WebSocket protocol")
        if isinstance(error, InvalidURL):
            return Failure(FailureKind.URL_INVALID, attempt.phase, "the URL cannot be used")
        if attempt.overrun is not None and attempt.phase is Phase.HTTP:
            kind = FailureKind.BODY_TOO_LARGE if attempt.head_read else FailureKind.HTTP_PROTOCOL
            return Failure(kind, Phase.HTTP, f"the response has {attempt.overrun}")
        if isinstance(error, ClientResponseError):
            return Failure(
                FailureKind.HTTP_PROTOCOL, Phase.HTTP, f"not legal HTTP: {quoted(clean_line(error.message))}"
            )
        if isinstance(error, ClientPayloadError) and not _broken_off(error, attempt):
            return Failure(
                FailureKind.HTTP_PROTOCOL,
                Phase.HTTP,
                f"the response's body is broken: {quoted(clean_line(str(error)))}",
            )
        if isinstance(error, (SentOnceError, ClientError, OSError)):
            return self._diagnosis.failed(error, attempt, target)
        detail = clean_line(f"the request cannot be made ({type(error).__name__})")
        return Failure(FailureKind.LOCAL_FAULT, attempt.phase, detail)


def _broken_off(error: ClientPayloadError, attempt: Attempt) -> bool:
    # The HTTP client hangs up on what it cannot read, and then reports the rest as missing.
    return attempt.peer_closed and str(error).startswith("Response payload is not completed")
