"""Watches that go deep: how often, and what others' checks of the same service may then say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugins.foci.answer import read_answer
from plugins.foci.assembly import Evidence
from plugins.foci.deep_pace import DEEP_INTERVAL, DeepPace
from plugins.foci.homeserver import HomeserverAnswer, TransportsAnswer
from plugins.foci.model import Outcome, Report, Stage, StageResult, Verdict
from plugins.foci.observation import ProbeSettings
from plugins.foci.samples import Check, Vantage, samples_of
from plugins.foci.standing import Standing
from plugins.foci.target import parse_target
from tests.foci.evidence import RTC, answered, assembled, judged

NOW = 1_800_000_000.0
KEY = "focus:https://rtc.example.org:443/livekit/jwt"
_ANSWER = read_answer("example.org", [answered(200, {})], None)


def report(verdict: Verdict = Verdict.OK, *, signalling: Outcome | None = None) -> Report:
    """A report with one focus; with ``signalling`` of a deep check."""
    focus = judged(verdict, {"type": "livekit", "livekit_service_url": RTC})
    if signalling is not None:
        deep = (
            StageResult(Stage.TOKEN, Outcome.OK, 1.0, "a token"),
            StageResult(Stage.SIGNALLING, signalling, 1.0, "the SFU"),
        )
        kept = [result for result in focus.stages if result.stage not in (Stage.TOKEN, Stage.SIGNALLING)]
        focus = replace(focus, stages=(*kept, *deep))
    return replace(assembled(_ANSWER), foci=(focus,))


def check(told: Report, *outdone: str) -> Check:
    seen = Evidence(parse_target("b.example"), _ANSWER, HomeserverAnswer(None, TransportsAnswer()), None, None, {})
    return Check(seen, told, Vantage(), ProbeSettings(), "probe", 300.0, outdone=frozenset(outdone))


@pytest.mark.parametrize(
    ("outcome", "after", "again"),
    [
        (Outcome.OK, 300.0, False),
        (Outcome.OK, DEEP_INTERVAL, True),
        (Outcome.OK, -1.0, True),
        (Outcome.FAILED, 100.0, True),
    ],
    ids=["well", "an hour later", "clock set back", "failing"],
)
def test_a_watch_goes_deep_once_an_hour_and_always_while_it_fails(outcome: Outcome, after: float, again: bool) -> None:
    """A shallow check in between must not pass for a recovery."""
    pace = DeepPace()
    assert pace.due("a.example", NOW)
    pace.noted("a.example", NOW, report(signalling=outcome))
    assert pace.due("a.example", NOW + after) is again


def test_a_deep_failure_is_known_by_its_focus_until_it_is_over() -> None:
    """Until a deep check passes, or nobody has looked for two hours."""
    pace = DeepPace()
    assert pace.failing(NOW) == frozenset()
    pace.noted("a.example", NOW, report(Verdict.CRITICAL, signalling=Outcome.FAILED))
    assert pace.failing(NOW + 60) == {KEY}
    pace.noted("a.example", NOW + 300, report(signalling=Outcome.OK))
    assert pace.failing(NOW + 360) == frozenset()
    pace.noted("a.example", NOW + 600, report(Verdict.CRITICAL, signalling=Outcome.FAILED))
    assert pace.failing(NOW + 600 + 2 * DEEP_INTERVAL) == frozenset()
    assert pace.due("a.example", NOW + 600 + 2 * DEEP_INTERVAL)


def test_a_shallow_check_tells_nothing_good_of_what_fails_deep() -> None:
    """Two servers share a focus whose SFU is down, one is watched deep: the other's checks do not take it back."""
    good = {sample.key: sample.standing for sample in samples_of(check(report()))}
    assert good[KEY] is Standing.GOOD
    outdone = {sample.key for sample in samples_of(check(report(), KEY))}
    assert KEY not in outdone
    assert outdone == good.keys() - {KEY}
    bad = {sample.key: sample.standing for sample in samples_of(check(report(Verdict.CRITICAL), KEY))}
    assert bad[KEY] is Standing.BAD
