"""The same question to the addresses of a host, so that of several addresses a bad one is seen each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ParamSpec, TypeVar

from botkit.outbound import Endpoint, OutboundClient, Resolution, UrlError, parse_url
from botkit.outbound.model import Answered, Exchange, Failed
from plugins.foci.discovery.standing import Judge, Quality, about_addresses, speaker
from plugins.foci.failure import meaning_of, was_not_asked
from plugins.foci.model import Certainty, Finding

PATIENCE_SHARE = 0.5
"""Share of a request's time that each of several addresses gets at first: a dead one must not hold up every check."""

_LARGE = 16 * 1024
"""Bytes of bodies from which reading them could stall the event loop; no honest document is as long."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def read_apart(
    exchanges: Iterable[Exchange | None], read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """What a pure function reads in answers: in a thread where they are large."""
    size = sum(len(one.response.body) for one in exchanges if isinstance(one, Answered))
    return await asyncio.to_thread(read, *args, **kwargs) if size > _LARGE else read(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What came of it.

    Attributes:
        best: the exchange that speaks for the host.
        at: the one of several addresses that gave it, for further questions; None where there was no choice.
        findings: about addresses that fail while others work.
    """

    best: Exchange
    at: Resolution | None = None
    findings: tuple[Finding, ...] = ()

    def went_elsewhere(self, exchange: Exchange) -> bool:
        """Whether another exchange with the host was with another address than the best."""
        return self.at is not None and exchange.connection.peer != self.at.endpoints[0].address


class EveryAddress:
    """
    Asks the addresses of a host, up to four per family.

    Args:
        timeout: seconds of one request.
    """

    def __init__(self, outbound: OutboundClient, timeout: float) -> None:
        self._outbound = outbound
        self._patience = timeout * PATIENCE_SHARE

    async def resolve(self, url: str, *, deadline: float) -> Resolution | None:
        """The addresses of a URL's host, looked up once for several requests; None if it is no URL."""
        try:
            target = parse_url(url)
        except UrlError:
            return None
        return await self._outbound.resolve(target.host.name, target.port, deadline=deadline)

    async def ask(
        self,
        url: str,
        headers: Mapping[str, str],
        judge: Judge,
        *,
        deadline: float,
        resolution: Resolution | None = None,
    ) -> Asked:
        """
        GET a URL from each address of its host; the best answer counts, of equals the first by address.

        Where no address gives a document or a redirect, those that were silent for their share of the time are asked
        once more, for the whole of it.

        Args:
            judge: what an exchange is worth.
            deadline: loop time at which to give up.
            resolution: of the host, where it is known, or where something else than its name decided.
        """
        try:
            target = parse_url(url)
        except UrlError:
            return Asked(await self._outbound.fetch("GET", url, headers=headers, deadline=deadline))
        if resolution is None:
            resolution = await self._outbound.resolve(target.host.name, target.port, deadline=deadline)
        looked_up_ms = resolution.elapsed_ms

        async def fetch(at: Resolution, timeout: float | None = None) -> Exchange:
            exchange = await self._outbound.fetch(
                "GET", url, headers=headers, deadline=deadline, resolution=at, timeout=timeout
            )
            return replace(exchange, elapsed_ms=exchange.elapsed_ms + looked_up_ms)

        judge = _Remembering(judge)
        places = resolution.shortlist()
        if resolution.failure is not None or len(places) < 2:
            return Asked(await fetch(resolution))
        exchanges = await asyncio.gather(*(fetch(resolution.at(place), self._patience) for place in places))
        found = dict(zip(places, exchanges, strict=True))
        reached = self._outbound.families_reached()
        best = await read_apart(found.values(), speaker, found, judge, reached)
        if judge(found[best]) < Quality.REDIRECT:
            none_answers = _ran_out_of_time(found[best])
            # silence over a family that this machine does not have is not worth to wait for
            tested = [place for place in places if none_answers or place.family in reached]
            late = [place for place in tested if _ran_out_of_time(found[place])]
            again = await asyncio.gather(*(fetch(resolution.at(place)) for place in late))
            found |= zip(late, again, strict=True)
            reached = self._outbound.families_reached()
            best = await read_apart(found.values(), speaker, found, judge, reached)
        unasked = [exchange for exchange in found.values() if was_not_asked(exchange)]
        if unasked and judge(found[best]) < Quality.REDIRECT:
            # what was not asked may work, so what fails decides nothing
            return Asked(unasked[0])
        about = await self._about(target.host.name, found, judge)
        return Asked(found[best], resolution.at(best), tuple(about))

    async def _about(self, host: str, found: Mapping[Endpoint, Exchange], judge: Judge) -> list[Finding]:
        reached = self._outbound.families_reached()
        read = partial(about_addresses, host, patience=self._patience, families_reached=reached)
        return await read_apart(found.values(), read, found, judge)


class _Remembering:
    """A judge that reads each exchange once."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._known: dict[int, tuple[Exchange, Quality]] = {}

    def __call__(self, exchange: Exchange) -> Quality:
        if id(exchange) not in self._known:
            # kept with it, so that no other exchange gets its id
            self._known[id(exchange)] = exchange, self._judge(exchange)
        return self._known[id(exchange)][1]


def _ran_out_of_time(exchange: Exchange) -> bool:
    return isinstance(exchange, Failed) and meaning_of(exchange.failure).certainty is Certainty.TIMEOUT
