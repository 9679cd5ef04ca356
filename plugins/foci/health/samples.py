"""
From one check to samples: what it says about each key that is watched.

What is not in the samples was not tested: its state stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from botkit.messages.sanitise import closed, shortened, visible
from botkit.outbound.model import Answered, Exchange, Failed, FailureKind, Phase
from plugins.foci.failure import was_left_out
from plugins.foci.health.certificates import PresentedCertificate
from plugins.foci.health.events import Cause, Sample, Status
from plugins.foci.health.keys import Key, KeyKind, certificate_key, focus_key
from plugins.foci.model import DEEP_STAGES, Certainty, Finding, FocusReport, Outcome, Report, Severity, Stage, Verdict
from plugins.foci.probe.judge import Judgement
from plugins.foci.report.build import CheckResult, ServerObservation
from plugins.foci.service_url import ServiceUrl

_LONGEST_DETAIL = 300
_NOBODY = ""
"""In place of a host that was not asked: it says nothing about the bot's own network."""


@dataclass(frozen=True, slots=True)
class WatchedThings:
    """
    What a check shows of everything that is watched, found once.

    Attributes:
        foci: by key, of as many keys as would be probed: a stranger's list must not become hundreds of alerts.
        keys: every health key that the check concerns, certificates left out.
        certificates: those accepted of the well-known's hosts and of foci; per host and port the first to end.
        answering: hosts that answered anything at all.
    """

    foci: Mapping[Key, Sequence[FocusReport]]
    keys: frozenset[Key]
    certificates: tuple[PresentedCertificate, ...]
    answering: frozenset[str]


Proves = Callable[[str], bool]
"""Whether another host than this one answered lately, so that a time-out is its own."""


def watched_by(checked: CheckResult) -> WatchedThings:
    """Find what a check shows of everything that is watched."""
    foci = _watched_foci(checked.report, checked.seen.most)
    keys = {Key(KeyKind.DISCOVERY, checked.server), *foci}
    if checked.own:
        keys.add(Key(KeyKind.DRIFT, checked.server))
    return WatchedThings(foci, frozenset(keys), _certificates(checked.seen), _answering_hosts(checked.seen))


def samples_of(
    checked: CheckResult, watched: WatchedThings, proves: Proves, outdone: frozenset[Key] = frozenset()
) -> tuple[Sample, ...]:
    """
    One sample per key that this check says anything about, discovery first; each key once.

    Args:
        outdone: keys of foci that this check cannot prove good: deeper checks fail there.
    """
    found: dict[Key, Sample] = {}
    foci = (_focus(checked, focus, proves, outdone) for same in watched.foci.values() for focus in same)
    for sample in (_discovery(checked, proves), drift(checked), *foci):
        if sample is not None:
            found.setdefault(sample.key, sample)
    return tuple(found.values())


def _answering_hosts(seen: ServerObservation) -> frozenset[str]:
    hosts = {urlsplit(hop.url).hostname or "" for hop in seen.well_known.hops if isinstance(hop, Answered)}
    return frozenset(hosts | {url.host for url, judgement in seen.judgements.items() if judgement.seen.answered})


def _watched_foci(report: Report, most: int) -> Mapping[Key, Sequence[FocusReport]]:
    found: dict[Key, list[FocusReport]] = {}
    for focus in report.foci:
        key = focus_key(focus.entry)
        if key is not None and (key in found or len(found) < most):
            found.setdefault(key, []).append(focus)
    return found


def _certificates(seen: ServerObservation) -> tuple[PresentedCertificate, ...]:
    exchanges = [*seen.well_known.hops]
    exchanges += [exchange for judgement in seen.judgements.values() for exchange in judgement.seen.main.values()]
    found: dict[Key, PresentedCertificate] = {}
    for sighting in (_presented(exchange) for exchange in exchanges):
        if sighting is None:
            continue
        other = found.setdefault(sighting.key, sighting)
        found[sighting.key] = min(other, sighting, key=lambda one: one.not_after)
    return tuple(found.values())


def _discovery(checked: CheckResult, proves: Proves) -> Sample | None:
    """Failures of the fetch alone: what the list says is for ``listwatch``, and a 404 is an answer."""
    answer, host = checked.seen.well_known, checked.seen.target.hostname.lower()
    last = answer.hops[-1]
    failure = last.failure if isinstance(last, Failed) else None
    if failure is not None and failure.kind is FailureKind.PRIVATE_NAME and answer.certainty is Certainty.UNCLEAR:
        return None
    key = Key(KeyKind.DISCOVERY, checked.server)
    standing = _standing(answer.certainty, host, proves)
    cause = Cause()
    if standing is not Status.GOOD and answer.findings:
        worst = min(answer.findings, key=lambda one: one.severity.rank)
        detail = failure.detail if failure is not None else _unreadable(worst, checked.report.well_known.http_status)
        cause = Cause(worst.code, _line(detail), failure is not None)
    timed_out = standing is Status.BAD and answer.certainty is Certainty.TIMEOUT
    if was_left_out(failure):
        host = _NOBODY
    return Sample(key, host, standing, checked.at, checked.probe, cause, timed_out)


