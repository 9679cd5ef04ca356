"""The contract between the host and a plugin. ``docs/plugins.md`` explains it with an example."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from pydantic import BaseModel

from botkit.document import Document
from botkit.outbound import HomeserverReader, OutboundClient


class UsageError(Exception):
    """A command was typed wrongly; the text is one line that tells the person how to type it."""


@dataclass(frozen=True, slots=True)
class Account:
    """The bot's own account: who it is, and a reader that carries its token to its own homeserver only."""

    user_id: str
    homeserver: HomeserverReader


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How long and how far a plugin may go on behalf of one request (``network`` in the configuration).

    Attributes:
        timeout: seconds for one request.
        deadline: seconds for the whole of one piece of work.
        max_redirects: redirects followed in a row.
    """

    timeout: float = 10.0
    deadline: float = 20.0
    max_redirects: int = 5


class Rooms(Protocol):
    """What a plugin may learn about the rooms the bot is in."""

    async def members(self, room_id: str) -> tuple[str, ...]:
        """User ids of everyone joined, the bot included, sorted."""

    async def power_level(self, room_id: str, user_id: str) -> float:
        """The user's power from raw room state; infinite for the creators of a room of version 12 or later."""


class HostStatus(Protocol):
    """The host's own health, for ``!foci status``."""

    def lines(self) -> Sequence[tuple[str, str]]:
        """Name and value pairs, such as ("last sync", "2 s ago")."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """
    One command as somebody typed it.

    Attributes:
        args: the words after the command, mentions (pills) replaced by the user ids they stand for.
        reply_author: who wrote the message this one replies to, None when it is no reply.
        charge: counts further work against the sender's and the room's rate; raises CooldownError when spent.
    """

    event_id: str
    room_id: str
    sender: str
    args: tuple[str, ...]
    reply_author: str | None
    charge: Callable[[int], None]


Handler = Callable[[Invocation], Awaitable[Sequence[Document]]]


@dataclass(frozen=True, slots=True)
class Subcommand:
    """A word after the command word, such as ``status`` in ``!foci status``."""

    name: str
    usage: str
    summary: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Command:
    """
    A command word such as ``foci``.

    Attributes:
        handler: answers when the first argument is none of the subcommands.
        usage: its arguments as shown in help, without prefix and word, such as "[TARGET...]".
    """

    word: str
    usage: str
    summary: str
    handler: Handler
    subcommands: tuple[Subcommand, ...] = ()


@dataclass(frozen=True, slots=True)
class PluginContext:
    """Everything a plugin gets from the host. It reaches for nothing else."""

    outbound: OutboundClient
    account: Account
    rooms: Rooms
    status: HostStatus
    limits: Limits


@dataclass(frozen=True, slots=True)
class OneShotContext:
    """What a subcommand of ``bot.py`` gets: no storage; an account only when the config has one."""

    outbound: OutboundClient
    account: Account | None
    limits: Limits


@dataclass(frozen=True, slots=True)
class OneShot:
    """
    A subcommand of ``bot.py`` that runs once and exits, such as ``check``.

    Attributes:
        failure_exit: exit code for every usage error, bad config or uncaught exception.
        validate: judges the arguments before anything else happens, given whether the config has an
            account; raises UsageError.
        needs_account: whether these arguments need the account of a user id; its secret is read only then.
        run: does the work and returns the exit code.
    """

    name: str
    summary: str
    failure_exit: int
    add_arguments: Callable[[ArgumentParser], None]
    validate: Callable[[Namespace, bool], None]
    needs_account: Callable[[Namespace, str], bool]
    run: Callable[[Namespace, OneShotContext], Awaitable[int]]


class Plugin:
    """
    Base of every plugin. A plugin's package exposes its class as ``PLUGIN``.

    The host builds it with everything it needs, registers its commands, calls ``start``, and ``stop``
    before it shuts down.
    """

    name: ClassVar[str]
    config_model: ClassVar[type[BaseModel]]

    def __init__(self, context: PluginContext, config: BaseModel) -> None:
        self.context = context
        self.config = config

    @classmethod
    def one_shots(cls, config: BaseModel) -> Sequence[OneShot]:
        """Subcommands of ``bot.py`` that this plugin offers."""
        return ()

    def commands(self) -> Sequence[Command]:
        """Commands for rooms."""
        return ()

    async def start(self) -> None:
        """Begin background work."""

    async def stop(self) -> None:
        """End it; called once, also after a failed start."""


Registry = Mapping[str, type[Plugin]]
