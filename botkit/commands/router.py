"""From a message to a plugin's command, and from its outcome to the reply."""

from __future__ import annotations

import logging
import math
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from botkit.commands.help import command_help, subcommand_help, usage_line
from botkit.commands.parse import CommandParser, ParsedCommand
from botkit.commands.rate_limit import Bill, RateLimiter, RateLimitError, TokenBuckets
from botkit.config import CommandsConfig, Rate
from botkit.messages.document import Document, Reply, line
from botkit.messages.inbound import InboundMessage
from botkit.messages.sanitise import logged, quoted
from botkit.outbound import Payer, Purpose, one_party
from botkit.permissions import MODERATOR, may_command
from botkit.plugin import Command, Handler, Invocation, RoomUnavailableError, UsageError
from botkit.suggestion import nearest

HELP = "help"
"""The subcommand that the router answers for every command."""

MOST_REQUESTS = 2000
"""Requests to strangers that one command may make, look-ups in DNS included."""

_REFUSALS = Rate(1, 3600.0)
_REFUSALS_PER_ROOM = Rate(5, 3600.0)
"""Strangers who may not command can be many, and each of them new."""

_NOT_ENTITLED = f"Only the bot's admins and members of this room with power level {MODERATOR} or more may do that."

_NOTICES = Rate(1, 60.0)
"""That a rate is spent is told once a minute to each user in each room; if it is the room's, to one of them."""

log = logging.getLogger(__name__)


def _alone(user_id: str) -> Payer:
    return Payer(Purpose.COMMAND, user_id)


@asynccontextmanager
async def _as_it_is(message: InboundMessage) -> AsyncIterator[InboundMessage]:
    yield message


async def _nobody(_room_id: str, _user_id: str) -> bool:
    return False


