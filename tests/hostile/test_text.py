"""What strangers write is only ever text: every place they can write to, every string that means harm."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

import pytest
from nio.crypto import OutboundGroupSession

from botkit.commands.router import CommandRouter
from botkit.config import CommandsConfig
from botkit.messages.document import Code, Document, inline
from botkit.messages.inbound import InboundMessage
from botkit.messages.rendering import message_content, to_plain
from botkit.plugin import Command, Invocation, UsageError
from plugins.foci.commands.room import room_document as census_document
from plugins.foci.discovery.target import TargetError, parse_target
from plugins.foci.model import FOCI_KEYS, Report
from plugins.foci.report.as_json import report_to_json
from plugins.foci.report.render import to_details, to_document
from tests.cases import case
from tests.foci.evidence import LIVEKIT
from tests.hostile.reports import PLACES, report
from tests.hostile.strings import LARGEST_EVENT, STRINGS, assert_only_text, assert_readable

LONGEST_REPORT_LINE = 1_500
"""Characters: a paragraph of a report, advice included, whatever was published."""

UNITS = ["x", "a.", "漢", "é.", "\ufdfa", "\ufdfa.", "。", "[", "@", "%", "`", "\u0301", "https://", "<"]


@pytest.mark.parametrize("name", STRINGS)
def test_reports_quote_strangers_as_text(name: str) -> None:
    """No ping, no markup, no sign but the bot's, no hidden character, short lines; in a room and in a terminal."""
    for place, publish in PLACES.items():
        with case(place):
            assert_report_is_only_text(publish(STRINGS[name]))


def assert_report_is_only_text(told: Report) -> None:
    """A report, in whichever form it is told, is text and nothing else."""
    for document in (to_document(told), to_details(told), census_document([(told, 3)], 0)):
        content = message_content(document)
        assert_only_text(content, document)
        for line in to_plain(document).split("\n"):
            assert_readable(line)
            assert len(line) < LONGEST_REPORT_LINE or line.lstrip().startswith(('"', "{"))
    json.loads(json.dumps(report_to_json(told)))


@pytest.mark.parametrize(
    ("published", "code"),
    [
        ({FOCI_KEYS[0]: [{"type": "x`y` z"}]}, "unknown-type"),
        ({FOCI_KEYS[0]: [{**LIVEKIT, "x`y` z": 1}]}, "unknown-entry-key"),
        ({"rtc.x`y` z": []}, "unknown-rtc-key"),
    ],
)
def test_backticks_do_not_end_the_quotation(published: Mapping[str, object], code: str) -> None:
    """A stranger's word is shown as code whole: it cannot close the quotation and go on in the bot's voice."""
    (found,) = (one for one in report(published).findings if one.code == code)
    shown = [part.text for part in inline(found.message) if isinstance(part, Code)]
    assert [text.removeprefix("rtc.") for text in shown] == ["x\ufffdy\ufffd z"]


@pytest.mark.parametrize("place", PLACES)
def test_events_fit_after_encryption(place: str) -> None:
    """The largest strings, in whatever script, leave an event that a homeserver takes, encrypted too."""
    for name in ("long", "long and wide", "long and fourfold", "long quotes", "controls", "zalgo"):
        assert encrypted_size(to_document(PLACES[place](STRINGS[name] * 3))) < LARGEST_EVENT - 8_000


@pytest.mark.parametrize("place", PLACES)
def test_no_string_costs_much_time(place: str) -> None:
    """As many characters as fit into a document are judged and shown quickly: the loop serves every room."""
    for unit in UNITS:
        text = unit * (250_000 // len(json.dumps(unit).strip('"')))
        started = time.process_time()
        to_document(PLACES[place](text))
        assert time.process_time() - started < 2.5, unit


def encrypted_size(document: Document) -> int:
    """Bytes of the content as a real client's encryption makes it."""
    content = message_content(document)
    payload = {"type": "m.room.message", "content": content, "room_id": "!" + "r" * 254}
    session = OutboundGroupSession()
    session.mark_as_shared()
    return len(session.encrypt(json.dumps(payload, separators=(",", ":"))))


def refused(text: str) -> Sequence[str]:
    """What people read when a target that holds the string is refused."""
    found = []
    for candidate in (text, f"@{text}:example.org", f"@a:{text}", f"matrix:u/{text}", f"https://matrix.to/#/@{text}"):
        try:
            parse_target(candidate)
        except TargetError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("name", STRINGS)
async def test_refused_commands_quote_strangers_as_text(name: str) -> None:
    """What was typed comes back in one line of words, whoever typed it."""
    errors = refused(STRINGS[name])
    assert errors

    async def refuse(invocation: Invocation) -> Sequence[Document]:
        raise UsageError(invocation.args[0].removeprefix("x") + " ".join(errors))

    answers = await router(refuse)(message("!foci x" + STRINGS[name]))
    for document in answers:
        content = message_content(document)
        assert_only_text(content, document)
        assert "\n" not in content["body"]
    for error in errors:
        assert len(error) < 250


async def test_a_crash_tells_nothing_of_what_was_read() -> None:
    """An exception's text may quote a stranger, or a secret: the room gets a number only."""

    async def crash(_: Invocation) -> Sequence[Document]:
        raise RuntimeError("@room " + STRINGS["verdict"])

    (document,) = await router(crash)(message("!foci"))
    assert to_plain(document) == "Internal error (reference 7); the bot's log has the details."


def router(handler: object) -> CommandRouter:
    """A router with one command, whose handler is given."""
    command = Command("foci", "[TARGET...]", "checks", handler)  # type: ignore[arg-type]
    return CommandRouter(
        [command],
        prefix="!",
        access=CommandsConfig(),
        admins=(),
        own_user_id="@bot:example.org",
        clock=lambda: 0.0,
        incident=lambda: "7",
    )


def message(body: str) -> InboundMessage:
    """A command as it arrives."""
    return InboundMessage("$e", "!r:example.org", "@mallory:example.org", body, None, (), None, None, None, 0, False)
