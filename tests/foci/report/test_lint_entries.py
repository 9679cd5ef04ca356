"""Findings about single entries, before any packet is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from plugins.foci.model import Entry, Severity
from plugins.foci.report.lint import lint_entries
from tests.foci.evidence import LIVEKIT, RTC, entry

SUFFIXES = PublicSuffixList()


def codes(value: Any, server: str = "example.org") -> list[tuple[str, Severity]]:
    return [(found.code, found.severity) for found in lint_entries([Entry("well-known", 1, value)], server, SUFFIXES)]


def of_url(url: str) -> dict[str, str]:
    return {"type": "livekit", "livekit_service_url": url}


E, W, I = Severity  # noqa: E741 - the letters of the contract


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (LIVEKIT, []),
        ({**LIVEKIT, "url": "wss://rtc.example.org"}, []),
        ("https://rtc.example.org", [("entry-not-object", E)]),
        ([LIVEKIT], [("entry-not-object", E)]),
        (0, [("entry-not-object", E)]),
        ({}, [("type-missing", E)]),
        ({"type": 7, "livekit_service_url": RTC}, [("type-missing", E)]),
        ({"type": ["livekit"]}, [("type-missing", E)]),
        ({"type": "full_mesh"}, [("unknown-type", I)]),
        ({"type": "Livekit", "livekit_service_url": "http://x"}, [("unknown-type", I)]),
        ({"type": ""}, [("unknown-type", I)]),
        ({"type": "livekit"}, [("livekit-url-missing", E)]),
        ({"type": "livekit", "livekit_service_url": ["https://a.test"]}, [("livekit-url-missing", E)]),
        (
            {"type": "livekit", "livekit_service_url": None, "url": "wss://rtc.example.org"},
            [("livekit-url-missing", E)],
        ),
        ({"type": "livekit", "url": "wss://rtc.example.org"}, [("livekit-url-missing", W)]),
        ({"type": "m.livekit"}, []),
        ({"type": "m.livekit", "url": "wss://rtc.example.org"}, []),
        ({"type": "msc4195.livekit", "url": "wss://rtc.example.org"}, []),
        ({"type": "livekit_multi_sfu", "livekit_service_url": RTC}, []),
        ({"type": "m.livekit", "url": "ws://rtc.example.org"}, [("scheme-http", E)]),
        ({**LIVEKIT, "livekit_jwt_service_url": RTC}, [("unknown-entry-key", I)]),
        ({**LIVEKIT, "livekit_alias": "room", "more": 1}, [("unknown-entry-key", I)]),
        (of_url("wss://rtc.example.org"), [("scheme-ws", E)]),
        (of_url("http://rtc.example.org"), [("scheme-http", E)]),
        (of_url("https://.domain.tld"), [("placeholder-host", E)]),
        (of_url("rtc.example.org"), [("livekit-url-invalid", E)]),
        (of_url(f"{RTC}/sfu/get"), [("path-includes-endpoint", E)]),
        (of_url("https://rtc.another.org"), [("foreign-focus", I)]),
        (of_url("https://livekit-jwt.call.matrix.org"), [("foreign-focus", W)]),
        (of_url("https://livekit-jwt.call.matrix.org/"), [("foreign-focus", W)]),
        (of_url("https://192.0.2.7"), [("foreign-focus", I)]),
    ],
)
def test_lint(value: Any, expected: list[tuple[str, Severity]]) -> None:
    """Each fault of an entry has one finding with the severity of the contract."""
    assert codes(value) == expected


@pytest.mark.parametrize(
    ("server", "url", "foreign"),
    [
        ("example.org", "https://rtc.example.org", False),
        ("matrix.example.org", "https://rtc.example.org", False),
        ("Example.ORG", "https://rtc.example.org", False),
        ("example.co.uk", "https://another.co.uk", True),
        ("one.duckdns.org", "https://rtc.one.duckdns.org", False),
        ("one.duckdns.org", "https://two.duckdns.org", True),
        ("domain", "https://livekit-jwt.domain", False),
        ("matrix.org", "https://livekit-jwt.call.matrix.org", False),
        ("192.0.2.7", "https://192.0.2.7:8443", False),
        ("2001:db8::7", "https://[2001:db8::7]", False),
        ("192.0.2.7", "https://192.0.2.8", True),
        ("ample.org", "https://rtc.example.org", True),
    ],
)
def test_whose_a_focus_is(server: str, url: str, foreign: bool) -> None:
    """A focus is foreign when its registrable domain is another than the server's."""
    assert (codes(of_url(url), server) != []) is foreign


def test_findings_carry_the_place() -> None:
    """The number of a finding's focus is the place of its entry."""
    entries = [entry(), entry("x", position=2), entry({"type": "full_mesh"}, position=3), entry({}, position=4)]
    found = lint_entries(entries, "example.org", SUFFIXES)
    assert [(one.code, one.focus) for one in found] == [
        ("entry-not-object", 2),
        ("unknown-type", 3),
        ("type-missing", 4),
    ]


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (LIVEKIT, "authorisation", RTC),
        ({**LIVEKIT, "url": "wss://sfu.example.org"}, "authorisation", RTC),
        ({"type": "m.livekit", "url": "wss://sfu.example.org"}, "sfu", "https://sfu.example.org"),
        ({"type": "livekit", "url": "wss://sfu.example.org"}, "sfu", "https://sfu.example.org"),
    ],
)
def test_what_is_probed(value: Any, kind: str, text: str) -> None:
    """The literal service URL is probed; only where there is none, the SFU's."""
    url = entry(value).probe_url
    assert url is not None
    assert (url.kind, url.text, url.fault) == (kind, text, None)


@pytest.mark.parametrize("value", [{"type": "m.livekit"}, {"type": "x", "livekit_service_url": RTC}, {}, "x", 7, []])
def test_what_cannot_be_probed(value: Any) -> None:
    """Another family, or no URL: nothing is probed."""
    assert Entry("well-known", 1, value).probe_url is None


_keys = st.sampled_from(["type", "url", "x"]) | st.text()
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "url", "x"]) | st.text(), inner)
    ),
    max_leaves=6,
)
_urls = st.sampled_from(["https://", "wss://", "http://", ""]).flatmap(
    lambda start: st.text(max_size=20).map(start.__add__)
)
_entries = _values | st.fixed_dictionaries({"type": st.just("livekit"), "livekit_service_url": _urls | _values})


@given(st.lists(_entries, max_size=5))
def test_any_entries_are_linted(values: list[Any]) -> None:
    """No entry makes the lint raise, and every finding tells what to change."""
    entries = [Entry("well-known", place, value) for place, value in enumerate(values, 1)]
    for found in lint_entries(entries, "example.org", SUFFIXES):
        assert found.focus in range(1, len(values) + 1)
        assert found.message
        assert found.advice
