from __future__ import annotations

from collections.abc import Awaitable, Callable

from plugins.foci.observation import Observation
from plugins.foci.service_url import ServiceUrl

Observe = Callable[[ServiceUrl, float], Awaitable[Observation]]
"""Observes a service URL until a deadline (loop time)."""
