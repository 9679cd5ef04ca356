"""
Compares what rooms were told with what truly was.

It knows the contract's limits (`terms`) and the letters' outside: about what, in which room, which sign in front. Where
the course of events leaves both open it accepts both: an outage that may end before the third check, say. Complaints
are of four kinds: ``false`` (told and not so), ``missed`` (so and not told in time), ``repeated`` (told more often than
the contract says) and ``strange`` (in the wrong place, or about nothing that is known).
"""

from __future__ import annotations

from bench.replay import certificates, lists, outages
from bench.replay.books import Books, Verdict
from bench.replay.terms import Terms
from bench.replay.told import Told
from bench.replay.truth import Truth


def audit(truth: Truth, told: tuple[Told, ...], terms: Terms) -> Verdict:
    """Everything that was told in a trace, and everything that should have been."""
    books = Books(truth, terms)
    names: set[str] = set()
    texts: set[tuple[str, str, str, str]] = set()
    opened: set[tuple[str, str]] = set()
    left: set[tuple[str, str]] = set()
    for letter in told:
        _stands(books, letter, opened, left)
        if letter.placement == "edit" and letter.sign == "▫":
            texts = {one for one in texts if one[:2] != (letter.room, letter.about)}
        text = (letter.room, letter.about, letter.placement, letter.text)
        if letter.txn_id in names or (letter.placement in ("new", "reply") and text in texts):
            books.complain("repeated", letter.at, letter.room, letter.about, "the same letter again")
        names.add(letter.txn_id)
        texts |= {text} if letter.placement in ("new", "reply") else set()
        strangers = letter.servers - truth.watches.get(letter.room, {}).keys()
        if strangers:
            books.complain("strange", letter.at, letter.room, letter.about, f"names {sorted(strangers)}")
    for room in truth.watches:
        own = [letter for letter in told if letter.room == room]
        outages.audit(books, room, own)
        certificates.audit(books, room, own)
        lists.audit(books, room, own)
    return books.verdict(told)


def _stands(books: Books, letter: Told, opened: set[tuple[str, str]], left: set[tuple[str, str]]) -> None:
    """Whether a letter is where it belongs: nothing is edited or answered that was never said."""
    place = (letter.room, letter.about)
    known = ("focus:", "discovery:", "unclear ", "cert:", "list:", "alternates:", "self@")
    if not letter.about.startswith(known) or letter.room not in books.truth.watches:
        books.complain("strange", letter.at, letter.room, letter.about, letter.text[:80])
    if letter.placement == "new":
        if place in opened:
            books.complain("repeated", letter.at, letter.room, letter.about, "a second first message")
        opened.add(place)
    elif letter.placement == "edit" and letter.sign == "▫":
        # the room left the matter, and may come back to it as long as it lasts
        opened.discard(place)
        left.add(place)
    elif place not in opened | left:
        books.complain("strange", letter.at, letter.room, letter.about, f"{letter.placement} of nothing")
