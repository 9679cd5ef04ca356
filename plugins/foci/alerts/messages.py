"""The messages about incidents: firing, update, reminder, resolved; the first line is enough on a phone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from botkit.identifiers import server_of
from botkit.messages.document import Block, Bold, Document, Inline, Name, Paragraph, inline
from plugins.foci.alerts.receivers import shares_fate
from plugins.foci.health.events import AlertEvent, EventKind, LastFailure, Status
from plugins.foci.health.keys import KeyKind
from plugins.foci.wording import counted, moment, named, remark, sentence, span

_DAY = 86400.0
_CHECK_NETWORK = "The bot's own network is suspect: check its network and DNS."
_AT_ONCE = "most hosts failed at the same time"
"""Without numbers and times: those are of what all rooms watch together."""

_HELD_BACK = "Whatever still fails alerts after one more check interval."
_CALM = "The next message follows once it has been stable for an hour."


@dataclass(frozen=True, slots=True)
class IncidentInRoom:
    """
    An incident as one room sees it.

    Attributes:
        events: the latest of each key, the first key first; at least one.
        servers: watched in this room and affected, sorted.
        acknowledged_by: user ids.
    """

    events: tuple[AlertEvent, ...]
    servers: tuple[str, ...]
    now: float
    acknowledged_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Words:
    """How one kind of trouble is spoken of; ``part`` follows the name in front."""

    part: str
    now: str
    still: str
    past: str
    over: str = "recovered at {at} after {lasted}"
    bad: str = "down"
    good: str = "up"


_DOWN = _Words("", "is down", "is still down", "was down")
_FAILING = _Words("", "is failing", "is still failing", "was failing", bad="failing", good="working")
_UNREAD = _Words(
    ": its client well-known",
    "cannot be read",
    "still cannot be read",
    "could not be read",
    "can be read again since {at}, after {lasted}",
    "unreadable",
    "readable",
)
_DRIFT = _Words(
    ": its two foci lists",
    "differ",
    "still differ",
    "differed",
    "agree again since {at}, after {lasted}",
    "different",
    "the same",
)
_CERTIFICATE = _Words(": its certificate", "expires soon", "still expires soon", "was about to expire")


def _words(event: AlertEvent) -> _Words:
    words = {KeyKind.DISCOVERY: _UNREAD, KeyKind.DRIFT: _DRIFT, KeyKind.CERTIFICATE: _CERTIFICATE}.get(event.key.kind)
    words = words or (_DOWN if event.cause.outage else _FAILING)
    if event.kind is EventKind.UNCHECKABLE:
        again = "can be checked again since {at}, after {lasted}"
        return _Words(words.part, "cannot be checked", "still cannot be checked", "could not be checked", again)
    if event.is_flapping:
        one, was = ("are", "were") if event.key.kind is KeyKind.DRIFT else ("is", "was")
        flapping = _Words(words.part, f"{one} flapping", f"{one} still flapping", f"{was} flapping", words.over)
        return replace(flapping, bad=words.bad, good=words.good)
    return words


def status_message(in_room: IncidentInRoom) -> Document:
    """The incident as it is now: the message that is edited while it develops."""
    head = (*_present(in_room.events[0], in_room.now), *inline(_affected(in_room)))
    return Document((Paragraph(head), *_further(in_room)))


def reminder_message(in_room: IncidentInRoom, last: LastFailure | None = None) -> Document:
    """
    It is still so.

    Args:
        last: failed check of the first key; without it the cause is that of the event.
    """
    event = in_room.events[0]
    lasted = span(in_room.now - event.since)
    words = _words(event)
    told = f"{words.part} {words.still}, since {moment(event.since, in_room.now)} ({lasted})"
    told += _turn(event, in_room.now)
    told += f"{_because(event)}." if last is None else f". {_said_last(last, in_room.now)}"
    closing = Paragraph(inline("React to any message of this incident to acknowledge it: that stops reminders here."))
    if event.key.kind is KeyKind.SELF:
        told = f" since {moment(event.since, in_room.now)} ({lasted}): {_AT_ONCE}. {_CHECK_NETWORK}"
        return Document((Paragraph(sentence("⏰", Bold("Alerting still paused"), told)), closing))
    return Document((Paragraph(sentence("⏰", Name(event.key.label), told + _affected(in_room))), closing))


def resolve_message(last: AlertEvent, in_room: IncidentInRoom) -> Document:
    """
    How it ended, in reply to the incident.

    Args:
        last: the event that ended it; the matter's events are those before.
    """
    event, ended = in_room.events[0], last.at if last.ended is None else last.ended
    start = min(event.since, last.since)
    at, lasted = moment(ended, in_room.now), span(ended - start)
    words = _words(event)
    if last.kind is EventKind.DROPPED:
        told = f"{words.part} is no longer watched or published; it {words.past} since {moment(start, in_room.now)}."
        return _line("▫️", event, told)
    over = f"{words.part} {words.over.format(at=at, lasted=lasted)}."
    if last.kind is EventKind.CHECKABLE:
        return _line("▫️", event, over)
    if event.key.kind is KeyKind.CERTIFICATE:
        until = "" if last.expires is None else f", valid until {_day(last.expires)}"
        return _line("✅", event, f" has a new certificate{until}.")
    if event.key.kind is KeyKind.SELF:
        told = f" at {at} after {lasted}: {last.cause.detail}. {_HELD_BACK}"
        return Document((Paragraph(sentence("✅", Bold("Alerting resumed"), told)),))
    head = sentence("✅", Name(event.key.label), over)
    return Document((Paragraph(head), *_history(last, start, in_room.now)))


def closed_message(last: AlertEvent, in_room: IncidentInRoom) -> Document:
    """The final edit of the incident's own message: what it was."""
    event, ended = in_room.events[0], last.at if last.ended is None else last.ended
    start = min(event.since, last.since)
    period = f"from {moment(start, ended)} to {moment(ended, start)} ({span(ended - start)})"
    if event.key.kind is KeyKind.SELF and last.kind is EventKind.DROPPED:
        told = f" since {moment(start, in_room.now)}; this room no longer watches any server."
        return Document((Paragraph(sentence("▫️", Bold("Alerting paused"), told)),))
    if event.key.kind is KeyKind.SELF:
        told = f" {period}: {_AT_ONCE}."
        return Document((Paragraph(sentence("✅", Bold("Alerting was paused"), told)),))
    # the end of what is dropped was not observed
    if last.kind is EventKind.DROPPED or (event.key.kind is KeyKind.CERTIFICATE and last.kind is EventKind.RESOLVED):
        return resolve_message(last, in_room)
    icon = "✅" if last.kind is EventKind.RESOLVED else "▫️"
    words = _words(event)
    told = f"{words.part} {words.past} {period}{_because(event)}."
    return Document((Paragraph(sentence(icon, Name(event.key.label), told + _affected(in_room, past=True))),))


