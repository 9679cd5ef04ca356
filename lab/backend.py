"""
A whole MatrixRTC backend: a real SFU, the proxy before it, and an authorisation service that issues tokens for it.

::

    federation = Federation(directory)
    synapse = Synapse(directory / "hs", server_name="example.org", authority=federation.authority)
    backend = Backend(federation, directory / "rtc", "https://rtc.example.org/livekit/jwt", homeserver=synapse)
    async with federation, synapse, backend:
        await federation.adopt(synapse, [backend.entry])   # the well-knowns of example.org
        await backend.play(CallFault.WRONG_KEY)            # and None heals

Users are looked up at whatever homeserver the federation has for their server name; ``homeserver`` only names the one
that ``OPENID_OFF`` is played on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from lab.federation import Federation
from lab.focus import Focus
from lab.front import Mount, Site
from lab.issuer import Issuer
from lab.livekit import LiveKit, Media
from lab.openid import OpenIdLookup
from lab.synapse import Synapse
from lab.tunnel import Tunnel


class CallFault(StrEnum):
    """
    One way in which calls fail although the authorisation service is there.

    Attributes:
        description: what goes wrong, and who sees it.
    """

    description: str

    def __new__(cls, name: str, description: str) -> Self:
        """Build a member; the value is its name alone."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.description = description
        return member

    WRONG_KEY = "wrong-key", "the service signs with another secret than the SFU's"
    SFU_DOWN = "sfu-down", "nothing runs behind the SFU's proxy: 502"
    SFU_URL_PRIVATE = "sfu-url-private", "clients are sent to a private address"
    SFU_URL_INTERNAL = "sfu-url-internal", "clients are sent to a name of a container network, without TLS"
    ROOM_NOT_CREATED = "room-not-created", "the SFU makes no rooms, and the service makes none for anybody"
    UPGRADE_REFUSED = "upgrade-refused", "the proxy passes requests on but no WebSockets"
    UDP_CLOSED = "udp-closed", "media can flow over TCP only"
    MEDIA_CLOSED = "media-closed", "media cannot flow at all"
    OPENID_OFF = "openid-off", "the homeserver vouches for no user: its listener lacks the resource"


_URLS: Mapping[CallFault | None, str] = {
    CallFault.SFU_URL_PRIVATE: "wss://10.11.12.13/livekit/sfu",
    CallFault.SFU_URL_INTERNAL: "ws://livekit-sfu.matrix.svc.cluster.local:7880",
}
_MEDIA: Mapping[CallFault | None, Media] = {
    CallFault.UDP_CLOSED: Media.UDP_CLOSED,
    CallFault.MEDIA_CLOSED: Media.CLOSED,
}


class Backend:
    """
    Calls for a federation; an async context manager, to be entered after the federation.

    Attributes:
        url: of the authorisation service, as published.
        sfu_url: of the SFU, as handed to clients when nothing is wrong.
        sfu: the real server.
        issuer: makes the tokens.
        fault: the fault that is being played.
    """

    def __init__(
        self,
        federation: Federation,
        directory: Path,
        url: str,
        *,
        sfu_url: str | None = None,
        version: str = "0.6.0",
        full_access: Sequence[str] = ("*",),
        homeserver: Synapse | None = None,
    ) -> None:
        """
        Prepare everything; nothing is served before the backend is entered.

        Args:
            federation: where the hosts are.
            directory: the SFU's own.
            url: of the authorisation service.
            sfu_url: a ``wss`` URL; by default ``/livekit/sfu`` at the service's host.
            version: of lk-jwt-service.
            full_access: server names for whose users the service has the SFU make rooms, ``["*"]`` for all.
            homeserver: a real one that faults of the look-up are played on.
        """
        self.url = url
        self.sfu_url = sfu_url or f"wss://{urlsplit(url).netloc}/livekit/sfu"
        self.sfu = LiveKit(directory)
        self.issuer = Issuer(self.sfu, OpenIdLookup(federation), self.sfu_url, full_access=full_access)
        self.fault: CallFault | None = None
        self._federation = federation
        self._version = version
        self._full_access = list(full_access)
        self._homeserver = homeserver
        self._tunnel = Tunnel(self.sfu.base_url)
        self._focus: Focus | None = None
        self._site: Site | None = None

    async def __aenter__(self) -> Self:
        await self.sfu.start()
        self._focus = await self._federation.focus(self.url, version=self._version)
        self._focus.service.issuer = self.issuer
        parts = urlsplit(self.sfu_url)
        self._site = await self._federation.site(parts.netloc)
        self._site.mount(Mount(parts.path.rstrip("/"), self._tunnel.answer))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.sfu.stop()

    @property
    def full_access(self) -> list[str]:
        """Server names for whose users the service has the SFU make rooms, ``["*"]`` for all; may be replaced."""
        return self._full_access

    @full_access.setter
    def full_access(self, names: Sequence[str]) -> None:
        self._full_access = list(names)
        self.issuer.full_access = self._admitted()

    @property
    def entry(self) -> dict[str, str]:
        """The entry of a foci list that leads here."""
        return {"type": "livekit", "livekit_service_url": self.url}

    @property
    def focus(self) -> Focus:
        """The authorisation service as it is mounted; its own faults can be played by the federation."""
        if self._focus is None:
            raise RuntimeError("the backend has not been entered")
        return self._focus

    @property
    def sfu_site(self) -> Site:
        """The virtual host before the SFU; it remembers the requests that reached it."""
        if self._site is None:
            raise RuntimeError("the backend has not been entered")
        return self._site

    async def play(self, fault: CallFault | None) -> None:
        """
        Play a fault, or none; what was played before ends. Some restart the SFU or the homeserver.

        Raises:
            ValueError: the fault needs a homeserver, and none was given.
        """
        if fault is CallFault.OPENID_OFF and self._homeserver is None:
            raise ValueError(f"{fault} is played on a homeserver, and none was given")
        self.fault = fault
        self.issuer.wrong_secret = fault is CallFault.WRONG_KEY
        self.issuer.sfu_url = _URLS.get(fault, self.sfu_url)
        self.issuer.full_access = self._admitted()
        self._tunnel.forwards_upgrades = fault is not CallFault.UPGRADE_REFUSED
        await self._arrange_sfu(fault)
        if self._homeserver is not None:
            await self._homeserver.serve_openid(fault is not CallFault.OPENID_OFF)

    def _admitted(self) -> list[str]:
        return [] if self.fault is CallFault.ROOM_NOT_CREATED else self._full_access

    async def _arrange_sfu(self, fault: CallFault | None) -> None:
        wanted = (fault is not CallFault.ROOM_NOT_CREATED, _MEDIA.get(fault, Media.OPEN))
        if fault is CallFault.SFU_DOWN or wanted != (self.sfu.auto_create, self.sfu.media):
            await self.sfu.stop()
        self.sfu.auto_create, self.sfu.media = wanted
        if fault is not CallFault.SFU_DOWN:
            await self.sfu.start()
