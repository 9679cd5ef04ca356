"""Accounts of outages: services, well-knowns, what cannot be checked, and the bot's own connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bench.replay.books import Books
from bench.replay.stretches import Stretches, common, longer, minus, touching, union, within
from bench.replay.terms import CALM, MANY, NOTICE_PAUSE
from bench.replay.told import Told, subject_of
from bench.replay.truth import HOUR

_WATCHING = 15.0
"""Seconds by which what a message says may be older than the message: a check takes a while."""


@dataclass(slots=True)
class Message:
    """One incident as a room reads it; ``end`` and ``last`` are of its final edit."""

    begin: float
    text: str
    about: str
    end: float | None = None
    last: str = ""
    loud: list[float] = field(default_factory=list)
    reminded: list[float] = field(default_factory=list)
    answered: int = 0
    flapped: bool = False

    def covers(self, at: float) -> bool:
        """Whether it stands open then."""
        return self.begin <= at and (self.end is None or at < self.end)


def audit(books: Books, room: str, told: Sequence[Told]) -> None:
    """One room's outages."""
    truth, watched = books.truth, books.truth.watches[room]
    by_subject: dict[str, list[Message]] = {}
    for message in _messages(books, room, told):
        by_subject.setdefault(subject_of(message.about), []).append(message)
    known = set()
    for service in truth.services:
        published = truth.publishing(service, watched)
        if not published:
            continue
        everybody = {server: truth.interval(server) for server in truth.servers if _is_watched(books, server)}
        speeds = [at for server, at in everybody.items() if truth.publishing(service, {server: at})]
        subject = f"focus:{service}.example.org"
        unseen = minus(((0.0, truth.length),), truth.readable(service))
        matter = _Matter(books, room, service, min(speeds), max(speeds), published, unseen)
        known |= {subject, f"unclear {subject}"}
        _hold(matter, by_subject.get(subject, []), by_subject.get(f"unclear {subject}", []))
    for server in watched:
        interval = truth.interval(server)
        subject = f"discovery:{server}"
        matter = _Matter(books, room, server, interval, interval, ((0.0, truth.length),), ())
        known |= {subject, f"unclear {subject}"}
        _hold(matter, by_subject.get(subject, []), by_subject.get(f"unclear {subject}", []))
    _self(books, room, by_subject.get("self", []))
    for subject in by_subject.keys() - known - {"self"}:
        for message in by_subject[subject]:
            books.complain("false", message.begin, room, message.about, f"unknown here: {message.text[:80]}")


@dataclass(frozen=True, slots=True)
class _Matter:
    """
    One thing in one room.

    Attributes:
        fast, slow: the shortest and the longest interval of servers that publish it.
        published: when a server of this room publishes it.
        unseen: when it cannot be looked at.
    """

    books: Books
    room: str
    name: str
    fast: float
    slow: float
    published: Stretches
    unseen: Stretches

    @property
    def concealed(self) -> Stretches:
        """When nothing new can be known of it."""
        return union((*self.books.blind(self.slow), *self.unseen))

    def complain(self, kind: str, at: float, message: Message | None, words: str) -> None:
        self.books.complain(kind, at, self.room, message.about if message else self.name, words)


def _is_watched(books: Books, server: str) -> bool:
    return any(server in servers for servers in books.truth.watches.values())


def _messages(books: Books, room: str, told: Iterable[Told]) -> list[Message]:
    """Notifications put together to what stands in the room in the end."""
    found: dict[str, Message] = {}
    left: list[Message] = []
    for one in told:
        if one.about.startswith(("list:", "alternates:", "cert:")):
            continue
        if one.placement == "new":
            left += [found[one.about]] if one.about in found else []
            found[one.about] = Message(one.at, one.text, one.about, loud=[one.at], flapped="flap" in one.text)
        elif one.about in found:
            _develop(books, found[one.about], one)
    for message in (everything := sorted((*left, *found.values()), key=lambda one: one.begin)):
        if message.answered > 1:
            books.complain("repeated", message.end or message.begin, room, message.about, "its end was told twice")
        _reminders(books, room, message)
    return everything


