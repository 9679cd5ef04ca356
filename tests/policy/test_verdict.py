"""What counts as proof: each witness is heard, and each gap in the proof is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.policy.entrances import post_redirect, service_url
from tests.policy.verdict import Verdict, judge
from tests.policy.way import Stop, Way

THROUGH = Way("a name", "10.0.0.1", "https://dns-HERE", service_url)
ELSEWHERE = Way("a POST", "127.0.0.1", "https://127.0.0.1", post_redirect(307), Stop.DESIGN)


def findings() -> dict[str, Any]:
    """All is well: two ways, two listeners, three connections to public servers, four questions to DNS."""
    idle = {"attempts": (), "visited": True}
    reached = {"attempts": ("10.0.0.1",), "visited": True}
    return {
        "ways": [THROUGH.name, ELSEWHERE.name],
        "shipped": {
            "steps": {THROUGH.name: dict(idle), ELSEWHERE.name: dict(idle)},
            "arrived": {},
            "listeners": 2,
            "greeted": 3,
            "asked": 4,
            "counted": {"opened": 3, "datagrams": 8, "datagrams6": 0},
        },
        "open": {
            "steps": {THROUGH.name: reached, ELSEWHERE.name: dict(idle)},
            "arrived": {"10.0.0.1 443": 5, "127.0.0.1 443": 1},
            "listeners": 2,
        },
        "careless": [],
    }


def verdict(found: dict[str, Any]) -> Verdict:
    return judge("private", found, [THROUGH, ELSEWHERE], own_network=True)


def test_a_whole_proof_has_no_flaw() -> None:
    """Nothing reached, everything seen by the control."""
    told = verdict(findings())
    assert (told.flaws, told.reached, told.listeners_proven, told.through) == ((), 0, 2, 1)
    assert "2 ways, 0 connections" in told.lines()[0]


def _attempt(found: dict[str, Any]) -> None:
    found["shipped"]["steps"][THROUGH.name]["attempts"] = ("10.0.0.1",)


def _arrival(found: dict[str, Any]) -> None:
    found["shipped"]["arrived"] = {"10.0.0.1 443": 1}


def _unreal_way(found: dict[str, Any]) -> None:
    found["open"]["steps"][THROUGH.name]["attempts"] = ()


def _misjudged_way(found: dict[str, Any]) -> None:
    found["open"]["steps"][ELSEWHERE.name]["attempts"] = ("127.0.0.1",)


def _way_not_walked(found: dict[str, Any]) -> None:
    found["shipped"]["steps"][ELSEWHERE.name]["visited"] = False


def _deaf_listener(found: dict[str, Any]) -> None:
    del found["open"]["arrived"]["127.0.0.1 443"]


def _unseen_connection(found: dict[str, Any]) -> None:
    found["shipped"]["counted"]["opened"] = 4


def _unseen_datagram(found: dict[str, Any]) -> None:
    found["shipped"]["counted"]["datagrams"] = 9


def _unseen_datagram_over_ipv6(found: dict[str, Any]) -> None:
    found["shipped"]["counted"]["datagrams6"] = 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_attempt, "a name: reached 10.0.0.1"),
        (_arrival, "10.0.0.1 443: 1 connections"),
        (_unreal_way, "a name: the control does not reach 10.0.0.1"),
        (_misjudged_way, "a POST: gets through without the policy"),
        (_way_not_walked, "a POST: not walked"),
        (_deaf_listener, "only 1 of 2 listeners"),
        (_unseen_connection, "4 connections were opened, the public servers saw 3"),
        (_unseen_datagram, "9 datagrams for 4 questions"),
        (_unseen_datagram_over_ipv6, "1 over IPv6"),
    ],
)
def test_every_flaw_is_told(spoil: Callable[[dict[str, Any]], None], words: str) -> None:
    """One spoilt figure is one flaw, and the command ends with it."""
    found = findings()
    spoil(found)
    told = verdict(found)
    assert len(told.flaws) == 1
    assert words in told.flaws[0]
    assert f"FLAW: {told.flaws[0]}" in told.lines()[-1]
