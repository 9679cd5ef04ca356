"""
Every kind of alert on a real Synapse, in an encrypted ops room, as its people read it.

The bot is whole, the federation is on loopback and breaks for real; only its clock hurries, and leaps over the hours
between reminders.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.authority import Authority
from lab.fault import Fault
from lab.federation import Federation, Server
from lab.focus import Focus
from lab.synapse import Synapse
from lab.wellknown import document
from tests.matrix.patience import until
from tests.matrix.person import Person, Said
from tests.watch.alarm import WatchBot
from tests.watch.leap import LeapingClock

HOME = "home.example"
OWN = f"https://rtc.{HOME}/livekit/jwt"
HOUR = 3600.0
PHONE = 100
"""Characters that a notification shows, or fewer."""

Localparts = Callable[[str], str]


@pytest.fixture(scope="module")
def synapse(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Synapse]:
    """The bot's own homeserver, which the federation can reach by its name."""
    listed = [{"type": "livekit", "livekit_service_url": OWN}]
    server = Synapse(
        tmp_path_factory.mktemp("home"), server_name=HOME, authority=authority, transports=listed, msc4143=True
    )
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


class OpsRoom:
    """An encrypted room with somebody entitled in it, and a bot that watches in a hurry."""

    def __init__(self, federation: Federation, synapse: Synapse, alice: Person, directory: Path, name: str) -> None:
        self.federation = federation
        self.alice = alice
        self.clock = LeapingClock(60.0)
        self.room = self.bot_id = ""
        self._synapse = synapse
        self._directory = directory
        self._name = name

    async def opened(self, servers: list[Server], *further: str, **alerts: Any) -> WatchBot:
        """A bot that is to watch these; not started yet."""
        network = {**self.federation.network(), "timeout": "5s"}
        bot = await WatchBot.with_password(self._synapse, self._name, self._directory, network=network)
        self.bot_id = bot.user_id
        self.room = await self.alice.create_room(bot.user_id, encrypted=True)
        names = [*(server.name for server in servers), *further]
        watch = {"interval": "1m", "rooms": [self.room], "servers": names}
        bot.foci = {"watch": watch, "alerts": alerts}
        bot.__dict__["clock"] = self.clock
        return bot

    async def looked(self, servers: list[Server]) -> None:
        """Until the bot is in the room, and the first look at each is over: what is there then is taken as it is."""
        await self.alice.wait_for_member(self.room, self.bot_id)
        await until(lambda: all(len(server.site.requests) >= 2 for server in servers), 60)

    async def reads(self, pattern: str, *, relation: str | None = None, to: Said | None = None) -> Said:
        """The message whose first line fits; what a phone shows of it says as much. ``to`` is what it refers to."""

        def fits(said: Said) -> bool:
            if kind_of(said) != relation or (to is not None and target_of(said) != to.event_id):
                return False
            return bool(re.match(pattern, shown(said)))

        try:
            found = await self.alice.hears(fits, 180.0)
        except TimeoutError:
            pytest.fail("\n".join([pattern, *(f"{kind_of(said)}: {shown(said)}" for said in self.alice.heard)]))
        match = re.match(pattern, shown(found))
        assert match is not None
        # edits notify nobody
        assert relation == "m.replace" or match.end() <= PHONE, shown(found)
        assert found.encrypted
        assert self.alice.unreadable == []
        return found

    async def react(self, said: Said) -> str:
        content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": said.event_id, "key": "👍"}}
        where = f"/_matrix/client/v3/rooms/{self.room}/send/m.reaction/{secrets.token_hex(8)}"
        return str((await self._synapse.api("PUT", where, self.alice.token, content))["event_id"])

    def count(self, beginning: str) -> int:
        """Messages, edits left out, that begin so."""
        return sum(shown(said).startswith(beginning) for said in self.alice.heard if kind_of(said) != "m.replace")

    def news(self) -> list[Said]:
        """Messages of their own, neither edits nor replies nor in threads, nor answers to commands."""
        return [said for said in self.alice.heard if kind_of(said) is None]


def kind_of(said: Said) -> str | None:
    relation = said.content.get("m.relates_to", {})
    return str(relation.get("rel_type") or "reply") if relation else None


