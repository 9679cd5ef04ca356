"""Requests to strangers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from botkit.outbound.dial import Dialler
from botkit.outbound.dns import Resolution, Resolver, SrvRecord, SrvResolver
from botkit.outbound.endpoint import parse_routes
from botkit.outbound.fair_slots import FairSlots
from botkit.outbound.fetcher import Fetcher, Request
from botkit.outbound.model import ConnectionFacts, Exchange, Failed, Failure, FailureKind, Phase
from botkit.outbound.policy import AddressPolicy
from botkit.outbound.settings import OutboundSettings
from botkit.outbound.stream import Stream


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class OutboundClient:
    """
    Fetches what strangers name: addresses judged where the socket is opened, everything bounded, no
    redirect followed, no cookie kept, no proxy asked.

    Args:
        settings: limits and exceptions.
        now: the time of day, for what is said about certificates.

    Raises:
        ValueError: the settings' ``ca_file`` cannot be used; the text names it.
    """

    def __init__(self, settings: OutboundSettings, *, now: Callable[[], datetime] = utc_now) -> None:
        policy = AddressPolicy(settings.allow_private)
        self._timeout = settings.timeout
        self._concurrency = settings.concurrency
        self._slots = FairSlots(settings.concurrency)
        self._families: set[int] = set()
        resolver = Resolver(
            nameservers=settings.nameservers,
            routes=parse_routes(settings.connect_to),
            policy=policy,
            timeout=settings.timeout,
            search=False,
        )
        self._services = SrvResolver(settings.nameservers, settings.timeout)
        self._fetcher = Fetcher(settings, resolver=resolver, dialler=Dialler(policy, self._families.add), now=now)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End every connection and look-up; what is under way fails."""
        await self._fetcher.close()
        await self._services.close()

    def families_reached(self) -> frozenset[int]:
        """The address families (4, 6) over which a TCP connection to any host ever came up."""
        return frozenset(self._families)

    async def resolve(self, host: str, port: int, *, deadline: float) -> Resolution:
        """
        The addresses of a host, judged. Every outcome is a `Resolution`.

        Args:
            host: a name or an IP literal.
            port: the port that will be connected to.
            deadline: loop time after which a time-out is reported.
        """
        return await self._fetcher.resolve(host, port, deadline=deadline)

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline: float,
        resolution: Resolution | None = None,
        timeout: float | None = None,
    ) -> Exchange:
        """
        Send one request. Every outcome is an `Exchange`; only cancellation raises.

        The request's own time-out starts when one of the ``concurrency`` slots is free, so that no
        server is reported for a queue here; ``deadline`` holds for the wait as well. Slots are shared out between
        parties (``one_party``), so that no one's black holes hold up the others.

        Args:
            deadline: loop time after which the phase that was reached is reported as timed out.
            resolution: from `resolve` for the same host and port, to save a second look-up or to ask one address.
            timeout: seconds for this request, in place of the settings' own.
        """
        request = Request(method, url, headers or {}, body)

        async def send(limit: float) -> Exchange:
            return await self._fetcher.fetch(request, deadline=limit, resolution=resolution)

        return await self._in_turn(method, url, deadline, send, timeout)

    async def greet(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        farewell: bytes,
        deadline: float,
    ) -> Exchange:
        """
        Open a WebSocket, take the first binary message, send ``farewell`` and close it.

        The response has the status 101 and the message as its body (empty if the other side began with something
        else), or it is the refusal of the upgrade. Bounds, slots and address policy are those of ``fetch``.

        Args:
            url: an https URL, the other arguments as for ``fetch``.
            farewell: a binary message; empty to send none.
        """
        request = Request("GET", url, headers)

        async def send(limit: float) -> Exchange:
            return await self._fetcher.greet(request, farewell, deadline=limit)

        return await self._in_turn("GET", url, deadline, send)

    async def open(self, url: str, *, deadline: float) -> Stream | Failure:
        """
        A connection to where a URL leads, with TLS for https, under the address policy; the caller closes it.

        What may arrive on it is bounded as a response is. ``deadline`` is for the opening alone.
        """
        return await self._fetcher.open(url, deadline=deadline)

    async def services(self, name: str, *, deadline: float) -> tuple[SrvRecord, ...] | None:
        """The SRV records of a name, most preferred first; None when DNS did not say."""
        return await self._services.look_up(name, deadline=deadline)

    async def _in_turn(
        self,
        method: str,
        url: str,
        deadline: float,
        send: Callable[[float], Awaitable[Exchange]],
        timeout: float | None = None,
    ) -> Exchange:
        loop = asyncio.get_running_loop()
        queued = loop.time()
        try:
            async with asyncio.timeout_at(deadline):
                party = await self._slots.acquire()
        except TimeoutError:
            return self._unsent(method, url, loop.time() - queued)
        try:
            if loop.time() >= deadline:
                return self._unsent(method, url, loop.time() - queued)
            return await send(min(loop.time() + (self._timeout if timeout is None else timeout), deadline))
        finally:
            self._slots.release(party)

    def _unsent(self, method: str, url: str, waited: float) -> Failed:
        detail = f"queue: no time left after waiting {waited:.1f} s for one of {self._concurrency} slots"
        failure = Failure(FailureKind.LOCAL_FAULT, Phase.ADDRESS, detail)
        return Failed(method, url, waited * 1000, ConnectionFacts(), failure)
