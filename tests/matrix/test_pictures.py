"""Pictures as answers: uploaded, encrypted where the room is, in reply, and in words when they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from nio.crypto import decrypt_attachment

from botkit.matrix.send.attachment import MOST_ATTEMPTS
from lab.synapse import Synapse
from tests.matrix.patience import until
from tests.matrix.person import Person, Said
from tests.matrix.proxy import Proxy
from tests.matrix.scribe import PICTURE, ScribeBot

UPLOAD = "/_matrix/media/v3/upload"


async def _download(synapse: Synapse, alice: Person, place: str) -> bytes:
    where = urlsplit(place)
    url = f"{synapse.base_url}/_matrix/client/v1/media/download/{where.netloc}{where.path}"
    headers = {"Authorization": f"Bearer {alice.token}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        assert response.status == 200
        return await response.read()


def _is_picture(said: Said) -> bool:
    return said.content["msgtype"] == "m.image"


async def test_a_picture_in_clear(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """It is an image in reply to the command, with its size, its name and what it shows; words follow it."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        command = await alice.say(room, "!scribe picture")
        await alice.hears_text("that was it")
        picture, _ = alice.heard
        assert await _download(synapse, alice, picture.content["url"]) == PICTURE.png
    assert picture.content == {
        "msgtype": "m.image",
        "body": "Nothing but grey.",
        "format": "org.matrix.custom.html",
        "formatted_body": "Nothing but grey.",
        "filename": "grey.png",
        "info": {"mimetype": "image/png", "size": len(PICTURE.png), "w": 20, "h": 10},
        "m.mentions": {},
        "m.relates_to": {"m.in_reply_to": {"event_id": command}},
        "url": picture.content["url"],
    }


async def test_a_picture_in_an_encrypted_room(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """The homeserver holds nothing but noise, whose key stands in the encrypted message; threads are kept."""
    async with await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot") as bot:
        room = await alice.create_room(bot.user_id, encrypted=True)
        await alice.wait_for_member(room, bot.user_id)
        root = await alice.say(room, "look")
        thread = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True}
        relation = {**thread, "m.in_reply_to": {"event_id": root}}
        command = await alice.say(room, "!scribe picture", **{"m.relates_to": relation})
        picture = await alice.hears(_is_picture)
        await alice.hears_text("that was it")
        file: dict[str, Any] = picture.content["file"]
        stored = await _download(synapse, alice, file["url"])
    assert picture.encrypted
    assert "url" not in picture.content
    assert b"PNG" not in stored
    assert len(stored) == len(PICTURE.png)
    assert file["v"] == "v2"
    assert decrypt_attachment(stored, file["key"]["k"], file["hashes"]["sha256"], file["iv"]) == PICTURE.png
    found = picture.content["m.relates_to"]
    assert (found["event_id"], found["m.in_reply_to"]["event_id"]) == (root, command)


@pytest.mark.parametrize(
    ("status", "body", "reason", "uploads"),
    [
        (413, {"errcode": "M_TOO_LARGE"}, "HTTP 413 M_TOO_LARGE", 1),
        (403, {"errcode": "M_FORBIDDEN"}, "HTTP 403 M_FORBIDDEN", 1),
        (200, {"content_uri": 5}, "HTTP 200", 1),
        (500, {}, "HTTP 500", MOST_ATTEMPTS),
    ],
)
async def test_a_picture_that_nobody_wants(
    synapse: Synapse,
    alice: Person,
    localparts: Callable[[str], str],
    tmp_path: Path,
    status: int,
    body: dict[str, Any],
    reason: str,
    uploads: int,
) -> None:
    """What it shows is said in words, with the reason, in reply; the room is not held up and not suspended."""

    def refuse(request: web.Request) -> web.Response | None:
        return web.json_response(body, status=status) if request.path == UPLOAD else None

    async with (
        Proxy(synapse.base_url, before=refuse) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await alice.create_room(bot.user_id)
        await alice.wait_for_member(room, bot.user_id)
        command = await alice.say(room, "!scribe picture")
        await alice.hears_text("that was it")
        assert bot.journal.of("suspended") == []
        assert proxy.count(UPLOAD) == uploads
    words = alice.heard[0]
    assert words.body == f"Nothing but grey. (The picture itself could not be uploaded: {reason}.)"
    assert words.content["msgtype"] == "m.notice"
    assert words.content["m.relates_to"]["m.in_reply_to"]["event_id"] == command


async def test_a_picture_after_trouble(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """A bad gateway is tried again; the restart in between uploads anew and says it once."""
    async with Proxy(synapse.base_url) as proxy:
        failed = 0

        def fail(request: web.Request) -> web.Response | None:
            nonlocal failed
            if request.path != UPLOAD:
                return None
            failed += 1
            return web.Response(status=502)

        bot = await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url)
        async with bot:
            room = await alice.create_room(bot.user_id)
            await bot.journal.hears("joined", room)
            proxy.before = fail
            await alice.say(room, "!scribe picture")
            await until(lambda: failed >= 1)
        proxy.before = None
        async with bot.again():
            await alice.hears_text("that was it")
    assert [_is_picture(said) for said in alice.heard] == [True, False]