def target_of(said: Said) -> str:
    relation = said.content["m.relates_to"]
    return str(relation.get("event_id") or relation["m.in_reply_to"]["event_id"])


def shown(said: Said) -> str:
    """The words that a client shows, of an edit the new ones."""
    return str(said.content.get("m.new_content", said.content)["body"])


def entry(url: str, **further: Any) -> dict[str, Any]:
    return {"type": "livekit", "livekit_service_url": url, **further}


@pytest.fixture
async def ops(
    synapse: Synapse, alice: Person, localparts: Localparts, tmp_path: Path, federation: Federation
) -> OpsRoom:
    return OpsRoom(federation, synapse, alice, tmp_path / "bot", localparts("bot"))


async def test_every_change_of_a_list(ops: OpsRoom) -> None:
    """From published to migrated: one message each, with both lists in its thread."""
    one, two = "https://one.example/jwt", "https://two.example/jwt"
    for url in (one, two):
        await ops.federation.focus(url)
    before: dict[str, list[Any] | None] = {
        "published": None,
        "withdrawn": [one],
        "added": [one],
        "removed": [one, two],
        "moved": [one, two],
        "edited": [one],
        "renamed": [one],
        "migrated": [one],
    }
    servers = {
        name: await ops.federation.server(
            f"{name}.example", foci=foci, transports="present" if name == "migrated" else "absent"
        )
        for name, foci in before.items()
    }
    async with await ops.opened(list(servers.values()), mention=[ops.alice.user_id]) as bot:
        await ops.looked(list(servers.values()))
        assert ops.news() == []
        servers["published"].publish([entry(one), entry(two)])
        servers["withdrawn"].publish(None)
        servers["added"].publish([entry(one), entry(two)])
        servers["removed"].publish([entry(one)])
        servers["moved"].publish([entry(two), entry(one)])
        servers["edited"].publish([entry(one, room="lobby")])
        renamed = document(servers["renamed"].base_url, None, **{"m.rtc_foci": [entry(one)]})
        servers["renamed"].well_known.document = renamed
        servers["migrated"].publish(None)
        for pattern in (
            r"⚠️ published\.example changed its foci list at \d\d:\d\d UTC: a list was published",
            r"⚠️ withdrawn\.example changed its foci list at \d\d:\d\d UTC: it was withdrawn\.",
            rf"⚠️ added\.example changed its foci list at \d\d:\d\d UTC: {two} was added at 2\.",
            rf"⚠️ removed\.example changed its foci list at \d\d:\d\d UTC: {two} \(entry 2\)",
            rf"⚠️ moved\.example changed its foci list at \d\d:\d\d UTC: {two} moved from 2 to 1\.",
            rf"⚠️ edited\.example changed its foci list at \d\d:\d\d UTC: {one} was edited",
            r"⚠️ renamed\.example changed its foci list at \d\d:\d\d UTC: its key changed",
        ):
            told = await ops.reads(pattern)
            assert told.content["msgtype"] == "m.text"
            await ops.reads(r"Before", relation="m.thread")
        migrated = await ops.reads(r"ℹ️ migrated\.example withdrew its foci list from the well-known at \d\d:\d\d UTC")
        assert migrated.content["msgtype"] == "m.notice"
        await until(lambda: len([said for said in ops.alice.heard if kind_of(said) == "m.thread"]) == 8)
        assert bot.task is not None
    assert len(ops.news()) == 8


async def test_answers_that_alternate(ops: OpsRoom) -> None:
    """The third change within an hour says so, once; an hour with one list ends it."""
    one, two = "https://one.example/jwt", "https://two.example/jwt"
    for url in (one, two):
        await ops.federation.focus(url)
    server = await ops.federation.server("twofold.example", foci=[one, two])
    async with await ops.opened([server]):
        await ops.looked([server])
        server.publish([entry(two), entry(one)])
        await ops.reads(rf"⚠️ twofold\.example changed its foci list at \d\d:\d\d UTC: {two} moved from 2 to 1\.")
        server.publish([entry(one), entry(two)])
        await ops.reads(rf"⚠️ twofold\.example changed its foci list at \d\d:\d\d UTC: {one} moved from 2 to 1\.")
        server.publish([entry(two), entry(one)])
        alternates = await ops.reads(r"⚠️ twofold\.example publishes alternating foci lists")
        server.publish([entry(one), entry(two)])
        await asyncio.sleep(3)
        ops.clock.leap(2 * HOUR)
        await ops.reads(r"✅ twofold\.example publishes one foci list again", relation="reply", to=alternates)
    assert len(ops.news()) == 3


