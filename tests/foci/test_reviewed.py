"""Truths that were told wrongly once: each of these reports said too much, too little or the wrong cause."""

from __future__ import annotations

import json
from typing import Any

import pytest

from botkit.outbound.model import Exchange, FailureKind, Phase
from botkit.plugin import Limits
from lab.fault import Fault
from lab.federation import Federation
from lab.homeserver import Transports
from lab.wellknown import WellKnown
from plugins.foci.model import Certainty, Report, Verdict
from plugins.foci.probe.judge import judge
from plugins.foci.probe.observation import Observation, ProbeSettings
from plugins.foci.service_url import read_service_url, read_sfu_url
from tests.foci.evidence import ANY_ORIGIN, NOW, RTC, V4, V6, answered, failed
from tests.foci.examination import Examination

REFUSED = failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT)
NO_ROUTE = failed(FailureKind.NO_ROUTE, Phase.CONNECT)
SERVICE = answered(400, {"errcode": "M_BAD_JSON", "error": "Missing room parameter"}, ANY_ORIGIN)
GOOD = {"type": "livekit", "livekit_service_url": "https://rtc.example.org"}


def finds(report: Report) -> dict[str, str]:
    return {row.client: row.finds_focus for row in report.clients}


async def test_silent_foci_do_not_hide_the_homeserver(federation: Federation, examination: Examination) -> None:
    """A list of silent services takes the check's slots until its end; what the homeserver says is known by then."""
    silent = [f"https://silent-{number}.example.org" for number in range(6)]
    for url in silent:
        await federation.focus(url, fault=Fault.NEVER_SPEAKS_TLS)
    await federation.server("example.org", foci=silent, transports=Transports.OPEN_WITHOUT_KEY)
    report = await examination("example.org", limits=Limits(timeout=4.0, deadline=4.0))
    assert "transports-empty" in {found.code for found in report.findings}


def test_a_family_that_this_machine_lacks_hides_no_refusal() -> None:
    """Refused over IPv4, no route over IPv6: the focus is down, as clients with IPv4 see it."""
    seen = Observation(read_service_url(RTC), ("192.0.2.7", "2001:db8::7"), None, 1.0, {V4: REFUSED, V6: NO_ROUTE})
    assert judge(seen, NOW, ProbeSettings()).certainty is Certainty.DEFINITE


@pytest.mark.parametrize("get_token", [answered(502, b"<html>", {}), answered(200, b"<html>", {}), REFUSED])
def test_a_dead_newer_endpoint_is_said(get_token: Exchange) -> None:
    """/sfu/get works and /get_token does not: newer calls fail, and that is no clean bill of health."""
    seen = Observation(read_service_url(RTC), ("192.0.2.7",), None, 1.0, {V4: SERVICE}, get_token=get_token)
    assert [found.code for found in judge(seen, NOW, ProbeSettings()).findings] == ["matrix2-endpoint-missing"]


def test_a_rate_limit_on_the_further_requests_proves_nothing() -> None:
    """429 on /get_token and on the preflight meets this prober, not the clients."""
    busy = answered(429, b"{}", {})
    seen = Observation(read_service_url(RTC), ("192.0.2.7",), None, 1.0, {V4: SERVICE}, preflight=busy, get_token=busy)
    assert judge(seen, NOW, ProbeSettings()).findings == ()


def test_ok_at_the_root_is_no_sfu_that_refuses_to_validate() -> None:
    """The root answers OK, /rtc/validate 502: clients of that SFU get nowhere."""
    url = read_sfu_url("wss://sfu.example.org")
    seen = Observation(url, ("192.0.2.7",), None, 1.0, {V4: answered(502, b"", {})}, root=answered(200, b"OK", {}))
    assert judge(seen, NOW, ProbeSettings()).certainty is Certainty.DEFINITE


