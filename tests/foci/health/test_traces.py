"""Health, suspicion and pace together on a simulated clock, as a scheduler runs them: what gets told, and what not."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from plugins.foci.health import state as health
from plugins.foci.health.events import AlertEvent, Cause, EventKind, Sample, Status
from plugins.foci.health.keys import SELF, Key
from plugins.foci.health.self_check import SelfCheck
from plugins.foci.health.witnesses import Role, Tier

INTERVAL = 300.0
WINDOW = INTERVAL * 1.1
START = 1_000_000.0
ROLE = Role(Tier.CONFIGURED)
World = Callable[[int, float], Status]
"""Host number and seconds since the start, to how it looks from here."""


def told(world: World, hosts: int, hours: float, seed: int, failures: int = 3) -> list[AlertEvent]:
    """Run a watch of so many hosts, each checked at its pace with a jitter of a tenth."""
    chance = random.Random(seed)
    states = [health.AlertState() for _ in range(hosts)]
    due = [START + chance.uniform(0, INTERVAL) for _ in range(hosts)]
    settings = health.HealthSettings(failures=failures)
    mind, found, probe, answered_at = SelfCheck(), [], 0, -WINDOW
    while (now := min(due)) < START + hours * 3600:
        host, probe = due.index(now), probe + 1
        sample = Sample(
            Key.parse(f"focus:h{host}"), f"h{host}", world(host, now - START), now, str(probe), Cause("refused")
        )
        answers, still = sample.standing is Status.GOOD, now - answered_at <= WINDOW
        answered_at = now if answers else answered_at
        mind.look(f"h{host}", ROLE, now, WINDOW, answers=answers)
        found += mind.conclude(WINDOW, proven=now - answered_at <= WINDOW, still=still)
        held = mind.holds_back(states[host].first_bad, WINDOW)
        states[host], events = health.step(states[host], sample, settings, held=held)
        found += events
        due[host] = now + health.pace(states[host], INTERVAL, now) * chance.uniform(0.9, 1.1)
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("length", [120, 600, 3 * 3600])
@pytest.mark.parametrize("hosts", [6, 40])
def test_while_the_own_network_is_cut_nobody_is_blamed(hosts: int, length: float, seed: int) -> None:
    """Even when every failure looks definite, as behind a captive portal: at most one message and its end."""

    def cut(_: int, at: float) -> Status:
        return Status.BAD if 3600 <= at < 3600 + length else Status.GOOD

    events = told(cut, hosts, 2 + length / 3600, seed)
    assert {event.key for event in events} <= {SELF}
    assert [event.kind for event in events] in ([], [EventKind.FIRED, EventKind.RESOLVED])
    assert events or length < INTERVAL


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("failures", "blamed"), [(3, 0), (2, 1)])
def test_doubt_comes_before_blame(failures: int, blamed: int, seed: int) -> None:
    """Also with two failures: whoever fires at the first one, of course, doubts nothing."""

    def cut(_: int, at: float) -> Status:
        return Status.BAD if 3600 <= at < 4800 else Status.GOOD

    events = told(cut, 40, 2, seed, failures)
    assert len({event.key for event in events if event.kind is EventKind.FIRED} - {SELF}) <= blamed


@pytest.mark.parametrize("seed", range(3))
def test_a_third_of_the_hosts_down_is_blamed_within_minutes(seed: int) -> None:
    """A provider's outage is theirs: each fires once, after an interval and the fast re-checks at most."""

    def outage(host: int, at: float) -> Status:
        return Status.BAD if host % 3 == 0 and 3600 <= at < 7200 else Status.GOOD

    events = told(outage, 30, 3, seed)
    fired = [event for event in events if event.kind is EventKind.FIRED]
    assert sorted(event.key for event in fired) == sorted(Key.parse(f"focus:h{host}") for host in range(0, 30, 3))
    assert max(event.at - START - 3600 for event in fired) <= INTERVAL * 1.1 + 2 * INTERVAL / 3 * 1.1
    resolved = [event for event in events if event.kind is EventKind.RESOLVED]
    assert len(resolved) == len(fired)
    assert max(event.at - START - 7200 for event in resolved) <= INTERVAL * 1.1 + INTERVAL / 3 * 1.1


@pytest.mark.parametrize("seed", range(3))
def test_blips_are_not_told(seed: int) -> None:
    """Three minutes are shorter than any three checks in a row."""

    def blips(host: int, at: float) -> Status:
        return Status.BAD if (at + host * 977) % 5000 < 170 else Status.GOOD

    assert told(blips, 30, 6, seed) == []


@pytest.mark.parametrize("seed", range(3))
def test_most_hosts_really_down_are_blamed_in_the_end(seed: int) -> None:
    """While the bot suspects itself nothing fires; as the others keep answering, it blames them."""

    def outage(host: int, at: float) -> Status:
        return Status.BAD if host < 7 and at >= 3600 else Status.GOOD

    events = told(outage, 10, 3, seed)
    mine = [event for event in events if event.key == SELF]
    assert [event.kind for event in mine] == [EventKind.FIRED, EventKind.RESOLVED]
    theirs = {event.key: event for event in events if event.key != SELF}
    assert sorted(theirs) == sorted(Key.parse(f"focus:h{host}") for host in range(7))
    assert not any(mine[0].at <= event.at < mine[1].at for event in theirs.values())
    assert sum(event.at >= mine[1].at for event in theirs.values()) >= 5
    assert all(START + 3600 <= event.since <= START + 3600 + INTERVAL * 1.1 for event in theirs.values())
