"""What a homeserver's versions say about the base_url that leads there."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.discovery.homeserver import read_versions
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.model import Report, Severity, Verdict
from tests.foci.evidence import LIVEKIT, RTC, answered, assembled, failed
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
        (answered(403, b"<html>Forbidden"), "HTTP 403"),
        (answered(429, {"errcode": "M_LIMIT_EXCEEDED"}), "HTTP 429"),
        (answered(503, b"<html>", {"cf-mitigated": "challenge"}), "HTTP 503"),
        (failed(FailureKind.DNS_SERVFAIL, Phase.ADDRESS, "the resolver failed"), "the resolver failed"),
        (failed(FailureKind.PRIVATE_NAME, Phase.ADDRESS, "it is inside"), "it is inside"),
        (failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP, "no answer in time", elapsed_ms=500.0), "no answer in time"),
    ],
)
def test_what_proves_nothing_is_not_passed_over(versions: Exchange, why: str) -> None:
    """The homeserver was not seen to answer, for a reason that may pass: the report says so and is not "ok"."""
    whole = report(versions)
    assert told(versions) == [("not-tested", Severity.WARNING)]
    (found,) = (one for one in whole.findings if one.code == "not-tested")
    assert f"base_url {BASE_URL} is unknown: {why}" in found.message
    assert whole.verdict is Verdict.WARNING
    assert whole.well_known.spec_action == "OK"


@pytest.mark.parametrize(
    "versions",
    [
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
