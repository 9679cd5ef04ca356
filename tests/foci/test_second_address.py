"""A host with a good and a bad address: the same verdict, check after check, in whatever order DNS names the two."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lab.exchange import Answer, Request, json_answer
from lab.fault import Fault
from lab.federation import Federation
from lab.front import Mount, Site
from plugins.foci.changes.snapshot import Unseen, observe
from plugins.foci.checker import Checker
from plugins.foci.discovery.target import parse_target
from plugins.foci.model import MSC4143_KEY, Report, Verdict
from tests.foci.examination import PATIENT, Examination
from tests.foci.scenes import BASE_URL, ENTRY, NAME, RTC

ROW = 50
FEW = 10
AT_ONCE = 5
RTC_HOST, HOMESERVER = "rtc.example.org", "matrix.example.org"

Spoil = Callable[[Federation, str, bool], Awaitable[Any]]


def faulty(fault: Fault | None) -> Spoil:
    """The second address has a fault of the connection, or nothing but 404."""

    async def spoil(federation: Federation, host: str, lowest: bool) -> None:
        await federation.second_address(host, fault=fault, lowest=lowest)

    return spoil


def answering(status: int, body: Any) -> Spoil:
    """The second address answers everything so."""

    async def answer(_: Request) -> Answer:
        return json_answer(status, body)

    async def spoil(federation: Federation, host: str, lowest: bool) -> None:
        (await federation.second_address(host, lowest=lowest)).mount(Mount("", answer))

    return spoil


IN_A_ROW = {"another certificate", "404", "dead"}
SPOILT = {
    "another certificate": (faulty(Fault.TLS_WRONG_NAME), "certificate is for"),
    "no certificate": (faulty(Fault.TLS_NAME_FAILS), "has no certificate"),
    "client certificate": (faulty(Fault.TLS_CLIENT_CERTIFICATE), "demands a client certificate"),
    "404": (faulty(None), "HTTP 404"),
    "dead": (faulty(Fault.REFUSED), "connection refused"),
    "reset": (faulty(Fault.RESET_AFTER_CONNECT), "reset or closed"),
    "500": (answering(500, {}), "HTTP 500"),
}


async def _checked(federation: Federation, examination: Examination, checks: int = FEW) -> list[Report]:
    """So many checks, half of them with the addresses in the other order."""

    async def one(checker: Checker) -> Report:
        return (await checker.check(parse_target(NAME))).report

    reports = []
    for _ in range(2):
        async with examination.checker(PATIENT) as checker:
            for _ in range(checks // 2 // AT_ONCE):
                reports += await asyncio.gather(*(one(checker) for _ in range(AT_ONCE)))
        for host in (NAME, RTC_HOST, HOMESERVER):
            federation.rotate(host)
    assert len(reports) == checks
    return reports


def _told(reports: list[Report]) -> Counter[tuple[Any, ...]]:
    """Verdict, summary, stages and findings, each combination once; addresses of this machine's choice included."""
    return Counter(
        (
            report.verdict,
            report.summary,
            tuple((stage.stage, stage.outcome, stage.detail) for focus in report.foci for stage in focus.stages),
            tuple((found.code, found.message) for found in report.findings),
        )
        for report in reports
    )


@pytest.mark.parametrize(
    ("how", "host", "lowest"),
    [
        (how, host, lowest)
        for how in SPOILT
        for host in (RTC_HOST, NAME, HOMESERVER)
        for lowest in (True, False)
        if lowest or how in IN_A_ROW
    ],
)
async def test_one_good_and_one_bad_address(
    federation: Federation, examination: Examination, how: str, host: str, lowest: bool
) -> None:
    """A warning that names the address and what is wrong there, every time the same."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])
    spoil, words = SPOILT[how]
    await spoil(federation, host, lowest)
    # The bad one is the first in the order of addresses: a check that asks only one would ask that.
    reports = await _checked(federation, examination, ROW if how in IN_A_ROW and lowest and host != HOMESERVER else FEW)
    [(verdict, _, _, findings)] = _told(reports)
    assert verdict is Verdict.WARNING
    [(code, message)] = findings
    assert code == "addresses-differ"
    assert f"1 of 2 addresses of `{host}` fails" in message
    assert words in message


@pytest.mark.parametrize("host", [RTC_HOST, NAME])
async def test_two_bad_addresses(federation: Federation, examination: Examination, host: str) -> None:
    """Where none works the server is critical, by the failure that got furthest, every time the same."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])
    await federation.set_host_fault(host, Fault.REFUSED)
    await federation.second_address(host, fault=Fault.TLS_WRONG_NAME)
    [(verdict, summary, _, findings)] = _told(await _checked(federation, examination))
    assert verdict is Verdict.CRITICAL
    assert "certificate is for" in summary
    assert len(findings) == 1