async def test_outages_from_the_first_message_to_the_last(ops: OpsRoom) -> None:
    """Fired, edited, reminded, acknowledged, silenced, resolved with its duration: whatever can go bad."""
    fed = ops.federation
    shared = await fed.focus("https://rtc.shared.example/jwt")
    flapping = await fed.focus("https://rtc.flap.example/jwt")
    guarded = await fed.focus("https://rtc.guarded.example/jwt")
    ending = await fed.focus("https://rtc.ending.example/jwt")
    for url in (OWN, "https://elsewhere.example/jwt"):
        await fed.focus(url)
    lost = await fed.server("lost.example", foci=[shared.entry])
    servers = [
        lost,
        *[await fed.server(f"{name}.example", foci=[shared.entry]) for name in ("a", "b")],
        await fed.server("flap.example", foci=[flapping.entry]),
        await fed.server("guarded.example", foci=[guarded.entry]),
        await fed.server("ending.example", foci=[ending.entry]),
    ]
    own = await fed.adopt(ops._synapse, [OWN])
    async with await ops.opened(servers, HOME, mention=[ops.alice.user_id]):
        await ops.looked(servers)
        await ops.reads(r"⚠️ home\.example is watched for this room\. This is the bot's own homeserver")
        assert len(ops.news()) == 1

        await fed.set_fault(shared, Fault.REFUSED)
        down = await ops.reads(
            r"❌ rtc\.shared\.example is down since \d\d:\d\d UTC \(3 checks\): connection refused on [\d.]+:\d+\."
        )
        assert "Affects 3 watched servers: a.example, b.example, lost.example." in down.body
        assert down.content["msgtype"] == "m.text"
        assert down.content["m.mentions"] == {"user_ids": [ops.alice.user_id]}
        evidence = await ops.reads(r"Check at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", relation="m.thread")
        assert "2. connect: failed" in evidence.body
        await ops.react(down)
        noted = await ops.reads(r"❌ rtc\.shared\.example is down since \d\d:\d\d UTC", relation="m.replace", to=down)
        assert f"Acknowledged by {ops.alice.user_id}: no reminders in this room.".replace("@", "@\u2060") in shown(
            noted
        )
        assert noted.content["m.mentions"] == {}

        await fed.set_fault(lost, Fault.INTERNAL_ERROR)
        unread = await ops.reads(
            r"❌ lost\.example: its client well-known cannot be read since \d\d:\d\d UTC \(3 checks\): HTTP 500\."
        )
        drifting = own.document
        own.document = document("https://matrix.home.example", [entry("https://elsewhere.example/jwt")])
        drift = await ops.reads(r"⚠️ home\.example: its two foci lists differ since \d\d:\d\d UTC \(3 checks\)")
        await fed.set_fault(guarded, Fault.WAF_CHALLENGE)
        unclear = await ops.reads(r"❔ rtc\.guarded\.example cannot be checked since \d\d:\d\d UTC \(9 checks\)")
        assert unclear.content["msgtype"] == "m.notice"
        await fed.set_fault(ending, Fault.TLS_NEAR_EXPIRY)
        certificate = await ops.reads(r"⚠️ rtc\.ending\.example: its certificate expires in 5 days, on \d{4}-\d\d-\d\d ")
        flaps = await flap(ops, flapping)

        await ops.alice.say(ops.room, "!foci silence lost.example 1d moving house")
        await ops.reads(r"🔕 lost\.example is silenced in this room until .* UTC\.", relation="reply")
        ops.clock.leap(12.5 * HOUR)
        reminder = await ops.reads(
            r"⏰ home\.example: its two foci lists still differ, since .* UTC \(1[23] h \d+ min\)",
            relation="reply",
            to=drift,
        )
        assert reminder.content["msgtype"] == "m.text"

        own.document = drifting
        await fed.set_fault(shared, None)
        await fed.set_fault(lost, None)
        await fed.set_fault(guarded, None)
        await fed.set_fault(ending, None)
        for pattern, beginning in (
            (r"✅ rtc\.shared\.example recovered at \d\d:\d\d UTC after 1[23] h \d+ min\.", down),
            (
                r"✅ home\.example: its two foci lists agree again since \d\d:\d\d UTC, after 1[23] h",
                drift,
            ),
            (
                r"✅ rtc\.ending\.example has a new certificate, valid until \d{4}-\d\d-\d\d ",
                certificate,
            ),
        ):
            resolved = await ops.reads(pattern, relation="reply", to=beginning)
            assert resolved.content["msgtype"] == "m.notice"
        for pattern, beginning in (
            (r"✅ rtc\.shared\.example was down from .* UTC to .* UTC \(1[23] h \d+ min\)", down),
            (
                r"✅ lost\.example: its client well-known could not be read from .* to .* UTC \(1[23] h \d+ min\)",
                unread,
            ),
            (r"▫️ rtc\.guarded\.example could not be checked from .* UTC to .* UTC \(1[23] h \d+ min\)", unclear),
        ):
            await ops.reads(pattern, relation="m.replace", to=beginning)
        # it may have been steady only since then
        ops.clock.leap(2 * HOUR)
        await ops.reads(r"✅ rtc\.flap\.example recovered at .* UTC after .* min\.", relation="reply", to=flaps)
        # whoever acknowledged is not reminded, whoever silenced is not told, and a notice has no all-clear
        replies = [shown(said).split("\n")[0] for said in ops.alice.heard if kind_of(said) == "reply"]
        # half a day without a check, as this clock leaps: what flapped then may be reminded of before it is looked at
        reminded = [line for line in replies if line.startswith("⏰") and "rtc.flap.example" not in line]
        assert [line for line in reminded if "home.example" not in line] == []
        assert [line for line in replies if line.startswith("✅") and "lost.example" in line] == []
        assert [line for line in replies if "guarded" in line] == []
        await until(lambda: ops.count("⚠️ home.example changed its foci list") == 2)
    # besides: the warning, the list that drifted and came back, and twice an outage before it was called flapping
    assert len(ops.news()) == 6 + 1 + 2 + 2


