"""The homeserver's bad days: answers that are refusals, errors, halves, or never arrive though it has acted."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable

from aiohttp import web

from tests.matrix.proxy import Proxy, bad_gateway

_PAUSE_MS = 300


class Weather:
    """
    Spoils the bot's requests by chance, and tells at which moments a crash would hurt most.

    Attributes:
        troubles: how often each kind happened.
        taken: transaction id to the event ids that the homeserver gave for it, whether or not the bot learned them.

    Args:
        crash: called at such a moment now and then; does the killing.
        synced: called whenever the bot asks for what is new.
        share: of requests to send something that are spoiled; of others a quarter of that.
    """

    def __init__(
        self, chance: random.Random, share: float, crash: Callable[[], None], synced: Callable[[], None]
    ) -> None:
        self.troubles: Counter[str] = Counter()
        self.taken: defaultdict[str, list[str]] = defaultdict(list)
        self.fair = False
        self._chance = chance
        self._share = share
        self._crash = crash
        self._synced = synced

    def over(self, proxy: Proxy) -> None:
        """Let it come down on a proxy."""
        proxy.before, proxy.after, proxy.witness = self._before, self._after, self._witness

    async def _before(self, request: web.Request) -> web.StreamResponse | None:
        if "since" in request.query:
            self._synced()
        if not self._strikes(request):
            return None
        kind = self._chance.choice(("429", "502", "dropped", "slow", "half", "crash before it is taken"))
        if kind == "crash before it is taken" and not _is_send(request):
            return None
        self.troubles[kind] += 1
        if kind == "429":
            return limited(request)
        if kind == "502":
            return bad_gateway(request)
        if kind == "slow":
            await asyncio.sleep(self._chance.uniform(0.2, 1.5))
            return None
        if kind == "half":
            return await half(request)
        if kind == "dropped":
            return dropped(request)
        self._crash()
        return None

    def _after(self, request: web.Request) -> bool:
        if not self._strikes(request):
            return False
        kind = self._chance.choice(("answer lost", "answer lost", "answer lost", "crash once it is taken"))
        if kind == "crash once it is taken" and not _is_send(request):
            return False
        self.troubles[kind] += 1
        if kind == "crash once it is taken":
            self._crash()
        return True

    def _witness(self, request: web.Request, status: int, body: bytes) -> None:
        if _is_send(request) and status == 200:
            self.taken[request.path].append(str(json.loads(body)["event_id"]))

    def _strikes(self, request: web.Request) -> bool:
        if self.fair or request.path.endswith("/login"):
            return False
        return self._chance.random() < (self._share if _is_send(request) else self._share / 4)


def _is_send(request: web.Request) -> bool:
    return request.method == "PUT" and "/rooms/" in request.path and "/send/" in request.path


def limited(_: web.Request) -> web.Response:
    """A homeserver that has enough for now."""
    body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too many requests", "retry_after_ms": _PAUSE_MS}
    return web.json_response(body, status=429)


def dropped(request: web.Request) -> web.Response:
    """A connection that ends without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    """An answer that promises more than comes."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "200"})
    await response.prepare(request)
    await response.write(b'{"event_id": "$')
    if request.transport is not None:
        request.transport.abort()
    return response
