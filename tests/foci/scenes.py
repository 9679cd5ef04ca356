"""Scenes for checks: what a server, its focus and the names around them look like."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from lab import wellknown
from lab.authorisation import AuthorisationService
from lab.exchange import Answer, Handler, Request, html_answer, json_answer, nginx_page
from lab.fault import Fault
from lab.federation import Federation
from lab.focus import Slashes
from lab.front import Mount
from lab.homeserver import UNSTABLE_TRANSPORTS, USERINFO, Transports, userinfo
from lab.wellknown import FOCI_KEY, Hop, WellKnown
from tests.outbound.standins import NameTable

NAME = "example.org"
BASE_URL = "https://matrix.example.org"
RTC = "https://rtc.example.org/livekit/jwt"
ENTRY = {"type": "livekit", "livekit_service_url": RTC}
OTHER = "https://rtc-2.example.org/livekit/jwt"
OTHER_ENTRY = {"type": "livekit", "livekit_service_url": OTHER}

Scene = Callable[[Federation, NameTable], Awaitable[None]]


def entries(*values: Any, **declared: Any) -> Scene:
    """The list holds these; the authorisation services at RTC and OTHER answer."""
    return document({"m.homeserver": {"base_url": BASE_URL}, FOCI_KEY: list(values)}, **declared)


def document(published: Any, **declared: Any) -> Scene:
    """This is published; the authorisation services at RTC and OTHER answer."""

    async def set_up(federation: Federation, _: NameTable) -> None:
        await federation.focus(RTC)
        await federation.focus(OTHER)
        await federation.server(NAME, well_known=published, **declared)

    return set_up


def lone_entry(value: Any) -> Scene:
    """The list holds one entry, and nothing answers where it may point."""

    async def set_up(federation: Federation, _: NameTable) -> None:
        published = {"m.homeserver": {"base_url": BASE_URL}, FOCI_KEY: [value]}
        await federation.server(NAME, well_known=published)

    return set_up


def broken_focus(fault: Fault, **declared: Any) -> Scene:
    """The only focus has a fault; all else is well."""

    async def set_up(federation: Federation, _: NameTable) -> None:
        await federation.focus(RTC, fault=fault, **declared)
        await federation.server(NAME, foci=[RTC])

    return set_up


def broken_well_known(fault: Fault, **declared: Any) -> Scene:
    """The well-known, or its host, has a fault; the focus is well."""

    async def set_up(federation: Federation, _: NameTable) -> None:
        await federation.focus(RTC)
        await federation.server(NAME, foci=[RTC], fault=fault, **declared)

    return set_up


def focus(url: str = RTC, **declared: Any) -> Scene:
    """The only focus is at a URL, and well."""

    async def set_up(federation: Federation, _: NameTable) -> None:
        await federation.focus(url, **declared)
        await federation.server(NAME, foci=[url])

    return set_up


def slash(slashes: Slashes) -> Scene:
    """The published URL of the focus ends in a slash."""
    return focus(RTC + "/", slashes=slashes)


def answering(handler: Handler) -> Scene:
    """Something of the test's own stands where the focus should."""

    async def set_up(federation: Federation, _: NameTable) -> None:
        site = await federation.site("rtc.example.org")
        site.mount(Mount("/livekit/jwt", handler))
        await federation.server(NAME, foci=[RTC])

    return set_up


def named(answer: list[str] | int) -> Scene:
    """DNS answers so for the host of the focus, which is nowhere to be found."""

    async def set_up(federation: Federation, names: NameTable) -> None:
        names.table["rtc.example.org.", "A"] = answer
        names.table["rtc.example.org.", "AAAA"] = [] if isinstance(answer, list) else answer
        await federation.server(NAME, foci=[RTC])

    return set_up


def well_known_named(answer: list[str] | int) -> Scene:
    """DNS answers so for the server name itself."""

    async def set_up(federation: Federation, names: NameTable) -> None:
        names.table[f"{NAME}.", "A"] = answer
        names.table[f"{NAME}.", "AAAA"] = [] if isinstance(answer, list) else answer

    return set_up


def sfu(url: str, **declared: Any) -> Scene:
    """The only entry names an SFU alone."""

    async def set_up(federation: Federation, _: NameTable) -> None:
        await federation.sfu(url, **declared)
        await federation.server(NAME, foci=[{"type": "m.livekit", "url": url}])

    return set_up


async def named_with_port(federation: Federation, _: NameTable) -> None:
    """A server name with a port, at which its federation API answers."""
    await entries(ENTRY)(federation, _)
    (await federation.site(f"{NAME}:8448")).mount(Mount(USERINFO, userinfo, exact=True))


