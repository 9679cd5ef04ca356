"""Asking a homeserver's federation API, found as authorisation services find it, whether it would look up a user."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from botkit.outbound import OutboundClient, Resolution
from botkit.outbound.model import Exchange, Failed
from plugins.foci.discovery import redirected
from plugins.foci.target import Target
from plugins.foci.userinfo import (
    FEDERATION_PORT,
    PATIENCE_SHARE,
    SERVER_WELL_KNOWN_PATH,
    USERINFO_PATH,
    Delegation,
    Place,
    UserLookup,
    read_delegation,
    read_place,
)

_REDIRECTS = (301, 302, 303, 307, 308)
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

    async def look_up(self, target: Target, *, deadline: float) -> UserLookup:
        """Ask a server about users; ``deadline`` is loop time. Nothing it does raises here."""
        limit = min(deadline, asyncio.get_running_loop().time() + self._patience)
        found = await self._look_up(target, limit)
        return replace(found, cut_short=limit >= deadline)

    async def _look_up(self, target: Target, limit: float) -> UserLookup:
        named = read_place(target.server_name) or Place(target.url_host, target.port)
        delegation = Delegation()
        if named.by_records:
            delegation = read_delegation(await self._server_well_known(named.host, limit))
        if delegation.broken:
            return UserLookup(None, "", delegation)
        return await self._ask(delegation.place or named, delegation, limit)

    async def _server_well_known(self, host: str, limit: float) -> Exchange:
        url = f"https://{host}{SERVER_WELL_KNOWN_PATH}"
        for _ in range(self._max_redirects):
            hop = await self._outbound.fetch("GET", url, deadline=limit)
            if isinstance(hop, Failed) or hop.response.status not in _REDIRECTS:
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
        return await self._at(f"https://{place.host}", own, delegation, limit)

    async def _at(self, url: str, resolution: Resolution | None, delegation: Delegation, limit: float) -> UserLookup:
        asked = await self._outbound.fetch("GET", url + USERINFO_PATH, deadline=limit, resolution=resolution)
        return UserLookup(asked, url.removesuffix(":443"), delegation, delegation.unsure)
