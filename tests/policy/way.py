"""A way in: what strangers set up so that a bot which believes them connects to a forbidden address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from tests.policy.plot import Plot

Entrance = Callable[[Plot, str], None]
"""Lays a way out on a plot; the text is what leads to the forbidden address, in most cases a URL."""


class Stop(StrEnum):
    """What the bot stops a way with, proven by walking it with the address policy switched off."""

    POLICY = "policy"
    """The address policy alone: without it the forbidden address is reached."""
    READING = "reading"
    """The text is no URL or target for the bot, though other programs make an address of it."""
    DESIGN = "design"
    """The bot does not go that way, wherever it leads: it asks no proxy, follows no POST's redirect and so on."""


class Door(StrEnum):
    """Which part of the bot is led astray."""

    CHECK = "check"
    WEBSOCKET = "websocket"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Way:
    """
    One way in. In its texts HERE is the server's name, PORT a port that listeners wait at on forbidden ground,
    PUBLIC the port of public servers, NET4 their address and DEAD4 a public address at which nobody answers.

    Attributes:
        aim: the forbidden address at its end.
        lead: handed to the entrance.
        records: names to what DNS answers: the first time, the second time and so on; the last answer stays.
        target: what somebody asks the bot to check.
        environment: of the process; such ways are walked by ``bot.py check``.
        door: a whole check, or one of the outbound client's other doors, which are given the lead as it is.
    """

    name: str
    aim: str
    lead: str
    entrance: Entrance
    stop: Stop = Stop.POLICY
    records: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    target: str = "HERE"
    environment: Mapping[str, str] = field(default_factory=dict)
    door: Door = Door.CHECK

    @property
    def on_loopback(self) -> bool:
        """Whether it aims at this machine, so that it can be walked without a network namespace."""
        address = ip_address(self.aim)
        return address.is_loopback or address.is_unspecified

    @property
    def can_listen(self) -> bool:
        """Whether TCP can reach its aim at all; with other addresses only attempts are seen."""
        address = ip_address(self.aim)
        scoped = isinstance(address, IPv6Address) and address.is_link_local
        return not (address.is_multicast or scoped or self.aim == "255.255.255.255")
