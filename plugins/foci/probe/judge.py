"""From the observation of a focus to its stages and findings. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from botkit.messages.sanitise import quoted
from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Answered, Certificate, Exchange, Failed, Failure, Phase, Response
from plugins.foci.addresses import FAMILY_NAMES, OTHER_FAMILY, addresses_differ, family_broken
from plugins.foci.failure import advice_for, as_anywhere, meaning_of, was_not_asked
from plugins.foci.findings import finding
from plugins.foci.model import DEEP_STAGES, OPEN_STAGES, Certainty, Finding, Outcome, Severity, Stage, StageResult
from plugins.foci.probe.observation import DeepStageResult, Observation, ProbeSettings, certainty_of, skipped
from plugins.foci.probe.service import answer_of, answers_as, is_sfu, points_at_sfu, quality, read_post
from plugins.foci.probe.wrong_answer import WrongAnswer
from plugins.foci.responses import meets_prober_only

_PERHAPS_SFU = frozenset({"service-not-routed", "not-an-authorisation-service"})
_ANSWERS = len(Phase)
_WORKS = _ANSWERS + 1


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    An observation and what it means, made once in a check: report, samples and deep stages read this.

    Attributes:
        certainty: of the failure; None when every applicable stage passed.
        findings: without a focus number, for one observation may serve several entries.
        note: facts in passing for people.
    """

    seen: Observation
    stages: tuple[StageResult, ...]
    findings: tuple[Finding, ...]
    certainty: Certainty | None
    note: str = ""


@dataclass(slots=True)
class _Stages:
    results: list[StageResult] = field(default_factory=list)

    def passed(self, stage: Stage, elapsed_ms: float | None, detail: str) -> None:
        self.results.append(StageResult(stage, Outcome.OK, elapsed_ms, detail))

    def failed(self, stage: Stage, elapsed_ms: float | None, detail: str) -> None:
        self.results.append(StageResult(stage, Outcome.FAILED, elapsed_ms, detail))

    def closed(self, why: str) -> tuple[StageResult, ...]:
        rest = OPEN_STAGES[len(self.results) :]
        return (*self.results, *(StageResult(stage, Outcome.SKIPPED, None, why) for stage in rest))


def skipped_after(why: str) -> tuple[StageResult, ...]:
    """The stages of a focus that is not probed."""
    return _Stages().closed(why)


def judge(seen: Observation, now: datetime, settings: ProbeSettings) -> Judgement:
    """Judge an observation at the time ``now`` (UTC)."""
    stages = _Stages()
    if seen.dns_failure is not None:
        failure = as_anywhere(seen.dns_failure, seen.url.host)
        stages.failed(Stage.ADDRESS, seen.dns_ms, failure.detail)
        return _from_failure(seen, failure, stages, certainty_of(failure, None, settings), ())
    best, exchange = best_exchange(seen)
    unasked = next(filter(was_not_asked, seen.main.values()), None)
    if unasked is not None and _rank(seen, exchange) < _WORKS:
        # what was not asked may work, so what fails decides nothing
        exchange, warnings = unasked, []
    else:
        warnings = [*_broken_families(seen, best), *_failing_addresses(seen, settings)]
        warnings += expiry(_first_to_end(seen, exchange), now, settings)
    if isinstance(exchange, Failed):
        failure = exchange.failure
        _pass_before(stages, seen, exchange, failure.phase)
        stages.failed(Stage(failure.phase.value), _phase_ms(exchange, failure.phase), failure.detail)
        return _from_failure(seen, failure, stages, certainty_of(failure, exchange, settings), tuple(warnings))
    _pass_before(stages, seen, exchange, Phase.HTTP)
    if seen.url.kind == "sfu":
        return _judge_sfu(seen, exchange, stages, warnings, now, settings)
    return _judge_service(seen, exchange, stages, warnings, now, settings)


def best_exchange(seen: Observation) -> tuple[Endpoint, Exchange]:
    """The address that got furthest; of equals by what they prove, then by the newer family, then the first asked."""
    return max(seen.main.items(), key=lambda item: (standing(seen, item[1]), item[0].family))


