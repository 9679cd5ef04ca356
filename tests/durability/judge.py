"""What a room must have been told, what it was told, and the difference in figures. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class Relation(StrEnum):
    """How a message stands to another."""

    NEW = "new"
    EDIT = "edit"
    REPLY = "reply"
    THREAD = "thread"


@dataclass(frozen=True, slots=True)
class Shown:
    """
    A message of the bot in a room's history.

    Attributes:
        body: what it says, of an edit the new version; None when the client cannot read it.
        about: the event that an edit, a reply or a message in a thread refers to.
    """

    event_id: str
    relation: Relation
    about: str | None
    body: str | None


@dataclass(frozen=True, slots=True)
class Expected:
    """
    A message that a room must get exactly once.

    Attributes:
        words: all of them are in it, the first one at its beginning.
        about: name of the expected message that it refers to.
    """

    name: str
    relation: Relation
    words: Sequence[str]
    about: str | None = None

    def fits(self, shown: Shown) -> bool:
        """Whether that message is this one, or a copy of it."""
        if shown.body is None or shown.relation is not self.relation:
            return False
        return shown.body.startswith(self.words[0]) and all(word in shown.body for word in self.words[1:])


@dataclass(frozen=True, slots=True)
class Queued:
    """A row of the bot's outbox: what it believes that it said."""

    state: str
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What is wrong with a room, in figures.

    Attributes:
        expected: how many messages it should have got.
        lost: expected ones that it did not get, or cannot read.
        repeated: messages too many: copies, and what nobody expected.
        out_of_order: messages that come before one they should follow.
        misdirected: messages that refer to another one than they should.
        disagreements: between the history, the outbox and what the homeserver answered to transaction ids.
        remarks: each of these in words.
    """

    expected: int = 0
    lost: int = 0
    repeated: int = 0
    out_of_order: int = 0
    misdirected: int = 0
    disagreements: int = 0
    remarks: tuple[str, ...] = ()

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(
            self.expected + other.expected,
            self.lost + other.lost,
            self.repeated + other.repeated,
            self.out_of_order + other.out_of_order,
            self.misdirected + other.misdirected,
            self.disagreements + other.disagreements,
            self.remarks + other.remarks,
        )

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return not (self.lost or self.repeated or self.out_of_order or self.misdirected or self.disagreements)


def judge(expected: Sequence[Expected], history: Sequence[Shown], outbox: Sequence[Queued]) -> Verdict:
    """
    Compare a room with what it should hold.

    Args:
        history: every message of the bot, oldest first.
        outbox: every row for this room, in the order they were written.
    """
    remarks: list[str] = []
    found: dict[str, Shown] = {}
    places: list[int] = []
    repeated = 0
    for shown in history:
        place = next((place for place, one in enumerate(expected) if one.fits(shown)), None)
        if place is None or expected[place].name in found:
            repeated += 1
            what = "unexpected" if place is None else f"{expected[place].name} again"
            remarks.append(f"{what}: {shown.event_id} {shown.relation} {str(shown.body)[:100]!r}")
            continue
        found[expected[place].name] = shown
        places.append(place)
    lost = [one.name for one in expected if one.name not in found]
    remarks += [f"lost: {name}" for name in lost]
    late = [expected[one].name for one, following in pairwise(places) if following < one]
    remarks += [f"out of order: something overtook what follows {name}" for name in late]
    astray = [name for name in found if not _well_directed(name, expected, found)]
    remarks += [f"misdirected: {name}" for name in astray]
    differences = _differences(history, outbox)
    return Verdict(
        len(expected), len(lost), repeated, len(late), len(astray), len(differences), (*remarks, *differences)
    )


def judge_transactions(taken: Mapping[str, Collection[str]]) -> Verdict:
    """
    A transaction id must always have led to the same event, and an event come from one id.

    Args:
        taken: transaction id to the event ids that the homeserver answered, lost answers included.
    """
    double = [
        f"transaction {txn_id} made {len(set(events))} events"
        for txn_id, events in taken.items()
        if len(set(events)) > 1
    ]
    origins = Counter(event for events in taken.values() for event in set(events))
    shared = [f"event {event} came of {count} transactions" for event, count in origins.items() if count > 1]
    return Verdict(disagreements=len(double) + len(shared), remarks=(*double, *shared))


def _well_directed(name: str, expected: Sequence[Expected], found: Mapping[str, Shown]) -> bool:
    about = next(one.about for one in expected if one.name == name)
    if about is None:
        return found[name].about is None
    return about in found and found[name].about == found[about].event_id


def _differences(history: Sequence[Shown], outbox: Sequence[Queued]) -> list[str]:
    """Every row is sent, and the rows' events are the room's, in the same order."""
    unsent = [f"a row of the outbox is {row.state}" for row in outbox if row.state != "sent"]
    believed = [row.event_id for row in outbox if row.state == "sent"]
    happened = [shown.event_id for shown in history]
    if believed != happened:
        unsent.append(
            f"the outbox has sent {len(believed)} messages, the room holds {len(happened)}, or in other order"
        )
    return unsent
