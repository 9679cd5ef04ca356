"""The content of what is sent: relations (reply, thread, edit), transaction ids, and the notices of the host itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from botkit.messages.document import Code, Document, Emoji, Inline, Paragraph, Picture, Reply, Text, line
from botkit.messages.inbound import InboundMessage
from botkit.messages.notification import Placement
from botkit.messages.rendering import WORD_JOINER, message_content
from botkit.messages.sanitise import REPLACEMENT, visible
from botkit.storage.outbox import Outgoing

_MESSAGE = "m.room.message"
_SHORTENED = 500
"""Characters of a notification that are kept when the whole is too large."""


def replies(message: InboundMessage, answers: Sequence[Reply]) -> tuple[Outgoing, ...]:
    """The events that answer a command; the same command always yields the same transaction ids."""
    relation = relation_to(message)
    return tuple(
        Outgoing(
            room_id=message.room_id,
            txn_id=transaction_id(message.event_id, str(index)),
            kind=_MESSAGE,
            content={**_content(answer), "m.relates_to": relation},
            attachment=answer.png if isinstance(answer, Picture) else None,
        )
        for index, answer in enumerate(answers)
    )


def _content(answer: Reply) -> dict[str, Any]:
    """Without its relation; a picture's lacks where it lies, which is known when it is uploaded."""
    if isinstance(answer, Document):
        return message_content(answer)
    info = {"mimetype": "image/png", "size": len(answer.png), "w": answer.width, "h": answer.height}
    # a body that differs from the file's name is a caption (MSC2530), shown as the body of a text is
    return {**message_content(line(answer.alt)), "msgtype": "m.image", "filename": answer.name, "info": info}


def relation_to(message: InboundMessage) -> dict[str, Any]:
    """In reply to the command, and in its thread where it came from one."""
    reply = {"m.in_reply_to": {"event_id": message.event_id}}
    if message.thread_root is None:
        return reply
    return {"rel_type": "m.thread", "event_id": message.thread_root, "is_falling_back": False, **reply}


def transaction_id(*parts: str) -> str:
    """A transaction id that depends on nothing but ``parts``."""
    return "foci" + hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def shortened_message(message: Outgoing) -> Outgoing:
    """Replacement of a message that is too large for the homeserver; of a notification it keeps the first line."""
    if message.stamp is None:
        document = line("The answer is too large for this homeserver; ask for less at once.")
    else:
        first = _first_line(str(message.content.get("body", "")))
        document = Document((Paragraph(first), *line("(The rest is too large for this homeserver.)").blocks))
    kept: dict[str, Any] = {
        key: message.content[key] for key in ("m.relates_to", "m.mentions") if key in message.content
    }
    msgtype = "m.text" if message.stamp and message.content.get("msgtype") == "m.text" else "m.notice"
    content: dict[str, Any] = {**message_content(document), "msgtype": msgtype, **kept}
    return replace(message, txn_id=transaction_id(message.txn_id, "shortened"), content=content, attachment=None)


def _first_line(body: str) -> tuple[Inline, ...]:
    """The first line of a body that was rendered before: its sign, and the rest as code, as it names strangers."""
    sign, _, rest = body.partition("\n")[0][:_SHORTENED].replace(WORD_JOINER, "").partition(" ")
    if set(visible(sign)) == {REPLACEMENT}:
        return Emoji(sign), Text(" "), Code(rest)
    return (Code(f"{sign} {rest}"),)


def unreadable_notice(room_id: str, session_id: str) -> Outgoing:
    """The notice, once per session, about messages that could not be decrypted."""
    words = (
        "The bot could not decrypt a message here: it did not receive the key. If the message was a command, please "
        "send it again. If this continues, your client may not share keys with unverified devices, or with the bot."
    )
    return _notice(room_id, words, "unreadable", session_id)


def retry_notice(room_id: str, now: int) -> Outgoing:
    """The notice to a room that rejected the bot's messages; ``now`` (ms) makes its transaction id unique."""
    words = "The bot could not send here for a while (the room rejected its messages). Sending works again."
    return _notice(room_id, words, "retry", str(now))


def _notice(room_id: str, words: str, kind: str, which: str) -> Outgoing:
    content = message_content(line(words))
    return Outgoing(room_id, transaction_id(kind, room_id, which), _MESSAGE, content)


_EDITED = "* "
"""Prefix of the fallback body for clients without support for edits (Matrix, event replacements)."""


def related(content: Mapping[str, Any], placement: Placement, anchor: str | None) -> dict[str, Any]:
    """
    The content of a notification as it is sent.

    Args:
        anchor: the event it refers to; without one it is a message of its own.
    """
    if anchor is None or placement is Placement.NEW:
        return dict(content)
    if placement is Placement.EDIT:
        return _edit(content, anchor)
    reply = {"m.in_reply_to": {"event_id": anchor}}
    if placement is Placement.REPLY:
        return {**content, "m.relates_to": reply}
    relation = {"rel_type": "m.thread", "event_id": anchor, "is_falling_back": True, **reply}
    return {**content, "m.relates_to": relation}


def _edit(content: Mapping[str, Any], anchor: str) -> dict[str, Any]:
    fallback = {**content, "body": _EDITED + str(content["body"])}
    if "formatted_body" in content:
        fallback["formatted_body"] = _EDITED + str(content["formatted_body"])
    return {
        **fallback,
        # mentioned users were notified already: an edit notifies no one
        "m.mentions": {},
        "m.new_content": dict(content),
        "m.relates_to": {"rel_type": "m.replace", "event_id": anchor},
    }
