"""``!foci watch``, ``unwatch``, ``watches``, ``silence``, ``unsilence`` and ``history`` in a room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from botkit.config.units import parse_duration
from botkit.messages.document import Document, Name, Paragraph, Picture, Reply, line
from botkit.messages.sanitise import clipped, quoted
from botkit.plugin import Invocation, Rooms, Subcommand, UsageError
from plugins.foci.alerts.messages import caution_of
from plugins.foci.alerts.silences import Silence
from plugins.foci.alerts.watches import WatchLimits
from plugins.foci.commands.history import draw, history_document, timeline
from plugins.foci.commands.replies import silenced_document, silences_document, watches_document
from plugins.foci.discovery.target import TargetError, typed_target
from plugins.foci.watch.views import History, Unwatched, Watched, WatchView
from plugins.foci.wording import LONGEST_NAME, remark, sentence, span

DAY = 86400.0
SHORTEST_INTERVAL = 60.0
LONGEST_INTERVAL = DAY
LONGEST_SILENCE = 90 * DAY
LONGEST_HISTORY = 400 * DAY
_DEFAULT_HISTORY = 7 * DAY
_LONGEST_REASON = 200


class WatchStore(Protocol):
    """What these commands need of what is remembered."""

    async def watch(self, room_id: str, server: str, interval: float | None, author: str, now: float) -> Watched:
        """Watch for a room; without an interval the configured one."""

    async def unwatch(self, room_id: str, server: str, now: float) -> Unwatched:
        """Stop watching for a room."""

    async def watches(self, room_id: str, now: float) -> tuple[WatchView, ...]:
        """What is watched for a room, by name."""

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
                "SERVER [every 5m]",
                "watch a server: alerts about its foci go to this room",
                self._watch,
                entitled=True,
            ),
            Subcommand("unwatch", "SERVER", "stop watching a server in this room", self._unwatch, entitled=True),
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
        server, rest = _server(invocation, "watch SERVER [every 5m]")
        interval = _interval(rest)
        done = await self._watch_service.watch(invocation.room_id, server, interval, invocation.sender, self._now())
        if done in (Watched.ROOM_FULL, Watched.PERSON_FULL):
            return _line(_full(done, self._limits))
        self._schedule_changed()
        views = await self._watch_service.watches(invocation.room_id, self._now())
        pace = span(next(view.interval for view in views if view.server == server))
        told = {
            Watched.NEW: f" is now watched every {pace}; alerts go to this room. "
            "The first check records the current list as the baseline.",
            Watched.CHANGED: f" is now watched every {pace}.",
            Watched.SAME: f" is already watched in this room, every {pace}.",
        }[done]
        warning = await self._caution(invocation.room_id, server)
        blocks = [Paragraph(sentence("🔭", Name(server), told))]
        if warning:
            blocks.append(Paragraph(remark("⚠️", warning)))
        return [Document(tuple(blocks))]

    async def _caution(self, room_id: str, server: str) -> str:
        known = caution_of(server, self._own_user_id, ())
        return known or caution_of(server, self._own_user_id, await self._rooms.entitled_members(room_id))

    async def _unwatch(self, invocation: Invocation) -> Sequence[Reply]:
        server, rest = _server(invocation, "unwatch SERVER")
        _nothing_more(rest, "unwatch SERVER")
        done = await self._watch_service.unwatch(invocation.room_id, server, self._now())
        self._schedule_changed()
        named = quoted(server, LONGEST_NAME)
        return _line(
            {
                Unwatched.GONE: f"{named} is no longer watched in this room.",
                Unwatched.UNKNOWN: f"{named} is not watched in this room.",
                Unwatched.CONFIGURED: f"{named} is watched by configuration (`plugins.foci.watch.servers`). "
                "To mute it in this room: `!foci silence`.",
            }[done]
        )

    async def _watches(self, invocation: Invocation) -> Sequence[Reply]:
        _nothing_more(invocation.args, "watches")
        now = self._now()
        silences = await self._watch_service.silences(invocation.room_id)
        return [watches_document(await self._watch_service.watches(invocation.room_id, now), silences, now)]

    async def _history(self, invocation: Invocation) -> Sequence[Reply]:
        server, rest = _server(invocation, "history SERVER [7d]")
        length = _duration(rest[0], 3600.0, LONGEST_HISTORY, "history SERVER [7d]") if rest else _DEFAULT_HISTORY
        _nothing_more(rest[1:], "history SERVER [7d]")
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
        usage = "silence SERVER 2h [reason]"
        now = self._now()
        if not invocation.args:
            return [silences_document(await self._watch_service.silences(invocation.room_id), now)]
        target, rest = _server(invocation, usage)
        if not rest:
            raise UsageError(f"For how long? Usage: `{usage}`")
        length = _duration(rest[0], 60.0, LONGEST_SILENCE, usage)
        reason = clipped(" ".join(rest[1:]), _LONGEST_REASON)
        silence = Silence(invocation.room_id, target, now + length, invocation.sender, reason)
        await self._watch_service.silence(silence, now)
        return [silenced_document(silence, now)]

    async def _unsilence(self, invocation: Invocation) -> Sequence[Reply]:
        target, rest = _server(invocation, "unsilence SERVER")
        _nothing_more(rest, "unsilence SERVER")
        ended = await self._watch_service.unsilence(invocation.room_id, target, self._now())
        return _line(f"{quoted(target, LONGEST_NAME)} is {'no longer' if ended else 'not'} silenced in this room.")


def _server(invocation: Invocation, usage: str) -> tuple[str, tuple[str, ...]]:
    """The server that the first word names, and the rest."""
    if not invocation.args:
        raise UsageError(f"Which server? Usage: `{usage}`")
    try:
        return typed_target(invocation.args[0]).server_name, invocation.args[1:]
    except TargetError as error:
        raise UsageError(f"{error}.") from None


def _interval(words: Sequence[str]) -> float | None:
    if not words:
        return None
    usage = "watch SERVER [every 5m]"
    if words[0] != "every" or len(words) != 2:
        raise UsageError(f"Usage: `{usage}`")
    return _duration(words[1], SHORTEST_INTERVAL, LONGEST_INTERVAL, usage)


def _duration(word: str, shortest: float, longest: float, usage: str) -> float:
    try:
        seconds = parse_duration(word)
    except ValueError:
        raise UsageError(f"{quoted(word, 20)} is not a duration such as 30m, 2h or 7d. Usage: `{usage}`") from None
    if not shortest <= seconds <= longest:
        raise UsageError(
            f"The duration must be at least {span(shortest)} and at most {span(longest)}. Usage: `{usage}`"
        )
    return seconds


def _nothing_more(words: Sequence[str], usage: str) -> None:
    if words:
        raise UsageError(f"Usage: `{usage}`")


def _full(done: Watched, limits: WatchLimits) -> str:
    """Why no more is watched."""
    most, key = f"This room has {limits.per_room} watches", "max_per_room"
    if done is Watched.PERSON_FULL:
        most, key = f"You made {limits.per_person} watches in all rooms", "max_per_person"
    return f"{most}, the maximum (`plugins.foci.watch.{key}`). To end one: `!foci unwatch SERVER`."


def _line(marked: str) -> list[Reply]:
    return [line(marked)]