def _develop(books: Books, message: Message, one: Told) -> None:
    if one.placement == "edit":
        message.flapped |= "flap" in one.text
        if one.sign in "✅▫":
            if message.end is not None:
                books.complain("repeated", one.at, one.room, one.about, "closed twice")
            message.end, message.last = one.at, one.text
    elif one.placement == "reply" and one.sign == "⏰":
        message.reminded.append(one.at)
    elif one.placement == "reply" and one.sign in "✅▫":
        message.answered += 1
    elif one.placement == "reply":
        message.loud.append(one.at)


def _reminders(books: Books, room: str, message: Message) -> None:
    """Every so many hours, and not in between; notices have none."""
    if message.about.startswith("unclear "):
        for at in message.reminded:
            books.complain("repeated", at, room, message.about, "a reminder of a notice")
        return
    every = books.terms.reminder
    last = message.begin
    moments = sorted([(at, False) for at in message.loud[1:]] + [(at, True) for at in message.reminded])
    end = books.truth.length if message.end is None else message.end
    for at, is_reminder in [*moments, (end, False)]:
        waited = at - last - within(books.truth.stopped, last, at)
        jumped = any(last - every <= when <= at for when, _ in books.truth.jumps)
        if is_reminder and waited < every - 60 and not jumped:
            books.complain("repeated", at, room, message.about, f"a reminder after {waited / HOUR:.1f} h")
        if waited > every + 300 and not jumped:
            books.complain("missed", at, room, message.about, "no reminder")
        last = at


def _hold(matter: _Matter, outages: list[Message], notices: list[Message]) -> None:
    truth, terms = matter.books.truth, matter.books.terms
    down, up, unclear = truth.down(matter.name), truth.up(matter.name), truth.unclear(matter.name)
    for message in outages:
        _opening(matter, message, down, up)
        _closing(matter, message, down, up)
    _crowding(matter, outages)
    within_ = terms.fires_within(matter.fast)
    for begin, end in minus(common(down, matter.published), matter.concealed):
        begin = _noticeable(matter, begin)
        if end - begin < within_:
            continue
        matter.books.due += 1
        if not any(one.covers(begin + within_) for one in outages):
            matter.complain("missed", begin + within_, None, f"down since {begin:.0f} s")
        elif (first := _first(outages, begin, begin + within_)) is not None:
            matter.books.detected.append((first.begin - begin) / matter.fast)
    _ends(matter, outages, up)
    _notices(matter, notices, unclear)


def _noticeable(matter: _Matter, begin: float) -> float:
    """What is published only since then is looked at once the list was read and confirmed."""
    fresh = any(start <= begin <= start + 1 and start > 0 for start, _ in matter.published)
    return begin + matter.books.terms.changes_within(matter.slow, absent=False) if fresh else begin


def _first(messages: Iterable[Message], begin: float, end: float) -> Message | None:
    return next((one for one in messages if begin <= one.begin <= end), None)


def _opening(matter: _Matter, message: Message, down: Stretches, up: Stretches) -> None:
    """Told as down: it was so when last looked at, and not for the first time just then."""
    at, needed = message.begin, matter.books.terms.fires_after(matter.fast)
    if not touching(down, at - _WATCHING, at):
        matter.complain("false", at, message, f"it is not down: {message.text[:60]}")
        return
    if touching(matter.books.blind(matter.fast), at - needed, at):
        return
    pieces = touching(down, at - needed, at)
    if len(pieces) == 1 and within(up, at - needed, at) > 0:
        matter.complain("false", at, message, f"down for {at - pieces[0][0]:.0f} s only")


def _closing(matter: _Matter, message: Message, down: Stretches, up: Stretches) -> None:
    """Told as well: it was so when last looked at; or it is published no more."""
    if message.end is None:
        return
    at, needed = message.end, matter.books.terms.resolves_after(matter.fast)
    if message.last.startswith("▫"):
        if touching(matter.published, at - 1, at + 1):
            matter.complain("false", at, message, "it is published still")
        return
    if not touching(up, at - _WATCHING, at):
        matter.complain("false", at, message, "it is not up")
        return
    pieces = touching(up, at - needed, at)
    if len(pieces) == 1 and within(down, at - needed, at) > 0:
        matter.complain("false", at, message, f"up for {at - pieces[0][0]:.0f} s only")


