"""``!foci`` in rooms: whom it checks, what it refuses, what it costs, what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from botkit.commands.parse import sorted_words
from botkit.messages.document import Document
from botkit.messages.rendering import MESSAGE_BYTES, message_content, to_plain
from botkit.plugin import Invocation, UsageError
from lab.fault import Fault
from lab.federation import Federation
from plugins.foci.commands.report import FociCommands
from plugins.foci.commands.room import MAX_SERVERS
from tests.foci.examination import Examination

BOT = "@foci:bot.example.org"
ADMIN = "@admin:alpha.example.org"
ROOM = "!room"


@dataclass
class Membership:
    """A stand-in for the host's rooms: one room with these members."""

    present: Sequence[str] = ()

    async def members(self, room_id: str) -> tuple[str, ...]:
        assert room_id == ROOM
        return tuple(self.present)

    async def power_level(self, room_id: str, user_id: str) -> float:
        raise AssertionError("nothing here depends on power")

    def is_admin(self, user_id: str) -> bool:
        return user_id == ADMIN

    async def entitled(self, room_id: str, user_id: str) -> bool:
        raise AssertionError("nothing here depends on power")

    async def entitled_members(self, room_id: str) -> tuple[str, ...]:
        raise AssertionError("nothing here depends on power")

    def joined(self) -> frozenset[str]:
        return frozenset({ROOM})

    def suspended(self) -> frozenset[str]:
        return frozenset()


class Health:
    """A stand-in for the host's status."""

    def lines(self) -> Sequence[tuple[str, str]]:
        return [("last sync", "2 s ago")]

    def totals(self) -> Sequence[tuple[str, str]]:
        return [("undelivered messages", "0")]


@dataclass
class Room:
    """Types commands as one person and keeps what they were charged."""

    federation: Federation
    examination: Examination
    membership: Membership = field(default_factory=Membership)
    charged: list[int] = field(default_factory=list)

    async def say(
        self,
        *words: str,
        sender: str = "@alice:alpha.example.org",
        reply_author: str | None = None,
        subcommand: str | None = None,
        charge: Callable[[int], None] | None = None,
    ) -> Sequence[Document]:
        async with self.examination.checker() as checker:
            command = FociCommands(checker, self.membership, Health(), BOT).command()
            named, args, flags = sorted_words(command, (subcommand, *words) if subcommand else words)
            invocation = Invocation(
                "$event", ROOM, sender, args, reply_author, charge or self.charged.append, flags=flags
            )
            return await (named or command).handler(invocation)

    async def first_lines(self, *words: str, reply_author: str | None = None) -> list[str]:
        """The first line of each answer."""
        answers = await self.say(*words, reply_author=reply_author)
        return [to_plain(document).split("\n")[0] for document in answers]

    def asked(self) -> int:
        """How many requests reached anybody."""
        return sum(len(site.requests) for site in self.federation.sites.values())


@pytest.fixture
async def room(federation: Federation, examination: Examination) -> Room:
    for name, fault in [("alpha", None), ("beta", None), ("gamma", Fault.REFUSED)]:
        focus = await federation.focus(f"https://rtc.{name}.example.org/jwt", fault=fault)
        await federation.server(f"{name}.example.org", foci=[focus.url])
    return Room(federation, examination)


async def test_without_words_it_is_the_own_server(room: Room) -> None:
    """Somebody who types the bare command learns of their own homeserver."""
    (line,) = await room.first_lines()
    assert line.startswith("✅ alpha.example.org: ")


async def test_as_a_reply_it_is_the_author(room: Room) -> None:
    """A reply asks about the server of whoever wrote the message; named targets win over it."""
    (line,) = await room.first_lines(reply_author="@bob:gamma.example.org")
    assert line.startswith("❌ gamma.example.org: ")
    assert "connection refused" in line
    (line,) = await room.first_lines("beta.example.org", reply_author="@bob:gamma.example.org")
    assert line.startswith("✅ beta.example.org: ")


async def test_several_targets_in_their_order(room: Room) -> None:
    """Each target has its report, in the order typed, each counted against the rate; lists may have commas."""
    lines = await room.first_lines("@b:beta.example.org,", "gamma.example.org;", "alpha.example.org")
    assert [line.split()[1].rstrip(":") for line in lines] == [
        "beta.example.org",
        "gamma.example.org",
        "alpha.example.org",
    ]
    assert sum(room.charged) == 2


