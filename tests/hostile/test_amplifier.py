"""Nobody aims the bot at a host: requests that arrive there are counted, whoever asks, and along which way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from botkit.plugin import Limits
from lab.fault import Fault
from lab.federation import Federation
from tests.foci.examination import Examination
from tests.hostile.product import Product, Tally, product
from tests.matrix.patience import until
from tests.outbound.standins import NameTable

PER_DESTINATION = 240
QUICK = Limits(timeout=5.0, deadline=10.0)


def within_budget(tally: Tally) -> bool:
    """Whether no more came than a full budget and its refill, however long it took."""
    return tally.requests <= PER_DESTINATION + tally.seconds * PER_DESTINATION / 60


async def evil(federation: Federation, name: str, crowd: str | None, entries: int = 20, **server: Any) -> None:
    """A server of an attacker, all of it at one host; each entry of its list is another service there."""
    foci = [f"https://{name}/{number}/jwt" for number in range(entries)]
    await federation.server(name, foci=foci, base_url=f"https://{name}", crowd=crowd, **server)


def members(product: Product, names: list[str]) -> None:
    product.rooms.present["!evil"] = tuple(f"@member:{name}" for name in names)


async def test_a_room_full_of_servers_of_an_attacker(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """Fifty domains at one address, with twenty services each: that address hears of it within its budget."""
    names = [f"evil{number}.example" for number in range(50)]
    for name in names:
        await evil(federation, name, "attacker")
    async with product(examination, tmp_path, limits=QUICK) as bot:
        members(bot, names)
        tally = Tally(federation)
        told = await bot.types("!foci room")
    assert tally.requests > 0
    assert within_budget(tally), (tally.requests, tally.seconds)
    assert "the bot makes at most 240 requests a minute to one host" in told


async def test_five_targets_with_many_entries(federation: Federation, examination: Examination, tmp_path: Path) -> None:
    """Of each target six services are probed; the others are listed, and said not to be tested."""
    names = [f"evil{number}.example" for number in range(5)]
    for name in names:
        await evil(federation, name, None)
    async with product(examination, tmp_path, limits=QUICK) as bot:
        tally = Tally(federation)
        await bot.types(f"!foci {' '.join(names)}")
        one = Tally(federation)
        alone = await bot.types(f"!foci {names[0]}")
    services = {
        request.path.split("/")[1]
        for request in federation.sites[f"{names[0]}:443"].requests
        if request.path.endswith("/sfu/get")
    }
    assert services == {"0", "1", "2", "3", "4", "5"}
    assert "not tested in rooms" in alone
    assert "foci-bot check" in alone
    assert one.requests <= tally.requests / 4
    assert tally.requests <= 5 * 60


@pytest.mark.parametrize("shape", ["names of one domain", "domains at one address"])
async def test_fifty_watches_at_one_host(
    shape: str, federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """Each every minute, from several rooms: the host hears of all of them within the budget of watches."""
    suffix = ".evil.example" if shape == "names of one domain" else ".example"
    names = [f"e{number}{suffix}" for number in range(50)]
    for name in names:
        await evil(federation, name, None if shape == "names of one domain" else "attacker")
    async with product(examination, tmp_path, limits=QUICK, speed=20.0) as bot:
        tally = Tally(federation)
        for place, name in enumerate(names):
            await bot.types(f"!foci watch {name} every 1m", room=f"!evil{place % 7}")
        await until(lambda: bot.checks() >= 150, within=120)
        assert tally.requests > 50
        assert within_budget(tally), (tally.requests, tally.seconds)


async def test_many_names_of_one_domain_at_many_addresses(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """Whoever runs them all hears of a room within the budget of one."""
    names = [f"e{number}.victim.example" for number in range(50)]
    for name in names:
        await evil(federation, name, None, entries=6)
    async with product(examination, tmp_path, limits=QUICK) as bot:
        members(bot, names)
        tally = Tally(federation)
        await bot.types("!foci room")
    assert tally.requests > 0
    assert within_budget(tally), (tally.requests, tally.seconds)


async def test_redirects_and_lists_that_lead_to_somebody_else(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """Fifty unrelated servers whose well-knowns are redirected to a victim, and whose lists name its services."""
    names = [f"evil{number}.example" for number in range(50)]
    await federation.site("victim.example")
    for number, name in enumerate(names):
        foci = [f"https://victim.example/{number}/{service}/jwt" for service in range(20)]
        via = [f"https://victim.example/.well-known/{number}"]
        await federation.server(name, foci=foci, base_url="https://victim.example", via=via)
    async with product(examination, tmp_path, limits=QUICK) as bot:
        members(bot, names)
        tally = Tally(federation, ["victim.example"])
        await bot.types("!foci room")
    assert tally.requests > 0
    assert within_budget(tally), (tally.requests, tally.seconds)


async def test_look_ups_of_a_victim_s_names(
    federation: Federation, examination: Examination, names: NameTable, tmp_path: Path
) -> None:
    """A list of fifty servers below somebody's domain that do not exist asks its name servers within the budget."""
    async with product(examination, tmp_path, limits=QUICK) as bot:
        members(bot, [f"no{number}.victim.example" for number in range(50)])
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(3):
            await bot.types("!foci room")
        # a look-up asks for both address families
        assert 0 < len(names.asked) <= 2 * (PER_DESTINATION + (loop.time() - began) * PER_DESTINATION / 60)


