"""One host, several URLs, several rooms: nobody's entry speaks for another's."""

from __future__ import annotations

import pytest

from botkit.outbound.model import FailureKind
from botkit.storage import Database
from tests.watch_service.internet import Internet
from tests.watch_service.ops import Ops

REASON = "connection refused on 192.0.2.1:443"
FAULTY = {"type": "livekit", "livekit_service_url": "http://rtc.example.org/x"}
LONG = {"type": "livekit", "livekit_service_url": f"http://rtc.example.org/{'x' * 500}"}


@pytest.mark.parametrize("entry", [FAULTY, LONG], ids=["short", "long"])
@pytest.mark.parametrize("room", ["!theirs", "!ours"])
async def test_a_faulty_entry_elsewhere_hides_no_outage(database: Database, room: str, entry: dict[str, str]) -> None:
    """Whoever publishes a wrong URL of a host changes nothing in what is told of the right one, in any room."""
    ops = Ops(database, Internet({"evil.org": [], "victim.org": ["rtc"]}))
    ops.internet.servers["evil.org"].foci = [entry]
    await ops.watch({room: ["evil.org"]})
    await ops.watch({"!ours": ["victim.org"]})
    (line,) = await ops.checks("evil.org", 3)
    assert line.startswith(f"{room} new: ❌ rtc.example.org is failing since 12:01 UTC")
    await ops.checks("victim.org", 1)
    ops.at += 6600
    ops.internet.broken["rtc"] = FailureKind.CONNECT_REFUSED
    assert await ops.checks("victim.org", 3) == [
        f"!ours new: ❌ rtc.example.org is down since 13:58 UTC (3 checks): {REASON}. Affects victim.org."
    ]
    ops.internet.broken.clear()
    assert await ops.checks("victim.org", 2) == [
        f"!ours edit: ✅ rtc.example.org was down from 13:58 UTC to 14:03 UTC (5 min): {REASON}. Affected victim.org.",
        "!ours reply: ✅ rtc.example.org recovered at 14:03 UTC after 5 min.",
    ]
