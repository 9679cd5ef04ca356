from __future__ import annotations

import math
from typing import Any

import pytest

from botkit.permissions import entitled, may_command, may_invite, power_level

ALICE, BOB = "@alice:example.org", "@bob:example.org"
V10: dict[str, Any] = {"room_version": "10", "creator": ALICE}
V11: dict[str, Any] = {"room_version": "11"}
V12: dict[str, Any] = {"room_version": "12", "additional_creators": [BOB]}


@pytest.mark.parametrize(
    ("create", "levels", "user", "power"),
    [
        (V10, {"users": {ALICE: 100}}, ALICE, 100),
        (V10, {"users": {ALICE: 100}}, BOB, 0),
        (V10, {"users_default": 25}, BOB, 25),
        (V10, None, ALICE, 100),
        (V10, None, BOB, 0),
        (V11, None, ALICE, 100),
        ({**V11, "creator": BOB}, None, BOB, 0),
        ({"creator": BOB}, None, BOB, 100),
        ({}, {}, ALICE, 0),
        (V12, {"users": {}}, ALICE, math.inf),
        (V12, {"users": {ALICE: 0, BOB: 0}}, BOB, math.inf),
        (V12, None, ALICE, math.inf),
        (V12, None, "@eve:x", 0),
        (V12, {"users": {"@eve:x": 100}}, "@eve:x", 100),
        ({"room_version": "13"}, {}, ALICE, math.inf),
        ({"room_version": "org.matrix.hydra.11"}, {}, ALICE, math.inf),
        ({**V10, "additional_creators": [BOB]}, {"users": {}}, BOB, 0),
    ],
)
def test_power_follows_the_rules_of_the_room_version(
    create: dict[str, Any], levels: dict[str, Any] | None, user: str, power: float
) -> None:
    """Levels count until version 11; from 12 on the creators stand above all of them."""
    assert power == power_level(user, create=create, create_sender=ALICE, power_levels=levels)


@pytest.mark.parametrize(
    ("value", "power"),
    [
        ("50", 50),
        (" +50 ", 50),
        ("-1", -1),
        ("fifty", 0),
        (None, 0),
        (True, 0),
        ([100], 0),
        (50.5, 0),
        (10**400, 0),
        ("9" * 5000, 0),
        (float("nan"), 0),
        ("٥", 0),
    ],
)
def test_levels_as_text_count_and_nonsense_is_nothing(value: Any, power: float) -> None:
    """Old rooms hold levels as text; whatever is no level gives nobody power."""
    assert power == power_level(BOB, create=V10, create_sender=ALICE, power_levels={"users": {BOB: value}})
    assert power == power_level(BOB, create=V10, create_sender=ALICE, power_levels={"users_default": value})


@pytest.mark.parametrize(
    "create", [{"room_version": 12}, {"room_version": None}, {"room_version": "12", "additional_creators": "x"}]
)
@pytest.mark.parametrize("levels", [{"users": []}, {"users": None}, {"users": "x"}, {}])
def test_malformed_state_gives_strangers_nothing(create: dict[str, Any], levels: dict[str, Any]) -> None:
    """State is written by strangers and may have any shape."""
    assert power_level(BOB, create=create, create_sender=ALICE, power_levels=levels) == 0


def test_admins_and_moderators_are_entitled() -> None:
    """An admin needs no power; anyone else needs 50."""
    assert entitled(ALICE, [ALICE], 0)
    assert entitled(BOB, [ALICE], 50)
    assert entitled(BOB, [ALICE], math.inf)
    assert not entitled(BOB, [ALICE], 49)


@pytest.mark.parametrize(
    ("policy", "followed"),
    [
        ("admins", {"admin"}),
        ("allowlist", {"admin", "friend"}),
        ("anyone", {"admin", "friend", "eve"}),
        ("nobody", set()),
    ],
)
def test_invitations_are_followed_by_policy(policy: Any, followed: set[str]) -> None:
    """Each policy widens the one before it; ``nobody`` refuses admins as well."""
    inviters = {"admin": ALICE, "friend": "@carol:friends.example", "eve": "@eve:friends.example.evil"}
    result = {name for name, who in inviters.items() if may_invite(who, policy, ["@*:friends.example"], [ALICE])}
    assert followed == result


def test_block_beats_allow_and_admins_are_always_heard() -> None:
    """An admin who falls under a block can still lift it."""
    assert may_command(BOB, ["*"], [], [])
    assert not may_command(BOB, ["*"], ["@bob:*"], [])
    assert not may_command(BOB, ["@alice:*"], [], [])
    assert may_command(ALICE, [], ["*"], [ALICE])


def test_capitals_of_a_server_pass_no_block() -> None:
    """The localpart's case counts: there it is somebody else's name."""
    assert not may_command("@bob:EXAMPLE.org", ["*"], ["*:example.org"], [])
    assert not may_command("@bob:example.org", ["*"], ["@bob:Example.ORG"], [])
    assert may_command("@BOB:example.org", ["*"], ["@bob:example.org"], [])
