"""An animal of the zoo: where it lives, how it behaves, and what must be found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from zoo.hosts import Host
from zoo.wire import Species


class Habitat(StrEnum):
    """Which of a server's answers is the bad one; all others are healthy."""

    WELL_KNOWN = "well-known"
    FOCUS = "focus"
    VERSIONS = "versions"
    TRANSPORTS = "transports"


Behaviour = Species | Host


@dataclass(frozen=True, slots=True)
class Animal:
    """
    A bad server.

    Attributes:
        behaviour: how the answer is made, or the host that stands where it would come from.
        verdict: of the whole server.
        codes: the findings of the report, in its order, each once.
        says: words that must stand in the report: the cause, not only its class.
        endless: it takes as long as it is given.
    """

    habitat: Habitat
    name: str
    behaviour: Behaviour
    verdict: str
    codes: tuple[str, ...] = ()
    says: str = ""
    endless: bool = False

    @property
    def label(self) -> str:
        """Unique in the zoo."""
        return f"{self.habitat}/{self.name}"

    @property
    def server_name(self) -> str:
        """The Matrix server to check."""
        return f"{self.name}.{self.habitat}.test".replace("0.9", "09").replace("1.0", "10").replace("9.9", "99")
