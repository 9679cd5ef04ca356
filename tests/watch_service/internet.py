"""A stand-in for everything outside: what servers publish and how their services answer, as evidence of checks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from publicsuffixlist import PublicSuffixList

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
from plugins.foci.discovery.homeserver import HomeserverAnswer, PathState, TransportsAnswer
from plugins.foci.discovery.target import parse_target
from plugins.foci.discovery.well_known import WellKnownAnswer, read_answer
from plugins.foci.model import MSC4143_KEY, OPEN_STAGES, Entry, FocusReport, Outcome, Stage, StageResult, Verdict
from plugins.foci.probe.judge import judge
from plugins.foci.probe.observation import Observation, ProbeSettings
from plugins.foci.report.build import CheckResult, CheckSettings, ServerObservation, assemble
from plugins.foci.service_url import ServiceUrl
from plugins.foci.watch.runner import ConfirmationResult
from tests.foci.evidence import V4

ANY_ORIGIN = {"access-control-allow-origin": ("*",)}
SERVICE = Response(400, ANY_ORIGIN, b'{"errcode": "M_BAD_JSON", "error": "no"}')
DAY = 86400.0
LIVES = 90 * DAY
SUFFIXES = PublicSuffixList()


def url(name: str) -> str:
    """The service URL of a focus that is told by its name."""
    return f"https://{name}.example.org/jwt"


@dataclass
class Server:
    """
    What a server publishes.

    Attributes:
        foci: names of foci; None for a well-known that has no list, an entry as it is where it is no name.
        answer: the HTTP status of its well-known, or how fetching it fails.
        endpoint, listed: its transports endpoint and what that lists.
    """

    foci: list[Any] | None = field(default_factory=list)
    answer: int | FailureKind = 200
    endpoint: PathState = "absent"
    listed: list[str] | None = None


class Internet:
    """
    Attributes:
        servers: by name.
        broken: names of foci to how they fail; all others answer.
        ends: names of foci to the end of their certificate, seconds since the epoch.
        refusing: names of foci whose SFU takes no token, which deep checks alone can see.
    """

    def __init__(self, servers: Mapping[str, Iterable[str]] | None = None) -> None:
        self.servers = {name: Server(list(foci)) for name, foci in (servers or {}).items()}
        self.broken: dict[str, FailureKind | int] = {}
        self.ends: dict[str, float] = {}
        self.refusing: set[str] = set()
        self._checks = count(1)

    def check(
        self, name: str, at: float, *, own: bool = False, ignore: frozenset[str] = frozenset(), deep: bool = False
    ) -> CheckResult:
        """What a check of a server sees at a time; each one probes everything afresh."""
        server, answer = self.servers[name], self._well_known(name, at)
        transports = None
        if server.listed is not None:
            values = [{"type": "livekit", "livekit_service_url": url(focus)} for focus in server.listed]
            transports = tuple(Entry("transports", place, value) for place, value in enumerate(values, 1))
        homeserver = HomeserverAnswer(None, TransportsAnswer(server.endpoint, server.endpoint, transports))
        entries = (*(answer.document.entries if answer.document is not None else ()), *(transports or ()))
        places = {one for entry in entries if (one := entry.probe_url) is not None and not one.fault}
        settings, now = CheckSettings(ignore, ProbeSettings()), datetime.fromtimestamp(at, UTC)
        judgements = {place: judge(self._observation(place, at), now, settings.probe) for place in places}
        seen = ServerObservation(parse_target(name), answer, homeserver, None, None, judgements)
        report = assemble(seen, settings, SUFFIXES, now, 10.0)
        if deep:
            seen = replace(seen, deep=True)
            report = replace(report, foci=tuple(self._deep(focus) for focus in report.foci))
        return CheckResult(seen, report, f"check {next(self._checks)}", own)

    def _deep(self, focus: FocusReport) -> FocusReport:
        """What a deep check sees of a focus besides."""
        place = focus.entry.probe_url
        if place is None or focus.verdict not in (Verdict.OK, Verdict.WARNING):
            return focus
        refused = place.host.partition(".")[0] in self.refusing
        token = StageResult(Stage.TOKEN, Outcome.OK, 1.0, "a token")
        signalling = StageResult(Stage.SIGNALLING, Outcome.FAILED if refused else Outcome.OK, 1.0, "HTTP 401")
        verdict = Verdict.CRITICAL if refused else focus.verdict
        return replace(focus, verdict=verdict, stages=(*focus.stages[: len(OPEN_STAGES)], token, signalling))

    def confirmation(self, name: str, at: float) -> ConfirmationResult:
        """What a fetch of the well-known alone sees."""
        return ConfirmationResult(name, self._well_known(name, at), at)

    def _well_known(self, name: str, at: float) -> WellKnownAnswer:
        server, place = self.servers[name], f"https://{name}/.well-known/matrix/client"
        if isinstance(server.answer, FailureKind):
            return read_answer(name, [_failed(place, server.answer)], None)
        document: dict[str, Any] = {"m.homeserver": {"base_url": f"https://matrix.{name}"}}
        if server.foci is not None:
            document[MSC4143_KEY] = [_entry(focus) for focus in server.foci]
        body = json.dumps(document).encode() if server.answer == 200 else b"{}"
        headers = {"content-type": ("application/json",), **ANY_ORIGIN}
        hop = _answered(place, Response(server.answer, headers, body), at, at + LIVES / 2)
        return read_answer(name, [hop], None)

    def _observation(self, place: ServiceUrl, at: float) -> Observation:
        focus = place.host.partition(".")[0]
        trouble = self.broken.get(focus)
        if trouble is FailureKind.DNS_SERVFAIL:
            failure = Failure(trouble, Phase.ADDRESS, "the resolver failed")
            return Observation(place, (), failure, 1.0, {}, families_reached=frozenset({4}))
        if isinstance(trouble, FailureKind):
            exchange: Exchange = _failed(place.text, trouble)
        else:
            answer = SERVICE if trouble is None else Response(trouble, ANY_ORIGIN, b"")
            exchange = _answered(place.text, answer, at, self.ends.get(focus, at + LIVES / 2))
        return Observation(place, ("192.0.2.1",), None, 1.0, {V4: exchange}, families_reached=frozenset({4}))


def _entry(focus: Any) -> Any:
    return {"type": "livekit", "livekit_service_url": url(focus)} if isinstance(focus, str) else focus


def _answered(place: str, response: Response, at: float, ends: float) -> Answered:
    begins, until = (datetime.fromtimestamp(moment, UTC) for moment in (ends - LIVES, ends))
    certificate = Certificate("CN=x", "CN=ca", ("x",), begins, until)
    facts = ConnectionFacts(("192.0.2.1",), "192.0.2.1", Phase.HTTP, 1, 1, 1, 1, certificate, "TLSv1.3")
    return Answered("POST", place, 4.0, facts, response)


def _failed(place: str, kind: FailureKind) -> Failed:
    facts = ConnectionFacts(("192.0.2.1",), "192.0.2.1", Phase.CONNECT, 1, 1)
    words = {FailureKind.CONNECT_REFUSED: "connection refused on 192.0.2.1:443"}
    failure = Failure(kind, Phase.CONNECT, words.get(kind, f"{kind.value} at 192.0.2.1:443"))
    return Failed("POST", place, 10_000.0, facts, failure)
