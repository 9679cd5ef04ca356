"""``!foci`` in a room: its targets, reports and subcommands."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence

from botkit.messages.document import Bold, Document, Paragraph, Text, inline
from botkit.outbound import one_party
from botkit.plugin import Command, HostStatus, Invocation, Rooms, Subcommand, UsageError
from plugins.foci.checker import Checker
from plugins.foci.commands import room as census
from plugins.foci.deep.quota import DeepQuota
from plugins.foci.discovery.target import Target, TargetError, typed_target
from plugins.foci.model import Report
from plugins.foci.report.render import to_document

MAX_TARGETS = 5
DEEP = "--deep"
_SERVERS = 3
"""Servers of a room that are paid for beforehand like one command; what their requests come to is paid afterwards."""
_PARALLEL = 8


Lines = Callable[[], Awaitable[Sequence[tuple[str, str]]]]
"""Name and value pairs for ``!foci status``."""


class FociCommands:
    """
    Answers ``!foci``.

    Args:
        further: subcommands besides those that are here.
        watching: how the watching goes; None where nothing is watched.
        deep: how often people may go deep; None if they may not.
    """

    def __init__(
        self,
        checker: Checker,
        rooms: Rooms,
        status: HostStatus,
        own_user_id: str,
        further: Sequence[Subcommand] = (),
        watching: Lines | None = None,
        deep: DeepQuota | None = None,
    ) -> None:
        self._checker = checker
        self._rooms = rooms
        self._status = status
        self._own_user_id = own_user_id
        self._further = further
        self._watching = watching
        self._deep = deep

    def command(self) -> Command:
        """The declaration that help is generated from."""
        return Command(
            "foci",
            "[TARGET...] [--deep]",
            "report the foci that a homeserver publishes and whether they can be reached; without a target: your own "
            "homeserver, or in a reply its author's; --deep also tests token, signalling and media",
            self._check,
            (
                Subcommand("room", "", "report on the homeservers of all members of this room", self._room),
                Subcommand("status", "", "state of the bot itself: sync, checks, queues", self._state),
                *self._further,
            ),
            frozenset({DEEP}),
        )

    async def _check(self, invocation: Invocation) -> Sequence[Document]:
        deep = DEEP in invocation.flags
        if deep and self._deep is None:
            raise UsageError(f"`{DEEP}` is disabled; the bot's operator can enable it (`plugins.foci.deep.enabled`).")
        targets = self._targets(invocation)
        if deep and self._deep is not None:
            self._deep.take(invocation.sender, invocation.room_id, len(targets), invocation.charge)
        else:
            invocation.charge(len(targets) - 1)
        with one_party():
            checks = await asyncio.gather(*(self._checker.check(target, deep=deep) for target in targets))
        return [to_document(checked.report) for checked in checks]

    def _targets(self, invocation: Invocation) -> list[Target]:
        """All targets parse before anything is fetched; one named twice is checked once."""
        words = invocation.args or (invocation.reply_author or invocation.sender,)
        try:
            targets = {target.server_name: target for target in map(typed_target, words)}
        except TargetError as error:
            raise UsageError(f"{error}.") from None
        if len(targets) > MAX_TARGETS:
            raise UsageError(f"At most {MAX_TARGETS} targets at once.")
        return list(targets.values())

    async def _room(self, invocation: Invocation) -> Sequence[Document]:
        members = [member for member in await self._rooms.members(invocation.room_id) if member != self._own_user_id]
        # members may be very many
        servers = await asyncio.to_thread(census.servers_of, members)
        checked = servers[: census.MAX_SERVERS]
        invocation.charge(max(0, math.ceil(len(checked) / _SERVERS) - 1))
        gate = asyncio.Semaphore(_PARALLEL)

        async def one(target: Target) -> Report:
            async with gate:
                return (await self._checker.check(target)).report

        with one_party():
            reports = await asyncio.gather(*(one(target) for target, _ in checked))
        counted = [(report, count) for report, (_, count) in zip(reports, checked, strict=True)]
        return [census.room_document(counted, len(servers) - len(checked))]

    async def _state(self, invocation: Invocation) -> Sequence[Document]:
        told = self._status.lines()
        # in a room of one's own anybody has power: what the bot does for all rooms is for its admins
        if self._rooms.is_admin(invocation.sender):
            watching = await self._watching() if self._watching is not None else ()
            told = (*watching, *told, *self._status.totals())
        lines = [Paragraph((*inline(f"{name}: "), Bold(value))) for name, value in told]
        return [Document((Paragraph((Text("foci-bot is running."),)), *lines))]
