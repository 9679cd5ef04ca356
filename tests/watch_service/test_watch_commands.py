"""What people type about watches, and what they read: on a real watch service, with a stand-in for the host's rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO

import pytest
from PIL import Image

from botkit.commands.rate_limit import RateLimitError
from botkit.messages.document import Document, Picture
from botkit.messages.rendering import MESSAGE_BYTES, message_content, to_plain
from botkit.outbound.model import FailureKind
from botkit.plugin import Invocation, UsageError
from botkit.storage import Database
from plugins.foci.alerts.watches import Watch, WatchLimits
from plugins.foci.commands.replies import watches_document
from plugins.foci.commands.watch import WatchCommands
from plugins.foci.health.events import AlertEvent, Cause, EventKind
from plugins.foci.health.keys import Key, KeyKind
from plugins.foci.storage.watches import WatchTable
from plugins.foci.watch.views import WatchView
from tests.watch_service.internet import Internet
from tests.watch_service.ops import ADMIN, NOON, Ops

BOT = "@foci:bot.example"
ROOM = "!ops"
LIMITS = WatchLimits()


@dataclass
class Membership:
    """A stand-in for the host's rooms: who is in the room, and who of them may command watches."""

    present: tuple[str, ...] = (ADMIN, BOT)
    powerful: tuple[str, ...] = (ADMIN,)

    async def members(self, room_id: str) -> tuple[str, ...]:
        assert room_id == ROOM
        return self.present

    async def entitled(self, room_id: str, user_id: str) -> bool:
        raise AssertionError("whoever is here is asked at once")

    async def entitled_members(self, room_id: str) -> tuple[str, ...]:
        return tuple(user for user in self.present if user in self.powerful)

    def joined(self) -> frozenset[str]:
        return frozenset({ROOM})

    def suspended(self) -> frozenset[str]:
        return frozenset()


@dataclass
class Room:
    """Types subcommands as an admin."""

    ops: Ops
    membership: Membership = field(default_factory=Membership)
    changes: int = 0
    charged: int = 0
    spent: bool = False

    async def types(self, line: str) -> str:
        return "\n".join(to_plain(reply) for reply in await self.replies(line) if isinstance(reply, Document))

    async def replies(self, line: str) -> list[Document | Picture]:
        commands = WatchCommands(self.ops.watch_service, self.membership, BOT, self._changed, lambda: self.ops.at)
        word, *args = line.split()
        handler = {one.name: one.handler for one in commands.subcommands()}[word]
        return list(await handler(Invocation("$event", ROOM, ADMIN, tuple(args), None, self._charge)))

    async def refuses(self, line: str) -> str:
        with pytest.raises(UsageError) as caught:
            await self.replies(line)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def _charge(self, amount: int) -> None:
        if self.spent:
            raise RateLimitError(10.0, "6/min per user")
        self.charged += amount

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
def room(database: Database) -> Room:
    return Room(Ops(database, Internet({"a.org": ["rtc"], "b.org": ["rtc"]})))


async def test_a_watch_is_made_changed_and_ended(room: Room) -> None:
    """Each answer says what holds from now on, and the schedule hears of it."""
    assert await room.types("watch a.org") == (
        "🔭 a.org is now watched every 5 min.\n"
        "Alerts go to this room. The first check of a server records its current list as the baseline."
    )
    assert await room.types("watch @alice:a.org") == "🔭 a.org is already watched in this room, every 5 min."
    assert await room.types("watch a.org every 10m") == "🔭 a.org is now watched every 10 min."
    assert [due.server for due in await room.ops.watch_service.schedule()] == ["a.org"]
    assert await room.types("unwatch a.org") == "a.org is no longer watched in this room."
    assert await room.types("unwatch a.org") == "a.org is not watched in this room."
    assert await room.ops.watch_service.schedule() == ()
    assert room.changes == 5


async def test_several_are_watched_and_unwatched_at_once(room: Room) -> None:
    """One reply with a line each, in the order in which they were typed; one named twice is one."""
    assert await room.types("watch b.org, @alice:a.org b.org bot.example every 10m") == (
        "🔭 b.org is now watched every 10 min.\n"
        "🔭 a.org is now watched every 10 min.\n"
        "🔭 bot.example is now watched every 10 min.\n"
        "⚠️ This is the bot's own homeserver: while it is down the bot cannot alert anyone. "
        "Monitor it from another homeserver as well.\n"
        "Alerts go to this room. The first check of a server records its current list as the baseline."
    )
    assert room.charged == 2
    assert {due.server for due in await room.ops.watch_service.schedule()} == {"a.org", "b.org", "bot.example"}
    assert await room.types("unwatch a.org c.org b.org") == (
        "a.org is no longer watched in this room.\n"
        "c.org is not watched in this room.\n"
        "b.org is no longer watched in this room."
    )
    assert room.charged == 4
    assert [due.server for due in await room.ops.watch_service.schedule()] == ["bot.example"]


