"""The 44 mistakes of the field, each as it happens: named where it can be, never called healthier than it is."""

from __future__ import annotations

import re

import pytest

from botkit.messages.rendering import to_plain
from plugins.foci.model import Stage
from plugins.foci.report.render import to_details, to_document
from tests.truth.row import Case, Row
from tests.truth.table import ROWS
from tests.truth.world import World

CASES = [(row, case) for row in ROWS for case in row.cases]


@pytest.mark.parametrize(("row", "case"), CASES, ids=lambda value: getattr(value, "name", getattr(value, "number", "")))
async def test_mistake(row: Row, case: Case, world: World) -> None:
    """The report has these findings and this verdict, and gives nobody hope who fails in truth."""
    await case.scene(world)
    report = await world.examination(case.target, limits=case.limits, account=world.account)
    text = to_plain(to_document(report)) + to_plain(to_details(report))
    assert sorted({found.code for found in report.findings}) == sorted(case.codes)
    assert report.verdict is case.verdict
    assert {client.client for client in report.clients if client.finds_focus == "yes"} & set(case.misled) == set()
    assert re.search(case.says, text, re.DOTALL), text
    reached = [focus for focus in report.foci if focus.deepest_stage in (Stage.HTTP, Stage.AUTHORISATION)]
    claims = [focus for focus in reached if not any(stage.outcome == "failed" for stage in focus.stages)]
    assert text.count("Signalling and media not tested.") == 2 * len(claims)
