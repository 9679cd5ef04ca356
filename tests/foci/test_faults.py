"""Each fault that the lab can play, at the focus and at the well-known: no crash, no hang, no false green."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from lab.authority import Authority
from lab.fault import Fault, Layer
from lab.federation import Federation
from plugins.foci.discovery.target import parse_target
from plugins.foci.model import OPEN_STAGES, Report, Stage, Verdict
from tests.foci import scenes
from tests.foci.examination import BRIEF, PATIENT, Examination
from tests.foci.scenes import NAME
from tests.lab.client import has_ipv6

CRITICAL, UNKNOWN, WARNING, OK, _ = Verdict
ADDRESS, CONNECT, TLS, HTTP, AUTHORISATION = OPEN_STAGES

NOBODY = "127.0.0.1:9"
"""A name server that is not there: every name is served by the lab."""

NEVER_ENDS = {
    Fault.BLACKHOLE,
    Fault.NEVER_SPEAKS_TLS,
    Fault.SLOW_HEADERS,
    Fault.SILENT_AFTER_REQUEST,
    Fault.SLOW_BODY,
}
NEEDS_IPV6 = {Fault.DEAD_IPV6, Fault.DEAD_IPV4}

AT_FOCUS = [
    (Fault.REFUSED, CRITICAL, ADDRESS, ["connect-refused"]),
    (Fault.BLACKHOLE, CRITICAL, ADDRESS, ["connect-timeout"]),
    (Fault.RESET_AFTER_CONNECT, CRITICAL, CONNECT, ["connect-reset"]),
    (Fault.CLOSED_AFTER_CONNECT, CRITICAL, CONNECT, ["connect-reset"]),
    (Fault.NEVER_SPEAKS_TLS, CRITICAL, CONNECT, ["tls-timeout"]),
    (Fault.PLAIN_HTTP_ON_PORT, CRITICAL, CONNECT, ["tls-protocol"]),
    (Fault.TLS_OUTDATED, CRITICAL, CONNECT, ["tls-protocol"]),
    (Fault.TLS_NAME_UNKNOWN, CRITICAL, CONNECT, ["tls-no-certificate"]),
    (Fault.TLS_NAME_FAILS, CRITICAL, CONNECT, ["tls-no-certificate"]),
    (Fault.TLS_CLIENT_CERTIFICATE, CRITICAL, CONNECT, ["tls-client-certificate"]),
    (Fault.TLS_EXPIRED, CRITICAL, CONNECT, ["tls-expired"]),
    (Fault.TLS_NOT_YET_VALID, CRITICAL, CONNECT, ["tls-not-yet-valid"]),
    (Fault.TLS_SELF_SIGNED, CRITICAL, CONNECT, ["tls-self-signed"]),
    (Fault.TLS_UNTRUSTED, CRITICAL, CONNECT, ["tls-untrusted"]),
    (Fault.TLS_WRONG_NAME, CRITICAL, CONNECT, ["tls-hostname"]),
    (Fault.TLS_NEAR_EXPIRY, WARNING, AUTHORISATION, ["tls-expiring"]),
    # No other host was reached over IPv6, so its silence may be this machine's: said in passing, not held against it.
    (Fault.DEAD_IPV6, OK, AUTHORISATION, []),
    (Fault.DEAD_IPV4, WARNING, AUTHORISATION, ["address-family-broken"]),
    (Fault.SLOW_HEADERS, CRITICAL, TLS, ["http-timeout"]),
    (Fault.SILENT_AFTER_REQUEST, CRITICAL, TLS, ["http-timeout"]),
    (Fault.CLOSED_AFTER_REQUEST, CRITICAL, TLS, ["http-protocol"]),
    (Fault.GARBAGE_HTTP, CRITICAL, TLS, ["http-protocol"]),
    (Fault.OVERLONG_HEADER, CRITICAL, TLS, ["http-protocol"]),
    (Fault.ENDLESS_BODY, CRITICAL, TLS, ["http-protocol"]),
    (Fault.SLOW_BODY, CRITICAL, TLS, ["http-timeout"]),
    (Fault.TRUNCATED_BODY, CRITICAL, TLS, ["http-protocol"]),
    (Fault.GZIP_BOMB, CRITICAL, TLS, ["http-protocol"]),
    (Fault.BAD_GATEWAY, CRITICAL, TLS, ["http-5xx"]),
    (Fault.WAF_CHALLENGE, UNKNOWN, HTTP, ["waf-challenge"]),
    (Fault.HTML_200, CRITICAL, HTTP, ["not-an-authorisation-service"]),
    (Fault.NGINX_404, CRITICAL, HTTP, ["service-not-routed"]),
    (Fault.HOMESERVER_MOUNTED_THERE, CRITICAL, HTTP, ["not-an-authorisation-service"]),
    (Fault.PREFIX_NOT_STRIPPED, CRITICAL, HTTP, ["service-not-routed"]),
    (Fault.POINTS_AT_SFU, CRITICAL, HTTP, ["points-at-sfu"]),
    (Fault.HEALTHZ_ONLY, CRITICAL, HTTP, ["service-not-routed"]),
    (Fault.SERVICE_CORS_MISSING, WARNING, AUTHORISATION, ["cors-missing-on-service"]),
    (Fault.SERVICE_CORS_DOUBLED, WARNING, AUTHORISATION, ["cors-doubled"]),
    (Fault.SERVICE_CORS_JOINED, WARNING, AUTHORISATION, ["cors-doubled"]),
    (Fault.NO_GET_TOKEN, WARNING, AUTHORISATION, ["matrix2-endpoint-missing"]),
    (Fault.SHUTTING_DOWN, CRITICAL, TLS, ["http-5xx"]),
]
AT_WELL_KNOWN = [
    (Fault.REFUSED, CRITICAL, ["well-known-unreachable"]),
    (Fault.BLACKHOLE, UNKNOWN, ["well-known-unreachable"]),
    (Fault.RESET_AFTER_CONNECT, CRITICAL, ["well-known-unreachable"]),
    (Fault.CLOSED_AFTER_CONNECT, CRITICAL, ["well-known-unreachable"]),
    (Fault.NEVER_SPEAKS_TLS, UNKNOWN, ["well-known-unreachable"]),
    (Fault.PLAIN_HTTP_ON_PORT, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_OUTDATED, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_NAME_UNKNOWN, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_NAME_FAILS, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_CLIENT_CERTIFICATE, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_EXPIRED, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_NOT_YET_VALID, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_SELF_SIGNED, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_UNTRUSTED, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_WRONG_NAME, CRITICAL, ["well-known-unreachable"]),
    (Fault.TLS_NEAR_EXPIRY, WARNING, ["tls-expiring"]),
    (Fault.DEAD_IPV6, OK, []),
    (Fault.DEAD_IPV4, WARNING, ["address-family-broken"]),
    (Fault.SLOW_HEADERS, UNKNOWN, ["well-known-unreachable"]),
    (Fault.SILENT_AFTER_REQUEST, UNKNOWN, ["well-known-unreachable"]),
    (Fault.CLOSED_AFTER_REQUEST, CRITICAL, ["well-known-unreachable"]),
    (Fault.GARBAGE_HTTP, CRITICAL, ["well-known-unreachable"]),
    (Fault.OVERLONG_HEADER, CRITICAL, ["well-known-unreachable"]),
    (Fault.ENDLESS_BODY, CRITICAL, ["well-known-too-large"]),
    (Fault.SLOW_BODY, UNKNOWN, ["well-known-unreachable"]),
    (Fault.TRUNCATED_BODY, CRITICAL, ["well-known-unreachable"]),
    (Fault.GZIP_BOMB, CRITICAL, ["well-known-too-large"]),
    (Fault.BAD_GATEWAY, CRITICAL, ["well-known-http-status"]),
    (Fault.WAF_CHALLENGE, UNKNOWN, ["waf-challenge"]),
    (Fault.HTML_200, CRITICAL, ["well-known-html"]),
    (Fault.NGINX_404, CRITICAL, ["well-known-absent"]),
    (Fault.HOMESERVER_MOUNTED_THERE, CRITICAL, ["well-known-absent"]),
    (Fault.ABSENT, CRITICAL, ["well-known-absent"]),
    (Fault.FORBIDDEN, UNKNOWN, ["refused-here"]),
    (Fault.INTERNAL_ERROR, CRITICAL, ["well-known-http-status"]),
    (Fault.HTML, CRITICAL, ["well-known-html"]),
    (Fault.EMPTY, CRITICAL, ["well-known-not-json"]),
    (Fault.TRAILING_COMMA, CRITICAL, ["well-known-not-json"]),
    (Fault.CUT_SHORT, CRITICAL, ["well-known-not-json"]),
    (Fault.NOT_UTF8, CRITICAL, ["well-known-not-json"]),
    (Fault.TOO_DEEP, CRITICAL, ["well-known-not-json"]),
    (Fault.LONG_INTEGER, CRITICAL, ["well-known-not-json"]),
    (Fault.LONE_SURROGATE, CRITICAL, ["base-url-invalid", "foci-absent"]),
    (Fault.LIST, CRITICAL, ["well-known-not-object"]),
    (Fault.HUGE, CRITICAL, ["well-known-too-large"]),
    (Fault.REDIRECT_LOOP, CRITICAL, ["redirect-refused"]),
    (Fault.REDIRECT_CHAIN, CRITICAL, ["redirect-refused"]),
    (Fault.REDIRECT_TO_HTTP, CRITICAL, ["redirect-refused"]),
    (Fault.REDIRECT_TO_PRIVATE, CRITICAL, ["redirect-refused"]),
    (Fault.REDIRECT_TO_FILE, CRITICAL, ["redirect-refused"]),
    (Fault.REDIRECT_NOWHERE, CRITICAL, ["redirect-refused"]),
    (Fault.REDIRECT_WITHOUT_CORS, WARNING, ["cors-missing-on-redirect"]),
    (Fault.CORS_MISSING, WARNING, ["cors-missing"]),
    (Fault.WRONG_CONTENT_TYPE, OK, ["content-type"]),
    (Fault.LONG_CACHE, OK, ["long-cache"]),
    (Fault.BASE_URL_MISSING, WARNING, ["base-url-missing"]),
]


def test_the_tables_cover_every_fault() -> None:
    """A fault that is added to the lab must be added here, wherever it can sit."""
    everywhere = {fault for fault in Fault if fault.layer in (Layer.CONNECTION, Layer.HTTP)}
    of_service = {fault for fault in Fault if fault.layer is Layer.SERVICE}
    assert {fault for fault, *_ in AT_FOCUS} == everywhere | of_service
    assert {fault for fault, *_ in AT_WELL_KNOWN} == set(Fault) - of_service


async def _check_all(federation: Federation) -> dict[str, Report]:
    """Every fault at a focus and at a well-known; by server name."""
    groups: dict[str, list[str]] = {"brief": [], "patient": []}
    for fault in Fault:
        if fault in NEEDS_IPV6 and not has_ipv6():
            continue
        group = groups["brief" if fault in NEVER_ENDS else "patient"]
        if fault.layer is not Layer.WELL_KNOWN:
            focus = await federation.focus(f"https://rtc.{fault}.test/jwt", fault=fault)
            await federation.server(f"{fault}.test", foci=[focus.url])
            group.append(f"{fault}.test")
        if fault.layer is not Layer.SERVICE:
            focus = await federation.focus(f"https://rtc.wk-{fault}.test/jwt")
            await federation.server(f"wk-{fault}.test", foci=[focus.url], fault=fault)
            group.append(f"wk-{fault}.test")
    reports: dict[str, Report] = {}
    examination = Examination(federation, NOBODY)
    # A checker that has reached no host over IPv6 must judge the dead one.
    lonely = [name for name in groups["patient"] if f"{Fault.DEAD_IPV6}." in name]
    others = [name for name in groups["patient"] if name not in lonely]
    for limits, names in ((PATIENT, lonely), (PATIENT, others), (BRIEF, groups["brief"])):
        async with examination.checker(limits) as checker, asyncio.timeout(5 * limits.deadline):
            checks = [checker.check(parse_target(name)) for name in names]
            reports |= {name: one.report for name, one in zip(names, await asyncio.gather(*checks), strict=True)}
    return reports


@pytest.fixture(scope="module")
def reports(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Report]:
    """All at once, because each alone would mostly wait; that it ends within five deadlines is part of the test."""

    async def check() -> dict[str, Report]:
        async with Federation(tmp_path_factory.mktemp("faults"), authority=authority) as federation:
            return await _check_all(federation)

    return asyncio.run(check())


@pytest.mark.parametrize(("fault", "verdict", "deepest", "codes"), AT_FOCUS, ids=str)
def test_at_the_focus(
    fault: Fault, verdict: Verdict, deepest: Stage, codes: list[str], reports: Mapping[str, Report]
) -> None:
    """A fault of the only focus is named, decides its verdict and the server's, and ends in time."""
    report = _of(reports, f"{fault}.test", fault)
    (focus,) = report.foci
    assert [found.code for found in report.findings] == codes
    assert (report.verdict, focus.verdict) == (verdict, verdict)
    # under load a reset is seen before it is seen that the connection was made
    early = fault is Fault.RESET_AFTER_CONNECT and focus.deepest_stage is ADDRESS
    assert early or focus.deepest_stage is deepest


