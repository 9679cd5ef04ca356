"""One server in, one report out: everything that can be asked at the same time is."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from publicsuffixlist import PublicSuffixList

from botkit.identifiers import server_of
from botkit.outbound import OutboundClient, one_party
from botkit.plugin import Account, Limits
from plugins.foci.deep.media_runner import MediaClient
from plugins.foci.deep.prober import DeepProber
from plugins.foci.discovery.client import Discovery, Federation
from plugins.foci.discovery.federation import UserLookup
from plugins.foci.discovery.homeserver import HomeserverAnswer, entries_of
from plugins.foci.discovery.target import Target
from plugins.foci.discovery.well_known import WellKnownAnswer
from plugins.foci.model import Entry, Report
from plugins.foci.probe.further import Further
from plugins.foci.probe.judge import Judgement, deepened, judge
from plugins.foci.probe.observation import Observation, Observe
from plugins.foci.probe.prober import Prober
from plugins.foci.report.build import MAX_PROBED, CheckResult, CheckSettings, ServerObservation, assemble
from plugins.foci.report.clients import sdk_fault
from plugins.foci.report.remembered import ServerFacts, mark_of, still_hold
from plugins.foci.service_url import ServiceUrl, host_of

_MANY = 20
"""Entries from which judging them could stall the event loop; no honest list is as long."""

_ENOUGH = 0.5
"""Share of a request's time that must be left to ask for more: what is cut short says less than what is remembered."""


class Checker:
    """
    Checks servers. Every check ends by its deadline with what it has seen until then.

    Args:
        most: service URLs probed of one server.
    """

    def __init__(
        self,
        outbound: OutboundClient,
        account: Account | None,
        limits: Limits,
        settings: CheckSettings,
        now: Callable[[], datetime],
        most: int = MAX_PROBED,
    ) -> None:
        self._outbound = outbound
        self._discovery = Discovery(outbound, limits.max_redirects, limits.timeout)
        self._federation = Federation(outbound, limits.max_redirects, limits.timeout)
        self._observer = Prober(outbound)
        self._media = MediaClient(outbound)
        self._account = account
        self._limits = limits
        self._settings = settings
        self._suffixes = PublicSuffixList()
        self._now = now
        self._most = most

    async def check(
        self,
        target: Target,
        *,
        probe: str = "",
        observe: Observe | None = None,
        afresh: bool = False,
        ignore: frozenset[str] = frozenset(),
        deep: bool = False,
        known: ServerFacts | None = None,
    ) -> CheckResult:
        """
        Check one server; takes at most ``network.deadline`` seconds, and when deep as long as a service takes for a
        token (at most 35) on top. Nothing a server does raises here.

        Args:
            probe: the name of this check.
            observe: how service URLs are observed, where results are shared; afresh when None.
            afresh: the well-known is asked for past every cache on the way.
            ignore: finding codes left out, besides those of the settings.
            deep: also test token, signalling and media, with an OpenID token of the account. Without an account it is
                a ValueError. What is seen there is never shared: it is of the bot's account, at this time.
            known: what need not be asked while everything else is as it was then; asked at once where it is not, if
                there is time.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = started + self._limits.deadline
        settings = replace(self._settings, ignore=self._settings.ignore | ignore)

        async def reported(seen: ServerObservation) -> Report:
            facts = (seen, settings, self._suffixes, self._now(), (loop.time() - started) * 1000)
            many = len(entries_of(seen.well_known, seen.homeserver)) > _MANY
            return await asyncio.to_thread(assemble, *facts) if many else assemble(*facts)

        with one_party():
            work = _Work(target, observe or self._observed, deadline)
            seen = replace(await self._seen(work, known, afresh=afresh, deep=deep), most=self._most)
            report = await reported(seen)
            in_time = deadline - loop.time() >= self._limits.timeout * _ENOUGH
            if known is not None and seen.facts_age is not None and in_time and not still_hold(known, report):
                seen = replace(await self._completed(work, seen), most=self._most)
                report = await reported(seen)
        return CheckResult(seen, report, probe, self._is_own(target.server_name))

    async def observe(self, url: ServiceUrl, deadline: float, known: Further | None = None) -> Observation:
        """
        Observe a service URL.

        Args:
            deadline: loop time.
            known: what need not be asked again, if the service still works.
        """
        return await self._observer.observe(url, deadline=deadline, known=known)

    async def confirm(self, target: Target) -> WellKnownAnswer:
        """The well-known alone, past every cache on the way."""
        deadline = asyncio.get_running_loop().time() + self._limits.deadline
        with one_party():
            return await self._discovery.well_known(target.url_host, deadline=deadline, no_cache=True)

    def _is_own(self, server: str) -> bool:
        """Whether the bot's account is on this server."""
        return self._account is not None and server_of(self._account.user_id) == server

    async def _observed(self, url: ServiceUrl, deadline: float, _: bool) -> Observation:
        return await self.observe(url, deadline)

    async def _seen(self, work: _Work, known: ServerFacts | None, *, afresh: bool, deep: bool) -> ServerObservation:
        target, deadline = work.target, work.deadline
        deep_prober = self._deep_prober(target, deadline) if deep else None

        async def judged(url: ServiceUrl) -> Judgement:
            seen = await work.observe(url, deadline, work.thorough)
            judgement = await self._judged(work, seen)
            return judgement if deep_prober is None else deepened(judgement, await deep_prober.descend(judgement))

        lookup = None if known is not None else self._look_up(work)
        probes = _Probes(judged, self._most)
        try:
            answer = await self._discovery.well_known(target.url_host, deadline=deadline, no_cache=afresh)
            if known is not None and known.well_known == mark_of(answer):
                return await _with_known(target, answer, known, probes)
            work.thorough = known is not None
            lookup = lookup or self._look_up(work)
            return await self._asked(work, answer, probes, lookup, deep=deep)
        finally:
            if lookup is not None:
                lookup.cancel()
            if deep_prober is not None:
                deep_prober.close()
            probes.cancel()

    async def _completed(self, work: _Work, seen: ServerObservation) -> ServerObservation:
        """The same check, with what was taken from memory asked now; what was asked is not asked twice."""
        work.thorough = True

        async def judged(url: ServiceUrl) -> Judgement:
            known = seen.judgements.get(url)
            if known is not None and known.seen.further_age is None:
                return known
            observation = known.seen if known is not None else await work.observe(url, work.deadline, True)
            return await self._judged(work, observation)

        probes, lookup = _Probes(judged, self._most), self._look_up(work)
        try:
            return await self._asked(work, seen.well_known, probes, lookup, deep=False)
        finally:
            lookup.cancel()
            probes.cancel()

    async def _asked(
        self,
        work: _Work,
        answer: WellKnownAnswer,
        probes: _Probes,
        lookup: asyncio.Future[UserLookup],
        *,
        deep: bool,
    ) -> ServerObservation:
        """All that follows from the well-known."""
        target, deadline = work.target, work.deadline
        # Begun before the probes: a list of silent services would take every slot of this check.
        published = asyncio.gather(
            self._homeserver(target, answer, probes, deadline),
            self._base_copy(target, answer, probes, deadline),
            self._with_port(target, answer, deadline),
        )
        probes.add(answer.document.entries if answer.document is not None else ())
        homeserver, base_copy, with_port = await published
        judgements = await probes.finish()
        return ServerObservation(target, answer, homeserver, base_copy, with_port, judgements, await lookup, deep)

    async def _judged(self, work: _Work, seen: Observation) -> Judgement:
        """An observation judged, completed first where nothing may be taken from memory."""
        if work.thorough and seen.further_age is not None:
            seen = await self._observer.completed(seen, deadline=work.deadline)
        return judge(seen, self._now(), self._settings.probe)

    def _look_up(self, work: _Work) -> asyncio.Future[UserLookup]:
        return asyncio.ensure_future(self._federation.look_up(work.target, deadline=work.deadline))

    def _deep_prober(self, target: Target, deadline: float) -> DeepProber:
        if self._account is None:
            raise ValueError("going deep needs an account")
        return DeepProber(
            self._outbound,
            self._discovery,
            self._account,
            self._media,
            target,
            trusted=self._settings.trusted,
            settings=self._settings.probe,
            now=self._now,
            token_hex=secrets.token_hex,
            deadline=deadline,
        )

    async def _homeserver(
        self, target: Target, answer: WellKnownAnswer, probes: _Probes, deadline: float
    ) -> HomeserverAnswer:
        own = self._account.homeserver if self._account is not None and self._is_own(target.server_name) else None
        homeserver = await self._discovery.homeserver(target, answer, own, deadline=deadline)
        probes.add(entries_of(answer, homeserver))
        return homeserver

    async def _base_copy(
        self, target: Target, answer: WellKnownAnswer, probes: _Probes, deadline: float
    ) -> WellKnownAnswer | None:
        """
        The copy at the base_url: below it where Element X turns to that one, as the server name's is of no use to it.

        Else on its host, where the server name's has no list: a common mistake.
        """
        document, base_url = answer.document, answer.report.base_url
        if document is None or base_url is None:
            return None
        read_by_sdk = sdk_fault(document) is not None
        where = base_url.partition("://")[2] if read_by_sdk else host_of(base_url)
        if where.lower() == target.url_host.lower() or (document.keys_found and not read_by_sdk):
            return None
        copy = await self._discovery.well_known(where, deadline=deadline)
        if read_by_sdk and copy.document is not None:
            probes.add(copy.document.entries)
        return copy

    async def _with_port(self, target: Target, answer: WellKnownAnswer, deadline: float) -> WellKnownAnswer | None:
        if target.port is None or target.port == 443 or answer.report.outcome == "ok":
            return None
        return await self._discovery.well_known(f"{target.url_host}:{target.port}", deadline=deadline)


