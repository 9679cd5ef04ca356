"""Which rooms hear of something, and that none learns what another one watches."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from plugins.foci.alerts.receivers import Receivers, ReceivingRooms
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import Watch
from plugins.foci.health.events import AlertEvent, EventKind
from plugins.foci.health.keys import Key
from plugins.foci.wording import moment, named, span

KEY = Key.parse("focus:https://rtc.example.net:443/jwt")
WATCHES = {"!ops": ("b.org", "a.org", "c.org"), "!other": ("a.org",), "!third": ("z.org",), "!empty": ()}


def silence(target: str) -> Silence:
    return Silence("!ops", target, 1_000_000.0, "@ops:example.org", "maintenance")


def hearing(key: Key, servers: Sequence[str], silences: Sequence[Silence]) -> ReceivingRooms:
    """Who hears that a thing fails which concerns these servers."""
    watches = [Watch(room_id, server, "room") for room_id, names in WATCHES.items() for server in names]
    concerned = {key: [watch for watch in watches if watch.server in servers]}
    receivers = Receivers(concerned, frozenset(WATCHES), silences, frozenset(), frozenset())
    return receivers.of_event(AlertEvent(EventKind.FIRED, key, 0.0, 0.0))


def test_each_room_hears_of_the_servers_it_watches() -> None:
    """Sorted names, of this room only; rooms that watch none of them hear nothing."""
    assert hearing(KEY, ("a.org", "b.org", "y.org"), ()) == {
        "!ops": ("a.org", "b.org"),
        "!other": ("a.org",),
    }


def test_a_silenced_server_is_not_named() -> None:
    """The others of the room still are; other rooms are not concerned."""
    heard = hearing(KEY, ("a.org", "b.org"), [silence("A.org")])
    assert heard == {"!ops": ("b.org",), "!other": ("a.org",)}


def test_a_room_that_silenced_all_its_servers_hears_nothing() -> None:
    """Nothing is left to name."""
    heard = hearing(KEY, ("a.org", "b.org"), [silence("a.org"), silence("b.org")])
    assert heard == {"!other": ("a.org",)}


@pytest.mark.parametrize("target", ["rtc.example.net", "RTC.example.net", "rtc.example.net:443"])
def test_a_silenced_service_is_silent_whatever_it_affects(target: str) -> None:
    """With or without the port."""
    assert "!ops" not in hearing(KEY, ("a.org", "b.org"), [silence(target)])


@pytest.mark.parametrize(
    ("target", "silent"), [("rtc.example.net", True), ("rtc.example.net:8443", True), ("rtc.example.net:443", False)]
)
def test_a_host_stands_for_its_ports_and_a_port_for_itself(target: str, silent: bool) -> None:
    """A silence of the host covers a service on another port; one of port 443 does not."""
    heard = hearing(Key.parse("focus:https://rtc.example.net:8443/jwt"), ("b.org",), [silence(target)])
    assert (heard == {}) is silent


def test_five_names_then_how_many_more() -> None:
    """The rest is counted."""
    servers = [f"s{number:02}.org" for number in range(50)]
    assert named(servers[:5]) == "`s00.org`, `s01.org`, `s02.org`, `s03.org`, `s04.org`"
    assert named(servers) == "`s00.org`, `s01.org`, `s02.org`, `s03.org`, `s04.org` and 45 more"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (29 * 60 + 31, "29 min"),
        (3600, "1 h"),
        (2 * 3600 + 14 * 60, "2 h 14 min"),
        (86400, "1 d"),
        (86400 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    """Two units are enough."""
    assert span(seconds) == words


def test_times_carry_their_date_only_where_it_differs() -> None:
    """A message read the next day names the day."""
    noon = 1_795_435_200.0
    assert moment(noon, noon + 3600) == "12:00 UTC"
    assert moment(noon, noon + 86400) == "2026-11-23 12:00 UTC"