def standing(seen: Observation, exchange: Exchange) -> tuple[int, int]:
    """How good an exchange is: how far it got, then what it proves."""
    # of failures the surest counts: a family that this machine lacks must not hide the refusal seen over the other
    if isinstance(exchange, Failed):
        return _rank(seen, exchange), -meaning_of(exchange.failure).certainty.rank
    # of wrong answers the least sure one does: what refuses this prober may serve clients
    wrong = read_post(exchange, seen.preflight)
    proof = 0 if wrong is None else wrong.certainty.rank
    return _rank_of_answer(seen, exchange, wrong), proof


def works(seen: Observation, exchange: Exchange) -> bool:
    """Whether what was expected answered in this exchange."""
    return _rank(seen, exchange) == _WORKS


def _rank(seen: Observation, exchange: Exchange) -> int:
    if isinstance(exchange, Failed):
        return list(Phase).index(exchange.failure.phase)
    return _rank_of_answer(seen, exchange, read_post(exchange, seen.preflight))


def _rank_of_answer(seen: Observation, exchange: Answered, wrong: WrongAnswer | None) -> int:
    good = wrong is None if seen.url.kind == "authorisation" else _sfu_is_alive(exchange.response)
    return _WORKS if good else _ANSWERS


def _pass_before(stages: _Stages, seen: Observation, exchange: Exchange, reached: Phase) -> None:
    """Record every stage before ``reached`` as passed."""
    facts = exchange.connection
    details = {
        Phase.ADDRESS: ", ".join(f"`{address}`" for address in seen.addresses[:8]),
        Phase.CONNECT: f"connected to `{facts.peer}`",
        Phase.TLS: _tls_detail(facts.certificate, facts.tls_version),
    }
    for phase, detail in details.items():
        if phase is reached:
            return
        elapsed = seen.dns_ms if phase is Phase.ADDRESS else _phase_ms(exchange, phase)
        stages.passed(Stage(phase.value), elapsed, detail)


def _from_failure(
    seen: Observation, failure: Failure, stages: _Stages, certainty: Certainty, warnings: tuple[Finding, ...]
) -> Judgement:
    meaning = meaning_of(failure)
    severity = None
    if meaning.code == "private-address" and meaning.certainty is Certainty.UNCLEAR:
        severity = Severity.WARNING
    found = finding(meaning.code, f"{failure.detail}.", advice_for(failure, seen.url.host), severity=severity)
    return Judgement(seen, stages.closed("an earlier stage failed"), (found, *warnings), certainty)


def _judge_service(
    seen: Observation,
    exchange: Answered,
    stages: _Stages,
    warnings: list[Finding],
    now: datetime,
    settings: ProbeSettings,
) -> Judgement:
    wrong = read_post(exchange, seen.preflight)
    if wrong is None:
        stages.passed(Stage.HTTP, exchange.connection.http_ms, f"HTTP {exchange.response.status}")
        stages.passed(Stage.AUTHORISATION, exchange.connection.http_ms, answers_as(exchange))
        found = [*warnings, *_slash(seen, works=True), *quality(seen, exchange, settings)]
        return Judgement(seen, stages.closed(""), tuple(found), None, _note(seen, exchange, now, settings))
    if wrong.code in _PERHAPS_SFU and _sfu_answers(seen):
        wrong = points_at_sfu(exchange, seen.get_token, seen.preflight)
    if wrong.code == "http-5xx":
        stages.failed(Stage.HTTP, exchange.connection.http_ms, wrong.detail)
    else:
        stages.passed(Stage.HTTP, exchange.connection.http_ms, f"HTTP {exchange.response.status}")
        stages.failed(Stage.AUTHORISATION, exchange.connection.http_ms, wrong.detail)
    found = [*_service_fault(seen, wrong), *warnings]
    return Judgement(seen, stages.closed("an earlier stage failed"), tuple(found), wrong.certainty)


def _service_fault(seen: Observation, wrong: WrongAnswer) -> list[Finding]:
    """The one cause: a trailing slash or a doubled endpoint explains a wrong answer, where it does."""
    if wrong.certainty is Certainty.UNCLEAR:
        return [wrong.finding]
    if seen.url.trailing_slash and isinstance(seen.clean, Answered):
        clean = read_post(seen.clean, seen.preflight)
        return [*_slash(seen, works=False), *([] if clean is None else [clean.finding])]
    if seen.url.includes_endpoint and wrong.code == "service-not-routed":
        return []
    return [wrong.finding]


