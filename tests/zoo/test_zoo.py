"""Every bad server of the zoo: the right finding, in time, in little memory."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from unittest.mock import patch

import pytest

from lab.exchange import Answer
from plugins.foci.checker import Checker
from plugins.foci.findings import CODES
from plugins.foci.model import Verdict
from zoo.animal import Animal, Habitat
from zoo.catalogue import animals
from zoo.keeper import Keeper
from zoo.sighting import MEGABYTES, Limits, Sighting
from zoo.visitor import Stalls

ANIMALS = {animal.label: animal for animal in animals()}
TOGETHER = 8
"""Animals in one run of ``check``, as many as it checks at the same time: their peak is that of all eight."""

LONGEST_STEP = 0.2
"""Seconds; some 35 ms were measured (docs/evidence/security.md), with eight checks in one process."""

WORK = 0.02


@pytest.fixture(scope="module")
def sightings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sighting]:
    """All of them, by label."""

    async def show() -> list[Sighting]:
        place = tmp_path_factory.mktemp("zoo")
        async with Keeper(place, limits=Limits(), together=TOGETHER) as keeper:
            return await keeper.show(ANIMALS.values())

    return {sighting.animal.label: sighting for sighting in asyncio.run(show())}


@pytest.mark.parametrize("label", ANIMALS)
def test_a_bad_server_is_found_out(label: str, sightings: Mapping[str, Sighting]) -> None:
    """Verdict, findings and cause are those written down, within five deadlines and 150 MB."""
    sighting = sightings[label]
    assert sighting.faults == []
    assert sighting.is_right
    assert sighting.seconds < 5 * sighting.limits.deadline
    assert 0 < sighting.megabytes <= MEGABYTES


def test_no_bad_server_holds_up_the_event_loop(sightings: Mapping[str, Sighting]) -> None:
    """The longest step of all, in the processor's time for the loop's own thread, so that no other load counts."""
    longest = max(sightings.values(), key=lambda sighting: sighting.stall)
    assert 0 < longest.stall < LONGEST_STEP, longest.animal.label


async def test_a_long_step_is_noted() -> None:
    """From the first check on, and by its own work alone."""

    async def check(_: object) -> None:
        return None

    stalls = Stalls()
    with patch.object(Checker, "check", check), stalls.noted():
        _work()
        await asyncio.sleep(0)
        assert stalls.longest == 0
        await Checker.check(None)
        await asyncio.sleep(0)
        _work()
        await asyncio.sleep(0)
    assert stalls.longest >= WORK


def _work() -> None:
    until = time.thread_time() + WORK
    while time.thread_time() < until:
        pass


def test_the_table_is_of_codes_and_verdicts_that_exist() -> None:
    """A misspelt code would be a finding that never comes."""
    assert {code for animal in ANIMALS.values() for code in animal.codes} <= set(CODES)
    assert {animal.verdict for animal in ANIMALS.values()} <= set(Verdict)


def test_no_two_animals_have_one_name() -> None:
    """Neither in the table nor as servers, of which one would hide the other."""
    assert [label for label, count in Counter(animal.label for animal in animals()).items() if count > 1] == []
    names = Counter(animal.server_name for animal in animals())
    assert [name for name, count in names.items() if count > 1] == []


def test_every_place_has_its_animals() -> None:
    """The well-known, the focus, versions and transports each have at least twenty, and there are sixty in all."""
    places = Counter(animal.habitat for animal in ANIMALS.values())
    assert places.keys() == set(Habitat)
    assert min(places.values()) >= 20
    assert len(ANIMALS) >= 60


async def test_a_wrong_finding_a_crash_and_silence_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The zoo itself can fail: a healthy server under a wrong label, a cause that nobody names."""
    healthy = Animal(Habitat.WELL_KNOWN, "healthy", lambda good: _right(good.body), "ok")
    mistaken = replace(healthy, name="mistaken", codes=("well-known-html",), verdict="critical")
    unnamed = replace(healthy, name="unnamed", says="no such words")
    async with Keeper(tmp_path_factory.mktemp("zoo"), limits=Limits(), together=3) as keeper:
        right, wrong, silent = await keeper.show([healthy, mistaken, unnamed])
    assert (right.faults, right.is_right) == ([], True)
    assert wrong.faults == ["found ('ok', ()), not ('critical', ('well-known-html',))"]
    assert not wrong.is_right
    assert silent.faults == ["does not say 'no such words' but 'transports endpoint present'"]
    assert replace(right, report={}).faults == ["no report"]
    assert replace(right, megabytes=151.0).faults == ["151 MB of memory"]
    assert replace(right, errors="Traceback").faults == ["standard error: Traceback"]


def _right(body: bytes) -> Answer:
    return Answer(200, body, (("Content-Type", "application/json"), ("Access-Control-Allow-Origin", "*")))
