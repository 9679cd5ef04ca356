"""What the fuzzer begins with: real documents, and words that the parsers know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.hostile.strings import STRINGS

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
FOUND = Path(__file__).resolve().parent / "found"
"""Inputs that once broke a promise: ``found/<harness>/<name>``."""

_WORDS = (
    *("https://", "wss://", "matrix:u/", "matrix:", "https://matrix.to/#/", "@", ":", "/sfu/get", "/get_token", "xn--"),
    *("[::1]", "::ffff:", "0x7f", "127.0.0.1", ".example.org", "%40", "%2F", "..", "//", "?", "#", "$", "{", "}"),
    *('"m.homeserver"', '"base_url"', '"org.matrix.msc4143.rtc_foci"', '"m.rtc_foci"', '"type"', '"livekit"'),
    *('"livekit_service_url"', '"url"', '"rtc_transports"', '"errcode"', "null", "NaN", "1e999", "\\ud800", "\\u0000"),
    *("<mx-reply>", "</mx-reply>", "<a href=", "</a>", "<!--", "<![CDATA[", "&#64;", "&lt;", "<br>", "> <@", "!foci "),
    *('"m.relates_to"', '"rel_type"', '"m.thread"', '"m.replace"', '"m.in_reply_to"', '"event_id"', '"m.mentions"'),
    *("\x1d", "\x1e", "\x1f", "`", "@room", "\u202e", "\u2060", "\ufeff", "✅", "\u0301", "\u3000"),
)
_TARGETS = ("@alice:example.org", "example.org:8448", "[2001:db8::1]:443", "https://matrix.to/#/%40a%3Ab?via=c")
_URLS = ("https://rtc.example.org/livekit/jwt", "wss://rtc.example.org:7880/", "/elsewhere", "//other.example/x#y")
_BODIES = (
    '!foci Alice\x1e!foci <a href="https://matrix.to/#/@alice:example.org">Alice</a>',
    "> <@bob:example.org> quoted\n\n!foci\x1e<mx-reply><blockquote>x</blockquote></mx-reply>!foci",
    "!foci [Alice](https://matrix.to/#/@alice:example.org)",
)


def seeds(harness: str) -> Iterator[bytes]:
    """Good inputs for one harness, hostile strings, and what broke it once."""
    texts = {"target": _TARGETS, "service-url": _URLS, "redirect": _URLS, "mention": _BODIES}.get(harness, ())
    yield from (text.encode() for text in texts)
    if harness in ("well-known", "transports"):
        for name in ("wellknown_samples.json", "rtc_transports_samples.json"):
            for sample in json.loads((DATA / name).read_text()):
                yield _bytes(sample["body"])
    if harness == "event":
        yield json.dumps(_event()).encode()
    yield from (text.encode("utf-8", "surrogatepass")[:4_000] for text in STRINGS.values())
    yield from (path.read_bytes() for path in found(harness))


def found(harness: str) -> list[Path]:
    """What broke a harness once."""
    return sorted((FOUND / harness).glob("*"))


def dictionary() -> str:
    """The words in libFuzzer's form."""
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"\n' for word in _WORDS)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _event() -> dict[str, Any]:
    relation = {"rel_type": "m.thread", "event_id": "$root", "m.in_reply_to": {"event_id": "$other"}}
    content = {"msgtype": "m.text", "body": "!foci", "m.relates_to": relation, "m.mentions": {"user_ids": ["@b:c"]}}
    return {
        "type": "m.room.message",
        "event_id": "$e",
        "sender": "@a:example.org",
        "origin_server_ts": 1_700_000_000_000,
        "content": content,
        "unsigned": {"age": 5},
    }
