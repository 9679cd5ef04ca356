"""Accounts of certificates that near their end."""

from __future__ import annotations

from collections.abc import Sequence

from bench.replay.books import Books
from bench.replay.stretches import common, minus, union
from bench.replay.told import Told
from bench.replay.truth import DAY

_DAYS = (14, 7, 1)


def audit(books: Books, room: str, told: Sequence[Told]) -> None:
    """One room's certificates: each of the days is told once, and the end of it when another one is there."""
    truth, watched = books.truth, books.truth.watches[room]
    loud: dict[str, list[Told]] = {}
    over: dict[str, list[Told]] = {}
    for one in told:
        if not one.about.startswith("cert:"):
            continue
        service = one.subject.removeprefix("cert:").partition(".")[0]
        if one.placement in ("new", "reply"):
            (over if one.sign in "✅▫" else loud).setdefault(service, []).append(one)
    for service in truth.services:
        published = truth.publishing(service, watched)
        speeds = [truth.interval(server) for server in watched if truth.publishing(service, {server: 0.0})]
        if not published:
            continue
        unseen = union((*books.blind(max(speeds)), *truth.down(service), *truth.unclear(service)))
        seen = minus(common(published, truth.readable(service)), unseen)
        late = books.terms.regular(max(speeds))
        left = list(loud.pop(service, []))
        presented = truth.certificates.get(service, ())
        for one, until in zip(presented, [*(other.start for other in presented[1:]), truth.length], strict=True):
            for days in _DAYS:
                at = max(one.start, one.end - days * DAY)
                passed = [other for other in _DAYS if other < days and one.end - other * DAY <= one.start]
                if passed or not any(a <= at and b >= at + late for a, b in seen) or at + late > until:
                    continue
                books.due += 1
                found = next((letter for letter in left if at <= letter.at <= at + late), None)
                if found is None:
                    books.complain("missed", at + late, room, service, f"its certificate ends in {days} days")
                else:
                    left.remove(found)
                    books.detected.append((found.at - at) / min(speeds))
            again = books.terms.recoveries * late
            if one.end - until <= _DAYS[0] * DAY and any(a <= until and b >= until + again for a, b in seen):
                books.due += 1
                if not any(until <= letter.at <= until + again for letter in over.get(service, [])):
                    books.complain("missed", until + again, room, service, "its new certificate")
        for letter in left:
            books.complain("false", letter.at, room, letter.about, letter.text[:80])
    for letters in loud.values():
        for letter in letters:
            books.complain("false", letter.at, room, letter.about, letter.text[:80])
