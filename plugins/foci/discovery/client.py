"""Fetching what a server publishes: client well-known with redirects by hand, versions, transports endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from botkit.identifiers import HostPort
from botkit.messages.sanitise import quoted
from botkit.outbound import HomeserverReader, OutboundClient, Resolution
from botkit.outbound.model import Answered, Exchange, Failed
from botkit.outbound.url import UrlError
from botkit.outbound.url import parse_url as read_url
from plugins.foci.discovery.every_address import Asked, EveryAddress, read_apart
from plugins.foci.discovery.federation import (
    FEDERATION_PORT,
    GO_USER_AGENT,
    PATIENCE_SHARE,
    SERVER_WELL_KNOWN_PATH,
    USERINFO_PATH,
    VERSION_PATH,
    Delegation,
    Place,
    UserLookup,
    asks_for_token,
    blocked_delegation,
    may_mind_the_name,
    read_delegation,
    read_place,
    software_of,
)
from plugins.foci.discovery.homeserver import (
    STABLE_PATH,
    UNSTABLE_PATH,
    VERSIONS_PATH,
    HomeserverAnswer,
    TransportsAnswer,
    read_transports,
    read_versions,
)
from plugins.foci.discovery.standing import REDIRECTS, of_delegation, of_lookup, of_versions, of_well_known
from plugins.foci.discovery.target import Target
from plugins.foci.discovery.well_known import WellKnownAnswer, read_answer
from plugins.foci.responses import REQUEST_HEADERS, preflight_headers

WELL_KNOWN_PATH = "/.well-known/matrix/client"
_NO_CACHE = {"Cache-Control": "no-cache", "Pragma": "no-cache"}


class Discovery:
    """
    Asks for one server's public documents. Holds no state between servers.

    Args:
        timeout: seconds of one request.
    """

    def __init__(self, outbound: OutboundClient, max_redirects: int, timeout: float) -> None:
        self._outbound = outbound
        self._max_redirects = max_redirects
        self._every_address = EveryAddress(outbound, timeout)

    async def well_known(self, url_host: str, *, deadline: float, no_cache: bool = False) -> WellKnownAnswer:
        """
        The client well-known of a host (client-server API, "Well-known URIs"; redirects as in MSC4402).

        Args:
            url_host: the host as written in a URL, with a port only for the port-keeping variant; or a base URL without
                its scheme.
            deadline: loop time at which to give up.
            no_cache: caches on the way are to ask the origin (RFC 9111, section 5.2.1.4).
        """
        headers = {**REQUEST_HEADERS, **_NO_CACHE} if no_cache else REQUEST_HEADERS
        hops, refused = await self._followed(url_host, headers, deadline)
        exchanges = [hop.best for hop in hops]
        answer = await read_apart(exchanges, read_answer, url_host, exchanges, refused)
        return replace(answer, findings=(*answer.findings, *(found for hop in hops for found in hop.findings)))

    async def _followed(
        self, url_host: str, headers: Mapping[str, str], deadline: float
    ) -> tuple[list[Asked], str | None]:
        """Every exchange on the way to the answer, and why the last redirect was not followed."""
        url = f"https://{url_host}{WELL_KNOWN_PATH}"
        hops: list[Asked] = []
        seen = {url}
        while True:
            hops.append(await self._every_address.ask(url, headers, of_well_known, deadline=deadline))
            hop = hops[-1].best
            if isinstance(hop, Failed) or hop.response.status not in REDIRECTS:
                return hops, None
            following, refused = self._next(url, hop.response.header("location"), seen, len(hops))
            if refused is not None:
                return hops, refused
            url = following
            seen.add(url)

    def _next(self, url: str, location: str | None, seen: set[str], hops: int) -> tuple[str, str | None]:
        """The next URL, and why it is not followed (None when it is)."""
        following, refused = redirected(url, location)
        if refused is None and following in seen:
            refused = "it is a redirect loop"
        if refused is None and hops > self._max_redirects:
            refused = f"more than {self._max_redirects} in a row"
        return following, refused

    async def homeserver(
        self, target: Target, answer: WellKnownAnswer, own: HomeserverReader | None, *, deadline: float
    ) -> HomeserverAnswer:
        """
        Versions and transports at ``base_url``, or at the hostname where the well-known is absent or lacks one.

        Args:
            own: reads the bot's own homeserver with its token; only for the server the bot's account is on.
            deadline: loop time at which to give up.
        """
        base = answer.report.base_url
        fallback = base is None
        if fallback and answer.report.outcome == "failed":
            return HomeserverAnswer(None, TransportsAnswer())
        if base is None:
            base = f"https://{target.url_host}"
        resolution = await self._every_address.resolve(base, deadline=deadline)
        asked, published, listed = await asyncio.gather(
            self._every_address.ask(
                base + VERSIONS_PATH, REQUEST_HEADERS, of_versions, deadline=deadline, resolution=resolution
            ),
            self._published(base, resolution, deadline),
            _own_list(own, deadline),
        )
        if any(asked.went_elsewhere(exchange) for exchange in published):
            published = await self._published(base, asked.at, deadline)
        unstable, stable, preflight = published
        versions = await read_apart([asked.best], read_versions, asked.best)
        if fallback and not versions.valid:
            return HomeserverAnswer(None, TransportsAnswer())
        transports = await read_apart((*published, listed), read_transports, unstable, stable, listed, preflight)
        return HomeserverAnswer(versions, transports, base, asked.findings)

    async def _published(self, base: str, at: Resolution | None, deadline: float) -> Sequence[Exchange]:
        """The transports endpoint on its unstable and its stable path, and the former's preflight."""
        unstable, stable = base + UNSTABLE_PATH, base + STABLE_PATH
        preflight = preflight_headers("GET", "authorization")
        return await asyncio.gather(
            self._outbound.fetch("GET", unstable, headers=REQUEST_HEADERS, deadline=deadline, resolution=at),
            self._outbound.fetch("GET", stable, headers=REQUEST_HEADERS, deadline=deadline, resolution=at),
            self._outbound.fetch("OPTIONS", unstable, headers=preflight, deadline=deadline, resolution=at),
        )


