"""Two lists compared: in order, with the fewest moves, and so that a reader could rebuild the new one."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.foci.changes.diff import Change, Diff, Kind, Turn, diff
from plugins.foci.changes.snapshot import NOTHING, Snapshot
from plugins.foci.model import STABLE_KEY
from tests.examples import examples
from tests.foci.changes.lists import KEY, focus, malformed, published

Told = tuple[Kind, int | None, int | None]


def count(found: Diff, kind: Kind) -> int:
    return sum(change.kind is kind for change in found.changes)


def told(found: Diff) -> list[Told]:
    return [(change.kind, change.old_position, change.new_position) for change in found.changes]


LISTS: dict[str, tuple[Snapshot, Snapshot, list[Told]]] = {
    "the same": (published("a", "b"), published("a", "b"), []),
    "added at the end": (published("a"), published("a", "b"), [(Kind.ADDED, None, 2)]),
    "added in front moves nothing": (published("a", "b"), published("n", "a", "b"), [(Kind.ADDED, None, 1)]),
    "removed in front moves nothing": (published("x", "a", "b"), published("a", "b"), [(Kind.REMOVED, 1, None)]),
    "a swap is one move up": (published("a", "b"), published("b", "a"), [(Kind.MOVED, 2, 1)]),
    "the last becomes the first": (published("a", "b", "c"), published("c", "a", "b"), [(Kind.MOVED, 3, 1)]),
    "the first becomes the last": (published("a", "b", "c"), published("b", "c", "a"), [(Kind.MOVED, 1, 3)]),
    "replaced": (published("a", "b"), published("a", "c"), [(Kind.REPLACED, 2, 2)]),
    "removed here, added there": (
        published("x", "a"),
        published("a", "y"),
        [(Kind.ADDED, None, 2), (Kind.REMOVED, 1, None)],
    ),
    "edited": (published("a", "b"), published("a", focus("b", zone=1)), [(Kind.EDITED, 2, 2)]),
    "another type is an edit": (
        published("a"),
        published({"type": "m.livekit", "livekit_service_url": "https://a.example.org/jwt"}),
        [(Kind.EDITED, 1, 1)],
    ),
    "moved and edited": (
        published("a", "b"),
        published(focus("b", zone=1), "a"),
        [(Kind.MOVED, 2, 1), (Kind.EDITED, 2, 1)],
    ),
    "moved and replaced, as in the manual": (
        published("main", "backup", "old"),
        published("backup", "main", "new"),
        [(Kind.MOVED, 2, 1), (Kind.REPLACED, 3, 3)],
    ),
    "one of two alike is removed": (published("a", "b", "a"), published("b", "a"), [(Kind.REMOVED, 1, None)]),
    "a duplicate is added": (published("a"), published("a", "a"), [(Kind.ADDED, None, 2)]),
    "entries that are no objects": (published(7, None), published(None, 7), [(Kind.MOVED, 2, 1)]),
    "emptied": (published("a"), published(), [(Kind.REMOVED, 1, None)]),
}


@pytest.mark.parametrize("case", LISTS)
def test_each_difference_is_told_as_what_it_is(case: str) -> None:
    """Every kind of change, with its positions, and no other change beside it."""
    old, new, expected = LISTS[case]
    assert told(diff(old, new)) == expected
    assert bool(diff(old, new)) is bool(expected)


TURNS: list[tuple[Snapshot, Snapshot, Turn | None]] = [
    (NOTHING, NOTHING, None),
    (NOTHING, published("a"), Turn.PUBLISHED),
    (NOTHING, published(), Turn.PUBLISHED),
    (published("a"), NOTHING, Turn.WITHDRAWN),
    (published("a"), malformed({}), Turn.MALFORMED),
    (NOTHING, malformed({}), Turn.MALFORMED),
    (malformed({}), published("a"), Turn.MENDED),
    (malformed({}), NOTHING, Turn.WITHDRAWN),
    (malformed({}), malformed({}), None),
    (malformed({}), malformed({"a": 1}), Turn.ALTERED),
    (published("a"), published(), None),
]


@pytest.mark.parametrize(("old", "new", "turn"), TURNS)
def test_the_list_as_a_whole_has_its_own_changes(old: Snapshot, new: Snapshot, turn: Turn | None) -> None:
    """Published, withdrawn, no longer a list: none of them is told as entries coming and going alone."""
    assert diff(old, new).turn is turn


def test_a_value_that_is_no_list_never_reads_as_all_removed() -> None:
    """When a list turns into something else, no entry is said to be removed."""
    assert diff(published("a", "b"), malformed("oops")).changes == ()


def test_another_key_is_told_though_the_entries_are_the_same() -> None:
    """The key decides which clients read the list."""
    found = diff(published("a"), published("a", key=STABLE_KEY))
    assert found.renamed == (KEY, STABLE_KEY)
    assert bool(found)
    assert found.changes == ()


entries = st.one_of(
    st.sampled_from("abcde"),
    st.sampled_from([focus("a", zone=1), focus("b", zone=1), {"type": "m.livekit", "url": "wss://s"}, 7]),
)
lists = st.lists(entries, max_size=7).map(lambda values: published(*values))
snapshots = st.one_of(lists, st.just(NOTHING), st.sampled_from([malformed({}), malformed(3)]))


@given(snapshots)
def test_nothing_differs_from_itself(one: Snapshot) -> None:
    """A snapshot compared with itself is no change."""
    assert not diff(one, one)


@given(snapshots, snapshots)
def test_only_equal_snapshots_do_not_differ(old: Snapshot, new: Snapshot) -> None:
    """No difference goes untold."""
    assert bool(diff(old, new)) is (old != new)


@settings(deadline=None, max_examples=examples(300))
@given(lists, lists)
def test_the_changes_lead_from_the_old_list_to_the_new_one(old: Snapshot, new: Snapshot) -> None:
    """Whoever applies what is told gets exactly what is published."""
    assert apply(diff(old, new).changes, old.entries) == new.entries


@settings(deadline=None, max_examples=examples(300))
@given(lists, lists)
def test_the_way_back_is_as_long(old: Snapshot, new: Snapshot) -> None:
    """What comes one way goes the other way; moves and edits stay."""
    there, back = diff(old, new), diff(new, old)
    come = count(there, Kind.ADDED) + count(there, Kind.REPLACED)
    gone = count(there, Kind.REMOVED) + count(there, Kind.REPLACED)
    assert come == count(back, Kind.REMOVED) + count(back, Kind.REPLACED)
    assert gone == count(back, Kind.ADDED) + count(back, Kind.REPLACED)
    for kind in (Kind.MOVED, Kind.EDITED):
        assert count(there, kind) == count(back, kind), kind


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
def test_without_duplicates_every_count_is_the_same_both_ways(old: list[str], new: list[str]) -> None:
    """Replaced too: each of the two stands where the other stood."""
    there, back = diff(published(*old), published(*new)), diff(published(*new), published(*old))
    assert count(there, Kind.REPLACED) == count(back, Kind.REPLACED)
    assert count(there, Kind.ADDED) == count(back, Kind.REMOVED)


def _longest_common(old: tuple[str, ...], new: tuple[str, ...]) -> int:
    """By trying all: how many entries can keep their order."""
    for length in range(min(len(old), len(new)), 0, -1):
        chosen = {tuple(old[place] for place in places) for places in combinations(range(len(old)), length)}
        if any(tuple(new[place] for place in places) in chosen for places in combinations(range(len(new)), length)):
            return length
    return 0


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcde"), max_size=7), st.lists(st.sampled_from("abcde"), max_size=7))
def test_no_fewer_moves_would_do(old: list[str], new: list[str]) -> None:
    """Of the entries on both sides, only those move that cannot all keep their order; duplicates included."""
    before, after = published(*old), published(*new)
    both = (Counter(before.entries) & Counter(after.entries)).total()
    assert count(diff(before, after), Kind.MOVED) == both - _longest_common(before.entries, after.entries)


def test_long_lists_are_compared_in_reasonable_work() -> None:
    """Five hundred entries in reverse: all but one move, and the result is complete."""
    old = published(*(f"f{place}" for place in range(500)))
    new = Snapshot(old.shape, old.key, old.entries[::-1])
    found = diff(old, new)
    assert count(found, Kind.MOVED) == 499
    assert apply(found.changes, old.entries) == new.entries


def test_changes_come_in_the_order_of_the_new_list() -> None:
    """A reader follows the new list from its top; what is gone comes last."""
    found = diff(published("a", "b", "c", "d"), published("n", "a", focus("c", zone=2)))
    assert found.changes == (
        Change(Kind.ADDED, None, 1, None, published("n").entries[0]),
        Change(Kind.EDITED, 3, 3, published("c").entries[0], published(focus("c", zone=2)).entries[0]),
        Change(Kind.REMOVED, 2, None, published("b").entries[0]),
        Change(Kind.REMOVED, 4, None, published("d").entries[0]),
    )


def apply(changes: Sequence[Change], entries: Sequence[str]) -> tuple[str, ...]:
    """The list that results when ``changes`` happen to ``entries``: what a reader of the changes would rebuild."""
    edits = {change.old_position: change.new for change in changes if change.kind is Kind.EDITED}
    lifted = {
        change.old_position
        for change in changes
        if change.kind in (Kind.REMOVED, Kind.REPLACED, Kind.MOVED) and change.old_position is not None
    }
    current = {place: edits.get(place) or text for place, text in enumerate(entries, 1)}
    placed = {
        change.new_position: current[change.old_position or 0] if change.kind is Kind.MOVED else change.new
        for change in changes
        if change.kind in (Kind.ADDED, Kind.REPLACED, Kind.MOVED)
    }
    staying = deque(text for place, text in current.items() if place not in lifted)
    length = len(staying) + len(placed)
    return tuple(placed.get(place) or staying.popleft() for place in range(1, length + 1))


def _calls(old: Snapshot, new: Snapshot) -> int:
    """Calls, of Python and of C, for their difference."""
    count = 0

    def note(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        diff(old, new)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("turned", [lambda names: names[::-1], lambda names: [*names[1::2], *names[::2]]])
def test_long_lists_cost_what_their_length_is(turned: Callable[[list[str]], list[str]]) -> None:
    """However they were put in order: twice as many foci make about twice as much work."""
    costs = []
    for length in (10, 100, 200):
        names = [f"n{number}" for number in range(length)]
        costs.append(_calls(published(*names), published(*turned(names))))
    assert costs[2] < 2.5 * costs[1]
