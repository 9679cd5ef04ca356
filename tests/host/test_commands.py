from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from botkit.commands.parse import CommandParser, ParsedCommand
from botkit.commands.rate_limit import REQUESTS, RateLimitError
from botkit.commands.router import MOST_REQUESTS, CommandRouter
from botkit.config import CommandsConfig, Rate
from botkit.messages.document import Document, Paragraph, Text
from botkit.messages.inbound import InboundMessage
from botkit.messages.rendering import to_plain
from botkit.outbound import Party, Payer, Purpose, current_party
from botkit.plugin import Command, Invocation, Subcommand, UsageError
from tests.host.clock import Clock

BOT, ADMIN, ALICE = "@foci:example.org", "@ops:example.org", "@alice:example.org"


def said(text: str) -> Document:
    """A document of one line."""
    return Document((Paragraph((Text(text),)),))


class Plugin:
    """A stand-in plugin that answers with what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Invocation] = []
        self.party: Party | None = None
        self.requests = 0

    async def check(self, invocation: Invocation) -> Sequence[Document]:
        """Repeat the arguments, or fail as they say; ask strangers as often as told."""
        self.seen.append(invocation)
        self.party = current_party()
        assert self.party is not None
        self.party.made += self.requests
        match invocation.args:
            case ("crash",):
                raise RuntimeError("syt_hunter2 is broken")
            case ("bad", *_):
                raise UsageError("'bad' is no target.")
            case ("told", *_):
                raise UsageError("`usage:` is no target.")
            case ("statsu", *_):
                raise UsageError("'statsu' is no target.")
            case ("dear", amount):
                invocation.charge(int(amount))
        return [said(f"check {' '.join(invocation.args)}")]

    async def status(self, invocation: Invocation) -> Sequence[Document]:
        """Repeat the arguments."""
        self.seen.append(invocation)
        if invocation.args:
            raise UsageError("No arguments, please.")
        return [said("fine"), said("really")]

    def command(self) -> Command:
        """The declaration."""
        return Command(
            "foci", "[TARGET...]", "look", self.check, (Subcommand("status", "[ROOM]", "how it is", self.status),)
        )


class Room:
    """A router with a clock, and a person typing into it."""

    def __init__(self, **access: Any) -> None:
        self.clock = Clock()
        self.plugin = Plugin()
        self.router = CommandRouter(
            [self.plugin.command()],
            prefix="!",
            access=CommandsConfig(**access),
            admins=[ADMIN],
            own_user_id=BOT,
            clock=self.clock,
            incident=lambda: "deadbeef",
        )

    def message(self, body: str, sender: str = ALICE, **fields: Any) -> InboundMessage:
        """A message as the Matrix side delivers it."""
        known: dict[str, Any] = {
            "event_id": "$1", "room_id": "!r", "formatted_body": None, "mentions": (), "reply_to": None,
            "reply_author": None, "thread_root": None, "sent_at": 0, "encrypted": True,
        }  # fmt: skip
        return InboundMessage(body=body, sender=sender, **{**known, **fields})

    async def type(self, body: str, sender: str = ALICE, **fields: Any) -> list[str]:
        """The replies as plain text."""
        return [to_plain(document) for document in await self.router(self.message(body, sender, **fields))]


async def test_a_command_reaches_its_handler_with_its_words() -> None:
    """Words are split at spaces; quotes mean nothing."""
    room = Room()
    assert await room.type("!foci  example.org  'a b'") == ["check example.org 'a b'"]
    seen = room.plugin.seen[0]
    assert (seen.event_id, seen.room_id, seen.sender, seen.reply_author) == ("$1", "!r", ALICE, None)


async def test_a_bare_command_as_a_reply_knows_whom_it_replies_to() -> None:
    """The plugin decides what that means."""
    room = Room()
    body = "> <@bob:b.example> hello\n\n!foci"
    assert await room.type(body, reply_to="$0", reply_author="@bob:b.example") == ["check "]
    assert (room.plugin.seen[0].args, room.plugin.seen[0].reply_author) == ((), "@bob:b.example")


async def test_a_mention_is_the_user_it_stands_for() -> None:
    """The display name in the body is not an argument."""
    room = Room()
    html = '!foci <a href="https://matrix.to/#/@alice:example.org">Alice in Chains</a> x.example'
    assert await room.type("!foci Alice in Chains x.example", formatted_body=html) == [
        "check @alice:example.org x.example"
    ]


async def test_html_that_says_another_thing_than_the_body_is_not_believed() -> None:
    """The command is what everybody saw, whichever body their client shows."""
    room = Room()
    html = 'hello <a href="https://matrix.to/#/@alice:example.org">Alice</a>'
    assert await room.type("!foci status", formatted_body=html) == ["fine", "really"]


@pytest.mark.parametrize("body", ["!FOCI status", "!Foci STATUS", "  !foci status", "!foci\u00a0status"])
async def test_phones_may_capitalise(body: str) -> None:
    """Command and subcommand are words, not passwords."""
    assert await Room().type(body) == ["fine", "really"]


async def test_a_dash_that_a_phone_joined_is_two() -> None:
    """Smart punctuation turns an option into a typographic dash."""
    assert await Room().type("!foci a.example —deep") == ["check a.example --deep"]


@pytest.mark.parametrize("word", ["--deep", "--DEEP", "—deep", "–Deep"])
async def test_declared_flags_are_no_arguments_wherever_they_stand(word: str) -> None:
    """A flag that is not declared stays a word, and a subcommand has flags as words."""
    command = replace(Plugin().command(), flags=frozenset({"--deep"}))
    parser = CommandParser([command], "!")
    message = Room().message(f"!foci {word} a.example {word} --other", thread_root="$root")
    parsed = parser.parse(message)
    assert parsed == ParsedCommand(message, command, None, ("a.example", "--other"), frozenset({"--deep"}))
    parsed = parser.parse(Room().message("!foci STATUS --deep"))
    assert parsed is not None
    assert (parsed.subcommand, parsed.args, parsed.flags) == (command.subcommands[0], ("--deep",), frozenset())


async def test_a_command_knows_its_thread() -> None:
    """What a handler gets tells where the command stands."""
    room = Room()
    await room.type("!foci", reply_to="$0", reply_author=ADMIN, thread_root="$root")
    seen = room.plugin.seen[0]
    assert (seen.reply_to, seen.reply_author, seen.thread_root, seen.flags) == ("$0", ADMIN, "$root", frozenset())


@pytest.mark.parametrize(
    "body",
    ["", "hello", "foci", "!", "! foci", "!focix", "!other", "say !foci", "* !foci", "!help", "!!foci", "\u202e!foci"],
)
async def test_everything_else_is_none_of_our_business(body: str) -> None:
    """Other bots share the prefix; silence is the only right answer."""
    room = Room()
    assert not room.router.is_command(room.message(body))
    assert await room.type(body) == []


async def test_the_bots_own_messages_are_no_commands() -> None:
    """Or it would talk to itself for ever."""
    room = Room()
    assert not room.router.is_command(room.message("!foci", BOT))
    assert await room.type("!foci", BOT) == []


async def test_commands_are_recognised_cheaply() -> None:
    """The inbox keeps what is a command and nothing else."""
    room = Room()
    assert room.router.is_command(room.message("!foci whatever"))
    assert room.plugin.seen == []


async def test_any_prefix_will_do() -> None:
    """A prefix may be several characters, and case counts in it."""
    plugin = Plugin()
    room = Room()
    router = CommandRouter(
        [plugin.command()], prefix="bot:", access=CommandsConfig(), admins=(), own_user_id=BOT, clock=Clock()
    )
    assert router.is_command(room.message("bot:foci"))
    assert not router.is_command(room.message("!foci"))
    assert not router.is_command(room.message("Bot:foci"))


async def test_usage_errors_are_one_line_with_the_way_to_type_it() -> None:
    """What is wrong, how to type it, and the nearest subcommand where one is near."""
    room = Room()
    assert await room.type("!foci bad") == ["'bad' is no target. Usage: !foci [TARGET...]"]
    assert await room.type("!foci told") == ["usage: is no target. Usage: !foci [TARGET...]"]
    assert await room.type("!foci status x") == ["No arguments, please. Usage: !foci status [ROOM]"]
    assert await room.type("!foci statsu") == [
        "'statsu' is no target. Usage: !foci [TARGET...] — did you mean !foci status?"
    ]


async def test_help_is_generated_from_the_declarations() -> None:
    """Every way to type the command, and each alone."""
    room = Room()
    assert await room.type("!foci help") == [
        (
            "Usage of !foci:\n"
            "!foci [TARGET...] – look\n"
            "!foci status [ROOM] – how it is\n"
            "!foci help [COMMAND] – this list, or help on one command"
        )
    ]
    assert await room.type("!foci help Status") == ["!foci status [ROOM] – how it is"]
    assert await room.type("!foci help statu") == ["Usage: !foci help [COMMAND] — did you mean !foci status?"]
    assert await room.type("!foci help zzz") == ["Usage: !foci help [COMMAND]"]


async def test_somebody_not_allowed_is_told_once_an_hour() -> None:
    """One line, then silence; nothing reaches the plugin."""
    room = Room(allow=["@*:other.example"])
    assert await room.type("!foci") == ["You are not allowed to use commands here."]
    assert await room.type("!foci") == []
    assert await room.type("!foci", "@bob:example.org") == ["You are not allowed to use commands here."]
    room.clock.now += 3601
    assert len(await room.type("!foci")) == 1
    assert room.plugin.seen == []
    assert await room.type("!foci", ADMIN) == ["check "]


async def test_a_flood_gets_one_answer_and_then_silence() -> None:
    """The wait is told once, rounded up, until the rate has recovered."""
    room = Room(per_user="2/min")
    replies = [reply for _ in range(10) for reply in await room.type("!foci")]
    assert replies == ["check ", "check ", "Too many commands: try again in 30 s. The limit is 2/min per user."]
    room.clock.now += 29
    assert await room.type("!foci") == []
    room.clock.now += 1
    assert await room.type("!foci") == ["check "]


async def test_whoever_is_refused_is_told_once_per_room_and_minute() -> None:
    """Not only in the room where it was told first, nor only the first of two users, nor only once for ever."""
    room = Room(per_user="2/h")
    told = ["Too many commands: try again in 1800 s. The limit is 2/h per user."]
    for sender in (ALICE, "@bob:example.org"):
        for _ in range(2):
            assert await room.type("!foci", sender) == ["check "]
        assert await room.type("!foci", sender) == told
        assert await room.type("!foci", sender) == []
        assert await room.type("!foci", sender, room_id="!elsewhere") == told
        assert await room.type("!foci", sender, room_id="!elsewhere") == []
    room.clock.now += 60
    assert await room.type("!foci") == ["Too many commands: try again in 1740 s. The limit is 2/h per user."]


async def test_an_admin_sets_up_while_others_flood() -> None:
    """An admin's rate is apart from those of users and of the room."""
    room = Room(per_user="1/h", per_room="1/h", per_admin="9/min")
    assert await room.type("!foci") == ["check "]
    assert "in this room" in (await room.type("!foci", "@bob:example.org"))[0]
    assert [await room.type("!foci", ADMIN) for _ in range(9)] == [["check "]] * 9
    assert await room.type("!foci", ADMIN) == ["Too many commands: try again in 7 s. The limit is 9/min per admin."]


