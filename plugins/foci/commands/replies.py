"""Replies of the commands on watches and silences. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from botkit.messages.document import Block, Document, Inline, Name, OrderedList, Paragraph, Text, inline, line
from botkit.messages.sanitise import quoted
from botkit.suggestion import nearest
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import WatchLimits
from plugins.foci.health.events import AlertEvent, EventKind
from plugins.foci.health.keys import KeyKind
from plugins.foci.watch.views import Unwatched, Watched, WatchView
from plugins.foci.wording import LONGEST_NAME, counted, moment, remark, sentence, span

MOST_SHOWN = 50
"""Watches or silences that one answer lists."""

_MOST_TROUBLES = 3
"""Of one server, in a list of many."""

_SIGNS = {"ok": "✅", "warning": "⚠️", "critical": "❌", "unknown": "❔"}
_UNCHECKED = "not checked yet"


@dataclass(frozen=True, slots=True)
class WatchResult:
    """
    What became of one server of a watch command.

    Attributes:
        interval: seconds between checks, of no meaning where it was refused.
        caution: marked text on why its alerts may be lost; else empty.
    """

    server: str
    outcome: Watched
    interval: float
    caution: str = ""


def watched_document(results: Sequence[WatchResult], limits: WatchLimits) -> Document:
    """The answer to ``!foci watch``: a line for each server, and one for its caution."""
    blocks: list[Block] = []
    for result in results:
        blocks.append(Paragraph(_watched(result, limits)))
        if result.caution:
            blocks.append(Paragraph(remark("⚠️", result.caution)))
    if any(result.outcome is Watched.NEW for result in results):
        told = "Alerts go to this room. The first check of a server records its current list as the baseline."
        blocks.append(Paragraph(inline(told)))
    return Document(tuple(blocks))


def unwatched_document(outcomes: Mapping[str, Unwatched]) -> Document:
    """The answer to ``!foci unwatch``: a line for each server."""
    told = {
        Unwatched.GONE: "is no longer watched in this room.",
        Unwatched.UNKNOWN: "is not watched in this room.",
        Unwatched.CONFIGURED: "is watched by configuration (`plugins.foci.watch.servers`). "
        "To mute it in this room: `!foci silence`.",
    }
    return Document(
        tuple(
            Paragraph(inline(f"{quoted(server, LONGEST_NAME)} {told[outcome]}")) for server, outcome in outcomes.items()
        )
    )


def watches_document(views: Sequence[WatchView], silences: Sequence[Silence], now: float) -> Document:
    """The answer to ``!foci watches``; silences of service hosts follow the servers."""
    if not views:
        return line("No server is watched in this room. To watch one: `!foci watch SERVER`")
    # what is not well is never among those that are only counted
    shown = sorted(views, key=lambda view: view.verdict in ("ok", None) and not view.troubles)[:MOST_SHOWN]
    items = tuple((Paragraph(_watch(view, now)),) for view in shown)
    blocks: list[Block] = [Paragraph(inline(_summary(views))), OrderedList(items)]
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


def silenced_document(silence: Silence, names: Collection[str], now: float) -> Document:
    """
    What is said when a silence begins.

    Args:
        names: what there could be alerts about in this room.
    """
    told = f" is silenced in this room until {moment(silence.until, now)}."
    told += " Checks continue; whatever still fails when the silence ends will alert."
    blocks = [Paragraph(sentence("🔕", Name(silence.target), told))]
    if not any(map(silence.covers, names)):
        doubt = "No server watched in this room has this name, and no service that their checks found so far."
        guess = nearest(silence.target, names)
        if guess is not None:
            doubt += f" Did you mean {quoted(guess, LONGEST_NAME)}?"
        blocks.append(Paragraph(remark("⚠️", doubt)))
    return Document(tuple(blocks))


def _watched(result: WatchResult, limits: WatchLimits) -> tuple[Inline, ...]:
    pace = span(result.interval)
    full = "the maximum (`plugins.foci.watch.{}`). To end one: `!foci unwatch SERVER`."
    told = {
        Watched.NEW: f" is now watched every {pace}.",
        Watched.CHANGED: f" is now watched every {pace}.",
        Watched.SAME: f" is already watched in this room, every {pace}.",
        Watched.ROOM_FULL: f" is not watched: this room has {limits.per_room} watches, {full.format('max_per_room')}",
        Watched.PERSON_FULL: f" is not watched: you made {limits.per_person} watches in all rooms, "
        f"{full.format('max_per_person')}",
    }[result.outcome]
    refused = result.outcome in (Watched.ROOM_FULL, Watched.PERSON_FULL)
    return sentence("🚫" if refused else "🔭", Name(result.server), told)


def _summary(views: Sequence[WatchView]) -> str:
    """How many are how by their last check, and how many have an alert open, such as of a service that they share."""
    verdicts = Counter(view.verdict or _UNCHECKED for view in views)
    parts = [f"{verdicts[word]} {word}" for word in (*_SIGNS, _UNCHECKED) if verdicts[word]]
    told = f"{counted(len(views), 'server')} watched in this room: {', '.join(parts)}"
    alerting = sum(1 for view in views if view.troubles)
    return f"{told}; {alerting} with an open alert" if alerting else told


def _watch(view: WatchView, now: float) -> tuple[Inline, ...]:
    told = f" every {span(view.interval)}"
    if view.source == "config":
        told += ", from the configuration"
    if view.checked_at is None:
        return (Name(view.server), *inline(f"{told}; {_UNCHECKED}"))
    told += f"; checked {_age(now - view.checked_at, view.interval)}"
    if view.silenced_until is not None:
        told += f"; silenced until {moment(view.silenced_until, now)}"
    if view.troubles:
        told += f"; {', '.join(_trouble(event, now) for event in view.troubles[:_MOST_TROUBLES])}"
        if len(view.troubles) > _MOST_TROUBLES:
            told += f" and {len(view.troubles) - _MOST_TROUBLES} more"
    elif view.verdict != "ok":
        told += f"; {view.verdict}, no alert open; details: {quoted(f'!foci {view.server}', LONGEST_NAME)}"
    return sentence(_SIGNS.get(view.verdict or "", "❔"), Name(view.server), told)


def _age(seconds: float, interval: float) -> str:
    """No younger than this room asked for: how often others have the server checked is theirs to know."""
    return f"{span(seconds)} ago" if seconds > interval else f"in the last {span(interval)}"


def _trouble(event: AlertEvent, now: float) -> str:
    words = {
        EventKind.UNCHECKABLE: "cannot be checked",
        EventKind.FLAPPING: "flapping",
        EventKind.TURNED: "flapping",
        EventKind.NEARER: "certificate expires soon",
    }
    told = "certificate expires soon" if event.key.kind is KeyKind.CERTIFICATE else words.get(event.kind, "failing")
    told = f"{quoted(event.key.label, LONGEST_NAME)} {told} since {moment(event.since, now)}"
    return f"{told} ({event.cause.detail})" if event.cause.detail else told


def _silence(silence: Silence, now: float) -> tuple[Inline, ...]:
    reason = f": {quoted(silence.reason, LONGEST_NAME)}" if silence.reason else ""
    by = quoted(silence.author, LONGEST_NAME)
    return (Name(silence.target), *inline(f" until {moment(silence.until, now)}, by {by}{reason}"))
