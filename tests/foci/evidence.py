"""Exchanges, entries, judged foci and reports as values, for tests of the pure core."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from publicsuffixlist import PublicSuffixList

from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import (
    Answered,
    Certificate,
    ConnectionFacts,
    Failed,
    Failure,
    FailureKind,
    Phase,
    Response,
)
from plugins.foci.discovery.homeserver import HomeserverAnswer, TransportsAnswer, VersionsAnswer
from plugins.foci.discovery.target import parse_target
from plugins.foci.discovery.well_known import WellKnownAnswer
from plugins.foci.model import OPEN_STAGES, Certainty, Entry, FocusReport, Outcome, Report, Stage, StageResult, Verdict
from plugins.foci.probe.judge import Judgement, judge, skipped_after
from plugins.foci.probe.observation import Observation, ProbeSettings
from plugins.foci.report.build import CheckSettings, ServerObservation, assemble
from plugins.foci.service_url import ServiceUrl, read_service_url

V4, V6 = Endpoint("192.0.2.7", 443), Endpoint("2001:db8::7", 443)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Headers = Mapping[str, str | tuple[str, ...]]
ANY_ORIGIN = {"access-control-allow-origin": "*"}
JSON_TYPE = {"content-type": "application/json"}
RTC = "https://rtc.example.org/livekit/jwt"
LIVEKIT = {"type": "livekit", "livekit_service_url": RTC}


def certificate(days: float) -> Certificate:
    """A certificate that ends so many days from NOW."""
    start, end = NOW - timedelta(days=30), NOW + timedelta(days=days)
    return Certificate("rtc.example.org", "an authority", ("rtc.example.org",), start, end)


def response(status: int, body: Any = b"", headers: Headers | None = None) -> Response:
    """An answer; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name: (value,) if isinstance(value, str) else value for name, value in (headers or {}).items()}
    return Response(status, named, content)


def answered(
    status: int,
    body: Any = b"",
    headers: Headers | None = None,
    *,
    days: float = 61,
    http_ms: float = 80.0,
    url: str = RTC,
    family: int = 4,
) -> Answered:
    """An exchange that ended with an answer over TLS."""
    address = "192.0.2.7" if family == 4 else "2001:db8::7"
    facts = ConnectionFacts((address,), address, Phase.HTTP, 1.0, 2.0, 3.0, http_ms, certificate(days), "TLSv1.3")
    return Answered("POST", url, 6.0 + http_ms, facts, response(status, body, headers))


def failed(kind: FailureKind, phase: Phase, detail: str = "it failed", *, elapsed_ms: float = 10_000.0) -> Failed:
    """An exchange that ended without one, in this phase."""
    facts = ConnectionFacts(("192.0.2.7",), "192.0.2.7:443", phase, 1.0, 2.0, 3.0, None, None, None)
    return Failed("POST", RTC, elapsed_ms, facts, Failure(kind, phase, detail))


def entry(value: Any = None, *, source: str = "well-known", position: int = 1) -> Entry:
    """A published entry; a good LiveKit one if no value is given."""
    return Entry(
        "transports" if source == "transports" else "well-known", position, LIVEKIT if value is None else value
    )


def judged(
    verdict: Verdict, value: Any = None, *, source: str = "well-known", position: int = 1, reached: Stage | None = None
) -> FocusReport:
    """A focus with a verdict, and stages that fit it unless told how far it was reached."""
    told = entry(value, source=source, position=position)
    if reached is None and verdict in (Verdict.OK, Verdict.WARNING):
        reached = Stage.AUTHORISATION
    if verdict is Verdict.NOT_PROBED or reached is None:
        return FocusReport(told, verdict, skipped_after("its type is unknown"))
    return FocusReport(told, verdict, climbed(reached))


def climbed(reached: Stage) -> tuple[StageResult, ...]:
    """Stages that passed up to one of them, the next one failed."""
    order = list(OPEN_STAGES)
    passed = order.index(reached) + 1
    results = [StageResult(stage, Outcome.OK, 1.0, "fine") for stage in order[:passed]]
    results += [StageResult(stage, Outcome.FAILED, 1.0, "it broke") for stage in order[passed : passed + 1]]
    return (*results, *(StageResult(stage, Outcome.SKIPPED, None, "earlier") for stage in order[passed + 1 :]))


def judgement(certainty: Certainty | None) -> Judgement:
    """What a probe came to."""
    seen = Observation(read_service_url(RTC), (), None, 1.0, {})
    return Judgement(seen, climbed(Stage.AUTHORISATION if certainty is None else Stage.TLS), (), certainty)


def judgements(observations: Iterable[Observation], patience: float = 10.0) -> dict[ServiceUrl, Judgement]:
    """What a check makes of its observations at NOW."""
    return {seen.url: judge(seen, NOW, ProbeSettings(patience=patience)) for seen in observations}


def assembled(
    answer: WellKnownAnswer,
    transports: TransportsAnswer | None = None,
    *,
    base_copy: WellKnownAnswer | None = None,
    observations: Mapping[str, Observation] | None = None,
    versions: VersionsAnswer | None = None,
) -> Report:
    """The report on example.org, from a well-known and what was observed at service URLs."""
    versions = versions or VersionsAnswer(True, False, True, "")
    homeserver = HomeserverAnswer(versions, transports or TransportsAnswer())
    judged = judgements((observations or {}).values())
    evidence = ServerObservation(parse_target("example.org"), answer, homeserver, base_copy, None, judged)
    return assemble(evidence, CheckSettings(), PublicSuffixList(), NOW, 412.0)
