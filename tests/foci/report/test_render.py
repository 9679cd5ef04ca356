"""A report as people read it: verdict first, then the list in order, then what to do; no more than was proven."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from botkit.messages.document import CodeBlock
from botkit.messages.rendering import MESSAGE_BYTES, message_content, to_html, to_plain
from plugins.foci.findings import finding
from plugins.foci.model import (
    ClientRow,
    Finding,
    FocusReport,
    Report,
    Severity,
    Stage,
    TransportsReport,
    Verdict,
    WellKnownReport,
)
from plugins.foci.report.render import MAX_FINDINGS_SHOWN, MAX_FOCI_SHOWN, icon, to_details, to_document
from tests.foci.evidence import NOW, RTC, judged

CRITICAL, UNKNOWN, WARNING, OK, NOT_PROBED = Verdict
URL = "https://example.org/.well-known/matrix/client"
WELL_KNOWN = WellKnownReport(URL, URL, (), "ok", 200, "OK", "https://matrix.example.org", True, 80.0)
ROW = ClientRow("element-x", "Element X", 1, "yes", "uses entry 1, which answers")


def report(
    *foci: FocusReport, verdict: Verdict = OK, summary: str = "all is well.", findings: tuple[Finding, ...] = ()
) -> Report:
    return Report(
        target="@alice:example.org",
        server_name="example.org",
        checked_at=NOW,
        elapsed_ms=412.0,
        verdict=verdict,
        summary=summary,
        well_known=WELL_KNOWN,
        keys_found=(),
        key_used=None,
        foci=foci,
        transports=TransportsReport("unknown", None),
        clients=(ROW,),
        findings=findings,
    )


def lines(*foci: FocusReport, **further: Any) -> list[str]:
    return to_plain(to_document(report(*foci, **further))).split("\n")


@pytest.mark.parametrize(("verdict", "sign"), [(OK, "✅"), (WARNING, "⚠️"), (CRITICAL, "❌"), (UNKNOWN, "❔")])
def test_the_first_line_is_the_verdict(verdict: Verdict, sign: str) -> None:
    """One sentence comes first, behind the sign of the verdict and the server's name."""
    assert lines(verdict=verdict)[0] == f"{sign} example.org: all is well."
    assert icon(verdict) == sign


def test_the_list_is_ordered() -> None:
    """The foci follow in published order, numbered, each with type, URL, sign and what was proven."""
    urls = [f"https://rtc{number}.example.org" for number in (3, 1, 2)]
    foci = [judged(OK, {"type": "livekit", "livekit_service_url": url}) for url in urls]
    shown = lines(*foci)[1:]
    assert [line.split()[:3] for line in shown] == [[f"{place}.", "livekit", url] for place, url in enumerate(urls, 1)]
    assert all("✅ authorisation service answers" in line for line in shown)


def test_nothing_is_promised_that_was_not_tested() -> None:
    """Where a focus answers, it is said that signalling and media were not tested; an SFU is called an SFU."""
    (service,) = lines(judged(OK))[1:]
    assert service.endswith("Signalling and media not tested.")
    sfu_only = judged(OK, {"type": "m.livekit", "url": "wss://sfu.example.org"})
    stages = tuple(result for result in sfu_only.stages if result.stage is not Stage.AUTHORISATION)
    (sfu,) = lines(replace(sfu_only, stages=stages))[1:]
    assert "wss://sfu.example.org" in sfu
    assert "SFU answers" in sfu
    assert "authorisation service answers" not in sfu


def test_the_note_stands_in_brackets() -> None:
    """Time, families and certificate are told in passing."""
    (line,) = lines(replace(judged(OK), note="84 ms; IPv4 and IPv6; certificate valid 61 days"))[1:]
    assert "answers (84 ms; IPv4 and IPv6; certificate valid 61 days)." in line


def test_a_failure_names_its_stage() -> None:
    """A broken focus says where it broke, and whether clients fail or only this prober does not know."""
    (broken,) = lines(judged(CRITICAL, reached=Stage.CONNECT))[1:]
    assert "❌ TLS: it broke. Clients sent here fail." in broken
    (unknown,) = lines(judged(UNKNOWN, reached=Stage.HTTP))[1:]
    assert "❔ authorisation service: it broke. It could not be checked from here." in unknown


def test_what_was_not_probed_says_so() -> None:
    """An entry of another type, or without one, stands in its place without a health sign."""
    shown = lines(judged(NOT_PROBED, {"type": "full_mesh"}), judged(CRITICAL, {"x": 1}), judged(CRITICAL, 7))[1:]
    assert shown[0].startswith("1. full_mesh ▫️ not probed: ")
    assert shown[1].startswith("2. entry without a type ❌ not probed: ")
    assert shown[2].startswith("3. entry without a type ❌ not probed: ")


def test_entries_of_the_endpoint_are_marked() -> None:
    """Entries that only the endpoint lists are told apart."""
    shown = lines(judged(OK), judged(OK, source="transports"))[1:]
    assert "transports endpoint" not in shown[0]
    assert "(from the transports endpoint)" in shown[1]


