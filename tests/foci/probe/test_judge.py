"""From what was observed at a focus to stages and findings; how much each failure proves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Exchange, Failure, FailureKind, Phase
from plugins.foci.failure import advice_for, meaning_of
from plugins.foci.model import OPEN_STAGES, Certainty, Outcome, Severity
from plugins.foci.probe.judge import Judgement, judge
from plugins.foci.probe.observation import Observation, ProbeSettings
from plugins.foci.service_url import read_service_url, read_sfu_url
from tests.foci.evidence import ANY_ORIGIN, NOW, RTC, V4, V6, Headers, answered, failed

SETTINGS = ProbeSettings()
BAD_JSON = {"errcode": "M_BAD_JSON", "error": "Missing room parameter"}
SERVICE = answered(400, BAD_JSON, ANY_ORIGIN)
PREFLIGHT = answered(200, b"", {**ANY_ORIGIN, "access-control-allow-headers": "Accept, Content-Type, X-CSRF-Token"})
GO_404 = answered(404, b"404 page not found\n", ANY_ORIGIN)
SFU_REFUSAL = answered(401, b"no permissions to access the room", ANY_ORIGIN)


def seen(post: Exchange, *, url: str = RTC, **further: Any) -> Observation:
    """A service observed over IPv4, with a good preflight and /get_token unless told otherwise."""
    usual = {"preflight": PREFLIGHT, "get_token": SERVICE, "families_reached": frozenset({4, 6})}
    return Observation(read_service_url(url), ("192.0.2.7",), None, 1.0, {V4: post}, **{**usual, **further})


def judged(observation: Observation, settings: ProbeSettings = SETTINGS) -> Judgement:
    return judge(observation, NOW, settings)


def codes(judgement: Judgement) -> list[str]:
    return [found.code for found in judgement.findings]


def outcomes(judgement: Judgement) -> str:
    """The stages in short: o for ok, f for failed, s for skipped."""
    assert [result.stage for result in judgement.stages] == list(OPEN_STAGES)
    return "".join(result.outcome.value[0] for result in judgement.stages)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, BAD_JSON),
        (400, {"errcode": "M_NOT_JSON", "error": "Error decoding JSON"}),
        (400, {"errcode": "M_BAD_JSON"}),
        (400, b'{"errcode":"M_BAD_JSON","error":"Missing parameters"}\n'),
    ],
)
def test_a_service_is_known_by_its_refusal(status: int, body: Any) -> None:
    """Status and errcode identify the service; its words and content type, which change by version, do not."""
    judgement = judged(seen(answered(status, body, ANY_ORIGIN)))
    assert (outcomes(judgement), codes(judgement), judgement.certainty) == ("ooooo", [], None)
    assert judgement.note == "80 ms; IPv4; certificate valid 61 days"


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected", "code", "certainty"),
    [
        (200, b"{}", {}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (200, b"OK", {}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (200, BAD_JSON, {}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (400, b"<html>", {}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (400, {"errcode": "M_UNRECOGNIZED"}, {}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (400, {"errcode": "M_UNKNOWN"}, {}, "oooof", "unknown-service", Certainty.UNCLEAR),
        (400, ["M_BAD_JSON"], {}, "oooof", "unknown-service", Certainty.UNCLEAR),
        (422, b"", {}, "oooof", "unknown-service", Certainty.UNCLEAR),
        (401, b"password, please", {}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (403, b"no", {}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (405, b"", {}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (404, {"errcode": "M_UNRECOGNIZED"}, {}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (404, b"404 page not found\n", {}, "oooof", "service-not-routed", Certainty.DEFINITE),
        (404, b"<html>", {"server": "nginx"}, "oooof", "service-not-routed", Certainty.DEFINITE),
        (301, b"", {"location": RTC}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (308, b"", {"location": RTC}, "oooof", "not-an-authorisation-service", Certainty.DEFINITE),
        (429, b"", {}, "oooof", "rate-limited", Certainty.UNCLEAR),
        (403, b"<html>", {"cf-mitigated": "challenge"}, "oooof", "waf-challenge", Certainty.UNCLEAR),
        (503, b"<html>", {"cf-mitigated": "challenge"}, "oooof", "waf-challenge", Certainty.UNCLEAR),
        (405, b"", {"x-amzn-waf-action": "captcha"}, "oooof", "waf-challenge", Certainty.UNCLEAR),
        (500, b"", {}, "ooofs", "http-5xx", Certainty.DEFINITE),
        (502, b"<html>", {}, "ooofs", "http-5xx", Certainty.DEFINITE),
        (503, {"errcode": "M_UNKNOWN"}, {}, "ooofs", "http-5xx", Certainty.DEFINITE),
    ],
)
def test_what_is_no_service(
    status: int, body: Any, headers: Headers, expected: str, code: str, certainty: Certainty
) -> None:
    """Any other answer fails the stage it shows, with one finding that names it."""
    judgement = judged(seen(answered(status, body, headers)))
    assert (outcomes(judgement), codes(judgement), judgement.certainty) == (expected, [code], certainty)


NGINX_DEMANDS = (
    b"<html><head><title>400 No required SSL certificate was sent</title></head><body><center>"
    b"<h1>400 Bad Request</h1></center><center>No required SSL certificate was sent</center></body></html>"
)
APACHE_DEMANDS = b"<p>Reason: Cannot perform Post-Handshake Authentication.<br />\n</p>"


@pytest.mark.parametrize(("status", "body"), [(400, NGINX_DEMANDS), (403, APACHE_DEMANDS)])
def test_web_servers_that_demand_a_client_certificate_in_a_page(status: int, body: bytes) -> None:
    """nginx and Apache finish the handshake and then refuse: still a client certificate that is missing."""
    judgement = judged(seen(answered(status, body, {})))
    assert (outcomes(judgement), codes(judgement)) == ("oooof", ["tls-client-certificate"])
    assert judgement.certainty is Certainty.DEFINITE
    assert "ssl_verify_client" in judgement.findings[0].advice


@pytest.mark.parametrize(
    ("kind", "phase", "expected", "code", "certainty"),
    [
        (FailureKind.PRIVATE_LITERAL, Phase.ADDRESS, "fssss", "private-address", Certainty.DEFINITE),
        (FailureKind.PRIVATE_NAME, Phase.ADDRESS, "fssss", "private-address", Certainty.UNCLEAR),
        (FailureKind.NO_ROUTE, Phase.CONNECT, "ofsss", "not-tested", Certainty.UNCLEAR),
        (FailureKind.LOCAL_FAULT, Phase.CONNECT, "ofsss", "not-tested", Certainty.UNCLEAR),
        (FailureKind.CONNECT_REFUSED, Phase.CONNECT, "ofsss", "connect-refused", Certainty.DEFINITE),
        (FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, "ofsss", "connect-timeout", Certainty.TIMEOUT),
        (FailureKind.CONNECT_RESET, Phase.CONNECT, "ofsss", "connect-reset", Certainty.DEFINITE),
        (FailureKind.TLS_EXPIRED, Phase.TLS, "oofss", "tls-expired", Certainty.DEFINITE),
        (FailureKind.TLS_NOT_YET_VALID, Phase.TLS, "oofss", "tls-not-yet-valid", Certainty.DEFINITE),
        (FailureKind.TLS_SELF_SIGNED, Phase.TLS, "oofss", "tls-self-signed", Certainty.DEFINITE),
        (FailureKind.TLS_UNTRUSTED, Phase.TLS, "oofss", "tls-untrusted", Certainty.DEFINITE),
        (FailureKind.TLS_HOSTNAME, Phase.TLS, "oofss", "tls-hostname", Certainty.DEFINITE),
        (FailureKind.TLS_PROTOCOL, Phase.TLS, "oofss", "tls-protocol", Certainty.DEFINITE),
        (FailureKind.TLS_NO_CERTIFICATE, Phase.TLS, "oofss", "tls-no-certificate", Certainty.DEFINITE),
        (FailureKind.TLS_CLIENT_CERTIFICATE, Phase.TLS, "oofss", "tls-client-certificate", Certainty.DEFINITE),
        (FailureKind.TLS_RESET, Phase.TLS, "oofss", "connect-reset", Certainty.DEFINITE),
        (FailureKind.TLS_TIMEOUT, Phase.TLS, "oofss", "tls-timeout", Certainty.TIMEOUT),
        (FailureKind.HTTP_TIMEOUT, Phase.HTTP, "ooofs", "http-timeout", Certainty.TIMEOUT),
        (FailureKind.HTTP_PROTOCOL, Phase.HTTP, "ooofs", "http-protocol", Certainty.DEFINITE),
        (FailureKind.HTTP_DISCONNECTED, Phase.HTTP, "ooofs", "http-protocol", Certainty.DEFINITE),
        (FailureKind.BODY_TOO_LARGE, Phase.HTTP, "ooofs", "http-protocol", Certainty.DEFINITE),
    ],
)
def test_failures(kind: FailureKind, phase: Phase, expected: str, code: str, certainty: Certainty) -> None:
    """What failed is the stage that failed: those before it passed, those after it are skipped."""
    judgement = judged(seen(failed(kind, phase)))
    assert (outcomes(judgement), codes(judgement), judgement.certainty) == (expected, [code], certainty)


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_has_advice(kind: FailureKind) -> None:
    """No failure is left without a meaning and something to do about it."""
    assert meaning_of(Failure(kind, Phase.HTTP, "x")).code
    assert len(advice_for(Failure(kind, Phase.HTTP, "x"), "rtc.example.org")) > 20
    assert "{" not in advice_for(Failure(kind, Phase.HTTP, "x"), "rtc.example.org")


@pytest.mark.parametrize(
    ("kind", "certainty"),
    [
        (FailureKind.DNS_NXDOMAIN, Certainty.DEFINITE),
        (FailureKind.DNS_NODATA, Certainty.DEFINITE),
        (FailureKind.DNS_BADNAME, Certainty.DEFINITE),
        (FailureKind.DNS_SERVFAIL, Certainty.UNCLEAR),
        (FailureKind.DNS_REFUSED, Certainty.UNCLEAR),
        (FailureKind.DNS_TIMEOUT, Certainty.UNCLEAR),
    ],
)
def test_dns(kind: FailureKind, certainty: Certainty) -> None:
    """Only DNS that says no is the other side's fault; DNS that does not answer may be ours."""
    failure = Failure(kind, Phase.ADDRESS, "DNS said so")
    judgement = judged(Observation(read_service_url(RTC), (), failure, 5.0, {}))
    assert (outcomes(judgement), codes(judgement), judgement.certainty) == ("fssss", ["dns-failure"], certainty)
    assert (judgement.stages[0].elapsed_ms, judgement.stages[0].detail) == (5.0, "DNS said so")


