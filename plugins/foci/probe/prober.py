"""Probes one service URL without credentials and without side effects, its requests in parallel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from botkit.outbound import Endpoint, OutboundClient, Resolution
from botkit.outbound.model import Answered, Exchange, Failed
from plugins.foci.probe.contract import REQUESTS
from plugins.foci.probe.further import Further, asked_besides, with_further
from plugins.foci.probe.judge import best_exchange, standing
from plugins.foci.probe.observation import Observation
from plugins.foci.probe.redirect import followed
from plugins.foci.probe.service import is_sfu, read_post
from plugins.foci.responses import REQUEST_HEADERS, preflight_headers
from plugins.foci.service_url import ServiceUrl

_POST_HEADERS = {**REQUEST_HEADERS, "Content-Type": "application/json"}
_PREFLIGHT_HEADERS = preflight_headers("POST", "content-type")
_OLDER = "/sfu/get"


class Prober:
    """
    Observes authorisation services and SFUs, at each of their addresses (four per family).

    What an address cannot be known by is asked of one that works: of several, the same one every time.

    A POST without content is refused by a service before it does anything (see ``contract``), so no token,
    registration or room comes of it. Redirects are never followed: clients' POSTs are not either.
    """

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    async def observe(self, url: ServiceUrl, *, deadline: float, known: Further | None = None) -> Observation:
        """
        Observe whatever is expected at the URL.

        Args:
            known: what the service answered lately besides the POST; asked for again only where that does not hold.
        """
        if url.kind == "authorisation":
            return await self._service(url, deadline, known)
        return await self._sfu(url, deadline)

    async def completed(self, seen: Observation, *, deadline: float) -> Observation:
        """An observation of the POST alone, with everything else asked now."""
        resolution = await self._outbound.resolve(seen.url.host, seen.url.port, deadline=deadline)
        best, _ = best_exchange(seen)
        seen = _with(seen, await self._further(seen.url, resolution.at(best), deadline))
        return await self._identify(seen, resolution, deadline)

    async def _service(self, url: ServiceUrl, deadline: float, known: Further | None) -> Observation:
        """The authorisation service at the literal ``livekit_service_url``, as clients build their URLs."""
        resolution = await self._outbound.resolve(url.host, url.port, deadline=deadline)
        if resolution.failure is not None:
            return self._unresolved(url, resolution)
        places = resolution.shortlist()
        first = _first(places)
        posts = asyncio.gather(*(self._post(url, resolution.at(place), deadline) for place in places))
        further: Sequence[Exchange] = ()
        if known is None:
            exchanges, further = await asyncio.gather(posts, self._further(url, resolution.at(first), deadline))
        else:
            exchanges = await posts
        main = dict(zip(places, exchanges, strict=True))
        reached = self._outbound.families_reached()
        seen = Observation(url, _addresses(resolution), None, resolution.elapsed_ms, main, families_reached=reached)
        if known is not None:
            whole = with_further(seen, known)
            if whole is not None:
                return whole
            further = await self._further(url, resolution.at(first), deadline)
        seen = _with(seen, further)
        best, exchange = best_exchange(seen)
        if standing(seen, exchange) > standing(seen, main[first]):
            seen = _with(seen, await self._further(url, resolution.at(best), deadline))
        return await self._identify(seen, resolution, deadline)

    async def _further(self, url: ServiceUrl, at: Resolution, deadline: float) -> Sequence[Exchange]:
        """What else is asked of one address: preflight, ``/get_token``, health, the URL without a slash at its end."""
        preflight, get_token, health, *clean = asked_besides(url)
        return await asyncio.gather(
            self._fetch(*preflight, at, deadline, _PREFLIGHT_HEADERS),
            self._fetch(*get_token, at, deadline, _POST_HEADERS, REQUESTS["/get_token"]),
            self._fetch(*health, at, deadline, REQUEST_HEADERS),
            *(self._fetch(*one, at, deadline, _POST_HEADERS, REQUESTS[_OLDER]) for one in clean),
        )

    async def _sfu(self, url: ServiceUrl, deadline: float) -> Observation:
        """The SFU of an entry that carries only ``url``: 401 without a token means that it is alive."""
        resolution = await self._outbound.resolve(url.host, url.port, deadline=deadline)
        if resolution.failure is not None:
            return self._unresolved(url, resolution)
        base = url.text.rstrip("/")
        places = resolution.shortlist()
        exchanges = await asyncio.gather(*(self._sfu_at(base, resolution.at(place), deadline) for place in places))
        main = dict(zip(places, exchanges, strict=True))
        reached = self._outbound.families_reached()
        return Observation(url, _addresses(resolution), None, resolution.elapsed_ms, main, families_reached=reached)

    async def _sfu_at(self, base: str, at: Resolution, deadline: float) -> Exchange:
        """The answer of one address by which an SFU is known, else the one to the first question."""
        validate = await self._fetch("GET", base + "/rtc/validate", at, deadline, REQUEST_HEADERS)
        if isinstance(validate, Failed) or is_sfu(None, validate.response):
            return validate
        root = await self._fetch("GET", base + "/", at, deadline, REQUEST_HEADERS)
        return root if isinstance(root, Answered) and is_sfu(root.response, None) else validate

    async def _identify(self, seen: Observation, resolution: Resolution, deadline: float) -> Observation:
        """Where something else answers, ask whether it is the SFU; a healthy service is not asked further."""
        best, exchange = best_exchange(seen)
        if (
            isinstance(exchange, Failed)
            or read_post(exchange, seen.preflight) is None
            or exchange.response.status >= 500
        ):
            return seen
        base, at = followed(exchange) or seen.url.text.rstrip("/"), resolution.at(best)
        root, validate = await asyncio.gather(
            self._fetch("GET", base + "/", at, deadline, REQUEST_HEADERS),
            self._fetch("GET", base + "/rtc/validate", at, deadline, REQUEST_HEADERS),
        )
        return replace(seen, root=root, validate=validate)

    async def _post(self, url: ServiceUrl, at: Resolution, deadline: float) -> Exchange:
        return await self._fetch("POST", url.text + _OLDER, at, deadline, _POST_HEADERS, REQUESTS[_OLDER])

    async def _fetch(
        self,
        method: str,
        url: str,
        resolution: Resolution,
        deadline: float,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Exchange:
        return await self._outbound.fetch(
            method, url, headers=headers, body=body, deadline=deadline, resolution=resolution
        )

    def _unresolved(self, url: ServiceUrl, resolution: Resolution) -> Observation:
        reached = self._outbound.families_reached()
        return Observation(url, (), resolution.failure, resolution.elapsed_ms, {}, families_reached=reached)


def _with(seen: Observation, further: Sequence[Exchange]) -> Observation:
    preflight, get_token, health, *clean = further
    return replace(
        seen,
        preflight=preflight,
        get_token=get_token,
        health=health,
        clean=clean[0] if clean else None,
        further_age=None,
    )


def _first(places: Sequence[Endpoint]) -> Endpoint:
    """The address to ask everything at once: over IPv4 where there is a choice, since not every machine has IPv6."""
    return min(places, key=lambda place: place.family)


def _addresses(resolution: Resolution) -> tuple[str, ...]:
    return tuple(place.address for place in resolution.shortlist())
