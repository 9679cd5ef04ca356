"""One server in, one report out: everything that can be asked at the same time is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from publicsuffixlist import PublicSuffixList

from botkit.outbound import OutboundClient, one_party
from botkit.plugin import Account, Limits
from plugins.foci.answer import WellKnownAnswer
from plugins.foci.assembly import MAX_PROBED, CheckSettings, Evidence, assemble, entries_of
from plugins.foci.discovery import Discovery
from plugins.foci.entries import probe_url
from plugins.foci.homeserver import HomeserverAnswer
from plugins.foci.model import Entry, Report
from plugins.foci.observation import Observation
from plugins.foci.observer import Observer
from plugins.foci.service_url import ServiceUrl, host_of
from plugins.foci.target import Target


class Checker:
    """Checks servers. Every check ends by its deadline with what it has seen until then."""

    def __init__(
        self,
        outbound: OutboundClient,
        account: Account | None,
        limits: Limits,
        settings: CheckSettings,
        now: Callable[[], datetime],
    ) -> None:
        self._discovery = Discovery(outbound, limits.max_redirects)
        self._observer = Observer(outbound)
        self._account = account
        self._limits = limits
        self._settings = settings
        self._suffixes = PublicSuffixList()
        self._now = now

    async def check(self, target: Target) -> Report:
        """Check one server; takes at most ``network.deadline`` seconds. Nothing a server does raises here."""
        with one_party():
            return await self._check(target)

    async def _check(self, target: Target) -> Report:
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = started + self._limits.deadline
        answer = await self._discovery.well_known(target.url_host, deadline=deadline)
        probes = _Probes(self._observer, deadline)
        try:
            probes.add(answer.document.entries if answer.document is not None else ())
            homeserver, base_copy, with_port = await asyncio.gather(
                self._homeserver(target, answer, probes, deadline),
                self._base_copy(target, answer, deadline),
                self._with_port(target, answer, deadline),
            )
            seen = Evidence(target, answer, homeserver, base_copy, with_port, await probes.finish())
        finally:
            probes.cancel()
        elapsed_ms = (loop.time() - started) * 1000
        return assemble(seen, self._settings, self._suffixes, self._now(), elapsed_ms)

    async def _homeserver(
        self, target: Target, answer: WellKnownAnswer, probes: _Probes, deadline: float
    ) -> HomeserverAnswer:
        own = None
        if self._account is not None and self._account.user_id.partition(":")[2] == target.server_name:
            own = self._account.homeserver
        homeserver = await self._discovery.homeserver(target, answer, own, deadline=deadline)
        probes.add(entries_of(answer, homeserver))
        return homeserver

    async def _base_copy(self, target: Target, answer: WellKnownAnswer, deadline: float) -> WellKnownAnswer | None:
        """The copy on the base_url's host, where the server name's own has no list (a common mistake)."""
        if answer.document is None or answer.document.keys_found or answer.report.base_url is None:
            return None
        host = host_of(answer.report.base_url)
        if host.lower() == target.url_host.lower():
            return None
        return await self._discovery.well_known(host, deadline=deadline)

    async def _with_port(self, target: Target, answer: WellKnownAnswer, deadline: float) -> WellKnownAnswer | None:
        if target.port is None or target.port == 443 or answer.report.outcome == "ok":
            return None
        return await self._discovery.well_known(f"{target.url_host}:{target.port}", deadline=deadline)


class _Probes:
    """The observations of one check: each literal URL once, at most ``MAX_PROBED``, all at the same time."""

    def __init__(self, observer: Observer, deadline: float) -> None:
        self._observer = observer
        self._deadline = deadline
        self._tasks: dict[ServiceUrl, asyncio.Task[Observation]] = {}

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            url = probe_url(entry)
            if url is None or url.fault or url in self._tasks or len(self._tasks) >= MAX_PROBED:
                continue
            self._tasks[url] = asyncio.create_task(self._observer.observe(url, deadline=self._deadline))

    async def finish(self) -> dict[ServiceUrl, Observation]:
        results = await asyncio.gather(*self._tasks.values())
        return dict(zip(self._tasks, results, strict=True))

    def cancel(self) -> None:
        for task in self._tasks.values():
            task.cancel()
