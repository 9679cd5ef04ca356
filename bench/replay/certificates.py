"""Accounts of certificates that near their end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.replay.books import Books
from bench.replay.stretches import common, minus, union
from bench.replay.told import Told
from bench.replay.truth import DAY, Presented

_DAYS = (14, 7, 1)


def audit(books: Books, room: str, told: Sequence[Told]) -> None:
    """One room's certificates: each of the days is told once, and the end of it when another one is there."""
    loud: dict[str, list[Told]] = {}
    over: dict[str, list[Told]] = {}
    for one in told:
        if one.about.startswith("cert:") and one.placement in ("new", "reply"):
            service = one.subject.removeprefix("cert:").partition(".")[0]
            (over if one.sign in "✅▫" else loud).setdefault(service, []).append(one)
    for service in books.truth.services:
        _service(books, room, service, loud.get(service, []), over.get(service, []))
    for message in [one for messages in loud.values() for one in messages]:
        books.complain("false", message.at, room, message.about, message.text[:80])


def _service(books: Books, room: str, service: str, loud: list[Told], over: list[Told]) -> None:
    """Takes out of ``loud`` what was rightly told."""
    truth, watched = books.truth, books.truth.watches[room]
    published = truth.publishing(service, watched)
    if not published:
        return
    interval = max(truth.interval(server) for server in watched if truth.publishing(service, {server: 0.0}))
    unseen = union((*books.blind(interval), *truth.down(service), *truth.unclear(service)))
    seen = minus(common(published, truth.readable(service)), unseen)
    late = books.terms.regular(interval)
    again = books.terms.recoveries * late
    for one, until in truth.certified(service):
        for days, at in _moments(one):
            if at + late > until or not any(a <= at and b >= at + late for a, b in seen):
                continue
            books.due += 1
            found = next((message for message in loud if at <= message.at <= at + late), None)
            if found is None:
                books.complain("missed", at + late, room, service, f"its certificate expires in {days} days")
            else:
                loud.remove(found)
                books.detected.append((found.at - at) / interval)
        if one.end - until <= _DAYS[0] * DAY and any(a <= until and b >= until + again for a, b in seen):
            books.due += 1
            if not any(until <= message.at <= until + again for message in over):
                books.complain("missed", until + again, room, service, "its new certificate")


def _moments(one: Presented) -> Iterator[tuple[int, float]]:
    """The days before its end that are told, each with its time; of those that were passed before only the last."""
    passed = [days for days in _DAYS if one.end - days * DAY <= one.start]
    for days in _DAYS:
        if days not in passed[:-1]:
            yield days, max(one.start, one.end - days * DAY)
