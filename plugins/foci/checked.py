"""What the schedule asks for and what a check of a watched server hands on: the values between clock and memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plugins.foci.discovery.well_known import WellKnownAnswer
from plugins.foci.model import Report
from plugins.foci.report.build import ServerObservation
from plugins.foci.service_url import ServiceUrl


@dataclass(frozen=True, slots=True)
class ScheduledCheck:
    """
    One thing to do for a watched server.

    Attributes:
        at: when, seconds since the epoch.
        interval: the shortest that any room asked for, seconds.
        ignore: finding codes left out of the judgement.
        confirm: only the well-known is fetched again, past every cache, to confirm a changed list.
        afresh: a changed list could not be confirmed yet: the well-known is fetched past every cache.
    """

    server: str
    at: float
    interval: float
    deep: bool = False
    ignore: frozenset[str] = frozenset()
    confirm: bool = False
    afresh: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """
    A check of a watched server.

    Attributes:
        server: as in `ScheduledCheck`.
        probe: names this check.
        probes: names the earlier check from which the result of a service was reused.
        own: the server is the one the bot's account is on.
    """

    server: str
    report: Report
    seen: ServerObservation
    probe: str
    probes: Mapping[ServiceUrl, str] = field(default_factory=dict)
    own: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmationResult:
    """
    A confirming fetch of a watched server's well-known.

    Attributes:
        server: as in `ScheduledCheck`.
        at: seconds since the epoch.
    """

    server: str
    answer: WellKnownAnswer
    at: float