@pytest.mark.parametrize(("status", "is_get"), [(301, True), (302, True), (303, True), (307, False), (308, False)])
def test_which_redirects_make_a_get_of_the_post(status: int, is_get: bool) -> None:
    """All are wrong; of those that keep the method it is not said that they change it."""
    detail = judged(seen(answered(status, b"", {"location": RTC}))).stages[4].detail
    assert detail.startswith(f"HTTP {status}: the POST is redirected")
    assert ("into a GET" in detail) is is_get


def test_a_request_cut_short_proves_nothing() -> None:
    """A time-out counts against the focus only if it had the whole of its time."""
    for elapsed, certainty in [
        (10_000.0, Certainty.TIMEOUT),
        (9_100.0, Certainty.TIMEOUT),
        (2_000.0, Certainty.UNCLEAR),
    ]:
        exchange = failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP, elapsed_ms=elapsed)
        assert judged(seen(exchange)).certainty is certainty


def test_skipped_stages_took_no_time() -> None:
    """Skipped stages have no time; passed and failed ones have the one they took."""
    judgement = judged(seen(failed(FailureKind.TLS_EXPIRED, Phase.TLS, "certificate expired on 2026-11-20")))
    for result in judgement.stages:
        assert (result.elapsed_ms is None) is (result.outcome is Outcome.SKIPPED)
    assert judgement.stages[2].detail == "certificate expired on 2026-11-20"


