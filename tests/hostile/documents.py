"""Everything that the bot says in rooms, with the same words of a stranger in one place after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from botkit.commands.help import command_help, subcommand_help
from botkit.matrix.send.attachment import in_words
from botkit.matrix.send.content import related, replies, retry_notice, shortened_message, unreadable_notice
from botkit.messages.document import Document, Paragraph, Picture, line
from botkit.messages.inbound import InboundMessage
from botkit.messages.notification import Placement
from botkit.messages.rendering import message_content
from botkit.messages.sanitise import quoted
from botkit.outbound.model import FailureKind, Phase
from botkit.plugin import Command, Invocation, Subcommand
from botkit.storage.outbox import Outgoing, Stamp
from plugins.foci.alerts.change_messages import alternates_message, change_message, list_notifications, settled_message
from plugins.foci.alerts.evidence import evidence_document
from plugins.foci.alerts.messages import (
    IncidentInRoom,
    caution_message,
    caution_of,
    closed_message,
    reminder_message,
    resolve_message,
    status_message,
    suspended_message,
)
from plugins.foci.alerts.notifications import AlertSettings
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import WatchLimits
from plugins.foci.changes.detector import Alternates, Changed, Settled
from plugins.foci.changes.diff import diff
from plugins.foci.changes.snapshot import NOTHING, Snapshot
from plugins.foci.commands.history import history_document, timeline
from plugins.foci.commands.replies import (
    WatchResult,
    silenced_document,
    silences_document,
    unwatched_document,
    watched_document,
    watches_document,
)
from plugins.foci.commands.room import room_document
from plugins.foci.deep.signalling import Signalling, Welcome, judge_address, judge_signalling, judge_without_token
from plugins.foci.deep.token import TokenAnswers, TokenRequest, judge_openid, judge_token, judge_unread_list
from plugins.foci.discovery.target import TargetError, parse_target, typed_target
from plugins.foci.health.events import AlertEvent, Cause, EventKind, Outage
from plugins.foci.health.keys import SELF, Key, KeyKind, focus_key
from plugins.foci.model import Entry, Outcome, Report
from plugins.foci.probe.observation import ProbeSettings
from plugins.foci.report.render import to_details, to_document
from plugins.foci.service_url import read_sfu_url
from plugins.foci.watch.views import History, Unwatched, Watched, WatchView
from tests.foci.changes.lists import malformed, published
from tests.foci.evidence import answered, failed
from tests.hostile.reports import PLACES

NOON = 1_795_435_200.0
_USER = "@mallory:example.org"
_MESSAGE = InboundMessage("$e", "!r:example.org", _USER, "!foci", None, (), None, None, None, 0, False)

Content = Mapping[str, Any]


def of_reports(text: str) -> Iterator[Document]:
    """Reports as an answer, on a terminal, and in the list of a room's servers."""
    for place in PLACES.values():
        told = place(text)
        yield from (to_document(told), to_details(told), room_document([(told, 3)], 1))


def of_evidence(text: str) -> Iterator[Document]:
    """What is told in the thread of an alert."""
    for place in PLACES.values():
        told = place(text)
        keys = {focus_key(focus.entry) for focus in told.foci} - {None}
        further = (Key(KeyKind.DISCOVERY, told.server_name), Key(KeyKind.DRIFT, told.server_name))
        for key in (*keys, *further):
            found = evidence_document(told, key) if key is not None else None
            if found is not None:
                yield found


def of_incidents(text: str) -> Iterator[Document]:
    """Alerts about what strangers' URLs, names and answers made of it, in every state."""
    for key in _keys(text):
        for cause in (
            *_causes(PLACES["errcode of the focus"](text)),
            *_causes(PLACES["names of the certificate"](text)),
        ):
            for kind in EventKind:
                event = AlertEvent(kind, key, NOON + 60, NOON, cause, 3, NOON - 300, 2, NOON + 900, NOON + 86400)
                in_room = IncidentInRoom((event, event), (text, "a.org"), NOON + 120, (f"@{text}:example.org", text))
                alone = replace(in_room, servers=(text,))
                yield from (status_message(in_room), reminder_message(in_room), status_message(alone))
                yield from (resolve_message(event, in_room), closed_message(event, in_room))
    yield suspended_message("the room rejected a message (HTTP 403 M_FORBIDDEN)")
    for own in (text, "example.org"):
        yield caution_message(text, caution_of(text, f"@foci:{own}", (f"@a:{text}",)) or "Fine.")


