"""The scoreboard: its rule, its page, and that the bot earns its marks."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from bench.contestants import ROOT, Blackbox, FociBot, TestMatrix, installed
from bench.faults import SETBACKS, Setback
from bench.mark import Mark, Run, alarming, judge
from bench.scoreboard import measure
from plugins.foci.findings import CODES

PAGE = ROOT / "docs" / "evidence" / "scoreboard.md"
PARALLEL = 4
TESTMATRIX = ROOT / ".venv-bench" / "bin" / "testmatrix"
EXPORTER = installed("prometheus-blackbox-exporter")
QUICK = ("healthy", "well-known-refused", "well-known-html", "well-known-comma", "no-homeserver", "focus-refused")
"""Faults that between them have the others right, noticing, unnoticing and crashing, and that none waits at."""


@pytest.mark.parametrize(
    ("run", "cause", "mark"),
    [
        (Run(0, (), 0.1), None, Mark.RIGHT),
        (Run(1, ("it fails",), 0.1), None, Mark.FALSE_ALARM),
        (Run(0, (), 0.1), "refused", Mark.UNNOTICED),
        (Run(0, ("something failed",), 0.1), "refused", Mark.NOTICED),
        (Run(0, ("something failed", "connection Refused"), 0.1), "refused", Mark.RIGHT),
        (Run(1, (), 0.1, "KeyError: 'x'"), "refused", Mark.CRASH),
        (Run(1, (), 0.1, "KeyError: 'x'"), None, Mark.CRASH),
        (Run(1, ("connection refused",), 0.1, "ConnectionError"), "refused", Mark.RIGHT),
        (Run(None, (), 30.0), "refused", Mark.HANG),
    ],
)
def test_the_rule(run: Run, cause: str | None, mark: Mark) -> None:
    """Alarm and cause decide; whoever named the cause before it fell is right all the same."""
    assert mark is judge(run, cause)[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("✔ JWTauth healthz responds", False),
        ("  Client url: https://matrix.example.org", False),
        ("𐄂 Client well-known has no CORS header", True),
        ("  No MatrixRTC SFU configured", True),
        (" jwtauth healthz http error 502", True),
    ],
)
def test_what_counts_as_an_alarm(line: str, expected: bool) -> None:
    """A tick is none, a cross or a word of failure is one."""
    assert expected is alarming(line)


def test_every_fault_names_a_finding_that_exists() -> None:
    """What foci-bot has to find is in its catalogue."""
    assert {setback.findings for setback in SETBACKS} - {None} <= set(CODES)
    assert len({setback.name for setback in SETBACKS}) == len(SETBACKS)


async def test_the_bot_is_right_about_every_fault(tmp_path: Path) -> None:
    """Each is named, nothing healthy is blamed, and nothing ends in a crash or takes too long."""
    gate = asyncio.Semaphore(PARALLEL)

    async def mark(setback: Setback) -> Mark:
        async with gate:
            directory = tmp_path / setback.name
            directory.mkdir()
            (score,) = await measure(setback, [FociBot(directory)], directory)
            return score.mark

    marks = await asyncio.gather(*(mark(setback) for setback in SETBACKS))
    wrong = {setback.name: mark for setback, mark in zip(SETBACKS, marks, strict=True) if mark is not Mark.RIGHT}
    assert wrong == {}


@pytest.mark.skipif(not TESTMATRIX.exists(), reason="testmatrix is missing: make scoreboard installs it")
@pytest.mark.skipif(EXPORTER is None, reason="prometheus-blackbox-exporter is missing")
async def test_the_others_do_as_the_page_says(tmp_path: Path) -> None:
    """The real tools, run anew, earn the marks that docs/evidence/scoreboard.md gives them."""
    assert EXPORTER is not None
    tools = [TestMatrix(TESTMATRIX), Blackbox(EXPORTER, tmp_path)]
    found = {one.name: await measure(one, tools, tmp_path) for one in SETBACKS if one.name in QUICK}
    assert {name: [str(score.mark) for score in scores] for name, scores in found.items()} == {
        row[0]: row[3:] for row in _rows() if row[0] in QUICK
    }
    assert {score.mark for scores in found.values() for score in scores} >= {Mark.CRASH, Mark.NOTICED, Mark.UNNOTICED}


def _rows() -> list[list[str]]:
    """Fault, what is broken and each tool's mark, as they stand on the page."""
    table = PAGE.read_text("utf-8").partition("\n## Totals\n")[0]
    return [[cell.strip(" |*`") for cell in line.split(" | ")] for line in table.splitlines() if line.startswith("| `")]


def test_the_page_has_every_fault_and_its_sums_are_right() -> None:
    """docs/evidence/scoreboard.md was written for these faults, and its totals are those of its own rows."""
    totals = PAGE.read_text("utf-8").partition("\n## Totals\n")[2]
    rows = _rows()
    assert [setback.name for setback in SETBACKS] == [row[0] for row in rows]
    columns = list(zip(*(row[2:] for row in rows), strict=True))
    for mark in Mark:
        (found,) = re.findall(rf"^\| {mark} \| (.*) \|$", totals, re.MULTILINE)
        counts = [sum(cell == mark for cell in column) for column in columns]
        assert counts == [int(cell) for cell in found.split(" | ")]
