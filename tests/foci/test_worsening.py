"""From exchanges to the verdict, through every judge: what fails worse is never reported healthier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from botkit.outbound.model import Answered, Exchange, Failed, Failure, FailureKind, Phase
from plugins.foci.discovery.federation import Delegation, UserLookup
from plugins.foci.discovery.homeserver import (
    HomeserverAnswer,
    TransportsAnswer,
    entries_of,
    read_transports,
    read_versions,
)
from plugins.foci.discovery.target import parse_target
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.model import MSC4143_KEY, Certainty, Entry, Report, Verdict
from plugins.foci.probe.observation import Observation, ProbeSettings, certainty_of
from plugins.foci.report.build import CheckSettings, ServerObservation, assemble
from plugins.foci.responses import meets_prober_only
from plugins.foci.service_url import ServiceUrl
from tests.examples import examples
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, NOW, V4, V6, Headers, answered, failed, judgements
from tests.foci.probe.test_judge import BAD_JSON, PREFLIGHT, SFU_REFUSAL
from tests.foci.report.test_verdict import BADNESS

_SUFFIXES = PublicSuffixList()
_TARGET = parse_target("example.org")
_WELL_KNOWN_URL = "https://example.org/.well-known/matrix/client"
_ENTRIES = (
    {"type": "livekit", "livekit_service_url": "https://rtc.example.org/livekit/jwt"},
    {"type": "livekit", "livekit_service_url": "https://rtc-2.example.org/"},
    {"type": "livekit", "livekit_service_url": "https://rtc-3.example.net"},
    {"type": "livekit_multi_sfu", "url": "wss://sfu.example.org"},
    {"type": "full_mesh"},
)
_OPTIONAL = ("preflight", "get_token", "clean", "root", "validate")


@dataclass(frozen=True, slots=True)
class World:
    """
    What answers in each place, whether a check gets to ask there or not.

    Attributes:
        services: by the URL that is probed.
    """

    well_known: tuple[Exchange, ...]
    versions: Exchange
    transports: tuple[Exchange, Exchange]
    lookup: Exchange
    services: dict[ServiceUrl, Observation]

    @property
    def evidence(self) -> ServerObservation:
        """What a check sees: the homeserver where it is to be found, and the services that are published."""
        answer = read_answer("example.org", self.well_known, None)
        versions = read_versions(self.versions)
        homeserver = HomeserverAnswer(versions, read_transports(*self.transports))
        if answer.report.base_url is None and (answer.report.outcome == "failed" or not versions.valid):
            homeserver = HomeserverAnswer(None, TransportsAnswer())
        urls = [entry.probe_url for entry in entries_of(answer, homeserver)]
        judged = judgements(self.services[url] for url in urls if url is not None)
        lookup = UserLookup(self.lookup, "https://matrix.example.org:8448", Delegation())
        return ServerObservation(_TARGET, answer, homeserver, None, None, judged, lookup)

    @property
    def report(self) -> Report:
        """What the check makes of it."""
        return assemble(self.evidence, CheckSettings(), _SUFFIXES, NOW, 412.0)


_UNCLEAR = (
    failed(FailureKind.NO_ROUTE, Phase.CONNECT),
    failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT),
    failed(FailureKind.TLS_TIMEOUT, Phase.TLS),
    failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP),
    failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP, elapsed_ms=500.0),
    answered(429, {"errcode": "M_LIMIT_EXCEEDED"}),
    answered(403, b"<html>", {"cf-mitigated": "challenge"}),
    answered(403, b"Forbidden"),
)
_CERTAIN = (
    failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT),
    failed(FailureKind.CONNECT_RESET, Phase.CONNECT),
    failed(FailureKind.TLS_EXPIRED, Phase.TLS),
    failed(FailureKind.TLS_HOSTNAME, Phase.TLS),
    failed(FailureKind.HTTP_PROTOCOL, Phase.HTTP),
    failed(FailureKind.HTTP_DISCONNECTED, Phase.HTTP),
)
_SERVER_ERRORS = (answered(502, b"<html>Bad Gateway"), answered(503, {"errcode": "M_UNKNOWN"}, ANY_ORIGIN))
_WRONG = (answered(200, b"<html>", ANY_ORIGIN), answered(200, [], JSON_TYPE), answered(401, b"Unauthorised"))
_BAD = (*_UNCLEAR, *_CERTAIN, *_SERVER_ERRORS, *_WRONG)
_cors = st.sampled_from([{}, ANY_ORIGIN, {"access-control-allow-origin": ("*", "*")}])


def _worse(before: Exchange) -> list[Exchange]:
    """Certain failures at an earlier phase than what was seen; a wrong thing in place of any answer but a 5xx."""
    if isinstance(before, Failed):
        reached = list(Phase).index(before.failure.phase)
        return [one for one in _CERTAIN if list(Phase).index(one.failure.phase) < reached]
    wrong = _WRONG if before.response.status < 500 else ()
    return [*_CERTAIN, *_SERVER_ERRORS[: before.response.status < 500], *wrong]


@st.composite
def _service_posts(draw: st.DrawFn) -> Exchange:
    headers, days = draw(_cors), draw(st.sampled_from([61.0, 5.0]))
    return answered(400, BAD_JSON, headers, days=days, http_ms=draw(st.sampled_from([80.0, 2500.0])))


_bad = st.sampled_from([*_BAD, answered(404, b"404 page not found\n"), answered(301)])
_posts = _service_posts() | _bad
_preflights = st.just(PREFLIGHT) | _bad
_roots = st.just(answered(200, b"OK")) | _bad
_validates = st.just(SFU_REFUSAL) | _roots
_lookups = st.just(answered(401, {"errcode": "M_MISSING_TOKEN"})) | _bad
_VERSIONS = {"versions": ["v1.12"], "unstable_features": {"org.matrix.msc4140": True}}
_versions = st.sampled_from([answered(200, _VERSIONS), answered(200, {"versions": []})]) | _bad


@st.composite
def _observations(draw: st.DrawFn, url: ServiceUrl) -> Observation:
    main = _posts if url.kind == "authorisation" else _validates
    places = draw(st.sampled_from([(V4,), (V4, V6), (V4, replace(V4, address="192.0.2.8"), V6)]))
    extra: dict[str, Exchange] = {}
    if url.kind == "authorisation":
        extra |= {"preflight": draw(_preflights), "get_token": draw(_posts)}
        extra |= {"root": draw(_roots), "validate": draw(_validates)}
        extra |= {"clean": draw(_posts)} if url.trailing_slash else {}
    seen = {place: draw(main) for place in places}
    return Observation(url, ("192.0.2.7",), None, 1.0, seen, **extra, families_reached=frozenset({4, 6}))


@st.composite
def _worlds(draw: st.DrawFn) -> World:
    published, listed = (draw(st.lists(st.sampled_from(_ENTRIES), max_size=3)) for _ in range(2))
    urls = {url for value in (*published, *listed) if (url := Entry("well-known", 1, value).probe_url) is not None}
    return World(
        well_known=(draw(_documents(published)),),
        versions=draw(_versions),
        transports=(draw(_endpoints(listed)), draw(_endpoints(listed))),
        lookup=draw(_lookups),
        services={url: draw(_observations(url)) for url in sorted(urls, key=lambda url: url.text)},
    )


def _documents(published: Sequence[Any]) -> st.SearchStrategy[Exchange]:
    document = {"m.homeserver": {"base_url": "https://matrix.example.org"}, MSC4143_KEY: list(published)}
    shapes = [document, {MSC4143_KEY: list(published)}, {"m.homeserver": document["m.homeserver"]}]
    good = st.builds(_document, st.sampled_from(shapes), _cors)
    return good | _bad


def _document(value: Any, headers: Headers) -> Exchange:
    return answered(200, value, {**headers, **JSON_TYPE}, url=_WELL_KNOWN_URL)


def _endpoints(listed: Sequence[Any]) -> st.SearchStrategy[Exchange]:
    told = [(401, {"errcode": "M_MISSING_TOKEN"}), (404, {"errcode": "M_UNRECOGNIZED"})]
    told.append((200, {"rtc_transports": list(listed)}))
    good = st.builds(lambda answer, headers: answered(answer[0], answer[1], headers), st.sampled_from(told), _cors)
    return good | _bad


def _worsenings(world: World) -> Iterator[World]:
    """The same world with one exchange that fails for certain, or without the name of one service."""
    for after in _worse(world.well_known[-1]):
        yield replace(world, well_known=(after,))
    for after in _worse(world.lookup):
        yield replace(world, lookup=after)
    # Without a base_url nobody knows of a homeserver whose versions fail.
    for after in _worse(world.versions) if world.evidence.well_known.report.base_url is not None else ():
        yield replace(world, versions=after)
    for url, seen in world.services.items():
        for worse in _worse_services(seen):
            yield replace(world, services={**world.services, url: worse})


def _worse_services(seen: Observation) -> Iterator[Observation]:
    gone = Failure(FailureKind.DNS_NXDOMAIN, Phase.ADDRESS, "no such name")
    yield Observation(seen.url, (), gone, 1.0, {}, families_reached=seen.families_reached)
    for place, before in seen.main.items():
        if any(_proves_nothing(other) for one, other in seen.main.items() if one != place):
            continue
        for after in _worse(before):
            yield replace(seen, main={**seen.main, place: after})
    for name in _OPTIONAL:
        further: Exchange | None = getattr(seen, name)
        for after in _worse(further) if further is not None else ():
            if name != "preflight" or isinstance(after, Answered) or after.failure.phase is Phase.HTTP:
                yield replace(seen, **{name: after})


def _proves_nothing(seen: Exchange) -> bool:
    if isinstance(seen, Failed):
        return certainty_of(seen.failure, seen, ProbeSettings()) is Certainty.UNCLEAR
    return meets_prober_only(seen.response)


def _foci(report: Report) -> dict[tuple[str, int], Verdict]:
    return {(focus.entry.source, focus.entry.position): focus.verdict for focus in report.foci}


def _never_healthier(world: World) -> None:
    before = world.report
    foci = _foci(before)
    for worse in _worsenings(world):
        after = worse.report
        assert BADNESS[after.verdict] >= BADNESS[before.verdict]
        still = _foci(after)
        assert all(BADNESS[still[place]] >= BADNESS[foci[place]] for place in foci.keys() & still.keys())


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(_worlds())
def test_what_fails_worse_is_never_healthier(world: World) -> None:
    """
    Whichever request fails for certain, and earlier than before: the verdict of the server, and of every focus, stays
    or grows worse.

    Left out is what proves nothing by the contract. A transports endpoint that answers none of its three words is
    ``unknown``; so is one of a homeserver that no base_url names and that does not say its versions. A focus is unknown
    while the request over its other address family was limited, challenged or cut short; an OPTIONS request that never
    arrived says nothing of the method. The copy at the host of base_url, and the well-known at the port of the server
    name, only explain.
    """
    _never_healthier(world)


@pytest.mark.parametrize("entry", [_ENTRIES[0], _ENTRIES[1], _ENTRIES[3]])
@settings(max_examples=examples(120))
@given(data=st.data())
def test_nor_is_a_focus_on_a_server_without_fault(entry: dict[str, str], data: st.DataObject) -> None:
    """The same, left out alike, where nothing else hides a verdict that improves."""
    url = Entry("well-known", 1, entry).probe_url
    assert url is not None
    document = {"m.homeserver": {"base_url": "https://matrix.example.org"}, MSC4143_KEY: [entry]}
    present = answered(401, {"errcode": "M_MISSING_TOKEN"}, ANY_ORIGIN)
    found = _document(document, ANY_ORIGIN)
    services = {url: data.draw(_observations(url))}
    _never_healthier(World((found,), answered(200, _VERSIONS), (present, present), present, services))
