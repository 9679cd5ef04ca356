"""A real check of the lab's servers, with limits of the test's choice."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from botkit.outbound import OutboundClient, OutboundSettings
from botkit.plugin import Account, Limits
from lab.federation import Federation
from plugins.foci.checker import Checker
from plugins.foci.discovery.target import parse_target
from plugins.foci.model import Report
from plugins.foci.probe.observation import ProbeSettings
from plugins.foci.report.build import CheckSettings

PATIENT = Limits(timeout=20.0, deadline=40.0)
"""So long that only what never ends runs into it, also on a busy machine."""

BRIEF = Limits(timeout=3.0, deadline=10.0)
"""For servers that never answer."""


class Examination:
    """
    Checks servers of a federation.

    Attributes:
        federation: in which names are served; what it does not serve is asked of the name server.
    """

    def __init__(self, federation: Federation, nameserver: str) -> None:
        self.federation = federation
        self._nameserver = nameserver

    @asynccontextmanager
    async def checker(
        self, limits: Limits = PATIENT, settings: CheckSettings | None = None, account: Account | None = None
    ) -> AsyncIterator[Checker]:
        """A checker that knows every host declared until now."""
        # how long an answer takes says more about the machine: who tests slowness hands in settings
        settings = settings or CheckSettings(probe=ProbeSettings(slow=math.inf))
        settings = replace(settings, probe=replace(settings.probe, patience=limits.timeout))
        async with OutboundClient(self.outbound(limits)) as outbound:
            yield Checker(outbound, account, limits, settings, lambda: datetime.now(UTC))

    def outbound(self, limits: Limits = PATIENT) -> OutboundSettings:
        """The federation's network, with these limits."""
        network = self.federation.network()
        return OutboundSettings(
            timeout=limits.timeout,
            nameservers=(self._nameserver,),
            connect_to={
                name: (where,) if isinstance(where, str) else tuple(where)
                for name, where in network["connect_to"].items()
            },
            ca_file=Path(network["ca_file"]),
            allow_private=tuple(network["allow_private"]),
        )

    async def __call__(
        self,
        target: str,
        *,
        limits: Limits = PATIENT,
        settings: CheckSettings | None = None,
        account: Account | None = None,
    ) -> Report:
        """The report on a target."""
        async with self.checker(limits, settings, account) as checker:
            return (await checker.check(parse_target(target))).report
