"""What a check of a watched server asks, over real sockets: little while nothing changes, else everything."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from botkit.outbound import Payer, Purpose
from botkit.outbound.dns import Resolution, Resolver
from lab.fault import Fault
from lab.federation import Federation
from lab.focus import Focus
from lab.homeserver import STABLE_TRANSPORTS, UNSTABLE_TRANSPORTS, USERINFO, VERSION, Transports
from lab.wellknown import PATH as WELL_KNOWN
from plugins.foci.discovery.target import parse_target
from plugins.foci.probe.shared import SharedProbes
from plugins.foci.report.build import CheckResult
from plugins.foci.watch.memory import HOUR, SeldomFacts
from plugins.foci.watch.runner import CheckRunner, ScheduledCheck
from tests.foci import scenes
from tests.foci.examination import PATIENT, Examination
from tests.foci.report.test_as_json import SCENES
from tests.outbound.standins import NameTable

NAME = "a.example"
RTC = "https://rtc.example.org/livekit/jwt"
OTHER = "https://other.example.org/livekit/jwt"
INTERVAL = 300.0

HOMESERVER = Counter(
    {
        ("GET", "/_matrix/client/versions"): 1,
        ("GET", UNSTABLE_TRANSPORTS): 1,
        ("OPTIONS", UNSTABLE_TRANSPORTS): 1,
        ("GET", STABLE_TRANSPORTS): 1,
        ("GET", USERINFO): 1,
        ("GET", VERSION): 1,
    }
)
SITE = Counter({("GET", WELL_KNOWN): 1, ("GET", "/.well-known/matrix/server"): 1})
POST = Counter({("POST", "/livekit/jwt/sfu/get"): 1})
BESIDES = Counter(
    {
        ("OPTIONS", "/livekit/jwt/sfu/get"): 1,
        ("POST", "/livekit/jwt/get_token"): 1,
        ("HEAD", "/livekit/jwt/healthz"): 1,
    }
)
QUIET = Counter({("GET", WELL_KNOWN): 1}) + POST
ALL = SITE + HOMESERVER + POST + BESIDES


class Watch:
    """A watched server, its clock in the test's hands."""

    def __init__(self, federation: Federation, runner: CheckRunner, clock: _Clock) -> None:
        self._federation = federation
        self._runner = runner
        self._clock = clock

    async def round(self, *, after: float = INTERVAL, server: str = NAME, **due: Any) -> CheckResult:
        """Its next check."""
        for site in self._federation.sites.values():
            site.requests.clear()
        self._clock.seconds += after
        result = await self._runner.inspect(ScheduledCheck(server, 0.0, INTERVAL, **due))
        assert isinstance(result, CheckResult)
        return result

    def asked(self) -> Counter[tuple[str, str]]:
        """The requests of the last check."""
        return Counter((one.method, one.path) for site in self._federation.sites.values() for one in site.requests)


