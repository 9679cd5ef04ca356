"""Findings about the list as a whole, and the document that an admin is told to publish."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.foci.discovery.homeserver import HomeserverAnswer, PathState, TransportsAnswer
from plugins.foci.discovery.well_known import WellKnownAnswer, read_answer
from plugins.foci.findings import Group, group_of
from plugins.foci.model import MSC4143_KEY, MSC4158_KEY, STABLE_KEY, Entry, Finding, Severity
from plugins.foci.report.lint import document_to_publish, lint_list
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, LIVEKIT, RTC, answered, assembled

OTHER = {"type": "livekit", "livekit_service_url": "https://rtc-2.example.org"}
HOMESERVER = {"m.homeserver": {"base_url": "https://matrix.example.org"}}
PRESENT = TransportsAnswer("present", "absent", None)
ABSENT = TransportsAnswer("absent", "absent", None)
UNKNOWN = TransportsAnswer()


def listing(*values: Any) -> TransportsAnswer:
    return TransportsAnswer(
        "open", "absent", tuple(Entry("transports", at, value) for at, value in enumerate(values, 1))
    )


def published(document: Any, status: int = 200) -> WellKnownAnswer:
    return read_answer("example.org", [answered(status, document, {**ANY_ORIGIN, **JSON_TYPE})], None)


def lint(
    document: Any, transports: TransportsAnswer = PRESENT, *, status: int = 200, base: Any = None
) -> list[Finding]:
    """The findings about the list, out of the whole report."""
    answer = published({**HOMESERVER, **document} if isinstance(document, dict) else document, status)
    report = assembled(answer, transports, base_copy=None if base is None else published(base))
    return [found for found in report.findings if group_of(found) is Group.LIST]


def codes(found: list[Finding]) -> list[str]:
    return [f"{one.code} {one.severity.value[0]}" for one in found]


@pytest.mark.parametrize(
    ("document", "transports", "expected"),
    [
        ({MSC4143_KEY: [LIVEKIT]}, PRESENT, []),
        ({MSC4143_KEY: [LIVEKIT, OTHER]}, PRESENT, []),
        ({MSC4143_KEY: [LIVEKIT]}, UNKNOWN, []),
        ({MSC4143_KEY: [LIVEKIT]}, ABSENT, ["transports-endpoint-missing i"]),
        ({MSC4143_KEY: [LIVEKIT]}, TransportsAnswer("absent", "present", None), ["transports-endpoint-missing i"]),
        ({MSC4143_KEY: [LIVEKIT]}, listing(LIVEKIT), []),
        ({MSC4143_KEY: [LIVEKIT]}, listing(), ["transports-empty e"]),
        ({MSC4143_KEY: [LIVEKIT]}, listing(OTHER), ["transports-disagree w"]),
        ({MSC4143_KEY: [LIVEKIT, OTHER]}, listing(OTHER, LIVEKIT), []),
        ({MSC4143_KEY: [LIVEKIT, OTHER]}, listing(LIVEKIT), ["transports-disagree w"]),
        ({MSC4143_KEY: [LIVEKIT]}, listing({**LIVEKIT, "url": "wss://sfu.example.org"}), []),
        ({MSC4143_KEY: [{"type": "x", "a": 1}, LIVEKIT]}, listing({"type": "x", "a": 2}, LIVEKIT), None),
        ({}, UNKNOWN, ["foci-absent e"]),
        ({}, ABSENT, ["foci-absent e", "transports-endpoint-missing w"]),
        ({}, PRESENT, ["foci-absent w"]),
        ({}, listing(LIVEKIT), ["foci-absent w"]),
        ({"m.matrix.rtc": 1}, PRESENT, ["unknown-rtc-key w", "foci-absent w"]),
        ({"m.matrix.rtc": 1, MSC4143_KEY: [LIVEKIT]}, PRESENT, []),
        ({MSC4143_KEY: []}, PRESENT, ["foci-empty e"]),
        ({MSC4143_KEY: {}}, PRESENT, ["foci-not-a-list e"]),
        ({MSC4143_KEY: None}, PRESENT, ["foci-not-a-list e"]),
        ({MSC4143_KEY: RTC}, PRESENT, ["foci-not-a-list e"]),
        ({STABLE_KEY: [LIVEKIT]}, PRESENT, ["stable-key-only w"]),
        ({MSC4158_KEY: [LIVEKIT]}, PRESENT, ["msc4158-key-only w"]),
        ({STABLE_KEY: [LIVEKIT], MSC4158_KEY: [LIVEKIT]}, PRESENT, ["stable-key-only w", "both-keys-present i"]),
        ({STABLE_KEY: [LIVEKIT], MSC4143_KEY: [LIVEKIT]}, PRESENT, ["both-keys-present i"]),
        ({STABLE_KEY: [OTHER], MSC4143_KEY: [LIVEKIT]}, PRESENT, ["keys-disagree w"]),
        ({STABLE_KEY: [], MSC4143_KEY: [LIVEKIT]}, PRESENT, ["keys-disagree w"]),
        (
            {STABLE_KEY: [LIVEKIT], MSC4143_KEY: [LIVEKIT]},
            ABSENT,
            ["both-keys-present i", "transports-endpoint-missing w"],
        ),
        ({STABLE_KEY: [LIVEKIT]}, ABSENT, ["stable-key-only w", "transports-endpoint-missing w"]),
        ({MSC4143_KEY: [LIVEKIT, LIVEKIT]}, PRESENT, ["duplicate-entry w"]),
        ({MSC4143_KEY: [LIVEKIT, LIVEKIT, LIVEKIT]}, PRESENT, ["duplicate-entry w", "duplicate-entry w"]),
        ({MSC4143_KEY: [LIVEKIT, {**LIVEKIT, "x": 1}]}, PRESENT, ["duplicate-entry w"]),
        ({MSC4143_KEY: [LIVEKIT, {"type": "x", "a": 1}, {"type": "x", "a": 2}]}, PRESENT, []),
        ({MSC4143_KEY: [{"type": "x"}, LIVEKIT]}, PRESENT, ["first-entry-not-livekit w"]),
        ({MSC4143_KEY: [7, LIVEKIT]}, PRESENT, ["first-entry-not-livekit w"]),
        ({MSC4143_KEY: [{"type": "m.livekit"}]}, PRESENT, []),
    ],
)
def test_lists(document: Any, transports: TransportsAnswer, expected: list[str] | None) -> None:
    """Each way to publish a list leads to exactly its findings, with the severity of the contract."""
    expected = ["first-entry-not-livekit w", "transports-disagree w"] if expected is None else expected
    assert codes(lint(document, transports)) == expected


@pytest.mark.parametrize("transports", [PRESENT, ABSENT, UNKNOWN])
def test_an_absent_well_known(transports: TransportsAnswer) -> None:
    """A 404 is a warning where the endpoint exists, else an error; it takes the place of foci-absent."""
    found = lint(b"", transports, status=404)
    severity = Severity.WARNING if transports is PRESENT else Severity.ERROR
    assert (found[0].code, found[0].severity) == ("well-known-absent", severity)
    assert "foci-absent" not in [one.code for one in found]


def test_a_list_on_the_wrong_host() -> None:
    """A list that only the base URL's host publishes is one error that names both hosts, and replaces foci-absent."""
    (found,) = lint({}, base={MSC4143_KEY: [LIVEKIT]})
    assert (found.code, found.severity) == ("foci-only-on-base-url-host", Severity.ERROR)
    assert "https://example.org/.well-known/matrix/client" in found.advice
    assert codes(lint({}, base={MSC4143_KEY: []})) == ["foci-absent w"]


