"""Calls plugins' hooks: in order within a room, each until the plugin has returned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from botkit.matrix.per_room import PerRoom
from botkit.plugin import Plugin, Reaction, Rooms
from botkit.storage.hook_queue import Hook, HookCall, HookQueue

Sleep = Callable[[float], Awaitable[None]]

_LONGEST_PAUSE = 600.0


class HookWorker:
    """
    One task for each plugin and room that has calls; a hook that fails holds up only its own room.

    Args:
        rooms: who is entitled, and where the bot is.
    """

    def __init__(
        self, calls: HookQueue, plugins: Mapping[str, Plugin], rooms: Rooms, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._hook_queue = calls
        self._plugins = plugins
        self._rooms = rooms
        self._rounds = PerRoom("hook", calls.waiting, self._serve, sleep, _LONGEST_PAUSE)

    def wake(self) -> None:
        """There may be calls to make."""
        self._rounds.wake()

    async def run(self) -> None:
        """Call until cancelled; begins with what an earlier run left."""
        await self._rounds.run()

    async def stop(self, patience: float) -> None:
        """Let running hooks end for ``patience`` seconds; what does not end is called again at the next start."""
        self._rounds.closed = True
        await self._rounds.end(patience)

    async def _serve(self, key: tuple[str, str]) -> bool:
        call = await self._hook_queue.next(*key)
        if call is not None:
            await self._settle(call)
        return call is not None

    async def _settle(self, call: HookCall) -> None:
        plugin = self._plugins.get(call.plugin)
        if plugin is None or not await self._due(call):
            await self._hook_queue.drop(call)
            return
        await _made(plugin, call)
        await self._hook_queue.done(call)

    async def _due(self, call: HookCall) -> bool:
        """Reactions count by those who are entitled, their withdrawal if they counted."""
        if call.hook is Hook.REACTED:
            # power levels of a room that cannot be queried are not needed
            return call.room_id in self._rooms.joined() and await self._rooms.entitled(call.room_id, call.sender or "")
        if call.hook is Hook.REDACTED:
            return await self._hook_queue.taken(call.event_id or "")
        return True


async def _made(plugin: Plugin, call: HookCall) -> None:
    room_id, event_id, arguments = call.room_id, call.event_id or "", call.arguments
    match call.hook:
        case Hook.REACTED:
            sender = call.sender or ""
            await plugin.reacted(Reaction(room_id, event_id, sender, arguments["key"], arguments["about"]))
        case Hook.REDACTED:
            await plugin.redacted(room_id, event_id)
        case Hook.REPLACED:
            await plugin.room_replaced(arguments["old"], room_id)
        case Hook.LEFT:
            await plugin.room_left(room_id)
        case Hook.SUSPENDED:
            await plugin.room_suspended(room_id, arguments["reason"])
        case Hook.JOINED:
            await plugin.room_joined(room_id)