async def users_unknown(federation: Federation, _: NameTable) -> None:
    """All is well but that nobody can look up users."""
    await entries(ENTRY, openid=False)(federation, _)


async def only_on_base_url_host(federation: Federation, _: NameTable) -> None:
    """The host of the base URL publishes the list, the server name a document without one."""
    await federation.focus(RTC)
    server = await federation.server(NAME, foci=None)
    WellKnown(await federation.site("matrix.example.org"), wellknown.document(server.base_url, [ENTRY]))


async def not_an_sfu(federation: Federation, _: NameTable) -> None:
    """The only entry names an SFU, where a web server answers that knows nothing of it."""
    await federation.site("sfu.example.org")
    await federation.server(NAME, foci=[{"type": "m.livekit", "url": "wss://sfu.example.org"}])


async def guarded_sfu(federation: Federation, _: NameTable) -> None:
    """Something that wants a password answers where the SFU should."""
    site = await federation.site("sfu.example.org")
    site.mount(Mount("", unauthorised))
    await federation.server(NAME, foci=[{"type": "m.livekit", "url": "wss://sfu.example.org"}])


async def many(federation: Federation, _: NameTable) -> None:
    """Twenty-one distinct services, all well."""
    urls = [f"https://rtc{number}.example.org/jwt" for number in range(1, 22)]
    for url in urls:
        await federation.focus(url, crowd="many")
    await federation.server(NAME, foci=urls, crowd="many")


async def dead_family(federation: Federation, _: NameTable) -> None:
    """The focus has an IPv4 address where nothing listens; over IPv6 it is well."""
    await federation.focus(RTC, fault=Fault.DEAD_IPV4)
    await federation.server(NAME, foci=[RTC])


async def old_machine(federation: Federation, _: NameTable) -> None:
    """The name of the focus has a second address, at which a web server knows nothing of it."""
    await focus()(federation, _)
    await federation.second_address("rtc.example.org")


async def migrated(federation: Federation, _: NameTable) -> None:
    """No well-known; the homeserver under the server name lists its focus openly."""
    await federation.focus(RTC)
    await federation.server(
        NAME, well_known=None, base_url=f"https://{NAME}", transports=Transports.OPEN, transports_list=[ENTRY]
    )


def at_transports(handler: Handler, published: Any = None) -> Scene:
    """Something of the test's own stands where the transports endpoint should; the focus is well."""

    async def set_up(federation: Federation, names: NameTable) -> None:
        await document(published or {"m.homeserver": {"base_url": BASE_URL}, FOCI_KEY: [ENTRY]})(federation, names)
        (await federation.site("matrix.example.org")).mount(Mount(UNSTABLE_TRANSPORTS, handler))

    return set_up


async def page_404(_: Request) -> Answer:
    """A web server's own page."""
    return nginx_page(404)


async def without_preflight(_: Request) -> Answer:
    """A list that a proxy serves itself, with the one CORS header that people know of."""
    return json_answer(200, {"rtc_transports": [ENTRY]}, ("Access-Control-Allow-Origin", "*"))


async def login_page(_: Request) -> Answer:
    """What a single sign-on shows."""
    return html_answer(200, '<!doctype html><html><head><title>Login - Authelia</title></head><div id="root"></div>')


async def well_known_behind_login(federation: Federation, _: NameTable) -> None:
    """A single sign-on sends whoever comes without a cookie to its own host, and shows its page there."""
    site = await federation.site(NAME)
    Hop(site, wellknown.PATH, f"https://auth.example.org/?rd=https%3A%2F%2F{NAME}{wellknown.PATH}")
    (await federation.site("auth.example.org")).mount(Mount("", login_page))


async def slow(request: Request) -> Answer:
    """An authorisation service that takes its time."""
    await asyncio.sleep(0.3)
    return await AuthorisationService().answer(request)


async def busy(_: Request) -> Answer:
    """A rate limit."""
    return Answer(429, b'{"errcode": "M_LIMIT_EXCEEDED"}', (("Access-Control-Allow-Origin", "*"),))


async def login(_: Request) -> Answer:
    """Single sign-on stands before the service."""
    return Answer(302, b"", (("Location", f"https://auth.{NAME}/?rd=https%3A%2F%2Frtc.{NAME}%2F"),))


async def other_api(_: Request) -> Answer:
    """Some program that refuses what it is sent, in words that tell nothing, and knows no OPTIONS."""
    return json_answer(400, {"error": "bad request"})


async def unauthorised(_: Request) -> Answer:
    """A web server that wants a password."""
    return Answer(401, b"<html>password, please</html>", (("WWW-Authenticate", 'Basic realm="x"'),))
