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
        fair: nothing goes wrong any more.
        taken: transaction id to the event ids that the homeserver gave for it, whether or not the bot learned them.

    Args:
        crash: called at the moment that was asked for with `crash_at`; does the killing.
        synced: called whenever the bot asks for what is new.
        share: of requests to send something that are spoiled; of others a quarter of that.
    """

    def __init__(
        self, chance: random.Random, share: float, crash: Callable[[], None], synced: Callable[[], None]
    ) -> None:
        self.troubles: Counter[str] = Counter()
        self.taken: defaultdict[str, list[str]] = defaultdict(list)
        self.fair = False
        self._crash_in = 0
        self._crash_before = False
        self._chance = chance
        self._share = share
        self._crash = crash
        self._synced = synced

    def over(self, proxy: Proxy) -> None:
        """Let it come down on a proxy."""
        proxy.before, proxy.after, proxy.witness = self._before, self._after, self._witness

    def crash_at(self, number: int, *, before: bool) -> None:
        """Crash at so many messages from now: before the homeserver takes that one, or after."""
        self._crash_in, self._crash_before = number, before

    def calm(self) -> None:
        """Do not crash any more."""
        self._crash_in = 0

    async def _before(self, request: web.Request) -> web.StreamResponse | None:
        if "since" in request.query:
            self._synced()
        if _is_send(request) and self._crash_in:
            self._crash_in -= 1
            if self._crash_in == 0 and self._crash_before:
                self._crash()
                return None
            request["crash"] = self._crash_in == 0
        if not self._strikes(request):
            return None
        kind = self._chance.choice(("429", "502", "dropped", "slow", "half"))
        self.troubles[kind] += 1
        if kind == "429":
            return limited(request)
        if kind == "502":
            return bad_gateway(request)
        if kind == "slow":
            await asyncio.sleep(self._chance.uniform(0.2, 1.5))
            return None
        if kind == "dropped":
            return dropped(request)
        return await half(request)

    def _after(self, request: web.Request) -> bool:
        if request.get("crash"):
            self._crash()
            return True
        if not self._strikes(request):
            return False
        self.troubles["answer lost"] += 1
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
