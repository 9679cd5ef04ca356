"""The contract between the host and a plugin. ``docs/plugins.md`` explains it with an example."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import BaseModel

from botkit.figure import Figure
from botkit.messages.document import Reply
from botkit.messages.notification import Notification
from botkit.outbound import HomeserverReader, OutboundClient

if TYPE_CHECKING:
    # at run time they would make every start of a one-shot load a database library
    from botkit.storage import Connection, Database
    from botkit.storage.transfer import Carried


class UsageError(Exception):
    """Wrong usage of a command; the text says why in one line of marked text. The host adds how it is typed."""


class RoomUnavailableError(Exception):
    """The homeserver did not return this room's state; the text is one line."""


class RoomClosedError(RoomUnavailableError):
    """The homeserver refuses because the bot is not in the room, or the room does not exist."""


@dataclass(frozen=True, slots=True)
class Account:
    """The bot's own account: who it is, and a reader that carries its token to its own homeserver only."""

    user_id: str
    homeserver: HomeserverReader


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Limits of a plugin for one request (``network`` in the configuration).

    Attributes:
        timeout: seconds for one request.
        deadline: seconds for the whole of one piece of work.
        max_redirects: redirects followed in a row.
        concurrency: requests in flight at once, all plugins' together; more of them wait.
    """

    timeout: float = 10.0
    deadline: float = 20.0
    max_redirects: int = 5
    concurrency: int = 64


class Rooms(Protocol):
    """What a plugin may learn about the rooms the bot is in. Questions raise RoomUnavailableError."""

    async def members(self, room_id: str) -> tuple[str, ...]:
        """User ids of everyone joined, the bot included, sorted."""

    async def power_level(self, room_id: str, user_id: str) -> float:
        """The user's power from raw room state; infinite for the creators of a room of version 12 or later."""

    def is_admin(self, user_id: str) -> bool:
        """Whether the configuration names a user under ``admins``."""

    async def entitled(self, room_id: str, user_id: str) -> bool:
        """Whether a user may change what the bot does in a room: an admin of the bot, or power level 50 there."""

    async def entitled_members(self, room_id: str) -> tuple[str, ...]:
        """Everyone joined who may do so, sorted; the bot too where it has the power."""

    def joined(self) -> frozenset[str]:
        """The rooms the bot is in; empty until the first sync."""

    def suspended(self) -> frozenset[str]:
        """Rooms that refused the bot or put it out; notifications to them are dropped until they take it in again."""


