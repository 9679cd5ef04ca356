"""Of several addresses of a host: what is said of those that fail beside others."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Answered, Exchange, FailureKind, Phase
from plugins.foci.discovery.standing import (
    Judge,
    Quality,
    about_addresses,
    of_delegation,
    of_lookup,
    of_versions,
    of_well_known,
    speaker,
    standing,
)
from plugins.foci.model import MSC4143_KEY, Finding
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, LIVEKIT, V4, V6, answered, failed

SECOND = replace(V4, address="192.0.2.8")
BASE = {"m.homeserver": {"base_url": "https://matrix.example.org"}}
DOCUMENT = answered(200, {**BASE, MSC4143_KEY: [LIVEKIT]}, {**ANY_ORIGIN, **JSON_TYPE})
SAME = answered(200, {MSC4143_KEY: [LIVEKIT], **BASE, "org.example": 1}, JSON_TYPE)
OTHER = answered(200, {**BASE, MSC4143_KEY: [LIVEKIT, LIVEKIT]}, {**ANY_ORIGIN, **JSON_TYPE})
MOVED = answered(301, b"", {"location": "https://www.example.org/"})
ABSENT = answered(404, b"<html>")
BUSY = answered(403, b"<html>", {"cf-mitigated": "challenge"})
REFUSED = failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT, "connection refused on 192.0.2.8:443")
WRONG_NAME = failed(FailureKind.TLS_HOSTNAME, Phase.TLS, "certificate is for old.example.org")
NO_ROUTE = failed(FailureKind.NO_ROUTE, Phase.CONNECT)
SILENT = failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, "no answer to SYN", elapsed_ms=5000.0)
DELEGATION = answered(200, {"m.server": "matrix.example.org:443"})
NO_TOKEN = answered(401, {"errcode": "M_MISSING_TOKEN"})
VERSIONS = answered(200, {"versions": ["v1.12"]})


def about(
    asked: dict[Endpoint, Exchange], judge: Judge = of_well_known, reached: frozenset[int] = frozenset({4, 6})
) -> list[Finding]:
    return about_addresses("example.org", asked, judge, patience=5.0, families_reached=reached)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (REFUSED, "connection refused"),
        (WRONG_NAME, "certificate is for old.example.org"),
        (SILENT, "no answer to SYN"),
        (ABSENT, "HTTP 404"),
        (answered(500, b""), "HTTP 500"),
        (answered(200, b"<html>"), "HTTP 200"),
        (OTHER, "another document"),
    ],
)
def test_an_address_that_fails_beside_one_that_works(trouble: Exchange, words: str) -> None:
    """It is named with what is wrong there, in whatever order the addresses come."""
    for order in permutations({V4: DOCUMENT, SECOND: trouble}.items()):
        [found] = about(dict(order))
        assert found.code == "addresses-differ"
        assert "1 of 2 addresses of `example.org`" in found.message
        if trouble is not OTHER or order[0][0] is V4:
            assert f"`192.0.2.8`: {words}" in found.message


@pytest.mark.parametrize(
    "asked",
    [
        {V4: DOCUMENT, SECOND: DOCUMENT},
        {V4: DOCUMENT, SECOND: SAME},
        {V4: MOVED, SECOND: MOVED},
        {V4: DOCUMENT, SECOND: BUSY},
        {V4: DOCUMENT, SECOND: NO_ROUTE},
        {V4: DOCUMENT, SECOND: failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, elapsed_ms=500.0)},
        {V4: ABSENT, SECOND: ABSENT},
        {V4: REFUSED, SECOND: WRONG_NAME},
        {V4: REFUSED, SECOND: ABSENT},
        {V4: BUSY, SECOND: ABSENT},
        {},
    ],
)
def test_what_is_no_difference_or_proves_none(asked: dict[Endpoint, Exchange]) -> None:
    """The same foci and homeserver, a limit on this prober; and where none works, none differs."""
    assert about(asked) == []


def test_a_family_that_fails_as_a_whole() -> None:
    """It is told as a family, where this machine is known to have it."""
    asked: dict[Endpoint, Exchange] = {V6: REFUSED, V4: DOCUMENT}
    assert [found.code for found in about(asked)] == ["address-family-broken"]
    assert about(asked, reached=frozenset({4})) == []
    assert [found.code for found in about({**asked, SECOND: ABSENT})] == ["address-family-broken", "addresses-differ"]


@pytest.mark.parametrize("trouble", [REFUSED, WRONG_NAME, SILENT, NO_ROUTE, answered(502, b""), BUSY])
def test_a_404_speaks_only_where_no_address_fails(trouble: Exchange) -> None:
    """It may be that of a machine left in DNS while the right one is down: nothing shows that a list was withdrawn."""
    both = frozenset({4, 6})
    for order in permutations({V4: ABSENT, SECOND: trouble}.items()):
        assert speaker(dict(order), of_well_known, both) == SECOND
    assert speaker({V4: ABSENT, SECOND: ABSENT}, of_well_known, both) == V4


@pytest.mark.parametrize("trouble", [NO_ROUTE, REFUSED, SILENT])
def test_a_404_speaks_beside_a_family_that_this_machine_lacks(trouble: Exchange) -> None:
    """What fails over a family by which nothing was ever reached proves nothing."""
    asked: dict[Endpoint, Exchange] = {V6: trouble, V4: ABSENT}
    assert speaker(asked, of_well_known, frozenset({4})) == V4
    assert speaker(asked, of_well_known, frozenset({4, 6})) == V6


@pytest.mark.parametrize("moved", [MOVED, answered(302, b"", {"location": "https://example.org/"})])
@pytest.mark.parametrize("other", [SECOND, V6])
def test_a_redirect_beside_a_document(moved: Answered, other: Endpoint) -> None:
    """Nothing shows where those get who meet it: that the addresses differ is told, not that one fails."""
    [found] = about({V4: DOCUMENT, other: moved})
    assert found.code == "addresses-differ"
    assert "1 of 2 addresses of `example.org` differs" in found.message
    assert f"`{other.address}`: a redirect (HTTP {moved.response.status})" in found.message


@pytest.mark.parametrize(("known", "words"), [(10, "1 of the 2 asked of 10 addresses"), (2, "1 of 2 addresses")])
def test_of_many_addresses_those_asked_are_counted(known: int, words: str) -> None:
    """Only so many per family are asked, and the message claims no more."""
    names = tuple(f"192.0.2.{number}" for number in range(known))
    asked: dict[Endpoint, Exchange] = {
        place: replace(exchange, connection=replace(exchange.connection, addresses=names))
        for place, exchange in ((V4, DOCUMENT), (SECOND, REFUSED))
    }
    assert f"{words} of `example.org` fails" in about(asked)[0].message


@pytest.mark.parametrize(
    ("better", "worse", "judge"),
    [
        (DOCUMENT, MOVED, of_well_known),
        (MOVED, BUSY, of_well_known),
        (BUSY, ABSENT, of_well_known),
        (answered(500, b""), WRONG_NAME, of_well_known),
        (WRONG_NAME, REFUSED, of_well_known),
        (REFUSED, SILENT, of_well_known),
        (SILENT, NO_ROUTE, of_well_known),
        (NO_ROUTE, ABSENT, of_well_known),
        (VERSIONS, BUSY, of_versions),
        (BUSY, ABSENT, of_versions),
        (ABSENT, REFUSED, of_versions),
        (DELEGATION, MOVED, of_delegation),
        (MOVED, BUSY, of_delegation),
        (BUSY, ABSENT, of_delegation),
        (answered(200, b"<html>"), REFUSED, of_delegation),
        (REFUSED, ABSENT, of_delegation),
        (NO_TOKEN, BUSY, of_lookup),
        (BUSY, ABSENT, of_lookup),
        (ABSENT, WRONG_NAME, of_lookup),
    ],
)
def test_the_order_of_what_an_address_is_worth(better: Exchange, worse: Exchange, judge: Judge) -> None:
    """What helps clients most speaks for the host; what refuses this prober alone is better than a certain failure."""
    assert standing(better, judge) > standing(worse, judge)


def test_versions_fail_by_their_own_rules() -> None:
    """At a base_url a 404 is a wrong answer."""
    assert of_versions(ABSENT) is Quality.WRONG
    assert "`192.0.2.8`: HTTP 404" in about({V4: VERSIONS, SECOND: ABSENT}, of_versions)[0].message