@pytest.mark.parametrize(
    ("fault", "verdict", "words"),
    [
        (Fault.REFUSED, Verdict.CRITICAL, "connection refused"),
        (Fault.TLS_EXPIRED, Verdict.CRITICAL, "expired"),
        (Fault.RESET_AFTER_CONNECT, Verdict.CRITICAL, "reset or closed"),
        (Fault.BAD_GATEWAY, Verdict.CRITICAL, "HTTP 502"),
        (Fault.FORBIDDEN, Verdict.UNKNOWN, "HTTP 403"),
    ],
)
@pytest.mark.parametrize("lowest", [True, False])
async def test_a_failing_well_known_beside_an_old_machine(
    federation: Federation, examination: Examination, fault: Fault, verdict: Verdict, words: str, lowest: bool
) -> None:
    """The 404 of a machine left in DNS does not make the list withdrawn: the outage is told, to the watch as well."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC], fault=fault)
    await federation.second_address(NAME, lowest=lowest)
    async with examination.checker(PATIENT) as checker:
        checked, confirmed = await checker.check(parse_target(NAME)), await checker.confirm(parse_target(NAME))
    assert checked.report.verdict is verdict
    assert any(words in found.message for found in checked.report.findings)
    assert [isinstance(observe(answer), Unseen) for answer in (checked.seen.well_known, confirmed)] == [True, True]
    assert [found.code for found in checked.report.findings if "like the others" in found.advice] == []


@pytest.mark.parametrize("location", ["https://example.org/.well-known/matrix/client", "https://www.example.org/"])
async def test_a_redirect_beside_the_document(federation: Federation, examination: Examination, location: str) -> None:
    """Wherever it leads, to itself or to another host: that the addresses differ is told."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])

    async def moved(_: Request) -> Answer:
        return Answer(301, b"", (("Location", location),))

    (await federation.second_address(NAME, lowest=True)).mount(Mount("", moved))
    [(verdict, _, _, findings)] = _told(await _checked(federation, examination))
    assert verdict is Verdict.WARNING
    [(code, message)] = findings
    assert code == "addresses-differ"
    assert "a redirect (HTTP 301)" in message


@pytest.mark.parametrize("host", [RTC_HOST, NAME])
async def test_of_many_addresses_four_are_asked(federation: Federation, examination: Examination, host: str) -> None:
    """The message counts those that were asked, and says how many there are."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])
    for _ in range(5):
        await federation.second_address(host, fault=Fault.REFUSED)
    [found] = (await examination(NAME)).findings
    assert found.code == "addresses-differ"
    assert f"3 of the 4 asked of 6 addresses of `{host}` fail" in found.message


async def test_two_addresses_with_different_lists(federation: Federation, examination: Examination) -> None:
    """One of two publishes an older list: always the same one is reported, and that they differ."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])
    older = {"m.homeserver": {"base_url": BASE_URL}, MSC4143_KEY: [ENTRY, {**ENTRY, "livekit_alias": "old"}]}

    async def answer(_: Request) -> Answer:
        return json_answer(200, older, ("Access-Control-Allow-Origin", "*"))

    (await federation.second_address(NAME)).mount(Mount("/.well-known/matrix/client", answer, exact=True))
    [(verdict, _, _, findings)] = _told(await _checked(federation, examination))
    assert verdict is Verdict.WARNING
    assert ["another document" in message for code, message in findings if code == "addresses-differ"] == [True]


async def test_a_service_whose_older_machine_lacks_an_endpoint(
    federation: Federation, examination: Examination
) -> None:
    """What is asked of one address alone is asked of the same one every time."""
    await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])
    site: Site = await federation.second_address(RTC_HOST)

    async def older(request: Request) -> Answer:
        if request.path.endswith("/sfu/get"):
            return json_answer(400, {"errcode": "M_BAD_JSON"}, ("Access-Control-Allow-Origin", "*"))
        return json_answer(404, {})

    site.mount(Mount("/livekit/jwt", older))
    assert len(_told(await _checked(federation, examination))) == 1


async def test_a_certificate_that_ends_soon_at_one_address(federation: Federation, examination: Examination) -> None:
    """It is told although the other address has a good one."""
    focus = await federation.focus(RTC)
    await federation.server(NAME, foci=[RTC])
    other = await federation.second_address(RTC_HOST, fault=Fault.TLS_NEAR_EXPIRY)
    for endpoint in ("/sfu/get", "/get_token"):
        other.mount(Mount(f"/livekit/jwt{endpoint}", focus.site.answer, exact=True))
    [(verdict, _, _, findings)] = _told(await _checked(federation, examination))
    assert (verdict, [code for code, _ in findings]) == (Verdict.WARNING, ["tls-expiring"])