async def flap(ops: OpsRoom, focus: Focus) -> Said:
    """Down and up again twice, and down: the message about the third time. It ends well."""
    for times in (1, 2):
        await ops.federation.set_fault(focus, Fault.REFUSED)
        await until(lambda times=times: ops.count("❌ rtc.flap") == times)
        await ops.federation.set_fault(focus, None)
        await until(lambda times=times: ops.count("✅ rtc.flap.example recovered") == times)
    await ops.federation.set_fault(focus, Fault.REFUSED)
    told = await ops.reads(r"⚠️ rtc\.flap\.example is flapping, down now since \d\d:\d\d UTC: 3 failures since ")
    await ops.federation.set_fault(focus, None)
    return told


async def test_the_bot_suspects_itself(ops: OpsRoom) -> None:
    """When most hosts go bad together nobody is blamed: it says so once, and once more when it is over."""
    servers = [await ops.federation.server(f"s{number}.example", foci=[]) for number in range(6)]
    async with await ops.opened(servers):
        await ops.looked(servers)
        for server in servers:
            await ops.federation.set_host_fault(server.name, Fault.REFUSED)
        doubt = await ops.reads(r"❔ Alerting paused since \d\d:\d\d UTC: most hosts failed at the same time\.")
        ops.clock.leap(300)
        await asyncio.sleep(2)
        # all at once: at this pace of the clock a host that is healed later has an outage of its own
        await asyncio.gather(*(ops.federation.set_host_fault(server.name, None) for server in servers))
        await ops.reads(r"✅ Alerting resumed at \d\d:\d\d UTC after \d+ min", relation="reply", to=doubt)
    assert ops.news() == [doubt]