def _unreadable(worst: Finding, status: int | None) -> str:
    """Why an answer is of no use, in the few words that follow "cannot be read"."""
    if worst.code in ("well-known-http-status", "refused-here"):
        return f"HTTP {status}"
    return worst.message.partition(" is unusable: ")[2] or worst.message


def _standing(certainty: Certainty | None, host: str, proves: Proves) -> Status:
    if certainty is None:
        return Status.GOOD
    if certainty is Certainty.DEFINITE:
        return Status.BAD
    if certainty is Certainty.TIMEOUT and proves(host):
        return Status.BAD
    return Status.UNKNOWN


def drift(checked: CheckResult) -> Sample | None:
    """Whether the bot's own homeserver says the same in both places; a list in only the endpoint is a migration."""
    if not checked.own:
        return None
    document, listed = checked.seen.well_known.document, checked.seen.homeserver.transports.entries
    unread = checked.seen.well_known.report.outcome == "failed"
    unread = unread or (listed is None and checked.seen.homeserver.transports.endpoint != "absent")
    differ = False
    if document is not None and document.entries and listed is not None:
        differ = {entry.identity for entry in document.entries} != {entry.identity for entry in listed}
    standing = Status.UNKNOWN if unread else Status.BAD if differ else Status.GOOD
    cause = Cause()
    if standing is Status.BAD:
        told = "other foci than the well-known" if listed else "nothing, which clients take as final"
        told = f"the transports endpoint lists {told}"
        cause = Cause("transports-disagree" if listed else "transports-empty", told, outage=False)
    elif unread:
        cause = Cause("not-tested", "one of the two lists could not be read", outage=False)
    key = Key(KeyKind.DRIFT, checked.server)
    return Sample(key, checked.seen.target.hostname.lower(), standing, checked.at, checked.probe, cause)


def _focus(checked: CheckResult, focus: FocusReport, proves: Proves, outdone: frozenset[Key]) -> Sample | None:
    key, url = focus_key(focus.entry), focus.entry.probe_url
    if key is None or url is None or focus.verdict is Verdict.NOT_PROBED:
        return None
    judgement = checked.seen.judgements.get(url)
    if focus.verdict is Verdict.UNKNOWN:
        standing = _unclear(judgement, url, proves)
    else:
        standing = Status.BAD if focus.verdict is Verdict.CRITICAL else Status.GOOD
    if standing is None or (standing is Status.GOOD and key in outdone):
        return None
    cause = Cause() if standing is Status.GOOD else _cause(checked.report, focus)
    unasked = judgement is not None and judgement.seen.unasked is not None
    host = _NOBODY if url.fault or unasked else url.host
    timed_out = standing is Status.BAD and focus.verdict is Verdict.UNKNOWN
    probe = judgement.seen.probe if judgement is not None else ""
    deep = standing is Status.GOOD and focus.deepest_stage in DEEP_STAGES
    return Sample(key, host, standing, checked.at, probe or checked.probe, cause, timed_out, deep)


def _unclear(judgement: Judgement | None, url: ServiceUrl, proves: Proves) -> Status | None:
    """A time-out is bad where the own connectivity is proven; a name that is private from here says nothing at all."""
    if judgement is None:
        return None
    if any(one.code == "private-address" and one.severity is Severity.WARNING for one in judgement.findings):
        return None
    return _standing(judgement.certainty or Certainty.UNCLEAR, url.host, proves)


def _cause(report: Report, focus: FocusReport) -> Cause:
    place = report.foci.index(focus) + 1
    own = [one for one in report.findings if one.focus == place]
    worst = min(own, key=lambda one: one.severity.rank, default=None)
    failed = next((stage for stage in focus.stages if stage.outcome is Outcome.FAILED), None)
    code = worst.code if worst is not None and worst.severity is not Severity.INFO else ""
    if failed is not None:
        deep = failed.stage in DEEP_STAGES
        outage = failed.stage is not Stage.AUTHORISATION and not deep
        return Cause(code or f"{failed.stage.value}-failed", _line(failed.detail), outage, deep)
    return Cause(code or "unusable", _line(worst.message if worst is not None else ""), outage=False)


def _presented(exchange: Exchange) -> PresentedCertificate | None:
    facts = exchange.connection
    certificate = facts.certificate
    if certificate is None or facts.phase is not Phase.HTTP:
        return None
    begins, ends = certificate.not_before.timestamp(), certificate.not_after.timestamp()
    words = f"{certificate.issuer}\n{certificate.subject}\n{begins}\n{ends}".encode("utf-8", "surrogatepass")
    return PresentedCertificate(certificate_key(exchange.url), hashlib.sha256(words).hexdigest()[:16], begins, ends)


def _line(text: str) -> str:
    return closed(shortened(visible(text).strip().rstrip("."), _LONGEST_DETAIL))