async def test_the_limit_holds_for_each_of_several(room: Room) -> None:
    """What there is room for is watched; the rest is refused by name, and what was watched may still change."""
    async with room.ops.database.begin() as connection:
        for number in range(1, LIMITS.per_room):
            await WatchTable(connection).put(Watch(ROOM, f"s{number}.org", "room", author=ADMIN, evaluated=True))
    lines = (await room.types("watch a.org b.org s1.org every 10m")).splitlines()
    assert lines[0] == "🔭 a.org is now watched every 10 min."
    assert lines[1].startswith("🚫 b.org is not watched: this room has 100 watches")
    assert lines[2] == "🔭 s1.org is now watched every 10 min."
    assert len(await room.ops.watch_service.watches(ROOM, room.ops.at)) == LIMITS.per_room


async def test_nothing_is_watched_when_the_sender_may_not_do_so_much(room: Room) -> None:
    """The rate is charged before anything is done."""
    room.spent = True
    with pytest.raises(RateLimitError):
        await room.types("watch a.org b.org")
    assert await room.ops.watch_service.watches(ROOM, room.ops.at) == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("watch", "Which server?"),
        ("watch every 5m", "Which server?"),
        ("watch a.org nonsense b.org", "`nonsense` is neither a user id nor a server name."),
        (f"watch {' '.join(f's{number}.org' for number in range(21))}", "At most 20 servers at once."),
        ("watch nonsense", "`nonsense` is neither a user id nor a server name."),
        ("watch #room:a.org", "room"),
        ("watch a.org 5m", "`5m` is neither a user id nor a server name."),
        ("watch a.org every", ""),
        ("watch a.org every 5m b.org", ""),
        ("watch a.org every 5", "`5` is not a duration such as 30m, 2h or 7d."),
        ("watch a.org every 5s", "The duration must be at least 1 min and at most 1 d"),
        ("watch a.org every 900d", "The duration must be at least 1 min and at most 1 d"),
        ("unwatch", "Which server?"),
        ("watches here", ""),
        ("history a.org soon", "`soon` is not a duration"),
        ("history a.org 7d 7d", ""),
        ("silence a.org", "For how long?"),
        ("silence a.org 2y", "`2y` is not a duration"),
        ("silence a.org 900d", "at most 90 d"),
        ("unsilence", "Which server?"),
    ],
)
async def test_a_bad_line_gets_one_line_back(room: Room, line: str, said: str) -> None:
    """Nothing is done, and the answer says what is wrong; how it is typed is added by the host."""
    assert said in await room.refuses(line)
    assert await room.ops.watch_service.watches(ROOM, room.ops.at) == ()
    assert await room.ops.watch_service.silences(ROOM) == ()


async def test_a_room_cannot_watch_the_world(room: Room) -> None:
    """There is a limit, and what is watched already can still be changed."""
    async with room.ops.database.begin() as connection:
        for number in range(1, LIMITS.per_room):
            await WatchTable(connection).put(Watch(ROOM, f"s{number}.org", "room", author=ADMIN, evaluated=True))
    await room.ops.watch({ROOM: ["s0.org"]})
    assert await room.types("watch a.org") == (
        "🚫 a.org is not watched: this room has 100 watches, the maximum (plugins.foci.watch.max_per_room). "
        "To end one: !foci unwatch SERVER."
    )
    assert "every 10 min" in await room.types("watch s1.org every 10m")
    listed = message_content(*[one for one in await room.replies("watches") if isinstance(one, Document)])
    assert "and 50 more" in str(listed["body"])
    assert len(str(listed["formatted_body"]).encode()) < MESSAGE_BYTES


async def test_a_person_cannot_watch_the_world_from_many_rooms(room: Room) -> None:
    """Watches of one person in all rooms are limited; those of others in this room do not count."""
    async with room.ops.database.begin() as connection:
        for number in range(LIMITS.per_person):
            await WatchTable(connection).put(Watch(f"!{number % 9}", f"s{number}.org", "room", author=ADMIN))
        await WatchTable(connection).put(Watch(ROOM, "b.org", "room", author="@other:example.org"))
    assert await room.types("watch a.org") == (
        "🚫 a.org is not watched: you made 300 watches in all rooms, the maximum (plugins.foci.watch.max_per_person). "
        "To end one: !foci unwatch SERVER."
    )
    assert "every 10 min" in await room.types("watch b.org every 10m")
    assert [view.server for view in await room.ops.watch_service.watches(ROOM, room.ops.at)] == ["b.org"]


