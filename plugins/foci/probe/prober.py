"""Probes one service URL without credentials and without side effects, its requests in parallel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, cast

from botkit.outbound import OutboundClient, Resolution
from botkit.outbound.model import Exchange, Failed
from plugins.foci.probe.contract import REQUESTS
from plugins.foci.probe.judge import best_exchange
from plugins.foci.probe.observation import Observation
from plugins.foci.probe.service import read_post
from plugins.foci.responses import ORIGIN, REQUEST_HEADERS
from plugins.foci.service_url import ServiceUrl

_POST_HEADERS = {**REQUEST_HEADERS, "Content-Type": "application/json"}
_PREFLIGHT_HEADERS = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}
_OLDER = "/sfu/get"
Family = Literal[4, 6]


class Prober:
    """
    Observes authorisation services and SFUs.

    A POST without content is refused by a service before it does anything (see ``contract``), so no token,
    registration or room comes of it. Redirects are never followed: clients' POSTs are not either.
    """

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    async def observe(self, url: ServiceUrl, *, deadline: float) -> Observation:
        """Observe whatever is expected at the URL."""
        ask = self._service if url.kind == "authorisation" else self._sfu
        return await ask(url, deadline)

    async def _service(self, url: ServiceUrl, deadline: float) -> Observation:
        """The authorisation service at the literal ``livekit_service_url``, as clients build their URLs."""
        literal = url.text + _OLDER
        resolution = await self._outbound.resolve(url.host, url.port, deadline=deadline)
        if resolution.failure is not None:
            return self._unresolved(url, resolution)
        families = _families(resolution)
        posts = [self._post(url.text, _OLDER, resolution, family, deadline) for family in families]
        others = [
            self._fetch("OPTIONS", literal, resolution, deadline, _PREFLIGHT_HEADERS),
            self._post(url.text, "/get_token", resolution, None, deadline),
        ]
        if url.trailing_slash:
            others.append(self._post(url.text.rstrip("/"), _OLDER, resolution, None, deadline))
        exchanges = await asyncio.gather(*posts, *others)
        main: dict[int, Exchange] = dict(zip(families, exchanges, strict=False))
        rest = exchanges[len(families) :]
        seen = Observation(
            url,
            _addresses(resolution),
            None,
            resolution.elapsed_ms,
            main,
            preflight=rest[0],
            get_token=rest[1],
            clean=rest[2] if url.trailing_slash else None,
            families_reached=self._outbound.families_reached(),
        )
        return await self._identify(seen, resolution, deadline)

    async def _sfu(self, url: ServiceUrl, deadline: float) -> Observation:
        """The SFU of an entry that carries only ``url``: 401 without a token means that it is alive."""
        resolution = await self._outbound.resolve(url.host, url.port, deadline=deadline)
        if resolution.failure is not None:
            return self._unresolved(url, resolution)
        base = url.text.rstrip("/")
        families = _families(resolution)
        validates = [
            self._fetch("GET", base + "/rtc/validate", resolution, deadline, REQUEST_HEADERS, family)
            for family in families
        ]
        *exchanges, root = await asyncio.gather(
            *validates, self._fetch("GET", base + "/", resolution, deadline, REQUEST_HEADERS)
        )
        main: Mapping[int, Exchange] = dict(zip(families, exchanges, strict=True))
        reached = self._outbound.families_reached()
        addresses = _addresses(resolution)
        return Observation(url, addresses, None, resolution.elapsed_ms, main, root=root, families_reached=reached)

    async def _identify(self, seen: Observation, resolution: Resolution, deadline: float) -> Observation:
        """Where something else answers, ask whether it is the SFU; a healthy service is not asked further."""
        _, exchange = best_exchange(seen)
        if (
            isinstance(exchange, Failed)
            or read_post(exchange, seen.preflight) is None
            or exchange.response.status >= 500
        ):
            return seen
        base = seen.url.text.rstrip("/")
        root, validate = await asyncio.gather(
            self._fetch("GET", base + "/", resolution, deadline, REQUEST_HEADERS),
            self._fetch("GET", base + "/rtc/validate", resolution, deadline, REQUEST_HEADERS),
        )
        return replace(seen, root=root, validate=validate)

    async def _post(
        self, base: str, endpoint: str, resolution: Resolution, family: Family | None, deadline: float
    ) -> Exchange:
        body = REQUESTS[endpoint]
        return await self._fetch("POST", base + endpoint, resolution, deadline, _POST_HEADERS, family, body)

    async def _fetch(
        self,
        method: str,
        url: str,
        resolution: Resolution,
        deadline: float,
        headers: Mapping[str, str],
        family: Family | None = None,
        body: bytes | None = None,
    ) -> Exchange:
        return await self._outbound.fetch(
            method, url, headers=headers, body=body, deadline=deadline, family=family, resolution=resolution
        )

    def _unresolved(self, url: ServiceUrl, resolution: Resolution) -> Observation:
        reached = self._outbound.families_reached()
        return Observation(url, (), resolution.failure, resolution.elapsed_ms, {}, families_reached=reached)


def _families(resolution: Resolution) -> list[Family]:
    return [cast(Family, family) for family in resolution.families()]


def _addresses(resolution: Resolution) -> tuple[str, ...]:
    return tuple(str(address) for address in resolution.addresses)
