"""``!foci room``: which servers the members of a room are on, and who finds whose focus. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from botkit.identifiers import server_of
from botkit.messages.document import Block, Code, Document, Name, OrderedList, Paragraph, Text, inline
from botkit.messages.sanitise import clipped
from plugins.foci.discovery.target import Target, TargetError, parse_target
from plugins.foci.model import Report, Verdict
from plugins.foci.report.render import icon
from plugins.foci.wording import sentence

MAX_SERVERS = 50


def servers_of(members: Iterable[str]) -> list[tuple[Target, int]]:
    """The members' servers with how many members each has, most members first, then by name."""
    counts: Counter[str] = Counter()
    targets: dict[str, Target] = {}
    for server, count in Counter(map(server_of, members)).items():
        try:
            target = parse_target(server)
        except TargetError:
            continue
        targets[target.server_name] = target
        counts[target.server_name] += count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(targets[name], count) for name, count in ranked]


def room_document(reports: Sequence[tuple[Report, int]], left_out: int) -> Document:
    """One line a server, after a sentence that says how many find a focus that answers."""
    without = [report for report, _ in reports if not any(row.finds_focus == "yes" for row in report.clients)]
    unknown = sum(report.verdict is Verdict.UNKNOWN for report in without)
    parts = [f"{len(reports) - len(without)} with a focus that answers"]
    parts += [f"{len(without) - unknown} without"] if len(without) > unknown else []
    parts += [f"{unknown} could not be checked"] if unknown else []
    servers = "1 server has" if len(reports) == 1 else f"{len(reports)} servers have"
    head = Paragraph(inline(f"{servers} members in this room: {', '.join(parts)}."))
    blocks: list[Block] = [head, OrderedList(tuple((_line(report, members),) for report, members in reports))]
    if left_out:
        blocks.append(
            Paragraph(inline(f"{left_out} more servers were not checked (at most {MAX_SERVERS} are checked)."))
        )
    return Document(tuple(blocks))


def _line(report: Report, members: int) -> Paragraph:
    people = "1 member" if members == 1 else f"{members} members"
    used = next((row.uses_focus for row in report.clients if row.finds_focus == "yes" and row.uses_focus), None)
    head = sentence(icon(report.verdict), Name(report.server_name), f" ({people}): ")
    if used is None:
        return Paragraph((*head, *inline(report.summary)))
    entry = report.foci[used - 1].entry
    return Paragraph((*head, Text("calls use "), Code(clipped(entry.service_url or entry.sfu_url or "", 300))))