async def test_watches_of_the_configuration_do_not_count(room: Room) -> None:
    """An operator may configure more than a room may make, and the room still makes its own."""
    configured = [Watch(ROOM, f"s{number}.org", "config") for number in range(LIMITS.per_room)]
    await room.ops.watch_service.configure(configured, room.ops.at)
    assert "is now watched" in await room.types("watch a.org")


async def test_watching_what_one_lives_on_is_warned_about(room: Room) -> None:
    """The bot's own homeserver, and a server where everybody lives who could act."""
    assert "the bot's own homeserver" in await room.types("watch bot.example")
    assert "Everyone here who may act on alerts has an account on this server" in await room.types("watch example.org")
    room.membership.present += ("@guest:elsewhere.org",)
    assert "Everyone here" in await room.types("watch example.org every 10m")
    room.membership.powerful += ("@guest:elsewhere.org",)
    assert "Everyone here" not in await room.types("watch example.org every 20m")
    assert "Everyone here" not in await room.types("watch a.org")


async def test_watches_tell_how_it_is(room: Room) -> None:
    """What was never checked, what is well, what is bad, what is silenced."""
    assert await room.types("watches") == "No server is watched in this room. To watch one: !foci watch SERVER"
    await room.types("watch a.org")
    await room.types("watch b.org every 1h")
    assert await room.types("watches") == (
        "2 servers watched in this room: 2 not checked yet\n"
        "1. a.org every 5 min; not checked yet\n"
        "2. b.org every 1 h; not checked yet"
    )
    await room.ops.checks("a.org", 1)
    room.ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    await room.ops.checks("b.org", 3, 1200)
    room.ops.at += 60
    assert await room.types("watches") == (
        "2 servers watched in this room: 1 ok, 1 critical; 2 with an open alert\n"
        "1. ✅ a.org every 5 min; checked 1 h 1 min ago; rtc.example.org failing since 12:21 UTC "
        "(connection refused on 192.0.2.1:443)\n"
        "2. ❌ b.org every 1 h; checked in the last 1 h; rtc.example.org failing since 12:21 UTC "
        "(connection refused on 192.0.2.1:443)"
    )


async def test_watches_that_are_not_well_come_first_with_their_reason(room: Room) -> None:
    """Also one that is critical before anything fired, which must not read like one that is well."""
    await room.types("watch a.org b.org c.org")
    room.ops.internet.servers["c.org"] = room.ops.internet.servers["a.org"]
    await room.ops.checks("a.org", 1)
    room.ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    await room.ops.checks("b.org", 1)
    assert await room.types("watches") == (
        "3 servers watched in this room: 1 ok, 1 critical, 1 not checked yet\n"
        "1. ❌ b.org every 5 min; checked in the last 5 min; critical, no alert open; details: !foci b.org\n"
        "2. ✅ a.org every 5 min; checked in the last 5 min\n"
        "3. c.org every 5 min; not checked yet"
    )


def test_what_is_only_counted_is_well() -> None:
    """More are watched than one answer lists, and the last of them by name are the ones that are down."""
    well = [WatchView(f"a{number:02}.org", 300.0, "room", "ok", NOON) for number in range(60)]
    views = [*well, WatchView("z.org", 300.0, "room", "unknown", NOON)]
    lines = to_plain(watches_document(views, (), NOON)).splitlines()
    assert lines[0] == "61 servers watched in this room: 60 ok, 1 unknown"
    assert lines[1].startswith("1. ❔ z.org")
    assert lines[-1] == "and 11 more"


def test_many_troubles_of_one_server_are_counted() -> None:
    """Who publishes many broken foci cannot fill the list of others."""
    events = tuple(
        AlertEvent(EventKind.FIRED, Key(KeyKind.FOCUS, f"https://f{number}.org:443/jwt"), NOON, NOON, Cause("x", "no"))
        for number in range(9)
    )
    told = to_plain(watches_document([WatchView("a.org", 300.0, "room", "critical", NOON, events)], (), NOON))
    assert "f2.org failing since 12:00 UTC (no) and 6 more" in told
    assert "f3.org" not in told
    assert "; 1 with an open alert\n" in told