def _slash(seen: Observation, *, works: bool) -> list[Finding]:
    if not seen.url.trailing_slash:
        return []
    advice = "Publish the URL without the slash at its end."
    if works:
        message = "The URL ends in a slash, so clients request `//sfu/get`; this proxy accepts that nevertheless."
        return [finding("trailing-slash", message, advice, severity=Severity.WARNING)]
    message = "The URL ends in a slash, so clients request `//sfu/get`, and that fails."
    return [finding("trailing-slash", message, advice)]


def _judge_sfu(
    seen: Observation,
    exchange: Answered,
    stages: _Stages,
    warnings: list[Finding],
    now: datetime,
    settings: ProbeSettings,
) -> Judgement:
    if _sfu_is_alive(exchange.response):
        stages.passed(Stage.HTTP, exchange.connection.http_ms, "the SFU answers")
        skip = "the entry names no authorisation service"
        return Judgement(seen, stages.closed(skip), tuple(warnings), None, _note(seen, exchange, now, settings))
    wrong = read_post(exchange, seen.preflight)
    detail = f"HTTP {exchange.response.status} instead of LiveKit's refusal (401, no permissions to access the room)"
    stages.failed(Stage.HTTP, exchange.connection.http_ms, detail)
    code, advice, certainty = "sfu-unreachable", "Route the published `url` to LiveKit (port 7880).", Certainty.DEFINITE
    if wrong is not None and wrong.code in ("http-5xx", "waf-challenge", "refused-here"):
        code, advice, certainty = wrong.code, wrong.advice, wrong.certainty
    found = finding(code, f"No SFU answers at {quoted(seen.url.text)}: {detail}.", advice)
    return Judgement(seen, stages.closed("an earlier stage failed"), (found, *warnings), certainty)


def _sfu_is_alive(response: Response) -> bool:
    refused = response.status >= 500 or meets_prober_only(response)
    return not refused and is_sfu(response, response)


def _sfu_answers(seen: Observation) -> bool:
    return is_sfu(answer_of(seen.root), answer_of(seen.validate))


def _broken_families(seen: Observation, best: Endpoint) -> list[Finding]:
    """A family all of whose addresses fail while the other works, where this machine is known to have it."""
    good = _rank(seen, seen.main[best])
    others = [exchange for endpoint, exchange in seen.main.items() if endpoint.family != best.family]
    family = OTHER_FAMILY[best.family]
    if not others or good < _ANSWERS or family not in seen.families_reached or any(map(was_not_asked, others)):
        return []
    furthest = max(others, key=lambda exchange: standing(seen, exchange))
    if _rank(seen, furthest) >= good:
        return []
    return [family_broken(seen.url.host, family, _trouble(seen, furthest))]


def _failing_addresses(seen: Observation, settings: ProbeSettings) -> list[Finding]:
    """Addresses that fail for certain while others of their family work."""
    working = {endpoint.family for endpoint, exchange in seen.main.items() if _rank(seen, exchange) == _WORKS}
    failing = {
        endpoint: _trouble(seen, exchange)
        for endpoint, exchange in seen.main.items()
        if endpoint.family in working and _rank(seen, exchange) < _WORKS and _is_proven(seen, exchange, settings)
    }
    return [addresses_differ(seen.url.host, seen.main, failing, {})] if failing else []


def _is_proven(seen: Observation, exchange: Exchange, settings: ProbeSettings) -> bool:
    """Whether a failure beside an address that works is the other side's; that one shows that the network works."""
    if isinstance(exchange, Failed):
        return certainty_of(exchange.failure, exchange, settings) is not Certainty.UNCLEAR
    if seen.url.kind == "sfu":
        return not meets_prober_only(exchange.response)
    wrong = read_post(exchange, seen.preflight)
    return wrong is not None and wrong.certainty is not Certainty.UNCLEAR


def _trouble(seen: Observation, exchange: Exchange) -> str:
    """What went wrong over a family that did not come as far as another."""
    if isinstance(exchange, Failed):
        return exchange.failure.detail
    wrong = read_post(exchange, seen.preflight) if seen.url.kind == "authorisation" else None
    return f"HTTP {exchange.response.status}" if wrong is None else wrong.detail


