"""Requests to strangers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from publicsuffixlist import PublicSuffixList

from botkit.identifiers import parse_server_name, server_of
from botkit.outbound.budget import Budgets, Payer, Purpose
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
        clock: monotonic seconds, for what may be asked of one host.

    Raises:
        ValueError: the settings' ``ca_file`` cannot be used; the text names it.
    """

    def __init__(
        self,
        settings: OutboundSettings,
        *,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        policy = AddressPolicy(settings.allow_private)
        self._timeout = settings.timeout
        self._concurrency = settings.concurrency
        self._slots = FairSlots(settings.concurrency)
        self._families: set[int] = set()
        self._suffixes: PublicSuffixList | None = None
        budgets = Budgets(settings.per_destination, clock, self.registrable)
        resolver = Resolver(
            nameservers=settings.nameservers,
            routes=parse_routes(settings.connect_to),
            policy=policy,
            timeout=settings.timeout,
            search=False,
            budgets=budgets,
            names_private=settings.names_private,
        )
        self._services = SrvResolver(settings.nameservers, settings.timeout, budgets)
        dialler = Dialler(policy, self._families.add, budgets)
        self._fetcher = Fetcher(settings, resolver=resolver, dialler=dialler, now=now, budgets=budgets)

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

    def registrable(self, name: str) -> str:
        """The registrable domain of a name (Public Suffix List); of a public suffix the name itself."""
        if self._suffixes is None:
            self._suffixes = PublicSuffixList()
        bare = name.rstrip(".").lower()
        return self._suffixes.privatesuffix(bare) or bare

    def payer(self, purpose: Purpose, user_id: str) -> Payer:
        """On whose behalf a user has hosts asked: all of a registrable domain, accounts cost its owner nothing."""
        server = server_of(user_id)
        try:
            host = parse_server_name(server).host
        except ValueError:
            host = server
        return Payer(purpose, self.registrable(host))

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
        try:
            async with self._slot(deadline):
                return await self._fetcher.resolve(host, port, deadline=deadline)
        except _NoSlotError as error:
            return Resolution(host, port, (), (), _queued(error), error.waited * 1000)

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
        try:
            async with self._slot(deadline):
                return await self._services.look_up(name, deadline=deadline)
        except _NoSlotError:
            return None

    async def _in_turn(
        self,
        method: str,
        url: str,
        deadline: float,
        send: Callable[[float], Awaitable[Exchange]],
        timeout: float | None = None,
    ) -> Exchange:
        loop = asyncio.get_running_loop()
        try:
            async with self._slot(deadline):
                return await send(min(loop.time() + (self._timeout if timeout is None else timeout), deadline))
        except _NoSlotError as error:
            return Failed(method, url, error.waited * 1000, ConnectionFacts(), _queued(error))

    @asynccontextmanager
    async def _slot(self, deadline: float) -> AsyncIterator[None]:
        """
        One of the ``concurrency`` slots.

        Raises:
            _NoSlotError: the deadline passed first.
        """
        loop = asyncio.get_running_loop()
        queued = loop.time()
        try:
            async with asyncio.timeout_at(deadline):
                party = await self._slots.acquire()
        except TimeoutError:
            raise _NoSlotError(loop.time() - queued, self._concurrency) from None
        try:
            if loop.time() >= deadline:
                raise _NoSlotError(loop.time() - queued, self._concurrency)
            yield
        finally:
            self._slots.release(party)


class _NoSlotError(Exception):
    """No slot was free in time; ``waited`` is in seconds."""

    def __init__(self, waited: float, slots: int) -> None:
        super().__init__(f"queue: no time left after waiting {waited:.1f} s for one of {slots} slots")
        self.waited = waited


def _queued(error: _NoSlotError) -> Failure:
    return Failure(FailureKind.LOCAL_FAULT, Phase.ADDRESS, str(error))