async def test_one_server_named_often_is_checked_once(room: Room) -> None:
    """Users of one server, and links to them, are one check and one report."""
    words = ["@a:beta.example.org", "@b:beta.example.org", "beta.example.org", "matrix:u/c:beta.example.org"]
    assert len(await room.say(*words, "https://matrix.to/#/@d:beta.example.org", "@e:beta.example.org")) == 1
    assert sum(room.charged) == 0
    asked = [request.path for request in room.federation.sites["beta.example.org:443"].requests]
    assert sorted(asked) == ["/.well-known/matrix/client", "/.well-known/matrix/server"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["hello"], "`hello`"),
        (["beta.example.org", "statsu"], "`statsu`"),
        (["#room:example.org"], "room"),
        (["beta.example.org", "@alice"], "@alice"),
        (["https://example.org"], "URL"),
        (["beta.example.org", "--deep"], "--deep"),
        ([f"s{number}.example.org" for number in range(6)], "At most 5"),
        (["x" * 5000], "neither"),
        (["@a:b\u202e.c"], "not a server name"),
    ],
)
async def test_bad_words_fetch_nothing(room: Room, words: list[str], told: str) -> None:
    """All words are read before anything is fetched; a bad one gives one short line."""
    with pytest.raises(UsageError) as refused:
        await room.say(*words)
    line = str(refused.value)
    assert told in line
    assert line.isprintable()
    assert len(line) < 300
    assert room.asked() == 0
    assert room.charged == []


class SpentError(Exception):
    """The rate is spent."""


async def test_a_spent_rate_fetches_nothing(room: Room) -> None:
    """What is charged beforehand and refused is not done."""

    def refuse(count: int) -> None:
        raise SpentError(count)

    with pytest.raises(SpentError):
        await room.say("alpha.example.org", "beta.example.org", charge=refuse)
    with pytest.raises(SpentError):
        await room.say(subcommand="room", charge=refuse)
    assert room.asked() == 0


async def test_the_room_says_who_finds_whose_focus(room: Room) -> None:
    """One line a server, the servers with most members first, the bot itself left out."""
    room.membership.present = [
        BOT,
        "@a:gamma.example.org",
        "@b:beta.example.org",
        "@c:beta.example.org",
        "@d:alpha.example.org",
        "@broken",
    ]
    (document,) = await room.say(subcommand="room")
    head, *lines = to_plain(document).split("\n")
    assert head == "3 servers have members in this room: 2 with a focus that answers, 1 without."
    assert lines == [
        "1. ✅ beta.example.org (2 members): calls use https://rtc.beta.example.org/jwt",
        "2. ✅ alpha.example.org (1 member): calls use https://rtc.alpha.example.org/jwt",
        lines[2],
    ]
    assert lines[2].startswith("3. ❌ gamma.example.org (1 member): focus 1")


async def test_a_server_that_nobody_finds_a_focus_on_is_not_counted_as_good(room: Room) -> None:
    """A list without a LiveKit focus is a warning by the rules, and yet nobody finds a focus there."""
    await room.federation.server("delta.example.org", foci=[{"type": "full_mesh"}])
    room.membership.present = ["@a:delta.example.org"]
    (document,) = await room.say(subcommand="room")
    assert to_plain(document).startswith("1 server has members in this room: 0 with a focus that answers, 1 without.")


async def test_a_large_room_is_bounded(room: Room) -> None:
    """Many members of many servers: at most fifty are checked, the rest is counted, the answer fits an event."""
    for number in range(MAX_SERVERS + 10):
        name = f"s{number}.example.org"
        await room.federation.server(name, foci=["https://rtc.alpha.example.org/jwt"], crowd="many")
    servers = [f"s{number}.example.org" for number in range(MAX_SERVERS + 10)]
    room.membership.present = [f"@user{number}:{server}" for server in servers for number in range(20)]
    (document,) = await room.say(subcommand="room")
    text = to_plain(document)
    assert text.startswith(f"{MAX_SERVERS} servers have members in this room: {MAX_SERVERS} with a focus that answers.")
    assert "10 more servers were not checked" in text
    assert len(str(message_content(document)).encode()) < MESSAGE_BYTES
    asked = [name for name in servers if room.federation.sites[f"{name}:443"].requests]
    assert len(asked) == MAX_SERVERS
    # paid for beforehand; what the requests come to is paid afterwards
    assert room.charged == [16]


async def test_an_empty_room(room: Room) -> None:
    """Alone with the bot there is nothing to count, and it says so without a crash."""
    room.membership.present = [BOT]
    (document,) = await room.say(subcommand="room")
    assert to_plain(document).startswith("0 servers have members in this room")


async def test_status(room: Room) -> None:
    """The bot's own health is shown line by line, its totals to admins, and nothing is fetched for it."""
    (document,) = await room.say(subcommand="status")
    own = ["foci-bot is running.", "last sync: 2 s ago"]
    assert to_plain(document).split("\n") == own
    (document,) = await room.say(subcommand="status", sender=ADMIN)
    assert to_plain(document).split("\n") == [*own, "undelivered messages: 0"]
    assert room.asked() == 0
