"""What a fetch proves about a list, and the form in which it is compared and stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound.model import Answered, ConnectionFacts, Exchange, Failed, Failure, FailureKind, Phase, Response
from plugins.foci.changes.snapshot import (
    CODEC,
    NOTHING,
    ListObservation,
    Missing,
    Seen,
    Shape,
    Snapshot,
    Unseen,
    canonical,
    observe,
)
from plugins.foci.discovery.well_known import read_answer
from plugins.foci.model import MSC4143_KEY, STABLE_KEY
from plugins.foci.serialise import CodecError
from tests.foci.changes.lists import focus, malformed, published

URL = "https://example.org/.well-known/matrix/client"


def fetched(status: int, body: bytes, content_type: str = "application/json") -> Exchange:
    headers = {"content-type": (content_type,), "access-control-allow-origin": ("*",)}
    return Answered("GET", URL, 5.0, ConnectionFacts(), Response(status, headers, body))


def failed(kind: FailureKind, phase: Phase) -> Exchange:
    return Failed("GET", URL, 5.0, ConnectionFacts(), Failure(kind, phase, "it failed"))


def seen(exchange: Exchange, refused: str | None = None) -> ListObservation:
    return observe(read_answer("example.org", [exchange], refused), "absent")


def document(value: Any, key: str = MSC4143_KEY) -> Exchange:
    return fetched(200, json.dumps({key: value}).encode())


def test_a_list_is_seen_in_its_order_under_its_key() -> None:
    """A 200 with an object: the entries of the key used, unknown ones included."""
    assert seen(document([focus("b"), 7, focus("a")])) == Seen(published("b", 7, "a"), "absent")
    assert seen(document([focus("a")], STABLE_KEY)) == Seen(published("a", key=STABLE_KEY), "absent")


def test_an_object_without_a_key_publishes_nothing() -> None:
    """It is an answer: there is no list."""
    assert seen(fetched(200, b"{}")) == Seen(NOTHING, "absent")


@pytest.mark.parametrize("value", [{}, "text", None, 3, True, focus("a")])
def test_a_value_that_is_no_list_is_a_state_of_its_own(value: Any) -> None:
    """It is neither an empty list nor none."""
    found = seen(document(value))
    assert found == Seen(malformed(value), "absent")
    assert isinstance(found, Seen)
    assert found.snapshot.shape is Shape.MALFORMED


def test_a_404_is_told_apart() -> None:
    """It may mean that the list is gone, if it repeats."""
    assert seen(fetched(404, b"not here")) == Missing("absent")


UNSEEN = {
    "500": fetched(500, b"{}"),
    "503": fetched(503, b""),
    "403": fetched(403, b"{}"),
    "410": fetched(410, b"{}"),
    "429": fetched(429, b"{}"),
    "204": fetched(204, b""),
    "html": fetched(200, b"<!doctype html><p>hello", "text/html"),
    "broken json": fetched(200, b'{"org.matrix.msc4143.rtc_foci": ['),
    "empty body": fetched(200, b""),
    "a json list": fetched(200, b"[]"),
    "refused": failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT),
    "timeout": failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP),
    "nxdomain": failed(FailureKind.DNS_NXDOMAIN, Phase.ADDRESS),
    "expired": failed(FailureKind.TLS_EXPIRED, Phase.TLS),
    "too large": failed(FailureKind.BODY_TOO_LARGE, Phase.HTTP),
}


@pytest.mark.parametrize("case", UNSEEN)
def test_nothing_else_proves_anything_about_the_list(case: str) -> None:
    """No failure, no other status and no unusable body is an observation."""
    assert seen(UNSEEN[case]) == Unseen()


def test_a_refused_redirect_proves_nothing() -> None:
    """Where it would have led was not read."""
    assert seen(fetched(302, b""), "it leads to http") == Unseen()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_the_canonical_form_is_stable_ascii_and_loses_nothing(value: Any) -> None:
    """Parsing it gives an equal value, writing that again the same text."""
    text = canonical(value)
    assert text.isascii()
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


def test_what_means_the_same_is_written_the_same() -> None:
    """Order of keys, escapes and the spelling of numbers are no change."""
    assert canonical(json.loads('{"a":1.0,"b":"\\u00e9"}')) == canonical(json.loads('{"b":"é", "a":1}'))
    assert canonical(1) != canonical("1")
    assert canonical(True) != canonical(1)


@given(st.lists(json_values, max_size=4), st.sampled_from([MSC4143_KEY, STABLE_KEY]))
def test_a_snapshot_survives_the_database(values: list[Any], key: str) -> None:
    """Lone surrogates and all."""
    for snapshot in (published(*values, key=key), malformed(values, key), NOTHING):
        text = CODEC.dump(snapshot)
        assert text.isascii()
        assert CODEC.load(text) == snapshot


def test_a_lone_surrogate_survives_the_database() -> None:
    """JSON may hold half a character; text in a database may not."""
    snapshot = published({"type": "\ud800"})
    assert CODEC.load(CODEC.dump(snapshot)) == snapshot


@pytest.mark.parametrize("text", ["", "[]", "null", '{"shape": "round"}', '{"shape": "list", "entries": 3}'])
def test_foreign_text_is_refused_without_repeating_it(text: str) -> None:
    """A damaged row raises one kind of error, which quotes nothing."""
    with pytest.raises(CodecError) as caught:
        CODEC.load(text)
    assert str(caught.value) == "not a stored Snapshot"


def test_fields_of_later_versions_are_ignored() -> None:
    """A bot that was rolled back reads what the newer one wrote."""
    assert CODEC.load('{"shape": "none", "key": null, "mood": "fine"}') == Snapshot(Shape.NONE)
