"""Somebody in a room: a real client with encryption, to type to the bot and read what it says."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nio import (
    AsyncClient,
    AsyncClientConfig,
    DownloadError,
    InviteMemberEvent,
    KeysUploadError,
    MatrixRoom,
    MegolmEvent,
    RoomCreateError,
    RoomMessage,
    RoomRedactError,
    RoomSendError,
    SyncError,
)
from nio.crypto.attachments import decrypt_attachment

from lab.synapse import Login


class PersonError(Exception):
    """The homeserver refused what the person did; the text says what."""


@dataclass(frozen=True, slots=True)
class Image:
    """
    A picture in a message.

    Attributes:
        place: ``url``, or ``file`` with the keys to what is encrypted, as in the event.
    """

    name: str
    width: int
    height: int
    place: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """
    A message as the person's client received it.

    Attributes:
        encrypted: it came encrypted and could be read.
        unreadable: it came encrypted and could not be read; there are no words then.
        body, html: of an edit the new version.
        reply_to: the event that it answers, if it does.
        replaces: the event that it is a new version of, if it is.
        thread: the event whose thread it is in, if it is.
        mentions: user ids who are pinged.
    """

    room_id: str
    event_id: str
    sender: str
    milliseconds: int
    msgtype: str
    body: str
    html: str | None
    encrypted: bool
    unreadable: bool
    reply_to: str | None
    replaces: str | None
    thread: str | None = None
    mentions: tuple[str, ...] = ()
    image: Image | None = None


class Person:
    """
    A client of one account, syncing while the context is open.

    Attributes:
        heard: every message received, oldest first, own ones too.
    """

    def __init__(self, base_url: str, login: Login, store: Path) -> None:
        """Keep the client's keys in ``store``, which must be a directory of its own."""
        store.mkdir(parents=True, exist_ok=True)
        self.heard: list[Said] = []
        self.user_id = login.user_id
        config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False, max_timeouts=0)
        self._client = AsyncClient(
            base_url, login.user_id, device_id=login.device_id, store_path=str(store), config=config
        )
        self._client.restore_login(login.user_id, login.device_id, login.access_token)
        self._client.add_event_callback(self._hear, (RoomMessage, MegolmEvent))
        self._client.add_event_callback(self._accept, InviteMemberEvent)
        self._changed = asyncio.Event()
        self._syncing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        uploaded = await self._client.keys_upload()
        if isinstance(uploaded, KeysUploadError):
            raise PersonError(f"keys: {uploaded.message}")
        first = await self._client.sync(timeout=0, full_state=True)
        if isinstance(first, SyncError):
            raise PersonError(f"sync: {first.message}")
        self._syncing = asyncio.create_task(self._client.sync_forever(timeout=10_000))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._syncing is not None:
            self._syncing.cancel()
            await asyncio.gather(self._syncing, return_exceptions=True)
        await self._client.close()

    async def create_room(self, name: str, invite: Sequence[str] = (), *, encrypted: bool = True) -> str:
        """
        A private room with the others invited; returns its id.

        Raises:
            PersonError: the homeserver refused.
        """
        encryption = {
            "type": "m.room.encryption",
            "state_key": "",
            "content": {"algorithm": "m.megolm.v1.aes-sha2"},
        }
        made = await self._client.room_create(
            name=name, invite=list(invite), initial_state=[encryption] if encrypted else []
        )
        if isinstance(made, RoomCreateError):
            raise PersonError(f"room: {made.message}")
        room_id = str(made.room_id)
        await self._until(lambda: room_id in self._client.rooms, 30.0, f"the room {name}")
        return room_id

    async def until_joined(self, room_id: str, user_id: str, *, patience: float = 60.0) -> None:
        """
        Wait until somebody is in the room.

        Raises:
            TimeoutError: they did not come.
        """

        def joined() -> bool:
            room = self._client.rooms.get(room_id)
            return room is not None and user_id in room.users and user_id not in room.invited_users

        await self._until(joined, patience, f"{user_id} in the room")

    async def say(
        self, room_id: str, body: str, *, markup: str | None = None, reply_to: str | None = None, mention: str = ""
    ) -> str:
        """
        Send a message (encrypted where the room is) and return its event id.

        Args:
            markup: the same as HTML, such as with pills in it.
            reply_to: the event that is answered.
            mention: a user id that is mentioned on purpose.

        Raises:
            PersonError: the homeserver refused.
        """
        content: dict[str, Any] = {"msgtype": "m.text", "body": body}
        if markup is not None:
            content |= {"format": "org.matrix.custom.html", "formatted_body": markup}
        if mention:
            content["m.mentions"] = {"user_ids": [mention]}
        if reply_to is not None:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
        return await self.send(room_id, content)

    async def send(self, room_id: str, content: dict[str, Any]) -> str:
        """
        Send a message as it is (encrypted where the room is) and return its event id.

        Raises:
            PersonError: the homeserver refused.
        """
        sent = await self._client.room_send(room_id, "m.room.message", content, ignore_unverified_devices=True)
        if isinstance(sent, RoomSendError):
            raise PersonError(f"message: {sent.message}")
        return str(sent.event_id)

    async def answer_to(self, event_id: str, *, sender: str, patience: float = 60.0) -> Said:
        """
        The first message of ``sender`` in reply to an event, as soon as it is there.

        Raises:
            TimeoutError: none came.
        """

        def answers() -> list[Said]:
            return [said for said in self.heard if said.reply_to == event_id and said.sender == sender]

        await self._until(lambda: bool(answers()), patience, "an answer")
        return answers()[0]

    async def react(self, room_id: str, event_id: str, key: str) -> str:
        """
        React to a message and return the reaction's event id; reactions are never encrypted.

        Raises:
            PersonError: the homeserver refused.
        """
        content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": key}}
        sent = await self._client.room_send(room_id, "m.reaction", content, ignore_unverified_devices=True)
        if isinstance(sent, RoomSendError):
            raise PersonError(f"reaction: {sent.message}")
        return str(sent.event_id)

    async def redact(self, room_id: str, event_id: str) -> None:
        """
        Take an event of one's own back.

        Raises:
            PersonError: the homeserver refused.
        """
        done = await self._client.room_redact(room_id, event_id)
        if isinstance(done, RoomRedactError):
            raise PersonError(f"redaction: {done.message}")

    async def look_at(self, image: Image) -> bytes:
        """
        The picture itself, downloaded and deciphered.

        Raises:
            PersonError: the homeserver does not have it.
        """
        file = image.place.get("file")
        answer = await self._client.download(mxc=str(file["url"] if file else image.place["url"]))
        if isinstance(answer, DownloadError):
            raise PersonError(f"picture: {answer.message}")
        data = bytes(answer.body)
        return decrypt_attachment(data, file["key"]["k"], file["hashes"]["sha256"], file["iv"]) if file else data

    async def export_keys(self, file: Path, passphrase: str) -> None:
        """Write the keys to everything that this client can read, for import into any other."""
        await self._client.export_keys(str(file), passphrase)

    async def hears_nth(self, place: int, *, patience: float = 60.0) -> Said:
        """
        The message at a place of ``heard``, as soon as it is there.

        Raises:
            TimeoutError: it did not come.
        """
        await self._until(lambda: len(self.heard) > place, patience, "another message")
        return self.heard[place]

    async def _until(self, come: Callable[[], bool], patience: float, what: str) -> None:
        try:
            async with asyncio.timeout(patience):
                while not come():
                    self._changed.clear()
                    try:
                        async with asyncio.timeout(0.2):
                            await self._changed.wait()
                    except TimeoutError:
                        continue
        except TimeoutError:
            raise TimeoutError(f"waited {patience:g} s for {what}") from None

    async def _hear(self, room: MatrixRoom, event: Any) -> None:
        self.heard.append(_said(room.room_id, event))
        self._changed.set()

    async def _accept(self, room: MatrixRoom, event: Any) -> None:
        if event.membership == "invite" and event.state_key == self.user_id:
            await self._client.join(room.room_id)


