"""Outages from samples to letters, as an ops room reads them."""

from __future__ import annotations

from botkit.outbound.model import FailureKind
from botkit.storage import Database
from tests.ledger.internet import Internet
from tests.ledger.ops import Ops

REFUSED = FailureKind.CONNECT_REFUSED


async def test_an_outage_from_its_first_message_to_its_last(database: Database) -> None:
    """Three bad checks fire, two good ones resolve; the message is closed in place."""
    ops = Ops(database, Internet({"a.org": ["rtc"]}))
    await ops.watch({"!ops": ["a.org"]})
    assert await ops.checks("a.org", 1) == []
    ops.internet.broken["rtc"] = REFUSED
    assert await ops.checks("a.org", 2) == []
    assert await ops.checks("a.org", 1) == [
        (
            "!ops new: ❌ rtc.example.org is down since 12:03 UTC (3 checks): connection refused on 192.0.2.1:443. "
            "Affects a.org."
        )
    ]
    ops.internet.broken.clear()
    assert await ops.checks("a.org", 1) == []
    assert await ops.checks("a.org", 1) == [
        (
            "!ops edit: ✅ rtc.example.org was down from 12:03 UTC to 12:08 UTC (5 min): connection refused on "
            "192.0.2.1:443. Affected a.org."
        ),
        "!ops reply: ✅ rtc.example.org recovered at 12:08 UTC after 5 min.",
    ]
