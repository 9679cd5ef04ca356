"""The schedule on the real clock, over real sockets: what swallows everything costs the others nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from botkit.outbound import OutboundClient, Payer, Purpose
from botkit.plugin import Limits
from lab.fault import Fault
from lab.federation import Federation
from plugins.foci.checker import Checker
from plugins.foci.clock import SystemClock
from plugins.foci.model import Verdict
from plugins.foci.probe.observation import ProbeSettings
from plugins.foci.probe.shared import SharedProbes
from plugins.foci.report.build import CheckResult, CheckSettings
from plugins.foci.watch.limiter import ConcurrencyLimiter
from plugins.foci.watch.runner import CheckRunner, ScheduledCheck
from plugins.foci.watch.scheduler import Scheduler, WatchResult
from tests.foci.examination import Examination
from tests.matrix.patience import until
from tests.watch.standins import StandInWatchService

REQUESTS = 16
LIMITS = Limits(timeout=3.0, deadline=12.0, concurrency=REQUESTS)
INTERVAL = 2.0


class Keeping(StandInWatchService):
    """Keeps what was found of each server as well."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.verdicts: dict[str, list[Verdict]] = {}

    async def take(self, outcome: WatchResult, now: float) -> tuple[ScheduledCheck, ...]:
        assert isinstance(outcome, CheckResult)
        self.verdicts.setdefault(outcome.server, []).append(outcome.report.verdict)
        return await super().take(outcome, now)


async def test_servers_among_many_black_holes_are_checked_well(
    federation: Federation, examination: Examination
) -> None:
    """Thirty silent servers want more requests than there may be; five others get their verdict, time after time."""
    for number in range(30):
        await federation.server(f"hole{number}.example", foci=[], crowd="holes")
    await federation.set_host_fault("hole0.example", Fault.BLACKHOLE)
    for number in range(5):
        await federation.focus(f"https://rtc{number}.example/jwt", crowd="well")
        await federation.server(f"well{number}.example", foci=[f"https://rtc{number}.example/jwt"], crowd="well")
    clock = SystemClock()
    names = [f"hole{number}.example" for number in range(30)] + [f"well{number}.example" for number in range(5)]
    watch_service = Keeping(clock, [ScheduledCheck(name, clock.now(), INTERVAL) for name in names])
    settings = CheckSettings(probe=ProbeSettings(patience=LIMITS.timeout))
    outbound = replace(examination.outbound(LIMITS), concurrency=REQUESTS)
    async with OutboundClient(outbound) as client:
        checker = Checker(client, None, LIMITS, settings, lambda: datetime.now(UTC))
        services = SharedProbes(checker.observe, clock.passed)
        runner = CheckRunner(checker, services, clock, lambda: str(clock.passed()), partial(Payer, Purpose.WATCH))
        limiter = ConcurrencyLimiter(REQUESTS, clock, LIMITS.timeout / 2)
        scheduler = Scheduler(watch_service, runner.inspect, limiter, clock)
        running = asyncio.ensure_future(scheduler.run())
        well = names[30:]
        await until(lambda: all(len(watch_service.verdicts.get(name, ())) >= 4 for name in well), within=90.0)
        await until(lambda: any(name in watch_service.verdicts for name in names[:30]), within=90.0)
        running.cancel()
        await asyncio.wait([running])
        await services.close()
    assert {verdict for name in well for verdict in watch_service.verdicts[name]} == {Verdict.OK}
    assert {verdict for name in names[:30] for verdict in watch_service.verdicts.get(name, ())} <= {
        Verdict.UNKNOWN,
        Verdict.CRITICAL,
    }
    counts = [len(watch_service.verdicts.get(name, ())) for name in names[:30]]
    assert max(counts) <= min(len(watch_service.verdicts[name]) for name in well)
