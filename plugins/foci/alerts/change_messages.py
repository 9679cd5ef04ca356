"""List changes in words, bounded whatever was published."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from botkit.messages.document import Block, Code, CodeBlock, Document, Inline, Name, Paragraph, Text, inline
from botkit.messages.notification import Notification, Placement
from botkit.messages.sanitise import shortened
from plugins.foci.alerts.notifications import AlertSettings, Purpose, make_notification
from plugins.foci.alerts.receivers import ReceivingRooms
from plugins.foci.changes.detector import Alternates, Changed, Effect, Settled
from plugins.foci.changes.diff import Change, Diff, Kind, Turn
from plugins.foci.changes.snapshot import Shape, Snapshot, entry_of
from plugins.foci.discovery.homeserver import PathState
from plugins.foci.model import MSC4143_KEY, STABLE_KEY, Entry
from plugins.foci.wording import counted, moment, sentence

CHANGES_SHOWN = 6
"""Changes of entries that a message lists before it counts the rest."""

_ENTRIES_SHOWN = 5
_LINES_SHOWN = 50
_LONGEST_NAME = 200
_LONGEST_LINE = 500
_CALM = "The next message follows once one list has stayed for an hour."


@dataclass(frozen=True, slots=True)
class ChangeSubject:
    """
    What notifications about one list change, or about lists that alternate, are about.

    Attributes:
        kind: ``list`` or ``alternates``.
        at: Unix time of the change, in seconds with three decimals as it is stored.
        told_at: likewise, where a change is told later: its first notification may have been refused.
    """

    kind: str
    server: str
    at: str
    told_at: str | None = None

    def __str__(self) -> str:
        """The stored form."""
        return f"{self.kind}:{self.server}@{self.at}" + ("" if self.told_at is None else f"~{self.told_at}")

    @classmethod
    def parse(cls, about: str) -> ChangeSubject | None:
        """The subject whose stored form this is; None where a notification is about something else."""
        kind, _, rest = about.partition(":")
        if kind not in ("list", "alternates"):
            return None
        change, told, told_at = rest.partition("~")
        server, _, at = change.rpartition("@")
        return cls(kind, server, at, told_at if told else None)


def list_notifications(
    server: str, effect: Effect, receiving: ReceivingRooms, settings: AlertSettings, now: float | None = None
) -> tuple[Notification, ...]:
    """
    The notifications of an effect; none for a baseline or a pending confirmation.

    Args:
        now: of a change that is reported later than it happened; it is then written with its date.
    """
    if isinstance(effect, Changed):
        purpose = Purpose.INFO if effect.migration else Purpose.CHANGE
        main = (purpose, Placement.NEW, change_message(server, effect, now))
        about = ChangeSubject("list", server, f"{effect.at:.3f}", None if now is None else f"{now:.3f}")
        return _notifications(about, 0, (main, _evidence(effect.diff)), receiving, settings)
    if isinstance(effect, Alternates):
        main = (Purpose.CHANGE, Placement.NEW, alternates_message(server, effect))
        about = ChangeSubject("alternates", server, f"{effect.at:.3f}")
        return _notifications(about, 0, (main, _evidence(effect.diff)), receiving, settings)
    if isinstance(effect, Settled):
        about = ChangeSubject("alternates", server, f"{effect.alternated_at:.3f}")
        purpose = Purpose.CHANGE if effect.diff else Purpose.RESOLVE
        main = (purpose, Placement.REPLY, settled_message(server, effect))
        messages = (main, _evidence(effect.diff)) if effect.diff else (main,)
        return _notifications(about, 2, messages, receiving, settings)
    return ()


def change_message(server: str, effect: Changed, now: float | None = None) -> Document:
    """One confirmed change; a migration reads as what it is."""
    at = moment(effect.at, effect.at if now is None else now)
    if effect.migration:
        told = (
            f" withdrew its foci list from the well-known at {at}, and its homeserver has the transports endpoint: "
            "probably a migration. Clients that read only the well-known (older Element Web and Element X) find no "
            "focus now."
        )
        return Document((Paragraph(sentence("ℹ️", Name(server), told)),))
    head = sentence("⚠️", Name(server), f" changed its foci list at {at}: ")
    return Document((Paragraph((*head, *describe(effect.diff), Text(" "), *uses(effect.diff, effect.endpoint))),))


def alternates_message(server: str, effect: Alternates) -> Document:
    """Too many changes for one message each."""
    since = moment(effect.since, effect.at)
    told = f" publishes alternating foci lists: several changes since {since}, the latest: "
    rest = inline(f" Replicas or caches may serve different lists. {_CALM}")
    return Document((Paragraph((*sentence("⚠️", Name(server), told), *describe(effect.diff), *rest)),))


def settled_message(server: str, effect: Settled) -> Document:
    """One list stayed: its difference from the one reported last."""
    if not effect.diff:
        told = " publishes one foci list again, unchanged for an hour: the one reported last."
        return Document((Paragraph(sentence("✅", Name(server), told)),))
    told = " publishes one foci list again, unchanged for an hour. Compared with the one reported last: "
    head = sentence("⚠️", Name(server), told)
    return Document((Paragraph((*head, *describe(effect.diff), Text(" "), *uses(effect.diff, "unknown"))),))


def describe(changed: Diff) -> tuple[Inline, ...]:
    """The changes as one sentence, in order; at most ``CHANGES_SHOWN`` and how many more."""
    clauses = [*_whole(changed)]
    if changed.turn is None:
        clauses += [_clause(change) for change in changed.changes[:CHANGES_SHOWN]]
        left = len(changed.changes) - CHANGES_SHOWN
        if left > 0:
            clauses.append(inline(f"and {counted(left, 'more change')}"))
        if changed.new.shape is Shape.LIST and not changed.new.entries and changed.old.entries:
            clauses.append((Text("the list is empty now"),))
    if not clauses:
        clauses.append((Text("nothing"),))
    parts: list[Inline] = []
    for clause in clauses:
        parts += [*([Text("; ")] if parts else []), *clause]
    return (*parts, Text("."))


def uses(changed: Diff, endpoint: PathState) -> tuple[Inline, ...]:
    """What clients use now, as one sentence."""
    who = "Clients that read the well-known" if endpoint in ("present", "open", "broken") else "Clients"
    key, before, now = changed.new.key, _first(changed.old), _first(changed.new)
    if now is None:
        return inline(f"{who} find no focus there now.")
    if key == STABLE_KEY:
        return (Text("Element X now uses "), _name(now), Text("; Element Web does not read "), Code(key), Text("."))
    if key != MSC4143_KEY:
        return (Text("No known client reads "), Code(str(key)), Text("."))
    same = before is not None and before.identity == now.identity and changed.old.key == key
    parts: list[Inline] = [*inline(f"{who} {'still' if same else 'now'} use "), _name(now), Text(".")]
    if now.position > 1:
        parts.append(Text(" Older clients (Element Call 0.19.1 to 0.23) take entry 1, which they cannot use."))
    return tuple(parts)


def _whole(changed: Diff) -> Iterable[tuple[Inline, ...]]:
    if changed.renamed is not None:
        old, new = changed.renamed
        yield (Text("its key changed from "), Code(old), Text(" to "), Code(new))
    key = Code(changed.new.key or "")
    if changed.turn in (Turn.PUBLISHED, Turn.MENDED):
        entries = changed.new.published()
        verb = "was published" if changed.turn is Turn.PUBLISHED else "is a list again"
        many = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
        shown = [*inline(f"{'it' if changed.turn is Turn.MENDED else 'a list'} {verb}, with {many}")]
        for place, entry in enumerate(entries[:_ENTRIES_SHOWN]):
            shown += [Text(", " if place else ": "), _name(entry)]
        if len(entries) > _ENTRIES_SHOWN:
            shown += inline(f" and {len(entries) - _ENTRIES_SHOWN} more")
        yield tuple(shown)
    elif changed.turn is Turn.WITHDRAWN:
        yield (Text("it was withdrawn"),)
    elif changed.turn is Turn.MALFORMED:
        yield (Text("the value of "), key, Text(" is not a list, so clients ignore it"))
    elif changed.turn is Turn.ALTERED:
        yield (Text("the value of "), key, Text(" changed and is still not a list"))


def _clause(change: Change) -> tuple[Inline, ...]:
    old = entry_of(change.old, change.old_position or 0) if change.old is not None else None
    new = entry_of(change.new, change.new_position or 0) if change.new is not None else None
    if old is not None and new is not None:
        if change.kind is Kind.MOVED:
            return (_name(new), *inline(f" moved from {change.old_position} to {change.new_position}"))
        if change.kind is Kind.REPLACED:
            return (_name(old), Text(" was replaced by "), _name(new))
        return (_name(new), *_edit(old, new))
    if new is not None:
        return (_name(new), *inline(f" was added at {change.new_position}"))
    return (_name(old) if old is not None else Code(""), *inline(f" (entry {change.old_position}) was removed"))


def _edit(old: Entry, new: Entry) -> tuple[Inline, ...]:
    if old.type != new.type and old.type is not None and new.type is not None:
        return (
            Text(" changed its type from "),
            Code(shortened(old.type, _LONGEST_NAME)),
            Text(" to "),
            Code(shortened(new.type, _LONGEST_NAME)),
        )
    before = old.value if isinstance(old.value, dict) else {}
    after = new.value if isinstance(new.value, dict) else {}
    fields = sorted(
        key for key in {**before, **after} if (key in before, before.get(key)) != (key in after, after.get(key))
    )
    shown: list[Inline] = [Text(" was edited (")]
    for place, key in enumerate(fields[:_ENTRIES_SHOWN]):
        shown += [Text(", " if place else ""), Code(shortened(key, _LONGEST_NAME))]
    more = len(fields) - _ENTRIES_SHOWN
    return (*shown, *inline(f" and {more} more)" if more > 0 else ")"))


def _first(snapshot: Snapshot) -> Entry | None:
    """The first entry that clients take: the exact type, and a URL (matrix-js-sdk, isLivekitTransportConfig)."""
    entries = snapshot.published()
    return next((one for one in entries if one.type == "livekit" and one.service_url is not None), None)


def _name(entry: Entry) -> Inline:
    """What identifies an entry to a reader: its URL, else the whole entry."""
    return Code(shortened(entry.service_url or entry.sfu_url or json.dumps(entry.value, sort_keys=True), _LONGEST_NAME))


def _evidence(changed: Diff) -> tuple[Purpose, Placement, Document]:
    """Both lists, to compare and to restore."""
    blocks: list[Block] = []
    for when, snapshot in (("Before", changed.old), ("Now", changed.new)):
        under = () if snapshot.key is None else (Text(", under "), Code(snapshot.key))
        blocks.append(Paragraph((*inline(when), *under, Text(":"))))
        blocks.append(CodeBlock(_published(snapshot)))
    return Purpose.EVIDENCE, Placement.THREAD, Document(tuple(blocks))


def _published(snapshot: Snapshot) -> str:
    if snapshot.shape is Shape.NONE:
        return "no list"
    if snapshot.shape is Shape.MALFORMED:
        return shortened(snapshot.value or "", _LONGEST_LINE)
    lines = [shortened(text, _LONGEST_LINE) for text in snapshot.entries[:_LINES_SHOWN]]
    left = len(snapshot.entries) - _LINES_SHOWN
    listed = ",\n  ".join(lines) + (f"\n  … and {left} more" if left > 0 else "")
    return f"[\n  {listed}\n]" if lines else "[]"


def _notifications(
    about: ChangeSubject,
    number: int,
    messages: Sequence[tuple[Purpose, Placement, Document]],
    receiving: ReceivingRooms,
    settings: AlertSettings,
) -> tuple[Notification, ...]:
    return tuple(
        make_notification(str(about), place, room_id, purpose, placement, document, settings)
        for room_id in receiving
        for place, (purpose, placement, document) in enumerate(messages, number)
    )
