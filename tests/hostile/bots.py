"""A whole bot with the foci plugin, for rooms full of people who mean no good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

from botkit import host
from botkit.loader import LoadedPlugin
from lab.synapse import Synapse
from plugins.foci import FociPlugin
from plugins.foci.config import FociConfig
from tests.matrix.bot import Bot
from tests.matrix.echo import loaded


class FociBot(Bot):
    """Answers ``!foci`` beside ``!echo``."""

    async def __aenter__(self) -> Self:
        foci = LoadedPlugin("foci", FociPlugin, FociConfig())
        self.task = asyncio.create_task(host.run(self.config, (*loaded(), foci)))
        await asyncio.sleep(0)
        return self


class Nobody:
    """An account without a client of its own, quick to make: it only sends."""

    def __init__(self, synapse: Synapse, user_id: str, token: str) -> None:
        self._synapse = synapse
        self.user_id = user_id
        self._token = token
        self._sent = 0

    @classmethod
    async def register(cls, synapse: Synapse, localparts: Callable[[str], str], stem: str = "mallory") -> Self:
        """A new account."""
        login = await synapse.register(localparts(stem), "secret")
        return cls(synapse, login.user_id, login.access_token)

    async def call(self, method: str, where: str, body: Any = None) -> Any:
        """Ask the homeserver; ApiError when it refuses."""
        return await self._synapse.api(method, f"/_matrix/client/v3/{where}", self._token, body)

    async def create_room(self, *invite: str, **extra: Any) -> str:
        """A new private room."""
        body = {"preset": "private_chat", "invite": list(invite), **extra}
        return str((await self.call("POST", "createRoom", body))["room_id"])

    async def join(self, room_id: str) -> None:
        """Follow an invitation."""
        await self.call("POST", f"join/{room_id}", {})

    async def say(self, room_id: str, body: str, **content: Any) -> str:
        """Send a text with any further content; its event id."""
        self._sent += 1
        where = f"rooms/{room_id}/send/m.room.message/{self.user_id.strip('@')}{self._sent}"
        return str((await self.call("PUT", where, {"msgtype": "m.text", "body": body, **content}))["event_id"])
