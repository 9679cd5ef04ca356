"""Whoever has servers of their own at hand silences nobody else's alerts, and makes the bot no surer of itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.replay.runtime import play
from bench.replay.terms import Terms
from bench.replay.told import Told
from bench.replay.traces import spans
from bench.replay.truth import HOUR, Published, Span, Truth
from botkit.outbound.model import FailureKind
from plugins.foci.alerts.watches import Vouchers, WatchSettings

ROOM = "!ops:example.org"
ASKER = "@someone:honest.example"
INTERVAL, DAY = 300.0, 86400.0
FALL = 2 * HOUR
"""When the stranger's servers fall silent."""

OUTAGE = FALL + 400
"""When the focus of the other room dies, soon enough for everything to be suspected."""

LENGTH = OUTAGE + HOUR
OWN = "home.invalid"
CANARIES = ("canary0.net", "canary1.net", "canary2.net")

Rooms = Mapping[str, str]
"""Rooms of strangers to who watches there."""

ONE_ROOM = {"!evil:evil.org": "@evil:evil.org"}
ROOMS_OF_ONE = {f"!evil{place}:evil.org": "@evil:evil.org" for place in range(15)}
PERSONS_OF_ONE_SERVER = {f"!evil{place}:evil.org": f"@evil{place}:evil.org" for place in range(15)}
HOMESERVERS_OF_ONE_DOMAIN = {f"!evil{place}:evil.org": f"@evil:hs{place}.evil.org" for place in range(15)}
FREE_NAMES = {f"!evil{place}:evil.org": f"@evil:e{place}.duckdns.org" for place in range(15)}
ADDRESSES = {f"!evil{place}:evil.org": f"@evil:192.0.2.{place}" for place in range(15)}
DOMAINS = {f"!evil{place}:evil.org": f"@evil:evil{place}.org" for place in range(15)}


def attacked(strangers: Rooms, *, asked: bool) -> Truth:
    """
    Thirty dead servers watched once a day and fifteen that fall silent together; elsewhere a focus dies.

    Args:
        asked: the other room's watches were made there, else they are of the configuration.
    """
    dead = [f"dead{place}.evil.org" for place in range(30)]
    falling = [f"fall{place}.evil.org" for place in range(15)]
    honest = {f"s{place}.example": (Published(0.0, ("rtc", f"own{place}")),) for place in range(3)}
    rooms = list(strangers)
    watches: dict[str, dict[str, float]] = {room: {} for room in rooms}
    for place, server in enumerate([*falling, *dead]):
        watches[rooms[place % len(rooms)]][server] = DAY if server in dead else INTERVAL
    named = (OWN, *CANARIES)
    servers = honest | dict.fromkeys([*dead, *falling, *named], (Published(0.0, ()),))
    unread: dict[str, tuple[Span, ...]] = dict.fromkeys(dead, spans((0.0, LENGTH)))
    unread |= dict.fromkeys(falling, spans((FALL, LENGTH)))
    askers = {**strangers, **({ROOM: ASKER} if asked else {})}
    return Truth(
        LENGTH,
        {ROOM: dict.fromkeys(honest, INTERVAL), **watches},
        servers,
        troubles={"rtc": spans((OUTAGE, HOUR))},
        unread=unread,
        askers=askers,
    )


def vouched(canaries: tuple[str, ...] = ()) -> WatchSettings:
    return WatchSettings(vouchers=Vouchers(frozenset(canaries), None if canaries else OWN))


def delay(told: tuple[Told, ...]) -> float:
    """Seconds from the outage to its message in the room it concerns; and nothing else is told there."""
    first = next(one for one in told if one.room == ROOM)
    assert first.about.startswith("focus:rtc.example.org")
    return first.at - OUTAGE


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize(
    "strangers",
    [ONE_ROOM, ROOMS_OF_ONE, PERSONS_OF_ONE_SERVER, HOMESERVERS_OF_ONE_DOMAIN, FREE_NAMES, ADDRESSES],
    ids=["one room", "rooms of one", "persons of one server", "subdomains", "free names", "addresses"],
)
def test_a_stranger_s_servers_do_not_delay_a_real_outage(strangers: Rooms, asked: bool, tmp_path: Path) -> None:
    """Whether configured or asked for, the other room is told in the time that the contract names."""
    told = play(attacked(strangers, asked=asked), tmp_path, seed=3, settings=vouched()).told
    assert delay(told) <= Terms().fires_within(INTERVAL)


@pytest.mark.parametrize(
    ("canaries", "asked", "windows"),
    [(CANARIES, True, 0), (CANARIES[:1], True, 0), ((), False, 0), ((), True, 5)],
    ids=["canaries", "a canary", "configured", "nobody vouched for"],
)
def test_fifteen_domains_delay_it_only_where_nobody_is_vouched_for(
    canaries: tuple[str, ...], asked: bool, windows: int, tmp_path: Path
) -> None:
    """And even there by a few windows at most: more parties than all others together are no proof for ever."""
    told = play(attacked(DOMAINS, asked=asked), tmp_path, seed=3, settings=vouched(canaries)).told
    news = [one for one in told if one.room == ROOM and one.about.startswith("focus:")]
    assert news[0].at - OUTAGE <= Terms().fires_within(INTERVAL) + windows * 1.1 * INTERVAL


def small(asked: bool, **facts: Any) -> Truth:
    """One room with ten servers, and nothing else that anybody watches."""
    servers = dict.fromkeys((f"s{place}.example" for place in range(10)), (Published(0.0, ()),))
    watches = {ROOM: dict.fromkeys(servers, INTERVAL)}
    known = servers | {OWN: (Published(0.0, ()),)}
    return Truth(3 * HOUR, watches, known, askers={ROOM: ASKER} if asked else {}, **facts)


@pytest.mark.parametrize("what", [FailureKind.CONNECT_REFUSED, FailureKind.CONNECT_TIMEOUT])
@pytest.mark.parametrize("asked", [False, True])
def test_the_only_room_s_servers_are_not_blamed_for_a_cut(asked: bool, what: FailureKind, tmp_path: Path) -> None:
    """Also where nobody is vouched for: the own homeserver cannot be reached either, so it is the bot."""
    truth = small(asked, cut=spans((HOUR, HOUR), what=what))
    told = play(truth, tmp_path, seed=4, settings=vouched()).told
    assert [one.about.partition("@")[0] for one in told if one.placement == "new"] == ["self"]
    assert [one.placement for one in told if one.placement != "edit"] == ["new", "reply"]


def test_the_only_room_s_servers_are_blamed_where_the_homeserver_answers(tmp_path: Path) -> None:
    """All ten refuse, as when their hoster has an outage: they are nobody's but the room's, and it is told."""
    dead = dict.fromkeys((f"s{place}.example" for place in range(10)), spans((HOUR, HOUR)))
    told = play(small(True, unread=dead), tmp_path, seed=4, settings=vouched()).told
    first = {one.about: one.at - HOUR for one in told if one.placement == "new"}
    assert {about.partition("@")[0] for about in first} == {f"discovery:{name}" for name in dead}
    assert max(first.values()) <= Terms().fires_within(INTERVAL)