def _said(room_id: str, event: Any) -> Said:
    content = event.source.get("content", {})
    relation = content.get("m.relates_to") or {}
    kind = relation.get("rel_type")
    shown = content.get("m.new_content") or content if kind == "m.replace" else content
    unreadable = isinstance(event, MegolmEvent)
    return Said(
        room_id=room_id,
        event_id=event.event_id,
        sender=event.sender,
        milliseconds=event.server_timestamp,
        msgtype=str(content.get("msgtype", "")),
        body="" if unreadable else str(shown.get("body", "")),
        html=shown.get("formatted_body"),
        encrypted=unreadable or bool(event.decrypted),
        unreadable=unreadable,
        reply_to=(relation.get("m.in_reply_to") or {}).get("event_id"),
        replaces=relation.get("event_id") if kind == "m.replace" else None,
        thread=relation.get("event_id") if kind == "m.thread" else None,
        mentions=tuple((content.get("m.mentions") or {}).get("user_ids", ())),
        image=_image(content) if content.get("msgtype") == "m.image" else None,
    )


def _image(content: Mapping[str, Any]) -> Image:
    info = content.get("info") or {}
    place = {key: content[key] for key in ("url", "file") if key in content}
    name = str(content.get("filename") or content.get("body"))
    return Image(name, int(info.get("w", 0)), int(info.get("h", 0)), place)


def pill(user_id: str, name: str) -> str:
    """The HTML of a mention, as clients write it."""
    return f'<a href="https://matrix.to/#/{html.escape(user_id)}">{html.escape(name)}</a>'