@pytest.mark.parametrize(("fault", "verdict", "codes"), AT_WELL_KNOWN, ids=str)
def test_at_the_well_known(fault: Fault, verdict: Verdict, codes: list[str], reports: Mapping[str, Report]) -> None:
    """A fault of the well-known or its host is named, decides the server's verdict, and ends in time."""
    report = _of(reports, f"wk-{fault}.test", fault)
    assert [found.code for found in report.findings] == codes
    assert report.verdict is verdict
    is_read = verdict in (OK, WARNING) or fault is Fault.LONE_SURROGATE
    assert (report.well_known.outcome == "ok") is is_read


def _of(reports: Mapping[str, Report], name: str, fault: Fault) -> Report:
    if fault in NEEDS_IPV6 and not has_ipv6():
        pytest.skip("no ::1 here")
    limits = BRIEF if fault in NEVER_ENDS else PATIENT
    assert reports[name].elapsed_ms < 5 * limits.deadline * 1000
    return reports[name]


async def test_a_silent_focus_among_many_costs_no_more_than_the_deadline(
    federation: Federation, examination: Examination
) -> None:
    """Foci that never answer are waited for together, and what did answer is in the report."""
    silent = [f"https://silent{number}.example.org/jwt" for number in range(8)]
    for url in silent:
        await federation.focus(url, fault=Fault.SILENT_AFTER_REQUEST)
    good = await federation.focus(scenes.RTC)
    await federation.server(NAME, foci=[good.url, *silent])
    async with asyncio.timeout(5 * BRIEF.deadline):
        report = await examination(NAME, limits=BRIEF)
    assert [focus.verdict for focus in report.foci] == [OK, *[CRITICAL] * 8]
    assert report.verdict is WARNING
    assert report.elapsed_ms < 5 * BRIEF.deadline * 1000