async def test_only_the_key_that_element_web_reads_counts_for_it(
    federation: Federation, examination: Examination
) -> None:
    """A list under m.rtc_foci alone is found by Element X, whose SDK reads that key, and by nobody else."""
    await federation.focus("https://rtc.example.org")
    document = {"m.homeserver": {"base_url": "https://matrix.example.org"}, "m.rtc_foci": [GOOD]}
    await federation.server("example.org", well_known=document, transports="absent")
    report = await examination("example.org")
    assert finds(report) == {
        "element-web": "no",
        "element-x": "yes",
        "element-call-0.28": "no",
        "element-call-0.24": "no",
        "element-call-0.19": "no",
        "element-call-0.16": "no",
    }


@pytest.mark.parametrize(
    ("listed", "web"), [([GOOD, {"type": "livekit"}], "yes"), ([None, GOOD], "no"), ([GOOD, None], "yes")]
)
async def test_one_bad_transport_stops_the_strict(
    federation: Federation, examination: Examination, listed: list[Any], web: str
) -> None:
    """One bad entry voids the transports list for Element X; a null before the good one stops Element Web."""
    await federation.focus("https://rtc.example.org")
    await federation.server("example.org", foci=[GOOD], transports="open", transports_list=listed)
    found = finds(await examination("example.org"))
    assert (found["element-x"], found["element-web"], found["element-call-0.24"]) == ("no", web, web)


async def test_a_list_in_both_places_is_found_where_cors_lets_one_through(
    federation: Federation, examination: Examination
) -> None:
    """Browsers cannot read the well-known, but the open endpoint lists the same focus."""
    await federation.focus("https://rtc.example.org")
    await federation.server("example.org", foci=[GOOD], transports="open", fault=Fault.CORS_MISSING)
    found = finds(await examination("example.org"))
    assert (found["element-web"], found["element-call-0.19"]) == ("yes", "no")


@pytest.mark.parametrize("host", ["matrix.example.org", "matrix.example.org:8448"])
@pytest.mark.parametrize(("copy", "element_x"), [(True, "yes"), (False, "no")])
async def test_element_x_turns_to_the_well_known_of_the_base_url(
    federation: Federation, examination: Examination, host: str, copy: bool, element_x: str
) -> None:
    """Both keys void the server name's document for Element X; what the base_url's host lists is fetched and probed."""
    focus = await federation.focus("https://rtc.example.org")
    base = {"m.homeserver": {"base_url": f"https://{host}"}}
    document = {**base, "org.matrix.msc4143.rtc_foci": [], "m.rtc_foci": []}
    await federation.server("example.org", well_known=document, base_url=f"https://{host}", transports="absent")
    if copy:
        WellKnown(await federation.site(host), {**base, "org.matrix.msc4143.rtc_foci": [focus.entry]})
    report = await examination("example.org")
    row = next(row for row in report.clients if row.client == "element-x")
    assert (row.finds_focus, row.uses_focus) == (element_x, None)
    assert ("https://rtc.example.org" in row.reason) is copy
    assert report.foci == ()
    assert report.verdict is Verdict.CRITICAL


async def test_the_first_line_names_the_cause_that_decided(federation: Federation, examination: Examination) -> None:
    """A warning about the whole server does not push the broken focus out of the summary."""
    focus = await federation.focus("https://rtc.example.org", fault=Fault.WAF_CHALLENGE)
    await federation.server("example.org", foci=[focus.entry], transports="absent")
    report = await examination("example.org")
    assert report.verdict is Verdict.UNKNOWN
    assert "bot challenge" in report.summary
    assert "transports endpoint" not in report.summary


async def test_what_to_publish_keeps_what_is_known(federation: Federation, examination: Examination) -> None:
    """A migrated server is shown its own base URL and its own list, not invented ones."""
    await federation.focus("https://rtc.example.org")
    await federation.server(
        "example.org",
        base_url="https://example.org",
        fault=Fault.ABSENT,
        transports="open",
        transports_list=[GOOD],
    )
    report = await examination("example.org")
    snippet = next(found.snippet for found in report.findings if found.code == "well-known-absent")
    assert snippet is not None
    assert json.loads(snippet) == {
        "m.homeserver": {"base_url": "https://example.org"},
        "org.matrix.msc4143.rtc_foci": [GOOD],
    }
