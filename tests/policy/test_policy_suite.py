"""No way in leads to a private address, and every witness of that could have said otherwise."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.policy.__main__ import NoNamespaceError, loopback_verdict, private_verdict
from tests.policy.ground import every_way, has_ipv6
from tests.policy.verdict import Verdict

WAYS = every_way()


def assert_proven(verdict: Verdict) -> None:
    assert verdict.flaws == ()
    assert verdict.reached == 0
    assert verdict.listeners_proven == verdict.listeners > 0
    assert verdict.through == verdict.only_policy > 0


def test_nothing_reaches_this_machine() -> None:
    """Ways to loopback, each walked by the real bot; without the policy those that only it stops get through."""
    if not has_ipv6():
        pytest.skip("no ::1 here")
    verdict = loopback_verdict(WAYS)
    assert_proven(verdict)
    assert verdict.ways >= 100


def test_nothing_reaches_a_private_network() -> None:
    """The same for every private range, in a network namespace, under the policy as shipped."""
    if not has_ipv6():
        pytest.skip("no ::1 here")
    try:
        verdict = private_verdict(WAYS)
    except NoNamespaceError as error:
        pytest.skip(f"no network namespace for the address policy suite: {error}")
    assert_proven(verdict)
    assert verdict.ways == len(WAYS) >= 200
    assert verdict.opened == verdict.public > 0


def test_the_page_has_the_figure_of_this_table() -> None:
    """docs/evidence/security.md was written for these ways."""
    page = (Path(__file__).parents[2] / "docs" / "evidence" / "security.md").read_text("utf-8")
    stops = Counter(way.stop for way in WAYS)
    stopped = ", ".join(f"{stop.value} {count}" for stop, count in stops.items())
    assert f"\n{len(WAYS)} ways, 0 connections to a private address; stopped by {stopped}\n" in page
    assert f"walks {len(WAYS)} ways in" in page
    assert f"\nloopback  {sum(way.on_loopback for way in WAYS)} ways, 0 connections" in page
