"""Health for supervisors and figures for Prometheus, on an address that the operator chooses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

STALE_AFTER = 180.0
"""Seconds without a successful sync after which the bot is not healthy: a few long polls."""


class WebServer:
    """
    Serves until stopped.

    Args:
        refresh: brings the figures up to date before they are shown.
        sync_age: seconds since the last successful sync, None before the first.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        refresh: Callable[[], Awaitable[None]],
        sync_age: Callable[[], float | None],
    ) -> None:
        self._registry = registry
        self._refresh = refresh
        self._sync_age = sync_age
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """
        Listen; returns the port (useful with port 0).

        Raises:
            OSError: the address cannot be had.
        """
        app = web.Application(client_max_size=1024)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the listener."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        """200 while the last sync is recent; 503 shows a supervisor that the bot receives nothing."""
        age = self._sync_age()
        if age is None:
            return web.Response(status=503, text="not synced yet\n")
        if age > STALE_AFTER:
            return web.Response(status=503, text=f"last sync {age:.0f} s ago\n")
        return web.Response(text="ok\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        await self._refresh()
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
