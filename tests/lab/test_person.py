"""A person of the lab talks through a real client, encrypted."""

from __future__ import annotations

from pathlib import Path

import pytest

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
