"""What rooms read of an outage as it develops: the first line says it all, also on a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from botkit.document import Block, Document, Inline, Paragraph, Text
from plugins.foci.standing import HealthEvent, News
from plugins.foci.wording import counted, moment, named, sentence, service_of, span

_DAY = 86400.0
_CALM = "More is told when it has been steady for an hour."


@dataclass(frozen=True, slots=True)
class Matter:
    """
    An incident as one room sees it.

    Attributes:
        events: the latest of each key, the first key first; at least one.
        servers: watched in this room and affected, sorted.
        acknowledged_by: user ids.
    """

    events: tuple[HealthEvent, ...]
    servers: tuple[str, ...]
    now: float
    acknowledged_by: tuple[str, ...] = ()


def standing_message(matter: Matter) -> Document:
    """The incident as it stands: the message that is edited while it develops."""
    return Document((Paragraph((*_present(matter.events[0], matter.now), *_affected(matter))), *_further(matter)))


def reminder_message(matter: Matter) -> Document:
    """It is still so."""
    event = matter.events[0]
    lasted = span(matter.now - event.since)
    told = f" is still {_state(event)}, since {moment(event.since, matter.now)} ({lasted}){_because(event)}."
    closing = Paragraph((Text("React to any message of this incident to stop its reminders in this room."),))
    if event.key == "self":
        told = f" is still in doubt, since {moment(event.since, matter.now)} ({lasted}). Nobody is blamed meanwhile."
        return Document((Paragraph(sentence("⏰", "My own connection", Text(told))), closing))
    return Document((Paragraph((*sentence("⏰", _label(event), Text(told)), *_affected(matter))), closing))


def resolve_message(last: HealthEvent, matter: Matter) -> Document:
    """
    How it ended, in reply to the incident.

    Args:
        last: the event that ended it; the matter's events are what stood before.
    """
    event, ended = matter.events[0], last.at if last.ended is None else last.ended
    start = min(event.since, last.since)
    at, lasted = moment(ended, matter.now), span(ended - start)
    if last.kind is News.DROPPED:
        told = f" is not watched any more; it was still {_state(event)}, since {moment(start, matter.now)}."
        return _line("▫️", event, told)
    if last.kind is News.CHECKABLE:
        return _line("▫️", event, f" can be checked again since {at}, after {lasted}.")
    if event.key.startswith("cert:"):
        until = "" if last.expires is None else f"; the new one is valid until {_day(last.expires)}"
        return _line("✅", event, f" has a new certificate{until}.")
    if event.key == "self":
        told = f" is no longer in doubt since {at}, after {lasted}: {last.cause.detail}. What is still bad follows."
        return Document((Paragraph(sentence("✅", "My own connection", Text(told))),))
    word = "agree again since" if event.key.startswith("drift:") else "recovered at"
    head = sentence("✅", _label(event), Text(f"{_place(event)} {word} {at} after {lasted}."))
    return Document((Paragraph(head), *_history(last, start, matter.now)))


def closed_message(last: HealthEvent, matter: Matter) -> Document:
    """The final edit of the incident's own message: what it was."""
    event, ended = matter.events[0], last.at if last.ended is None else last.ended
    start = min(event.since, last.since)
    period = f"from {moment(start, matter.now)} to {moment(ended, matter.now)} ({span(ended - start)})"
    if event.key == "self":
        told = f" was in doubt {period}: {event.cause.detail}. Nobody was blamed."
        return Document((Paragraph(sentence("✅", "My own connection", Text(told))),))
    if event.key.startswith("cert:") and last.kind is News.RESOLVED:
        return resolve_message(last, matter)
    icon = "✅" if last.kind is News.RESOLVED else "▫️"
    told = f"{_place(event)} was {_state(event)} {period}{_because(event)}."
    return Document((Paragraph((*sentence(icon, _label(event), Text(told)), *_affected(matter, past=True))),))