@pytest.mark.parametrize(
    ("document", "status"), [({}, 200), ({MSC4143_KEY: []}, 200), ({MSC4143_KEY: LIVEKIT}, 200), (b"", 404)]
)
@pytest.mark.parametrize("transports", [PRESENT, ABSENT])
def test_the_exact_json_to_publish(document: Any, status: int, transports: TransportsAnswer) -> None:
    """For an absent or broken list the advice holds JSON that, once published, leaves nothing to find."""
    found = next(one for one in lint(document, transports, status=status) if one.snippet is not None)
    assert found.snippet is not None
    snippet = json.loads(found.snippet)
    assert lint(snippet) == []
    assert published(snippet).findings == ()


def test_what_was_published_is_kept_where_it_can_be() -> None:
    """An admin who forgot the brackets gets their own entry back, within them."""
    snippet = json.loads(document_to_publish("example.org", "https://hs.example.org", LIVEKIT))
    assert snippet == {"m.homeserver": {"base_url": "https://hs.example.org"}, MSC4143_KEY: [LIVEKIT]}


@pytest.mark.parametrize(
    ("unstable", "stable", "endpoint"),
    [
        ("present", "absent", "present"),
        ("absent", "present", "present"),
        ("open", "present", "open"),
        ("present", "open", "open"),
        ("absent", "absent", "absent"),
        ("absent", "unknown", "unknown"),
        ("unknown", "absent", "unknown"),
        ("unknown", "unknown", "unknown"),
        ("unknown", "present", "present"),
        ("broken", "present", "present"),
        ("broken", "absent", "broken"),
        ("broken", "unknown", "broken"),
        ("unknown", "broken", "unknown"),
        ("absent", "broken", "broken"),
    ],
)
def test_the_endpoint_of_two_paths(unstable: PathState, stable: PathState, endpoint: PathState) -> None:
    """The better path counts; only where both say so the endpoint is absent."""
    assert TransportsAnswer(unstable, stable, None).endpoint == endpoint


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "url"]) | st.text(), inner),
    max_leaves=6,
)
_listed = st.lists(st.sampled_from([LIVEKIT, OTHER]) | _values, max_size=4)
_keys = st.sampled_from([MSC4143_KEY, STABLE_KEY, MSC4158_KEY, "m.homeserver", "org.example.rtc"]) | st.text(max_size=5)
_documents = st.dictionaries(_keys, _listed | _values, max_size=5)
_states = st.sampled_from(get_args(PathState))
_endpoints = st.builds(TransportsAnswer, _states, _states) | _listed.map(lambda values: listing(*values))


@given(_documents | _values, st.sampled_from([200, 404, 503]), _endpoints, st.none() | _documents)
def test_any_list_is_linted(document: Any, status: int, transports: TransportsAnswer, base: Any) -> None:
    """Nothing makes it raise; it tells each thing once, of entries that exist, and what it says to publish parses."""
    answer = published(document, status)
    entries = answer.document.entries if answer.document is not None else ()
    base_copy = None if base is None else published(base).document
    found = lint_list("example.org", answer, base_copy, HomeserverAnswer(None, transports), None)
    assert len({(one.code, one.focus) for one in found}) == len(found)
    for one in found:
        assert one.focus is None or one.focus in range(1, len(entries) + 1)
        assert one.message
        assert one.advice
        assert one.snippet is None or isinstance(json.loads(one.snippet)[MSC4143_KEY], list)
