"""docs/alerts.md shows what the bot says, word for word, and its figures are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from botkit.messages.document import Bold, Code, Document, Inline, Name, Paragraph
from botkit.messages.notification import Notification
from plugins.foci.alerts.change_messages import alternates_message, change_message, settled_message
from plugins.foci.alerts.incident import Acknowledgement, Incident
from plugins.foci.alerts.lifecycle import acknowledge, develop, next_reminder, refresh
from plugins.foci.alerts.messages import caution_message, caution_of, suspended_message
from plugins.foci.alerts.notifications import AlertSettings
from plugins.foci.alerts.silences import Silence
from plugins.foci.changes.detector import MANY_CHANGES, Alternates, Changed, Settled
from plugins.foci.changes.diff import diff
from plugins.foci.changes.snapshot import NOTHING, Snapshot
from plugins.foci.commands.replies import silenced_document
from plugins.foci.config import AlertsConfig, WatchConfig
from plugins.foci.health.certificates import DAYS
from plugins.foci.health.events import AlertEvent, Cause, EventKind, LastFailure, Status
from plugins.foci.health.keys import SELF, Key
from plugins.foci.health.self_check import FEWEST_HOSTS
from plugins.foci.health.state import HOUR, MANY_FIRINGS, TURN_PAUSE, UNKNOWN_FACTOR
from plugins.foci.wording import NAMES_SHOWN, span
from tests.foci.changes.lists import published

PAGE = Path(__file__).resolve().parents[3] / "docs" / "alerts.md"
NOON = 1_795_435_200.0
"""2026-11-23, 12:00 UTC."""

MINUTE, DAY = 60.0, 86400.0
SETTINGS = AlertSettings()
FOCUS = Key.parse("focus:https://rtc.example.org:443/livekit/jwt")
DOWN = AlertEvent(
    EventKind.FIRED,
    FOCUS,
    NOON + 4 * MINUTE,
    NOON,
    Cause("connect-refused", "connection refused on `203.0.113.7:443`"),
    checks=AlertsConfig().failures,
    last_good=NOON - 5 * MINUTE,
)
ROOM = {"!ops": ("example.org",)}
SHARED = {"!ops": tuple(f"{name}.example" for name in ("club", "east", "north", "school", "south", "west"))}


def messages(*events: AlertEvent, receiving: Mapping[str, tuple[str, ...]] = ROOM) -> list[Document]:
    """Everything that a room reads of events in a row."""
    incident: Incident | None = None
    posts: list[Notification] = []
    for event in events:
        incident, told = develop(incident, event, receiving, SETTINGS)
        posts += told
    return [post.document for post in posts]


def about(key: Key, code: str, detail: str, **facts: object) -> AlertEvent:
    return replace(DOWN, key=key, cause=Cause(code, detail), **facts)  # type: ignore[arg-type]


def ended(event: AlertEvent, after: float) -> AlertEvent:
    return replace(event, kind=EventKind.RESOLVED, at=NOON + after + MINUTE, ended=NOON + after)


def reminded() -> Document:
    incident, _ = develop(None, DOWN, ROOM, SETTINGS)
    assert incident is not None
    due = next_reminder(incident, SETTINGS)
    assert due is not None
    failure = LastFailure(due - 2 * MINUTE, DOWN.cause, Status.BAD)
    return refresh(incident, {FOCUS: ROOM}, due, SETTINGS, {FOCUS: failure})[1][0].document


def acknowledged() -> Document:
    incident, _ = develop(None, DOWN, ROOM, SETTINGS)
    assert incident is not None
    reaction = Acknowledgement("$1", "@you:example.org")
    return acknowledge(incident, "!ops", reaction, NOON + 600, SETTINGS)[1][0].document


def changed(old: Snapshot, new: Snapshot, endpoint: str = "absent") -> Document:
    return change_message("example.org", Changed(NOON, diff(old, new), endpoint))  # type: ignore[arg-type]


def examples() -> Iterator[Document]:
    """Each kind of message."""
    yield changed(published("main", "backup"), published("backup", "main"))
    yield changed(published("main"), published("main", "backup"))
    yield changed(published("main"), NOTHING)
    yield changed(published("main"), NOTHING, "present")
    swapped = diff(published("main", "backup"), published("backup", "main"))
    yield alternates_message("example.org", Alternates(NOON, NOON - 1800, swapped))
    yield settled_message("example.org", Settled(NOON, NOON - 2 * HOUR, diff(published("main"), published("main"))))
    fired, closed, resolved = messages(DOWN, ended(DOWN, 29 * MINUTE))
    yield from (fired, closed, resolved)
    yield messages(DOWN, receiving=SHARED)[0]
    yield acknowledged()
    yield reminded()
    unread = about(Key.parse("discovery:example.org"), "well-known-http-status", "HTTP 502")
    yield messages(unread)[0]
    drift = "the transports endpoint lists other foci than the well-known"
    yield messages(about(Key.parse("drift:example.org"), "transports-disagree", drift))[0]
    ending = about(Key.parse("cert:rtc.example.org:443"), "tls-expiring", "", expires=NOON + 14 * DAY)
    told, _, renewed = messages(ending, replace(ended(ending, 3 * HOUR), expires=NOON + 90 * DAY))
    yield from (told, renewed)
    flapping = replace(DOWN, kind=EventKind.FLAPPING, flaps=MANY_FIRINGS, failing_since=NOON + 20 * MINUTE)
    yield from messages(
        flapping, replace(flapping, kind=EventKind.TURNED, failing_since=None, ended=NOON + 25 * MINUTE)
    )
    unclear = about(FOCUS, "waf-challenge", "blocked by a bot challenge", kind=EventKind.UNCHECKABLE)
    yield messages(replace(unclear, checks=UNKNOWN_FACTOR * AlertsConfig().failures))[0]
    doubt = about(SELF, "self-suspicion", "7 of 13 hosts failed within 5 min")
    calm = replace(ended(doubt, 9 * MINUTE), cause=Cause("self-suspicion", "most hosts answer again"))
    suspected, _, over = messages(doubt, calm)
    yield from (suspected, over)
    yield messages(DOWN, replace(DOWN, kind=EventKind.DROPPED, at=NOON + HOUR))[2]
    for target in ("rtc.example.org", "rct.example.org"):
        silence = Silence("!ops", target, NOON + 2 * HOUR, "@you:example.org")
        yield silenced_document(silence, ("rtc.example.org",), NOON)
    yield suspended_message("the bot was removed")
    yield caution_message("example.org", caution_of("example.org", "@foci:example.org", ()))


def markdown(document: Document) -> str:
    """As the page quotes it."""
    return " ".join(
        "".join(_marked(part) for part in block.parts) for block in document.blocks if isinstance(block, Paragraph)
    )


def _marked(part: Inline) -> str:
    if isinstance(part, Bold):
        return f"**{part.text}**"
    if isinstance(part, Name):
        return f"**`{part.text}`**"
    return f"`{part.text}`" if isinstance(part, Code) else part.text


def _quotations() -> list[str]:
    blocks = re.findall(r"(?:^> .*\n)+", PAGE.read_text("utf-8"), re.MULTILINE)
    return [" ".join(block.replace("\n> ", " ").removeprefix("> ").split()) for block in blocks]


@pytest.mark.parametrize("document", list(examples()), ids=lambda document: markdown(document)[:60])
def test_each_message_is_shown_as_it_is(document: Document) -> None:
    """Whoever meets one in a room finds it on the page."""
    assert markdown(document) in _quotations()


def test_nothing_is_shown_that_is_not_said() -> None:
    """A message that was reworded does not live on there."""
    assert set(_quotations()) == {markdown(document) for document in examples()}


@pytest.mark.parametrize(
    "words",
    [
        f"{AlertsConfig().failures} bad checks in a row",
        f"{AlertsConfig().recoveries} good ones",
        f"every {span(WatchConfig().interval)}",
        f"after {span(AlertsConfig().confirm_change)}",
        f"every {span(AlertsConfig().reminder)}",
        f"{MANY_FIRINGS} outages within an hour",
        f"at most every {span(TURN_PAUSE)}",
        f"{MANY_CHANGES} changes within an hour",
        f"{UNKNOWN_FACTOR * AlertsConfig().failures} checks in a row",
        f"{', '.join(str(days) for days in DAYS[:-1])} and {DAYS[-1]} day",
        f"at least {FEWEST_HOSTS} hosts",
        f"{NAMES_SHOWN} names",
    ],
)
def test_figures_are_those_of_the_code(words: str) -> None:
    """Counts and times of the defaults stand on the page."""
    assert words in " ".join(PAGE.read_text("utf-8").split())
