"""Reading a client well-known: strict JSON with the place of an error, three keys, order kept, all verbatim."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.foci.discovery.well_known import WellKnown, read_well_known
from plugins.foci.model import FOCI_KEYS, MAX_ENTRIES, MSC4143_KEY, MSC4158_KEY, STABLE_KEY
from plugins.foci.responses import BodyFault, Path, read_json


def read(value: Any) -> WellKnown:
    document = read_well_known(value if isinstance(value, bytes) else json.dumps(value).encode())
    assert isinstance(document, WellKnown)
    return document


@pytest.mark.parametrize(
    ("body", "repeated"),
    [
        (b'{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}', ()),
        (b'{"a": 1, "a": 1}', (("a",),)),
        (b'{"a": 1, "\\u0061": 2, "a": 3}', (("a",),)),
        (b'{"m.homeserver": {"base_url": "x", "base_url": "y"}}', (("m.homeserver", "base_url"),)),
        (b'{"f": [{}, {"type": "x", "type": "y"}], "g": {}, "g": {}}', (("g",), ("f", 2, "type"))),
        (b'{"a": {"b": 1, "b": 2}, "a": 3}', (("a",),)),
        (b'{"a": {"b": 1, "b": 2}, "a": {"b": 1, "b": 2}}', (("a",), ("a", "b"))),
    ],
)
def test_the_same_key_twice(body: bytes, repeated: tuple[Path, ...]) -> None:
    """Noted with the way to it, but for an object that does not count; of two values the last is taken."""
    assert read(body).repeated == repeated
    assert read(body).document == json.loads(body)


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        (b"", "well-known-not-json", "empty"),
        (b" \r\n\t", "well-known-not-json", "empty"),
        (b'{\n  "a": 1,\n}', "well-known-not-json", "a trailing comma"),
        (b'{"a": [1,2,]}', "well-known-not-json", "a trailing comma"),
        (b'{\n "a": 1\n "b": 2}', "well-known-not-json", "line 3, column 2"),
        (b'{"a": 1', "well-known-not-json", "line 1, column 8"),
        (b"{'a': 1}", "well-known-not-json", "line 1, column 2"),
        (b'{"a": 1} // no', "well-known-not-json", "line 1, column 10"),
        (b'{"a": "\xff"}', "well-known-not-json", "not UTF-8 at line 1, column 8"),
        (b'{\n"a": "\xff"}', "well-known-not-json", "not UTF-8 at line 2, column 7"),
        (b'\xef\xbb\xbf{"a": 1}', "well-known-not-json", "byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "well-known-not-json", "not UTF-8"),
        (b'{"a": NaN}', "well-known-not-json", "NaN"),
        (b'{"a": -Infinity}', "well-known-not-json", "Infinity"),
        (b'{"a": ' + b"9" * 5000 + b"}", "well-known-not-json", "digits"),
        (b"[" * 19_000, "well-known-not-json", "nested"),
        (b"[" * 100_000, "well-known-not-json", "64 levels"),
        (b"[" * 64 + b"1" + b",1" * 20_000 + b"]" * 64, "well-known-too-large", "20000 commas"),
        (b'{"a":' * 20_001 + b"1" + b"}" * 20_001, "well-known-too-large", "20000 commas"),
        (b'{"a": [' + b"0," * 20_000 + b"0]}", "well-known-too-large", "20000 commas"),
        (b"[" + b",".join([b"[" * 60 + b"]" * 60] * 2000) + b"]", "well-known-too-large", "20000 commas"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "well-known-not-json", "64 levels"),
        (b'{"a": "b\nc"}', "well-known-not-json", "control character"),
        (b"<!DOCTYPE html><html></html>", "well-known-html", "HTML"),
        (b"\n  <html>", "well-known-html", "HTML"),
        (b"\xef\xbb\xbf<!DOCTYPE html>", "well-known-html", "HTML"),
        (b"\xef\xbb\xbf\r\n<html>", "well-known-html", "HTML"),
        (b"[]", "well-known-not-object", "a list"),
        (b'"text"', "well-known-not-object", "a string"),
        (b"null", "well-known-not-object", "null"),
        (b"true", "well-known-not-object", "a boolean"),
        (b"17", "well-known-not-object", "a number"),
    ],
)
def test_what_is_no_object(body: bytes, code: str, detail: str) -> None:
    """Each kind of broken body has its code, and a detail that says what and where."""
    fault = read_well_known(body)
    assert isinstance(fault, BodyFault)
    assert fault.code == code
    assert detail in fault.detail
    assert "\n" not in fault.detail


@pytest.mark.parametrize(
    ("present", "used"),
    [
        ([], None),
        ([MSC4143_KEY], MSC4143_KEY),
        ([STABLE_KEY], STABLE_KEY),
        ([MSC4158_KEY], MSC4158_KEY),
        ([MSC4158_KEY, STABLE_KEY], STABLE_KEY),
        ([MSC4158_KEY, STABLE_KEY, MSC4143_KEY], MSC4143_KEY),
    ],
)
def test_the_first_present_key_is_used(present: list[str], used: str | None) -> None:
    """All present keys are named, whatever their order in the document, and the first of the three is used."""
    document = read({key: [key] for key in present})
    assert document.keys_found == tuple(key for key in FOCI_KEYS if key in present)
    assert document.key_used == used
    assert [entry.value for entry in document.entries] == ([used] if used else [])


def test_a_number_beyond_a_double_can_be_written_again() -> None:
    """1e999 is JSON, but infinity is not: the report holds the largest number there is."""
    document = read_well_known(b'{"m.rtc_foci": [1e999, -1e999, 1e9]}')
    assert isinstance(document, WellKnown)
    assert document.foci_value == [sys.float_info.max, -sys.float_info.max, 1e9]
    json.dumps(document.foci_value, allow_nan=False)


def test_a_key_is_present_even_if_null() -> None:
    """A key with null is present: clients that look at it stop there."""
    document = read({MSC4143_KEY: None, STABLE_KEY: [1]})
    assert (document.key_used, document.foci_value, document.entries) == (MSC4143_KEY, None, ())


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(_json, max_size=8))
def test_entries_stay_as_published(values: list[Any]) -> None:
    """Whatever the entries are, they come out verbatim, in order, counted from one."""
    document = read({MSC4143_KEY: values})
    assert [(entry.position, entry.value) for entry in document.entries] == list(enumerate(values, 1))


@given(_json.filter(lambda value: not isinstance(value, list)))
def test_what_is_no_list_has_no_entries(value: Any) -> None:
    """A value that is not a list is kept for the finding and has no entries."""
    document = read({MSC4143_KEY: value})
    assert document.entries == ()
    assert document.foci_value == value


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """No bytes make the reader raise."""
    assert isinstance(read_well_known(body), WellKnown | BodyFault)
    assert read_json(body) is not None


def test_a_list_is_read_to_a_bound() -> None:
    """Entries beyond the bound are not looked at."""
    assert len(read({MSC4143_KEY: [0] * (MAX_ENTRIES + 1)}).entries) == MAX_ENTRIES


def test_the_last_of_duplicate_keys_counts() -> None:
    """As in browsers, a key that stands twice has its last value."""
    assert read(b'{"m.rtc_foci": [1], "m.rtc_foci": [2]}').foci_value == [2]


@pytest.mark.parametrize(
    ("key", "looks_so"),
    [
        ("m.matrix.rtc", True),
        ("rtc", True),
        ("rtc_foci", True),
        ("rtc.focus", True),
        ("org.matrix.msc4143.rtcfoci", True),
        ("matrixrtc", True),
        ("livekit_service_url", True),
        ("io.element.livekit", True),
        ("org.matrix.foci", True),
        ("FOCUS", True),
        ("m.homeserver", False),
        ("org.matrix.msc2965.authentication", False),
        ("io.element.e2ee", False),
        ("io.element.jitsi", False),
        ("m.tile_server", False),
        ("org.example.focused", False),
    ],
)
def test_keys_that_speak_of_rtc(key: str, looks_so: bool) -> None:
    """Invented keys that mean RTC are seen; other keys, and the three real ones, are not."""
    assert read({key: 1}).rtc_like_keys == ((key,) if looks_so else ())
    assert read(dict.fromkeys(FOCI_KEYS, 1)).rtc_like_keys == ()


@pytest.mark.parametrize(
    ("document", "base_url", "identity_broken"),
    [
        ({}, None, False),
        ({"m.homeserver": {"base_url": "https://a.test"}}, "https://a.test", False),
        ({"m.homeserver": "https://a.test"}, None, False),
        ({"m.homeserver": {"base_url": 7}, "m.identity_server": {"base_url": "https://b.test"}}, 7, False),
        ({"m.identity_server": {}}, None, True),
        ({"m.identity_server": None}, None, True),
        ({"m.identity_server": {"base_url": ["x"]}}, None, True),
    ],
)
def test_servers_in_the_document(document: Any, base_url: Any, identity_broken: bool) -> None:
    """The base URL is given as published; an identity server without one is broken."""
    read_document = read(document)
    assert (read_document.base_url_value, read_document.identity_server_broken) == (base_url, identity_broken)
