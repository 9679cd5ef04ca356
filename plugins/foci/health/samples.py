"""
From one check to samples: what it says about each key that is watched.

What is not in the samples was not tested: its state stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from botkit.messages.sanitise import shortened, visible
from botkit.outbound.model import Answered, Exchange, Failed, FailureKind, Phase
from plugins.foci.health.certificates import PresentedCertificate
from plugins.foci.health.events import Cause, Sample, Status
from plugins.foci.health.keys import Key, Kind, certificate_key, focus_key
from plugins.foci.health.self_check import Connectivity
from plugins.foci.model import Certainty, Finding, FocusReport, Outcome, Report, Severity, Stage, Verdict
from plugins.foci.probe.judge import judge
from plugins.foci.probe.observation import ProbeSettings
from plugins.foci.report.build import MAX_PROBED, ServerObservation
from plugins.foci.serialise import Codec
from plugins.foci.service_url import ServiceUrl, probe_url

_LONGEST_DETAIL = 300


CODEC = Codec(Connectivity)


@dataclass(frozen=True, slots=True)
class Check:
    """
    One check with all that is needed to judge it.

    Attributes:
        probe: names this check.
        probes: names the earlier check from which the result of a service was reused.
        own: the server is the bot's own: only its transports list can be compared with its well-known.
        window: the interval of checks, in seconds.
        outdone: keys of foci of which this check tells nothing good: deeper checks fail there.
        interval: of the server's checks, in seconds; 0 where it does not matter.
    """

    seen: ServerObservation
    report: Report
    connectivity: Connectivity
    settings: ProbeSettings
    probe: str
    window: float
    own: bool = False
    probes: Mapping[ServiceUrl, str] = field(default_factory=dict)
    outdone: frozenset[Key] = frozenset()
    interval: float = 0.0

    @property
    def at(self) -> float:
        """Seconds since the epoch."""
        return self.report.checked_at.timestamp()


def keys_of(server: str, report: Report, *, own: bool) -> frozenset[Key]:
    """Every health key that a server's report concerns, certificates left out: to forget the others."""
    keys = {Key(Kind.DISCOVERY, server), *watched_foci(report)}
    return frozenset({*keys, Key(Kind.DRIFT, server)} if own else keys)


def answering_hosts(seen: ServerObservation) -> frozenset[str]:
    """Hosts that answered anything at all during a check."""
    hosts = {_host(hop.url) for hop in seen.well_known.hops if isinstance(hop, Answered)}
    hosts |= {url.host for url, observation in seen.observations.items() if observation.answered}
    return frozenset(hosts)


def samples_of(check: Check) -> tuple[Sample, ...]:
    """One sample per key that this check says anything about, discovery first; each key once."""
    found: dict[Key, Sample] = {}
    foci = (_focus(check, focus) for same in watched_foci(check.report).values() for focus in same)
    for sample in (_discovery(check), _drift(check), *foci):
        if sample is not None:
            found.setdefault(sample.key, sample)
    return tuple(found.values())


def watched_foci(report: Report) -> Mapping[Key, Sequence[FocusReport]]:
    """Foci by key, of as many keys as would be probed: a stranger's list must not become hundreds of alerts."""
    found: dict[Key, list[FocusReport]] = {}
    for focus in report.foci:
        key = focus_key(focus.entry)
        if key is not None and (key in found or len(found) < MAX_PROBED):
            found.setdefault(key, []).append(focus)
    return found


def certificates_of(seen: ServerObservation) -> tuple[PresentedCertificate, ...]:
    """The accepted certificates of the well-known's hosts and of every focus; per host and port the first to end."""
    exchanges = [*seen.well_known.hops]
    exchanges += [exchange for observation in seen.observations.values() for exchange in observation.main.values()]
    found: dict[Key, PresentedCertificate] = {}
    for sighting in (_sighting(exchange) for exchange in exchanges):
        if sighting is None:
            continue
        other = found.setdefault(sighting.key, sighting)
        found[sighting.key] = min(other, sighting, key=lambda one: one.not_after)
    return tuple(found.values())


