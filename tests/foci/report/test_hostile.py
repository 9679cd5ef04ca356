"""Documents written to hurt: a check stays quick, its report readable, whatever they hold."""

from __future__ import annotations

import json

import pytest

from botkit.messages.document import Document
from botkit.messages.rendering import MESSAGE_BYTES, message_content, to_plain
from lab.federation import Federation
from plugins.foci.model import MAX_ENTRIES, Report, Verdict
from plugins.foci.report.as_json import report_to_json
from plugins.foci.report.render import to_details, to_document
from tests.foci.examination import BRIEF, PATIENT, Examination
from tests.foci.scenes import NAME

HEAD = b'{"m.homeserver":{"base_url":"https://matrix.example.org"},"org.matrix.msc4143.rtc_foci":['
ROOM = 250_000
HOSTILE_TEXTS = [
    "https://evil.example/\u202egro.elpmaxe",
    "<script>alert(1)</script>",
    "</code><b>@room</b> https://matrix.to/#/@admin:example.org",
    "x" * 20_000,
    "line\nbreak | pipe ` tick\x1b[31m\x00",
    "\ud800",
    "https://rtc.example.org:99999999999999999999/",
    "https://[::1",
    "https://\uff0fexample.org",
    "https://ex℀mple.org",
    "",
    " ",
    "https://" + "a." * 2000 + "org",
    "https://user:password@rtc.example.org",
    "https://xn--a.example.org/%00",
    "https://rtc.example.org/\u00e9\u20ac?",
    "HTTPS://RTC.EXAMPLE.ORG\\sfu",
]


MANY = 9_000
"""More are refused unread."""


@pytest.mark.parametrize(
    "item",
    [
        b"0",
        b"{}",
        b"[]",
        b'{"type":"livekit"}',
        b'{"type":"x"}',
        b'{"type":"livekit","livekit_service_url":"http://a"}',
    ],
)
async def test_a_list_without_end(item: bytes, federation: Federation, examination: Examination) -> None:
    """As many entries as fit into a document cost little time and give a short message and a bounded report."""
    body = HEAD + b",".join([item] * min(ROOM // (len(item) + 1), MANY)) + b"]}"
    await federation.server(NAME, well_known=body)
    report = await examination(NAME, limits=PATIENT)
    assert len(report.foci) == MAX_ENTRIES
    assert report.elapsed_ms < 5 * BRIEF.deadline * 1000
    assert report.verdict is not Verdict.OK
    assert any(found.code == "not-tested" and "500 entries" in found.message for found in report.findings)
    for document in (to_document(report), to_details(report)):
        assert len(to_plain(document)) < 20_000
    assert len(json.dumps(report_to_json(report))) < 2_000_000


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
async def test_hostile_strings_everywhere(text: str, federation: Federation, examination: Examination) -> None:
    """A hostile string as URL, type, key or base URL gives a report that can be printed, sent and serialised."""
    document = {
        "m.homeserver": {"base_url": text},
        f"rtc {text}": 1,
        "org.matrix.msc4143.rtc_foci": [
            {"type": "livekit", "livekit_service_url": text, text: text},
            {"type": text, "livekit_service_url": text},
            {"type": "m.livekit", "url": text},
            text,
        ],
    }
    await federation.server(NAME, well_known=json.dumps(document).encode())
    report = await examination(NAME)
    assert report.verdict is Verdict.CRITICAL
    assert [focus.entry.value for focus in report.foci] == document["org.matrix.msc4143.rtc_foci"]
    json.dumps(report_to_json(report)).encode("ascii")
    _assert_sendable(report)
    assert len(report.summary) < 1000


def _assert_sendable(report: Report) -> None:
    content = message_content(to_document(report))
    assert len(json.dumps(content, ensure_ascii=False).encode()) < MESSAGE_BYTES + 1000
    for line in _lines(to_document(report)) + _lines(to_details(report)):
        line.encode()
        assert not any(character in line for character in "\x1b\x00\u202e\ud800")
    formatted = content["formatted_body"]
    assert "<script" not in formatted
    assert set(content["m.mentions"]) == set()


def _lines(document: Document) -> list[str]:
    return to_plain(document).split("\n")


@pytest.mark.parametrize("name", ["a..b", ".", "-", "a" * 255, "example.org.", "1.2.3.4.5", "0x7f.1", "127.0.0.1"])
async def test_odd_names_end_in_a_report(name: str, examination: Examination) -> None:
    """Names that the grammar allows and DNS does not, and addresses, are judged without a crash."""
    report = await examination(name)
    assert report.verdict is Verdict.CRITICAL
    assert report.well_known.outcome == "failed"
    assert report.foci == ()
