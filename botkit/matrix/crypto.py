"""End-to-end encryption: nio's machine does the arithmetic, this module all the talking."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import nio
from nio.crypto import ENCRYPTION_ENABLED
from nio.store import SqliteStore

from botkit.matrix.wire import Answer, Homeserver, UnreachableError, path

log = logging.getLogger(__name__)

STORE_NAME = "crypto.db"
_ASK_AGAIN_AFTER = 60.0
_KEY_TIMEOUT = 60.0
_SIGNED = "signed_curve25519"


class CryptoMissingError(Exception):
    """Encryption does not work on this machine; nothing may be said in encrypted rooms."""


class CryptoInterruptedError(Exception):
    """The homeserver was not there to exchange keys with; try again later."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


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
        homeserver: Homeserver,
        user_id: str,
        device_id: str,
        *,
        store: Path | None,
        pickle_key: str,
        clock: Callable[[], float],
    ) -> None:
        self._homeserver = homeserver
        self._user_id = user_id
        self._device_id = device_id
        self._clock = clock
        self._asked: dict[str, float] = {}
        self._claiming = asyncio.Lock()
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

    @property
    def available(self) -> bool:
        """Whether encryption works."""
        return self._olm is not None

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

    def hear(self, sync: Mapping[str, Any]) -> bool:
        """Take keys and device changes out of a sync answer; True when anything was sent to this device."""
        if self._olm is None:
            return False
        events = _list(_dict(sync.get("to_device")).get("events"))
        for raw in events:
            self._hear_to_device(raw)
        counts = sync.get("device_one_time_keys_count")
        if isinstance(counts, Mapping):
            # nio takes no notice of a count of 0, and would never replace used-up keys
            count = counts.get(_SIGNED, 0)
            self._olm.uploaded_key_count = count if isinstance(count, int) else 0
        lists = _dict(sync.get("device_lists"))
        changed = {user for user in _list(lists.get("changed")) if isinstance(user, str)}
        known = changed & self._olm.tracked_users
        self._olm.add_changed_users(known)
        for user in known:
            self._asked.pop(user, None)
        self._olm.clear_verifications()
        self._olm.collect_key_requests()
        return bool(events)

    def _hear_to_device(self, raw: Any) -> None:
        try:
            event = nio.ToDeviceEvent.parse_event(raw)
            if event is not None:
                self._olm.handle_to_device_event(event)
        except Exception:  # strangers write these; nio raises many kinds, and one bad event must not hide the next
            log.warning("to-device event not understood", exc_info=log.isEnabledFor(logging.DEBUG))

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
            log.warning("encrypted event not understood", exc_info=log.isEnabledFor(logging.DEBUG))
            return None
        source = clear.source
        return {**event, "type": source.get("type"), "content": source.get("content")}

    def _completed(self, room_id: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Newer clients leave out ``sender_key`` and ``device_id``, which nio insists on."""
        content = dict(_dict(event.get("content")))
        if not isinstance(content.get("sender_key"), str):
            for session in self._olm.inbound_group_store:
                if session.id == content.get("session_id") and session.room_id == room_id:
                    content["sender_key"] = session.sender_key
        content.setdefault("sender_key", "")
        content.setdefault("device_id", "")
        return {**event, "content": content}

    async def upkeep(self) -> None:
        """
        What the machine owes the homeserver: its keys, questions about devices, answers to devices.

        Raises:
            CryptoInterruptedError: the homeserver did not play along; what is undone is done next time.
        """
        if self._olm is None:
            return
        await self.publish_keys()
        await self._query_keys(set(self._olm.users_for_key_query))
        if self._client.should_claim_keys:
            await self._claim(self._olm.get_users_for_key_claiming())
        for message in tuple(self._olm.outgoing_to_device_messages):
            await self._send_to_device(message.type, message.as_dict())
            self._client.receive_response(nio.ToDeviceResponse(message))

    async def publish_keys(self) -> None:
        """Upload identity and one-time keys as far as the homeserver lacks them."""
        olm = self._machine()
        if not olm.should_upload_keys:
            return
        content = olm.share_keys() if not olm.account.shared else {"one_time_keys": self._one_time_keys()}
        # saved first: a key that the homeserver hands out must survive kill -9
        olm.save_account()
        answer = await self._ask("POST", path("keys", "upload"), content)
        counts = _dict(answer.body.get("one_time_key_counts"))
        count = counts.get(_SIGNED, 0)
        self._client.receive_response(nio.KeysUploadResponse(0, count if isinstance(count, int) else 0))

    def _one_time_keys(self) -> dict[str, Any]:
        account = self._olm.account
        if not account.one_time_keys["curve25519"]:
            account.generate_one_time_keys(account.max_one_time_keys - (self._olm.uploaded_key_count or 0))
        signer = {"ed25519:" + self._device_id}
        return {
            f"{_SIGNED}:{key_id}": {
                "key": key,
                "signatures": {self._user_id: dict.fromkeys(signer, self._olm.sign_json({"key": key}))},
            }
            for key_id, key in account.one_time_keys["curve25519"].items()
        }

    async def encrypt(self, room_id: str, kind: str, content: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """
        The event as it goes over the wire, readable by every device of the room's members.

        Raises:
            CryptoMissingError: encryption does not work here.
            CryptoInterruptedError: keys could not be exchanged; nothing was sent.
        """
        olm = self._machine()
        room = self._room(room_id)
        if not room.members_synced:
            await self._learn_members(room)
        olm.update_tracked_users(room)
        await self._query_keys(set(olm.users_for_key_query) & set(room.users))
        if olm.should_share_group_session(room_id):
            await self._share_session(room)
        encrypted_kind, encrypted = self._client.encrypt(room_id, kind, content)
        return str(encrypted_kind), dict(encrypted)

    def members_changed(self, room_id: str) -> None:
        """Somebody came or went (or may have): the next message goes out under a new key."""
        room = self._client.rooms.get(room_id)
        if room is not None:
            room.members_synced = False
        if self._olm is not None:
            self._olm.outbound_group_sessions.pop(room_id, None)

    def forget_room(self, room_id: str) -> None:
        """The bot is no longer in the room."""
        self.members_changed(room_id)
        self._client.rooms.pop(room_id, None)

    def _room(self, room_id: str) -> Any:
        room = self._client.rooms.get(room_id)
        if room is None:
            room = nio.MatrixRoom(room_id, self._user_id, True)
            self._client.rooms[room_id] = room
        return room

    async def _learn_members(self, room: Any) -> None:
        answer = await self._ask("GET", path("rooms", room.room_id, "joined_members"))
        joined = set(_dict(answer.body.get("joined")))
        for user_id in set(room.users) - joined:
            room.remove_member(user_id)
        for user_id in joined:
            room.add_member(user_id, None, None)
        room.members_synced = True

    async def _query_keys(self, users: set[str]) -> None:
        """Ask for devices; users whose server does not answer are asked again only after a while."""
        now = self._clock()
        due = {user for user in users if now - self._asked.get(user, -_ASK_AGAIN_AFTER) >= _ASK_AGAIN_AFTER}
        if not due:
            return
        wanted = {"device_keys": {user: [] for user in sorted(due)}, "timeout": 10_000}
        answer = await self._ask("POST", path("keys", "query"), wanted, timeout=_KEY_TIMEOUT)
        self._asked.update(dict.fromkeys(due, now))
        for user, devices in _dict(answer.body.get("device_keys")).items():
            sound = {name: keys for name, keys in _dict(devices).items() if _sound_device(keys)}
            self._feed(nio.KeysQueryResponse({user: sound}, {}), user)
            if user not in self._olm.users_for_key_query:
                self._asked.pop(user, None)

    async def _claim(self, missing: Mapping[str, Iterable[str]]) -> None:
        wanted = {user: dict.fromkeys(devices, _SIGNED) for user, devices in missing.items()}
        async with self._claiming:
            answer = await self._ask(
                "POST", path("keys", "claim"), {"one_time_keys": wanted, "timeout": 10_000}, timeout=_KEY_TIMEOUT
            )
            for user, devices in _dict(answer.body.get("one_time_keys")).items():
                for device, keys in _dict(devices).items():
                    if isinstance(keys, dict) and keys:
                        self._feed(nio.KeysClaimResponse({user: {device: keys}}, {}), user)

    def _feed(self, response: Any, user: str) -> None:
        try:
            self._client.receive_response(response)
        except Exception:  # strangers' keys; one broken device must not silence the bot for all others
            log.warning("keys not understood user=%s", user, exc_info=log.isEnabledFor(logging.DEBUG))

    async def _share_session(self, room: Any) -> None:
        olm = self._olm
        missing = olm.get_missing_sessions(list(room.users))
        if missing:
            await self._claim(missing)
        batches = olm.share_group_session_parallel(room.room_id, list(room.users), ignore_unverified_devices=True)
        for shared_with, messages in batches:
            await self._send_to_device("m.room.encrypted", messages)
            olm.outbound_group_sessions[room.room_id].users_shared_with.update(shared_with)
        olm.outbound_group_sessions[room.room_id].shared = True

    async def _send_to_device(self, kind: str, messages: Mapping[str, Any]) -> None:
        await self._ask("PUT", path("sendToDevice", kind, secrets.token_hex(16)), messages)

    async def _ask(
        self, method: str, where: str, body: Mapping[str, Any] | None = None, timeout: float | None = None
    ) -> Answer:
        try:
            answer = await self._homeserver.request(method, where, body, timeout=timeout)
        except UnreachableError as error:
            raise CryptoInterruptedError(str(error)) from error
        if not answer.ok:
            raise CryptoInterruptedError(f"{where.split('/')[4]}: {answer.describe()}", answer.retry_after)
        return answer


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _sound_device(keys: Any) -> bool:
    """Whether nio can look at these device keys without stumbling."""
    if not isinstance(keys, dict):
        return False
    named = all(isinstance(keys.get(name), str) for name in ("user_id", "device_id"))
    maps = all(isinstance(keys.get(name), dict) for name in ("keys", "signatures"))
    return named and maps and all(isinstance(keys.get("unsigned", {}), dict) for _ in (0,))