def of_changes(text: str) -> Iterator[Document]:
    """Changes of lists in which strangers' words stand, as messages, as evidence, and in the history."""
    settings = AlertSettings()
    for old, new in _lists(text):
        changed = diff(old, new)
        effects = (
            Changed(NOON, changed, "absent"),
            Changed(NOON, changed, "present"),
            Alternates(NOON, NOON - 60, changed),
            Settled(NOON, NOON - 60, changed),
        )
        for effect in effects:
            yield from (post.document for post in list_notifications(text, effect, {"!r": (text,)}, settings))
        yield change_message(text, replace(effects[0]))
        yield from (alternates_message(text, effects[2]), settled_message(text, effects[3]))


def of_commands(text: str) -> Iterator[Document]:
    """Answers of the commands on watches, silences and the history."""
    events = tuple(
        AlertEvent(kind, key, NOON, NOON, Cause("x", quoted(text))) for key in _keys(text) for kind in EventKind
    )
    views = (
        WatchView(text, 300.0, "room"),
        WatchView(f"{text}..", 300.0, "room", "unknown", NOON - 60),
        WatchView(f"{text}.", 300.0, "config", "critical", NOON - 60, events, NOON + 60),
    )
    silences = (Silence("!r", text, NOON + 60, f"@{text}:example.org", text), Silence("!r", "a.org", NOON, text, ""))
    yield from (watches_document(views, silences, NOON), silences_document(silences, NOON))
    yield from (silenced_document(silences[0], names, NOON) for names in ((), (text,), (f"{text}.",)))
    caution = caution_of(text, f"@foci:{text}", ())
    yield watched_document([WatchResult(text, outcome, 300.0, caution) for outcome in Watched], WatchLimits())
    yield from (unwatched_document({text: outcome}) for outcome in Unwatched)
    outages = tuple(Outage(key, NOON - 600, end) for key in _keys(text) for end in (None, NOON - 60))
    changes = tuple((NOON - 60, paragraph.parts) for paragraph in _descriptions(text))
    yield history_document(text, History(NOON - 9000, _keys(text), outages, changes), NOON - 8000, NOON)


def of_the_host(text: str) -> Iterator[Document]:
    """Help, in which a prefix and names of the configuration stand."""
    subcommand = Subcommand("status", "[SERVER]", "what it does; 5m, 2h [reason]", _nothing)
    command = Command("foci", "[TARGET...]", "reports; --deep also tests media", _nothing, (subcommand,))
    yield from (command_help(text, command), subcommand_help(text, command, subcommand))


def of_refusals(text: str) -> Iterator[Document]:
    """One-line answers to what was typed wrongly."""
    for word in (
        text,
        f"@{text}",
        f"@{text}:example.org",
        f"@a:{text}",
        f"matrix:u/{text}",
        f"https://matrix.to/#/@{text}",
    ):
        for read in (parse_target, typed_target):
            try:
                read(word)
            except TargetError as error:
                yield line(f"{error}. Usage: `!foci [TARGET...]`")


def of_deep_stages(text: str) -> Iterator[Document]:
    """What services and SFUs say to a token, told as a focus' stages and findings."""
    settings = ProbeSettings()
    applicants = [TokenRequest(text, own, text) for own in (True, False)]
    url = read_sfu_url(f"wss://sfu.example.org/{text}")
    taken, upgrade = answered(200, b"success"), answered(101)
    steps = [judge_openid(answered(status, {"errcode": text}), text) for status in (403, 500)]
    steps += [judge_unread_list(text, text), judge_address(read_sfu_url(text), text)]
    steps += [judge_without_token(url, answered(status, b"no"), settings) for status in (101, 403, 404)]
    for who in applicants:
        for status in (200, 400, 401, 403, 404, 500, 503):
            asked = answered(status, {"errcode": text, "url": text, "jwt": text})
            steps.append(judge_token(TokenAnswers(asked, asked), who, NOON, settings)[0])
            steps.append(judge_signalling(Signalling(url, text, answered(status, b"no")), who, settings))
        gone = failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT, f"connection refused on {quoted(text)}")
        for validate, opened, welcome in (
            (taken, upgrade, Welcome(text, text, 1)),
            (taken, upgrade, None),
            (gone, None, None),
        ):
            steps.append(judge_signalling(Signalling(url, text, validate, True, opened, welcome), who, settings))
    base = PLACES["type"]("livekit")
    for step in steps:
        focus = replace(base.foci[0], stages=(step.result,))
        yield from (to_document(told := replace(base, foci=(focus,), findings=step.findings)), to_details(told))