def _discovery(check: Check) -> Sample | None:
    """Failures of the fetch alone: what the list says is for ``listwatch``, and a 404 is an answer."""
    answer, host = check.seen.well_known, check.seen.target.hostname.lower()
    last = answer.hops[-1]
    failure = last.failure if isinstance(last, Failed) else None
    if failure is not None and failure.kind is FailureKind.PRIVATE_NAME and answer.certainty is Certainty.UNCLEAR:
        return None
    key = Key(Kind.DISCOVERY, check.report.server_name)
    standing = _standing(check, answer.certainty, host)
    cause = Cause()
    if standing is not Status.GOOD and answer.findings:
        worst = min(answer.findings, key=lambda one: one.severity.rank)
        detail = failure.detail if failure is not None else _unreadable(worst, check.report.well_known.http_status)
        cause = Cause(worst.code, _line(detail), failure is not None)
    timed_out = standing is Status.BAD and answer.certainty is Certainty.TIMEOUT
    return Sample(key, host, standing, check.at, check.probe, cause, timed_out)


def _unreadable(worst: Finding, status: int | None) -> str:
    """Why an answer is of no use, in the few words that follow "cannot be read"."""
    if worst.code == "well-known-http-status":
        return f"HTTP {status}"
    return worst.message.partition(" is unusable: ")[2] or worst.message


def _standing(check: Check, certainty: Certainty | None, host: str) -> Status:
    if certainty is None:
        return Status.GOOD
    if certainty is Certainty.DEFINITE:
        return Status.BAD
    if certainty is Certainty.TIMEOUT and check.connectivity.proves(host, check.at, check.window):
        return Status.BAD
    return Status.UNKNOWN


def _drift(check: Check) -> Sample | None:
    """Whether the bot's own homeserver says the same in both places; a list in only the endpoint is a migration."""
    if not check.own:
        return None
    document, listed = check.seen.well_known.document, check.seen.homeserver.transports.entries
    unread = check.seen.well_known.report.outcome == "failed"
    unread = unread or (listed is None and check.seen.homeserver.transports.endpoint != "absent")
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
    key = Key(Kind.DRIFT, check.report.server_name)
    return Sample(key, check.seen.target.hostname.lower(), standing, check.at, check.probe, cause)


def _focus(check: Check, focus: FocusReport) -> Sample | None:
    key, url = focus_key(focus.entry), probe_url(focus.entry)
    if key is None or url is None or focus.verdict is Verdict.NOT_PROBED:
        return None
    if focus.verdict is Verdict.UNKNOWN:
        standing = _unclear(check, url)
    else:
        standing = Status.BAD if focus.verdict is Verdict.CRITICAL else Status.GOOD
    if standing is None or (standing is Status.GOOD and key in check.outdone):
        return None
    cause = Cause() if standing is Status.GOOD else _cause(check, focus)
    host = "" if url.fault else url.host
    timed_out = standing is Status.BAD and focus.verdict is Verdict.UNKNOWN
    return Sample(key, host, standing, check.at, check.probes.get(url, check.probe), cause, timed_out)


def _unclear(check: Check, url: ServiceUrl) -> Status | None:
    """A time-out is bad where the vantage is proven; a name that is private from here says nothing at all."""
    observation = check.seen.observations.get(url)
    if observation is None:
        return None
    judgement = judge(observation, check.report.checked_at, check.settings)
    if any(one.code == "private-address" and one.severity is Severity.WARNING for one in judgement.findings):
        return None
    return _standing(check, judgement.certainty or Certainty.UNCLEAR, url.host)


def _cause(check: Check, focus: FocusReport) -> Cause:
    place = check.report.foci.index(focus) + 1
    own = [one for one in check.report.findings if one.focus == place]
    worst = min(own, key=lambda one: one.severity.rank, default=None)
    failed = next((stage for stage in focus.stages if stage.outcome is Outcome.FAILED), None)
    code = worst.code if worst is not None and worst.severity is not Severity.INFO else ""
    if failed is not None:
        outage = failed.stage is not Stage.AUTHORISATION
        return Cause(code or f"{failed.stage.value}-failed", _line(failed.detail), outage)
    return Cause(code or "unusable", _line(worst.message if worst is not None else ""), outage=False)


def _sighting(exchange: Exchange) -> PresentedCertificate | None:
    facts = exchange.connection
    certificate = facts.certificate
    if certificate is None or facts.phase is not Phase.HTTP:
        return None
    begins, ends = certificate.not_before.timestamp(), certificate.not_after.timestamp()
    words = f"{certificate.issuer}\n{certificate.subject}\n{begins}\n{ends}".encode("utf-8", "surrogatepass")
    return PresentedCertificate(certificate_key(exchange.url), hashlib.sha256(words).hexdigest()[:16], begins, ends)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _line(text: str) -> str:
    return shortened(visible(text).strip().rstrip("."), _LONGEST_DETAIL)
