"""One incident, and what rooms are told of it: what the tests of incidents share."""

from __future__ import annotations

from dataclasses import replace

from botkit.messages.document import Bold, Code, CodeBlock, Document, Emoji, OrderedList, Paragraph, Text
from botkit.messages.notification import Notification, Placement
from botkit.messages.rendering import to_plain
from plugins.foci.alerts.incident import CODEC, Acknowledgement, Incident
from plugins.foci.alerts.lifecycle import develop, refresh
from plugins.foci.alerts.notifications import AlertSettings, Purpose
from plugins.foci.alerts.receivers import ReceivingRooms
from plugins.foci.health.events import AlertEvent, Cause, EventKind
from plugins.foci.health.keys import Key

NOON = 1_795_435_200.0
"""2026-11-23, 12:00 UTC."""

KEY = Key.parse("focus:https://rtc.example.org:443/livekit/jwt")
SECOND = Key.parse("focus:https://rtc.example.org:443/second")
REFUSED = Cause("connect-refused", "connection refused on 203.0.113.7:443")
OPS: ReceivingRooms = {"!ops": ("a.org", "b.org")}
SETTINGS = AlertSettings(mention=("@oncall:example.org",))
REACTION = Acknowledgement("$reaction", "@ops:example.org")
EVIDENCE = Document((Paragraph((Text("stages"),)),))


def event(kind: EventKind, key: Key = KEY, after: float = 0.0, **facts: object) -> AlertEvent:
    return replace(AlertEvent(kind, key, NOON + 200 + after, NOON, REFUSED, 3), **facts)  # type: ignore[arg-type]


def proof(what: str) -> Document:
    """Evidence with all kinds of parts."""
    item = (Paragraph((Text("connect: failed "), Bold("now"))),)
    return Document((Paragraph((Emoji("❌"), Code(what))), OrderedList((item, item), 3), CodeBlock("{\n}")))


def lines(post: Notification) -> list[str]:
    return to_plain(post.document).split("\n")


class Rooms:
    """One subject's incident and everything that was posted about it."""

    def __init__(self) -> None:
        self.incident: Incident | None = None
        self.posts: list[Notification] = []

    def hear(
        self, one: AlertEvent, receiving: ReceivingRooms = OPS, evidence: Document | None = None
    ) -> list[tuple[str, Purpose, Placement]]:
        return self.take(develop(self.incident, one, receiving, SETTINGS, evidence))

    def refresh(self, now: float, receiving: ReceivingRooms = OPS) -> list[tuple[str, Purpose, Placement]]:
        return self.take(refresh(self.now, dict.fromkeys(self.now.members, receiving), now, SETTINGS))

    @property
    def now(self) -> Incident:
        """The incident, which is not over."""
        assert self.incident is not None
        return self.incident

    def take(self, step: tuple[Incident | None, tuple[Notification, ...]]) -> list[tuple[str, Purpose, Placement]]:
        self.incident, posts = step
        if self.incident is not None:
            assert CODEC.load(CODEC.dump(self.incident)) == self.incident
        self.posts += posts
        return [(post.room_id, post.purpose, post.placement) for post in posts]