@pytest.mark.parametrize(
    ("post", "preflight", "code"),
    [
        (SERVICE, PREFLIGHT, None),
        (SERVICE, None, None),
        (SERVICE, failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP, elapsed_ms=100.0), None),
        (SERVICE, failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT), None),
        (SERVICE, failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP), "cors-missing-on-service"),
        (SERVICE, failed(FailureKind.HTTP_DISCONNECTED, Phase.HTTP), "cors-missing-on-service"),
        (answered(400, BAD_JSON), PREFLIGHT, "cors-missing-on-service"),
        (
            answered(400, BAD_JSON, {"access-control-allow-origin": "https://a.test"}),
            PREFLIGHT,
            "cors-missing-on-service",
        ),
        (SERVICE, answered(405, b"", ANY_ORIGIN), "cors-missing-on-service"),
        (SERVICE, answered(200, b"", ANY_ORIGIN), "cors-missing-on-service"),
        (SERVICE, answered(204, b"", {**ANY_ORIGIN, "access-control-allow-headers": "*"}), None),
        (SERVICE, answered(200, b"", {"access-control-allow-headers": "content-type"}), "cors-missing-on-service"),
        (answered(400, BAD_JSON, {"access-control-allow-origin": ("*", "*")}), PREFLIGHT, "cors-doubled"),
        (answered(400, BAD_JSON, {"access-control-allow-origin": "*, *"}), PREFLIGHT, "cors-doubled"),
        (SERVICE, answered(200, b"", {"access-control-allow-origin": ("*", "*")}), "cors-doubled"),
    ],
)
def test_cors(post: Exchange, preflight: Exchange | None, code: str | None) -> None:
    """What keeps browsers from a service that answers is a warning; a preflight that did not arrive proves nothing."""
    judgement = judged(seen(post, preflight=preflight))
    assert codes(judgement) == ([] if code is None else [code])
    assert all(found.severity is Severity.WARNING for found in judgement.findings)
    assert judgement.certainty is None


