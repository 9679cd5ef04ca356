"""Several addresses of a host: which one speaks for it, and what is said of those that fail."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.model import Certainty, Severity
from plugins.foci.probe.judge import Judgement, judge
from plugins.foci.probe.observation import Observation, ProbeSettings
from plugins.foci.service_url import read_service_url, read_sfu_url
from tests.foci.evidence import ANY_ORIGIN, NOW, RTC, V4, V6, answered, failed

SECOND, THIRD = replace(V4, address="192.0.2.8"), replace(V4, address="192.0.2.9")
SECOND_V6 = replace(V6, address="2001:db8::8")
SERVICE = answered(400, {"errcode": "M_BAD_JSON"}, ANY_ORIGIN)
PREFLIGHT = answered(200, b"", {**ANY_ORIGIN, "access-control-allow-headers": "Content-Type"})
NOT_FOUND = answered(404, b"<html>", {"server": "nginx"})
WRONG_NAME = failed(FailureKind.TLS_HOSTNAME, Phase.TLS, "certificate is for old.example.org")
REFUSED = failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT, "connection refused")
SILENT = failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, "no answer to SYN")
CUT_SHORT = failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, "no answer to SYN", elapsed_ms=500.0)
NO_ROUTE = failed(FailureKind.NO_ROUTE, Phase.CONNECT)
BUSY = answered(429, b"")


def judged(main: dict[Endpoint, Exchange], reached: frozenset[int] = frozenset({4, 6})) -> Judgement:
    addresses = tuple(endpoint.address for endpoint in main)
    seen = Observation(read_service_url(RTC), addresses, None, 1.0, main, PREFLIGHT, SERVICE, families_reached=reached)
    return judge(seen, NOW, ProbeSettings())


def told(judgement: Judgement) -> list[str]:
    return [found.code for found in judgement.findings]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (WRONG_NAME, "certificate is for old.example.org"),
        (NOT_FOUND, "HTTP 404 from the web server (`nginx`)"),
        (REFUSED, "connection refused"),
        (SILENT, "no answer to SYN"),
        (answered(502, b""), "HTTP 502"),
        (failed(FailureKind.TLS_NO_CERTIFICATE, Phase.TLS, "it has no certificate"), "it has no certificate"),
    ],
)
def test_an_address_that_fails_beside_one_that_works(trouble: Exchange, words: str) -> None:
    """A warning that names the address, whichever of the two it is; the service itself works."""
    for good, bad in permutations((V4, SECOND)):
        judgement = judged({V4: SERVICE, SECOND: SERVICE, bad: trouble})
        assert (told(judgement), judgement.certainty) == (["addresses-differ"], None)
        [found] = judgement.findings
        assert found.severity is Severity.WARNING
        assert "1 of 2 addresses of `rtc.example.org` fails" in found.message
        assert f"`{bad.address}`: {words}" in found.message
        assert f"Make `{bad.address}` answer" in found.advice
        assert "the A records of `rtc.example.org`" in found.advice
        assert good.address not in found.message


@pytest.mark.parametrize(
    "trouble", [CUT_SHORT, NO_ROUTE, BUSY, answered(403, b"<html>", {"cf-mitigated": "challenge"})]
)
def test_what_proves_nothing_is_not_held_against_an_address(trouble: Exchange) -> None:
    """A rate limit that our own questions may have caused, a missing route and a time-out cut short are no fault."""
    judgement = judged({V4: SERVICE, SECOND: trouble})
    assert (told(judgement), judgement.certainty) == ([], None)
    assert "`192.0.2.8` could not be judged" in judgement.note


def test_many_that_fail_are_counted_and_the_first_ones_named() -> None:
    """Seven of eight fail: a line, not a list."""
    v4 = [replace(V4, address=f"192.0.2.{number}") for number in range(4)]
    v6 = [replace(V6, address=f"2001:db8::{number}") for number in range(4)]
    judgement = judged({place: SERVICE if place in (v4[0], v6[0]) else NOT_FOUND for place in (*v6, *v4)})
    [found] = judgement.findings
    assert "6 of 8 addresses" in found.message
    assert found.message.endswith("; and 3 more.")
    assert "A and AAAA records" in found.advice


def test_a_family_that_fails_as_a_whole_is_told_as_that() -> None:
    """Both IPv6 addresses fail: the family is broken, which is one finding."""
    assert told(judged({V6: REFUSED, SECOND_V6: NOT_FOUND, V4: SERVICE})) == ["address-family-broken"]
    assert told(judged({V6: REFUSED, SECOND_V6: REFUSED, V4: SERVICE}, frozenset({4}))) == []
    assert told(judged({V6: REFUSED, SECOND_V6: SERVICE, V4: SERVICE})) == ["addresses-differ"]
    found = told(judged({V6: REFUSED, SECOND_V6: REFUSED, V4: SERVICE, SECOND: WRONG_NAME}))
    assert found == ["address-family-broken", "addresses-differ"]


@pytest.mark.parametrize(
    ("main", "code", "certainty"),
    [
        ({V4: REFUSED, SECOND: REFUSED}, "connect-refused", Certainty.DEFINITE),
        ({V4: WRONG_NAME, SECOND: REFUSED}, "tls-hostname", Certainty.DEFINITE),
        ({V4: REFUSED, SECOND: NOT_FOUND, THIRD: WRONG_NAME}, "service-not-routed", Certainty.DEFINITE),
        ({V4: REFUSED, SECOND: NO_ROUTE}, "connect-refused", Certainty.DEFINITE),
        ({V4: NOT_FOUND, SECOND: BUSY}, "refused-here", Certainty.UNCLEAR),
    ],
)
def test_where_all_fail_the_same_one_speaks_whatever_their_order(
    main: dict[Endpoint, Exchange], code: str, certainty: Certainty
) -> None:
    """The furthest decides; a refusal that may concern this prober alone leaves open what clients get there."""
    for order in permutations(main):
        judgement = judged({place: main[place] for place in order})
        assert (told(judgement), judgement.certainty) == ([code], certainty)


def test_the_certificate_that_ends_first_is_the_one_that_counts() -> None:
    """One of two addresses presents an older certificate: it works today, and is told before it does not."""
    ending = answered(400, {"errcode": "M_BAD_JSON"}, ANY_ORIGIN, days=5)
    for main in ({V4: SERVICE, SECOND: ending}, {V4: ending, SECOND: SERVICE}):
        assert told(judged(main)) == ["tls-expiring"]


def test_an_sfu_with_an_address_that_is_none() -> None:
    """The same holds for an entry that names an SFU."""
    alive = answered(401, b"no permissions to access the room", ANY_ORIGIN)
    main = {V4: alive, SECOND: answered(404, b"<html>"), THIRD: BUSY}
    seen = Observation(read_sfu_url("wss://sfu.example.org"), (), None, 1.0, main, families_reached=frozenset({4}))
    judgement = judge(seen, NOW, ProbeSettings())
    assert (told(judgement), judgement.certainty) == (["addresses-differ"], None)
    assert "`192.0.2.8`: HTTP 404" in judgement.findings[0].message
