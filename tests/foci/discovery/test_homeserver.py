"""What a homeserver's versions say about the base_url that leads there, and how its transports endpoint stands."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.discovery.homeserver import (
    PathState,
    TransportsAnswer,
    VersionsAnswer,
    read_transports,
    read_versions,
)
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.model import Report, Severity, Verdict
from tests.foci.evidence import ANY_ORIGIN, LIVEKIT, RTC, answered, assembled, failed
from tests.foci.probe.test_judge import SERVICE, seen

BASE_URL = "https://matrix.example.org"
KEY = "org.matrix.msc4143.rtc_foci"


def report(versions: Exchange, base_url: str | None = BASE_URL) -> Report:
    """On a server whose well-known and focus are fine."""
    document: dict[str, Any] = {KEY: [LIVEKIT]}
    if base_url is not None:
        document["m.homeserver"] = {"base_url": base_url}
    answer = read_answer("example.org", [answered(200, document, {"access-control-allow-origin": "*"})], None)
    return assembled(answer, versions=read_versions(versions), observations={RTC: seen(SERVICE)})


def told(versions: Exchange) -> list[tuple[str, Severity]]:
    """What is said of the base_url."""
    return [(one.code, one.severity) for one in report(versions).findings if BASE_URL in one.message]


@pytest.mark.parametrize(
    ("versions", "why"),
    [
        (failed(FailureKind.DNS_SERVFAIL, Phase.ADDRESS, "the resolver failed"), "the resolver failed"),
        (failed(FailureKind.PRIVATE_NAME, Phase.ADDRESS, "it is inside"), "it is inside"),
        (failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP, "no answer in time", elapsed_ms=500.0), "no answer in time"),
    ],
)
def test_silence_that_proves_nothing_is_not_passed_over(versions: Exchange, why: str) -> None:
    """The homeserver was not seen to answer, for a reason that may pass: the report says so and is not "ok"."""
    whole = report(versions)
    assert told(versions) == [("not-tested", Severity.WARNING)]
    (found,) = (one for one in whole.findings if one.code == "not-tested")
    assert f"base_url `{BASE_URL}` is unknown: {why}" in found.message
    assert whole.verdict is Verdict.WARNING
    assert whole.well_known.spec_action == "OK"


@pytest.mark.parametrize(
    ("versions", "why"),
    [
        (answered(403, b"<html>Forbidden"), "HTTP 403"),
        (answered(403, b"error code: 1010"), "HTTP 403 from Cloudflare's error 1010"),
        (answered(429, {"errcode": "M_LIMIT_EXCEEDED"}), "HTTP 429"),
        (answered(451), "HTTP 451"),
        (answered(503, b"<html>", {"cf-mitigated": "challenge"}), "HTTP 503"),
        (answered(200, b"<html><script id=anubis_challenge>"), "HTTP 200 from Anubis"),
    ],
)
def test_a_refusal_of_the_prober_is_told_as_one(versions: Exchange, why: str) -> None:
    """Whether clients reach the homeserver is unknown then; the list and its focus are not the worse for it."""
    whole = report(versions)
    assert told(versions) == [("refused-here", Severity.WARNING)]
    (found,) = (one for one in whole.findings if one.code == "refused-here")
    assert f"base_url `{BASE_URL}` is unknown: {why}" in found.message
    assert "firewall, bot protection" in found.advice
    assert "user agent" in found.advice
    assert (whole.verdict, whole.well_known.spec_action) == (Verdict.WARNING, "OK")


@pytest.mark.parametrize(
    "versions",
    [
        answered(401, b"<html>"),
        answered(404, b"no"),
        answered(200, b"<html>"),
        answered(500, b""),
        answered(502, b"<html>Bad Gateway"),
        answered(503, {"errcode": "M_UNKNOWN"}),
        failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT),
        failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP),
    ],
)
def test_what_proves_that_nobody_is_there(versions: Exchange) -> None:
    """Clients give up (FAIL_ERROR), also if it is only for the minute of a restart."""
    assert told(versions) == [("base-url-invalid", Severity.ERROR)]
    assert report(versions).well_known.spec_action == "FAIL_ERROR"


def test_an_answer_is_nothing_to_speak_of() -> None:
    """Nor is any other at a host that no base_url names."""
    versions = {"versions": ["v1.12"], "unstable_features": {"org.matrix.msc4140": True}}
    assert report(answered(200, versions)).verdict is Verdict.OK
    assert told(answered(200, versions)) == []
    assert [one for one in report(answered(503), base_url=None).findings if one.code == "not-tested"] == []


@pytest.mark.parametrize("base_url", ["https://localhost", "https://matrix.localhost:8448"])
def test_a_name_of_every_machines_own_is_a_private_address(base_url: str) -> None:
    """Clients find nobody there, wherever they are; other names may lead elsewhere from there."""
    inside = failed(FailureKind.PRIVATE_NAME, Phase.ADDRESS, "it is the private address 127.0.0.1")
    versions = replace(inside, url=f"{base_url}/_matrix/client/versions")
    (found,) = (one for one in report(versions, base_url).findings if base_url in one.message)
    assert (found.code, found.severity) == ("base-url-invalid", Severity.ERROR)
    assert "it is the private address 127.0.0.1" in found.message


UNRECOGNISED = answered(404, {"errcode": "M_UNRECOGNIZED"}, ANY_ORIGIN)
MISSING_TOKEN = {"errcode": "M_MISSING_TOKEN", "error": "Missing access token"}
NGINX_404 = b"<html><head><title>404 Not Found</title></head></html>"
ALLOWED = {**ANY_ORIGIN, "access-control-allow-headers": "X-Requested-With, Content-Type, Authorization, Date"}
PREFLIGHT = answered(204, b"", ALLOWED)


@pytest.mark.parametrize(
    ("answer", "state", "wrong"),
    [
        (answered(401, MISSING_TOKEN), "present", ""),
        (answered(200, {"rtc_transports": [LIVEKIT]}), "open", ""),
        (answered(200, {"rtc_transports": []}), "open", ""),
        (answered(200, {}), "open", ""),
        (UNRECOGNISED, "absent", ""),
        (answered(404, NGINX_404), "broken", "HTTP 404 with a web page"),
        (answered(404, b"404 page not found"), "broken", "HTTP 404 without `M_UNRECOGNIZED`"),
        (answered(404, {"errcode": "M_NOT_FOUND"}), "broken", "HTTP 404 `M_NOT_FOUND`"),
        (answered(405, {"errcode": "M_UNRECOGNIZED"}), "broken", "HTTP 405 `M_UNRECOGNIZED`"),
        (answered(200, NGINX_404), "broken", "HTTP 200 with a web page"),
        (answered(200, [LIVEKIT]), "broken", "HTTP 200, which is not a JSON object"),
        (answered(200, {"transports": [LIVEKIT]}), "broken", "HTTP 200 without a list under `rtc_transports`"),
        (answered(200, {KEY: [LIVEKIT]}), "broken", "HTTP 200 without a list under `rtc_transports`"),
        (answered(200, {"rtc_transports": LIVEKIT}), "broken", "HTTP 200 with a `rtc_transports` that is not a list"),
        (answered(204), "broken", "HTTP 204"),
        (answered(302, b"", {"location": "https://sso.example.org/"}), "broken", "to `https://sso.example.org/`"),
        (answered(308, b""), "broken", "HTTP 308, a redirect to nowhere"),
        (
            answered(401, b"<html>401", {"www-authenticate": "Basic"}),
            "broken",
            "HTTP 401, a login (`Basic`)",
        ),
        (answered(401, b"", {"www-authenticate": "Digest realm=x"}), "broken", "HTTP 401, a login (`Digest`)"),
        (answered(401, b"<html>401"), "broken", "HTTP 401, a login"),
        (answered(401, {"error": "no"}, {"www-authenticate": 'Basic realm="bearer"'}), "broken", "a login (`Basic`)"),
        (answered(401, {"error": "missing token"}), "unknown", ""),
        (answered(401, b""), "unknown", ""),
        (answered(401, {"error": "missing token"}, {"www-authenticate": "Bearer"}), "unknown", ""),
        (answered(401, b"", {"www-authenticate": 'Basic realm="x", bearer realm="y"'}), "unknown", ""),
        (answered(401, {"errcode": "M_UNKNOWN_TOKEN"}), "unknown", ""),
        (answered(403, NGINX_404), "unknown", ""),
        (answered(429, {"errcode": "M_LIMIT_EXCEEDED"}), "unknown", ""),
        (answered(500, b""), "unknown", ""),
        (answered(502, NGINX_404), "unknown", ""),
        (failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP), "unknown", ""),
        (failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT), "unknown", ""),
    ],
)
def test_the_states_of_the_transports_endpoint(answer: Exchange, state: PathState, wrong: str) -> None:
    """Each answer without a token is one of the contract's states; what may pass is unknown."""
    read = read_transports(answer, UNRECOGNISED)
    assert (read.unstable, read.endpoint) == (state, state)
    assert wrong in read.wrong
    assert bool(read.wrong) == (state == "broken")
    assert read_transports(UNRECOGNISED, answer).unstable == "absent"


