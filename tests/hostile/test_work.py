"""What a stranger's document costs: counted in calls, so that no clock and no other load has a say."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from plugins.foci.model import FOCI_KEYS
from plugins.foci.report.as_json import report_to_json
from plugins.foci.report.render import to_details, to_document
from tests.hostile.reports import HOMESERVER, report


def _calls(entries: int) -> int:
    """Calls, of Python and of C, for a report on so many entries in either list, all different and without a URL."""
    published = {**HOMESERVER, FOCI_KEYS[0]: [{"type": f"a{number}", "x": "x" * 100} for number in range(entries)]}
    listed = {"rtc_transports": [{"type": f"b{number}", "x": "x" * 100} for number in range(entries)]}
    count = 0

    def note(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        told = report(published, transports=listed)
        to_document(told)
        to_details(told)
        report_to_json(told)
    finally:
        sys.setprofile(None)
    return count


def test_long_lists_cost_what_their_length_is() -> None:
    """Twice as many entries in both lists make about twice as much work: the loop serves every room meanwhile."""
    _calls(10)
    assert _calls(160) < 2.5 * _calls(80)
