"""From everything observed about one server to its report. Pure; the order of the rules is the contract's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from botkit.messages.sanitise import quoted
from plugins.foci.discovery.federation import UserLookup, judge_lookup
from plugins.foci.discovery.homeserver import HomeserverAnswer, entries_of
from plugins.foci.discovery.target import Target
from plugins.foci.discovery.well_known import WellKnownAnswer
from plugins.foci.findings import finding
from plugins.foci.model import (
    MAX_ENTRIES,
    Certainty,
    Entry,
    Finding,
    FocusReport,
    Remembered,
    Report,
    Severity,
    Verdict,
)
from plugins.foci.probe.judge import Judgement, expiry, skipped_after, untried
from plugins.foci.probe.observation import ProbeSettings
from plugins.foci.refusal import exempt
from plugins.foci.report.clients import Published, client_rows
from plugins.foci.report.lint import lint_endpoint, lint_entries, lint_list, lint_types
from plugins.foci.report.software import to_delay_events
from plugins.foci.report.verdict import focus_verdict, server_verdict, summarise
from plugins.foci.service_url import ServiceUrl

MAX_PROBED = 20
"""Distinct service URLs probed in one check: a list of thousands must not make the bot a flood."""

IN_ROOMS = 6
"""Of them so many for commands and watches in rooms, where strangers decide what is asked."""

_OF_ADDRESSES = frozenset({"addresses-differ", "address-family-broken"})
_SHUT_TO_WEB = frozenset({"cors-doubled", "cors-missing-on-service"})


@dataclass(frozen=True, slots=True)
class ServerObservation:
    """
    Everything seen of one server.

    Attributes:
        base_copy: the well-known of the base_url host, None when not fetched.
        with_port: the well-known under the port of the server name, None when not fetched.
        judgements: by service URL.
        user_lookup: how the federation side answered, None when not asked.
        deep: whether foci were to be probed beyond what a stranger can do.
        facts_age: seconds since ``homeserver``, ``base_copy``, ``with_port`` and ``user_lookup`` were asked for; None
            where that was in this check.
        most: service URLs that were probed at most.
    """

    target: Target
    well_known: WellKnownAnswer
    homeserver: HomeserverAnswer
    base_copy: WellKnownAnswer | None
    with_port: WellKnownAnswer | None
    judgements: Mapping[ServiceUrl, Judgement]
    user_lookup: UserLookup | None = None
    deep: bool = False
    facts_age: float | None = None
    most: int = MAX_PROBED

    @property
    def software(self) -> str:
        """How the homeserver calls itself, in lower case; empty if it did not say."""
        return "" if self.user_lookup is None else self.user_lookup.software


@dataclass(frozen=True, slots=True)
class CheckResult:
    """
    A check of one server: all that was seen, and the report on it.

    Attributes:
        probe: names this check among those of watched servers, else empty.
        own: the server is the one the bot's account is on.
    """

    seen: ServerObservation
    report: Report
    probe: str = ""
    own: bool = False

    @property
    def server(self) -> str:
        """The server's name."""
        return self.report.server_name

    @property
    def at(self) -> float:
        """When it was made, seconds since the epoch."""
        return self.report.checked_at.timestamp()


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """
    What an operator may tune.

    Attributes:
        ignore: codes left out.
        probe: the limits of judgement.
        trusted: services (``host:port``) that may see an OpenID token of the bot when a check goes deep; None for those
            in the own homeserver's list.
    """

    ignore: frozenset[str] = frozenset()
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    trusted: frozenset[str] | None = None


def assemble(
    seen: ServerObservation, settings: CheckSettings, suffixes: PublicSuffixList, now: datetime, elapsed_ms: float
) -> Report:
    """Lint, judge, and put the report together."""
    entries = entries_of(seen.well_known, seen.homeserver)
    judgements = [_judgement(entry, seen) for entry in entries]
    found = [*_findings(seen, entries, judgements, suffixes, settings.probe), *_certificates(seen, settings, now)]
    found = [one for one in found if one.code not in settings.ignore]
    own: dict[int | None, list[Finding]] = defaultdict(list)
    for one in found:
        own[one.focus].append(one)
    foci = tuple(
        _focus(entry, judgement, own[place], seen)
        for place, (entry, judgement) in enumerate(zip(entries, judgements, strict=True), 1)
    )
    clients = client_rows(_published(seen, foci, suffixes))
    endpoint = lint_endpoint(seen.well_known.document, seen.homeserver.transports, clients, seen.software)
    found = [one for one in (*lint_types(clients), *found, *endpoint) if one.code not in settings.ignore]
    verdict = server_verdict(seen.well_known.certainty, foci, found)
    report, document = seen.well_known.report, seen.well_known.document
    if _base_url_fails(seen, settings.probe):
        report = replace(report, spec_action="FAIL_ERROR")
    return Report(
        target=seen.target.text,
        server_name=seen.target.server_name,
        checked_at=now,
        elapsed_ms=elapsed_ms,
        verdict=verdict,
        summary=summarise(verdict, seen.well_known.certainty, clients, foci, found),
        well_known=report,
        keys_found=document.keys_found if document is not None else (),
        key_used=document.key_used if document is not None else None,
        foci=foci,
        transports=seen.homeserver.transports.report,
        clients=clients,
        findings=tuple(found),
        remembered=_remembered(seen, judgements),
    )


