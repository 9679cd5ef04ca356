"""Replies of the commands on watches and silences. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from botkit.messages.document import Block, Document, Inline, Name, OrderedList, Paragraph, Text, inline, line
from botkit.messages.sanitise import quoted
from plugins.foci.alerts.silences import Silence
from plugins.foci.health.events import AlertEvent, EventKind
from plugins.foci.health.keys import KeyKind
from plugins.foci.watch.views import WatchView
from plugins.foci.wording import LONGEST_NAME, counted, moment, sentence, span

MOST_SHOWN = 50
"""Watches or silences that one answer lists."""


def watches_document(views: Sequence[WatchView], silences: Sequence[Silence], now: float) -> Document:
    """The answer to ``!foci watches``; silences of service hosts follow the servers."""
    if not views:
        return line("No server is watched in this room. To watch one: `!foci watch SERVER`")
    count = counted(len(views), "server")
    items = tuple((Paragraph(_watch(view, now)),) for view in views[:MOST_SHOWN])
    blocks: list[Block] = [
        Paragraph(inline(f"{count} {'is' if len(views) == 1 else 'are'} watched in this room:")),
        OrderedList(items),
    ]
    if len(views) > MOST_SHOWN:
        blocks.append(Paragraph(inline(f"and {len(views) - MOST_SHOWN} more")))
    others = [one for one in silences if not any(one.covers(view.server) for view in views)]
    if others:
        items = tuple((Paragraph(_silence(silence, now)),) for silence in others[:MOST_SHOWN])
        blocks += [Paragraph((Text("Also silenced:"),)), OrderedList(items)]
    return Document(tuple(blocks))


def silences_document(silences: Sequence[Silence], now: float) -> Document:
    """What is silenced in a room; the answer to ``!foci silence`` without a target."""
    if not silences:
        return line("There are no silences in this room.")
    items = tuple((Paragraph(_silence(silence, now)),) for silence in silences[:MOST_SHOWN])
    return Document((Paragraph((Text("Silences in this room:"),)), OrderedList(items)))


def silenced_document(silence: Silence, now: float) -> Document:
    """What is said when a silence begins."""
    told = f" is silenced in this room until {moment(silence.until, now)}."
    told += " Checks continue; whatever still fails when the silence ends will alert."
    return Document((Paragraph(sentence("🔕", Name(silence.target), told)),))


def _watch(view: WatchView, now: float) -> tuple[Inline, ...]:
    signs = {"ok": "✅", "warning": "⚠️", "critical": "❌", "unknown": "❔"}
    told = f" every {span(view.interval)}"
    if view.source == "config":
        told += ", from the configuration"
    if view.checked_at is None:
        return (Name(view.server), *inline(f"{told}; not checked yet"))
    told += f"; checked {_age(now - view.checked_at, view.interval)}"
    if view.silenced_until is not None:
        told += f"; silenced until {moment(view.silenced_until, now)}"
    if view.troubles:
        told += f"; {', '.join(_trouble(event, now) for event in view.troubles)}"
    return sentence(signs.get(view.verdict or "", "❔"), Name(view.server), told)


def _age(seconds: float, interval: float) -> str:
    """No younger than this room asked for: how often others have the server checked is theirs to know."""
    return f"{span(seconds)} ago" if seconds > interval else f"in the last {span(interval)}"


def _trouble(event: AlertEvent, now: float) -> str:
    words = {
        EventKind.UNCHECKABLE: "cannot be checked",
        EventKind.FLAPPING: "flapping",
        EventKind.NEARER: "certificate expires soon",
    }
    told = "certificate expires soon" if event.key.kind is KeyKind.CERTIFICATE else words.get(event.kind, "failing")
    return f"{quoted(event.key.label, LONGEST_NAME)} {told} since {moment(event.since, now)}"


def _silence(silence: Silence, now: float) -> tuple[Inline, ...]:
    reason = f": {quoted(silence.reason, LONGEST_NAME)}" if silence.reason else ""
    by = quoted(silence.author, LONGEST_NAME)
    return (Name(silence.target), *inline(f" until {moment(silence.until, now)}, by {by}{reason}"))