@pytest.mark.parametrize(
    ("get_token", "missing"),
    [
        (SERVICE, False),
        (None, False),
        (failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP, elapsed_ms=100.0), False),
        (failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP), True),
        (GO_404, True),
        (answered(405, b""), True),
        (answered(502, b""), True),
        (answered(429, b""), False),
        (answered(403, b"", {"cf-mitigated": "challenge"}), False),
        (answered(400, BAD_JSON), True),
        (answered(400, BAD_JSON, {"access-control-allow-origin": ("*", "*")}), True),
    ],
)
def test_the_newer_endpoint(get_token: Exchange | None, missing: bool) -> None:
    """The newer endpoint is missed where it is proven not to work; what may meet this prober only proves nothing."""
    assert codes(judged(seen(SERVICE, get_token=get_token))) == (["matrix2-endpoint-missing"] if missing else [])


HEALTHY, ONLY_GET = answered(200, b""), answered(405, b"")
NO_HEAD = answered(405, b"", {"content-type": "text/html"})
OTHER_REFUSAL = answered(422, b"missing field `room`")


@pytest.mark.parametrize(
    ("post", "health", "get_token", "expected"),
    [
        (SERVICE, ONLY_GET, SERVICE, ["service-outdated"]),
        (SERVICE, HEALTHY, SERVICE, []),
        (SERVICE, None, SERVICE, []),
        (SERVICE, GO_404, SERVICE, []),
        (SERVICE, answered(502, b""), SERVICE, []),
        (SERVICE, NO_HEAD, SERVICE, []),
        (SERVICE, failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP), SERVICE, []),
        (OTHER_REFUSAL, ONLY_GET, OTHER_REFUSAL, []),
        (SERVICE, ONLY_GET, GO_404, ["matrix2-endpoint-missing"]),
    ],
)
def test_old_services(post: Exchange, health: Exchange | None, get_token: Exchange, expected: list[str]) -> None:
    """Only the very refusal of lk-jwt-service betrays its age; one without the newer endpoint has one finding."""
    judgement = judged(seen(post, health=health, get_token=get_token))
    assert (codes(judgement), judgement.certainty) == (expected, None)


