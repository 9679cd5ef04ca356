"""The plugin's section of the configuration (``plugins.foci``); ``docs/configuration.md`` explains each key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from botkit.config import Duration, Percent, PositiveDuration, Section
from botkit.identifiers import is_user_id
from plugins.foci.alerts.notifications import AlertSettings
from plugins.foci.alerts.watches import Vouchers, Watch, WatchLimits, WatchSettings
from plugins.foci.changes.detector import ListSettings
from plugins.foci.deep.trust import read_service
from plugins.foci.discovery.target import TargetError, parse_target
from plugins.foci.findings import CODES
from plugins.foci.health.state import HealthSettings
from plugins.foci.probe.observation import ProbeSettings
from plugins.foci.report.build import CheckSettings

SHORTEST_INTERVAL = 60.0
"""Seconds between two checks of a server at least: they are made of other people's machines."""


def _known_code(code: str) -> str:
    if code not in CODES:
        raise ValueError("is not a finding code (see docs/findings.md)")
    return code


def _service(text: str) -> str:
    read_service(text)
    return text


def _server_name(text: str) -> str:
    try:
        target = parse_target(text)
    except TargetError as error:
        raise ValueError(str(error)) from None
    if target.user_id is not None:
        raise ValueError("must be a server name, not a user")
    return text


def _polite(interval: float) -> float:
    if interval < SHORTEST_INTERVAL:
        raise ValueError("must be at least 1m")
    return interval


def _room_id(text: str) -> str:
    if not re.fullmatch(r"![^\s!]{1,254}", text):
        raise ValueError("must hold room ids such as '!abc:example.org' (not an alias)")
    return text


def _user_id(text: str) -> str:
    if not is_user_id(text):
        raise ValueError("must hold user ids such as '@ops:example.org'")
    return text


MOST_CANARIES = 10
"""Servers that are asked at every third of the interval for the bot's own sake."""

Interval = Annotated[PositiveDuration, AfterValidator(_polite)]
RoomId = Annotated[str, AfterValidator(_room_id)]
UserId = Annotated[str, AfterValidator(_user_id)]
Service = Annotated[str, AfterValidator(_service)]
Code = Annotated[str, AfterValidator(_known_code)]
ServerName = Annotated[str, AfterValidator(_server_name)]


class ProbeConfig(Section):
    """When a reached focus is still worth a warning."""

    expiry_warning: Duration = 14 * 86400.0
    slow: PositiveDuration = 2.0


class DeepConfig(Section):
    """Going on to token, signalling and media, when a command in a room or a watch asks for it."""

    enabled: bool = False
    trusted_services: tuple[Service, ...] | None = None


class WatchedServer(Section):
    """One watched server with settings of its own."""

    server: ServerName
    interval: Interval | None = None
    rooms: tuple[RoomId, ...] = ()
    deep: bool = False
    ignore: tuple[Code, ...] = ()


class WatchConfig(Section):
    """Servers checked on a schedule. A server without rooms of its own has those of ``rooms``."""

    interval: Interval = 300.0
    jitter: Percent = 0.1
    rooms: tuple[RoomId, ...] = ()
    servers: tuple[ServerName | WatchedServer, ...] = ()
    canaries: Annotated[tuple[ServerName, ...], Field(max_length=MOST_CANARIES)] | None = None
    max_per_room: Annotated[int, Field(ge=0)] = 100
    max_per_person: Annotated[int, Field(ge=0)] = 300

    @field_validator("servers")
    @classmethod
    def _have_somebody_to_tell(
        cls, servers: tuple[ServerName | WatchedServer, ...], info: ValidationInfo
    ) -> tuple[ServerName | WatchedServer, ...]:
        """A watch without a room is an error, and so is the same watch written twice."""
        named: set[tuple[str, str]] = set()
        for one in _whole(servers):
            rooms = one.rooms or info.data.get("rooms", ())
            if not rooms and "rooms" in info.data:
                raise ValueError(f"{one.server} has no room to notify: give it rooms, or set watch.rooms")
            places = {(parse_target(one.server).server_name, room) for room in rooms}
            if named & places:
                raise ValueError(f"{one.server} is listed twice for the same room")
            named |= places
        return servers

    def watches(self) -> tuple[Watch, ...]:
        """Each server with each of its rooms."""
        return tuple(
            Watch(room, parse_target(one.server).server_name, "config", one.interval, one.deep, frozenset(one.ignore))
            for one in _whole(self.servers)
            for room in dict.fromkeys(one.rooms or self.rooms)
        )


def _whole(servers: tuple[ServerName | WatchedServer, ...]) -> Iterator[WatchedServer]:
    """Every entry as if it had been written as a mapping."""
    for one in servers:
        yield WatchedServer(server=one) if isinstance(one, str) else one


class AlertsConfig(Section):
    """When and how rooms are notified."""

    failures: Annotated[int, Field(ge=1)] = 3
    recoveries: Annotated[int, Field(ge=1)] = 2
    confirm_change: Duration = 20.0
    reminder: PositiveDuration = 12 * 3600.0
    mention: tuple[UserId, ...] = ()
    msgtype: Literal["m.text", "m.notice"] = "m.text"


class FociConfig(Section):
    """The plugin's configuration."""

    ignore: tuple[Code, ...] = ()
    probe: ProbeConfig = Field(default_factory=ProbeConfig)
    deep: DeepConfig = Field(default_factory=DeepConfig)
    watch: WatchConfig = Field(default_factory=WatchConfig)
    alerts: AlertsConfig = Field(default_factory=AlertsConfig)

    @model_validator(mode="after")
    def _refuse_deep_watches_unless_enabled(self) -> Self:
        """Reject settings that would have no effect."""
        for one in _whole(self.watch.servers):
            if one.deep and not self.deep.enabled:
                raise ValueError(f"watch.servers: deep: true of {one.server} needs deep.enabled: true")
        return self

    def check_settings(self, timeout: float) -> CheckSettings:
        """For the pure core; ``timeout`` is ``network.timeout`` in seconds."""
        probe = ProbeSettings(self.probe.expiry_warning, self.probe.slow, timeout)
        trusted = self.deep.trusted_services
        services = None if trusted is None else frozenset(read_service(one) for one in trusted)
        return CheckSettings(frozenset(self.ignore), probe, services)

    def watch_settings(self, user_id: str, admins: Iterable[str]) -> WatchSettings:
        """
        Settings of watches and alerts.

        Args:
            user_id: the bot's own, on whose homeserver it lives.
            admins: user ids of those who may do everything.
        """
        alerts, canaries = self.alerts, self.watch.canaries
        vouchers = Vouchers(
            frozenset(parse_target(one).server_name for one in canaries or ()),
            parse_target(user_id).server_name if canaries is None else None,
            frozenset(self.watch.rooms),
            frozenset(admins),
        )
        return WatchSettings(
            HealthSettings(alerts.failures, alerts.recoveries),
            ListSettings(alerts.failures, alerts.confirm_change),
            AlertSettings(alerts.reminder, alerts.msgtype, alerts.mention),
            self.watch.interval,
            SHORTEST_INTERVAL,
            frozenset(self.ignore),
            vouchers,
            WatchLimits(self.watch.max_per_room, self.watch.max_per_person),
        )
