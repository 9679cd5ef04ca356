"""The model behind the picture of a server's history, and the picture."""

from __future__ import annotations

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from plugins.foci.commands.history import MOST_MARKS, MOST_ROWS, WIDTH, Timeline, draw, timeline
from plugins.foci.health.events import Outage
from plugins.foci.health.keys import Key

DAY = 86400.0
NOW = 1_795_400_000.0
FOCUS = Key.parse("focus:https://rtc.example.org:443/livekit/jwt")
RED, GREEN, GREY, BLUE = (201, 42, 42), (47, 158, 110), (217, 217, 222), (28, 79, 214)


def _week(*outages: Outage, keys: tuple[Key, ...] = (FOCUS,), changes: tuple[float, ...] = ()) -> Timeline:
    return timeline("example.org", keys, outages, changes, NOW - 30 * DAY, NOW - 7 * DAY, NOW)


def _colours(shown: Timeline) -> dict[tuple[int, int, int], int]:
    drawing = draw(shown)
    image = Image.open(BytesIO(drawing.png))
    assert image.size == (drawing.width, drawing.height)
    return {colour: count for count, colour in image.convert("RGB").getcolors(1 << 20) or ()}  # type: ignore[misc]


def test_nothing_happened() -> None:
    """A quiet week says so in words, and no red is drawn."""
    shown = _week(keys=(Key.parse("discovery:example.org"), FOCUS))
    assert shown.words() == (
        "`example.org`, the last 7 d: client well-known: 100 % up; `rtc.example.org`: 100 % up; the list did not "
        "change."
    )
    assert RED not in _colours(shown)


def test_an_outage_counts_from_its_start_to_its_end() -> None:
    """Half a day of a week, one list change."""
    shown = _week(Outage(FOCUS, NOW - 2 * DAY, NOW - 1.5 * DAY), changes=(NOW - DAY,))
    assert (
        shown.words()
        == "`example.org`, the last 7 d: `rtc.example.org`: 92.85 % up (1 outage, 12 h); the list changed once."
    )
    found = _colours(shown)
    assert found[RED] / found[GREEN] > 0.5 / 7
    assert BLUE in found


def test_what_lasts_reaches_to_now() -> None:
    """An open outage ends at the edge of the picture."""
    assert _week(Outage(FOCUS, NOW - DAY, None)).rows[0].bad == ((NOW - DAY, NOW),)


def test_a_minute_is_never_a_hundred_percent() -> None:
    """Shares are cut off, not rounded, and the shortest outage is drawn."""
    shown = _week(Outage(FOCUS, NOW - DAY, NOW - DAY + 1))
    assert "99.99 % up (1 outage, 1 s)" in shown.words()
    assert RED in _colours(shown)


def test_urls_of_one_service_are_one_row() -> None:
    """Overlapping outages of the same service are counted once."""
    other = Key.parse("focus:https://rtc.example.org:443/other/jwt")
    outages = (Outage(FOCUS, NOW - 3 * DAY, NOW - 2 * DAY), Outage(other, NOW - 2.5 * DAY, NOW - DAY))
    shown = _week(*outages, keys=(FOCUS, other))
    assert [row.bad for row in shown.rows] == [((NOW - 3 * DAY, NOW - DAY),)]


def test_before_the_watch_nothing_is_known() -> None:
    """Time before the watch is neither good nor bad, and does not count."""
    young = timeline("example.org", (FOCUS,), (Outage(FOCUS, NOW - 3600, NOW),), (), NOW - 7200, NOW - 7 * DAY, NOW)
    assert young.rows[0].share == "50.00 %"
    assert GREY in _colours(young)


def test_what_is_gone_from_the_list_keeps_its_row() -> None:
    """An outage of a focus that is no longer published is still history."""
    assert [row.label for row in _week(Outage(FOCUS, NOW - DAY, NOW - DAY / 2), keys=()).rows] == ["`rtc.example.org`"]


def test_too_many_things_leave_out_the_quiet_ones() -> None:
    """The longest outages are shown, in the order of the list, and the rest is counted."""
    keys = tuple(Key.parse(f"focus:https://rtc{number:02}.example.org:443/") for number in range(20))
    shown = _week(*(Outage(key, NOW - (place + 1) * 3600, NOW) for place, key in enumerate(keys)), keys=keys)
    assert [row.label for row in shown.rows] == [f"`rtc{number}.example.org`" for number in range(12, 20)]
    assert shown.left_out == 20 - MOST_ROWS


@given(
    st.lists(st.tuples(st.floats(-9, 1), st.one_of(st.none(), st.floats(0, 9))), max_size=20),
    st.lists(st.floats(-9, 1), max_size=20),
    st.floats(0, 9),
)
def test_whatever_is_remembered_can_be_shown(
    outages: list[tuple[float, float | None]], changes: list[float], watched: float
) -> None:
    """Shares stay between 0 and 1, stretches within the time shown and apart; the picture has its size."""
    spans = [
        Outage(FOCUS, NOW + start * DAY, None if length is None else NOW + (start + length) * DAY)
        for start, length in outages
    ]
    at = [NOW + change * DAY for change in changes]
    shown = timeline("example.org", (FOCUS,), spans, at, NOW - watched * DAY, NOW - 7 * DAY, NOW)
    for row in shown.rows:
        assert -1e-6 <= row.up <= 1
        edges = [edge for stretch in row.bad for edge in stretch]
        assert edges == sorted(edges)
        assert all(shown.since <= edge <= shown.until for edge in edges)
    assert len(shown.marks) <= MOST_MARKS
    assert len(shown.ticks()) <= 9
    assert draw(shown).width == WIDTH


@given(st.floats(600, 400 * DAY))
def test_axes_have_round_times_within_the_time_shown(length: float) -> None:
    """Every tick lies within; there are few of them."""
    shown = timeline("example.org", (), (), (), 0, NOW - length, NOW)
    assert len(shown.ticks()) <= 14
    assert all(NOW - length <= at <= NOW for at in shown.ticks())
