"""The part of the public internet that the strangers behind one way set up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.exchange import Answer, Request
from lab.front import Mount, Site
from lab.homeserver import Homeserver, Transports
from lab.wellknown import PATH, Hop, WellKnown, document

DOMAIN = "ways.example"


@dataclass(frozen=True, slots=True)
class Ground:
    """
    Where ways are walked.

    Attributes:
        internet: the address of the public servers.
        public_port: and their port.
        port: where listeners wait on forbidden addresses; they wait at ``public_port`` too.
        allow: ``network.allow_private``: empty where the policy is as shipped.
        routed: whether the servers' names need ``connect_to``, since port 443 is not to be had.
        further: other ports of the public servers, such as that of federation.
    """

    name: str
    internet: str
    public_port: int
    port: int
    allow: tuple[str, ...] = ()
    routed: bool = False
    further: tuple[int, ...] = ()

    @property
    def public(self) -> frozenset[str]:
        """Addresses that may be connected to."""
        first, _, _ = self.internet.rpartition(".")
        return frozenset(f"{first}.{last}" for last in range(1, 20))


class Plot:
    """
    The hosts of one way.

    Attributes:
        host: the server name that is checked.
        sites: every virtual host, by name.
    """

    def __init__(self, label: str, ground: Ground) -> None:
        self.host = f"{label}.{DOMAIN}"
        self.sites: dict[str, Site] = {}
        self._ground = ground

    def fill(self, text: str) -> str:
        """A way's text with its placeholders replaced."""
        values = {"HERE": self.host, "PORT": self._ground.port, "PUBLIC": self._ground.public_port}
        dead = f"{self._ground.internet.rpartition('.')[0]}.9"
        for word, value in {**values, "NET4": self._ground.internet, "DEAD4": dead}.items():
            text = text.replace(word, str(value))
        return text

    def public(self, prefix: str) -> str:
        """The URL of another public host of this way."""
        return f"https://{prefix}-{self.host}:{self._ground.public_port}"

    def site(self, host: str) -> Site:
        """A virtual host."""
        return self.sites.setdefault(host, Site(f"{host}:443"))

    def publish(self, foci: Sequence[Any] | None = None, base_url: str | None = None, **further: Any) -> WellKnown:
        """The client well-known of the server that is checked."""
        return WellKnown(self.site(self.host), document(base_url, foci, **further))

    def homeserver(self, transports: Sequence[Any] = ()) -> str:
        """A homeserver that lists transports to anybody; its base URL."""
        Homeserver(self.site(f"hs-{self.host}"), transports=Transports.OPEN, transports_list=transports)
        return self.public("hs")

    def redirect(self, location: str, status: int = 302, host: str | None = None) -> None:
        """A redirect in place of a well-known."""
        Hop(self.site(host or self.host), PATH, location, status=status)

    def answer(self, host: str, answer: Answer) -> None:
        """The same answer to whatever a host is asked."""

        async def give(_: Request) -> Answer:
            return answer

        self.site(host).mount(Mount("", give))
