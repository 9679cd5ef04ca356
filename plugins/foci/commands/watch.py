"""``!foci watch``, ``unwatch``, ``watches``, ``silence``, ``unsilence`` and ``history`` in a room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from botkit.config.units import parse_duration
from botkit.messages.document import Picture, Reply, line
from botkit.messages.sanitise import clipped, quoted
from botkit.plugin import Invocation, Rooms, Subcommand, UsageError
from plugins.foci.alerts.messages import caution_of
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import WatchLimits
from plugins.foci.commands.history import draw, history_document, timeline
from plugins.foci.commands.replies import (
    WatchResult,
    silenced_document,
    silences_document,
    unwatched_document,
    watched_document,
    watches_document,
)
from plugins.foci.discovery.target import TargetError, typed_target
from plugins.foci.watch.views import History, Unwatched, Watched, WatchView
from plugins.foci.wording import LONGEST_NAME, span

DAY = 86400.0
SHORTEST_INTERVAL = 60.0
LONGEST_INTERVAL = DAY
LONGEST_SILENCE = 90 * DAY
LONGEST_HISTORY = 400 * DAY
_DEFAULT_HISTORY = 7 * DAY
_LONGEST_REASON = 200
_MOST_SERVERS = 20
"""Servers of one command."""

_REFUSED = frozenset({Watched.ROOM_FULL, Watched.PERSON_FULL})


class WatchStore(Protocol):
    """What these commands need of what is remembered."""

    async def watch(self, room_id: str, server: str, interval: float | None, author: str, now: float) -> Watched:
        """Watch for a room; without an interval the configured one."""

    async def unwatch(self, room_id: str, server: str, now: float) -> Unwatched:
        """Stop watching for a room."""

    async def watches(self, room_id: str, now: float) -> tuple[WatchView, ...]:
        """What is watched for a room, by name."""

    async def names(self, room_id: str, now: float) -> tuple[str, ...]:
        """Servers and services that a room's alerts may be about, sorted."""

    async def silence(self, silence: Silence, now: float) -> None:
        """Begin a silence; one of the same target in the same room is replaced."""

    async def unsilence(self, room_id: str, target: str, now: float) -> bool:
        """End a silence; False when there is none."""

    async def silences(self, room_id: str) -> tuple[Silence, ...]:
        """The silences that hold in a room."""

    async def history(self, room_id: str, server: str, since: float, now: float) -> History | None:
        """What is remembered of a server since a room watches it; None where it does not."""