def _present(event: AlertEvent, now: float) -> tuple[Inline, ...]:
    label, words, since = Name(event.key.label), _words(event), moment(event.since, now)
    if event.key.kind is KeyKind.SELF:
        return sentence("❔", Bold("Alerting paused"), f" since {since}: {_AT_ONCE}. {_CHECK_NETWORK}")
    if event.key.kind is KeyKind.CERTIFICATE:
        return sentence("⚠️", label, _ending(event, now))
    checks = counted(event.checks, "check")
    told = f"{words.part} {words.now} since {since} ({checks}){_because(event)}."
    if event.kind is EventKind.UNCHECKABLE:
        return sentence("❔", label, f"{told} Its state is unknown.")
    if event.is_flapping:
        often = f"{counted(event.flaps, 'failure')} since {since}{_because(event, 'most recently')}"
        return sentence("⚠️", label, f"{words.part} {words.now}{_turn(event, now)}: {often}. {_CALM}")
    if event.kind is EventKind.STILL_BAD:
        told += " It is no longer flapping."
    icon = "⚠️" if event.key.kind is KeyKind.DRIFT else "❌"
    return sentence(icon, label, told + _consequence(event))


def _turn(event: AlertEvent, now: float) -> str:
    """Of what flaps: how it is now, and since when, as far as that is known."""
    words = _words(event)
    if event.works and event.ended is not None:
        return f", {words.good} now since {moment(event.ended, now)}"
    return "" if event.failing_since is None else f", {words.bad} now since {moment(event.failing_since, now)}"


def _said_last(last: LastFailure, now: float) -> str:
    """What the last failed check said, and whether a later one said otherwise."""
    why = f": {last.cause.detail}" if last.cause.detail else ""
    since = {
        Status.BAD: "",
        Status.GOOD: " The latest check succeeded.",
        Status.UNKNOWN: " The latest was inconclusive.",
    }
    return f"Last failed check at {moment(last.at, now)}{why}.{since[last.latest]}"