class _Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return 1_800_000_000.0 + self.seconds

    def passed(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits here")


@asynccontextmanager
async def watching(federation: Federation, examination: Examination) -> AsyncIterator[Watch]:
    """Of the hosts declared until now."""
    async with examination.checker(PATIENT) as checker:
        clock, numbers = _Clock(), itertools.count(1)
        services, payer = SharedProbes(checker.observe, clock.passed), partial(Payer, Purpose.WATCH)
        yield Watch(federation, CheckRunner(checker, services, clock, lambda: f"check-{next(numbers)}", payer), clock)
        await services.close()


def ages(result: CheckResult) -> dict[tuple[str, int | None], float]:
    return {(one.what, one.focus): one.age for one in result.report.remembered}


def told(result: CheckResult) -> tuple[object, ...]:
    """What a report says that must not depend on what was asked this time."""
    report = result.report
    findings = sorted((one.code, one.focus or 0, one.message, one.advice) for one in report.findings)
    return report.verdict, report.summary, findings, report.clients, report.transports


async def test_a_quiet_round_asks_the_well_known_and_the_service(
    federation: Federation, examination: Examination
) -> None:
    """The first round asks for everything; what later ones do not ask is told with its age, and judged the same."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC], delayed_events=False)
    async with watching(federation, examination) as watch:
        first = await watch.round()
        assert (watch.asked(), ages(first)) == (ALL, {})
        for number in range(1, 4):
            quiet = await watch.round()
            assert watch.asked() == QUIET
            assert ages(quiet) == {("homeserver", None): number * INTERVAL, ("service", 1): number * INTERVAL}
            assert told(quiet) == told(first)
    assert "delayed-events-missing" in [one.code for one in first.report.findings]


async def test_each_address_family_is_posted_to_on_a_connection_of_its_own(
    federation: Federation, examination: Examination
) -> None:
    """Every round shows whether both work."""
    await federation.focus(RTC, dual_stack=True)
    await federation.server(NAME, foci=[RTC])
    async with watching(federation, examination) as watch:
        await watch.round()
        quiet = await watch.round()
        assert watch.asked() == QUIET + POST
        seen = next(iter(quiet.seen.judgements.values())).seen
        assert sorted(place.family for place in seen.main) == [4, 6]
        await federation.set_host_fault("rtc.example.org", Fault.DEAD_IPV6)
        broken = await watch.round()
        assert watch.asked() == ALL
    assert "address-family-broken" in [one.code for one in broken.report.findings]
    assert ages(broken) == {}


def _list_changed(watch: Any, server: Any, focus: Focus) -> None:
    server.publish([{"type": "livekit", "livekit_service_url": RTC, "livekit_alias": "x"}])


def _headers_changed(watch: Any, server: Any, focus: Focus) -> None:
    server.well_known.headers = tuple(one for one in server.well_known.headers if "Origin" not in one[0])


def _document_changed(watch: Any, server: Any, focus: Focus) -> None:
    server.publish([{"type": "livekit", "livekit_service_url": RTC}], note="not of the list")


@pytest.mark.parametrize("change", [_list_changed, _headers_changed, _document_changed])
async def test_a_changed_well_known_asks_for_everything_at_once(
    federation: Federation, examination: Examination, change: Callable[[Any, Any, Focus], None]
) -> None:
    """In the same round, the services included; the round after is quiet again."""
    focus = await federation.focus(RTC)
    server = await federation.server(NAME, foci=[RTC])
    async with watching(federation, examination) as watch:
        await watch.round()
        change(watch, server, focus)
        changed = await watch.round()
        assert (watch.asked(), ages(changed)) == (ALL, {})
        await watch.round()
        assert watch.asked() == QUIET


@pytest.mark.parametrize("fault", [Fault.BAD_GATEWAY, Fault.REFUSED, Fault.TLS_EXPIRED])
async def test_a_failing_service_asks_for_everything_until_it_works(
    federation: Federation, examination: Examination, fault: Fault
) -> None:
    """No round of an outage goes by what was known before it, nor the one that sees its end."""
    focus = await federation.focus(RTC)
    other = await federation.focus(OTHER)
    await federation.server(NAME, foci=[RTC, OTHER])
    async with watching(federation, examination) as watch:
        await watch.round()
        await watch.round()
        assert watch.asked() == QUIET + POST
        await federation.set_fault(focus, fault)
        for _ in range(2):
            failing = await watch.round()
            assert watch.asked() >= HOMESERVER + SITE
            assert Counter((one.method, one.path) for one in other.site.requests) == POST + BESIDES
            assert ages(failing) == {}
        await federation.set_fault(focus, None)
        await watch.round()
        assert watch.asked() == ALL + POST + BESIDES
        await watch.round()
        assert watch.asked() == QUIET + POST


async def test_what_seldom_changes_is_seen_after_an_hour(federation: Federation, examination: Examination) -> None:
    """Not before, and then for certain; a service keeps time of its own."""
    await federation.focus(RTC)
    server = await federation.server(NAME, foci=[RTC])
    async with watching(federation, examination) as watch:
        await watch.round()
        server.homeserver.delayed_events = False
        while (quiet := await watch.round()).report.remembered:
            assert "delayed-events-missing" not in [one.code for one in quiet.report.findings]
            assert max(ages(quiet).values()) < HOUR
        assert watch.asked() == ALL
        assert "delayed-events-missing" in [one.code for one in quiet.report.findings]


async def test_a_failure_of_what_seldom_changes_is_asked_again_each_round(
    federation: Federation, examination: Examination
) -> None:
    """It may pass: neither it nor what it makes of the report is remembered."""
    await federation.focus(RTC)
    server = await federation.server(NAME, foci=[RTC])
    server.homeserver.transports = Transports.BROKEN
    async with watching(federation, examination) as watch:
        for _ in range(2):
            await watch.round()
            assert watch.asked() >= HOMESERVER
        server.homeserver.transports = Transports.ABSENT
        healed = await watch.round()
        assert healed.report.transports.endpoint == "absent"
        await watch.round()
        assert watch.asked() == QUIET


@pytest.mark.parametrize("breakage", ["versions", "openid"])
async def test_a_homeserver_that_answers_wrongly_is_not_remembered(
    federation: Federation, examination: Examination, breakage: str
) -> None:
    """Its recovery is seen at the next check, as with rounds that ask for everything."""
    await federation.focus(RTC)
    server = await federation.server(NAME, foci=[RTC])
    setattr(server.homeserver, breakage, None if breakage == "versions" else False)
    async with watching(federation, examination) as watch:
        broken = await watch.round()
        setattr(server.homeserver, breakage, {"versions": ["v1.1"]} if breakage == "versions" else True)
        healed = await watch.round()
    code = {"versions": "base-url-invalid", "openid": "openid-userinfo-unreachable"}[breakage]
    assert code in [one.code for one in broken.report.findings]
    assert code not in [one.code for one in healed.report.findings]


async def test_what_somebody_asks_for_asks_for_everything(federation: Federation, examination: Examination) -> None:
    """As often as they ask; what watching remembers is not for them."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])
    async with watching(federation, examination) as watch:
        await watch.round()
    async with examination.checker(PATIENT) as checker:
        for site in federation.sites.values():
            site.requests.clear()
        for _ in range(2):
            result = await checker.check(parse_target(NAME))
            assert ages(result) == {}
    assert watch.asked() == ALL + ALL


async def test_servers_that_share_a_service_share_what_is_known_of_it(
    federation: Federation, examination: Examination
) -> None:
    """It is asked for everything once an hour, not once an hour for each of them."""
    focus = await federation.focus(RTC)
    for name in (NAME, "b.example"):
        await federation.server(name, foci=[RTC])
    async with watching(federation, examination) as watch:
        await watch.round()
        asked = Counter((one.method, one.path) for one in focus.site.requests)
        assert asked == POST + BESIDES
        await watch.round(server="b.example")
        assert Counter((one.method, one.path) for one in focus.site.requests) == POST


@pytest.mark.parametrize("scene", SCENES)
async def test_no_report_depends_on_what_was_asked_this_time(
    federation: Federation, names: NameTable, examination: Examination, scene: str
) -> None:
    """Whatever a server publishes and however it answers: a later round says what the first one said."""
    await SCENES[scene](federation, names)
    async with watching(federation, examination) as watch:
        first = await watch.round(server=scenes.NAME)
        for _ in range(2):
            assert told(await watch.round(server=scenes.NAME)) == told(first)


@pytest.mark.parametrize("listed", [RTC, OTHER])
async def test_lists_that_differ_on_the_own_homeserver_are_not_remembered(
    federation: Federation, examination: Examination, listed: str
) -> None:
    """An alert about that wants several checks that saw it."""
    await federation.focus(RTC)
    await federation.focus(OTHER)
    entries = [{"type": "livekit", "livekit_service_url": listed}]
    await federation.server(NAME, foci=[RTC], transports=Transports.OPEN, transports_list=entries)
    async with watching(federation, examination) as watch:
        result = await watch.round()
    facts = SeldomFacts(_Clock().passed, lambda: 1.0)
    facts.note(replace(result, own=True))
    assert (facts.server(NAME) is not None) is (listed == RTC)
    facts.note(result)
    assert facts.server(NAME) is not None


async def test_a_host_is_looked_up_once_for_all_that_is_asked_of_it_together(
    federation: Federation, examination: Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base URL's host is asked as homeserver and as federation API, by two parts of the check."""
    asked: Counter[str] = Counter()
    resolve = Resolver.resolve

    async def counted(resolver: Resolver, host: str, port: int, *, deadline: float) -> Resolution:
        asked[host] += 1
        return await resolve(resolver, host, port, deadline=deadline)

    monkeypatch.setattr(Resolver, "resolve", counted)
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])
    async with watching(federation, examination) as watch:
        await watch.round()
        assert asked == {NAME: 2, "matrix.a.example": 2, "rtc.example.org": 1}
        asked.clear()
        await watch.round()
        assert asked == {NAME: 1, "rtc.example.org": 1}


async def test_no_more_is_remembered_than_is_allowed_or_young(federation: Federation, examination: Examination) -> None:
    """The oldest goes first; what is over an hour old is gone, watched or not."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])
    async with watching(federation, examination) as watch:
        result = await watch.round()
    clock, names = _Clock(), ["a.example", "b.example", "c.example"]
    facts = SeldomFacts(clock.passed, lambda: 1.0, most=2)
    for name in names:
        facts.note(replace(result, report=replace(result.report, server_name=name)))
        clock.seconds += 1
    assert [facts.server(name) is not None for name in names] == [False, True, True]
    clock.seconds += HOUR - 2
    assert [facts.server(name) is not None for name in names] == [False, False, True]
