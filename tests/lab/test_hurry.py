"""A clock for which a minute is a moment."""

from __future__ import annotations

import asyncio
import time

import pytest

from lab.fast_clock import HurriedClock


def test_it_agrees_with_the_machine_at_its_beginning() -> None:
    """Before that it is no other clock; after that it runs ahead."""
    clock = HurriedClock(60.0, 1000.0)
    assert [clock.at(moment) for moment in (0.0, 1000.0, 1001.0, 1010.0)] == [0.0, 1000.0, 1060.0, 1600.0]
    begun = HurriedClock(60.0)
    assert begun.now() == pytest.approx(time.time(), abs=300)


async def test_waiting_is_short() -> None:
    """A minute of its own is a second of ours, and it passes by both of its clocks."""
    clock = HurriedClock(600.0)
    now, passed, ours = clock.now(), clock.passed(), time.monotonic()
    await clock.sleep(60)
    assert clock.now() - now >= 59
    assert clock.passed() - passed >= 59
    assert 0.09 < time.monotonic() - ours < 0.5
    assert (clock.passed() - passed) / 600 == pytest.approx(time.monotonic() - ours, abs=0.1)
    await asyncio.sleep(0)
