"""Traces replayed as ``make replay`` does, the shorter ones; and an hour of the soak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench import soak
from bench.replay.__main__ import replayed
from bench.replay.accountant import audit
from bench.replay.books import Verdict
from bench.replay.chance import by_chance
from bench.replay.runtime import play
from bench.replay.terms import Terms
from bench.replay.traces import NAMED, Trace, spans
from bench.replay.truth import HOUR, Published, Truth

SHORT = {"reorder": 4, "migration": 3, "replicas": 4, "cut-refused": 1.4}
"""Names, and the hours after which the trace is left."""

EMPTY = Verdict(0, 0, 0, (), (), ())


@pytest.mark.parametrize("name", SHORT)
def test_a_trace_is_told_as_it_was(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing false, missed, repeated or strange, and something was told."""
    trace = NAMED[name]()
    trace = Trace(trace.name, trace.truth.until(SHORT[name] * HOUR), trace.terms)
    (verdict,) = replayed([trace], seed=1)
    assert verdict.complaints == (), capsys.readouterr().out
    assert verdict.messages > 0


def test_rooms_that_share_a_focus_do_not_read_of_each_other_s_servers(tmp_path: Path) -> None:
    """Neither in the alert nor in its evidence, whichever server's check it was that saw it."""
    shared = (Published(0.0, ("rtc",)),)
    watches = {f"!room{place}:example.org": {f"s{place}.example": 300.0} for place in range(4)}
    servers = dict.fromkeys((f"s{place}.example" for place in range(4)), shared)
    truth = Truth(HOUR, watches, servers, troubles={"rtc": spans((600.0, 1200.0))})
    told = play(truth, tmp_path, seed=2).told
    assert {one.room for one in told if one.placement == "thread"} == watches.keys()
    assert audit(truth, told, Terms()).complaints == ()


def test_a_room_that_comes_back_to_an_outage_is_told_afresh(tmp_path: Path) -> None:
    """Its server publishes the dead focus no more, and then again; the first message was closed in between."""
    lists = (Published(0.0, ("rtc", "own")), Published(HOUR, ("own",)), Published(2 * HOUR, ("rtc", "own")))
    servers = {"s0.example": lists, "s1.example": (Published(0.0, ("rtc",)),)}
    watches = {"!a:example.org": {"s0.example": 300.0}, "!b:example.org": {"s1.example": 300.0}}
    truth = Truth(3 * HOUR, watches, servers, troubles={"rtc": spans((600.0, 2.8 * HOUR))})
    told = play(truth, tmp_path, seed=2).told
    assert audit(truth, told, Terms()).complaints == ()
    own = [one for one in told if one.room == "!a:example.org" and one.about.startswith("focus:")]
    assert [(one.placement, one.sign) for one in own if one.placement in ("new", "edit")] == [
        ("new", "❌"),
        ("edit", "▫"),
        ("new", "❌"),
    ]


def test_a_seed_gives_its_trace_again() -> None:
    """Two traces of a seed are equal, those of two seeds are not."""
    assert by_chance(4) == by_chance(4)
    assert by_chance(4).truth != by_chance(5).truth


def test_a_soak_leaves_nothing_behind(tmp_path: Path) -> None:
    """A short one by chance: every alert accounted for; no task, file or thread left. Too short for slopes."""
    soaked = soak.soak(by_chance(3, servers=20, hours=3.0, interval=900.0), tmp_path, 3, every=1200.0)
    assert soak.complaints(soaked) == []
    assert soaked.verdict.messages > 0
    assert soaked.checks > 20 * 4 * 3


@pytest.mark.parametrize("name", ["blocks", "resident", "database", "tasks", "files"])
def test_growth_is_noticed(name: str) -> None:
    """Whatever has more with every check, be it little."""
    flat = soak.Sample(0.0, 10, 10, 3, 10, 1, 10)
    few = {"blocks": 1, "resident": 500, "database": 500, "tasks": 1, "files": 1}
    soaked = soak.Soaked(EMPTY, 10_000, 40.0, 1.0)
    soaked.samples = [replace(flat, hours=float(hour)) for hour in range(12)]
    assert soak.complaints(soaked) == []
    soaked.samples = [
        replace(one, **{name: getattr(one, name) + few[name] * 40 * place}) for place, one in enumerate(soaked.samples)
    ]
    (complaint,) = soak.complaints(soaked)
    assert complaint.startswith(f"{name} grows by ")


def test_what_is_left_over_is_named() -> None:
    """Each by its kind."""
    soaked = soak.Soaked(EMPTY, 10_000, 40.0, 1.0, left=(1, 2, 0))
    assert soak.complaints(soaked) == ["1 tasks left over", "2 files left over"]