def _first_to_end(seen: Observation, best: Exchange) -> Exchange:
    """The exchange whose accepted certificate ends first: addresses may present different ones."""
    accepted = [one for one in seen.main.values() if one.connection.phase is Phase.HTTP and one.connection.certificate]
    return min(accepted, key=_end_of_certificate, default=best)


def _end_of_certificate(exchange: Exchange) -> float:
    certificate = exchange.connection.certificate
    return certificate.not_after.timestamp() if certificate is not None else math.inf


def expiry(exchange: Exchange, now: datetime, settings: ProbeSettings) -> list[Finding]:
    """A warning when the certificate seen in an exchange ends soon."""
    certificate = exchange.connection.certificate
    if certificate is None:
        return []
    left = (certificate.not_after - now).total_seconds()
    if not 0 < left < settings.expiry_warning:
        return []
    host = urlsplit(exchange.url).hostname or ""
    ends = f"{certificate.not_after:%Y-%m-%d}, in {max(1, round(left / 86400))} days"
    message = f"The certificate of {quoted(host)} expires on {ends}."
    return [finding("tls-expiring", message, "Renew the certificate and check why automatic renewal did not.")]


def _note(seen: Observation, exchange: Exchange, now: datetime, settings: ProbeSettings) -> str:
    parts = []
    if exchange.connection.http_ms is not None:
        parts.append(f"{exchange.connection.http_ms:.0f} ms")
    good = _rank(seen, exchange)
    working = sorted({endpoint.family for endpoint, other in seen.main.items() if _rank(seen, other) == good})
    parts.append(" and ".join(FAMILY_NAMES[family] for family in working))
    families = dict.fromkeys(endpoint.family for endpoint in seen.main)
    untested = [family for family in families if family not in working and family not in seen.families_reached]
    parts += [f"{FAMILY_NAMES[family]} not tested from here" for family in untested]
    doubtful = [
        f"`{endpoint.address}`"
        for endpoint, other in seen.main.items()
        if endpoint.family in working and _rank(seen, other) < good and not _is_proven(seen, other, settings)
    ]
    parts += [f"{', '.join(doubtful)} could not be judged"] if doubtful else []
    if exchange.connection.certificate is not None:
        days = (exchange.connection.certificate.not_after - now).days
        parts.append(f"certificate valid {days} days")
    return "; ".join(parts)


def _tls_detail(certificate: Certificate | None, version: str | None) -> str:
    until = (
        f"certificate valid until {certificate.not_after:%Y-%m-%d}"
        if certificate is not None
        else "certificate unknown"
    )
    return f"{version or 'TLS'}, {until}"


def _phase_ms(exchange: Exchange, phase: Phase) -> float | None:
    facts = exchange.connection
    return {
        Phase.ADDRESS: facts.address_ms,
        Phase.CONNECT: facts.connect_ms,
        Phase.TLS: facts.tls_ms,
        Phase.HTTP: facts.http_ms,
    }[phase]


_EARLIER = "an earlier stage failed"


def deepened(judgement: Judgement, steps: Sequence[DeepStageResult]) -> Judgement:
    """The judgement of a probe with the deep stages after it; those that ``steps`` does not hold are skipped."""
    rest = [skipped(stage, _why(judgement, steps)) for stage in DEEP_STAGES[len(steps) :]]
    whole = [*steps, *rest]
    return replace(
        judgement,
        stages=(*judgement.stages, *(step.result for step in whole)),
        findings=(*judgement.findings, *(found for step in whole for found in step.findings)),
        certainty=judgement.certainty or next((step.certainty for step in whole if step.certainty), None),
    )


def untried(why: str) -> tuple[StageResult, ...]:
    """The deep stages of a focus that is not probed."""
    return tuple(skipped(stage, why).result for stage in DEEP_STAGES)


def _why(judgement: Judgement, steps: Sequence[DeepStageResult]) -> str:
    if judgement.certainty is not None or any(step.result.outcome is Outcome.FAILED for step in steps):
        return _EARLIER
    return next((step.result.detail for step in steps if step.result.outcome is Outcome.SKIPPED), "not tried")
