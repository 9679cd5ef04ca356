from __future__ import annotations

import time

import pytest

from botkit.identifiers import is_server_name, is_user_glob, is_user_id, matches_any, server_of


@pytest.mark.parametrize(
    "text",
    ["example.org", "example.org:8448", "192.0.2.7", "[2001:db8::7]:8448", "[::1]", "localhost", "a_b.example", "h:1"],
)
def test_server_names_of_the_grammar_are_accepted(text: str) -> None:
    """Names, IPv4 and bracketed IPv6 literals, each with or without port."""
    assert is_server_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":8448",
        "example.org:",
        "example.org:99999",
        "example.org:0",
        "192.0.2.256",
        "a b",
        "exämple.org",
        "[::1",
        "[12]",
        "::1",
        "a/b",
        "a:1:2",
        "a@b",
    ],
)
def test_other_server_names_are_refused(text: str) -> None:
    """Unbracketed IPv6, ports out of range, empty parts and foreign letters."""
    assert not is_server_name(text)


@pytest.mark.parametrize("text", ["@alice:example.org", "@:example.org", "@Äl!ce:[::1]:8448", "@a/b=c:h"])
def test_user_ids_are_accepted(text: str) -> None:
    """Empty and historical localparts exist on real servers."""
    assert is_user_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "alice:example.org",
        "@alice",
        "@alice:",
        "@al ice:example.org",
        "@a\u202eb:example.org",
        "@a:b:c:d",
        "@a:b\n",
        "@\ud800:example.org",
        "@" + "a" * 250 + ":b.cc",
    ],
)
def test_other_user_ids_are_refused(text: str) -> None:
    """No sigil, no server, spaces, invisible characters, too long."""
    assert not is_user_id(text)


def test_server_of_a_user_is_what_follows_the_first_colon() -> None:
    """IPv6 literals and ports have colons of their own."""
    assert server_of("@alice:[::1]:8448") == "[::1]:8448"
    assert server_of("alice") == ""


@pytest.mark.parametrize(
    ("glob", "text", "matches"),
    [
        ("*", "@alice:example.org", True),
        ("@*:example.org", "@alice:example.org", True),
        ("@*:example.org", "@alice:example.org.evil.net", False),
        ("@*:example.org", "@alice:sub.example.org", False),
        ("@*:*.example.org", "@alice:sub.example.org", True),
        ("@al?ce:example.org", "@alice:example.org", True),
        ("@al?ce:example.org", "@alce:example.org", False),
        ("@alice:example.org", "@alice:exampleXorg", False),
        ("@alice:example.org", "@Alice:example.org", False),
        ("@[a-z]*:example.org", "@alice:example.org", False),
        ("@a*b*c:h", "@abbbc:h", True),
        ("@a*b*c:h", "@abbb:h", False),
        ("", "", True),
        ("*", "", True),
    ],
)
def test_globs_are_anchored_and_know_two_wildcards(glob: str, text: str, matches: bool) -> None:
    """A glob matches the whole user id; dots and brackets mean themselves."""
    assert matches == matches_any([glob], text)


def test_hostile_globs_take_no_time() -> None:
    """Many wildcards against a long name end at once, where naive back-tracking would not."""
    started = time.monotonic()
    assert not matches_any(["*a" * 100 + "b"], "a" * 255)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("glob", "usable"),
    [
        ("*", True),
        ("@*:example.org", True),
        ("?a:b", True),
        ("@ops", False),
        ("ops:example.org", False),
        ("", False),
        ("@a b:c", False),
        ("@ops*", True),
    ],
)
def test_globs_that_match_nobody_are_refused(glob: str, usable: bool) -> None:
    """A glob without server part or sigil is a typing error."""
    assert usable == is_user_glob(glob)