async def test_a_room_full_of_people_shares_a_rate() -> None:
    """Each alone is slow, together they are a flood."""
    room = Room(per_room="3/min")
    replies = [reply for number in range(9) for reply in await room.type("!foci", f"@{number}:x")]
    assert replies == ["check "] * 3 + ["Too many commands: try again in 20 s. The limit is 3/min in this room."]


async def test_further_work_is_charged() -> None:
    """A handler that would do too much ends like a command too many."""
    room = Room(per_user="6/min")
    assert await room.type("!foci dear 5") == ["check dear 5"]
    assert await room.type("!foci x") == ["Too many commands: try again in 10 s. The limit is 6/min per user."]
    room.clock.now += 20
    assert await room.type("!foci dear 5") == []
    room.clock.now += 40
    assert await room.type("!foci dear 6") == ["Too many commands: try again in 20 s. The limit is 6/min per user."]
    with pytest.raises(RateLimitError):
        room.plugin.seen[0].charge(6)


async def test_a_crash_is_one_line_in_the_room_and_a_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The room learns a number, never what the exception says."""
    with caplog.at_level(logging.ERROR):
        assert await Room().type("!foci crash") == [
            "Internal error (reference deadbeef); the bot's log has the details."
        ]
    assert "reference=deadbeef" in caplog.text
    assert "RuntimeError" in caplog.text


async def test_commands_are_logged_without_what_was_typed(caplog: pytest.LogCaptureFixture) -> None:
    """Who, where, which command, what became of it: the room may be encrypted, so its words stay in it."""
    caplog.set_level(logging.INFO, "botkit.commands")
    room = Room(per_user="4/min", block=["@bad:example.org"])
    for typed in ("!foci secret.example", "!foci STATUS secret", "!foci help secret", "!foci crash"):
        await room.type(typed)
    for _ in range(2):
        await room.type("!foci secret")
        await room.type("!foci secret", "@bad:example.org", room_id="!a b")
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    told = [line.removeprefix("command name=").removesuffix(" seconds=0.0") for line in lines]
    assert told == [
        f"foci room=!r sender={ALICE} outcome=answered",
        f'"foci status" room=!r sender={ALICE} outcome=usage',
        f"foci room=!r sender={ALICE} outcome=help",
        f"foci room=!r sender={ALICE} outcome=failed",
        f"foci room=!r sender={ALICE} outcome=limited",
        'foci room="!a b" sender=@bad:example.org outcome=refused',
    ]


async def test_endless_arguments_are_cut() -> None:
    """A command of 64 KiB costs next to nothing."""
    room = Room()
    await room.type("!foci " + "x " * 30_000)
    assert len(room.plugin.seen[0].args) <= 64


async def test_two_commands_of_one_word_are_refused() -> None:
    """One of them would never be heard."""
    command = Plugin().command()
    with pytest.raises(ValueError, match="same word"):
        CommandRouter(
            [command, command], prefix="!", access=CommandsConfig(), admins=(), own_user_id=BOT, clock=Clock()
        )


async def test_a_command_costs_what_it_asks_of_others() -> None:
    """Three hundred requests count as six commands, paid when they were made; what was charged before is part of it."""
    room = Room(per_user=Rate(8, 60.0), per_room=Rate(100, 60.0))
    room.plugin.requests = 6 * REQUESTS
    assert await room.type("!foci dear 1") == ["check dear 1"]
    room.plugin.requests = 0
    assert await room.type("!foci a") == ["check a"]
    assert await room.type("!foci b") == ["check b"]
    assert await room.type("!foci c") == ["Too many commands: try again in 8 s. The limit is 8/min per user."]


async def test_commands_have_a_payer_and_a_limit() -> None:
    """What a handler asks of strangers is on behalf of the sender, and bounded."""
    room = Room()
    await room.type("!foci a")
    assert room.plugin.party is not None
    assert (room.plugin.party.payers, room.plugin.party.limit) == ((Payer(Purpose.COMMAND, ALICE),), MOST_REQUESTS)


async def test_refused_commands_are_not_prepared() -> None:
    """What the homeserver is asked for a command is asked only once it is allowed and within its rates."""
    room, prepared = Room(per_user="1/h", block=["@mallory:*"]), []

    @asynccontextmanager
    async def prepare(message: InboundMessage) -> AsyncIterator[InboundMessage]:
        prepared.append(message.sender)
        yield replace(message, reply_author="@bob:b.example")

    room.router._prepare = prepare
    for sender in ("@mallory:x.example", ALICE, ALICE, ALICE):
        await room.type("!foci", sender)
    assert prepared == [ALICE]
    assert [seen.reply_author for seen in room.plugin.seen] == ["@bob:b.example"]
