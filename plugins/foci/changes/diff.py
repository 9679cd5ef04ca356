"""What changed between two snapshots of a foci list: ordered, with as few moves as possible."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from plugins.foci.changes.snapshot import Shape, Snapshot, entry_of
from plugins.foci.model import Entry


class Kind(StrEnum):
    """What happened to one entry. An entry may be both moved and edited, which are two changes."""

    ADDED = "added"
    REMOVED = "removed"
    REPLACED = "replaced"
    MOVED = "moved"
    EDITED = "edited"


class Turn(StrEnum):
    """
    What happened to the list as a whole.

    PUBLISHED: there was no list. WITHDRAWN: there is none any longer. MALFORMED: its value stopped being a list.
    MENDED: it is a list again. ALTERED: it was no list and is none, with another value.
    """

    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    MALFORMED = "malformed"
    MENDED = "mended"
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class Change:
    """
    What happened to one entry.

    Attributes:
        old_position, new_position: from 1; None where the entry is not there.
        old, new: the entry in canonical form; None where it is not there.
    """

    kind: Kind
    old_position: int | None = None
    new_position: int | None = None
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """
    The way from one snapshot to another.

    Attributes:
        turn: what happened to the list as a whole; None when it was a list and is one.
        renamed: the old and the new key, None when the key stayed or one of the two snapshots has none.
        changes: of entries, by new position, removed ones last. Empty when either side is malformed.
    """

    old: Snapshot
    new: Snapshot
    turn: Turn | None = None
    renamed: tuple[str, str] | None = None
    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return self.turn is not None or self.renamed is not None or bool(self.changes)


_TURNS = {
    (Shape.NONE, Shape.LIST): Turn.PUBLISHED,
    (Shape.NONE, Shape.MALFORMED): Turn.MALFORMED,
    (Shape.LIST, Shape.NONE): Turn.WITHDRAWN,
    (Shape.LIST, Shape.MALFORMED): Turn.MALFORMED,
    (Shape.MALFORMED, Shape.NONE): Turn.WITHDRAWN,
    (Shape.MALFORMED, Shape.LIST): Turn.MENDED,
}


def diff(old: Snapshot, new: Snapshot) -> Diff:
    """Compare two snapshots; the result is falsy when nothing changed."""
    turn = _TURNS.get((old.shape, new.shape))
    if old.shape is new.shape is Shape.MALFORMED and old.value != new.value:
        turn = Turn.ALTERED
    renamed = None
    if old.key is not None and new.key is not None and old.key != new.key:
        renamed = (old.key, new.key)
    readable = Shape.MALFORMED not in (old.shape, new.shape)
    changes = _compare(old.entries, new.entries) if readable else ()
    return Diff(old, new, turn, renamed, changes)


def _compare(old: Sequence[str], new: Sequence[str]) -> tuple[Change, ...]:
    if old == new:
        return ()
    only_old, only_new = _entries_but_for(old, new), _entries_but_for(new, old)
    pairs, moved = _match(_labels(old, only_old, only_new), _labels(new, only_new, only_old))
    changes = [_placed(Kind.MOVED, at, to, old, new) for at, to in moved]
    changes += [_placed(Kind.EDITED, at, to, old, new) for at, to in pairs if old[at] != new[to]]
    gone = sorted(set(range(len(old))) - {at for at, _ in pairs})
    come = sorted(set(range(len(new))) - {to for _, to in pairs})
    same_place = set(gone) & set(come)
    changes += [_placed(Kind.REPLACED, place, place, old, new) for place in same_place]
    changes += [_placed(Kind.ADDED, None, place, old, new) for place in come if place not in same_place]
    changes += [_placed(Kind.REMOVED, place, None, old, new) for place in gone if place not in same_place]
    return tuple(sorted(changes, key=_order))


def _placed(kind: Kind, at: int | None, to: int | None, old: Sequence[str], new: Sequence[str]) -> Change:
    return Change(
        kind,
        None if at is None else at + 1,
        None if to is None else to + 1,
        None if at is None else old[at],
        None if to is None else new[to],
    )


def _order(change: Change) -> tuple[int, int, int]:
    """By new position; entries without one after all others, by old position."""
    last = change.new_position is None
    position = change.new_position or change.old_position or 0
    return int(last), position, list(Kind).index(change.kind)


def _entries_but_for(texts: Sequence[str], others: Sequence[str]) -> dict[str, Entry]:
    return {text: entry_of(text, 0) for text in set(texts) - set(others)}


def _labels(texts: Sequence[str], unlike: Mapping[str, Entry], others: Mapping[str, Entry]) -> list[str]:
    """
    A label per entry; entries with the same label on both sides are the same focus.

    The text itself where the other side has it too, else type and URL, else the URL alone: so an entry whose
    other fields changed, or only its type, is found again.

    Args:
        unlike: the entries that the other side does not have.
        others: those that only the other side has.
    """
    their_identities = {entry.identity for entry in others.values()}
    my_identities = {entry.identity for entry in unlike.values()}
    their_urls = {_url(entry) for entry in others.values() if entry.identity not in my_identities}
    labels = {}
    for text, entry in unlike.items():
        url = _url(entry)
        if entry.identity in their_identities:
            labels[text] = f"same {entry.identity}"
        elif url is not None and url in their_urls:
            labels[text] = f"url {url}"
    return [labels.get(text, f"text {text}") for text in texts]


def _url(entry: Entry) -> str | None:
    return entry.service_url or entry.sfu_url


def _match(old: Sequence[str], new: Sequence[str]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """All pairs of places with the same label, and those of them that are out of order: as few as can be."""
    staying = _common(old, new)
    left: dict[str, deque[int]] = defaultdict(deque)
    kept_old, kept_new = {at for at, _ in staying}, {to for _, to in staying}
    for to, label in enumerate(new):
        if to not in kept_new:
            left[label].append(to)
    rest = [(at, label) for at, label in enumerate(old) if at not in kept_old]
    moved = [(at, left[label].popleft()) for at, label in rest if left[label]]
    return [*staying, *moved], moved


def _common(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """
    A longest common subsequence as pairs of places: what both begin and end with, and the longest of the rest.

    Of equal choices the earlier entry of the old list stays, so that a swap reads as the later one moving up.
    """
    head, least = 0, min(len(old), len(new))
    while head < least and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < least - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    pairs = [(place, place) for place in range(head)]
    pairs += _longest(old, new, range(head, len(old) - tail), range(head, len(new) - tail))
    return [*pairs, *((len(old) - place, len(new) - place) for place in range(tail, 0, -1))]


def _longest(
    old: Sequence[str], new: Sequence[str], mine: Sequence[int], theirs: Sequence[int]
) -> list[tuple[int, int]]:
    shared = {old[place] for place in mine} & {new[place] for place in theirs}
    mine = [place for place in mine if old[place] in shared]
    theirs = [place for place in theirs if new[place] in shared]
    longest = _Lengths([old[place] for place in mine], [new[place] for place in theirs])
    pairs, i, j = [], 0, 0
    while i < len(mine) and j < len(theirs):
        if old[mine[i]] == new[theirs[j]]:
            pairs.append((mine[i], theirs[j]))
            i, j = i + 1, j + 1
        elif longest(i, j + 1) >= longest(i + 1, j):
            j += 1
        else:
            i += 1
    return pairs


class _Lengths:
    """
    Lengths of the longest common subsequence of every two ends of two lists, a row of the table in an integer.

    Source: H. Hyyrö, Bit-parallel LCS-length computation revisited (2004). From the end of the one list on, a bit that
    is not set says that the length grows by one with that place of the other.
    """

    def __init__(self, one: Sequence[str], other: Sequence[str]) -> None:
        self._width = len(other)
        places: dict[str, int] = defaultdict(int)
        for at, label in enumerate(reversed(other)):
            places[label] |= 1 << at
        full = (1 << self._width) - 1
        rows = [full]
        for label in reversed(one):
            common = rows[-1] & places[label]
            rows.append(((rows[-1] + common) | (rows[-1] - common)) & full)
        self._rows = rows[::-1]

    def __call__(self, i: int, j: int) -> int:
        """Of ``one[i:]`` and ``other[j:]``."""
        rest = self._width - j
        return rest - (self._rows[i] & ((1 << rest) - 1)).bit_count()
