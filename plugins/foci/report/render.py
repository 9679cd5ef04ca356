"""A report for people: one sentence of verdict first, then the ordered list, then what to do."""

from __future__ import annotations

from collections.abc import Sequence

from botkit.messages.document import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Inline,
    Name,
    OrderedList,
    Paragraph,
    Text,
    inline,
)
from botkit.messages.sanitise import clipped, closed
from plugins.foci.model import (
    DEEP_STAGES,
    Entry,
    Finding,
    FocusReport,
    Outcome,
    Report,
    Severity,
    Stage,
    StageResult,
    Verdict,
)
from plugins.foci.wording import sentence, span

_ICONS = {
    Verdict.OK: "✅",
    Verdict.WARNING: "⚠️",
    Verdict.CRITICAL: "❌",
    Verdict.UNKNOWN: "❔",
    Verdict.NOT_PROBED: "▫️",
}
_SEVERITY_ICONS = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.INFO: "ℹ️"}
_STAGE_NAMES = {
    Stage.ADDRESS: "address",
    Stage.CONNECT: "connection",
    Stage.TLS: "TLS",
    Stage.HTTP: "HTTP",
    Stage.AUTHORISATION: "authorisation service",
    Stage.TOKEN: "token",
    Stage.SIGNALLING: "signalling",
    Stage.MEDIA: "media",
}
MAX_FOCI_SHOWN = 10
MAX_FINDINGS_SHOWN = 20
_LONGEST_TYPE = 60
_LONGEST_URL = 300
_LONGEST_DETAIL = 400
_UNTESTED = "Signalling and media not tested."


def icon(verdict: Verdict) -> str:
    """The emoji for a verdict; it never appears without words beside it."""
    return _ICONS[verdict]


def to_document(report: Report) -> Document:
    """The report as a room message."""
    head = Paragraph(sentence(_ICONS[report.verdict], Name(report.server_name), f": {report.summary}"))
    return Document((head, *_foci(report.foci), *_advice(report), *_remembered(report)))


def to_details(report: Report) -> Document:
    """The report for a terminal, below its first line: foci with every stage, clients, findings."""
    blocks: list[Block] = [*_foci(report.foci, stages=True)]
    if report.foci:
        blocks.append(Paragraph((Text(""),)))
    blocks += [Paragraph(inline(f"{row.name}: {_FINDS[row.finds_focus]} ({row.reason})")) for row in report.clients]
    return Document((*blocks, *_advice(report), *_remembered(report)))


_FINDS = {"yes": "finds a focus", "no": "finds no focus", "unknown": "unknown"}


def _foci(foci: Sequence[FocusReport], *, stages: bool = False) -> list[Block]:
    if not foci:
        return []
    items = []
    for focus in foci[:MAX_FOCI_SHOWN]:
        lines = [_focus_line(focus)]
        if stages and any(result.outcome is not Outcome.SKIPPED for result in focus.stages):
            lines += [Paragraph(inline(_stage_text(result))) for result in focus.stages]
        items.append(tuple(lines))
    blocks: list[Block] = [OrderedList(tuple(items))]
    if len(foci) > MAX_FOCI_SHOWN:
        blocks.append(Paragraph(inline(f"… and {len(foci) - MAX_FOCI_SHOWN} more entries.")))
    return blocks


def _focus_line(focus: FocusReport) -> Paragraph:
    entry = focus.entry
    url = entry.service_url or entry.sfu_url
    name = [_type_name(entry)]
    if url is not None:
        name += [Text(" "), Code(clipped(url, _LONGEST_URL))]
    if entry.source == "transports":
        name.append(Text(" (from the transports endpoint)"))
    return Paragraph((*name, Text(" "), Emoji(_ICONS[focus.verdict]), Text(" "), *inline(_state(focus))))


def _type_name(entry: Entry) -> Inline:
    """A type that strangers made up is shown as code, so that it does not read as words of the bot."""
    if entry.type is None:
        return Bold("entry without a type")
    return Name(entry.type) if entry.is_livekit else Code(clipped(entry.type, _LONGEST_TYPE))


