"""The evidence behind an alert, for its thread: stages, error, address, timings, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from botkit.messages.document import Block, Code, Document, Inline, OrderedList, Paragraph, Text, inline
from botkit.messages.sanitise import clipped, quoted
from plugins.foci.findings import Group, group_of
from plugins.foci.health.keys import Key, KeyKind, focus_key
from plugins.foci.model import Finding, FocusReport, Report, Severity, StageResult
from plugins.foci.wording import LONGEST_NAME

_FINDINGS_SHOWN = 5
_LISTED = 10
_LONGEST_URL = 500


def evidence_document(report: Report, key: Key) -> Document | None:
    """
    What the check saw of a key; None when it has nothing about it.

    Of a focus it does not say whose check it was: rooms read it that do not watch that server.
    """
    at = f"at {report.checked_at:%Y-%m-%d %H:%M:%S} UTC"
    if key.kind is KeyKind.FOCUS:
        head = Paragraph(inline(f"Check {at}."))
        for place, focus in enumerate(report.foci, 1):
            if focus_key(focus.entry) == key:
                own = [one for one in report.findings if one.focus == place]
                return Document((head, *_focus(focus), *_advice(own)))
        return None
    head = Paragraph(inline(f"Check of {quoted(report.server_name, LONGEST_NAME)} {at}."))
    if key.kind is KeyKind.DISCOVERY:
        return Document((head, *_well_known(report), *_advice(_of_groups(report, Group.WELL_KNOWN, Group.PROBE))))
    if key.kind is KeyKind.DRIFT:
        return Document((head, *_lists(report), *_advice(_of_groups(report, Group.LIST))))
    return None


def _focus(focus: FocusReport) -> Sequence[Block]:
    url = focus.entry.service_url or focus.entry.sfu_url or ""
    stages = tuple((Paragraph(inline(_stage(result))),) for result in focus.stages)
    return (Paragraph((Code(clipped(url, _LONGEST_URL)),)), OrderedList(stages))


def _stage(result: StageResult) -> str:
    spent = "" if result.elapsed_ms is None else f", {result.elapsed_ms:.0f} ms"
    return f"{result.stage.value}: {result.outcome.value}{spent}{f' - {result.detail}' if result.detail else ''}"


def _well_known(report: Report) -> Sequence[Block]:
    seen = report.well_known
    status = "no HTTP answer" if seen.http_status is None else f"HTTP {seen.http_status}"
    facts: list[Inline] = [Code(clipped(seen.url, _LONGEST_URL)), *inline(f": {status}, {seen.elapsed_ms:.0f} ms")]
    if seen.final_url != seen.url:
        facts += [Text(", redirected to "), Code(clipped(seen.final_url, _LONGEST_URL))]
    return (Paragraph((*facts, Text("."))),)


def _lists(report: Report) -> Sequence[Block]:
    listed = [focus.entry for focus in report.foci if focus.entry.source == "well-known"]
    published = [entry.service_url or entry.sfu_url or "" for entry in listed]
    values = report.transports.entries or ()
    urls = [value.get("livekit_service_url") if isinstance(value, dict) else None for value in values]
    return (*_urls("The well-known lists", published), *_urls("The transports endpoint lists", urls))


def _urls(head: str, urls: Sequence[object]) -> Sequence[Block]:
    named = [clipped(url, _LONGEST_URL) if isinstance(url, str) else "" for url in urls[:_LISTED]]
    if not named:
        return (Paragraph(inline(f"{head} nothing.")),)
    shown = tuple((Paragraph((Code(url) if url else Text("an entry without a URL"),)),) for url in named)
    return (Paragraph(inline(f"{head} {len(urls)}:")), OrderedList(shown))


def _of_groups(report: Report, *groups: Group) -> list[Finding]:
    return [one for one in report.findings if one.focus is None and group_of(one) in groups]


def _advice(found: Sequence[Finding]) -> Sequence[Block]:
    telling = [one for one in found if one.severity is not Severity.INFO]
    ranked = sorted(telling, key=lambda one: one.severity.rank)[:_FINDINGS_SHOWN]
    return [
        Paragraph((Code(one.code), Text(": "), *inline(one.message), Text(" "), *inline(one.advice))) for one in ranked
    ]
