"""What seldom changes of a server, kept between checks: which answers may be kept, and when they still hold. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

from botkit.outbound.model import Answered
from plugins.foci.discovery.federation import UserLookup, asks_for_token
from plugins.foci.discovery.homeserver import HomeserverAnswer
from plugins.foci.discovery.well_known import WellKnownAnswer
from plugins.foci.model import Report, Severity, Verdict
from plugins.foci.report.build import CheckResult, ServerObservation

_LARGEST_LIST = 20
"""Entries of a list that is kept; no honest one is as long."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """
    What a check of the well-known and the foci alone may go by.

    Attributes:
        well_known: by this an answer is known to be the same as when all was asked.
        told: by this a report is known to say the same.
        age: seconds since all was asked.
    """

    homeserver: HomeserverAnswer
    base_copy: WellKnownAnswer | None
    with_port: WellKnownAnswer | None
    user_lookup: UserLookup
    well_known: bytes
    told: bytes
    age: float = 0.0


def facts_of(result: CheckResult) -> ServerFacts | None:
    """
    The facts of a check that asked for everything; None unless nothing failed in it, here or there.

    So whatever leads to an alert is never taken from memory: an alert wants several failures seen.
    """
    seen, lookup = result.seen, result.seen.user_lookup
    if seen.facts_age is not None or not is_calm(result) or lookup is None or not _is_settled(seen, lookup):
        return None
    return ServerFacts(
        homeserver=seen.homeserver,
        base_copy=_without_hops(seen.base_copy),
        with_port=_without_hops(seen.with_port),
        # a look-up that went well is judged the same without its answers
        user_lookup=replace(lookup, asked=None, renamed=None),
        well_known=mark_of(seen.well_known),
        told=_told(result.report),
    )


def still_hold(facts: ServerFacts, report: Report) -> bool:
    """Whether a report made with these facts says what was said when all was asked."""
    return facts.told == _told(report)


def mark_of(answer: WellKnownAnswer) -> bytes:
    """A digest of how the well-known was answered, times left out."""
    body = answer.hops[-1].response.body if isinstance(answer.hops[-1], Answered) else b""
    told = replace(answer.report, elapsed_ms=0.0), [(one.code, one.severity) for one in answer.findings]
    return blake2b(repr(told).encode("utf-8", "surrogatepass") + body, digest_size=16).digest()


def is_calm(result: CheckResult) -> bool:
    """Whether everything that was asked worked, so far as alerts would have it."""
    report = result.report
    return (
        report.well_known.outcome != "failed"
        and report.verdict in (Verdict.OK, Verdict.WARNING)
        and all(judgement.certainty is None for judgement in result.seen.judgements.values())
        and not any(one.severity is Severity.ERROR for one in report.findings)
    )


def _without_hops(copy: WellKnownAnswer | None) -> WellKnownAnswer | None:
    return None if copy is None else replace(copy, hops=())


def _is_settled(seen: ServerObservation, lookup: UserLookup) -> bool:
    homeserver = seen.homeserver
    versions, transports = homeserver.versions, homeserver.transports
    copies = [copy for copy in (seen.base_copy, seen.with_port) if copy is not None]
    return (
        versions is not None
        and versions.valid
        and transports.answered
        and len(transports.entries or ()) <= _LARGEST_LIST
        and not homeserver.findings
        and all(copy.report.outcome != "failed" and not copy.findings for copy in copies)
        and lookup.asked is not None
        and asks_for_token(lookup.asked)
        and not (lookup.unsure or lookup.findings or lookup.delegation.broken)
    )


def _told(report: Report) -> bytes:
    """A digest of everything that a report says but for times and numbers in passing."""
    foci = [
        (one.entry.identity, one.verdict, [(stage.stage, stage.outcome) for stage in one.stages]) for one in report.foci
    ]
    findings = [(one.code, one.severity, one.focus) for one in report.findings]
    clients = [(row.client, row.uses_focus, row.finds_focus, row.reason) for row in report.clients]
    told = repr((report.verdict, report.key_used, foci, findings, clients, report.transports))
    return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()
