"""Watches that go deep: what others' checks of the same service may then say."""

from __future__ import annotations

from dataclasses import replace

from plugins.foci.discovery.homeserver import HomeserverAnswer, TransportsAnswer
from plugins.foci.discovery.target import parse_target
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.health.events import Status
from plugins.foci.health.keys import Key
from plugins.foci.health.samples import samples_of, watched_by
from plugins.foci.model import Report, Verdict
from plugins.foci.report.build import CheckResult, ServerObservation
from tests.foci.evidence import RTC, answered, assembled, judged

KEY = Key.parse("focus:https://rtc.example.org:443/livekit/jwt")
_ANSWER = read_answer("example.org", [answered(200, {})], None)


def report(verdict: Verdict = Verdict.OK) -> Report:
    """A report with one focus."""
    return replace(assembled(_ANSWER), foci=(judged(verdict, {"type": "livekit", "livekit_service_url": RTC}),))


def samples(told: Report, *outdone: Key) -> dict[Key, Status]:
    """What a check says of each key, while nothing else answers."""
    seen = ServerObservation(
        parse_target("b.example"), _ANSWER, HomeserverAnswer(None, TransportsAnswer()), None, None, {}
    )
    checked = CheckResult(seen, told, "probe")
    found = samples_of(checked, watched_by(checked), lambda _: False, frozenset(outdone))
    return {sample.key: sample.standing for sample in found}


def test_a_shallow_check_tells_nothing_good_of_what_fails_deep() -> None:
    """Two servers share a focus whose SFU is down, one is watched deep: the other's checks do not take it back."""
    good = samples(report())
    assert good[KEY] is Status.GOOD
    outdone = samples(report(), KEY)
    assert KEY not in outdone
    assert outdone.keys() == good.keys() - {KEY}
    assert samples(report(Verdict.CRITICAL), KEY)[KEY] is Status.BAD
