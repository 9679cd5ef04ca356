"""What a page came to is read from what the browser and the services saw, and compared without mercy."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clients.expectations import MISSING_TRANSPORT, OPEN_ID_ERROR, STUCK, Expectations, Setup, read_expectations
from lab.clients.outcome import NOTHING, Row, Seen, bot_says, lines_of, page_table, result_of, rows_of

A = "https://a.example.net/livekit/jwt"


@pytest.fixture
def table() -> Expectations:
    """The table in the tree."""
    return read_expectations()


@pytest.fixture
def setup(table: Expectations) -> Setup:
    """Well-known A, endpoint B."""
    return next(setup for setup in table.setups if setup.name == "well-known-and-endpoint")


def _told(**differing: Any) -> dict[str, Any]:
    return {"name": "a page", "token": None, "code": None, "failed": False, "seconds": 2.0, **differing}


@pytest.mark.parametrize(
    ("told", "result"),
    [
        (_told(token=f"{A}/sfu/get"), "A"),
        (_told(code="MISSING_MATRIX_RTC_FOCUS"), MISSING_TRANSPORT),
        (_told(code="MISSING_MATRIX_RTC_TRANSPORT"), MISSING_TRANSPORT),
        (_told(code="OPEN_ID_ERROR", failed=True), OPEN_ID_ERROR),
        (_told(code="E2EE_ERROR"), "E2EE_ERROR"),
        (_told(failed=True), STUCK),
        (_told(), NOTHING),
    ],
)
def test_a_page_comes_to_a_focus_or_an_error(setup: Setup, told: dict[str, Any], result: str) -> None:
    """A token is a focus, a code its error, a failed request without either is stuck; nothing at all proves nothing."""
    assert result_of(setup, told, frozenset({"A"})) == result


@pytest.mark.parametrize("token", [f"{A}/sfu/get", "https://elsewhere.example.net/sfu/get"])
def test_browser_and_services_must_agree(setup: Setup, token: str) -> None:
    """A token that no service of the set-up was asked for is an error of the harness, never a result."""
    with pytest.raises(ValueError, match="a page: a token"):
        result_of(setup, _told(token=token), frozenset({"B"}))


def test_the_bots_rows_become_letters(setup: Setup) -> None:
    """A row that finds a focus is that focus's letter; no and unknown stay what they are, whatever they use."""
    report = {
        "foci": [{"service_url": A}, {"service_url": "https://b.example.net/livekit/jwt"}],
        "clients": [
            {"client": "element-web", "finds_focus": "yes", "uses_focus": 2},
            {"client": "element-x", "finds_focus": "no", "uses_focus": 1},
            {"client": "element-call-0.24", "finds_focus": "unknown", "uses_focus": None},
        ],
    }
    assert bot_says(setup, report) == {"element-web": "B", "element-x": "no", "element-call-0.24": "unknown"}


def _row(result: str, expected: str | None, bot: str | None, *, has_row: bool = True) -> Row:
    return Row(Seen("well-known-and-endpoint", "element-web", "0.26.1", result, 2.0), expected, bot, has_row)


@pytest.mark.parametrize(
    "row",
    [
        _row("B", "B", "B"),
        _row(MISSING_TRANSPORT, MISSING_TRANSPORT, "no"),
        _row(OPEN_ID_ERROR, None, "no"),
        _row("A", "A", None, has_row=False),
    ],
)
def test_three_that_agree(row: Row) -> None:
    """Real client, table and bot say the same; where the table or the report says nothing it is not asked."""
    assert row.faults == ()


@pytest.mark.parametrize(
    "row",
    [
        _row("B", "A", "B"),
        _row("B", "B", "A"),
        _row("B", "B", "no"),
        _row("B", "B", "unknown"),
        _row("B", "B", None),
        _row(OPEN_ID_ERROR, MISSING_TRANSPORT, "no"),
        _row(STUCK, STUCK, "unknown"),
        _row(NOTHING, None, "no"),
        _row("E2EE_ERROR", STUCK, "no"),
    ],
)
def test_a_disagreement_is_named(row: Row) -> None:
    """Another focus, another error, a row that hedges or is missing, a page that proves nothing: each is one fault."""
    assert len(row.faults) == 1


def test_unknown_is_right_only_where_the_homeserver_is_hidden(table: Expectations) -> None:
    """Of one set-up a stranger cannot know all; hedging is excused there, a promise is not."""
    assert [setup.name for setup in table.setups if setup.hides_homeserver] == ["well-known-of-base-url"]
    (hidden,) = (setup for setup in table.setups if setup.hides_homeserver)
    seen = [Seen(hidden.name, "element-web", "0.26.1", MISSING_TRANSPORT, 2.0)]
    for bot, faults in (("unknown", 0), ("no", 0), ("A", 1)):
        (row,) = rows_of(table, hidden, seen, {"element-web": bot})
        assert len(row.faults) == faults


def test_the_page_shows_what_disagrees(table: Expectations, setup: Setup) -> None:
    """Both tables show what was seen; what agrees is a word, what does not says why, what was not run is empty."""
    seen = [
        Seen(setup.name, "element-web", "0.26.1", "B", 2.0),
        Seen(setup.name, "element-call-0.19", "0.19.1", "B", 2.0),
    ]
    rows = rows_of(table, setup, seen, {"element-web": "B", "element-call-0.19": "A"})
    lines = page_table(table, {setup.name: rows})
    assert len(lines) == 2 + len(table.setups)
    assert [line for line in lines if setup.title in line] == [
        f"| {setup.title} | B |  |  |  | **B** (expected A; the bot says A) |  |  |"
    ]
    assert [line.count("DISAGREES") for line in lines_of(setup, rows)] == [0, 0, 2]
