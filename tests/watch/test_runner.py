"""Watched servers over real sockets and TLS: shared probes, whole answers, confirming fetches."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from botkit.outbound import Payer, Purpose
from lab.fault import Fault
from lab.federation import Federation
from lab.nginx import Nginx
from plugins.foci.changes.snapshot import Seen, observe
from plugins.foci.clock import SystemClock
from plugins.foci.model import Verdict
from plugins.foci.probe.shared import SharedProbes
from plugins.foci.report.build import CheckResult
from plugins.foci.watch.runner import CheckRunner, ConfirmationResult, ScheduledCheck
from tests.foci.examination import BRIEF, PATIENT, Examination

RTC = "https://rtc.example.org/livekit/jwt"
INTERVAL = 300.0


@asynccontextmanager
async def inspecting(examination: Examination, limits: object = PATIENT) -> AsyncIterator[CheckRunner]:
    """An inspector for the hosts declared until now; its checks are called check-1, check-2 and so on."""
    async with examination.checker(limits) as checker:  # type: ignore[arg-type]
        services, numbers = SharedProbes(checker.observe, SystemClock().passed), itertools.count(1)
        yield CheckRunner(
            checker, services, SystemClock(), lambda: f"check-{next(numbers)}", partial(Payer, Purpose.WATCH)
        )
        await services.close()


async def checked(runner: CheckRunner, due: ScheduledCheck) -> CheckResult:
    outcome = await runner.inspect(due)
    assert isinstance(outcome, CheckResult)
    return outcome


def foci_of(outcome: CheckResult) -> list[str | None]:
    return [focus.entry.service_url for focus in outcome.report.foci]


def reused(one: CheckResult) -> list[str]:
    """The checks whose observations this one took over."""
    return [judgement.seen.probe for judgement in one.seen.judgements.values() if judgement.seen.probe != one.probe]


def entry(url: str) -> dict[str, str]:
    return {"type": "livekit", "livekit_service_url": url}


async def test_servers_that_share_a_focus_probe_it_once(federation: Federation, examination: Examination) -> None:
    """Due at the same moment or soon after each other: one POST, and each knows whose it was."""
    focus = await federation.focus(RTC)
    for name in ("a.example", "b.example", "c.example"):
        await federation.server(name, foci=[RTC])
    async with inspecting(examination) as runner:
        first, second = await asyncio.gather(
            checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL)),
            checked(runner, ScheduledCheck("b.example", 0.0, INTERVAL)),
        )
        third = await checked(runner, ScheduledCheck("c.example", 0.0, INTERVAL))
    posts = [one for one in focus.site.requests if one.method == "POST" and one.path.endswith("/sfu/get")]
    assert len(posts) == 1
    assert [one.report.verdict for one in (first, second, third)] == [first.report.verdict] * 3
    assert {one.probe for one in (first, second, third)} == {"check-1", "check-2", "check-3"}
    own, other = sorted((first, second), key=lambda one: len(reused(one)))
    assert [reused(one) for one in (own, other, third)] == [[], [own.probe], [own.probe]]


async def test_a_server_checked_again_asks_anew(federation: Federation, examination: Examination) -> None:
    """A check that comes early to make sure of a failure sees the recovery."""
    focus = await federation.focus(RTC, fault=Fault.BAD_GATEWAY)
    await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as runner:
        before = await checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL))
        await federation.set_fault(focus, None)
        after = await checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL))
    assert before.report.foci[0].verdict is Verdict.CRITICAL
    assert after.report.foci[0].verdict is Verdict.OK


async def test_no_check_asks_with_conditions(federation: Federation, examination: Examination) -> None:
    """What the origin would answer with a 304 is seen whole each time, after redirects too."""
    await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC], via=["https://www.a.example/client"])
    server.well_known.headers += (("ETag", '"a"'), ("Last-Modified", "Mon, 23 Nov 2026 06:00:00 GMT"))
    end = await federation.site("www.a.example")
    async with inspecting(examination) as runner:
        outcomes = [await checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL)) for _ in range(2)]
    asked = {name for one in (*server.site.requests, *end.requests) for name in one.headers}
    assert len([one for one in end.requests if one.path == "/client"]) == 2
    assert not asked & {"if-none-match", "if-modified-since", "cache-control"}
    assert observe(outcomes[0].seen.well_known) == observe(outcomes[1].seen.well_known)
    assert outcomes[0].report.findings == outcomes[1].report.findings


async def test_a_confirming_fetch_passes_every_cache(federation: Federation, examination: Examination) -> None:
    """The well-known alone, without conditions, with the header that tells caches to ask the origin."""
    focus = await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as runner:
        await checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL))
        focus.site.requests.clear()
        server.publish([entry(RTC + "/2")])
        outcome = await runner.inspect(ScheduledCheck("a.example", 0.0, INTERVAL, confirm=True))
    assert isinstance(outcome, ConfirmationResult)
    last = server.site.requests[-1]
    assert (last.headers["cache-control"], last.headers.get("if-none-match")) == ("no-cache", None)
    seen = observe(outcome.answer)
    assert isinstance(seen, Seen)
    assert RTC + "/2" in seen.snapshot.entries[0]
    assert not focus.site.requests


async def test_a_confirming_fetch_that_fails_says_so(federation: Federation, examination: Examination) -> None:
    """Nothing was seen then."""
    server = await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as runner:
        await federation.set_fault(server, Fault.REFUSED)
        outcome = await runner.inspect(ScheduledCheck("a.example", 0.0, INTERVAL, confirm=True))
    assert isinstance(outcome, ConfirmationResult)
    assert outcome.answer.report.outcome == "failed"


async def test_a_check_may_pass_every_cache(federation: Federation, examination: Examination) -> None:
    """It is a whole check all the same."""
    await federation.focus(RTC)
    server = await federation.server("a.example", foci=[RTC])
    async with inspecting(examination) as runner:
        await checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL))
        server.publish([entry(RTC + "/2"), entry(RTC)])
        second = await checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL, afresh=True))
        last = next(one for one in reversed(server.site.requests) if one.path.endswith("/client"))
    assert (last.headers["cache-control"], last.headers.get("if-none-match")) == ("no-cache", None)
    assert len(second.report.foci) == 2


async def test_ignored_codes_of_a_watch_are_left_out(federation: Federation, examination: Examination) -> None:
    """As if the configuration had said so."""
    await federation.focus(RTC)
    await federation.server("a.example", foci=[RTC], delayed_events=False)
    async with inspecting(examination) as runner:
        plain = await checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL))
        ignoring = ScheduledCheck("a.example", 0.0, INTERVAL, ignore=frozenset({"delayed-events-missing"}))
        without = await checked(runner, ignoring)
    assert "delayed-events-missing" in [one.code for one in plain.report.findings]
    assert "delayed-events-missing" not in [one.code for one in without.report.findings]


async def test_a_black_hole_ends_by_the_deadline(federation: Federation, examination: Examination) -> None:
    """Also for those that wait for somebody else's probe of it."""
    await federation.focus(RTC, fault=Fault.BLACKHOLE)
    for name in ("a.example", "b.example"):
        await federation.server(name, foci=[RTC])
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with inspecting(examination, BRIEF) as runner:
        outcomes = await asyncio.gather(
            checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL)),
            checked(runner, ScheduledCheck("b.example", 0.0, INTERVAL)),
        )
    assert loop.time() - started < 5 * BRIEF.deadline
    assert {one.report.foci[0].verdict for one in outcomes} == {Verdict.CRITICAL}
    assert sum(len(reused(one)) for one in outcomes) == 1


@pytest.mark.usefixtures("nginx")
async def test_a_change_that_validators_hide_is_seen_at_once(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """nginx makes its tag of time and size: in images whose files have a fixed time a reordered list keeps both."""
    await federation.focus(RTC)
    await federation.server("a.example", foci=[RTC])
    nginx = Nginx(tmp_path / "nginx", federation)

    def publish(*numbers: int) -> None:
        foci = [{"type": "livekit", "livekit_service_url": f"{RTC}/{number}"} for number in numbers]
        nginx.publish("client.json", json.dumps({"org.matrix.msc4143.rtc_foci": foci}))
        os.utime(nginx.directory / "www" / "client.json", (1, 1))

    publish(1, 2)
    location = "location = /.well-known/matrix/client { default_type application/json; alias www/client.json; }"
    await nginx.start({"a.example": location})
    try:
        async with inspecting(examination) as runner:
            first = await checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL))
            publish(2, 1)
            second = await checked(runner, ScheduledCheck("a.example", 0.0, INTERVAL))
    finally:
        await nginx.stop()
    assert [foci_of(outcome) for outcome in (first, second)] == [[f"{RTC}/1", f"{RTC}/2"], [f"{RTC}/2", f"{RTC}/1"]]
