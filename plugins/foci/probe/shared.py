"""Observations of services, shared: a service that several servers publish is probed once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from botkit.outbound import Payer, current_party
from botkit.outbound.model import Answered, Exchange, Failed, Failure, FailureKind, Phase, Response
from plugins.foci.probe.further import JUDGED, Further
from plugins.foci.probe.observation import Observation
from plugins.foci.service_url import ServiceUrl

_MOST_KEPT = 2000
_LONGEST_BODY = 4096
"""Bytes of a body: judging looks no further."""

_LARGEST_KEPT = 32 * 1024
"""Bytes of answers, all bodies at their longest and some headers: what is kept of strangers stays small."""


@dataclass(slots=True)
class _Result:
    """One observation: when it was made (seconds that never jump), and who has taken it in."""

    observation: Observation
    at: float
    taken_by: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Flight:
    """One observation under way, and for how many."""

    task: asyncio.Task[Observation]
    waiting: int = 0


class SharedProbes:
    """
    Observes service URLs for many servers.

    A result that is young enough is used again, one under way is waited for. A server never gets the same result
    twice, for then its own check would show nothing new.

    Args:
        observe: makes an observation.
        passed: seconds that never jump.
    """

    def __init__(
        self,
        observe: Callable[[ServiceUrl, float, Further | None], Awaitable[Observation]],
        passed: Callable[[], float],
    ) -> None:
        self._observe = observe
        self._passed = passed
        self._results: OrderedDict[ServiceUrl, _Result] = OrderedDict()
        self._longest = 0.0
        self._flights: dict[tuple[ServiceUrl, tuple[Payer, ...]], _Flight] = {}

    async def observe(
        self,
        url: ServiceUrl,
        *,
        server: str,
        probe: str,
        max_age: float,
        deadline: float,
        known: Further | None = None,
    ) -> Observation:
        """
        An observation; it names the check that made it.

        Args:
            server: for whom.
            probe: the name of that server's check, for a new observation.
            max_age: seconds; what is as old or older is not used again.
            deadline: loop time. Waiting for an observation ends then, with one that proves nothing.
            known: what a new observation need not ask for.
        """
        self._longest = max(self._longest, max_age)
        young = self._results.get(url)
        if young is not None and self._passed() - young.at < max_age and server not in young.taken_by:
            young.taken_by.add(server)
            return young.observation
        party = current_party()
        # What one payer's budget does not allow, another's may.
        place = url, () if party is None else party.payers
        flight = self._flights.get(place)
        if flight is None:
            flight = _Flight(asyncio.ensure_future(self._made(url, probe, deadline, known)))
            self._flights[place] = flight
            # The observation ends by its own deadline; cancelling it from here would lose what was seen until then.
            observation: Observation | None = await self._shared(place, flight, None)
        else:
            observation = await self._shared(place, flight, deadline)
        if observation is None:
            return _given_up(url, probe)
        result = self._results.get(url)
        if result is not None and result.observation is observation:
            result.taken_by.add(server)
        return observation

    async def close(self) -> None:
        """End what is under way."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _shared(
        self, place: tuple[ServiceUrl, tuple[Payer, ...]], flight: _Flight, deadline: float | None
    ) -> Observation | None:
        """Wait with the others; the last to leave without a result cancels it."""
        flight.waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(flight.task)
        except TimeoutError:
            return None
        finally:
            flight.waiting -= 1
            if not flight.waiting and self._flights.get(place) is flight:
                del self._flights[place]
                flight.task.cancel()

    async def _made(self, url: ServiceUrl, probe: str, deadline: float, known: Further | None) -> Observation:
        """
        A new observation without what no judgement reads.

        Kept if no deadline cut it short and its headers are not too many.
        """
        seen = await self._observe(url, deadline, known)
        observation = replace(_cut(seen), probe=probe)
        if observation.unasked is not None:
            return observation
        now = self._passed()
        self._results.pop(url, None)
        if asyncio.get_running_loop().time() < deadline and _size(seen) <= _LARGEST_KEPT:
            self._results[url] = _Result(observation, now)
        # what is too old for every server serves nobody any longer
        while self._results and (len(self._results) > _MOST_KEPT or now - _first(self._results).at >= self._longest):
            self._results.popitem(last=False)
        return observation


def _first(results: OrderedDict[ServiceUrl, _Result]) -> _Result:
    return next(iter(results.values()))


def _given_up(url: ServiceUrl, probe: str) -> Observation:
    failure = Failure(FailureKind.LOCAL_FAULT, Phase.ADDRESS, "no time left to wait for a running probe")
    return Observation(url, (), failure, 0.0, {}, probe=probe)


def _cut(observation: Observation) -> Observation:
    return replace(
        observation,
        main={endpoint: _shortened(exchange) for endpoint, exchange in observation.main.items()},
        preflight=observation.preflight and _shortened(observation.preflight),
        get_token=observation.get_token and _shortened(observation.get_token),
        health=observation.health and _shortened(observation.health),
        clean=observation.clean and _shortened(observation.clean),
        root=observation.root and _shortened(observation.root),
        validate=observation.validate and _shortened(observation.validate),
    )


def _shortened(exchange: Exchange) -> Exchange:
    if isinstance(exchange, Failed):
        return exchange
    response = exchange.response
    headers = {name: values for name, values in response.headers.items() if name in JUDGED}
    return replace(exchange, response=Response(response.status, headers, response.body[:_LONGEST_BODY]))


def _size(observation: Observation) -> int:
    exchanges = (*observation.main.values(), *observation.further)
    return sum(_weight(exchange.response) for exchange in exchanges if isinstance(exchange, Answered))


def _weight(response: Response) -> int:
    named = sum(len(name) + sum(map(len, values)) for name, values in response.headers.items())
    return named + min(len(response.body), _LONGEST_BODY)
