"""What was seen at one service URL: the values that stages and findings are judged by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Answered, Exchange, Failed, Failure
from plugins.foci.failure import meaning_of, was_left_out
from plugins.foci.model import Certainty, Finding, Outcome, Stage, StageResult
from plugins.foci.service_url import ServiceUrl


@dataclass(frozen=True, slots=True)
class Observation:
    """
    Everything seen at one service URL.

    Attributes:
        addresses: of the host, those that were asked; empty with ``dns_failure``.
        main: the literal request to each address that was asked: POST to the service or GET to the SFU (the one by
            which it is known).
        preflight, get_token, health, clean, root, validate: further requests, to one address; None when not made.
        families_reached: families over which this machine has reached any host.
        probe: names the check of a watched server that made it; empty where it is not shared.
        further_age: seconds since preflight, get_token, health and clean were asked for; None where that was now.
    """

    url: ServiceUrl
    addresses: tuple[str, ...]
    dns_failure: Failure | None
    dns_ms: float
    main: Mapping[Endpoint, Exchange]
    preflight: Exchange | None = None
    get_token: Exchange | None = None
    health: Exchange | None = None
    clean: Exchange | None = None
    root: Exchange | None = None
    validate: Exchange | None = None
    families_reached: frozenset[int] = frozenset()
    probe: str = ""
    further_age: float | None = None

    @property
    def further(self) -> tuple[Exchange | None, ...]:
        """All requests but the main ones."""
        return self.preflight, self.get_token, self.health, self.clean, self.root, self.validate

    @property
    def unasked(self) -> Failure | None:
        """Why the bot did not ask the host, or one of its addresses, although it could have."""
        failures = (exchange.failure for exchange in self.main.values() if isinstance(exchange, Failed))
        return next(filter(was_left_out, (self.dns_failure, *failures)), None)

    @property
    def answered(self) -> bool:
        """Whether anything at all answered there: proof that this machine's network works."""
        return any(isinstance(exchange, Answered) for exchange in self.main.values())


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """
    Limits of judgement.

    Attributes:
        expiry_warning: seconds before a certificate's end from which it is worth a warning.
        slow: seconds from which the POST's round trip is worth a warning.
        patience: seconds a single request may take; one cut shorter by the deadline proves nothing.
        token_patience: seconds a service may take for a token; lk-jwt-service itself gives up after 30.3.
    """

    expiry_warning: float = 14 * 86400.0
    slow: float = 2.0
    patience: float = 10.0
    token_patience: float = 35.0

    def is_timeout(self, waited_ms: float) -> bool:
        """Whether so long a wait was a whole one, and not cut short by the deadline of the check."""
        return waited_ms >= self.patience * 900


def certainty_of(failure: Failure, exchange: Exchange | None, settings: ProbeSettings) -> Certainty:
    """What a failure proves; a time-out that our own deadline cut short proves nothing."""
    certainty = meaning_of(failure).certainty
    if certainty is Certainty.TIMEOUT and exchange is not None and not settings.is_timeout(exchange.elapsed_ms):
        return Certainty.UNCLEAR
    return certainty


@dataclass(frozen=True, slots=True)
class DeepStageResult:
    """
    What became of one deep stage.

    Attributes:
        findings: without a focus number.
        certainty: of the failure; None unless the stage failed.
    """

    result: StageResult
    findings: tuple[Finding, ...] = ()
    certainty: Certainty | None = None

    @property
    def passed(self) -> bool:
        """Whether the stages goes on."""
        return self.result.outcome is Outcome.OK


def passed(stage: Stage, elapsed_ms: float | None, detail: str, *findings: Finding) -> DeepStageResult:
    """A stage that passed."""
    return DeepStageResult(StageResult(stage, Outcome.OK, elapsed_ms, detail), findings)


def failed(
    stage: Stage, elapsed_ms: float | None, detail: str, certainty: Certainty, *findings: Finding
) -> DeepStageResult:
    """A stage that failed."""
    return DeepStageResult(StageResult(stage, Outcome.FAILED, elapsed_ms, detail), findings, certainty)


def skipped(stage: Stage, why: str) -> DeepStageResult:
    """A stage that was not tried."""
    return DeepStageResult(StageResult(stage, Outcome.SKIPPED, None, why))


Observe = Callable[[ServiceUrl, float, bool], Awaitable[Observation]]
"""Observes a service URL until a deadline (loop time); True for a look at all of it, whatever is known."""
