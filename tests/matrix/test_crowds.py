"""What many devices, and members who come and go, cost the bot."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import nio
import vodozemac

from botkit.matrix.client import Answer
from botkit.matrix.crypto.key_exchange import MOST_DEVICES
from botkit.matrix.crypto.machine import Crypto
from tests.matrix.test_session_bounds import BOT, PEER, ROOM, Device, hear, one_time_keys, start

__all__ = ["start"]


def device(name: str, account: Any = None) -> dict[str, Any]:
    """A device's signed keys, as its homeserver gives them."""
    account = account or vodozemac.Account()
    keys = {
        "user_id": PEER,
        "device_id": name,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {
            f"curve25519:{name}": account.curve25519_key.to_base64(),
            f"ed25519:{name}": account.ed25519_key.to_base64(),
        },
    }
    signature = account.sign(nio.Api.to_canonical_json(keys).encode()).to_base64()
    return {**keys, "signatures": {PEER: {f"ed25519:{name}": signature}}}


class Server:
    """
    A homeserver with one other member in the room.

    Args:
        devices: of that member.
        at_each: called while each request is under way.
    """

    def __init__(self, devices: Mapping[str, Any], at_each: Callable[[], None]) -> None:
        self._devices = devices
        self._at_each = at_each

    async def request(self, method: str, where: str, *_: Any, **__: Any) -> Answer:
        await asyncio.sleep(0)
        self._at_each()
        return Answer(200, {"joined": {BOT: {}, PEER: {}}, "device_keys": {PEER: self._devices}})


def surround(crypto: Crypto, server: Server) -> None:
    crypto._exchange._homeserver = server  # type: ignore[assignment]


async def test_who_comes_and_goes_without_end_silences_nobody(start: Callable[[], Crypto]) -> None:
    """The message is written to those who are there; the next one has a key of its own."""
    crypto = start()
    surround(crypto, Server({}, lambda: crypto.members_changed(ROOM)))
    sessions = []
    for _ in range(2):
        kind, content = await crypto.encrypt(ROOM, "m.room.message", {"body": "down"})
        assert kind == "m.room.encrypted"
        sessions.append(content["session_id"])
    assert sessions[0] != sessions[1]


async def test_a_message_waits_for_a_change_that_ends(start: Callable[[], Crypto]) -> None:
    """Somebody who leaves while the key is shared does not get it: it is shared anew."""
    crypto = start()
    turns = itertools.count()

    def once() -> None:
        if next(turns) == 1:
            crypto.members_changed(ROOM)

    surround(crypto, Server({}, once))
    await crypto.encrypt(ROOM, "m.room.message", {"body": "down"})
    assert next(turns) > 2
    assert not crypto._held


async def test_a_user_s_devices_are_bounded(start: Callable[[], Crypto]) -> None:
    """Their homeserver may name thousands, each with a signature to check and a row to store."""
    crypto = start()
    devices = {name: device(name) for name in (f"D{number}" for number in range(MOST_DEVICES + 20))}
    surround(crypto, Server(devices, lambda: None))
    crypto._olm.users_for_key_query.add(PEER)
    await crypto._exchange.query({PEER})
    assert len(list(crypto._olm.device_store.active_user_devices(PEER))) == MOST_DEVICES


async def test_unreadable_messages_ask_nobody_for_keys(start: Callable[[], Crypto]) -> None:
    """A device that just opened a session and then writes under unknown keys makes the bot send nothing."""
    crypto = start()
    olm = crypto._olm
    peer = Device(olm.account.identity_keys)
    surround(crypto, Server({"PEER": device("PEER", peer.account)}, lambda: None))
    olm.users_for_key_query.add(PEER)
    await crypto._exchange.query({PEER})
    hear(crypto, peer.room_key(peer.session(next(one_time_keys(olm))), vodozemac.GroupSession()))
    for _ in range(20):
        assert crypto.decrypt(ROOM, peer.message(vodozemac.GroupSession())) is None
    assert not olm.outgoing_to_device_messages
    assert not olm.key_re_requests_events


async def test_a_claim_that_hangs_holds_up_no_other(start: Callable[[], Crypto]) -> None:
    """Rooms whose members' server does not hand out keys keep no other room from its message."""
    crypto = start()
    over = asyncio.Event()

    class Hanging(Server):
        async def request(self, method: str, where: str, body: Any = None, *_: Any, **__: Any) -> Answer:
            if "@m:evil.example" in body["one_time_keys"]:
                await over.wait()
            return Answer(200, {})

    surround(crypto, Hanging({}, lambda: None))
    stuck = [asyncio.ensure_future(crypto._exchange.claim({"@m:evil.example": ["D"]})) for _ in range(5)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await crypto._exchange.claim({PEER: ["D"]})
    over.set()
    await asyncio.gather(*stuck)
