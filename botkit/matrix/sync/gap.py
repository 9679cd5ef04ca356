"""The part of a room's timeline that a sync answer left out (``limited``), read backwards."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from botkit.matrix.client import HomeserverClient, UnreachableError, path
from botkit.matrix.sync.events import REACTION_TYPES, own_join

log = logging.getLogger(__name__)

_PAGE = 100
_PAGES = 20
_WORDS = ("m.room.message", "m.room.encrypted", "m.room.member")
_SIGNS_MATTER = 7 * 86_400.0
"""Seconds that the bot may be away without losing a reaction in a busy room."""


class GapError(Exception):
    """The homeserver does not give the missing part now; the text is one line."""


class GapReader:
    """
    Reads backwards.

    Args:
        max_age: seconds; older events are of no interest.
        own_user_id: nothing before this user's own join is of interest.
    """

    def __init__(self, homeserver: HomeserverClient, own_user_id: str, max_age: float) -> None:
        self._homeserver = homeserver
        self._own_user_id = own_user_id
        self._max_age = max_age

    async def before(self, room_id: str, token: str, since: str, now: float) -> list[Any]:
        """
        Events between ``since`` and ``token``, oldest first, as far back as they matter.

        Args:
            now: seconds since 1970.

        Raises:
            GapError: the homeserver failed in a way that may pass.
        """
        return await self._read(room_id, token, since, _WORDS, now - 2 * self._max_age)

    async def reactions_before(self, room_id: str, token: str, since: str, now: float) -> list[Any]:
        """The same for reactions and redactions, which matter for longer than words. Raises GapError."""
        return await self._read(room_id, token, since, REACTION_TYPES, now - _SIGNS_MATTER)

    async def _read(self, room_id: str, token: str, since: str, types: Sequence[str], until: float) -> list[Any]:
        backwards: list[Any] = []
        wanted = json.dumps({"types": list(types)})
        for _ in range(_PAGES):
            chunk, end = await self._page(room_id, token, since, wanted)
            backwards += chunk
            if end is None or end == token or not chunk or _older(chunk[-1], until):
                return backwards[::-1]
            if any(own_join(event, self._own_user_id) for event in chunk):
                return backwards[::-1]
            token = end
        log.warning("limited sync: gap too long, older events skipped room=%s events=%d", room_id, len(backwards))
        return backwards[::-1]

    async def _page(self, room_id: str, token: str, since: str, wanted: str) -> tuple[list[Any], str | None]:
        query = {"dir": "b", "from": token, "to": since, "limit": str(_PAGE), "filter": wanted}
        try:
            answer = await self._homeserver.request("GET", path("rooms", room_id, "messages"), query=query)
        except UnreachableError as error:
            raise GapError(str(error)) from error
        if answer.temporary or answer.token_rejected:
            raise GapError(answer.describe())
        if not answer.ok:
            log.warning("limited sync: events in the gap cannot be read room=%s: %s", room_id, answer.describe())
        chunk, end = answer.body.get("chunk"), answer.body.get("end")
        return (chunk if isinstance(chunk, list) else []), (end if isinstance(end, str) else None)


def _older(event: Any, until: float) -> bool:
    sent = event.get("origin_server_ts") if isinstance(event, Mapping) else None
    return isinstance(sent, int) and sent / 1000 < until
