from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.config import Rate, format_duration, parse_duration
from botkit.config.units import (
    format_percent,
    format_rate,
    format_size,
    parse_percent,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("12h", 43200), ("14d", 1209600), ("1d12h", 129600), ("0.5s", 0.5), ("0s", 0)],
)
def test_durations_are_read_as_seconds(text: str, seconds: float) -> None:
    """Each unit and their combinations mean what operators expect."""
    assert seconds == parse_duration(text)


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "-5s", "5w", "1e3s", "٥s", "5s ", "9999999d", "5M"])
def test_other_durations_are_refused(text: str) -> None:
    """A number without unit, signs, foreign digits and centuries are errors, not guesses."""
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


@given(st.integers(0, 3650 * 86400))
def test_durations_survive_being_written(seconds: int) -> None:
    """What the effective configuration shows is read back as the same duration."""
    assert seconds == parse_duration(format_duration(float(seconds)))


@given(st.integers(0, 2**36))
def test_sizes_survive_being_written(size: int) -> None:
    """What the effective configuration shows is read back as the same size."""
    if size < 10**9 or size % 1024 == 0:
        assert size == parse_size(format_size(size))


@pytest.mark.parametrize("text", ["256KiB", "262144B", "256 KiB"])
def test_sizes_are_read_as_bytes(text: str) -> None:
    """Binary units, with or without a space."""
    assert parse_size(text) == 262144


@pytest.mark.parametrize("text", ["256", "256KB", "256kib", "-1B", "1.5MiB", ""])
def test_other_sizes_are_refused(text: str) -> None:
    """Decimal units are refused rather than taken for binary ones."""
    with pytest.raises(ValueError, match="must be a size"):
        parse_size(text)


@pytest.mark.parametrize(("text", "rate"), [("1/s", Rate(1, 1)), ("6/min", Rate(6, 60)), ("100 / h", Rate(100, 3600))])
def test_rates_are_read(text: str, rate: Rate) -> None:
    """A rate is a count and its period in seconds, and survives being written."""
    assert rate == parse_rate(text) == parse_rate(format_rate(rate))


@pytest.mark.parametrize("text", ["6", "0/min", "6/day", "/min", "-6/min", "6/5min"])
def test_other_rates_are_refused(text: str) -> None:
    """Nothing is guessed, and no rate is zero."""
    with pytest.raises(ValueError, match="must be a rate"):
        parse_rate(text)


@pytest.mark.parametrize(("text", "share"), [("10%", 0.1), ("0%", 0), ("100 %", 1), ("2.5%", 0.025)])
def test_percentages_are_read_as_shares(text: str, share: float) -> None:
    """A percentage is a share from 0 to 1, and survives being written."""
    assert share == parse_percent(text) == parse_percent(format_percent(share))


@pytest.mark.parametrize("text", ["10", "101%", "-1%", "%"])
def test_other_percentages_are_refused(text: str) -> None:
    """A bare number could mean either scale."""
    with pytest.raises(ValueError, match="must be a percentage"):
        parse_percent(text)
