"""Advice in the words of the homeserver that is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.federation import Federation
from lab.homeserver import Transports
from plugins.foci.report.software import to_delay_events, to_fill_endpoint, to_have_endpoint, to_publish
from tests.foci.examination import Examination
from tests.foci.scenes import ENTRY, NAME, RTC

KNOWN = ("conduit", "conduwuit", "continuwuity", "dendrite", "synapse", "tuwunel")
ADVICE = (to_delay_events, to_fill_endpoint, to_have_endpoint, to_publish)


@pytest.mark.parametrize("advice", ADVICE)
@pytest.mark.parametrize("software", KNOWN)
def test_each_is_spoken_to_by_name(software: str, advice: Callable[[str], str]) -> None:
    """Its own name is told, and Synapse's settings are advised to Synapse alone."""
    told = advice(software)
    assert software in told.lower()
    assert ("synapse" in told.lower()) == (software == "synapse")
    assert not any(word in told for word in ("matrix_rtc.transports", "max_event_delay")) or software == "synapse"


@pytest.mark.parametrize("advice", ADVICE)
@pytest.mark.parametrize("software", ["", "spindle", "<b>synapse</b>"])
def test_of_others_the_commonest_is_named(software: str, advice: Callable[[str], str]) -> None:
    """What a stranger calls itself is not repeated."""
    assert "Synapse" in advice(software)
    assert "<b>" not in advice(software)
    assert "spindle" not in advice(software)


@pytest.mark.parametrize(
    ("software", "endpoint", "delayed"),
    [
        ("Synapse", "msc4143_enabled", "max_event_delay_duration"),
        ("Tuwunel", "`livekit_url`", "newer Tuwunel"),
        ("continuwuity", "`[global.matrix_rtc]`", "newer continuwuity"),
        ("Dendrite", "Dendrite has none", "newer Dendrite"),
        (None, "in Synapse", "In Synapse"),
    ],
)
async def test_a_homeserver_is_asked_what_it_is(
    federation: Federation, examination: Examination, software: str | None, endpoint: str, delayed: str
) -> None:
    """By `/_matrix/federation/v1/version`, where its federation API is found."""
    await federation.focus(RTC)
    server = await federation.server(NAME, foci=[ENTRY], transports=Transports.ABSENT, delayed_events=False)
    server.homeserver.software = software
    advice = {found.code: found.advice for found in (await examination(NAME)).findings}
    assert endpoint in advice["transports-endpoint-missing"]
    assert delayed in advice["delayed-events-missing"]
