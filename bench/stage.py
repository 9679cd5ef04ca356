"""One Matrix server with its foci at literal loopback addresses, so that tools without name resolution of their own
can be pointed at it: every URL says where it is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from lab.authority import Authority
from lab.exchange import Answer, Request, json_answer
from lab.fault import Fault, Layer
from lab.focus import Focus, Slashes
from lab.front import Front, Mount, Site
from lab.homeserver import USERINFO, Homeserver, userinfo
from lab.loopback import BLOCK, reserved_port
from lab.wellknown import WellKnown, document

ADDRESS = f"{BLOCK}.101"


class Stage:
    """
    A healthy server with one focus published and a second one in reserve; a scene then breaks something.

    Attributes:
        name: the server name, which has a port.
        base_url: of the homeserver.
        urls: of both authorisation services.
    """

    def __init__(self, directory: Path) -> None:
        """Keep certificates in ``directory``."""
        self.authority = Authority(directory / "authority")
        self._fronts = [Front(self.authority, ADDRESS, reserved_port(ADDRESS)) for _ in range(4)]
        site, base, *focus_sites = (self._site(front) for front in self._fronts)
        self.name = site.authority
        self.base_url = f"https://{base.authority}"
        self.urls = [f"https://{one.authority}/livekit/jwt" for one in focus_sites]
        self.homeserver = Homeserver(base)
        self.well_known = WellKnown(site, document(self.base_url, [self.entry(url) for url in self.urls[:1]]))
        self.foci = [self._focus(place) for place in range(2)]
        site.mount(Mount("/.well-known/matrix/server", self._delegation, exact=True))
        # a server name with a port is where its federation is
        site.mount(Mount(USERINFO, userinfo, exact=True))

    async def __aenter__(self) -> Self:
        for front in self._fronts:
            await front.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for front in self._fronts:
            await front.close()

    @property
    def focus(self) -> Focus:
        """The published focus."""
        return self.foci[0]

    @property
    def focus_site(self) -> Site:
        """The host of the published focus."""
        return self.focus.site

    def entry(self, url: str) -> dict[str, str]:
        """An entry of a foci list."""
        return {"type": "livekit", "livekit_service_url": url}

    def publish(self, foci: Any, **further: Any) -> None:
        """Publish another value under the key of the list; None leaves the key out."""
        published = document(self.base_url, None, **further)
        self.well_known.document = published if foci is None else {**published, "org.matrix.msc4143.rtc_foci": foci}

    async def break_well_known(self, fault: Fault) -> None:
        """Play a fault at the server name's host."""
        await self._play(0, self.well_known, fault)

    async def break_focus(self, fault: Fault) -> None:
        """Play a fault at the published focus."""
        await self._play(2, self.focus, fault)

    def replace_focus(self, **declared: Any) -> None:
        """Another service at the URL that is published."""
        self.foci[0] = self._focus(0, **declared)

    async def _play(self, place: int, target: WellKnown | Focus, fault: Fault) -> None:
        if fault.layer is Layer.CONNECTION:
            await self._fronts[place].open(fault)
        else:
            target.spoil(fault)

    def _focus(
        self,
        place: int,
        *,
        version: str = "0.6.0",
        slashes: Slashes = Slashes.REDIRECTED,
        shares_host_with_sfu: bool = False,
    ) -> Focus:
        site = next(iter(self._fronts[2 + place].sites.values()))
        return Focus(
            self.urls[place], site, version=version, slashes=slashes, shares_host_with_sfu=shares_host_with_sfu
        )

    def _site(self, front: Front) -> Site:
        site = front.sites[front.endpoint] = Site(front.endpoint)
        return site

    async def _delegation(self, _: Request) -> Answer:
        return json_answer(200, {"m.server": self.base_url.removeprefix("https://")})
