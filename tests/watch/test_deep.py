"""Watches that go deep: what others' checks of the same service may then say."""

from __future__ import annotations

from dataclasses import replace

from plugins.foci.discovery.homeserver import HomeserverAnswer, TransportsAnswer
from plugins.foci.discovery.target import parse_target
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.health.events import Sample, Status
from plugins.foci.health.keys import Key
from plugins.foci.health.samples import samples_of, watched_by
from plugins.foci.model import Outcome, Report, Stage, StageResult, Verdict
from plugins.foci.report.build import CheckResult, ServerObservation
from tests.foci.evidence import RTC, answered, assembled, climbed, judged

KEY = Key.parse("focus:https://rtc.example.org:443/livekit/jwt")
_ANSWER = read_answer("example.org", [answered(200, {})], None)


def report(verdict: Verdict = Verdict.OK) -> Report:
    """A report with one focus."""
    return replace(assembled(_ANSWER), foci=(judged(verdict, {"type": "livekit", "livekit_service_url": RTC}),))


def sampled(told: Report, *outdone: Key) -> dict[Key, Sample]:
    """What a check says of each key, while nothing else answers."""
    seen = ServerObservation(
        parse_target("b.example"), _ANSWER, HomeserverAnswer(None, TransportsAnswer()), None, None, {}
    )
    checked = CheckResult(seen, told, "probe")
    found = samples_of(checked, watched_by(checked), lambda _: False, frozenset(outdone))
    return {sample.key: sample for sample in found}


def samples(told: Report, *outdone: Key) -> dict[Key, Status]:
    """Whether each key is good."""
    return {key: sample.standing for key, sample in sampled(told, *outdone).items()}


def deep_report(*results: StageResult) -> Report:
    """A report whose focus has these deep stages."""
    fails = any(result.outcome is Outcome.FAILED for result in results)
    told = report(Verdict.CRITICAL if fails else Verdict.OK)
    (focus,) = told.foci
    return replace(told, foci=(replace(focus, stages=(*climbed(Stage.AUTHORISATION), *results)),))


TOKEN = StageResult(Stage.TOKEN, Outcome.OK, 1.0, "a token")
UNTRUSTED = StageResult(Stage.TOKEN, Outcome.SKIPPED, None, "not trusted")
SILENT = StageResult(Stage.SIGNALLING, Outcome.FAILED, 1.0, "no SFU")


def test_only_what_was_climbed_deep_is_deep() -> None:
    """A deep check that showed no token saw no more than others; a failure beyond the token is a deep cause."""
    assert sampled(deep_report(TOKEN))[KEY].deep
    assert not sampled(deep_report(UNTRUSTED))[KEY].deep
    assert not sampled(report())[KEY].deep
    failing = sampled(deep_report(TOKEN, SILENT))[KEY]
    assert (failing.standing, failing.deep, failing.cause.deep) == (Status.BAD, False, True)
    assert not failing.cause.outage  # the service answers, so it is not down
    assert not sampled(report(Verdict.CRITICAL))[KEY].cause.deep


def test_a_shallow_check_tells_nothing_good_of_what_fails_deep() -> None:
    """Two servers share a focus whose SFU is down, one is watched deep: the other's checks do not take it back."""
    good = samples(report())
    assert good[KEY] is Status.GOOD
    outdone = samples(report(), KEY)
    assert KEY not in outdone
    assert outdone.keys() == good.keys() - {KEY}
    assert samples(report(Verdict.CRITICAL), KEY)[KEY] is Status.BAD
