"""Rows 28 to 31, 33 to 36 and 38 to 40: what happens behind the authorisation service, where a stranger sees little."""

from __future__ import annotations

from typing import Any

from lab.exchange import Answer, Request, html_answer
from lab.fault import Fault
from lab.front import Mount
from lab.homeserver import USERINFO
from lab.loopback import BLOCK, reserved_port
from lab.sfu import Sfu
from plugins.foci.model import Verdict
from tests.truth.row import Case, Mark, Row
from tests.truth.world import BARE, BASE_URL, NAME, RTC, Scene, World, behind_nginx

CRITICAL, UNKNOWN, WARNING, OK, _ = Verdict
UNTESTED = r"Signalling and media not tested\."
LOOKUP = "openid-userinfo-unreachable"
SFU_HOST = "sfu.example.org"


def federating(**declared: Any) -> Scene:
    """The focus is well; the homeserver's federation side is as declared."""

    async def set_up(world: World) -> None:
        await world.federation.focus(RTC)
        await world.federation.server(NAME, foci=[RTC], **declared)

    return set_up


async def federation_port_closed(world: World) -> None:
    """The server well-known names a port where nothing listens."""
    await world.federation.site("matrix.example.org:8448", fault=Fault.REFUSED)
    await federating(m_server="matrix.example.org:8448")(world)


async def not_a_string(world: World) -> None:
    """The server well-known holds an object where a string belongs, and nothing listens on the port of old."""
    await world.federation.site(f"{NAME}:8448", fault=Fault.REFUSED)
    await federating(m_server={"host": "matrix.example.org", "port": 443})(world)


async def userinfo_forbidden(world: World) -> None:
    """A tunnel in between answers the look-up of users with a page of its own."""

    async def forbid(_: Request) -> Answer:
        return html_answer(403, "<html><title>Attention Required! | Cloudflare</title></html>")

    await federating()(world)
    site = await world.federation.site("matrix.example.org")
    site.mount(Mount(USERINFO, forbid, exact=True))


async def sfu_is_gone(world: World) -> None:
    """The service's LIVEKIT_URL leads nowhere; it is told only after a token was verified."""
    await federating()(world)
    await world.federation.site(SFU_HOST, fault=Fault.REFUSED)


async def no_upgrade(world: World) -> None:
    """nginx passes requests on to the SFU, but no Upgrade; the entry names both service and SFU."""
    sfu = await world.upstream("sfu.internal:7880", Sfu().answer)
    await world.federation.focus(RTC)
    entry = {"type": "livekit", "livekit_service_url": RTC, "url": f"wss://{SFU_HOST}"}
    document = {**BARE, "org.matrix.msc4143.rtc_foci": [entry]}
    await behind_nginx(world, {SFU_HOST: f"location / {{ proxy_pass http://{sfu}; }}"}, document=document)


async def no_upgrade_url_alone(world: World) -> None:
    """The same with an entry that names the SFU alone: plain requests get through, WebSockets do not."""
    sfu = await world.upstream("sfu.internal:7880", Sfu().answer)
    document = {**BARE, "org.matrix.msc4143.rtc_foci": [{"type": "m.livekit", "url": f"wss://{SFU_HOST}"}]}
    await behind_nginx(world, {SFU_HOST: f"location / {{ proxy_pass http://{sfu}; }}"}, document=document)


def workers(broken: str) -> Scene:
    """nginx spreads the client API over workers, and one path leads to a worker that is not there."""

    async def set_up(world: World) -> None:
        await world.federation.focus(RTC)
        server = await world.federation.server(NAME, foci=[RTC])
        main = await world.upstream("main.internal:8008", server.homeserver.mount.handler)
        dead = f"{BLOCK}.251:{reserved_port(f'{BLOCK}.251')}"
        rest = f"location /_matrix/ {{ proxy_pass http://{main}/; }}"
        await world.nginx.start(
            {BASE_URL.removeprefix("https://"): f"location ~ {broken} {{ proxy_pass http://{dead}; }} {rest}"}
        )

    return set_up


def unseen(name: str, scene: Scene) -> Case:
    """A case that looks well as far as one can see; the report says how far that is."""
    return Case(name, scene, OK, says=UNTESTED, blind=True)


def seen(name: str, scene: Scene, says: str) -> Case:
    """A case where users cannot be looked up, and a stranger sees it."""
    return Case(name, scene, WARNING, (LOOKUP,), says=says)


ROWS = (
    Row(28, Mark.PARTLY, (LOOKUP,), (seen("port-closed", federation_port_closed, "connection refused"),)),
    Row(29, Mark.DETECTED, (LOOKUP,), (seen("listener-off", federating(openid=False), "HTTP 404 M_UNRECOGNIZED"),)),
    Row(30, Mark.DETECTED, (LOOKUP,), (seen("tunnel", userinfo_forbidden, "HTTP 403"),)),
    Row(
        31,
        Mark.DETECTED,
        (LOOKUP,),
        (
            seen("scheme", federating(m_server=f"{BASE_URL}:443"), "not host and port: https://"),
            seen("object", not_a_string, "not a string"),
        ),
    ),
    Row(33, Mark.NOT_DETECTABLE, (), (unseen("livekit-url-leads-nowhere", sfu_is_gone),)),
    Row(34, Mark.NOT_DETECTABLE, (), (unseen("livekit-url-is-internal", federating()),)),
    Row(
        35,
        Mark.NOT_DETECTABLE,
        (),
        (unseen("behind-nginx", no_upgrade), unseen("url-alone", no_upgrade_url_alone)),
    ),
    Row(36, Mark.NOT_DETECTABLE, (), (unseen("auto-create-off", federating()),)),
    Row(
        38,
        Mark.PARTLY,
        ("delayed-events-missing",),
        (
            Case("off", federating(delayed_events=False), WARNING, ("delayed-events-missing",), says=UNTESTED),
            unseen("announced-with-a-delay-of-zero", federating()),
        ),
    ),
    Row(
        39,
        Mark.NOT_DETECTABLE,
        (),
        (
            unseen("delayed-events-worker-gone", workers("org.matrix.msc4140")),
            unseen("transports-worker-gone", workers("rtc/transports")),
        ),
    ),
    Row(40, Mark.NOT_DETECTABLE, (), (unseen("media-ports-closed", federating()),)),
)
