"""A stand-in for the network: checks and observations as evidence, of what is true when they are made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from publicsuffixlist import PublicSuffixList

from bench.replay.truth import DAY, Manner, Published, Trouble, Truth
from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import (
    Answered,
    Certificate,
    ConnectionFacts,
    Exchange,
    Failed,
    Failure,
    FailureKind,
    Phase,
    Response,
)
from lab.simulation import SimulatedClock
from plugins.foci.checker import Checker
from plugins.foci.discovery.homeserver import HomeserverAnswer, TransportsAnswer, entries_of
from plugins.foci.discovery.target import Target
from plugins.foci.discovery.well_known import WellKnownAnswer, read_answer
from plugins.foci.model import MSC4143_KEY
from plugins.foci.probe.further import Further
from plugins.foci.probe.judge import judge
from plugins.foci.probe.observation import Observation, Observe
from plugins.foci.report.build import CheckResult, CheckSettings, ServerObservation, assemble
from plugins.foci.report.remembered import ServerFacts
from plugins.foci.service_url import ServiceUrl

LIFETIME = 90 * DAY
_FAR = 61 * DAY
_PLACE = Endpoint("192.0.2.1", 443)
_QUICK, _TIMEOUT = 0.1, 10.0
_ANY_ORIGIN = {"access-control-allow-origin": ("*",)}
_JSON = {"content-type": ("application/json",), **_ANY_ORIGIN}
_CHALLENGE = Response(403, {"cf-mitigated": ("challenge",)}, b"<html>")
_SERVICE = Response(400, _ANY_ORIGIN, b'{"errcode": "M_BAD_JSON", "error": "no"}')


class StandInChecker(Checker):
    """
    Checks without a network.

    Attributes:
        checks: how many were made.

    Args:
        beginning: time of day at the beginning of the trace, seconds since the epoch.
    """

    def __init__(self, truth: Truth, clock: SimulatedClock, beginning: float, chance: Random) -> None:
        # nothing of the real one is of use: it would open sockets
        self.checks = 0
        self._truth = truth
        self._wall = clock
        self._beginning = beginning
        self._chance = chance
        self._list = PublicSuffixList()

    async def check(
        self,
        target: Target,
        *,
        probe: str = "",
        observe: Observe | None = None,
        afresh: bool = False,
        ignore: frozenset[str] = frozenset(),
        deep: bool = False,
        known: ServerFacts | None = None,
    ) -> CheckResult:
        """See `Checker`."""
        self.checks += 1
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = started + 20.0
        published = self._truth.published(target.server_name, self._at)
        answer = await self._well_known(target, published)
        homeserver = HomeserverAnswer(None, TransportsAnswer(published.endpoint, published.endpoint))
        places = [entry.probe_url for entry in entries_of(answer, homeserver)]
        urls = list(dict.fromkeys(url for url in places if url is not None and not url.fault))
        watch = observe or self._observed
        observations = await asyncio.gather(*(watch(url, deadline, True) for url in urls))
        now, settings = datetime.fromtimestamp(self._wall.now(), UTC), CheckSettings(ignore)
        judgements = {seen.url: judge(seen, now, settings.probe) for seen in observations}
        evidence = ServerObservation(target, answer, homeserver, None, None, judgements)
        report = assemble(evidence, settings, self._list, now, (loop.time() - started) * 1000)
        return CheckResult(evidence, report, probe)

    async def observe(self, url: ServiceUrl, deadline: float, known: Further | None = None) -> Observation:
        """See `Checker`."""
        name, at = url.host.partition(".")[0], self._at
        trouble = self._truth.away(at)
        if trouble is None:
            trouble = self._truth.trouble(name, at)
        await asyncio.sleep(_seconds(trouble))
        if isinstance(trouble, FailureKind) and trouble.value.startswith("dns"):
            failure = Failure(trouble, Phase.ADDRESS, f"{url.host}: {trouble.value}")
            return Observation(url, (), failure, 1.0, {}, families_reached=frozenset({4}))
        if isinstance(trouble, FailureKind):
            exchange: Exchange = _failed(url.text, trouble)
        else:
            certificate = self._truth.certificate(name, at)
            ends = at + _FAR if certificate is None else certificate.end
            exchange = self._answered(url.text, _service_answer(trouble), ends, slow=trouble is Manner.SLOW)
        return Observation(url, ("192.0.2.1",), None, 1.0, {_PLACE: exchange}, families_reached=frozenset({4}))

    async def confirm(self, target: Target) -> WellKnownAnswer:
        """See `Checker`."""
        return await self._well_known(target, self._truth.published(target.server_name, self._at))

    @property
    def _at(self) -> float:
        """Seconds since the beginning of the trace."""
        return self._wall.passed()

    async def _well_known(self, target: Target, published: Published) -> WellKnownAnswer:
        place, at = f"https://{target.url_host}/.well-known/matrix/client", self._at
        trouble = self._truth.away(at)
        if trouble is None:
            trouble = self._truth.unreadable(target.server_name, at)
        await asyncio.sleep(_seconds(trouble))
        if isinstance(trouble, FailureKind):
            return read_answer(target.url_host, [_failed(place, trouble)], None)
        response = _published(published, trouble, another=self._chance.random() < 0.5)
        return read_answer(target.url_host, [self._answered(place, response, at + _FAR)], None)

    def _answered(self, place: str, response: Response, ends: float, *, slow: bool = False) -> Answered:
        # one certificate a day at most, as far as anyone can tell
        until = self._beginning + (ends if ends < self._at + _FAR else DAY * (ends // DAY))
        begins, ended = (datetime.fromtimestamp(moment, UTC) for moment in (until - LIFETIME, until))
        certificate = Certificate("CN=x", "CN=ca", ("x",), begins, ended)
        spent = 8000.0 if slow else 80.0
        facts = ConnectionFacts(("192.0.2.1",), "192.0.2.1", Phase.HTTP, 1, 1, 1, spent, certificate, "TLSv1.3")
        return Answered("POST", place, spent + 3, facts, response)


def entry(service: str) -> dict[str, Any]:
    """How a service is published."""
    return {"type": "livekit", "livekit_service_url": f"https://{service}.example.org/jwt"}


def _published(published: Published, trouble: Trouble | None, *, another: bool) -> Response:
    if trouble is Manner.CHALLENGE:
        return _CHALLENGE
    if trouble is Manner.HTML:
        return Response(200, {"content-type": ("text/html",), **_ANY_ORIGIN}, b"<!doctype html><p>Welcome")
    if isinstance(trouble, int):
        return Response(trouble, _ANY_ORIGIN, b"")
    if published.absent:
        return Response(404, _ANY_ORIGIN, b"")
    foci = published.also if another and published.alternates else published.foci
    document: dict[str, Any] = {"m.homeserver": {"base_url": "https://matrix.example.org"}}
    if foci is not None:
        document[MSC4143_KEY] = [entry(name) for name in foci]
    body = json.dumps(document).encode()
    if trouble is Manner.CUT_SHORT:
        body = body[: len(body) // 2]
    return Response(200, _JSON, body)


def _service_answer(trouble: Trouble | None) -> Response:
    if trouble is Manner.CHALLENGE:
        return _CHALLENGE
    if trouble is Manner.HTML:
        return Response(200, {"content-type": ("text/html",)}, b"<!doctype html><p>Welcome")
    return Response(trouble, _ANY_ORIGIN, b"") if isinstance(trouble, int) else _SERVICE


def _seconds(trouble: Trouble | None) -> float:
    if trouble is Manner.SLOW:
        return 8.0
    return _TIMEOUT if isinstance(trouble, FailureKind) and trouble.value.endswith("timeout") else _QUICK


_PHASES: Mapping[str, Phase] = {"dns": Phase.ADDRESS, "tls": Phase.TLS, "http": Phase.HTTP}


def _failed(place: str, kind: FailureKind) -> Failed:
    phase = _PHASES.get(kind.value.partition("_")[0], Phase.CONNECT)
    facts = ConnectionFacts(("192.0.2.1",), "192.0.2.1", phase, 1, 1)
    spent = _seconds(kind) * 1000
    return Failed("POST", place, spent, facts, Failure(kind, phase, f"{kind.value} at 192.0.2.1:443"))