class CommandRouter:
    """
    Answers messages that are commands; an ``Answerer``.

    Never raises but for cancellation: what goes wrong in a handler becomes one line in the room.

    Args:
        commands: of all plugins; two with the same word are a ValueError.
        prefix: put before the word, such as ``!``.
        access: who may command, and how often.
        admins: always allowed, with a rate of their own.
        own_user_id: the bot, whose own messages are not commands.
        clock: monotonic seconds, for rates and the log.
        entitled: whether a user may change what the bot does in a room; by default no user may.
        prepare: entered for a command that is allowed and within its rates, before it is answered; gives the message
            with what is known of it then.
        payer: on whose behalf a user's commands ask strangers' hosts; by default each user has a share of their own.
        incident: makes the reference under which a failure is found in the log.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        *,
        prefix: str,
        access: CommandsConfig,
        admins: Collection[str],
        own_user_id: str,
        clock: Callable[[], float],
        entitled: Callable[[str, str], Awaitable[bool]] = _nobody,
        prepare: Callable[[InboundMessage], AbstractAsyncContextManager[InboundMessage]] = _as_it_is,
        payer: Callable[[str], Payer] = _alone,
        incident: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._parser = CommandParser(commands, prefix)
        self._prefix = prefix
        self._access = access
        self._admins = frozenset(admins)
        self._own_user_id = own_user_id
        self._clock = clock
        self._rate = RateLimiter(access.per_user, access.per_room, access.per_admin, self._admins, clock)
        self._notices = TokenBuckets(_NOTICES, clock)
        self._refusals = TokenBuckets(_REFUSALS, clock)
        self._room_refusals = TokenBuckets(_REFUSALS_PER_ROOM, clock)
        self._entitled = entitled
        self._prepare = prepare
        self._payer = payer
        self._incident = incident

    def is_command(self, message: InboundMessage) -> bool:
        """Whether the message is for the bot; cheap, so that everything else can be dropped early."""
        return message.sender != self._own_user_id and self._parser.is_command(message)

    async def __call__(self, message: InboundMessage) -> Sequence[Reply]:
        """The replies, in order; an empty sequence means silence."""
        parsed = None if message.sender == self._own_user_id else self._parser.parse(message)
        if parsed is None:
            return ()
        if not may_command(message.sender, self._access.allow, self._access.block, self._admins):
            return self._refused(parsed)
        began = self._clock()
        bill = Bill(self._rate, message.sender, message.room_id)
        with one_party(self._payer(message.sender), limit=MOST_REQUESTS) as party:
            try:
                bill.charge(1)
                async with self._prepare(message) as known:
                    outcome, replies = await self._answer(replace(parsed, message=known), bill)
            except RateLimitError as error:
                outcome, replies = "limited", self._limited(message, error)
                if not replies:
                    return ()
            finally:
                bill.settle(party.made)
        _log(parsed, outcome, self._clock() - began)
        return replies

    def _limited(self, message: InboundMessage, error: RateLimitError) -> Sequence[Reply]:
        # a room id has no space
        key = message.room_id if error.shared else f"{message.room_id} {message.sender}"
        if self._notices.wait(key, 1) > 0:
            return ()
        self._notices.take(key, 1)
        return _line(f"Too many commands: try again in {math.ceil(error.seconds)} s. The limit is {error.limit}.")

    def _refused(self, parsed: ParsedCommand) -> Sequence[Reply]:
        message = parsed.message
        told = ((self._refusals, message.sender), (self._room_refusals, message.room_id))
        if any(bucket.wait(key, 1) > 0 for bucket, key in told):
            return ()
        for bucket, key in told:
            bucket.take(key, 1)
        _log(parsed, "refused", 0.0)
        return _line("You are not allowed to use commands here.")

    async def _answer(self, parsed: ParsedCommand, bill: Bill) -> tuple[str, Sequence[Reply]]:
        """What became of it, in a word for the log, and the replies."""
        command, subcommand, args, message = parsed.command, parsed.subcommand, parsed.args, parsed.message
        word = args[0].casefold() if args and subcommand is None else ""
        if word == HELP:
            return "help", self._help(command, args[1:])
        handler: Handler = subcommand.handler if subcommand else command.handler
        usage = usage_line(self._prefix, command, subcommand)
        try:
            if subcommand and subcommand.entitled and not await self._entitled(message.room_id, message.sender):
                return "refused", _line(_NOT_ENTITLED)
            return "answered", await handler(_invocation(parsed, bill))
        except RoomUnavailableError as error:
            return "unavailable", _line(
                f"The homeserver did not return this room's members or state ({quoted(str(error))}); try again."
            )
        except UsageError as error:
            return "usage", _line(self._usage_reply(str(error), usage, command, word))
        except RateLimitError:
            raise
        except Exception:
            incident = self._incident()
            log.exception("command failed reference=%s word=%s room=%s", incident, command.word, message.room_id)
            return "failed", _line(f"Internal error (reference {incident}); the bot's log has the details.")

    def _usage_reply(self, text: str, usage: str, command: Command, word: str) -> str:
        """One line: what is wrong, how to type it, and the subcommand that was probably meant."""
        reply = f"{text} Usage: `{usage}`".strip()
        guess = nearest(word, (*(known.name for known in command.subcommands), HELP)) if word else None
        if guess and re.fullmatch(r"[\w-]+", word):
            reply += f" — did you mean `{self._prefix}{command.word} {guess}`?"
        return reply

    def _help(self, command: Command, args: tuple[str, ...]) -> Sequence[Reply]:
        if not args:
            return (command_help(self._prefix, command),)
        word = args[0].casefold()
        for subcommand in command.subcommands:
            if subcommand.name.casefold() == word:
                return (subcommand_help(self._prefix, command, subcommand),)
        text = self._usage_reply("", f"{self._prefix}{command.word} {HELP} [COMMAND]", command, word)
        return _line(text)


def _log(parsed: ParsedCommand, outcome: str, seconds: float) -> None:
    """The bot's own words for the command and none that were typed: the room may be encrypted."""
    word = parsed.command.word
    log.info(
        "command name=%s room=%s sender=%s outcome=%s seconds=%.1f",
        logged(f"{word} {parsed.subcommand.name}" if parsed.subcommand else word),
        logged(parsed.message.room_id),
        logged(parsed.message.sender),
        outcome,
        seconds,
    )


def _invocation(parsed: ParsedCommand, bill: Bill) -> Invocation:
    message = parsed.message
    return Invocation(
        event_id=message.event_id,
        room_id=message.room_id,
        sender=message.sender,
        args=parsed.args,
        reply_author=message.reply_author,
        charge=bill.charge,
        flags=parsed.flags,
        reply_to=message.reply_to,
        thread_root=message.thread_root,
    )


def _line(marked: str) -> tuple[Document, ...]:
    return (line(marked),)
