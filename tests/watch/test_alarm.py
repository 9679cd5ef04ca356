"""From the configuration to the ops room: real Synapse, encrypted room, real sockets to a federation that breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from lab.fault import Fault
from lab.federation import Federation, Server
from lab.focus import Focus
from lab.loopback import reserved_port
from lab.synapse import Synapse
from tests.matrix.patience import until
from tests.matrix.person import Person, Said
from tests.watch.alarm import WatchBot

RTC = "https://rtc.a.example/livekit/jwt"
BACKUP = "https://backup.a.example/livekit/jwt"
Localparts = Callable[[str], str]


@pytest.fixture
async def focus(federation: Federation) -> Focus:
    return await federation.focus(RTC)


@pytest.fixture
async def server(federation: Federation, focus: Focus) -> Server:
    await federation.focus(BACKUP)
    return await federation.server("a.example", foci=[RTC, BACKUP])


@pytest.fixture
async def bot(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path, federation: Federation, server: Server
) -> AsyncIterator[WatchBot]:
    """Watches a.example for the encrypted room that alice made, as its configuration says."""
    network = {**federation.network(), "timeout": "5s"}
    web = {"enabled": True, "listen": f"127.0.0.1:{reserved_port('127.0.0.1')}"}
    settings = {"network": network, "web": web, "admins": [alice.user_id]}
    bot = await WatchBot.with_password(synapse, localparts("bot"), tmp_path / "bot", **settings)
    room = await alice.create_room(bot.user_id, encrypted=True)
    bot.foci = {"watch": {"interval": "1m", "rooms": [room], "servers": ["a.example"], "canaries": []}}
    async with bot:
        await alice.wait_for_member(room, bot.user_id)
        yield bot


def entry(url: str) -> dict[str, str]:
    return {"type": "livekit", "livekit_service_url": url}


def begins(sign: str, *words: str) -> Callable[[Said], bool]:
    return lambda said: said.body.startswith(sign) and all(word in said.body for word in words)


async def test_a_dead_focus_fires_and_its_return_resolves(
    federation: Federation, focus: Focus, alice: Person, bot: WatchBot
) -> None:
    """One message that notifies, then one in reply with how long it took; both in the encrypted room."""
    await federation.set_fault(focus, Fault.REFUSED)
    fired = await alice.hears(begins("❌", "rtc.a.example", "connection refused", "a.example"))
    assert fired.content["msgtype"] == "m.text"
    assert fired.encrypted
    await federation.set_fault(focus, None)
    resolved = await alice.hears(begins("✅", "rtc.a.example", "recovered"))
    assert resolved.content["msgtype"] == "m.notice"
    assert resolved.content["m.relates_to"]["m.in_reply_to"]["event_id"] == fired.event_id
    news = [said for said in alice.heard if said.content.get("m.relates_to", {}).get("rel_type") is None]
    assert [said.event_id for said in news] == [fired.event_id, resolved.event_id]


async def test_a_changed_list_is_told_once_it_is_confirmed(server: Server, alice: Person, bot: WatchBot) -> None:
    """The order of two foci is swapped: one message with what moved, after a second look past caches."""
    await until(lambda: len(server.site.requests) >= 1)
    server.publish([entry(BACKUP), entry(RTC)])
    changed = await alice.hears(begins("⚠️", "a.example", "changed its foci list", "moved from 2 to 1"))
    assert changed.content["msgtype"] == "m.text"
    assert any(one.headers.get("cache-control") == "no-cache" for one in server.site.requests)


async def test_an_alert_survives_a_restart(
    federation: Federation, focus: Focus, alice: Person, bot: WatchBot, server: Server
) -> None:
    """What fired before it resolves after, in reply to the same message, and the schedule goes on by itself."""
    await federation.set_fault(focus, Fault.BAD_GATEWAY)
    fired = await alice.hears(begins("❌", "rtc.a.example"))
    assert await bot.stop() == 0
    asked = len(server.site.requests)
    await federation.set_fault(focus, None)
    async with bot:
        resolved = await alice.hears(begins("✅", "rtc.a.example", "recovered"))
    assert resolved.content["m.relates_to"]["m.in_reply_to"]["event_id"] == fired.event_id
    assert len(server.site.requests) > asked
    assert len([said for said in alice.heard if begins("❌")(said)]) == 1


async def test_a_room_asks_how_it_goes(alice: Person, bot: WatchBot, focus: Focus) -> None:
    """``!foci status`` tells an admin of the watching, ``!foci watches`` of what is watched."""
    (room,) = bot.foci["watch"]["rooms"]
    await until(lambda: len(focus.site.requests) >= 2)
    await alice.say(room, "!foci status")
    told = await alice.hears(lambda said: "foci-bot is running" in said.body)
    for line in ("watched: 1 server in 1 room", "last check: ", "check delay: ", "open incidents: 0"):
        assert line in told.body
    await alice.say(room, "!foci watches")
    listed = await alice.hears(lambda said: "1 server watched in this room: 1 ok" in said.body)
    assert "a.example every 1 min, from the configuration; checked " in listed.body


async def test_prometheus_learns_how_it_goes(
    federation: Federation, alice: Person, bot: WatchBot, focus: Focus
) -> None:
    """Checks by verdict, the servers of the configuration by name, what is open, how late it is."""
    await federation.set_fault(focus, Fault.REFUSED)
    await alice.hears(begins("❌", "rtc.a.example"))
    async with ClientSession() as session:
        page = await (await session.get(f"http://{bot.config.web.listen}/metrics")).text()
    shown = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    assert shown["foci_watched_servers"] == "1.0"
    assert shown['foci_servers{verdict="critical"}'] == "1.0"
    assert shown['foci_server_verdict{server="a.example"}'] == "2.0"
    assert shown["foci_incidents_open"] == "1.0"
    assert float(shown['foci_checks_total{verdict="critical"}']) >= 3
    assert shown["foci_broken_checks_total"] == "0.0"
    assert float(shown["foci_watch_lag_seconds"]) < 60
    assert "# TYPE foci_checks_total counter" in page


async def test_a_watch_made_in_a_room_begins_at_once(federation: Federation, alice: Person, bot: WatchBot) -> None:
    """Nobody restarts the bot for it; the pace is what was asked for."""
    (room,) = bot.foci["watch"]["rooms"]
    other = await federation.server("a.example", foci=[RTC])
    await alice.say(room, "!foci watch a.example every 30m")
    await alice.hears(lambda said: "a.example is now watched every 1 min" in said.body)
    assert other.site.requests
