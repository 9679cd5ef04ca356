"""Whose answers prove that the bot's own connection works, and to whom."""

from __future__ import annotations

from plugins.foci.health.connectivity import Connectivity
from plugins.foci.health.witnesses import Role, Tier

CONFIGURED = Role(Tier.CONFIGURED)
CANARY = Role(Tier.CANARY)
BESIDE = Role(Tier.BESIDE, proves=False)
EVIL, HONEST, THIRD = (Role(Tier.OTHER, party) for party in ("evil.org", "honest.org", "third.org"))


def answered(*hosts: tuple[str, Role, float]) -> Connectivity:
    """After these answers, where each role given is somebody's."""
    connectivity = Connectivity()
    connectivity.assign([CONFIGURED, EVIL, HONEST, THIRD])
    for host, role, at in hosts:
        connectivity.note([host], role, at)
    return connectivity


def test_another_host_is_needed() -> None:
    """What answers at one port does not prove the time-out at another to be its own."""
    connectivity = answered(("a.org", CONFIGURED, 100.0))
    assert not connectivity.proves("a.org", CONFIGURED, 0.0)
    assert connectivity.proves("b.org", CONFIGURED, 0.0)
    assert connectivity.proves("b.org", CANARY, 100.0)
    assert not connectivity.proves("b.org", CONFIGURED, 101.0)


def test_a_stranger_s_host_proves_nothing_to_others() -> None:
    """It may stand in the same hall as the bot; the stranger's own servers are theirs to misjudge."""
    connectivity = answered(("near.evil.org", EVIL, 100.0), ("too.evil.org", EVIL, 100.0))
    assert connectivity.proves("other.evil.org", EVIL, 0.0)
    assert not connectivity.proves("a.org", HONEST, 0.0)
    assert not connectivity.proves("a.org", CONFIGURED, 0.0)
    assert not connectivity.works(0.0)


def test_two_parties_prove_it_to_a_third() -> None:
    """They are not likely to stand side by side."""
    connectivity = answered(("near.evil.org", EVIL, 100.0), ("b.org", HONEST, 100.0), ("c.org", EVIL, 110.0))
    assert connectivity.proves("a.org", THIRD, 0.0)
    assert connectivity.works(0.0)
    assert not connectivity.works(105.0)


def test_where_nobody_is_vouched_for_one_party_will_do_for_patience() -> None:
    """Or alerts would be held back for as long as the others were silent."""
    connectivity = answered(("b.org", HONEST, 100.0))
    assert not connectivity.works(0.0)
    connectivity.assign([EVIL, HONEST, BESIDE])
    assert connectivity.works(0.0)


def test_a_homeserver_beside_the_bot_proves_nothing() -> None:
    """It answers while the way out is cut."""
    connectivity = answered(("home.org", BESIDE, 100.0))
    assert not connectivity.proves("b.org", CONFIGURED, 0.0)
    assert not connectivity.works(0.0)


def test_who_is_watched_no_more_is_forgotten() -> None:
    """What a party's hosts answered is kept as long as the party is one."""
    connectivity = answered(("near.evil.org", EVIL, 100.0))
    connectivity.assign([HONEST])
    assert not connectivity.proves("other.evil.org", EVIL, 0.0)


def test_a_clock_that_is_set_back_leaves_no_proof_in_the_future() -> None:
    """Answers of before are as old as the next one."""
    connectivity = answered(("a.org", CONFIGURED, 9000.0), ("b.org", CONFIGURED, 100.0))
    assert connectivity.proves("b.org", CONFIGURED, 100.0)
    assert not connectivity.proves("b.org", CONFIGURED, 101.0)
