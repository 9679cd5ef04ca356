"""What is fuzzed, each as a function of bytes that raises when a promise is broken. Needs no fuzzer to run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botkit.commands.mention import LONGEST_LINE, mentioned_user, resolved_line, typed_line
from botkit.commands.parse import MOST_ARGUMENTS
from botkit.identifiers import is_user_id
from botkit.matrix.sync.events import EventFilter
from botkit.messages.document import Block, Bold, Code, CodeBlock, Document, Inline, OrderedList, Paragraph, Text
from botkit.messages.inbound import InboundMessage
from botkit.messages.rendering import MESSAGE_BYTES, message_content, to_plain
from botkit.outbound.url import UrlError as UrlError
from botkit.outbound.url import parse_url as parse_url
from plugins.foci.discovery.client import redirected
from plugins.foci.discovery.target import TargetError, parse_target
from plugins.foci.model import Report
from plugins.foci.report.as_json import report_to_json
from plugins.foci.report.render import to_details, to_document
from plugins.foci.service_url import read_service_url, read_sfu_url
from tests.foci.evidence import answered
from tests.host.markup import Markup
from tests.hostile.reports import report
from tests.hostile.strings import assert_only_text

SCREEN = EventFilter("@bot:example.org", 120.0)
NOW = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Harness:
    """
    One thing to fuzz.

    Attributes:
        run: takes any bytes.
        share: of a million executions, in thousands; less for what takes a hundred times as long.
    """

    run: Callable[[bytes], None]
    share: int


def _text(data: bytes) -> str:
    """Any text, lone surrogates included."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def target(data: bytes) -> None:
    """What people type: a target that reads the same again, or one line."""
    try:
        found = parse_target(_text(data))
    except TargetError as error:
        assert len(str(error)) < 250
        assert str(error).isprintable()
        return
    again = parse_target(found.server_name)
    assert (again.hostname, again.port) == (found.hostname, found.port)
    assert found.user_id is None or found.user_id.partition(":")[2] == found.server_name


def well_known(data: bytes) -> None:
    """The body of a well-known, through lint, judgement and rendering."""
    _assert_told(report(data))


def transports(data: bytes) -> None:
    """The same bytes as bodies of the homeserver, and of what stands where the focus should be."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = data
    headers = {"server": _text(data[:200]), "access-control-allow-origin": _text(data[-20:])}
    post = answered(data[0] % 4 * 100 + 200 if data else 200, data, headers)
    _assert_told(report(post=post, versions=value, transports=value))


def service_url(data: bytes) -> None:
    """URLs of focus services: what is called usable is read alike where the socket is opened, or refused there."""
    text = _text(data)
    for url in (read_service_url(text), read_sfu_url(text)):
        assert url.fault or (url.host and 0 < url.port < 65536)
        if url.fault:
            continue
        try:
            opened = parse_url(url.text + "/sfu/get")
        except UrlError:
            continue
        assert opened.port == url.port
        assert opened.host.literal or opened.host.name == url.host.lower()


def redirect(data: bytes) -> None:
    """Locations of redirects: followed ones are https, and nothing but their own error comes of the rest."""
    following, refused = redirected("https://example.org/.well-known/matrix/client", _text(data))
    if refused is not None:
        assert len(refused) < len(data) + 100
        return
    assert following.startswith("https://")
    try:
        opened = parse_url(following)
    except UrlError as error:
        assert len(error.detail) <= 200
        return
    assert opened.scheme == "https"


def mention(data: bytes) -> None:
    """Bodies of messages: one bounded line, and only user ids stand for mentions."""
    plain, _, html = _text(data).partition("\x1e")
    for line in (typed_line(plain), resolved_line(plain, html), resolved_line(html, plain)):
        assert len(line) <= LONGEST_LINE
        assert "\n" not in line
        assert len(line.split(maxsplit=MOST_ARGUMENTS)) <= MOST_ARGUMENTS + 1
    found = mentioned_user(plain)
    assert found is None or is_user_id(found)


def event(data: bytes) -> None:
    """Events of a room: judged without a crash, and what is let through has the right types and bounds."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    if SCREEN.outside(value, NOW) is not None:
        return
    found = SCREEN.inside(value, "!r:example.org", encrypted=False)
    if isinstance(found, InboundMessage):
        assert found.sender != SCREEN.own_user_id
        assert all(isinstance(user, str) for user in found.mentions)
        assert len(json.dumps([found.event_id, found.reply_to, found.thread_root])) < 8_000


def rendering(data: bytes) -> None:
    """Documents of any shape with any words: text only, within the size of an event."""
    content = _checked(_document(_text(data)))
    assert len(json.dumps(content["body"] + content["formatted_body"])) <= MESSAGE_BYTES


def _document(text: str) -> Document:
    """A document whose shape depends on the text as well."""
    blocks: list[Block] = []
    for piece in text.split("\x1e"):
        kind, words = ord(piece[:1] or "a") % 6, piece[1:]
        if kind == 0:
            blocks.append(CodeBlock(words))
        elif kind == 1:
            blocks.append(OrderedList(tuple((Paragraph(_parts(item)),) for item in words.split("\x1f")), start=9))
        else:
            blocks.append(Paragraph(_parts(words)))
    return Document(tuple(blocks))


def _parts(words: str) -> tuple[Inline, ...]:
    kinds = (Text, Bold, Code)
    return tuple(kinds[len(part) % 3](part) for part in words.split("\x1d"))


def _assert_told(told: Report) -> None:
    for document in (to_document(told), to_details(told)):
        _checked(document)
    json.loads(json.dumps(report_to_json(told)))


def _checked(document: Document) -> dict[str, Any]:
    content = message_content(document)
    assert_only_text(content, document)
    Markup(content["formatted_body"])
    to_plain(document).encode()
    return content


HARNESSES: Mapping[str, Harness] = {
    "target": Harness(target, 230),
    "well-known": Harness(well_known, 80),
    "transports": Harness(transports, 60),
    "service-url": Harness(service_url, 160),
    "redirect": Harness(redirect, 120),
    "mention": Harness(mention, 210),
    "event": Harness(event, 120),
    "rendering": Harness(rendering, 20),
}
