"""Conditional requests for a well-known: when they are made, and what a 304 stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.copies import LONGEST_USE, STORED, Copy, conditions, copy_of, freshened
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, answered, failed

URL = "https://example.org/.well-known/matrix/client"
BODY = json.dumps({"m.homeserver": {"base_url": "https://matrix.example.org"}}).encode()
AT = 1_800_000_000.0
MODIFIED = "Mon, 23 Nov 2026 06:00:00 GMT"


def whole(body: bytes = BODY, status: int = 200, **headers: str) -> Exchange:
    named: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
    return answered(status, body, {**JSON_TYPE, **ANY_ORIGIN, **named}, url=URL)


def kept(**headers: str) -> Copy:
    copy = copy_of(whole(**headers), AT)
    assert copy is not None
    return copy


def test_the_entity_tag_is_sent_back_else_the_date() -> None:
    """The tag tells versions of one second apart, so the date is sent only without one."""
    assert conditions(kept(etag='"a"', last_modified=MODIFIED), URL, AT + 1) == {"If-None-Match": '"a"'}
    assert conditions(kept(last_modified=MODIFIED), URL, AT + 1) == {"If-Modified-Since": MODIFIED}
    assert conditions(kept(etag='W/"a"'), URL, AT + 1) == {"If-None-Match": 'W/"a"'}


@pytest.mark.parametrize(
    ("url", "now"),
    [("https://elsewhere.example/", AT), (URL, AT + LONGEST_USE), (URL, AT - 1.0)],
    ids=["another place", "an hour old", "from the future"],
)
def test_nothing_is_sent_to_another_place_nor_of_an_old_copy(url: str, now: float) -> None:
    """Validators that never change must not hide a change for ever, nor must a clock that was set back."""
    assert conditions(kept(etag='"a"'), url, now) == {}


def test_a_mute_copy_makes_no_conditions() -> None:
    """A server whose 304s say too little is asked for the whole."""
    assert conditions(replace(kept(etag='"a"'), mute=True), URL, AT) == {}


@pytest.mark.parametrize(
    "exchange",
    [
        whole(),
        whole(status=404, etag='"a"'),
        whole(b"x" * 16_385, etag='"a"'),
        whole(b"\xff", etag='"a"'),
        whole(etag='"\u2713"'),
        whole(etag='"a"\x00'),
        whole(etag=f'"{"a" * 300}"'),
        failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT),
        answered(200, BODY, {"etag": ('"a"', '"b"')}, url=URL),
    ],
    ids=["no validator", "404", "large", "not UTF-8", "not ASCII", "control", "long tag", "no answer", "two tags"],
)
def test_what_cannot_be_asked_for_with_conditions_is_not_kept(exchange: Exchange) -> None:
    """Strangers' headers go back only as they came, plain and short."""
    assert copy_of(exchange, AT) is None


def test_a_304_stands_for_the_kept_answer_with_its_own_headers() -> None:
    """RFC 9111, section 4.3.4: what the 304 says replaces what was kept, the rest stays."""
    copy = kept(etag='"a"', cache_control="max-age=60")
    answer = answered(304, b"", {**ANY_ORIGIN, "etag": '"a"', "cache-control": "max-age=999999"}, url=URL)
    made = freshened(copy, answer)
    assert made is not None
    assert made.response is not None
    assert made.response.status == 200
    assert made.response.body == BODY
    assert made.response.header("content-type") == "application/json"
    assert made.response.header("cache-control") == "max-age=999999"
    assert made.connection == answer.connection


@pytest.mark.parametrize(
    "headers",
    [{}, {"etag": '"a"'}, {**ANY_ORIGIN, "etag": '"b"'}],
    ids=["no CORS", "no CORS but the tag", "another version"],
)
def test_a_304_that_leaves_the_verdict_open_stands_for_nothing(headers: dict[str, Any]) -> None:
    """Without the header it cannot be told whether web clients may still read the list."""
    assert freshened(kept(etag='"a"'), answered(304, b"", headers, url=URL)) is None


def test_a_304_may_change_what_is_judged() -> None:
    """A CORS header that became another one is seen at once."""
    made = freshened(kept(etag='"a"'), answered(304, b"", {"access-control-allow-origin": "https://a.example"}))
    assert made is not None
    assert made.response is not None
    assert made.response.headers["access-control-allow-origin"] == ("https://a.example",)


def test_without_cors_before_a_304_without_it_changes_nothing() -> None:
    """What was missing is still missing, and known to be."""
    bare = answered(200, BODY, {**JSON_TYPE, "etag": '"a"'}, url=URL)
    copy = copy_of(bare, AT)
    assert copy is not None
    assert freshened(copy, answered(304, b"", {"etag": 'W/"a"'}, url=URL)) is not None


def test_only_a_304_is_freshened() -> None:
    """Any other answer stands for itself."""
    assert freshened(kept(etag='"a"'), whole(etag='"a"')) is None
    assert freshened(kept(etag='"a"'), failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT)) is None


def test_a_copy_survives_the_database() -> None:
    """It is the same when read again, a byte order mark and quotes in it included."""
    copy = copy_of(whole('\ufeff{"a": "\\u0000 \\ud83d"}'.encode(), etag='"a\\"'), AT)
    assert copy is not None
    assert STORED.load(STORED.dump(copy)) == copy
    assert len(STORED.dump(kept(etag='"a"'))) < 500
