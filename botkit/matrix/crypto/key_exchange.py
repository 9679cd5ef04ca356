"""Key exchange: device and one-time keys up, other devices and their keys down, room keys to devices."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import nio

from botkit.matrix.client import Answer, HomeserverClient, UnreachableError, path

log = logging.getLogger(__name__)

SIGNED = "signed_curve25519"
_ASK_AGAIN_AFTER = 60.0
_TIMEOUT = 60.0

MOST_DEVICES = 100
"""Devices of one user that get keys: each costs a millisecond, and their homeserver may name as many as it likes."""


class CryptoInterruptedError(UnreachableError):
    """The homeserver was not there to exchange keys with; try again later."""


class KeyExchange:
    """
    Asks on behalf of nio's machine and feeds it the answers, in bites that one broken device cannot spoil.

    Every method raises CryptoInterruptedError when the homeserver does not play along; doing it again is safe.

    Attributes:
        fallback_due: the homeserver has no unused fallback key of this device (client-server API, "One-time and
            fallback keys"). With one, whoever claims all one-time keys cannot keep newcomers from writing to the bot.

    Args:
        client: nio's client without I/O, its store loaded.
        clock: monotonic seconds.
    """

    def __init__(self, homeserver: HomeserverClient, client: Any, clock: Callable[[], float]) -> None:
        self._homeserver = homeserver
        self._client = client
        self._olm = client.olm
        self._clock = clock
        self._asked: dict[str, float] = {}
        self.fallback_due = False

    async def publish(self) -> None:
        """Upload identity, one-time and fallback keys as far as the homeserver lacks them."""
        olm = self._olm
        content: dict[str, Any] = {}
        if olm.should_upload_keys:
            content = olm.share_keys() if not olm.account.shared else {"one_time_keys": self._one_time_keys()}
        if self.fallback_due:
            content["fallback_keys"] = self._fallback_keys()
        if not content:
            return
        # saved first: a key that the homeserver hands out must survive kill -9
        olm.save_account()
        answer = await self._ask("POST", path("keys", "upload"), content)
        self.fallback_due = False
        count = mapping(answer.body.get("one_time_key_counts")).get(SIGNED, 0)
        self._client.receive_response(nio.KeysUploadResponse(0, count if isinstance(count, int) else 0))

    def _one_time_keys(self) -> dict[str, Any]:
        account = self._olm.account
        if not account.one_time_keys["curve25519"]:
            account.generate_one_time_keys(account.max_one_time_keys - (self._olm.uploaded_key_count or 0))
        keys = account.one_time_keys["curve25519"].items()
        return {f"{SIGNED}:{key_id}": self._signed({"key": key}) for key_id, key in keys}

    def _fallback_keys(self) -> dict[str, Any]:
        # nio knows nothing of them; the account below it does, and keeps the one before for what is under way
        account = self._olm.account._account
        if not account.fallback_key:
            account.generate_fallback_key()
        return {
            f"{SIGNED}:{key_id}": self._signed({"key": key.to_base64(), "fallback": True})
            for key_id, key in account.fallback_key.items()
        }

    def _signed(self, content: dict[str, Any]) -> dict[str, Any]:
        signatures = {self._olm.user_id: {f"ed25519:{self._olm.device_id}": self._olm.sign_json(content)}}
        return {**content, "signatures": signatures}

    def forget_asked(self, users: Iterable[str]) -> None:
        """Their devices have changed: the next question about them is due at once."""
        for user in users:
            self._asked.pop(user, None)

    async def query(self, users: set[str]) -> None:
        """Ask for devices; users whose server does not answer are asked again only after a while."""
        now = self._clock()
        due = {user for user in users if now - self._asked.get(user, -_ASK_AGAIN_AFTER) >= _ASK_AGAIN_AFTER}
        if not due:
            return
        wanted = {"device_keys": {user: [] for user in sorted(due)}, "timeout": 10_000}
        answer = await self._ask("POST", path("keys", "query"), wanted)
        self._asked.update(dict.fromkeys(due, now))
        for user, devices in mapping(answer.body.get("device_keys")).items():
            sound = {name: keys for name, keys in mapping(devices).items() if _sound_device(keys)}
            if len(sound) > MOST_DEVICES:
                log.warning("devices left out, a user has too many user=%s devices=%d", user, len(sound))
                sound = dict(islice(sound.items(), MOST_DEVICES))
            self._feed(nio.KeysQueryResponse({user: sound}, {}), user)
            # each user's devices are checked and stored in one step; others come between
            await asyncio.sleep(0)
            if user not in self._olm.users_for_key_query:
                self._asked.pop(user, None)

    async def claim(self, missing: Mapping[str, Iterable[str]]) -> None:
        """Get a one-time key of each device, to open a session with it. Their servers may let it hang: nobody waits."""
        keys = {user: dict.fromkeys(devices, SIGNED) for user, devices in missing.items()}
        answer = await self._ask("POST", path("keys", "claim"), {"one_time_keys": keys, "timeout": 10_000})
        for user, devices in mapping(answer.body.get("one_time_keys")).items():
            for device, claimed in mapping(devices).items():
                if isinstance(claimed, dict) and claimed:
                    self._feed(nio.KeysClaimResponse({user: {device: claimed}}, {}), user)

    async def members(self, room_id: str) -> frozenset[str]:
        """Who is joined, and so gets the room's key."""
        answer = await self._ask("GET", path("rooms", room_id, "joined_members"))
        return frozenset(mapping(answer.body.get("joined")))

    async def share(self, room: Any) -> None:
        """
        Hand the room's key to every device of its members.

        An interrupted round continues with the devices that lack it; nio's own wedges the room for good.
        """
        olm, users = self._olm, list(room.users)
        missing = olm.get_missing_sessions(users)
        if missing:
            await self.claim(missing)
        batches = olm.share_group_session_parallel(room.room_id, users, ignore_unverified_devices=True)
        for shared_with, messages in batches:
            await self.send("m.room.encrypted", messages)
            # a membership change meanwhile has invalidated the session
            if room.room_id not in olm.outbound_group_sessions:
                return
            olm.outbound_group_sessions[room.room_id].users_shared_with.update(shared_with)
        olm.outbound_group_sessions[room.room_id].shared = True

    async def send_waiting(self) -> None:
        """Open the sessions that devices asked for, and send what waits for devices."""
        if self._client.should_claim_keys:
            await self.claim(self._olm.get_users_for_key_claiming())
        for message in tuple(self._olm.outgoing_to_device_messages):
            await self.send(message.type, message.as_dict())
            self._client.receive_response(nio.ToDeviceResponse(message))

    async def send(self, kind: str, messages: Mapping[str, Any]) -> None:
        """Send to devices."""
        await self._ask("PUT", path("sendToDevice", kind, secrets.token_hex(16)), messages)

    def _feed(self, response: Any, user: str) -> None:
        try:
            with self._olm.store.database.atomic():
                self._client.receive_response(response)
        except Exception:  # strangers' keys; one broken device must not silence the bot for all others
            log.warning("cannot process device keys user=%s", user, exc_info=log.isEnabledFor(logging.DEBUG))

    async def _ask(self, method: str, where: str, body: Mapping[str, Any] | None = None) -> Answer:
        try:
            answer = await self._homeserver.request(method, where, body, timeout=_TIMEOUT)
        except UnreachableError as error:
            raise CryptoInterruptedError(str(error)) from error
        if not answer.ok:
            raise CryptoInterruptedError(f"{where.split('/')[4]}: {answer.describe()}", answer.retry_after)
        return answer


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _sound_device(keys: Any) -> bool:
    """Whether nio can look at these device keys without stumbling."""
    if not isinstance(keys, dict):
        return False
    named = all(isinstance(keys.get(name), str) for name in ("user_id", "device_id"))
    maps = all(isinstance(keys.get(name), dict) for name in ("keys", "signatures"))
    return named and maps and isinstance(keys.get("unsigned", {}), dict)
