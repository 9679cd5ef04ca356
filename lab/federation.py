"""A small federation on loopback: any number of hosts by any names, real TLS, faults at will."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from lab import wellknown
from lab.authority import Authority
from lab.exchange import Answer, Handler, Request, json_answer, nginx_page
from lab.fault import Fault, Layer
from lab.focus import Focus, Slashes
from lab.front import Front, Mount, Site
from lab.homeserver import Homeserver, Transports
from lab.loopback import BLOCK, NETWORK
from lab.sfu import Sfu
from lab.synapse import Synapse
from lab.wellknown import Hop, WellKnown, document

_AUTO = object()


class Server:
    """
    One Matrix server: what its name publishes and what its base URL answers.

    Attributes:
        name: the server name, as in user ids.
        base_url: of its client API.
        site: the virtual host of the server name.
        well_known: the client well-known; change it to publish something else.
        homeserver: the client and federation API.
    """

    def __init__(self, name: str, base_url: str, site: Site, well_known: WellKnown, homeserver: Homeserver) -> None:
        """Name the parts, which are being served already."""
        self.name = name
        self.base_url = base_url
        self.site = site
        self.well_known = well_known
        self.homeserver = homeserver

    def publish(self, foci: Sequence[Any] | None, **further: Any) -> None:
        """Replace the published document: the same base URL, another foci list (None: no list)."""
        self.well_known.document = document(self.base_url, foci, **further)


class Federation:
    """
    Servers and focus services, declared one by one; an async context manager that ends them all.

    Every host gets an address and a port of its own on loopback; ``connect_to`` says which.

    Attributes:
        authority: signs the certificates; its ``ca_file`` is what a client must trust.
        sites: the virtual hosts, by ``host:port``.
    """

    def __init__(self, directory: Path, *, authority: Authority | None = None) -> None:
        """Keep certificates in ``directory``."""
        self.authority = authority or Authority(directory / "authority")
        self.sites: dict[str, Site] = {}
        self._fronts: dict[str, tuple[Front, ...]] = {}
        self._crowds: dict[str, tuple[Front, ...]] = {}
        self._elsewhere: dict[str, str] = {}
        self._addresses = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for fronts in self._fronts.values():
            for front in fronts:
                await front.close()

    @property
    def connect_to(self) -> dict[str, str | list[str]]:
        """``host:port`` as in URLs to the address that serves it, or to both where it has IPv4 and IPv6."""
        endpoints = {name: [front.endpoint for front in fronts] for name, fronts in self._fronts.items()}
        return {**{name: one[0] if len(one) == 1 else one for name, one in endpoints.items()}, **self._elsewhere}

    def route(self, authority: str, endpoint: str) -> None:
        """Let a host be served by something else, such as a real Synapse, at ``address:port``."""
        self._elsewhere[_authority(f"https://{authority}")] = endpoint

    def network(self) -> dict[str, Any]:
        """The ``network`` section of a configuration that lives in this federation."""
        return {
            "connect_to": self.connect_to,
            "ca_file": str(self.authority.ca_file),
            "allow_private": [NETWORK, "::1/128"],
        }

    async def site(
        self, authority: str, *, dual_stack: bool = False, crowd: str | None = None, fault: Fault | None = None
    ) -> Site:
        """
        A virtual host, new or as declared before.

        Args:
            authority: ``host`` or ``host:port``, the port as in URLs; an address of ``NETWORK`` with a port is served
                right there, for clients that know nothing of ``connect_to``.
            dual_stack: answer over IPv6 as well; needs ``::1``.
            crowd: share a listener with the sites of the same crowd, for tests with very many hosts.
            fault: of the connection layer; in a crowd it hits all.
        """
        name = _authority(f"https://{authority}")
        if name not in self.sites:
            site = self.sites[name] = Site(name)
            fronts = self._crowds.get(crowd or "") or self._new_fronts(name, dual_stack or _needs_both(fault))
            if crowd:
                self._crowds[crowd] = fronts
            self._fronts[name] = fronts
            for front in fronts:
                front.sites[name] = site
                if len(front.sites) == 1:
                    await front.open()
        if fault is not None:
            await self.set_host_fault(name, fault)
        return self.sites[name]

    async def second_address(self, authority: str, *, fault: Fault | None = None, lowest: bool = False) -> Site:
        """
        One more address of a declared host, such as an old machine in the same DNS name.

        Args:
            authority: as for ``site``.
            fault: of the connection layer, at this address.
            lowest: before all others in the order of addresses; for one host of a federation.

        Returns:
            what answers there: 404 until something is mounted.
        """
        name = _authority(f"https://{authority}")
        site = Site(name)
        front = Front(self.authority, f"{BLOCK}.0") if lowest else self._new_fronts(name, dual_stack=False)[0]
        front.sites[name] = site
        await front.open(fault)
        self._fronts[name] = (*self._fronts[name], front)
        return site

    def rotate(self, authority: str) -> None:
        """Name the addresses of a host in another order, as name servers do."""
        name = _authority(f"https://{authority}")
        first, *rest = self._fronts[name]
        self._fronts[name] = (*rest, first)

    async def set_host_fault(self, authority: str, fault: Fault | None) -> None:
        """
        Play a fault of the connection layer on a host, or none, at the address it has.

        Raises:
            ValueError: the fault belongs to another layer, or needs a host with both address families.
        """
        fronts = self._fronts[_authority(f"https://{authority}")]
        if fault is not None and fault.layer is not Layer.CONNECTION:
            raise ValueError(f"{fault} is not a fault of a host")
        if _needs_both(fault) and len(fronts) < 2:
            raise ValueError(f"{fault} needs a host that was declared dual-stack")
        for front in fronts:
            dead = Fault.DEAD_IPV6 if ":" in front.address else Fault.DEAD_IPV4
            await front.open(Fault.REFUSED if fault is dead else None if _needs_both(fault) else fault)

    async def focus(
        self,
        url: str,
        *,
        version: str = "0.6.0",
        fault: Fault | None = None,
        slashes: Slashes = Slashes.REDIRECTED,
        shares_host_with_sfu: bool = False,
        dual_stack: bool = False,
        crowd: str | None = None,
    ) -> Focus:
        """
        An authorisation service at a URL.

        Args:
            url: as published in a foci list.
            version: of lk-jwt-service, whose contract it follows.
            fault: of the connection, HTTP or service layer.
            slashes: what becomes of ``//`` in paths.
            shares_host_with_sfu: only the POST paths lead to the service, all else to an SFU.
            dual_stack, crowd: as for ``site``.
        """
        site = await self.site(_authority(url), dual_stack=dual_stack or _needs_both(fault), crowd=crowd)
        focus = Focus(url, site, version=version, slashes=slashes, shares_host_with_sfu=shares_host_with_sfu)
        if fault is not None:
            await self.set_fault(focus, fault)
        return focus

    async def sfu(self, url: str, *, since_v1: bool = True, fault: Fault | None = None) -> Site:
        """An SFU's HTTP face at an ``https`` or ``wss`` URL; the fault is of the connection layer."""
        site = await self.site(_authority(url), fault=fault)
        site.mount(Mount(urlsplit(url).path.rstrip("/"), Sfu(since_v1=since_v1).answer))
        return site

    async def server(
        self,
        name: str,
        *,
        foci: Sequence[Any] | None = None,
        well_known: Any = _AUTO,
        base_url: str | None = None,
        transports: Transports | str = Transports.PRESENT,
        transports_list: Sequence[Any] | None = None,
        stable_transports: bool = False,
        delayed_events: bool = True,
        openid: bool = True,
        m_server: Any = _AUTO,
        via: Sequence[str] = (),
        fault: Fault | None = None,
        crowd: str | None = None,
    ) -> Server:
        """
        A Matrix server.

        Args:
            name: the server name; a port in it does not move the well-known (the specification strips it).
            foci: entries of the foci list, or focus services' URLs; None publishes no list.
            well_known: the document (any JSON value, or bytes) in place of the one built from foci and base_url.
            base_url: ``https://matrix.<host>`` if not given.
            transports: how the transports endpoint answers, and what it lists (the foci if not given).
            m_server: what the server well-known names; the base URL's host if not given, None for a 404.
            via: URLs that the client well-known is redirected along; the last one serves it.
            fault: of the connection, HTTP or well-known layer; spoils the well-known's host or answer.
            crowd: as for ``site``.
        """
        host = _bracketed(urlsplit(f"https://{name}").hostname or "")
        base_url = base_url or f"https://matrix.{host}"
        entries = None if foci is None else [_entry(focus) for focus in foci]
        if well_known is _AUTO:
            well_known = document(base_url, entries)
        site = await self.site(host, dual_stack=_needs_both(fault), crowd=crowd)
        publisher, path = await self._redirected(site, via)
        base = urlsplit(base_url)
        homeserver = Homeserver(
            await self.site(_authority(base_url), crowd=crowd),
            base.path.rstrip("/"),
            transports=transports,
            transports_list=(entries or []) if transports_list is None else transports_list,
            stable_transports=stable_transports,
            delayed_events=delayed_events,
            openid=openid,
        )
        m_server = _authority(base_url) if m_server is _AUTO else m_server
        delegation = None if m_server is None else {"m.server": m_server}
        site.mount(Mount("/.well-known/matrix/server", _publish(delegation), exact=True))
        server = Server(name, base_url, site, WellKnown(publisher, well_known, path=path), homeserver)
        if fault is not None:
            await self.set_fault(server, fault)
        return server

    async def adopt(self, synapse: Synapse, foci: Sequence[Any] | None) -> WellKnown:
        """
        Give a real homeserver a name here: its well-knowns, and ``matrix.<host>``, which leads to it.

        The homeserver needs this federation's authority, so that its certificate is trusted.

        Returns:
            the client well-known, with the foci given.
        """
        if synapse.tls_url is None:
            raise ValueError("the homeserver has no TLS listener: give it the federation's authority")
        host = _bracketed(urlsplit(f"https://{synapse.server_name}").hostname or "")
        site = await self.site(host)
        site.mount(Mount("/.well-known/matrix/server", _publish({"m.server": f"matrix.{host}:443"}), exact=True))
        self.route(f"matrix.{host}", urlsplit(synapse.tls_url).netloc)
        entries = None if foci is None else [_entry(focus) for focus in foci]
        return WellKnown(site, document(f"https://matrix.{host}", entries))

    async def set_fault(self, target: Server | Focus, fault: Fault | None) -> None:
        """
        Play a fault on a server's well-known or a focus service, or heal it; what was played before ends.

        Raises:
            ValueError: the fault does not fit the target.
        """
        of_host = fault is not None and fault.layer is Layer.CONNECTION
        broken = target if isinstance(target, Focus) else target.well_known
        broken.spoil(None if of_host else fault)
        name = target.site.authority
        if of_host or any(front.fault is not None for front in self._fronts[name]):
            await self.set_host_fault(name, fault if of_host else None)

    def _new_fronts(self, name: str, dual_stack: bool) -> tuple[Front, ...]:
        literal, _, port = name.rpartition(":")
        if literal.startswith(f"{BLOCK}.") and port != "443":
            return (Front(self.authority, literal, int(port)),)
        self._addresses = self._addresses % 250 + 1
        addresses = [f"{BLOCK}.{self._addresses}", *(["::1"] if dual_stack else [])]
        return tuple(Front(self.authority, address) for address in addresses)

    async def _redirected(self, first: Site, via: Sequence[str]) -> tuple[Site, str]:
        """Lay redirects from a host's well-known along URLs; return where the last one leads."""
        site, path = first, wellknown.PATH
        for url in via:
            Hop(site, path, url)
            site, path = await self.site(_authority(url)), urlsplit(url).path
        return site, path


def _publish(value: Any) -> Handler:
    async def answer(_: Request) -> Answer:
        return nginx_page(404) if value is None else json_answer(200, value)

    return answer


def _entry(focus: Any) -> Any:
    return {"type": "livekit", "livekit_service_url": focus} if isinstance(focus, str) else focus


def _needs_both(fault: Fault | None) -> bool:
    return fault in (Fault.DEAD_IPV6, Fault.DEAD_IPV4)


def _authority(url: str) -> str:
    """``host:port`` of a URL."""
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme in ("http", "ws") else 443)
    return f"{_bracketed(parts.hostname or '')}:{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