DOCUMENTS: Mapping[str, Callable[[str], Iterator[Document]]] = {
    "reports": of_reports,
    "evidence": of_evidence,
    "incidents": of_incidents,
    "changes": of_changes,
    "commands": of_commands,
    "deep stages": of_deep_stages,
    "refusals": of_refusals,
    "host": of_the_host,
}


def contents(text: str) -> Iterator[Content]:
    """Contents of events that are no document alone: pictures, what takes their place, edits, notices."""
    shown = timeline(
        text, _keys(text), [Outage(key, NOON - 600, None) for key in _keys(text)], (), 0, NOON - 9000, NOON
    )
    [picture] = replies(_MESSAGE, [Picture(b"png", 9, 9, "history.png", shown.words())])
    yield picture.content
    yield in_words(picture.content, f"HTTP 413 {text}")
    yield in_words({"msgtype": "m.image", "body": text}, text)
    yield shortened_message(picture).content
    yield from (unreadable_notice("!r", text).content, retry_notice("!r", 1).content)
    for document in (*list(of_incidents(text))[::40], *list(of_changes(text))[::40]):
        content = message_content(document)
        stamp = Stamp("foci", "about", Placement.NEW)
        yield shortened_message(Outgoing("!r", "t", "m.room.message", content, stamp=stamp)).content
        edit = related(content, Placement.EDIT, "$anchor")
        yield from (edit, edit["m.new_content"])


async def _nothing(_: Invocation) -> tuple[Document, ...]:
    return (line("Nothing."),)


def _keys(text: str) -> tuple[Key, ...]:
    """Health keys as strangers' lists and names make them."""
    urls = (text, f"https://{text}/jwt", f"https://rtc.example.org/{text}")
    foci = [focus_key(Entry("well-known", 1, {"type": "livekit", "livekit_service_url": url})) for url in urls]
    named = [Key(kind, text) for kind in (KeyKind.DISCOVERY, KeyKind.DRIFT, KeyKind.CERTIFICATE)]
    return (*(key for key in foci if key is not None), *named, SELF)


def _causes(report: Report) -> Iterator[Cause]:
    """Causes as they are taken from a report: the detail of a stage, else a finding."""
    details = [stage.detail for focus in report.foci for stage in focus.stages if stage.outcome is Outcome.FAILED]
    yield from (Cause("not-routed", detail) for detail in (*details, *(one.message for one in report.findings))[:1])


def _lists(text: str) -> Iterator[tuple[Snapshot, Snapshot]]:
    entries = [
        {"type": text, "livekit_service_url": text},
        {"type": "livekit", "livekit_service_url": f"https://rtc.example.org/{text}", text: 1},
        {"type": "livekit", "livekit_service_url": f"https://rtc.example.org/{text}"},
        {"type": text, "url": f"wss://{text}/"},
        {text: text},
        text,
    ]
    lists = [NOTHING, malformed(text), malformed({text: text}), published(*entries), published(*entries[::-1])]
    lists += [published(entries[1], "rtc"), published(entries[2], "rtc", key="m.rtc_foci"), published("rtc", *entries)]
    pairs = list(zip(lists, [*lists[3:], *lists[:3]], strict=True))
    yield from (*pairs, *((new, old) for old, new in pairs))


def _descriptions(text: str) -> Iterator[Paragraph]:
    for old, new in _lists(text):
        [paragraph, *_] = change_message(text, Changed(NOON, diff(old, new), "absent")).blocks
        if isinstance(paragraph, Paragraph):
            yield paragraph