@pytest.mark.parametrize(
    ("health", "advised"),
    [
        (ONLY_GET, "older than 0.4.2"),
        (HEALTHY, "route `/get_token` as `/sfu/get`: nginx `location /livekit/jwt/"),
        (GO_404, "Update the service (lk-jwt-service to 0.4.0 or later) and route"),
        (None, "Update the service (lk-jwt-service to 0.4.0 or later) and route"),
    ],
)
def test_why_the_newer_endpoint_is_missing(health: Exchange | None, advised: str) -> None:
    """An old service is told from a missing route, where its health says so."""
    (found,) = judged(
        seen(answered(400, BAD_JSON, ANY_ORIGIN, url=f"{RTC}/sfu/get"), health=health, get_token=GO_404)
    ).findings
    assert (found.code, advised in found.advice) == ("matrix2-endpoint-missing", True)


@pytest.mark.parametrize(
    ("main", "clean", "expected", "severity"),
    [
        (SERVICE, SERVICE, ["trailing-slash"], Severity.WARNING),
        (answered(307, b""), SERVICE, ["trailing-slash"], Severity.ERROR),
        (GO_404, SERVICE, ["trailing-slash"], Severity.ERROR),
        (GO_404, GO_404, ["trailing-slash", "service-not-routed"], Severity.ERROR),
        (answered(502, b""), answered(502, b""), ["trailing-slash", "http-5xx"], Severity.ERROR),
    ],
)
def test_a_slash_at_the_end(main: Exchange, clean: Exchange, expected: list[str], severity: Severity) -> None:
    """The literal URL is judged; the slash is an error where it breaks the service, a warning where it does not."""
    judgement = judged(seen(main, url=f"{RTC}/", clean=clean))
    assert codes(judgement) == expected
    assert judgement.findings[0].severity is severity
    assert (judgement.certainty is None) is (main is SERVICE)


@pytest.mark.parametrize("literal", [answered(429), answered(403, b"<html>", {"cf-mitigated": "challenge"})])
@pytest.mark.parametrize("clean", [SERVICE, GO_404, failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT)])
def test_a_slash_is_not_blamed_for_what_meets_the_prober_only(literal: Exchange, clean: Exchange) -> None:
    """Whether the literal URL is answered is not known, whatever the clean one says."""
    judgement = judged(seen(literal, url=f"{RTC}/", clean=clean))
    assert judgement.certainty is Certainty.UNCLEAR
    assert codes(judgement) in (["rate-limited"], ["waf-challenge"])


@pytest.mark.parametrize(
    ("root", "validate", "code"),
    [
        (answered(200, b"OK"), SFU_REFUSAL, "points-at-sfu"),
        (answered(404, b""), SFU_REFUSAL, "points-at-sfu"),
        (answered(200, b"OK\n"), None, "points-at-sfu"),
        (answered(200, b"OK, welcome"), answered(401, b"password"), "service-not-routed"),
        (None, None, "service-not-routed"),
    ],
)
def test_the_sfu_in_place_of_the_service(root: Exchange | None, validate: Exchange | None, code: str) -> None:
    """LiveKit is known by its own words, not by just any 401 or 200."""
    assert codes(judged(seen(GO_404, root=root, validate=validate))) == [code]


@pytest.mark.parametrize(("days", "warned"), [(61, False), (14.01, False), (13.9, True), (0.2, True), (-1, False)])
def test_certificates_that_end_soon(days: float, warned: bool) -> None:
    """A certificate with less than the set time left is a warning; one that ended is another finding."""
    assert codes(judged(seen(answered(400, BAD_JSON, ANY_ORIGIN, days=days)))) == (["tls-expiring"] if warned else [])
    assert "tls-expiring" not in codes(judged(seen(SERVICE), replace(SETTINGS, expiry_warning=0)))


