"""Runs what is due for a watched server: a check that shares what it can, or the fetch that confirms a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botkit.outbound import Payer, one_party
from plugins.foci.checker import Checker
from plugins.foci.clock import Clock
from plugins.foci.discovery.target import Target, parse_target
from plugins.foci.discovery.well_known import WellKnownAnswer
from plugins.foci.probe.observation import Observation
from plugins.foci.probe.shared import SharedProbes
from plugins.foci.report.build import CheckResult
from plugins.foci.service_url import ServiceUrl
from plugins.foci.watch.memory import SeldomFacts

MOST_REQUESTS = 200
"""Requests that one check of a watched server may make, look-ups in DNS included."""


class CheckRunner:
    """
    Checks watched servers.

    Args:
        services: shared by all of them.
        name: makes up a name for each check that no other has, restarts included.
        payer: on whose behalf a user's watches ask strangers' hosts.
        chance: a number from 0 to 1, for when what seldom changes is asked again.
    """

    def __init__(
        self,
        checker: Checker,
        services: SharedProbes,
        clock: Clock,
        name: Callable[[], str],
        payer: Callable[[str], Payer],
        chance: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self._checker = checker
        self._services = services
        self._facts = SeldomFacts(clock.passed, chance)
        self._clock = clock
        self._name = name
        self._payer = payer

    async def inspect(self, due: ScheduledCheck) -> CheckResult | ConfirmationResult:
        """
        Do it; takes as long as a check does at most, and nothing a server does raises here.

        Raises:
            TargetError: the server's name is none.
        """
        target = parse_target(due.server)
        with one_party(*dict.fromkeys(map(self._payer, due.payers)), limit=MOST_REQUESTS):
            return await (self._confirm(target, due) if due.confirm else self._check(target, due))

    async def _confirm(self, target: Target, due: ScheduledCheck) -> ConfirmationResult:
        answer = await self._checker.confirm(target)
        return ConfirmationResult(due.server, answer, self._clock.now())

    async def _check(self, target: Target, due: ScheduledCheck) -> CheckResult:
        probe = self._name()

        async def observe(url: ServiceUrl, deadline: float, thorough: bool) -> Observation:
            return await self._services.observe(
                url,
                server=due.server,
                probe=probe,
                max_age=due.interval / 2,
                deadline=deadline,
                known=None if thorough else self._facts.service(url),
            )

        result = await self._checker.check(
            target,
            probe=probe,
            observe=None if due.deep else observe,
            afresh=due.afresh,
            ignore=due.ignore,
            deep=due.deep,
            known=None if due.deep else self._facts.server(due.server),
        )
        self._facts.note(result)
        return result


@dataclass(frozen=True, slots=True)
class ScheduledCheck:
    """
    One thing to do for a watched server.

    Attributes:
        at: when, seconds since the epoch.
        interval: the shortest that any room asked for, seconds.
        ignore: finding codes left out of the judgement.
        confirm: only the well-known is fetched again, past every cache, to confirm a changed list.
        afresh: a changed list could not be confirmed yet: the well-known is fetched past every cache.
        payers: user ids of all who asked for the watch; none where the operator did, so that no budget holds.
    """

    server: str
    at: float
    interval: float
    deep: bool = False
    ignore: frozenset[str] = frozenset()
    confirm: bool = False
    afresh: bool = False
    payers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmationResult:
    """
    A confirming fetch of a watched server's well-known.

    Attributes:
        server: as in `ScheduledCheck`.
        at: seconds since the epoch.
    """

    server: str
    answer: WellKnownAnswer
    at: float
