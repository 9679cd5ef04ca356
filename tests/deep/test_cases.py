"""Going deep with real parts, as an operator does it: every fault named, and nothing healthier than it was proven."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from botkit.messages.rendering import to_plain
from lab.backend import CallFault
from lab.exchange import Answer, Request, html_answer, json_answer, nginx_page
from lab.front import Mount
from plugins.foci.model import DEEP_STAGES, Stage, Verdict
from plugins.foci.report.render import to_document
from tests.deep.cases import CASES, Case
from tests.deep.world import NAME, World, shown_token
from tests.foci.terminal import run

pytestmark = pytest.mark.asyncio(loop_scope="module")
EXITS = {Verdict.OK: 0, Verdict.WARNING: 1, Verdict.CRITICAL: 2, Verdict.UNKNOWN: 3}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_fault_is_named(case: Case, world: World, media_client: None, tmp_path: Path) -> None:
    """``bot.py check --deep``: deepest stage, verdict, exit code and findings are the table's; the rest was skipped."""
    world.backend.full_access = case.full_access
    await world.backend.play(case.fault)
    finished = await run(
        "check", NAME, "--deep", "--json", "--config", world.write_config(tmp_path), directory=tmp_path
    )
    report = finished.report
    (focus,) = report["foci"]
    assert (finished.code, finished.err) == (EXITS[case.verdict], "")
    assert (focus["deepest_stage"], focus["verdict"], report["verdict"]) == (case.deepest, case.verdict, case.verdict)
    assert {found["code"] for found in report["findings"]} == case.codes
    assert [result["stage"] for result in focus["stages"]] == list(Stage)
    after = [result["outcome"] for result in focus["stages"][list(Stage).index(case.deepest) + 1 :]]
    assert after == ["failed", *["skipped"] * len(after)][: len(after)]
    words = [result["detail"] for result in focus["stages"]]
    words += [f"{found['message']} {found['advice']}" for found in report["findings"]]
    assert re.search(case.says, "\n".join(words), re.DOTALL), words


@pytest.mark.parametrize(
    "answer",
    [nginx_page(502), html_answer(200, "<html>hello</html>"), json_answer(500, {"errcode": "M_UNKNOWN"})],
    ids=["bad gateway", "page", "its own error"],
)
async def test_a_broken_newer_endpoint_breaks_no_call(world: World, media_client: None, answer: Answer) -> None:
    """With a token of the older one, as clients get it, media connects in the end: a warning, never critical."""
    world.backend.full_access = ("*",)
    await world.backend.play(None)
    site = world.backend.focus.site

    async def broken(request: Request) -> Answer:
        return answer if shown_token(request) else await world.backend.focus.service.answer(request.at("/get_token"))

    mount = site.mount(Mount("/livekit/jwt/get_token", broken, exact=True))
    try:
        report = await world.check()
    finally:
        site.unmount(mount)
    (focus,) = report.foci
    assert (report.verdict, focus.verdict, focus.deepest_stage) == (Verdict.WARNING, Verdict.WARNING, Stage.MEDIA)
    assert {found.code for found in report.findings} == {"matrix2-endpoint-missing"}


async def test_words_for_people(world: World, media_client: None, tmp_path: Path) -> None:
    """The room's message and the terminal's say what was proven: the SFU by its version, the way of the media."""
    world.backend.full_access = ("*",)
    await world.backend.play(None)
    text = to_plain(to_document(await world.check()))
    proven = (
        r"authorisation service answers \([^)]+\)\. The SFU accepts the token \(LiveKit 1\.\d+\.\d+, region loopback, "
        r"1 ICE server\)\. Media connects over UDP \(IPv4"
    )
    assert re.search(proven, text), text
    assert "not tested" not in text
    finished = await run("check", NAME, "--deep", "--config", world.write_config(tmp_path), directory=tmp_path)
    assert finished.out.startswith(f"OK - {NAME}: ")
    assert re.search(r"^   signalling: ok, \d+ ms - the SFU accepts the token", finished.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("fault", "outcome", "codes"),
    [(None, "ok", set()), (CallFault.UPGRADE_REFUSED, "failed", {"sfu-unreachable"})],
)
async def test_an_sfu_that_an_entry_names_alone(
    world: World, fault: CallFault | None, outcome: str, codes: set[str]
) -> None:
    """It is reached without a token, WebSockets included; that they get lost on the way is seen."""
    await world.backend.play(fault)
    entry = {"type": "m.livekit", "url": world.backend.sfu_url}
    await world.federation.server("alone.example", foci=[entry])
    world.forget()
    report = await world.check("alone.example")
    (focus,) = report.foci
    assert [result.outcome for result in focus.stages[4:]] == ["skipped", "skipped", outcome, "skipped"]
    assert codes <= {found.code for found in report.findings}
    assert ("sfu-unreachable" in {found.code for found in report.findings}) is bool(codes)
    assert not world.requests(lambda request: "authorization" in request.headers)
    if fault is None:
        text = to_plain(to_document(report))
        assert "SFU answers" in text
        assert "The SFU requires a token, for WebSockets too; none was sent. Token and media not tested" in text


async def test_finding_the_focus_is_no_comfort(world: World) -> None:
    """Where the token is refused, the first line names that, and says of no client that it still finds a focus."""
    await world.backend.play(None)
    world.backend.issuer.wrong_secret = True
    report = await world.check()
    world.backend.issuer.wrong_secret = False
    assert "OPEN_ID_ERROR" in report.summary
    assert "still find" not in report.summary


async def test_without_asking_nothing_is_deep(world: World) -> None:
    """The same server, not asked to go deep: the stages that a stranger goes through, and words that say so."""
    await world.backend.play(None)
    report = await world.check(deep=False)
    assert [result.stage for result in report.foci[0].stages if result.stage in DEEP_STAGES] == []
    assert "Signalling and media not tested." in to_plain(to_document(report))
