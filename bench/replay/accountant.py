"""
Compares what rooms were told with what truly was.

It knows the contract's limits (`terms`), and of a message what it is about, its room and its first sign. Where
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
    for message in told:
        _stands(books, message, opened, left)
        if message.placement == "edit" and message.sign == "▫":
            texts = {one for one in texts if one[:2] != (message.room, message.about)}
        text = (message.room, message.about, message.placement, message.text)
        if message.txn_id in names or (message.placement in ("new", "reply") and text in texts):
            books.complain("repeated", message.at, message.room, message.about, "the same message again")
        names.add(message.txn_id)
        texts |= {text} if message.placement in ("new", "reply") else set()
        strangers = message.servers - truth.watches.get(message.room, {}).keys()
        if strangers:
            books.complain("strange", message.at, message.room, message.about, f"names {sorted(strangers)}")
    for room in truth.watches:
        own = [message for message in told if message.room == room]
        outages.audit(books, room, own)
        certificates.audit(books, room, own)
        lists.audit(books, room, own)
    return books.verdict(told)


def _stands(books: Books, message: Told, opened: set[tuple[str, str]], left: set[tuple[str, str]]) -> None:
    """Whether a message is where it belongs: nothing is edited or answered that was never said."""
    place = (message.room, message.about)
    known = ("focus:", "discovery:", "unclear ", "cert:", "list:", "alternates:", "self@")
    if not message.about.startswith(known) or message.room not in books.truth.watches:
        books.complain("strange", message.at, message.room, message.about, message.text[:80])
    if message.placement == "new":
        if place in opened:
            books.complain("repeated", message.at, message.room, message.about, "a second first message")
        opened.add(place)
    elif message.placement == "edit" and message.sign == "▫":
        # the room left the matter, and may come back to it as long as it lasts
        opened.discard(place)
        left.add(place)
    elif place not in opened | left:
        books.complain("strange", message.at, message.room, message.about, f"{message.placement} of nothing")
