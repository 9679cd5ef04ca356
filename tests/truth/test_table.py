"""docs/evidence/mistakes.md says what the tests show, row by row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plugins.foci.findings import CODES
from plugins.foci.model import Verdict
from tests.truth.row import Mark, Row
from tests.truth.table import ROWS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "mistakes.md"


def _published() -> dict[int, list[str]]:
    lines = PAGE.read_text("utf-8").splitlines()
    rows = [line.strip().strip("|").split(" | ") for line in lines if re.match(r"\| \d", line)]
    return {int(cells[0]): [cell.strip() for cell in cells[1:]] for cells in rows}


def test_every_mistake_is_in_the_table_and_in_the_tests() -> None:
    """1 to 44, in order, each once, in both."""
    assert list(range(1, 45)) == [row.number for row in ROWS]
    assert list(range(1, 45)) == list(_published())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_the_table_says_what_the_tests_show(row: Row) -> None:
    """Symptom, cause and way of seeing are told; mark and findings are those of the tests."""
    symptom, cause, seen, mark, findings = _published()[row.number]
    assert all((symptom, cause, seen))
    assert row.mark.value == mark
    assert ", ".join(f"`{code}`" for code in row.codes) == findings.replace("none", "")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_a_mark_is_earned(row: Row) -> None:
    """Detected is only what every case shows; what no case shows is not called partly."""
    shown = [set(case.codes) & set(row.codes) for case in row.cases]
    assert set(row.codes) == set().union(*shown)
    assert set(row.codes) <= set(CODES)
    harmless = row.mark is Mark.DETECTED and not row.codes
    if harmless:
        assert all(case.verdict is Verdict.OK and not case.codes for case in row.cases)
    elif row.mark is Mark.DETECTED:
        assert all(shown)
        assert not any(case.blind for case in row.cases)
    elif row.mark is Mark.PARTLY:
        assert any(shown)
    else:
        assert not any(shown)
