"""The servers of a room's members: how often each is read, however many members there are."""

from __future__ import annotations

import pytest

from plugins.foci.commands import room
from plugins.foci.discovery.target import Target, parse_target


def test_a_server_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many members it has; names that are none are left out."""
    read: list[str] = []

    def noted(name: str) -> Target:
        read.append(name)
        return parse_target(name)

    monkeypatch.setattr(room, "parse_target", noted)
    members = [f"@user{number}:s{number % 3}.example.org" for number in range(1, 1000)]
    found = room.servers_of([*members, "@b:not a server"])
    names = [(target.server_name, count) for target, count in found]
    assert names == [("s0.example.org", 333), ("s1.example.org", 333), ("s2.example.org", 333)]
    assert len(read) == 4