def _present(event: HealthEvent, now: float) -> tuple[Inline, ...]:
    label, since, checks = _label(event), moment(event.since, now), counted(event.checks, "check")
    if event.key == "self":
        told = (
            f" is in doubt since {since}: {event.cause.detail}. I suspect myself and blame nobody until that is over."
        )
        return sentence("❔", "My own connection", Text(told))
    if event.kind is News.UNCHECKABLE:
        told = f" cannot be checked since {since} ({checks}){_because(event)}. Whether it works is not known."
        return sentence("❔", label, Text(f"{_place(event)}{told}"))
    if event.key.startswith("cert:"):
        return sentence("⚠️", label, Text(_ending(event, now)))
    if event.kind is News.FLAPPING:
        told = f" is flapping: it failed {event.flaps} times since {since}{_because(event, 'lately')}. {_CALM}"
        return sentence("⚠️", label, Text(f"{_place(event)}{told}"))
    steady = " stopped flapping and" if event.kind is News.STILL_BAD else ""
    told = f"{_place(event)}{steady} is {_state(event)} since {since} ({checks}){_because(event)}."
    icon = "⚠️" if event.key.startswith("drift:") else "❌"
    return sentence(icon, label, Text(told), *_consequence(event))


def _label(event: HealthEvent) -> str:
    return service_of(event.key)


def _place(event: HealthEvent) -> str:
    """Which part of a server it is, after its name."""
    if event.key.startswith("discovery:"):
        return ": its client well-known"
    return ": what its well-known and its transports endpoint list" if event.key.startswith("drift:") else ""


def _state(event: HealthEvent) -> str:
    if event.kind is News.UNCHECKABLE:
        return "not checkable"
    if event.kind is News.FLAPPING:
        return "flapping"
    if event.key.startswith("discovery:"):
        return "unreadable"
    if event.key.startswith("drift:"):
        return "not the same"
    if event.key.startswith("cert:"):
        return "near the end of its certificate"
    return "down" if event.cause.outage else "failing"


def _because(event: HealthEvent, word: str = "") -> str:
    if not event.cause.detail:
        return ""
    return f", {word}: {event.cause.detail}" if word else f": {event.cause.detail}"


def _consequence(event: HealthEvent) -> tuple[Inline, ...]:
    if event.key.startswith("discovery:"):
        return (Text(" Clients that look there find no focus."),)
    if event.key.startswith("drift:"):
        return (Text(" Callers may miss each other."),)
    return ()


def _ending(event: HealthEvent, now: float) -> str:
    expires = now if event.expires is None else event.expires
    days = math.ceil(max(0.0, expires - event.at) / _DAY)
    return f": its certificate ends in {counted(days, 'day')}, on {_day(expires)}."


def _day(at: float) -> str:
    """Always with its date, for it lies ahead."""
    return moment(at, at - 2 * _DAY)


def _affected(matter: Matter, *, past: bool = False) -> tuple[Inline, ...]:
    """Who suffers, where that is not already the name in front."""
    key = matter.events[0].key
    if not matter.servers or not key.startswith(("focus:", "cert:")):
        return ()
    word = "Affected" if past else "Affects"
    if len(matter.servers) == 1:
        return (Text(f" {word} {matter.servers[0]}."),)
    return (Text(f" {word} {len(matter.servers)} watched servers: {named(matter.servers)}."),)


def _further(matter: Matter) -> tuple[Block, ...]:
    """Other URLs of the same service, and who knows of it."""
    lines: list[Block] = []
    others = matter.events[1:]
    if others:
        word = "Another URL" if len(others) == 1 else f"{len(others)} other URLs"
        lines.append(Paragraph((Text(f"{word} of the same service too{_because(others[0])}."),)))
    if matter.acknowledged_by:
        lines.append(Paragraph((Text(f"Acknowledged by {named(matter.acknowledged_by)}: no reminders here."),)))
    return tuple(lines)


def _history(last: HealthEvent, start: float, now: float) -> Sequence[Block]:
    told = f"First seen bad at {moment(start, now)}"
    if last.last_good is not None and last.last_good <= start:
        told += f", last seen good before that at {moment(last.last_good, now)}"
    if last.flaps > 1:
        told += f"; it failed {last.flaps} times"
    return (Paragraph((Text(f"{told}."),)),)


def _line(icon: str, event: HealthEvent, told: str) -> Document:
    return Document((Paragraph(sentence(icon, _label(event), Text(f"{_place(event)}{told}"))),))
