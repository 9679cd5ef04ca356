"""Limits concurrent requests: slots are shared so that no party can take them all."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from botkit.outbound.budget import current_party

_RESERVE = 3
"""So many times what a party holds must be free if it is to get another."""


class FairSlots:
    """
    A bounded number of slots, of which a party may hold a third as many as are free.

    So some are left for the next party, until very many want everything (dynamic thresholds; Choudhury and
    Hahne, 1998). Of 64 the first party gets 16, enough for all requests of a check with two foci, and ten greedy
    ones leave 3. Of the waiting parties the one with the fewest slots is served first.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._held: Counter[object] = Counter()
        self._waiting: dict[object, deque[asyncio.Future[None]]] = {}

    async def acquire(self) -> object:
        """Wait for a slot; what is returned is given back to ``release``."""
        party = current_party()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(party, deque()).append(future)
        self._share_out()
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.release(party)
            raise
        return party

    def release(self, party: object) -> None:
        """Give a slot back."""
        self._free += 1
        self._held[party] -= 1
        if not self._held[party]:
            del self._held[party]
        self._share_out()

    def _share_out(self) -> None:
        while (party := self._next()) is not _NOBODY:
            queue = self._waiting[party]
            future = queue.popleft()
            if not queue:
                del self._waiting[party]
            if not future.done():
                self._free -= 1
                self._held[party] += 1
                future.set_result(None)

    def _next(self) -> object:
        """Of those who wait the one who holds least, the longest waiting first, if it may have another."""
        party = min(self._waiting, key=lambda waiting: self._held[waiting], default=_NOBODY)
        return party if party is not _NOBODY and self._held[party] * _RESERVE < self._free else _NOBODY


_NOBODY = object()
