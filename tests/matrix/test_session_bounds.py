"""How many encryption sessions strangers can make the bot keep, and that those in use stay."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import vodozemac

from botkit.matrix.client import HomeserverClient, trust_anchors
from botkit.matrix.crypto import machine
from botkit.matrix.crypto.machine import Crypto
from botkit.matrix.crypto.pruning import MEGOLM, OLM, Bounds, Held, surplus

BOT, PEER, ROOM = "@bot:x.org", "@peer:x.org", "!room:x.org"
ALGORITHM = "m.megolm.v1.aes-sha2"


class Device:
    """Somebody else's device, which opens a new session whenever it likes."""

    def __init__(self, bot: Any) -> None:
        self._bot = bot
        self.account = vodozemac.Account()

    @property
    def key(self) -> str:
        return str(self.account.curve25519_key.to_base64())

    def session(self, one_time_key: str) -> Any:
        """A new Olm session with the bot."""
        bot_key = vodozemac.Curve25519PublicKey.from_base64(self._bot["curve25519"])
        return self.account.create_outbound_session(bot_key, vodozemac.Curve25519PublicKey.from_base64(one_time_key))

    def room_key(self, session: Any, group: Any, room_id: str = ROOM) -> dict[str, Any]:
        """The event that brings a Megolm session to the bot."""
        keys = {"room_id": room_id, "session_id": group.session_id, "session_key": group.session_key.to_base64()}
        payload = {
            "type": "m.room_key",
            "sender": PEER,
            "sender_device": "PEER",
            "recipient": BOT,
            "recipient_keys": {"ed25519": self._bot["ed25519"]},
            "keys": {"ed25519": self.account.ed25519_key.to_base64()},
            "content": {"algorithm": ALGORITHM, **keys},
        }
        kind, body = session.encrypt(json.dumps(payload).encode()).to_parts()
        ciphertext = {self._bot["curve25519"]: {"type": kind, "body": base64.b64encode(body).decode().rstrip("=")}}
        content = {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": self.key, "ciphertext": ciphertext}
        return {"type": "m.room.encrypted", "sender": PEER, "content": content}

    def message(self, group: Any, room_id: str = ROOM) -> dict[str, Any]:
        """An encrypted command."""
        clear = {"type": "m.room.message", "room_id": room_id, "content": {"body": "!foci"}}
        content = {
            "algorithm": ALGORITHM,
            "sender_key": self.key,
            "device_id": "PEER",
            "session_id": group.session_id,
            "ciphertext": group.encrypt(json.dumps(clear).encode()).to_base64(),
        }
        return {
            "type": "m.room.encrypted",
            "sender": PEER,
            "event_id": "$e",
            "origin_server_ts": 1,
            "room_id": room_id,
            "content": content,
        }


@pytest.fixture
async def start(tmp_path: Path) -> Any:
    """Starts the bot's encryption on its store; what ran before is ended."""
    server = HomeserverClient("http://127.0.0.1:1", trust=trust_anchors(None), user_agent="test")
    running: list[Crypto] = []

    def begin() -> Crypto:
        if running:
            running.pop().close()
        running.append(Crypto(server, BOT, "BOT", store=tmp_path, pickle_key="k", clock=time.monotonic))
        return running[0]

    yield begin
    running.pop().close()
    await server.close()


def one_time_keys(olm: Any) -> Iterator[str]:
    """The bot's published keys, made as they are used up."""
    while True:
        olm.account.generate_one_time_keys(50)
        yield from list(olm.account.one_time_keys["curve25519"].values())
        olm.account.mark_keys_as_published()
        olm.save_account()


def hear(crypto: Crypto, *events: dict[str, Any]) -> None:
    """As a sync brings them."""
    crypto.hear({"to_device": {"events": list(events)}})


def readable(crypto: Crypto, event: dict[str, Any]) -> bool:
    """Whether the bot reads it as the command it is."""
    clear = crypto.decrypt(ROOM, event)
    return clear is not None and clear["content"] == {"body": "!foci"}


async def test_sessions_of_a_device_are_few_and_the_one_in_use_stays(
    start: Callable[[], Crypto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest of all sessions is the one in use: neither new ones nor a restart make the bot forget it."""
    monkeypatch.setattr(machine, "_PRUNE_AFTER", 10)
    crypto = start()
    olm = crypto._olm
    peer, keys = Device(olm.account.identity_keys), one_time_keys(olm)
    used = peer.session(next(keys))
    for _ in range(25):
        group = vodozemac.GroupSession()
        hear(crypto, peer.room_key(used, vodozemac.GroupSession()), peer.room_key(peer.session(next(keys)), group))
    hear(crypto, peer.room_key(used, vodozemac.GroupSession()))
    assert len(olm.session_store[peer.key]) <= OLM.per_device + 10
    for _ in range(2):
        crypto = start()
        sessions = crypto._olm.session_store[peer.key]
        assert len(sessions) == OLM.per_device
        assert sessions[0].id == used.session_id
        last = vodozemac.GroupSession()
        hear(crypto, peer.room_key(used, last))
        assert readable(crypto, peer.message(last))
        assert len(crypto._olm.session_store[peer.key]) == OLM.per_device


async def test_room_keys_of_a_device_are_few_and_a_quiet_ones_stay(
    start: Callable[[], Crypto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends ever new keys loses the oldest of their own, also after a restart."""
    monkeypatch.setattr(machine, "_PRUNE_AFTER", 50)
    crypto = start()
    keys = one_time_keys(crypto._olm)
    quiet, loud = Device(crypto._olm.account.identity_keys), Device(crypto._olm.account.identity_keys)
    groups = [vodozemac.GroupSession() for _ in range(4 * MEGOLM.per_place)]
    mine = vodozemac.GroupSession()
    hear(crypto, quiet.room_key(quiet.session(next(keys)), mine))
    session = loud.session(next(keys))
    for group in groups:
        hear(crypto, loud.room_key(session, group))
    assert len(crypto._olm.inbound_group_store[ROOM][loud.key]) <= MEGOLM.per_place + 50
    for _ in range(2):
        assert readable(crypto, quiet.message(mine))
        assert readable(crypto, loud.message(groups[-1]))
        crypto = start()
        assert len(crypto._olm.inbound_group_store[ROOM][loud.key]) == MEGOLM.per_place
        assert not readable(crypto, loud.message(groups[0]))


def test_many_rooms_and_many_devices_displace_nobodys_newest() -> None:
    """Rooms that somebody made up count for their device; the newest session of every device goes last."""
    bounds = Bounds(per_device=100, per_place=10, per_room=30, in_all=60)
    flood = [Held(f"f{number}", "loud", f"!made-up-{number}") for number in range(500)]
    quiet = [Held(f"q{number}", f"quiet {number}", "!room") for number in range(20)]
    gone = surplus([*flood, *quiet], bounds)
    assert not gone & set(quiet)
    assert len(gone) == 520 - 60
    crowd = [Held(f"c{number}", f"crowd {number % 25}", "!room") for number in range(250)]
    gone = surplus([*crowd, *quiet[:5]], bounds)
    assert not gone & {*crowd[:25], *quiet[:5]}
    assert len(gone) == 255 - 30
    assert surplus(quiet, bounds) == frozenset()


async def test_one_key_for_many_rooms_is_kept_as_few_are(
    start: Callable[[], Crypto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session has one row in the store, but nio keeps a copy for every room that its key is said to be for."""
    monkeypatch.setattr(machine, "_PRUNE_AFTER", 50)
    small = Bounds(20, 10, 20, 40)
    monkeypatch.setattr(machine.Pruner.__init__, "__defaults__", (OLM, small))
    crypto = start()
    keys = one_time_keys(crypto._olm)
    loud, group = Device(crypto._olm.account.identity_keys), vodozemac.GroupSession()
    session = loud.session(next(keys))
    hear(crypto, *(loud.room_key(session, group, f"!made-up-{number}") for number in range(100)))
    assert len(list(crypto._olm.inbound_group_store)) <= small.per_device


async def test_who_sends_somebody_else_s_key_anew_does_not_take_it_away(
    start: Callable[[], Crypto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every member has the keys of the others; one who sends them on, and then many of their own, loses only those."""
    monkeypatch.setattr(machine, "_PRUNE_AFTER", 50)
    crypto = start()
    keys = one_time_keys(crypto._olm)
    quiet, loud = Device(crypto._olm.account.identity_keys), Device(crypto._olm.account.identity_keys)
    mine = vodozemac.GroupSession()
    session = loud.session(next(keys))
    hear(crypto, loud.room_key(session, mine), quiet.room_key(quiet.session(next(keys)), mine))
    hear(crypto, *(loud.room_key(session, vodozemac.GroupSession()) for _ in range(2 * MEGOLM.per_place)))
    assert readable(crypto, quiet.message(mine))
    assert readable(start(), quiet.message(mine))


async def test_what_the_bot_does_not_answer_leaves_nothing_behind(start: Callable[[], Crypto]) -> None:
    """Verifications, requests for keys and messages of unknown sessions are remembered for nobody."""
    crypto = start()
    olm = crypto._olm
    for number in range(20):
        who, device = f"@{number}:evil.example", f"D{number}"
        cancellation = {"action": "request_cancellation", "request_id": "r", "requesting_device_id": device}
        verification = {
            "from_device": device,
            "transaction_id": device,
            "method": "m.sas.v1",
            "key_agreement_protocols": ["curve25519"],
            "hashes": ["sha256"],
            "message_authentication_codes": ["hkdf-hmac-sha256"],
            "short_authentication_string": ["decimal"],
        }
        hear(
            crypto,
            {"type": "m.room_key_request", "sender": who, "content": cancellation},
            {"type": "m.key.verification.start", "sender": who, "content": verification},
        )
        assert not readable(crypto, Device(olm.account.identity_keys).message(vodozemac.GroupSession()))
    assert not olm.key_requests_waiting_for_session
    assert not olm.received_key_requests
    assert not olm.users_for_key_query - {PEER}
    assert not olm.inbound_group_store._entries
