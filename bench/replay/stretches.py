"""Stretches of time: pairs of begin and end in seconds, sorted and apart."""

from __future__ import annotations

from collections.abc import Iterable

Stretch = tuple[float, float]
Stretches = tuple[Stretch, ...]


def union(parts: Iterable[Stretch]) -> Stretches:
    """All of them, those that touch joined."""
    found: list[Stretch] = []
    for begin, end in sorted(part for part in parts if part[1] > part[0]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def minus(parts: Stretches, holes: Stretches) -> Stretches:
    """What is left of ``parts``."""
    found: list[Stretch] = []
    for begin, end in parts:
        for hole_begin, hole_end in holes:
            if hole_end <= begin or hole_begin >= end:
                continue
            if hole_begin > begin:
                found.append((begin, hole_begin))
            begin = max(begin, hole_end)
        if begin < end:
            found.append((begin, end))
    return tuple(found)


def common(parts: Stretches, others: Stretches) -> Stretches:
    """Where both are."""
    found = ((max(a, c), min(b, d)) for a, b in parts for c, d in others)
    return union(found)


def touching(parts: Stretches, begin: float, end: float) -> Stretches:
    """Those with a moment between begin and end, whole."""
    return tuple(part for part in parts if part[0] <= end and part[1] > begin)


def within(parts: Stretches, begin: float, end: float) -> float:
    """Seconds of them between begin and end."""
    return sum(min(part[1], end) - max(part[0], begin) for part in touching(parts, begin, end))


def longer(parts: Stretches, begin: float, end: float) -> Stretches:
    """Each begins and ends later by so much."""
    return union((a + begin, b + end) for a, b in parts)
