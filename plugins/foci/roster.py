"""What rooms are told of their own watches and silences, and of a server's history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from botkit.messages.document import Block, Bold, Document, Emoji, Inline, OrderedList, Paragraph, Text
from plugins.foci.alerts.receivers import Silence
from plugins.foci.key import Key, Kind
from plugins.foci.standing import AlertEvent, EventKind
from plugins.foci.timeline import MOST_MARKS, Outage
from plugins.foci.wording import counted, moment, sentence, span

MOST_SHOWN = 50
"""Watches or silences that one answer lists."""

_HISTORY_SHOWN = 12

Source = Literal["config", "room"]


class Watched(StrEnum):
    """What became of a wish to watch."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


class Unwatched(StrEnum):
    """What became of a wish to watch no more. CONFIGURED: it stays, for the configuration asks for it."""

    GONE = "gone"
    UNKNOWN = "unknown"
    CONFIGURED = "configured"


@dataclass(frozen=True, slots=True)
class WatchView:
    """
    One watched server as one room sees it. Times are seconds since the epoch.

    Attributes:
        interval: seconds between checks, the shortest that any room asked for.
        verdict, summary, checked_at: of the last check; None before the first.
        troubles: the latest event of everything about it that is not over.
        silenced_until: None where nobody silenced it here.
    """

    server: str
    interval: float
    source: Source
    verdict: str | None = None
    summary: str | None = None
    checked_at: float | None = None
    troubles: tuple[AlertEvent, ...] = ()
    silenced_until: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """
    What is remembered of one server. Nothing here says which room watches it.

    Attributes:
        keys: the health keys that it concerns now.
        outages: that began or lasted in the time asked for.
        changes: confirmed list changes in that time, oldest first, each in one line.
    """

    watched_since: float
    keys: tuple[Key, ...]
    outages: tuple[Outage, ...]
    changes: tuple[tuple[float, str], ...]


def watches_document(views: Sequence[WatchView], silences: Sequence[Silence], now: float) -> Document:
    """The answer to ``!foci watches``; silences of services, which are no server's own, follow the servers."""
    if not views:
        return _line("Nothing is watched in this room. To begin: !foci watch SERVER")
    count = counted(len(views), "server")
    items = tuple((Paragraph(_watch(view, now)),) for view in views[:MOST_SHOWN])
    blocks: list[Block] = [
        Paragraph((Text(f"{count} {'is' if len(views) == 1 else 'are'} watched in this room:"),)),
        OrderedList(items),
    ]
    if len(views) > MOST_SHOWN:
        blocks.append(Paragraph((Text(f"and {len(views) - MOST_SHOWN} more"),)))
    others = [one for one in silences if not any(one.covers(view.server) for view in views)]
    if others:
        items = tuple((Paragraph(_silence(silence, now)),) for silence in others[:MOST_SHOWN])
        blocks += [Paragraph((Text("Silenced besides:"),)), OrderedList(items)]
    return Document(tuple(blocks))


def silences_document(silences: Sequence[Silence], now: float) -> Document:
    """What is silenced in a room; the answer to ``!foci silence`` without a target."""
    if not silences:
        return _line("Nothing is silenced in this room.")
    items = tuple((Paragraph(_silence(silence, now)),) for silence in silences[:MOST_SHOWN])
    return Document((Paragraph((Text("Silenced in this room:"),)), OrderedList(items)))


def silenced_document(silence: Silence, now: float) -> Document:
    """What is said when a silence begins."""
    head = sentence("🔕", silence.target, Text(f" is silenced in this room until {moment(silence.until, now)}."))
    return Document((Paragraph((*head, Text(" Checks go on; what still lasts then is told."))),))


def history_document(server: str, history: History, since: float, now: float) -> Document:
    """The answer to ``!foci history``: the list's changes numbered as in the picture, then the outages."""
    start = max(since, history.watched_since)
    head = sentence("📈", server, Text(f", the last {span(now - start)}:"))
    blocks: list[Block] = [Paragraph(head)]
    if history.changes:
        # The picture numbers as many, so both say the same numbers.
        latest = history.changes[-MOST_MARKS:]
        lines = tuple((Paragraph((Text(f"{moment(at, now)}: {text}"),)),) for at, text in latest)
        blocks += [Paragraph((Text("The list changed:"),)), OrderedList(lines)]
        if len(latest) < len(history.changes):
            blocks.append(Paragraph((Text(f"and {len(history.changes) - len(latest)} times before these"),)))
    else:
        blocks.append(Paragraph((Text("The list did not change."),)))
    outages = sorted(history.outages, key=lambda outage: -outage.start)
    if not outages:
        blocks.append(Paragraph((Text("No outage."),)))
    else:
        blocks.append(Paragraph((Text(f"{counted(len(outages), 'outage').capitalize()}:"),)))
        blocks += [Paragraph((Text(_outage(outage, now)),)) for outage in outages[:_HISTORY_SHOWN]]
    if len(outages) > _HISTORY_SHOWN:
        blocks.append(Paragraph((Text(f"and {len(outages) - _HISTORY_SHOWN} before these"),)))
    return Document(tuple(blocks))


def _watch(view: WatchView, now: float) -> tuple[Inline, ...]:
    signs = {"ok": "✅", "warning": "⚠️", "critical": "❌", "unknown": "❔"}
    told = f" every {span(view.interval)}"
    if view.source == "config":
        told += ", by the configuration"
    if view.checked_at is None:
        return (Bold(view.server), Text(f"{told}; not checked yet"))
    told += f"; checked {span(now - view.checked_at)} ago"
    if view.silenced_until is not None:
        told += f"; silenced until {moment(view.silenced_until, now)}"
    if view.troubles:
        told += f"; {', '.join(_trouble(event, now) for event in view.troubles)}"
    return (Emoji(signs.get(view.verdict or "", "❔")), Text(" "), Bold(view.server), Text(told))


def _trouble(event: AlertEvent, now: float) -> str:
    words = {
        EventKind.UNCHECKABLE: "cannot be checked",
        EventKind.FLAPPING: "flapping",
        EventKind.NEARER: "certificate ends soon",
    }
    told = "certificate ends soon" if event.key.kind is Kind.CERTIFICATE else words.get(event.kind, "bad")
    return f"{event.key.label} {told} since {moment(event.since, now)}"


def _silence(silence: Silence, now: float) -> tuple[Inline, ...]:
    reason = f": {silence.reason}" if silence.reason else ""
    return (Bold(silence.target), Text(f" until {moment(silence.until, now)}, by {silence.author}{reason}"))


def _outage(outage: Outage, now: float) -> str:
    words = {Kind.DISCOVERY: "the client well-known", Kind.DRIFT: "the two lists"}
    label = words.get(outage.key.kind, outage.key.label)
    start = moment(outage.start, now)
    if outage.end is None:
        return f"{label} since {start}, it lasts {span(now - outage.start)} now"
    return f"{label} from {start} for {span(outage.end - outage.start)}"


def _line(text: str) -> Document:
    return Document((Paragraph((Text(text),)),))