@pytest.mark.parametrize(
    ("published", "severity", "verdict"),
    [([LIVEKIT], Severity.WARNING, Verdict.WARNING), ([], Severity.ERROR, Verdict.CRITICAL)],
)
def test_something_else_where_the_endpoint_should_be(
    published: list[Any], severity: Severity, verdict: Verdict
) -> None:
    """A warning as long as the well-known carries the list, and the cause of the outage where nothing does."""
    transports = read_transports(answered(404, NGINX_404), UNRECOGNISED)
    document = {"m.homeserver": {"base_url": BASE_URL}, KEY: published}
    answer = read_answer("example.org", [answered(200, document, ANY_ORIGIN)], None)
    whole = assembled(answer, transports, observations={RTC: seen(SERVICE)} if published else {})
    (found,) = (one for one in whole.findings if one.code == "transports-broken")
    assert (found.severity, whole.verdict) == (severity, verdict)
    assert "(HTTP 404 with a web page)" in found.message
    nobody = assembled(answer, transports, versions=VersionsAnswer(False, True, None, "HTTP 404"))
    assert "transports-broken" not in [one.code for one in nobody.findings]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answered(403, b"error code: 1020"), "HTTP 403 from Cloudflare's error 1020"),
        (answered(429, {"errcode": "M_LIMIT_EXCEEDED"}), "HTTP 429"),
        (answered(200, b"<html><script id=anubis_challenge>"), "HTTP 200 from Anubis"),
        (answered(503, b"<html>"), ""),
        (answered(401, MISSING_TOKEN), ""),
    ],
)
def test_a_refusal_at_the_endpoint(answer: Exchange, told: str) -> None:
    """Said as what it is; the endpoint is unknown then, and nothing is the worse for it."""
    read = read_transports(answer, UNRECOGNISED, None, PREFLIGHT)
    assert read.refused == told
    found = [one for one in report_on(read).findings if one.code == "refused-here"]
    assert [one.severity for one in found] == [Severity.WARNING] * bool(told)
    assert all(told in one.message and "/_matrix" in one.advice for one in found)
    assert read.unstable in ("unknown", "present")