def _ends(matter: _Matter, outages: list[Message], up: Stretches) -> None:
    """Whatever is well again, or published no more, is told to be so."""
    terms, length = matter.books.terms, matter.books.truth.length
    gone = longer(
        minus(((0.0, length),), matter.published),
        terms.changes_within(matter.slow, absent=True) + terms.regular(matter.slow),
        0.0,
    )
    for what, limit in ((common(up, matter.published), terms.resolves_within(matter.fast)), (gone, 0.0)):
        for begin, end in minus(what, matter.concealed):
            for message in outages:
                late = limit + (CALM + terms.regular(matter.slow) if message.flapped else 0.0)
                if not message.begin < begin or end - begin < late or not message.covers(begin):
                    continue
                matter.books.due += 1
                if message.covers(begin + late):
                    matter.complain("missed", begin + late, message, f"over since {begin:.0f} s")
                elif limit and not message.flapped and message.end is not None:
                    matter.books.resolved.append((message.end - begin) / matter.fast)


def _crowding(matter: _Matter, outages: list[Message]) -> None:
    """Three firings within an hour are told as one that flaps."""
    moments = sorted(at for one in outages for at in one.loud)
    for first, last in zip(moments, moments[MANY:], strict=False):
        if last - first < CALM * 0.9 and not matter.books.truth.jumps:
            matter.complain("repeated", last, None, f"{MANY + 1} messages within an hour")


def _notices(matter: _Matter, notices: list[Message], unclear: Stretches) -> None:
    _noticed(matter, notices, unclear)
    terms, limit = matter.books.terms, matter.books.terms.unclear_within(matter.fast)
    for begin, end in minus(common(unclear, matter.published), matter.concealed):
        lately = any(begin - NOTICE_PAUSE < one.begin < begin for one in notices)
        if end - begin >= limit and not lately:
            matter.books.due += 1
            if not any(one.covers(begin + limit) for one in notices):
                matter.complain("missed", begin + limit, None, f"cannot be checked since {begin:.0f} s")
    clear = minus(((0.0, matter.books.truth.length),), unclear)
    for begin, end in minus(common(clear, matter.published), matter.concealed):
        late = terms.regular(matter.slow)
        for message in notices:
            if message.begin < begin and end - begin >= late and message.covers(begin + late):
                matter.complain("missed", begin + late, message, f"can be checked since {begin:.0f} s")


def _noticed(matter: _Matter, notices: list[Message], unclear: Stretches) -> None:
    """What was told was so, and not twice a day."""
    needed = matter.books.terms.unclear_after(matter.fast)
    sure = union((*unclear, *matter.books.blind(matter.slow)))
    for message in notices:
        at = message.begin
        if not touching(unclear, at - _WATCHING, at) or within(sure, at - needed, at) < needed * 0.9:
            matter.complain("false", at, message, "it can be checked")
        if message.end is not None and within(unclear, message.end - _WATCHING, message.end) >= _WATCHING:
            matter.complain("false", message.end, message, "it still cannot be checked")
    for first, second in pairwise(notices):
        if second.begin - first.begin < NOTICE_PAUSE * 0.99:
            matter.complain("repeated", second.begin, second, "a second notice within a day")


def _self(books: Books, room: str, messages: list[Message]) -> None:
    """The bot doubts itself only when its own network is cut, or when so much is down that it may."""
    truth = books.truth
    intervals = [truth.interval(server) for server in truth.servers if _is_watched(books, server)]
    window = 1.1 * sorted(intervals)[len(intervals) // 2]
    hosts = len(truth.servers) + len(truth.services)
    cut = union(one.stretch for one in truth.cut)
    for message in messages:
        if not touching(union((*cut, *truth.crowded(window))), message.begin - _WATCHING, message.begin):
            books.complain("false", message.begin, room, message.about, "its network works")
    for begin, end in minus(cut, longer(truth.stopped, 0.0, window)):
        lately = any(one.end is not None and begin - HOUR < one.end <= begin for one in messages)
        late = books.terms.regular(max(intervals))
        if end - begin >= late and hosts >= 10 and not lately:
            books.due += 1
            if not any(one.covers(begin + late) for one in messages):
                books.complain("missed", begin + late, room, "self", f"cut off since {begin:.0f} s")
        over = end + books.terms.regular(max(intervals))
        if over < truth.length and not touching(truth.crowded(window), end, over) and not touching(cut, end + 1, over):
            for message in messages:
                if message.begin < end and message.covers(over):
                    books.complain("missed", over, room, message.about, "in doubt for too long")
