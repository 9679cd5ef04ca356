"""Pictures: uploaded, and encrypted where the room is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nio.crypto import encrypt_attachment

from botkit.matrix.client import HomeserverClient, UnreachableError
from botkit.messages.document import Code, Document, Paragraph, line
from botkit.messages.rendering import message_content
from botkit.messages.sanitise import quoted

MOST_ATTEMPTS = 5
"""Uploads after which words take the picture's place: what is said next in the room must not wait for ever."""


class UploadRefusedError(Exception):
    """The homeserver does not want it; the text is a few words."""


async def uploaded(
    homeserver: HomeserverClient, content: Mapping[str, Any], data: bytes, *, encrypted: bool
) -> dict[str, Any]:
    """
    Upload what a message shows.

    Returns:
        The content with the place where it lies (``url``, or ``file`` with its keys).

    Raises:
        UploadRefusedError, UnreachableError: it lies nowhere.
    """
    keys: dict[str, Any] = {}
    kind = str(content["info"]["mimetype"])
    if encrypted:
        data, keys = encrypt_attachment(data)
        kind = "application/octet-stream"
    answer = await homeserver.upload(data, kind)
    if answer.temporary or answer.token_rejected:
        raise UnreachableError(answer.describe())
    place = answer.body.get("content_uri")
    if not answer.ok or not isinstance(place, str):
        raise UploadRefusedError(answer.describe())
    return {**content, "file": {"url": place, **keys}} if encrypted else {**content, "url": place}


def in_words(content: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """What is said in place of a picture: what it shows, and why it is not there."""
    remark = message_content(line(f"(The picture itself could not be uploaded: {quoted(reason)}.)"))
    shown = content
    if "formatted_body" not in content:  # written down by an earlier version
        shown = message_content(Document((Paragraph((Code(content["body"]),)),)))
    bodies = {key: f"{shown[key]} {remark[key]}" for key in ("body", "formatted_body")}
    relation = {key: content[key] for key in ("m.relates_to",) if key in content}
    return {**remark, **bodies, **relation}