def _state(focus: FocusReport) -> str:
    """What was proven about a focus, as marked text; never more."""
    failed = next((result for result in focus.stages if result.outcome is Outcome.FAILED), None)
    if failed is not None:
        closing = (
            "Clients sent here fail." if focus.verdict is Verdict.CRITICAL else "It could not be checked from here."
        )
        return f"{_STAGE_NAMES[failed.stage]}: {closed(clipped(failed.detail, _LONGEST_DETAIL))}. {closing}"
    if focus.deepest_stage is None:
        return f"not probed: {closed(clipped(focus.stages[0].detail, _LONGEST_DETAIL))}."
    note = f" ({focus.note})" if focus.note else ""
    services = [result for result in focus.stages if result.stage is Stage.AUTHORISATION]
    reached = "authorisation service" if any(one.outcome is Outcome.OK for one in services) else "SFU"
    return f"{reached} answers{note}. {_beyond(focus)}"


def _beyond(focus: FocusReport) -> str:
    """What the deep stages proved, and which of them were not tried."""
    deep = [result for result in focus.stages if result.stage in DEEP_STAGES]
    if not deep:
        return _UNTESTED
    passed = [result.detail for result in deep if result.outcome is Outcome.OK]
    told = [f"{text[:1].upper()}{text[1:]}." for text in (passed[1:] or passed)]
    left = [result for result in deep if result.outcome is Outcome.SKIPPED]
    if left:
        names = _listed([_STAGE_NAMES[result.stage] for result in left])
        told.append(f"{names[:1].upper()}{names[1:]} not tested: {left[0].detail}.")
    return " ".join(told)


def _listed(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1]) if len(words) > 1 else words)


def _stage_text(result: StageResult) -> str:
    spent = f", {result.elapsed_ms:.0f} ms" if result.elapsed_ms is not None else ""
    return f"{result.stage.value}: {result.outcome.value}{spent}{' - ' + result.detail if result.detail else ''}"


def _advice(report: Report) -> list[Block]:
    """What to do, errors first; a message shown above is not repeated."""
    told = [report.summary, *(_state(focus) for focus in report.foci[:MAX_FOCI_SHOWN])]
    ranked = sorted(report.findings, key=lambda one: one.severity.rank)
    left_out = len(ranked) - MAX_FINDINGS_SHOWN
    ranked = ranked[:MAX_FINDINGS_SHOWN]
    to_fix = [one for one in ranked if one.severity is not Severity.INFO]
    blocks: list[Block] = [Paragraph((Bold("To fix:"),))] if to_fix else []
    for one in to_fix:
        repeated = any(one.message.rstrip(".").lower() in line.lower() for line in told)
        blocks.append(
            Paragraph((*_head(one), *([] if repeated else [*inline(one.message), Text(" ")]), *inline(one.advice)))
        )
        if one.snippet is not None:
            blocks.append(CodeBlock(one.snippet))
    infos = ranked[len(to_fix) :]
    blocks += [Paragraph((*_head(one), *inline(one.message))) for one in infos]
    if left_out > 0:
        blocks.append(Paragraph(inline(f"… and {left_out} more findings.")))
    return blocks


def _remembered(report: Report) -> list[Block]:
    """What was not asked this time, and how old that is; nothing where all was asked."""
    told = []
    for one in report.remembered[:MAX_FOCI_SHOWN]:
        homeserver = one.focus is None
        what = "the homeserver's versions, transports and federation" if homeserver else _BESIDES.format(one.focus)
        told.append(f"{what} (asked {span(one.age)} ago)")
    return [Paragraph(inline(f"Not asked this time: {'; '.join(told)}."))] if told else []


_BESIDES = "preflight and `/get_token` of focus {}"


def _head(one: Finding) -> tuple[Inline, ...]:
    where = f" {one.focus}" if one.focus is not None else ""
    return Emoji(_SEVERITY_ICONS[one.severity]), *inline(f"{where} "), Code(one.code), Text(": ")