def test_what_to_fix() -> None:
    """Errors come before warnings, each with its code, number and advice; information comes last, without advice."""
    findings = (
        finding("long-cache", "It may be kept.", "Shorten it."),
        finding("slow", "It is slow.", "Look at the load.", focus=2),
        finding("connect-refused", "Nothing listens.", "Start it.", focus=1),
    )
    shown = lines(findings=findings)
    assert shown[1:] == [
        "To fix:",
        "❌ 1 connect-refused: Nothing listens. Start it.",
        "⚠️ 2 slow: It is slow. Look at the load.",
        "ℹ️ long-cache: It may be kept.",
    ]


def test_nothing_to_fix() -> None:
    """Without findings there is no list of things to fix; information alone makes none."""
    assert lines() == ["✅ example.org: all is well."]
    assert "To fix:" not in lines(findings=(finding("long-cache", "It may be kept.", "Shorten it."),))


def test_nothing_is_said_twice() -> None:
    """A message that the summary or the list told already leaves only its advice."""
    broken = judged(CRITICAL, reached=Stage.CONNECT)
    findings = (
        finding("tls-expired", "it broke.", "Renew it.", focus=1),
        finding("foci-empty", "The list is empty.", "Fill it."),
    )
    shown = lines(broken, findings=findings, summary="The list is empty; nobody finds a focus.")
    assert shown[-2:] == ["❌ 1 tls-expired: Renew it.", "❌ foci-empty: Fill it."]


def test_what_to_publish_is_a_block_to_copy() -> None:
    """The JSON to publish is a block of its own, with its line breaks."""
    snippet = json.dumps({"a": [1]}, indent=2)
    document = to_document(report(findings=(finding("foci-empty", "Empty.", "Publish:", snippet=snippet),)))
    assert CodeBlock(snippet) in document.blocks
    assert snippet in to_plain(document)
    assert f"<pre><code>{snippet.replace(chr(34), '&quot;')}</code></pre>" in to_html(document)


def test_code_in_words() -> None:
    """What stands between backticks is code in HTML, and the backticks are gone."""
    document = to_document(report(summary="set `matrix_rtc.transports` now."))
    assert "set <code>matrix_rtc.transports</code> now." in to_html(document)
    assert "`" not in to_plain(document)


def test_long_lists_are_cut() -> None:
    """Of many foci and findings the first are shown and the rest is counted."""
    foci = [judged(OK)] * (MAX_FOCI_SHOWN + 3)
    findings = tuple(finding("slow", f"Slow {number}.", "Look.", focus=number) for number in range(1, 31))
    shown = lines(*foci, findings=findings)
    assert sum(bool(re.match(r"\d+\. ", line)) for line in shown) == MAX_FOCI_SHOWN
    assert "… and 3 more entries." in shown
    assert shown[-1] == f"… and {30 - MAX_FINDINGS_SHOWN} more findings."


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b> & <script>alert(1)</script>",
        "@room @alice:example.org https://matrix.to/#/@alice:example.org",
        "\u202eevil\u2066\u200b\x00\x1b[31m",
        "`odd number of ticks",
        "line\nbreak",
        "\ud800",
        "x" * 100_000,
    ],
)
def test_hostile_strings(text: str) -> None:
    """A stranger's words as type, URL, summary, message, detail and advice stay words, on their own line, in bounds."""
    entry = {"type": "livekit", "livekit_service_url": text}
    foci = (judged(OK, entry), replace(judged(CRITICAL, {"type": text}, reached=Stage.TLS), note=text))
    found = finding("slow", text, text, focus=1, severity=Severity.ERROR, snippet=text)
    document = to_document(report(*foci, summary=text, findings=(found,)))
    plain, html = to_plain(document), to_html(document)
    plain.encode()
    html.encode()
    for character in ("\u202e", "\u2066", "\u200b", "\x00", "\x1b", "\ud800"):
        assert character not in plain
        assert character not in html
    assert "<script" not in html
    assert set(re.findall(r"</?([a-z]+)", html)) <= {"ol", "li", "b", "code", "br", "pre"}
    content = message_content(document)
    assert len(json.dumps(content).encode()) < 2 * MESSAGE_BYTES
    assert content["m.mentions"] == {}


def test_details_show_every_stage_and_client() -> None:
    """The terminal shows each stage with its time, and what each client finds."""
    shown = to_plain(to_details(report(judged(CRITICAL, reached=Stage.CONNECT)))).split("\n")
    stages = [line.strip() for line in shown if re.match(r" +[a-z]+: ", line)]
    assert stages == [
        "address: ok, 1 ms - fine",
        "connect: ok, 1 ms - fine",
        "tls: failed, 1 ms - it broke",
        "http: skipped - earlier",
        "authorisation: skipped - earlier",
    ]
    assert "Element X: finds a focus (uses entry 1, which answers)" in shown
    assert RTC in shown[0]