async def _own_list(own: HomeserverReader | None, deadline: float) -> Exchange | None:
    """The list as the bot's own account sees it: the unstable path, else the stable one."""
    if own is None:
        return None
    unstable, stable = await asyncio.gather(
        own.get(UNSTABLE_PATH, deadline=deadline), own.get(STABLE_PATH, deadline=deadline)
    )
    return unstable if isinstance(unstable, Answered) and unstable.response.status == 200 else stable


def redirected(url: str, location: str | None) -> tuple[str, str | None]:
    """Where a redirect at ``url`` leads (RFC 9110, section 10.2.2), and why it is not followed (None when it is)."""
    if not location:
        return "", "it has no Location header"
    try:
        following = urljoin(url, location.strip()).split("#")[0]
        scheme = urlsplit(following).scheme
    except ValueError:
        return "", "its Location is not a URL"
    if scheme != "https":
        return "", f"it leads to {quoted(f'{scheme}://') if scheme else 'no scheme'} instead of `https://`"
    try:
        read_url(following)
    except UrlError as error:
        return "", f"its Location cannot be used ({error.detail})"
    return following, None


_AS_SERVICES = {"User-Agent": GO_USER_AGENT}

_RECORDS = ("_matrix-fed._tcp", "_matrix._tcp")


class Federation:
    """
    Finds federation APIs (server-server API, "Resolving server names") and asks them without a token.

    Args:
        max_redirects: of the server well-known, in a row.
        timeout: seconds of one request; the whole look-up gets a share of it, for no report waits longer for it.
    """

    def __init__(self, outbound: OutboundClient, max_redirects: int, timeout: float) -> None:
        self._outbound = outbound
        self._max_redirects = max_redirects
        self._patience = timeout * PATIENCE_SHARE
        self._every_address = EveryAddress(outbound, self._patience)

    async def look_up(self, target: Target, *, deadline: float) -> UserLookup:
        """Ask a server about users; ``deadline`` is loop time. Nothing it does raises here."""
        limit = min(deadline, asyncio.get_running_loop().time() + self._patience)
        found = await self._look_up(target, limit)
        return replace(found, cut_short=limit >= deadline)

    async def _look_up(self, target: Target, limit: float) -> UserLookup:
        named = read_place(target.server_name) or Place(target.url_host, target.port)
        delegation = Delegation()
        if named.by_records:
            delegation = await self._delegation(named.host, limit)
        if delegation.broken:
            return UserLookup(None, "", delegation)
        return await self._ask(delegation.place or named, delegation, limit)

    async def _delegation(self, host: str, limit: float) -> Delegation:
        """As authorisation services read it; where that names no server, whether it is for their user agent."""
        asked = await self._server_well_known(host, _AS_SERVICES, limit)
        delegation = await read_apart([asked], read_delegation, asked)
        if delegation.place is not None or not may_mind_the_name(asked):
            return delegation
        plain = await self._server_well_known(host, {}, limit)
        if (await read_apart([plain], read_delegation, plain)).place is None:
            return delegation
        # A fault that passed in between would look the same.
        again = await self._server_well_known(host, _AS_SERVICES, limit)
        delegation = await read_apart([again], read_delegation, again)
        return blocked_delegation(again) if delegation.place is None and may_mind_the_name(again) else delegation

    async def _server_well_known(self, host: str, headers: Mapping[str, str], limit: float) -> Exchange:
        url = f"https://{host}{SERVER_WELL_KNOWN_PATH}"
        for _ in range(self._max_redirects):
            hop = (await self._every_address.ask(url, headers, of_delegation, deadline=limit)).best
            if isinstance(hop, Failed) or hop.response.status not in REDIRECTS:
                return hop
            url, refused = redirected(url, hop.response.header("location"))
            if refused is not None:
                return hop
        return hop

    async def _ask(self, place: Place, delegation: Delegation, limit: float) -> UserLookup:
        if not place.by_records:
            return await self._at(f"https://{place.host}:{place.port}", None, delegation, limit)
        answers = await asyncio.gather(
            *(self._outbound.services(f"{kind}.{place.host}", deadline=limit) for kind in _RECORDS)
        )
        service = next((answer[0] for answer in answers if answer), None)
        if service is None:
            unsure = None in answers
            found = await self._at(f"https://{place.host}:{FEDERATION_PORT}", None, delegation, limit)
            return replace(found, unsure=found.unsure or unsure)
        resolution = await self._outbound.resolve(service.host, service.port, deadline=limit)
        # Certificate and Host are those of the name, whatever host the record leads to.
        own = replace(resolution, host=place.host.lower(), port=443)
        found = await self._at(f"https://{place.host}", own, delegation, limit)
        return replace(found, target=HostPort(service.host, service.port))

    async def _at(self, url: str, resolution: Resolution | None, delegation: Delegation, limit: float) -> UserLookup:
        async def fetch(path: str, at: Resolution | None, headers: Mapping[str, str]) -> Exchange:
            return await self._outbound.fetch("GET", url + path, headers=headers, deadline=limit, resolution=at)

        userinfo = url + USERINFO_PATH
        if resolution is None:
            resolution = await self._every_address.resolve(url, deadline=limit)
        asked, version = await asyncio.gather(
            self._every_address.ask(userinfo, _AS_SERVICES, of_lookup, deadline=limit, resolution=resolution),
            fetch(VERSION_PATH, resolution, {}),
        )
        at = asked.at or resolution
        if asked.went_elsewhere(version):
            version = await fetch(VERSION_PATH, at, {})
        best, renamed = asked.best, None
        if not asks_for_token(best) and may_mind_the_name(best):
            renamed = await fetch(USERINFO_PATH, at, {})
            if asks_for_token(renamed):
                # A fault that passed in between would look the same.
                best = await fetch(USERINFO_PATH, at, _AS_SERVICES)
        shown, unsure = url.removesuffix(":443"), delegation.unsure
        software = await read_apart([version], software_of, version)
        return UserLookup(best, shown, delegation, unsure, renamed=renamed, software=software, findings=asked.findings)
