"""Going deep with real parts: every fault named, and nothing healthier than it was proven."""

from __future__ import annotations

import re

import pytest

from botkit.rendering import to_plain
from plugins.foci.model import DEEP_STAGES, Outcome, Stage
from plugins.foci.render import to_details, to_document
from tests.deep.cases import CASES, Case
from tests.deep.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_fault_is_named(case: Case, world: World, media_client: None) -> None:
    """Deepest stage, verdict and findings are the table's; what comes after a failure was skipped."""
    world.backend.full_access = case.full_access
    await world.backend.play(case.fault)
    report = await world.check()
    (focus,) = report.foci
    text = to_plain(to_document(report)) + to_plain(to_details(report))
    assert (focus.deepest_stage, focus.verdict, report.verdict) == (case.deepest, case.verdict, case.verdict)
    assert {found.code for found in report.findings} == case.codes
    assert re.search(case.says, text, re.DOTALL), text
    assert [result.stage for result in focus.stages] == list(Stage)
    after = focus.stages[list(Stage).index(case.deepest) + 1 :]
    assert all(result.outcome is Outcome.SKIPPED for result in after[1:])
    if after and case.codes != {"room-not-created"}:
        assert after[0].outcome is Outcome.FAILED


async def test_without_asking_nothing_is_deep(world: World) -> None:
    """The same server, not asked to go deep: the stages that a stranger can climb, and words that say so."""
    await world.backend.play(None)
    report = await world.check(deep=False)
    assert [result.stage for result in report.foci[0].stages if result.stage in DEEP_STAGES] == []
    assert "Signalling and media not tested." in to_plain(to_document(report))