@dataclass(slots=True)
class _Work:
    """
    One check under way.

    Attributes:
        thorough: nothing that services answered earlier is good enough.
    """

    target: Target
    observe: Observe
    deadline: float
    thorough: bool = False


async def _with_known(
    target: Target, answer: WellKnownAnswer, known: ServerFacts, probes: _Probes
) -> ServerObservation:
    """What follows from the well-known, with nothing asked but the foci."""
    probes.add(entries_of(answer, known.homeserver))
    if known.base_copy is not None and known.base_copy.document is not None:
        probes.add(known.base_copy.document.entries if answer.document and sdk_fault(answer.document) else ())
    judgements = await probes.finish()
    return ServerObservation(
        target,
        answer,
        known.homeserver,
        known.base_copy,
        known.with_port,
        judgements,
        known.user_lookup,
        facts_age=known.age,
    )


class _Probes:
    """The probes of one check: each literal URL once, at most ``most``, all at the same time."""

    def __init__(self, judged: Callable[[ServiceUrl], Awaitable[Judgement]], most: int) -> None:
        self._judged = judged
        self._most = most
        self._tasks: dict[ServiceUrl, asyncio.Future[Judgement]] = {}

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            url = entry.probe_url
            if url is None or url.fault or url in self._tasks or len(self._tasks) >= self._most:
                continue
            self._tasks[url] = asyncio.ensure_future(self._judged(url))

    async def finish(self) -> dict[ServiceUrl, Judgement]:
        results = await asyncio.gather(*self._tasks.values())
        return dict(zip(self._tasks, results, strict=True))

    def cancel(self) -> None:
        for task in self._tasks.values():
            task.cancel()