@pytest.mark.parametrize(("http_ms", "slow"), [(1999.0, False), (2000.0, True), (9000.0, True)])
def test_slow_services(http_ms: float, slow: bool) -> None:
    """The POST's own round trip is measured, not the way there."""
    assert codes(judged(seen(answered(400, BAD_JSON, ANY_ORIGIN, http_ms=http_ms)))) == (["slow"] if slow else [])


V6_REFUSED = failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT, "connection refused on 2001:db8::7")


@pytest.mark.parametrize(
    ("main", "reached", "expected", "note"),
    [
        ({V4: SERVICE, V6: SERVICE}, {4, 6}, [], "IPv4 and IPv6"),
        ({V4: SERVICE, V6: V6_REFUSED}, {4, 6}, ["address-family-broken"], "IPv4;"),
        ({V4: SERVICE, V6: V6_REFUSED}, {4}, [], "IPv6 not tested from here"),
        ({V4: V6_REFUSED, V6: SERVICE}, {4, 6}, ["address-family-broken"], "IPv6;"),
        ({V4: SERVICE, V6: answered(502, b"")}, {4, 6}, ["address-family-broken"], "IPv4;"),
        ({V4: SERVICE, V6: GO_404}, {4, 6}, ["address-family-broken"], "IPv4;"),
    ],
)
def test_address_families(main: dict[Endpoint, Exchange], reached: set[int], expected: list[str], note: str) -> None:
    """A family that fails beside one that works is a warning, if this machine is known to have that family."""
    observation = replace(seen(SERVICE), main=main, families_reached=frozenset(reached))
    judgement = judged(observation)
    assert codes(judgement) == expected
    assert note in judgement.note
    assert judgement.certainty is None


def test_where_both_families_fail_the_furthest_tells() -> None:
    """The family that got further is the one whose failure is reported."""
    tls = failed(FailureKind.TLS_EXPIRED, Phase.TLS)
    judgement = judged(replace(seen(SERVICE), main={V4: tls, V6: V6_REFUSED}))
    assert codes(judgement) == ["tls-expired"]


@pytest.mark.parametrize(
    ("answer", "expected", "codes_found", "certainty"),
    [
        (SFU_REFUSAL, "oooos", [], None),
        (answered(200, b"OK"), "oooos", [], None),
        (answered(401, b"password"), "ooofs", ["sfu-unreachable"], Certainty.DEFINITE),
        (answered(200, b"<html>"), "ooofs", ["sfu-unreachable"], Certainty.DEFINITE),
        (GO_404, "ooofs", ["sfu-unreachable"], Certainty.DEFINITE),
        (answered(502, b""), "ooofs", ["http-5xx"], Certainty.DEFINITE),
        (answered(429, b""), "ooofs", ["rate-limited"], Certainty.UNCLEAR),
        (failed(FailureKind.TLS_HOSTNAME, Phase.TLS), "oofss", ["tls-hostname"], Certainty.DEFINITE),
    ],
)
def test_sfus(answer: Exchange, expected: str, codes_found: list[str], certainty: Certainty | None) -> None:
    """An SFU is alive when it refuses in its own words; the authorisation stage stays skipped: nothing was proven."""
    url = read_sfu_url("wss://sfu.example.org")
    judgement = judged(Observation(url, ("192.0.2.7",), None, 1.0, {V4: answer}))
    assert outcomes(judgement) == expected
    assert (codes(judgement), judgement.certainty) == (codes_found, certainty)


@pytest.mark.parametrize("alive", [SFU_REFUSAL, answered(200, b"OK")])
def test_an_sfu_that_fails_over_one_family(alive: Exchange) -> None:
    """By whichever of its two answers it is known to be alive over the other."""
    url, both = read_sfu_url("wss://sfu.example.org"), frozenset({4, 6})
    main = {V4: alive, V6: answered(502, b"")}
    judgement = judged(Observation(url, ("192.0.2.7",), None, 1.0, main, families_reached=both))
    assert codes(judgement) == ["address-family-broken"]
