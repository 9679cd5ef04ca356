"""A person of the lab talks through a real client, encrypted."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from nio import AsyncClient, AsyncClientConfig, RoomMessagesResponse
from nio.crypto import encrypt_attachment

from lab.person import Person, pill
from lab.synapse import Synapse


async def test_two_people_talk_encrypted(tmp_path: Path) -> None:
    """What one says encrypted the other reads, replies and pills included; nothing goes in clear."""
    async with Synapse(tmp_path / "hs", server_name="example.org") as synapse:
        ann, ben = [await synapse.register(name, "secret") for name in ("ann", "ben")]
        async with (
            Person(synapse.base_url, ann, tmp_path / "ann") as one,
            Person(synapse.base_url, ben, tmp_path / "ben") as other,
        ):
            room = await one.create_room("ops", [ben.user_id])
            await one.until_joined(room, ben.user_id)
            asked = await one.say(room, "hello Ben", markup=f"hello {pill(ben.user_id, 'Ben')}", mention=ben.user_id)
            await other.until_joined(room, ben.user_id)
            answered = await other.say(room, "hello", reply_to=asked)
            answer = await one.answer_to(asked, sender=ben.user_id)
            assert (answer.event_id, answer.body, answer.encrypted, answer.unreadable) == (
                answered,
                "hello",
                True,
                False,
            )
            heard = next(said for said in other.heard if said.event_id == asked)
            assert (heard.encrypted, heard.unreadable, heard.sender) == (True, False, ann.user_id)
            assert heard.html == 'hello <a href="https://matrix.to/#/@ben:example.org">Ben</a>'
            with pytest.raises(TimeoutError, match="an answer"):
                await one.answer_to("$nothing", sender=ben.user_id, patience=0.3)
        events = await synapse.api(
            "GET", f"/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=50", token=ann.access_token
        )
        types = [event["type"] for event in events["chunk"]]
        assert types.count("m.room.encrypted") == 2
        assert "m.room.message" not in types


async def test_what_people_do_with_messages(tmp_path: Path) -> None:
    """Edits show their new words, threads are told from replies, pictures are deciphered, reactions can go again."""
    async with Synapse(tmp_path / "hs", server_name="example.org") as synapse:
        ann, ben = [await synapse.register(name, "secret") for name in ("ann", "ben")]
        async with (
            Person(synapse.base_url, ann, tmp_path / "ann") as one,
            Person(synapse.base_url, ben, tmp_path / "ben") as other,
        ):
            room = await one.create_room("ops", [ben.user_id])
            await one.until_joined(room, ben.user_id)
            first = await one.say(room, "firts")
            new = {"msgtype": "m.text", "body": "first"}
            edit = {**new, "body": "* first", "m.new_content": new, "m.relates_to": related("m.replace", first)}
            await one.send(room, edit)
            await one.send(room, {**new, "body": "beside", "m.relates_to": related("m.thread", first)})
            sealed, keys = encrypt_attachment(b"a picture")
            stored, _ = await one._client.upload(BytesIO(sealed), "application/octet-stream", filesize=len(sealed))
            file = {"url": stored.content_uri, **keys}
            await one.send(room, {"msgtype": "m.image", "body": "p.png", "info": {"w": 3, "h": 2}, "file": file})
            seen = [await other.hears_nth(place) for place in range(4)]
            assert [(said.body, said.replaces, said.thread) for said in seen] == [
                ("firts", None, None),
                ("first", first, None),
                ("beside", None, first),
                ("p.png", None, None),
            ]
            image = seen[3].image
            assert image is not None
            assert (image.width, image.height, await other.look_at(image)) == (3, 2, b"a picture")
            reaction = await other.react(room, first, "👀")
            await other.redact(room, reaction)
        events = await synapse.api("GET", f"/_matrix/client/v3/rooms/{room}/event/{reaction}", token=ann.access_token)
        assert (events["type"], events["content"]) == ("m.reaction", {})


async def test_whoever_imports_the_keys_reads_what_was_said_before(tmp_path: Path) -> None:
    """A device that signs in afterwards reads nothing without them, and with them what both said."""
    async with Synapse(tmp_path / "hs", server_name="example.org") as synapse:
        ann, ben = [await synapse.register(name, "secret") for name in ("ann", "ben")]
        async with (
            Person(synapse.base_url, ann, tmp_path / "ann") as one,
            Person(synapse.base_url, ben, tmp_path / "ben") as other,
        ):
            room = await one.create_room("ops", [ben.user_id])
            await one.until_joined(room, ben.user_id)
            asked = await one.say(room, "asked")
            await other.until_joined(room, ben.user_id)
            await other.say(room, "answered", reply_to=asked)
            await one.answer_to(asked, sender=ben.user_id)
            await one.export_keys(tmp_path / "keys", "secret")
        late = await synapse.login("ann", "secret")
        (tmp_path / "late").mkdir()
        client = AsyncClient(
            synapse.base_url,
            late.user_id,
            late.device_id,
            str(tmp_path / "late"),
            AsyncClientConfig(encryption_enabled=True),
        )
        client.restore_login(late.user_id, late.device_id, late.access_token)
        try:
            assert await read(client, room) == []
            await client.import_keys(str(tmp_path / "keys"), "secret")
            assert await read(client, room) == ["asked", "answered"]
        finally:
            await client.close()


async def read(client: AsyncClient, room: str) -> list[str]:
    """The words that a client can read of what is in a room, oldest first."""
    answer = await client.room_messages(room, start=None, limit=50)
    assert isinstance(answer, RoomMessagesResponse)
    return [event.body for event in reversed(answer.chunk) if hasattr(event, "body")]


def related(kind: str, event_id: str) -> dict[str, str]:
    return {"rel_type": kind, "event_id": event_id}