async def test_one_command_makes_so_many_requests_at_most(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """Fifty servers at addresses and domains of their own, each as costly as one can be made."""
    names = [f"evil{number}.example" for number in range(50)]
    for name in names:
        await evil(federation, name, None)
    async with product(examination, tmp_path, limits=Limits(timeout=10.0, deadline=60.0)) as bot:
        members(bot, names)
        tally = Tally(federation)
        await bot.types("!foci room")
    assert 1000 < tally.requests <= 2000


async def test_spam_at_a_host_hides_no_outage_of_it(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """Commands at it and watches of names at its address do not keep somebody else's watch from its alert."""
    focus = await federation.focus("https://rtc.victim.example/jwt", crowd="victim")
    await federation.server("victim.example", foci=[focus.url], crowd="victim")
    for number in range(30):
        await evil(federation, f"evil{number}.example", "victim", entries=6)
    async with product(examination, tmp_path, limits=QUICK, speed=20.0) as bot:
        await bot.types("!foci watch victim.example every 1m", "@alice:alice.example", "!alice")
        await until(lambda: bot.checks() >= 1)
        for number in range(30):
            await bot.types(f"!foci watch evil{number}.example every 1m", room=f"!evil{number % 7}")
        spam = asyncio.ensure_future(_spam(bot))
        await until(lambda: bot.checks() >= 30, within=60)
        await federation.set_fault(focus, Fault.BAD_GATEWAY)

        async def alerted() -> bool:
            return any("rtc.victim.example" in text for text in await bot.notified("!alice"))

        await until(alerted, within=120)
        spam.cancel()
        await asyncio.wait([spam])
        assert "rtc.victim.example is down" in "\n".join(await bot.notified("!alice")).replace("*", "")


async def test_who_watched_first_takes_nothing_from_who_comes_later(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """A stranger watches a server before others do, then spends all they may at its address on names of their own."""
    focus = await federation.focus("https://rtc.victim.example/jwt", crowd="victim")
    await federation.server("victim.example", foci=[focus.url], crowd="victim")
    for number in range(60):
        await evil(federation, f"evil{number}.example", "victim", entries=6)
    async with product(examination, tmp_path, limits=QUICK, speed=20.0) as bot:
        await bot.types("!foci watch victim.example every 1m")
        await bot.types("!foci watch victim.example every 1m", "@alice:alice.example", "!alice")
        await until(lambda: bot.checks() >= 1)
        for number in range(60):
            await bot.types(f"!foci watch evil{number}.example every 1m", room=f"!evil{number % 7}")
        await until(lambda: bot.checks() >= 60, within=60)
        await federation.set_fault(focus, Fault.BAD_GATEWAY)

        async def alerted() -> bool:
            return any("rtc.victim.example" in text for text in await bot.notified("!alice"))

        await until(alerted, within=120)


async def _spam(bot: Product) -> None:
    while True:
        for number in range(8):
            await bot.types("!foci victim.example", f"@{number}:m{number}.example", f"!{number}")
        await asyncio.sleep(0.5)


async def test_what_is_not_asked_is_told_and_no_outage(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """A check over the budget is unknown, in words, and many of them never make a watch bad."""
    focus = await federation.focus("https://rtc.victim.example/jwt", crowd="victim")
    await federation.server("victim.example", foci=[focus.url], crowd="victim")
    async with product(examination, tmp_path, limits=QUICK) as bot:
        said = [await bot.types("!foci victim.example") for _ in range(20)]
    assert said[0].startswith("✅ victim.example")
    assert said[-1].startswith("❔ victim.example")
    assert "not tested" in said[-1]
    assert not any(text.startswith("❌") for text in said)


async def test_configured_watches_behind_one_address_are_all_made(
    federation: Federation, examination: Examination, tmp_path: Path
) -> None:
    """Many servers behind a CDN are the normal case: forty at one address are checked whole, again and again."""
    names = [f"s{number}.example" for number in range(40)]
    for name in names:
        focus = await federation.focus(f"https://{name}/jwt", crowd="cdn")
        await federation.server(name, foci=[focus.url], base_url=f"https://{name}", crowd="cdn")
    watch = {"rooms": ["!ops:example.org"], "servers": names, "interval": "1m", "canaries": []}
    patient = Limits(timeout=60.0, deadline=120.0)
    async with product(examination, tmp_path, limits=patient, speed=20.0, watch=watch) as bot:
        tally = Tally(federation)
        await until(lambda: bot.checks() >= 100, within=120)
        assert tally.requests > 40 * 12
        assert set(bot.verdicts()) <= {"ok", "warning"}
