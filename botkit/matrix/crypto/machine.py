"""End-to-end encryption: nio's machine encrypts and decrypts, ``KeyExchange`` makes its requests."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nio
from nio.crypto import ENCRYPTION_ENABLED
from nio.store import SqliteStore

from botkit.matrix.client import HomeserverClient
from botkit.matrix.crypto.key_exchange import SIGNED, CryptoInterruptedError, KeyExchange, mapping
from botkit.matrix.crypto.pruning import Pruner

log = logging.getLogger(__name__)

STORE_NAME = "crypto.db"
_ROUNDS = 5
_PRUNE_AFTER = 500
"""Events sent to this device after which old sessions are forgotten."""


class CryptoMissingError(Exception):
    """Encryption does not work on this machine; nothing may be said in encrypted rooms."""


class Crypto:
    """
    Keys, sessions and devices of one account on one device, kept in ``crypto.db``.

    The bot trusts every device of a room's members on first use.

    Args:
        store: directory of the crypto store; None runs without encryption.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        homeserver: HomeserverClient,
        user_id: str,
        device_id: str,
        *,
        store: Path | None,
        pickle_key: str,
        clock: Callable[[], float],
    ) -> None:
        self._user_id = user_id
        self._client = nio.Client(
            user_id,
            device_id,
            str(store) if store else "",
            nio.ClientConfig(
                store=SqliteStore if ENCRYPTION_ENABLED else None,
                store_name=STORE_NAME,
                encryption_enabled=ENCRYPTION_ENABLED,
                pickle_key=pickle_key,
                store_sync_tokens=False,
            ),
        )
        if store is not None:
            # nio only computes here; the token stays with Homeserver
            self._client.restore_login(user_id, device_id, "")
        self._olm: Any = self._client.olm
        self._exchange = KeyExchange(homeserver, self._client, clock)
        self._pruner = None if self._olm is None else Pruner(self._olm)
        self._heard = 0
        if self._pruner is not None:
            self._pruner.recall()
            self._pruner.prune()
        self._changes: Counter[str] = Counter()
        self._held: set[str] = set()

    @property
    def fingerprint(self) -> str:
        """The device's ed25519 key, as people compare it."""
        return str(self._machine().account.identity_keys["ed25519"])

    def close(self) -> None:
        """Close the crypto store."""
        if self._client.store is not None:
            self._client.store.database.close()

    def _machine(self) -> Any:
        if self._olm is None:
            raise CryptoMissingError("encryption is not available (matrix-nio[e2e] is not installed)")
        return self._olm

    def hear(self, sync: Mapping[str, Any]) -> frozenset[str]:
        """Take keys and device changes out of a sync answer; the rooms that keys came for."""
        if self._olm is None:
            return frozenset()
        events = _list(mapping(sync.get("to_device")).get("events"))
        # in one transaction: each key alone waits for the disk, and the event loop with it
        with self._olm.store.database.atomic():
            keys_for = {room_id for raw in events if (room_id := self._hear_to_device(raw)) is not None}
        self._prune(len(events))
        counts = sync.get("device_one_time_keys_count")
        if isinstance(counts, Mapping):
            # nio takes no notice of a count of 0, and would never replace used-up keys
            count = counts.get(SIGNED, 0)
            self._olm.uploaded_key_count = count if isinstance(count, int) else 0
        unused = sync.get("device_unused_fallback_key_types")
        if isinstance(unused, list):
            self._exchange.fallback_due = SIGNED not in unused
        changed = _list(mapping(sync.get("device_lists")).get("changed"))
        known = {user for user in changed if isinstance(user, str)} & self._olm.tracked_users
        self._olm.add_changed_users(known)
        self._exchange.forget_asked(known)
        return frozenset(keys_for)

    def _hear_to_device(self, raw: Any) -> str | None:
        """The room that it brought a key for."""
        try:
            event = nio.ToDeviceEvent.parse_event(raw)
            # the bot verifies nobody and hands no keys on, and nio remembers without end who asked for it
            told = self._olm.handle_to_device_event(event) if isinstance(event, nio.OlmEvent) else None
        except Exception:  # strangers write these; nio raises many kinds, and one must not hide the next
            log.warning("cannot process a to-device event", exc_info=log.isEnabledFor(logging.DEBUG))
            return None
        return str(told.room_id) if isinstance(told, nio.RoomKeyEvent | nio.ForwardedRoomKeyEvent) else None

    def _prune(self, heard: int) -> None:
        self._heard += heard
        if self._pruner is not None and self._heard >= _PRUNE_AFTER:
            self._heard = 0
            self._pruner.prune()

    def decrypt(self, room_id: str, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The event with its clear ``type`` and ``content``, None while its key is missing."""
        if self._olm is None:
            return None
        try:
            parsed = nio.Event.parse_encrypted_event(self._completed(room_id, event))
            if not isinstance(parsed, nio.MegolmEvent):
                return None
            clear = self._olm.decrypt_megolm_event(parsed, room_id)
        except nio.EncryptionError:
            return None
        except Exception:  # as above: a stranger's bytes
            log.warning("cannot process an encrypted event", exc_info=log.isEnabledFor(logging.DEBUG))
            return None
        finally:
            self._forget_unknown(room_id)
            self._forget_requests()
        source = clear.source
        return {**event, "type": source.get("type"), "content": source.get("content")}

    def _forget_unknown(self, room_id: str) -> None:
        """Drop what nio made when it looked for a session: an entry for whatever a stranger's event names."""
        rooms = self._olm.inbound_group_store._entries
        devices = rooms.get(room_id, {})
        # entries keep the order in which they came
        while devices and not devices[last := next(reversed(devices))]:
            del devices[last]
        if not devices:
            rooms.pop(room_id, None)

    def _forget_requests(self) -> None:
        """Ask nobody for keys: only people's own devices answer that, and each strange event would be a request."""
        waiting = self._olm.outgoing_to_device_messages
        waiting[:] = [message for message in waiting if not isinstance(message, nio.RoomKeyRequestMessage)]
        self._olm.key_re_requests_events.clear()

    def _completed(self, room_id: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Newer clients leave out ``sender_key`` and ``device_id``, which nio insists on."""
        content = dict(mapping(event.get("content")))
        if not isinstance(content.get("sender_key"), str):
            for session in self._olm.inbound_group_store:
                if session.id == content.get("session_id") and session.room_id == room_id:
                    content["sender_key"] = session.sender_key
        content.setdefault("sender_key", "")
        content.setdefault("device_id", "")
        return {**event, "content": content}

    async def publish_keys(self) -> None:
        """Upload the device's keys as far as the homeserver lacks them. Raises CryptoInterruptedError."""
        self._machine()
        await self._exchange.publish()

    async def upkeep(self) -> None:
        """
        Send the machine's outgoing requests: key uploads, key queries, to-device messages.

        Raises:
            CryptoInterruptedError: the homeserver did not play along; what is undone is done next time.
        """
        if self._olm is None:
            return
        await self._exchange.publish()
        await self._exchange.query(set(self._olm.users_for_key_query))
        await self._exchange.send_waiting()

    async def encrypt(self, room_id: str, kind: str, content: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """
        The event as it goes over the wire, readable by every device of the room's members.

        Raises:
            CryptoMissingError: encryption does not work here.
            CryptoInterruptedError: keys could not be exchanged; nothing was sent.
        """
        self._machine()
        for _ in range(_ROUNDS - 1):
            if await self._is_shared(room_id):
                return self._encrypted(room_id, kind, content)
        # who comes and goes without end would silence the bot: it writes to those who were there a moment ago
        changes = self._changes[room_id]
        self._held.add(room_id)
        try:
            if await self._is_shared(room_id):
                return self._encrypted(room_id, kind, content)
        finally:
            self._held.discard(room_id)
            if self._changes[room_id] != changes:
                self.members_changed(room_id)
        raise CryptoInterruptedError("devices in the room change faster than keys")

    async def _is_shared(self, room_id: str) -> bool:
        """Share the room's key where that is due; False when members or devices changed while we talked."""
        olm, room = self._machine(), self._room(room_id)
        if not room.members_synced:
            changes = self._changes[room_id]
            _set_members(room, await self._exchange.members(room_id))
            # the answer may be older than a change that the sync brought meanwhile
            room.members_synced = changes == self._changes[room_id] or room_id in self._held
        olm.update_tracked_users(room)
        await self._exchange.query(set(olm.users_for_key_query) & set(room.users))
        if olm.should_share_group_session(room_id):
            await self._exchange.share(room)
        return bool(room.members_synced and not olm.should_share_group_session(room_id))

    def _encrypted(self, room_id: str, kind: str, content: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        encrypted_kind, encrypted = self._client.encrypt(room_id, kind, content)
        return str(encrypted_kind), dict(encrypted)

    def members_changed(self, room_id: str) -> None:
        """The membership changed, or may have: rotate the group session before the next message."""
        self._changes[room_id] += 1
        if room_id in self._held:
            return
        room = self._client.rooms.get(room_id)
        if room is not None:
            room.members_synced = False
        if self._olm is not None:
            self._olm.outbound_group_sessions.pop(room_id, None)

    def forget_room(self, room_id: str) -> None:
        """The bot is no longer in the room."""
        self._held.discard(room_id)
        self.members_changed(room_id)
        self._client.rooms.pop(room_id, None)

    def _room(self, room_id: str) -> Any:
        room = self._client.rooms.get(room_id)
        if room is None:
            room = nio.MatrixRoom(room_id, self._user_id, True)
            self._client.rooms[room_id] = room
        return room


def _set_members(room: Any, joined: frozenset[str]) -> None:
    for user_id in set(room.users) - joined:
        room.remove_member(user_id)
    for user_id in joined:
        room.add_member(user_id, None, None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
