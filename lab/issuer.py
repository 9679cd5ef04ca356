"""Tokens for a real SFU, made and guarded as lk-jwt-service makes and guards them, version by version."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import aiohttp
from livekit.api import AccessToken, LiveKitAPI, ServerError, VideoGrants
from livekit.protocol.room import CreateRoomRequest

from lab.authorisation import NotAuthorisedError, Release, RoomNotCreatedError
from lab.livekit import LiveKit
from lab.openid import LookupFailedError, OpenIdLookup

_LEGACY_SLOT = "m.call#ROOM"
_LIFETIME = timedelta(hours=1)
_EMPTY_TIMEOUT = 300
_DEPARTURE_TIMEOUT = 20


class Issuer:
    """
    Looks users up, makes rooms and signs tokens for one SFU. All attributes may be changed at any time.

    Attributes:
        sfu_url: what is handed to clients, word for word.
        full_access: server names whose users may open rooms, ``["*"]`` for all: the service has the SFU make the room
            before it answers. Others need the room to be there, or an SFU that makes rooms by itself.
        wrong_secret: whether it signs with another secret than the SFU's.
    """

    def __init__(
        self, sfu: LiveKit, lookup: OpenIdLookup, sfu_url: str, *, full_access: Sequence[str] = ("*",)
    ) -> None:
        """Issue tokens for an SFU, which the service itself reaches at its address on loopback."""
        self.sfu_url = sfu_url
        self.full_access = list(full_access)
        self.wrong_secret = False
        self._sfu = sfu
        self._lookup = lookup
        self._other_secret = secrets.token_urlsafe(32)

    async def issue(self, release: Release, values: Mapping[str, Any]) -> dict[str, str]:
        """
        The answer to a well-formed request of either endpoint: ``url`` and ``jwt``.

        Raises:
            NotAuthorisedError: the look-up failed, or the user is not the one claimed.
            RoomNotCreatedError: the user has full access, and the SFU did not make the room.
        """
        openid = values["openid_token"]
        server_name: str = openid["matrix_server_name"]
        try:
            user = await self._lookup.user_of(openid["access_token"], server_name)
        except LookupFailedError as error:
            raise NotAuthorisedError(str(error)) from None
        if "member" in values and values["member"]["claimed_user_id"] != user:
            raise NotAuthorisedError("the claimed user is not the token's")
        room, identity = names_on_sfu(release, values, user)
        token = self._sign(release, room, identity)
        if self.full_access == ["*"] or server_name in self.full_access:
            await self._create(room)
        return {"url": self.sfu_url, "jwt": token}

    @property
    def _secret(self) -> str:
        return self._other_secret if self.wrong_secret else self._sfu.secret

    def _sign(self, release: Release, room: str, identity: str) -> str:
        grants = VideoGrants(room_join=True, room=room, can_publish=True, can_subscribe=True)
        if release >= (0, 6):
            grants.can_update_own_metadata = True
        token = AccessToken(self._sfu.key, self._secret).with_identity(identity).with_grants(grants)
        return token.with_ttl(_LIFETIME).to_jwt()

    async def _create(self, room: str) -> None:
        request = CreateRoomRequest(name=room, empty_timeout=_EMPTY_TIMEOUT, departure_timeout=_DEPARTURE_TIMEOUT)
        async with LiveKitAPI(self._sfu.base_url, self._sfu.key, self._secret, failover=False) as api:
            try:
                await api.room.create_room(request)
            except (aiohttp.ClientError, ServerError, TimeoutError) as error:
                raise RoomNotCreatedError(type(error).__name__) from None


def names_on_sfu(release: Release, values: Mapping[str, Any], user: str) -> tuple[str, str]:
    """The room's and the participant's name on the SFU, for a well-formed request of either endpoint."""
    if "room" in values:
        identity = f"{user}:{values.get('device_id') or ''}"
        room = values["room"] if release < (0, 4, 1) else _digest(release, values["room"], _LEGACY_SLOT)
        return room, identity
    member = values["member"]
    if release < (0, 4, 1):
        joined = f"{values['room_id']}|{values['slot_id']}"
        return hashlib.sha256(joined.encode()).hexdigest(), member["id"]
    room = _digest(release, values["room_id"], values["slot_id"])
    return room, _digest(release, user, member["claimed_device_id"], member["id"])


def _digest(release: Release, *parts: str) -> str:
    """Parts joined as JSON since 0.4.3 and by bars before, hashed, in base64 without padding."""
    as_json = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    joined = as_json if release >= (0, 4, 3) else "|".join(parts)
    return base64.b64encode(hashlib.sha256(joined.encode()).digest()).decode().rstrip("=")