async def test_a_silence_begins_is_listed_and_ends(room: Room) -> None:
    """It says until when, by whom and why; what strangers may write in the reason stays in one line."""
    await room.types("watch a.org")
    assert await room.types("silence") == "There are no silences in this room."
    assert await room.types("silence a.org 2h moving\u202e to <b>new</b> @room") == (
        "🔕 a.org is silenced in this room until 14:00 UTC. "
        "Checks continue; whatever still fails when the silence ends will alert."
    )
    listed = await room.types("silence")
    assert listed.startswith(f"Silences in this room:\n1. a.org until 14:00 UTC, by {ADMIN}: moving")
    assert "\u202e" not in listed
    await room.ops.checks("a.org", 1)
    assert "checked in the last 5 min; silenced until 14:00 UTC" in await room.types("watches")
    assert await room.types("unsilence a.org") == "a.org is no longer silenced in this room."
    assert await room.types("unsilence a.org") == "a.org is not silenced in this room."


async def test_a_silence_may_be_about_a_service(room: Room) -> None:
    """The host of a focus, as alerts name it; who looks at the watches sees that it is silenced."""
    await room.types("watch a.org")
    await room.ops.checks("a.org", 1)
    await room.types("silence rtc.example.org 2h new disks")
    await room.types("silence a.org 1h")
    assert (await room.types("watches")).splitlines()[1:] == [
        "1. ✅ a.org every 5 min; checked in the last 5 min; silenced until 13:01 UTC",
        "Also silenced:",
        f"1. rtc.example.org until 14:01 UTC, by {ADMIN}: new disks",
    ]
    await room.types("unsilence a.org")
    room.ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    assert await room.ops.checks("a.org", 4) == []


async def test_a_silence_that_concerns_nothing_here_says_so(room: Room) -> None:
    """With the nearest name that would; a typing error otherwise shows only when the alert comes."""
    nothing = "⚠️ No server watched in this room has this name, and no service that their checks found so far."
    assert (await room.types("silence a.org 2h")).splitlines()[1:] == [nothing]
    await room.types("watch a.org")
    await room.ops.checks("a.org", 1)
    for known in ("a.org", "A.org", "rtc.example.org", "rtc.example.org:443"):
        assert len((await room.types(f"silence {known} 2h")).splitlines()) == 1
    said = await room.types("silence rtc.exmaple.org 2h")
    assert said.splitlines()[1:] == [f"{nothing} Did you mean rtc.example.org?"]
    assert "rtc.exmaple.org until 14:0" in await room.types("silence")
    assert (await room.types("silence rtc.example.org:8443 2h")).splitlines()[1:] == [
        f"{nothing} Did you mean rtc.example.org?"
    ]


async def test_what_other_rooms_know_is_not_suggested(room: Room) -> None:
    """Neither their servers, nor a service of one's own server that only their check has seen."""
    await room.ops.watch({"!other": ["a.org", "b.org"]})
    await room.ops.checks("a.org", 1)
    room.ops.at += 60
    await room.types("watch a.org")
    nothing = "⚠️ No server watched in this room has this name, and no service that their checks found so far."
    for name, guess in (("rtc.example.org", ""), ("rtc.exmaple.org", ""), ("bb.org", " Did you mean a.org?")):
        assert (await room.types(f"silence {name} 2h")).splitlines()[1:] == [nothing + guess]
    await room.ops.checks("a.org", 1)
    await room.ops.watch_service.flush()
    assert len((await room.types("silence rtc.example.org 2h")).splitlines()) == 1


async def test_history_in_words_and_as_a_picture(room: Room) -> None:
    """Changes are numbered as in the picture; the picture has its words for those who cannot see it."""
    assert await room.types("history a.org") == "a.org is not watched in this room, so it has no history here."
    await room.types("watch a.org")
    await room.ops.check("a.org")
    room.ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    await room.ops.checks("a.org", 3)
    room.ops.internet.broken.clear()
    await room.ops.checks("a.org", 2)
    room.ops.internet.servers["a.org"].foci = ["backup", "rtc"]
    await room.ops.check("a.org")
    room.ops.at += 3600
    said, picture = await room.replies("history a.org")
    assert isinstance(said, Document)
    assert isinstance(picture, Picture)
    lines = to_plain(said).splitlines()
    assert lines[0] == "📈 a.org, the last 1 h 8 min:"
    assert lines[1] == "List changes:"
    assert lines[2].startswith("1. 12:08 UTC: ")
    assert lines[3:] == ["1 outage:", "rtc.example.org from 12:01 UTC for 5 min"]
    assert "`rtc.example.org`: 92" in picture.alt
    assert "the list changed once" in picture.alt
    assert Image.open(BytesIO(picture.png)).size == (picture.width, picture.height)


async def test_history_of_a_quiet_server(room: Room) -> None:
    """Nothing happened, and that is what is said."""
    await room.types("watch a.org")
    await room.ops.checks("a.org", 1)
    room.ops.at += 3600
    assert await room.types("history a.org 1d") == ("📈 a.org, the last 1 h 1 min:\nNo list changes.\nNo outages.")