def _remembered(seen: ServerObservation, judgements: Sequence[Judgement | None]) -> tuple[Remembered, ...]:
    ages = [None if judgement is None else judgement.seen.further_age for judgement in judgements]
    services = [Remembered("service", place, age) for place, age in enumerate(ages, 1) if age is not None]
    return (*([] if seen.facts_age is None else [Remembered("homeserver", None, seen.facts_age)]), *services)


def _judgement(entry: Entry, seen: ServerObservation) -> Judgement | None:
    url = entry.probe_url
    return None if url is None else seen.judgements.get(url)


def _certificates(seen: ServerObservation, settings: CheckSettings, now: datetime) -> list[Finding]:
    """Certificates of the well-known's hosts that expire soon; a focus on the same host reports its own."""
    probed = {url.host for url in seen.judgements}
    hops = [hop for hop in seen.well_known.hops if urlsplit(hop.url).hostname not in probed]
    by_host = {urlsplit(hop.url).hostname: expiry(hop, now, settings.probe) for hop in hops}
    return [one for found in by_host.values() for one in found]


def _findings(
    seen: ServerObservation,
    entries: Sequence[Entry],
    judgements: Sequence[Judgement | None],
    suffixes: PublicSuffixList,
    settings: ProbeSettings,
) -> list[Finding]:
    host = seen.target.hostname
    base_copy = seen.base_copy.document if seen.base_copy is not None else None
    found = [*seen.well_known.findings, *_base_url(seen, settings), *_addresses(seen)]
    base_url = _base_url_that_answers(seen)
    found += lint_list(host, seen.well_known, base_copy, seen.homeserver, base_url, seen.software)
    linted = lint_entries(entries, host, suffixes)
    for place, judgement in enumerate(judgements, 1):
        found += [one for one in linted if one.focus == place]
        if judgement is not None:
            found += [replace(one, focus=place) for one in judgement.findings]
    if any(judgement is None and _probeable(entry) for entry, judgement in zip(entries, judgements, strict=True)):
        message = f"Only the first {seen.most} service URLs were tested{_elsewhere(entries, seen.most)}."
        found.append(finding("not-tested", message, "Publish a short list: no client tries that many."))
    if any(entry.position >= MAX_ENTRIES for entry in entries):
        message = f"The list has {MAX_ENTRIES} entries or more; the rest was not checked."
        found.append(finding("not-tested", message, "Publish a short list.", severity=Severity.WARNING))
    return [*found, *_context(seen, entries, settings)]


def _addresses(seen: ServerObservation) -> list[Finding]:
    """About addresses of the homeserver and its federation API; of a host that is told of already nothing more."""
    differ = any(one.code in _OF_ADDRESSES for one in seen.well_known.findings)
    told = {urlsplit(hop.url).hostname for hop in seen.well_known.hops} if differ else set()
    lookup = seen.user_lookup
    federation = [(lookup.url, lookup.findings)] if lookup is not None else []
    found: list[Finding] = []
    for url, about in ((seen.homeserver.url, seen.homeserver.findings), *federation):
        host = urlsplit(url).hostname
        if about and host not in told:
            told.add(host)
            found += about
    return found


def _base_url_that_answers(seen: ServerObservation) -> str | None:
    """For the example to publish: the published base_url, else the hostname where a homeserver was found."""
    versions = seen.homeserver.versions
    fallback = f"https://{seen.target.url_host}" if versions is not None and versions.valid else None
    return seen.well_known.report.base_url or fallback


def _probeable(entry: Entry) -> bool:
    url = entry.probe_url
    return url is not None and url.fault is None


def _base_url_fails(seen: ServerObservation, settings: ProbeSettings) -> bool:
    """A published base_url is known because something answered, so silence there is not this machine's."""
    versions = seen.homeserver.versions
    if seen.well_known.report.base_url is None or versions is None:
        return False
    return versions.definite or (versions.waited_ms is not None and settings.is_timeout(versions.waited_ms))


def _base_url(seen: ServerObservation, settings: ProbeSettings) -> list[Finding]:
    versions, base_url = seen.homeserver.versions, seen.well_known.report.base_url
    if versions is None or versions.valid or base_url is None:
        return []
    if not _base_url_fails(seen, settings):
        message = f"Whether a homeserver answers at the base_url {quoted(base_url)} is unknown: {versions.detail}."
        if versions.refused:
            return [finding("refused-here", message, exempt("`/_matrix` there"))]
        advice = "Check again; if this persists, let `<base_url>/_matrix/client/versions` answer every client with 200."
        return [finding("not-tested", message, advice, severity=Severity.WARNING)]
    message = f"No homeserver answers at the base_url {quoted(base_url)}: {versions.detail}."
    advice = "Let `<base_url>/_matrix/client/versions` reach the homeserver, or correct `m.homeserver.base_url`."
    return [finding("base-url-invalid", message, advice)]