class WatchCommands:
    """
    The subcommands about watches.

    Args:
        schedule_changed: called when what is watched is another set than before.
        now: seconds since the epoch.
        limits: as in the settings of the watch service, which holds to them.
    """

    def __init__(
        self,
        watch_service: WatchStore,
        rooms: Rooms,
        own_user_id: str,
        schedule_changed: Callable[[], None],
        now: Callable[[], float],
        limits: WatchLimits = WatchLimits(),  # noqa: B008 - frozen
    ) -> None:
        self._watch_service = watch_service
        self._limits = limits
        self._rooms = rooms
        self._own_user_id = own_user_id
        self._schedule_changed = schedule_changed
        self._now = now

    def subcommands(self) -> tuple[Subcommand, ...]:
        """The declarations that help is generated from."""
        return (
            Subcommand(
                "watch",
                "SERVER... [every 5m]",
                "watch servers: alerts about their foci go to this room",
                self._watch,
                entitled=True,
            ),
            Subcommand("unwatch", "SERVER...", "stop watching servers in this room", self._unwatch, entitled=True),
            Subcommand("watches", "", "the servers watched in this room, and their state", self._watches),
            Subcommand(
                "history", "SERVER [7d]", "a watched server's list changes and outages, with a picture", self._history
            ),
            Subcommand(
                "silence",
                "SERVER 2h [reason]",
                "mute alerts about a server or a service host in this room; without arguments: list silences",
                self._silence,
                entitled=True,
            ),
            Subcommand("unsilence", "SERVER", "end a silence", self._unsilence, entitled=True),
        )

    async def _watch(self, invocation: Invocation) -> Sequence[Reply]:
        words, interval = _paced(invocation.args)
        servers, room_id = _servers(words), invocation.room_id
        invocation.charge(len(servers) - 1)
        entitled = await self._rooms.entitled_members(room_id)
        done = {
            server: await self._watch_service.watch(room_id, server, interval, invocation.sender, self._now())
            for server in servers
        }
        if not _REFUSED.issuperset(done.values()):
            self._schedule_changed()
        paces = {view.server: view.interval for view in await self._watch_service.watches(room_id, self._now())}
        results = [
            WatchResult(
                server,
                outcome,
                paces.get(server, 0.0),
                "" if outcome in _REFUSED else caution_of(server, self._own_user_id, entitled),
            )
            for server, outcome in done.items()
        ]
        return [watched_document(results, self._limits)]

    async def _unwatch(self, invocation: Invocation) -> Sequence[Reply]:
        servers = _servers(invocation.args)
        invocation.charge(len(servers) - 1)
        done = {
            server: await self._watch_service.unwatch(invocation.room_id, server, self._now()) for server in servers
        }
        self._schedule_changed()
        return [unwatched_document(done)]

    async def _watches(self, invocation: Invocation) -> Sequence[Reply]:
        _nothing_more(invocation.args)
        now = self._now()
        silences = await self._watch_service.silences(invocation.room_id)
        return [watches_document(await self._watch_service.watches(invocation.room_id, now), silences, now)]

    async def _history(self, invocation: Invocation) -> Sequence[Reply]:
        server, rest = _server(invocation)
        length = _duration(rest[0], 3600.0, LONGEST_HISTORY) if rest else _DEFAULT_HISTORY
        _nothing_more(rest[1:])
        now = self._now()
        since = now - length
        history = await self._watch_service.history(invocation.room_id, server, since, now)
        if history is None:
            return _line(f"{quoted(server, LONGEST_NAME)} is not watched in this room, so it has no history here.")
        changes = [at for at, _ in history.changes]
        shown = timeline(server, history.keys, history.outages, changes, history.watched_since, since, now)
        drawing = await asyncio.to_thread(draw, shown)
        picture = Picture(drawing.png, drawing.width, drawing.height, "history.png", shown.words())
        return [history_document(server, history, since, now), picture]

    async def _silence(self, invocation: Invocation) -> Sequence[Reply]:
        now = self._now()
        if not invocation.args:
            return [silences_document(await self._watch_service.silences(invocation.room_id), now)]
        target, rest = _server(invocation)
        if not rest:
            raise UsageError("For how long?")
        length = _duration(rest[0], 60.0, LONGEST_SILENCE)
        reason = clipped(" ".join(rest[1:]), _LONGEST_REASON)
        silence = Silence(invocation.room_id, target, now + length, invocation.sender, reason)
        await self._watch_service.silence(silence, now)
        names = await self._watch_service.names(invocation.room_id, now)
        return [silenced_document(silence, names, now)]

    async def _unsilence(self, invocation: Invocation) -> Sequence[Reply]:
        target, rest = _server(invocation)
        _nothing_more(rest)
        ended = await self._watch_service.unsilence(invocation.room_id, target, self._now())
        return _line(f"{quoted(target, LONGEST_NAME)} is {'no longer' if ended else 'not'} silenced in this room.")


def _server(invocation: Invocation) -> tuple[str, tuple[str, ...]]:
    """The server that the first word names, and the rest."""
    [server] = _servers(invocation.args[:1])
    return server, invocation.args[1:]


def _servers(words: Sequence[str]) -> tuple[str, ...]:
    """The servers that these words name, each once."""
    if not words:
        raise UsageError("Which server?")
    try:
        servers = tuple(dict.fromkeys(typed_target(word).server_name for word in words))
    except TargetError as error:
        raise UsageError(f"{error}.") from None
    if len(servers) > _MOST_SERVERS:
        raise UsageError(f"At most {_MOST_SERVERS} servers at once.")
    return servers


def _paced(words: Sequence[str]) -> tuple[Sequence[str], float | None]:
    """The words before "every", and the interval after it."""
    if "every" not in words:
        return words, None
    place = words.index("every")
    if place != len(words) - 2:
        raise UsageError("")
    return words[:place], _duration(words[-1], SHORTEST_INTERVAL, LONGEST_INTERVAL)


def _duration(word: str, shortest: float, longest: float) -> float:
    try:
        seconds = parse_duration(word)
    except ValueError:
        raise UsageError(f"{quoted(word, 20)} is not a duration such as 30m, 2h or 7d.") from None
    if not shortest <= seconds <= longest:
        raise UsageError(f"The duration must be at least {span(shortest)} and at most {span(longest)}.")
    return seconds


def _nothing_more(words: Sequence[str]) -> None:
    if words:
        raise UsageError("")


def _line(marked: str) -> list[Reply]:
    return [line(marked)]
