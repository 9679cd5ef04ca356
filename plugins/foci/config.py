"""The plugin's section of the configuration (``plugins.foci``); ``docs/configuration.md`` explains each key."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from botkit.config import Duration, Percent, PositiveDuration, Section
from plugins.foci.assembly import CheckSettings
from plugins.foci.catalogue import CODES
from plugins.foci.observation import ProbeSettings
from plugins.foci.target import TargetError, parse_target


def _known_code(code: str) -> str:
    if code not in CODES:
        raise ValueError("is no finding code (docs/findings.md lists them)")
    return code


def _server_name(text: str) -> str:
    try:
        target = parse_target(text)
    except TargetError as error:
        raise ValueError(str(error)) from None
    if target.user_id is not None:
        raise ValueError("must be a server name, not a user")
    return text


Code = Annotated[str, AfterValidator(_known_code)]
ServerName = Annotated[str, AfterValidator(_server_name)]


class ProbeConfig(Section):
    """When a reached focus is still worth a warning."""

    expiry_warning: Duration = 14 * 86400.0
    slow: PositiveDuration = 2.0


class DeepConfig(Section):
    """Going on to token, signalling and media."""

    enabled: bool = False
    trusted_services: tuple[str, ...] | None = None


class WatchedServer(Section):
    """One watched server with settings of its own."""

    server: ServerName
    interval: PositiveDuration | None = None
    rooms: tuple[str, ...] = ()
    deep: bool = False
    ignore: tuple[Code, ...] = ()


class WatchConfig(Section):
    """Servers checked on a schedule."""

    interval: PositiveDuration = 300.0
    jitter: Percent = 0.1
    rooms: tuple[str, ...] = ()
    servers: tuple[ServerName | WatchedServer, ...] = ()


class AlertsConfig(Section):
    """When and how ops rooms are told."""

    failures: Annotated[int, Field(ge=1)] = 3
    recoveries: Annotated[int, Field(ge=1)] = 2
    confirm_change: Duration = 20.0
    reminder: PositiveDuration = 12 * 3600.0
    mention: tuple[str, ...] = ()
    msgtype: Literal["m.text", "m.notice"] = "m.text"


class DigestConfig(Section):
    """A regular summary."""

    schedule: str | None = None
    timezone: str = "UTC"
    rooms: tuple[str, ...] = ()


class FociConfig(Section):
    """What the plugin may be told."""

    ignore: tuple[Code, ...] = ()
    probe: ProbeConfig = Field(default_factory=ProbeConfig)
    deep: DeepConfig = Field(default_factory=DeepConfig)
    watch: WatchConfig = Field(default_factory=WatchConfig)
    alerts: AlertsConfig = Field(default_factory=AlertsConfig)
    digest: DigestConfig = Field(default_factory=DigestConfig)

    @model_validator(mode="after")
    def _refuse_what_is_not_built(self) -> Self:
        """A bot that takes a watch and never watches would be worse than one that refuses it."""
        if self.watch.servers:
            raise ValueError("watch.servers: this version does not watch servers yet; leave the list empty")
        if self.deep.enabled:
            raise ValueError("deep.enabled: this version tests nothing beyond the authorisation stage; leave it false")
        if self.digest.schedule is not None:
            raise ValueError("digest.schedule: this version sends no digests yet; leave it null")
        return self

    def check_settings(self, timeout: float) -> CheckSettings:
        """For the pure core; ``timeout`` is ``network.timeout`` in seconds."""
        probe = ProbeSettings(self.probe.expiry_warning, self.probe.slow, timeout)
        return CheckSettings(frozenset(self.ignore), probe)