class Notifier(Protocol):
    """The way of notifications into rooms. See ``botkit.messages.notification``."""

    async def post(self, connection: Connection, notifications: Iterable[Notification]) -> Sequence[Notification]:
        """
        Write notifications down inside a transaction of ``PluginContext.storage``: they are sent if it is committed.

        Order holds within a room. A notification whose name was used before is passed over. Returns the others.
        """

    async def missed(self, connection: Connection, room_id: str) -> Sequence[tuple[str, bool]]:
        """
        What a room's notifications (no replies or edits) are about, oldest first, and whether each was rejected.

        A refused one will never be sent, unlike the last edit of each, which is sent when the room takes
        notifications again. Old notifications are forgotten.
        """

    def wake(self) -> None:
        """There may be notifications to send; to be called after the commit."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """
    A permitted user reacted to one of the plugin's notifications.

    Attributes:
        event_id: of the reaction itself; ``redacted`` names it when it is taken back.
        key: what they reacted with, such as an emoji; a stranger's text of at most 100 characters.
        about: of the notification, whichever message about it was chosen.
    """

    room_id: str
    event_id: str
    sender: str
    key: str
    about: str


class HostStatus(Protocol):
    """The host's own health, for ``!foci status``."""

    def lines(self) -> Sequence[tuple[str, str]]:
        """Name and value pairs in the bot's own words, such as ("last sync", "2 s ago"); anybody may read them."""

    def totals(self) -> Sequence[tuple[str, str]]:
        """The same of what the bot does for all rooms together: for its admins."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """
    One command as typed.

    Attributes:
        args: the words after the command, flags left out, mentions (pills) replaced by their user ids.
        reply_author: sender of the message this one replies to, None when it is not a reply.
        charge: counts further work against the sender's and the room's rate beforehand, as so many commands; raises
            RateLimitError when spent. Requests beyond what was charged for are counted afterwards.
        flags: those of the command's flags that were typed.
        reply_to: event id of the message this one replies to.
        thread_root: event id of the thread it is in.
    """

    event_id: str
    room_id: str
    sender: str
    args: tuple[str, ...]
    reply_author: str | None
    charge: Callable[[int], None]
    flags: frozenset[str] = frozenset()
    reply_to: str | None = None
    thread_root: str | None = None


Handler = Callable[[Invocation], Awaitable[Sequence[Reply]]]


@dataclass(frozen=True, slots=True)
class Subcommand:
    """
    A word after the command word, such as ``status`` in ``!foci status``.

    Attributes:
        entitled: only for those whom ``Rooms.entitled`` lets change what the bot does in the room.
    """

    name: str
    usage: str
    summary: str
    handler: Handler
    entitled: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """
    A command word such as ``foci``.

    Attributes:
        handler: answers when the first argument is none of the subcommands.
        usage: its arguments as shown in help, without prefix and word, such as "[TARGET...]".
        flags: words that are not arguments of ``handler`` at any position, such as ``--deep``; in small letters.
    """

    word: str
    usage: str
    summary: str
    handler: Handler
    subcommands: tuple[Subcommand, ...] = ()
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PluginContext:
    """
    Everything a plugin gets from the host. It reaches for nothing else.

    Attributes:
        storage: the bot's database, with the tables of ``Plugin.migrations``; its ``begin()`` is a transaction.
        admins: user ids of those who may do everything everywhere.
    """

    outbound: OutboundClient
    account: Account
    rooms: Rooms
    status: HostStatus
    limits: Limits
    storage: Database
    notifier: Notifier
    admins: frozenset[str] = frozenset()


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

    The hooks (``reacted`` to ``room_joined``) are called one after the other within a room. A call is stored
    before it is made and repeated until it has returned, across restarts too; so it may come twice.

    Attributes:
        migrations: directory of Alembic revisions for the plugin's own tables, run before it starts.
    """

    name: ClassVar[str]
    config_model: ClassVar[type[BaseModel]]
    migrations: ClassVar[Path | None] = None

    def __init__(self, context: PluginContext, config: BaseModel) -> None:
        self.context = context
        self.config = config

    @classmethod
    def one_shots(cls, config: BaseModel) -> Sequence[OneShot]:
        """Subcommands of ``bot.py`` that this plugin offers."""
        return ()

    @classmethod
    def carried(cls) -> Carried | None:
        """What it keeps in the tables of ``migrations``, for ``export`` and ``import``; None if there are none."""
        return None

    def commands(self) -> Sequence[Command]:
        """Commands for rooms."""
        return ()

    async def start(self) -> None:
        """Begin background work."""

    async def stop(self) -> None:
        """End it; called once, also after a failed start."""

    async def figures(self) -> Sequence[Figure]:
        """What ``/metrics`` shows of this plugin now."""
        return ()

    async def reacted(self, reaction: Reaction) -> None:
        """A permitted user reacted to a notification of this plugin."""

    async def redacted(self, room_id: str, event_id: str) -> None:
        """A reaction that ``reacted`` was called with is taken back."""

    async def room_replaced(self, old: str, new: str) -> None:
        """A room was upgraded and the bot is in its replacement; what waited for the old one is dropped."""

    async def room_left(self, room_id: str) -> None:
        """The bot has left a room of its own accord."""

    async def room_suspended(self, room_id: str, reason: str) -> None:
        """
        A room refuses the bot, or put it out. Notifications that waited are dropped.

        Args:
            reason: a few words of the host's own.
        """

    async def room_joined(self, room_id: str) -> None:
        """The bot has come into a room, or a suspended one takes its notifications again."""
