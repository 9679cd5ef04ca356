"""What strangers' events say about notifications and rooms: everything that is none is nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.matrix.send.content import related
from botkit.matrix.sync.events import ABSENT, changes_power_levels, departure, reaction_or_redaction, tombstones
from botkit.messages.notification import Placement
from botkit.storage.room_events import Annotation, Departure, Redaction, Tombstone

ROOM, BOT, ALICE = "!room:x", "@bot:x", "@alice:y:8448"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["$e", "!r", "m.reaction", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def event(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    """An event of Alice's."""
    base = {"type": kind, "event_id": "$1", "sender": ALICE, "origin_server_ts": 1, "content": content}
    return {**base, **more}


def reaction(**relation: Any) -> dict[str, Any]:
    """One that is sound, but for ``relation``."""
    return event("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$t", "key": "k", **relation}})


def test_sound_signs() -> None:
    """A reaction, and a redaction as rooms before and after version 11 write it."""
    assert reaction_or_redaction(reaction(), ROOM, BOT) == Annotation(ROOM, "$1", "$t", ALICE, "k")
    assert reaction_or_redaction(event("m.room.redaction", {}, redacts="$old"), ROOM, BOT) == Redaction(ROOM, "$old")
    assert reaction_or_redaction(event("m.room.redaction", {"redacts": "$new"}), ROOM, BOT) == Redaction(ROOM, "$new")


def test_what_a_redaction_says_in_its_own_words_is_not_believed() -> None:
    """Up to room version 10 content is free text: it does not make of one's own redaction that of another's event."""
    found = reaction_or_redaction(event("m.room.redaction", {"redacts": "$another"}, redacts="$own"), ROOM, BOT)
    assert found == Redaction(ROOM, "$own")


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {},
        event("m.reaction", {}),
        event("m.reaction", {"m.relates_to": 5}),
        reaction(rel_type="m.reference"),
        reaction(key=5),
        reaction(key=None),
        reaction(event_id="t"),
        reaction(event_id="$" + "t" * 300),
        reaction(event_id=["$t"]),
        {**reaction(), "sender": BOT},
        {**reaction(), "state_key": ""},
        {**reaction(), "event_id": "$" + "1" * 300},
        {**reaction(), "origin_server_ts": "1"},
        event("m.room.message", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$t", "key": "k"}}),
        event("m.room.redaction", {}),
        event("m.room.redaction", {"redacts": 5}, redacts=["$x"]),
        event("m.room.redaction", {"redacts": "$content"}, redacts=5),
    ],
)
def test_no_signs(found: Any) -> None:
    """Wrong types, sizes, relations and the bot's own reactions."""
    assert reaction_or_redaction(found, ROOM, BOT) is None


def test_a_reaction_is_cut() -> None:
    """Keys are strangers' text: at most 100 characters are kept."""
    found = reaction_or_redaction(reaction(key="k" * 1000), ROOM, BOT)
    assert isinstance(found, Annotation)
    assert found.key == "k" * 100


def tombstone(replacement: Any = "!new:x", **more: Any) -> dict[str, Any]:
    """One that is sound, but for what is given."""
    return event("m.room.tombstone", {"replacement_room": replacement}, **{"state_key": "", **more})


def test_tombstones() -> None:
    """The replacement, and the server of whoever put the tombstone there."""
    assert tombstones([tombstone()], ROOM) == [Tombstone(ROOM, "$1", "!new:x", "y:8448")]


@pytest.mark.parametrize(
    "found",
    [
        None,
        5,
        tombstone(None),
        tombstone(ROOM),
        tombstone("#alias:x"),
        tombstone("!" + "n" * 300),
        tombstone(["!new:x"]),
        tombstone(state_key="other"),
        tombstone(sender=5),
        {**tombstone(), "content": []},
        event("m.room.tombstone", {"replacement_room": "!new:x"}),
        event("m.room.message", {"replacement_room": "!new:x"}, state_key=""),
    ],
)
def test_no_tombstones(found: Any) -> None:
    """No room, the room itself, another state key, a message that pretends."""
    assert tombstones([found], ROOM) == []


def member(membership: str, sender: str, key: str = BOT) -> dict[str, Any]:
    """A membership event."""
    return event("m.room.member", {"membership": membership}, sender=sender, state_key=key)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([member("leave", BOT)], None),
        ([member("leave", ALICE)], "the bot was removed"),
        ([member("ban", ALICE)], "the bot was banned"),
        ([member("leave", ALICE), member("ban", ALICE)], "the bot was banned"),
        ([member("leave", ALICE, key=ALICE)], ABSENT),
        ([None, {"type": "m.room.member", "state_key": BOT, "content": 5}], ABSENT),
        ([], ABSENT),
    ],
)
def test_why_the_bot_is_out(events: list[Any], reason: str | None) -> None:
    """Its own account, somebody else, a ban, or nobody knows; no stranger's words are repeated."""
    assert departure(events, ROOM, BOT) == Departure(ROOM, reason)


@given(
    st.lists(json_values | st.dictionaries(st.sampled_from(["type", "content", "state_key", "sender"]), json_values))
)
def test_anything_may_come(events: list[Any]) -> None:
    """Nothing that JSON can hold is an obstacle."""
    for found in events:
        assert reaction_or_redaction(found, ROOM, BOT) is None
    assert tombstones(events, ROOM) == []
    assert departure(events, ROOM, BOT).room_id == ROOM
    assert not changes_power_levels([found for found in events if not isinstance(found, dict)])


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.sampled_from(Placement), st.none() | st.just("$a"))
def test_a_relation_changes_nothing_else(more: dict[str, str], placement: Placement, anchor: str | None) -> None:
    """Without an anchor the content is sent as it is; with one, all of it is still there."""
    content = {"body": "b", "formatted_body": "<b>b</b>", "m.mentions": {"user_ids": [ALICE]}, **more}
    sent = related(content, placement, anchor)
    inner = sent.get("m.new_content", sent)
    assert {key: value for key, value in inner.items() if key != "m.relates_to"} == {
        key: value for key, value in content.items() if key != "m.relates_to"
    }
    assert ("m.relates_to" in sent) is (placement is not Placement.NEW and anchor is not None)