def test_the_same_key_twice_in_a_list() -> None:
    """Told of the answer that holds the list, and of none that nobody reads."""
    twice = b'{"rtc_transports": [], "rtc_transports": [' + json.dumps(LIVEKIT).encode() + b"]}"
    read = read_transports(answered(200, twice, ANY_ORIGIN), UNRECOGNISED, None, PREFLIGHT)
    assert read.repeated == (("rtc_transports",),)
    (found,) = (one for one in report_on(read).findings if one.code != "content-type")
    assert (found.code, found.severity) == ("duplicate-key", Severity.WARNING)
    assert "the answer of the transports endpoint one object has `rtc_transports` twice" in found.message
    good = answered(200, {"rtc_transports": [LIVEKIT]}, ANY_ORIGIN)
    assert read_transports(answered(200, twice, ANY_ORIGIN), UNRECOGNISED, good).repeated == ()
    absent = answered(404, b'{"errcode": "M_UNRECOGNIZED", "errcode": "M_UNRECOGNIZED"}')
    assert read_transports(absent, good).repeated == ()


@pytest.mark.parametrize(
    ("asked", "preflight", "barrier"),
    [
        (answered(401, MISSING_TOKEN, ANY_ORIGIN), PREFLIGHT, ""),
        (answered(401, MISSING_TOKEN), PREFLIGHT, ""),
        (answered(200, {"rtc_transports": []}, ANY_ORIGIN), PREFLIGHT, ""),
        (answered(200, {"rtc_transports": []}), PREFLIGHT, "no `Access-Control-Allow-Origin`"),
        (answered(404, {"errcode": "M_UNRECOGNIZED"}), PREFLIGHT, "no `Access-Control-Allow-Origin`"),
        (answered(401, MISSING_TOKEN, {"access-control-allow-origin": ("*", "*")}), PREFLIGHT, "twice"),
        (UNRECOGNISED, answered(204, b"", ANY_ORIGIN), "does not allow the header `Authorization`"),
        (UNRECOGNISED, answered(200, b"", {**ALLOWED, "access-control-allow-headers": "*"}), "`Authorization`"),
        (UNRECOGNISED, answered(200, b"", {**ALLOWED, "access-control-allow-headers": ("a", "b, AUTHORIZATION")}), ""),
        (UNRECOGNISED, answered(204, b"", {"access-control-allow-headers": "authorization"}), "Allow-Origin"),
        (UNRECOGNISED, answered(204, b"", {**ALLOWED, "access-control-allow-origin": "*, *"}), "twice"),
        (UNRECOGNISED, answered(405, b"", ALLOWED), "HTTP 405"),
        (UNRECOGNISED, answered(401, b"", ALLOWED), "HTTP 401"),
        (UNRECOGNISED, answered(302, b"", ALLOWED), "HTTP 302"),
        (UNRECOGNISED, answered(429, b""), ""),
        (UNRECOGNISED, failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP), ""),
        (answered(404, NGINX_404), answered(405, b""), ""),
        (answered(503, b""), answered(503, b""), ""),
    ],
)
def test_what_keeps_browsers_from_the_endpoint(asked: Exchange, preflight: Exchange, barrier: str) -> None:
    """Judged as a browser judges: the preflight names Authorization, and the answer, its 404 too, may be read."""
    read = read_transports(asked, UNRECOGNISED, None, preflight)
    assert barrier in read.barrier
    assert read.shut_to_web == bool(barrier)
    codes = [one.code for one in report_on(read).findings]
    assert ("transports-cors" in codes) == bool(barrier)


def report_on(transports: TransportsAnswer) -> Report:
    """On a server that is well but perhaps for its transports endpoint."""
    document = {"m.homeserver": {"base_url": BASE_URL}, KEY: [LIVEKIT]}
    answer = read_answer("example.org", [answered(200, document, ANY_ORIGIN)], None)
    return assembled(answer, transports, observations={RTC: seen(SERVICE)})