def _because(event: AlertEvent, word: str = "") -> str:
    if not event.cause.detail:
        return ""
    return f", {word}: {event.cause.detail}" if word else f": {event.cause.detail}"


def _consequence(event: AlertEvent) -> str:
    if event.key.kind is KeyKind.DISCOVERY:
        return " Clients that rely on it find no focus."
    if event.key.kind is KeyKind.DRIFT:
        return " Callers may end up on different foci."
    return ""


def _ending(event: AlertEvent, now: float) -> str:
    expires = event.at if event.expires is None else event.expires
    left = expires - now
    if left <= 0:
        return f": its certificate expired on {_day(expires)}. Renew it."
    lasts = counted(round(left / _DAY), "day") if left >= _DAY else span(left)
    return f": its certificate expires in {lasts}, on {_day(expires)}. Renew it."


def _day(at: float) -> str:
    """Always with its date, for it lies ahead."""
    return moment(at, at - 2 * _DAY)


def _affected(in_room: IncidentInRoom, *, past: bool = False) -> str:
    """Who suffers, where that is not already the name in front."""
    key = in_room.events[0].key
    if not in_room.servers or key.kind not in (KeyKind.FOCUS, KeyKind.CERTIFICATE):
        return ""
    word = "Affected" if past else "Affects"
    if len(in_room.servers) == 1:
        return f" {word} {named(in_room.servers)}."
    return f" {word} {len(in_room.servers)} watched servers: {named(in_room.servers)}."


def _further(in_room: IncidentInRoom) -> tuple[Block, ...]:
    """Other URLs of the same service, and who knows of it."""
    lines: list[Block] = []
    others = [event for event in in_room.events[1:] if not event.works]
    if others:
        many = f"{len(others)} other URLs of the same service fail"
        subject = "Another URL of the same service fails" if len(others) == 1 else many
        lines.append(Paragraph(inline(f"{subject} too{_because(others[0])}.")))
    if in_room.acknowledged_by:
        people = named(in_room.acknowledged_by)
        lines.append(Paragraph(inline(f"Acknowledged by {people}: no reminders in this room.")))
    return tuple(lines)


def _history(last: AlertEvent, start: float, now: float) -> Sequence[Block]:
    told = f"First failed check at {moment(start, now)}"
    if last.last_good is not None and last.last_good <= start:
        told += f", last good {'deep ' if last.cause.deep else ''}check before it at {moment(last.last_good, now)}"
    if last.flaps > 1:
        told += f"; it failed {last.flaps} times"
    return (Paragraph(inline(f"{told}.")),)


def _line(icon: str, event: AlertEvent, told: str) -> Document:
    return Document((Paragraph(sentence(icon, Name(event.key.label), told)),))


def suspended_message(reason: str) -> Document:
    """
    Another room refuses the bot, so that nobody there is warned any longer. Which one, and what it watches, is not for
    others to read.

    Args:
        reason: a few words of the bot's own.
    """
    held = "Alerts are held back there until the bot can send again; its log names the room."
    told = f"The bot cannot send to another room that it watches servers for: {reason}. {held}"
    return Document((Paragraph(remark("⚠️", told)),))


def caution_of(server: str, own_user_id: str, entitled: Iterable[str]) -> str:
    """
    Why an alert about a server cannot arrive when it matters, which is worth a word beforehand; empty if it can.

    Args:
        own_user_id: the bot's.
        entitled: user ids of everyone in the room who may act.
    """
    home = server_of(own_user_id)
    if shares_fate(server, home, ()):
        return (
            "This is the bot's own homeserver: while it is down the bot cannot alert anyone. "
            "Monitor it from another homeserver as well."
        )
    if not shares_fate(server, home, [user for user in entitled if user != own_user_id]):
        return ""
    return (
        "Everyone here who may act on alerts has an account on this server: while it is down, none of them can read an "
        "alert. Invite a user of another homeserver, or watch it from a room there."
    )


def caution_message(server: str, caution: str) -> Document:
    """The same for a watch from the configuration, which no one in the room typed."""
    return Document((Paragraph(sentence("⚠️", Name(server), f" is watched for this room. {caution}")),))
