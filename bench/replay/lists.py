"""Accounts of foci lists: a chain from the list that a room knows to the one that is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.replay.books import Books
from bench.replay.stretches import Stretches, minus, touching, union
from bench.replay.terms import CALM, MANY
from bench.replay.told import Names, Told
from bench.replay.truth import Published

_FETCH = 12.0


@dataclass(slots=True)
class _Chain:
    """What a room knows of a server's list, at first and now; ``restless`` from an alternation to its end."""

    first: Names
    known: Names
    steps: list[tuple[float, Names]] = field(default_factory=list)
    restless: list[tuple[float, float]] = field(default_factory=list)
    since: float | None = None

    def at(self, moment: float) -> Names:
        """What is known then."""
        earlier = [names for at, names in self.steps if at <= moment]
        return earlier[-1] if earlier else self.first


def audit(books: Books, room: str, told: Sequence[Told]) -> None:
    """One room's lists."""
    for server in books.truth.watches[room]:
        own = [one for one in told if one.subject in (f"list:{server}", f"alternates:{server}")]
        _Server(books, room, server).audit(own)


class _Server:
    def __init__(self, books: Books, room: str, server: str) -> None:
        truth = books.truth
        self._books, self._room, self._server = books, room, server
        self._interval = truth.interval(server)
        self._pubs = truth.publications(server)
        unread = union(one.stretch for one in truth.unread.get(server, ()))
        self._unseen: Stretches = union((*books.blind(self._interval), *unread))

    def audit(self, told: Sequence[Told]) -> None:
        """The chain of what was told, then whether everything that stayed is in it."""
        chain = _Chain(_names(self._pubs[0][0]), _names(self._pubs[0][0]))
        for one in told:
            self._take(chain, one, next((o for o in told if _is_evidence(o, one)), None))
        if chain.since is not None:
            chain.restless.append((chain.since, self._books.truth.length))
        moments = sorted(one.at for one in told if one.placement == "new")
        for first, last in zip(moments, moments[MANY:], strict=False):
            if last - first < CALM * 0.9 and not self._books.truth.jumps:
                self._complain("repeated", last, f"{MANY + 1} messages within an hour")
        for published, end in self._pubs:
            self._must(chain, published, end)

    def _take(self, chain: _Chain, one: Told, evidence: Told | None) -> None:
        if one.placement not in ("new", "reply"):
            return
        if one.placement == "reply" and chain.since is not None:
            chain.restless.append((chain.since, one.at))
            chain.since = None
            if evidence is None:
                if not self._stood(chain.known, one.at - CALM * 0.9, one.at):
                    self._complain("false", one.at, one.text[:80])
                return
        lists = None if evidence is None else evidence.lists
        if lists is None:
            self._complain("strange", one.at, "no evidence of the change")
        elif one.subject.startswith("alternates:") and one.placement == "new":
            if not self._turned(one.at):
                self._complain("false", one.at, "its answers do not alternate")
            chain.since = one.at
        else:
            self._changed(chain, one, *lists)

    def _changed(self, chain: _Chain, one: Told, before: Names, now: Names) -> None:
        if before == now:
            self._complain("false", one.at, "nothing changed")
        elif before != chain.known:
            self._complain("repeated", one.at, f"from {before}, but {chain.known} was told before")
        if not self._stood(now, one.at - self._books.terms.confirm + 2, one.at):
            self._complain("false", one.at, f"{now} is not what is published")
        calm = one.sign == "ℹ"
        if calm != self._is_migration(now, one.at) or (one.msgtype == "m.notice") != calm:
            self._complain("strange", one.at, f"{one.msgtype} {one.text[:60]}")
        chain.known = now
        chain.steps.append((one.at, now))
        start = self._since(now, one.at)
        if start is not None and not touching(self._unseen, start, one.at) and not chain.restless:
            self._books.detected.append((one.at - start) / self._interval)

    def _must(self, chain: _Chain, published: Published, end: float) -> None:
        terms, books = self._books.terms, self._books
        for begin, until in minus(((published.start, end),), self._unseen):
            late = terms.changes_within(self._interval, absent=published.absent)
            if published.alternates:
                if until - begin >= 2 * CALM and not any(begin <= at <= begin + 2 * CALM for at, _ in chain.restless):
                    self._complain("missed", begin + 2 * CALM, "its answers alternate")
                books.due += until - begin >= 2 * CALM
                continue
            if touching(tuple(chain.restless), begin, begin + late) or self._turned(begin + late):
                late += CALM + terms.regular(self._interval)
            if until - begin < late:
                continue
            books.due += published.start > 0
            if chain.at(begin + late) != _names(published):
                self._complain("missed", begin + late, f"{_names(published)} since {published.start:.0f} s")
            elif any(a <= begin + late < b for a, b in chain.restless):
                self._complain("missed", begin + late, "its answers do not alternate any more")

    def _stood(self, names: Names, begin: float, end: float) -> bool:
        """Whether a list was published all the while, as far as replicas agree."""
        begin = max(0.0, begin)
        there = union((one.start, until) for one, until in self._pubs if names in _answers(one))
        return any(a <= begin + _FETCH and b >= end - _FETCH for a, b in there if b > end - _FETCH)

    def _since(self, names: Names, at: float) -> float | None:
        return next((one.start for one, end in self._pubs if one.start <= at < end and _names(one) == names), None)

    def _turned(self, at: float) -> bool:
        """Whether the list turned often within the last while."""
        recent = [one for one, _ in self._pubs if 0 < one.start <= at and one.start > at - CALM - self._interval * 1.2]
        mixed = any(one.alternates and one.start <= at and end > at - CALM for one, end in self._pubs)
        return mixed or len(recent) >= MANY

    def _is_migration(self, now: Names, at: float) -> bool:
        return now is None and self._books.truth.published(self._server, at).endpoint in ("present", "open")

    def _complain(self, kind: str, at: float, words: str) -> None:
        self._books.complain(kind, at, self._room, f"list:{self._server}", words)


def _is_evidence(message: Told, of: Told) -> bool:
    return message.placement == "thread" and message.about == of.about and abs(message.at - of.at) < 1.0


def _names(published: Published) -> Names:
    return None if published.absent else published.foci


def _answers(published: Published) -> tuple[Names, ...]:
    return (_names(published), *((published.also,) if published.alternates else ()))