def _context(seen: ServerObservation, entries: Sequence[Entry], settings: ProbeSettings) -> list[Finding]:
    found = _lookup(seen, entries, settings)
    versions = seen.homeserver.versions
    if versions is not None and versions.valid and not versions.delayed_events:
        message = "The homeserver announces no delayed events (MSC4140): participants who lose connection stay listed."
        found.append(finding("delayed-events-missing", message, to_delay_events(seen.software)))
    if seen.target.port is not None:
        found.append(_port(seen))
    return found


def _lookup(seen: ServerObservation, entries: Sequence[Entry], settings: ProbeSettings) -> list[Finding]:
    """Whether users can be looked up, where there is a focus that would want to."""
    used = any(entry.is_livekit for entry in entries) or seen.homeserver.transports.endpoint in ("present", "open")
    if seen.user_lookup is None or not used:
        return []
    others = seen.well_known.report.http_status is not None
    found = judge_lookup(seen.user_lookup, settings.patience, others_answered=others)
    return [] if found is None else [found]


def _port(seen: ServerObservation) -> Finding:
    told = ""
    if seen.with_port is not None:
        told = f" The latter is {seen.with_port.report.outcome}."
    plain, with_port = quoted(f"https://{seen.target.url_host}"), quoted(f"https://{seen.target.server_name}")
    message = (
        f"The server name has a port. By the specification clients read {plain} (443), some read {with_port}.{told}"
    )
    return finding("port-in-server-name", message, "Serve the same well-known on both.")


def _focus(entry: Entry, judgement: Judgement | None, own: Sequence[Finding], seen: ServerObservation) -> FocusReport:
    verdict = focus_verdict(judgement, own, others_answered=_others_answered(seen, entry))
    if judgement is not None:
        return FocusReport(entry, verdict, judgement.stages, judgement.note)
    why, verdict = _unprobed(entry, verdict, seen.most)
    return FocusReport(entry, verdict, (*skipped_after(why), *(untried(why) if seen.deep else ())))


def _elsewhere(entries: Sequence[Entry], most: int) -> str:
    """Where the rest of a list is tested, if it is only in rooms that it is not."""
    if most >= MAX_PROBED:
        return ""
    urls = {entry.probe_url for entry in entries if _probeable(entry)}
    return f"; `foci-bot check` tests {'all' if len(urls) <= MAX_PROBED else f'the first {MAX_PROBED}'}"


def _unprobed(entry: Entry, verdict: Verdict, most: int) -> tuple[str, Verdict]:
    """Why a focus was not probed, and its verdict."""
    url = entry.probe_url
    if url is not None and url.fault:
        return url.detail, verdict
    if url is not None:
        if most < MAX_PROBED:
            why = f"not tested in rooms, where at most {most} services are; `foci-bot check` tests up to {MAX_PROBED}"
            return why, Verdict.UNKNOWN
        return f"more than {most} service URLs", Verdict.UNKNOWN
    return "it names no URL" if entry.is_livekit else "its type is unknown", verdict


def _others_answered(seen: ServerObservation, entry: Entry) -> bool:
    """Whether anything but this focus answered: then a time-out is its own."""
    url = entry.probe_url
    elsewhere = any(one.seen.answered for other, one in seen.judgements.items() if other != url)
    return elsewhere or seen.well_known.report.http_status is not None


def _published(seen: ServerObservation, foci: Sequence[FocusReport], suffixes: PublicSuffixList) -> Published:
    answer = seen.well_known
    readable = bool(answer.report.cors) and not any(one.code == "cors-missing-on-redirect" for one in answer.findings)
    shut = {
        url.text
        for url, judgement in seen.judgements.items()
        if any(one.code in _SHUT_TO_WEB for one in judgement.findings)
    }
    return Published(
        document=answer.document,
        discovery_unclear=answer.certainty in (Certainty.UNCLEAR, Certainty.TIMEOUT),
        readable_by_web=readable,
        transports=seen.homeserver.transports,
        foci=foci,
        shut_to_web=frozenset(shut),
        base_copy=seen.base_copy,
        base_foci=_foci_of_base_copy(seen, suffixes),
    )


def _foci_of_base_copy(seen: ServerObservation, suffixes: PublicSuffixList) -> list[FocusReport]:
    """The list of the base_url's host, judged for the client that falls back to it; it is no part of the report."""
    document = seen.base_copy.document if seen.base_copy is not None else None
    entries = document.entries if document is not None else ()
    own: dict[int | None, list[Finding]] = defaultdict(list)
    for one in lint_entries(entries, seen.target.hostname, suffixes):
        own[one.focus].append(one)
    return [_focus(entry, _judgement(entry, seen), own[place], seen) for place, entry in enumerate(entries, 1)]
