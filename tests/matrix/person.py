"""Somebody else in the room: a real client, nio's own, with encryption."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import nio

from botkit.messages.rendering import WORD_JOINER
from lab.synapse import Synapse


@dataclass(frozen=True, slots=True)
class Said:
    """A message somebody else wrote, as this person's client reads it."""

    room_id: str
    event_id: str
    sender: str
    body: str
    content: dict[str, Any]
    encrypted: bool


@dataclass(slots=True)
class Person:
    """An account with an encrypting client that always reads along. Async context manager."""

    synapse: Synapse
    localpart: str
    store: Path
    base_url: str | None = None
    heard: list[Said] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    client: Any = None
    _task: Any = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        login = await self.synapse.register(self.localpart, "person-password")
        self.store.mkdir(parents=True, exist_ok=True)
        settings = nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False)
        self.client = nio.AsyncClient(
            self.base_url or self.synapse.base_url, login.user_id, store_path=str(self.store), config=settings
        )
        self.client.restore_login(login.user_id, login.device_id, login.access_token)
        self.client.add_event_callback(self._on_message, nio.RoomMessage)
        self.client.add_event_callback(self._on_unreadable, nio.MegolmEvent)
        self._task = asyncio.create_task(self.client.sync_forever(timeout=10_000, full_state=True))
        await asyncio.wait_for(self.client.synced.wait(), 30)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.client.close()
        self.client.store.database.close()

    @property
    def user_id(self) -> str:
        return str(self.client.user_id)

    @property
    def token(self) -> str:
        return str(self.client.access_token)

    async def _on_message(self, room: Any, event: Any) -> None:
        if event.sender != self.user_id:
            content = event.source["content"]
            self.heard.append(Said(room.room_id, event.event_id, event.sender, event.body, content, event.decrypted))
            self._news.set()

    async def _on_unreadable(self, room: Any, event: Any) -> None:
        if event.sender != self.user_id:
            self.unreadable.append(event.event_id)
            self._news.set()

    async def create_room(self, *invite: str, encrypted: bool = False, **extra: Any) -> str:
        """A new private room; returns its id once the client knows it."""
        state = []
        if encrypted:
            content = {"algorithm": "m.megolm.v1.aes-sha2"}
            state.append({"type": "m.room.encryption", "state_key": "", "content": content})
        body = {"preset": "private_chat", "invite": list(invite), "initial_state": state, **extra}
        answer = await self.synapse.api("POST", "/_matrix/client/v3/createRoom", self.token, body)
        room_id = str(answer["room_id"])
        async with asyncio.timeout(30):
            while room_id not in self.client.rooms:
                await self.client.synced.wait()
        return room_id

    async def wait_for_member(self, room_id: str, user_id: str) -> None:
        """Until that user is in the room, as this client sees it."""
        async with asyncio.timeout(30):
            while True:
                room = self.client.rooms.get(room_id)
                if room and user_id in room.users and user_id not in room.invited_users:
                    return
                await self.client.synced.wait()

    async def say(self, room_id: str, text: str, **content: Any) -> str:
        """Send a text, encrypted where the room is; returns its event id."""
        answer = await self.client.room_send(
            room_id,
            "m.room.message",
            {"msgtype": "m.text", "body": text, **content},
            ignore_unverified_devices=True,
        )
        assert isinstance(answer, nio.RoomSendResponse), answer
        return str(answer.event_id)

    async def say_raw(self, room_id: str, content: dict[str, Any], kind: str = "m.room.message") -> str:
        """Send an event in clear past the client; returns its event id."""
        txn = json.dumps([self.localpart, len(self.heard), content], sort_keys=True).encode().hex()[-60:]
        where = f"/_matrix/client/v3/rooms/{room_id}/send/{kind}/{txn}"
        return str((await self.synapse.api("PUT", where, self.token, content))["event_id"])

    async def hears(self, wanted: Callable[[Said], bool], within: float = 30.0) -> Said:
        """The first message that fits, already heard or still to come."""
        async with asyncio.timeout(within):
            while True:
                for said in self.heard:
                    if wanted(said):
                        return said
                self._news.clear()
                await self._news.wait()

    async def hears_text(self, body: str, within: float = 30.0) -> Said:
        """The first message with exactly this body, apart from what keeps user ids in it from being mentions."""
        return await self.hears(lambda said: said.body.replace(WORD_JOINER, "") == body, within)
