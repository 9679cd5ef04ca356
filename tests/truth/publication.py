"""Rows 1 to 13 and 41 to 43: what a server publishes, and where."""

from __future__ import annotations

import json
from typing import Any

from lab.exchange import Answer, Request
from lab.fault import Fault
from lab.homeserver import Transports
from lab.wellknown import FOCI_KEY, WellKnown, document
from plugins.foci.model import Verdict
from tests.truth.row import ASKS_ENDPOINT, ELEMENT_X, READS_WELL_KNOWN, STANDALONE, Case, Mark, Row
from tests.truth.world import BARE, BASE_URL, DOCUMENT, ENTRY, NAME, RTC, Scene, World, behind_nginx, well_known_at

CRITICAL, UNKNOWN, WARNING, OK, _ = Verdict
MATRIX = "matrix.example.org"


def publishing(published: Any, **declared: Any) -> Scene:
    """This is published; the authorisation service is well."""

    async def set_up(world: World) -> None:
        await world.federation.focus(RTC)
        await world.federation.server(NAME, well_known=published, **declared)

    return set_up


def spoilt(fault: Fault) -> Scene:
    """A good document, published with a fault."""

    async def set_up(world: World) -> None:
        await world.federation.focus(RTC)
        await world.federation.server(NAME, foci=[RTC], fault=fault)

    return set_up


def nginx_serves(body: str, published: Any = DOCUMENT, directives: str = "") -> Scene:
    """nginx serves the server name: a document at the well-known's path, and ``body``."""

    async def set_up(world: World) -> None:
        await world.federation.focus(RTC)
        location = well_known_at(world.nginx, published, directives=directives)
        await behind_nginx(world, {NAME: f"{body}\n{location}"})

    return set_up


async def foci_on_matrix_host_only(world: World) -> None:
    """The site of the base domain serves an older copy; only the homeserver's vhost has the list."""
    await world.federation.focus(RTC)
    WellKnown(await world.federation.site(MATRIX), DOCUMENT)
    await behind_nginx(world, {NAME: f"root www;\n{well_known_at(world.nginx, BARE)}"}, document=None)


async def no_copy_on_base_domain(world: World) -> None:
    """The base domain is a plain web site without a copy."""
    await world.federation.focus(RTC)
    WellKnown(await world.federation.site(MATRIX), DOCUMENT)
    world.nginx.publish("index.html", "<html>welcome</html>")
    await behind_nginx(world, {NAME: "root www;"}, document=None)


async def redirected_without_cors(world: World) -> None:
    """The base domain redirects; only the target sends the header."""
    await world.federation.focus(RTC)
    WellKnown(await world.federation.site(MATRIX), DOCUMENT)
    to = f"return 301 {BASE_URL}/.well-known/matrix/client;"
    await behind_nginx(world, {NAME: f"location /.well-known/matrix/ {{ {to} }}"}, document=None)


async def synapse_alone(world: World) -> None:
    """Synapse serves its own well-known and knows its transports, but nobody added the foci."""
    await world.federation.focus(RTC)
    await world.synapse(msc4143=True, transports=[ENTRY])


async def synapse_without_transports(world: World) -> None:
    """The experimental flag is set, the transports are not; the well-known is right."""
    await world.federation.focus(RTC)
    await world.synapse(msc4143=True, well_known={FOCI_KEY: [ENTRY]})


async def synapse_without_transports_from_inside(world: World) -> None:
    """The same, on the homeserver that the bot has its account on."""
    await world.federation.focus(RTC)
    await world.log_in(await world.synapse(msc4143=True, well_known={FOCI_KEY: [ENTRY]}))


async def synapse_as_it_should_be(world: World) -> None:
    """Well-known and transports name the focus; Synapse serves the unstable path alone, and wants a token."""
    await world.federation.focus(RTC)
    await world.synapse(msc4143=True, transports=[ENTRY], well_known={FOCI_KEY: [ENTRY]})


async def only_under_the_port(world: World) -> None:
    """The server name has a port, and the well-known is served at that port alone."""
    await world.federation.focus(RTC)
    await world.federation.server(NAME, well_known=None)
    WellKnown(await world.federation.site(f"{NAME}:8448"), DOCUMENT)


async def stale_cache(world: World) -> None:
    """The list was mended an hour ago, but the proxy keeps the old answer for a week."""
    await world.federation.focus(RTC)
    server = await world.federation.server(NAME, well_known=document(BASE_URL, []))
    server.well_known.headers = (*server.well_known.headers, ("Cache-Control", "public, max-age=604800"))

    async def publish(_: Request) -> Answer:
        return server.well_known.published()

    origin = await world.upstream("origin.internal:8080", publish)
    prelude = "proxy_cache_path cache keys_zone=site:1m;"
    body = f"proxy_cache site; location / {{ proxy_pass http://{origin}; }}"
    await world.nginx.start({NAME: body}, prelude=prelude)
    await world.examination(NAME)
    server.publish([RTC])


SPA = "root www; location / { try_files $uri /index.html; }"
TRAILING_COMMA = json.dumps(DOCUMENT, indent=2).replace("\n  ]\n", "\n  ],\n")
WITHOUT_BRACE = json.dumps(DOCUMENT, indent=2)[:-2]


async def single_page_site(world: World) -> None:
    """A single-page application answers every path with its index."""
    await world.federation.focus(RTC)
    world.nginx.publish("index.html", "<!DOCTYPE html>\n<html><body><div id=app></div></body></html>")
    await behind_nginx(world, {NAME: SPA}, document=None)


def strict(published: Any) -> Scene:
    """Published where clients read it, as the homeserver has no endpoint."""
    return publishing(published, transports=Transports.ABSENT)


def _with(*entries: Any, **further: Any) -> dict[str, Any]:
    return {**BARE, FOCI_KEY: list(entries), **further}


ENDPOINT_MISSING = "transports-endpoint-missing"
ROWS = (
    Row(
        1,
        Mark.DETECTED,
        ("foci-only-on-base-url-host", "well-known-absent"),
        (
            Case("older-copy", foci_on_matrix_host_only, CRITICAL, ("foci-only-on-base-url-host",), READS_WELL_KNOWN),
            Case("no-copy", no_copy_on_base_domain, CRITICAL, ("well-known-absent",), READS_WELL_KNOWN),
        ),
    ),
    Row(
        2,
        Mark.DETECTED,
        ("cors-missing",),
        (
            Case(
                "header-never-set",
                nginx_serves("", directives="expires 1h;"),
                WARNING,
                ("cors-missing",),
                READS_WELL_KNOWN,
            ),
            Case(
                # A location with an add_header of its own inherits none.
                "header-not-inherited",
                nginx_serves(
                    "add_header Access-Control-Allow-Origin *;", directives="add_header X-Frame-Options DENY;"
                ),
                WARNING,
                ("cors-missing",),
                READS_WELL_KNOWN,
            ),
        ),
    ),
    Row(
        3,
        Mark.DETECTED,
        ("cors-missing-on-redirect",),
        (Case("redirect", redirected_without_cors, WARNING, ("cors-missing-on-redirect",), READS_WELL_KNOWN),),
    ),
    Row(
        4,
        Mark.DETECTED,
        ("foci-absent",),
        (
            Case(
                "synapse",
                synapse_alone,
                WARNING,
                ("foci-absent",),
                READS_WELL_KNOWN,
                "adds none by itself|Keep the list",
            ),
        ),
    ),
    Row(
        5,
        Mark.PARTLY,
        ("transports-empty",),
        (
            Case("synapse-from-outside", synapse_without_transports, OK, (), ASKS_ENDPOINT, blind=True),
            Case(
                "synapse-with-account",
                synapse_without_transports_from_inside,
                CRITICAL,
                ("transports-empty",),
                ASKS_ENDPOINT,
            ),
            Case(
                "open-without-key",
                publishing(DOCUMENT, transports=Transports.OPEN_WITHOUT_KEY),
                CRITICAL,
                ("transports-empty",),
                ASKS_ENDPOINT,
            ),
            Case(
                "open-and-empty",
                publishing(DOCUMENT, transports=Transports.OPEN, transports_list=[]),
                CRITICAL,
                ("transports-empty",),
                ASKS_ENDPOINT,
            ),
        ),
    ),
    Row(
        6,
        Mark.DETECTED,
        (ENDPOINT_MISSING,),
        (Case("flag-off", strict(DOCUMENT), OK, (ENDPOINT_MISSING,), (STANDALONE,)),),
    ),
    Row(
        7,
        Mark.DETECTED,
        ("foci-absent", "well-known-absent"),
        (
            Case("key-removed", publishing(BARE), WARNING, ("foci-absent",), READS_WELL_KNOWN),
            Case(
                "document-removed",
                publishing(None, base_url=f"https://{NAME}"),
                WARNING,
                ("well-known-absent",),
                READS_WELL_KNOWN,
            ),
        ),
    ),
    Row(8, Mark.DETECTED, (), (Case("stable-path-absent", synapse_as_it_should_be, OK),)),
    Row(9, Mark.DETECTED, (), (Case("token-wanted", synapse_as_it_should_be, OK),)),
    Row(
        10,
        Mark.DETECTED,
        ("well-known-not-json",),
        (
            Case(
                "trailing-comma",
                nginx_serves("", TRAILING_COMMA),
                CRITICAL,
                ("well-known-not-json",),
                READS_WELL_KNOWN,
                r"a trailing comma.* at line 11, column \d",
            ),
            Case(
                "brace-missing",
                nginx_serves("", WITHOUT_BRACE),
                CRITICAL,
                ("well-known-not-json",),
                READS_WELL_KNOWN,
                r"at line 10, column \d",
            ),
        ),
    ),
    Row(
        11,
        Mark.DETECTED,
        ("well-known-html",),
        (Case("single-page-site", single_page_site, CRITICAL, ("well-known-html",), READS_WELL_KNOWN),),
    ),
    Row(
        12,
        Mark.DETECTED,
        ("foci-not-a-list",),
        (
            Case(
                "object",
                publishing({**BARE, FOCI_KEY: ENTRY}),
                CRITICAL,
                ("foci-not-a-list",),
                READS_WELL_KNOWN,
                r'"org\.matrix',
            ),
            Case("string", publishing({**BARE, FOCI_KEY: RTC}), CRITICAL, ("foci-not-a-list",), READS_WELL_KNOWN),
        ),
    ),
    Row(
        13,
        Mark.DETECTED,
        ("type-missing", "livekit-url-missing", "base-url-missing"),
        (
            Case(
                "type-missing",
                strict(_with(ENTRY, {"livekit_service_url": RTC})),
                WARNING,
                ("type-missing", ENDPOINT_MISSING),
                (STANDALONE, ELEMENT_X),
            ),
            Case(
                "url-missing",
                strict(_with(ENTRY, {"type": "livekit"})),
                WARNING,
                ("livekit-url-missing", ENDPOINT_MISSING),
                (STANDALONE, ELEMENT_X),
            ),
            Case(
                "homeserver-missing",
                strict({FOCI_KEY: [ENTRY]}),
                WARNING,
                ("base-url-missing",),
                (ELEMENT_X,),
            ),
        ),
    ),
    Row(
        41,
        Mark.DETECTED,
        ("port-in-server-name", "well-known-absent"),
        (
            Case(
                "base-on-443-missing",
                only_under_the_port,
                CRITICAL,
                ("well-known-absent", "port-in-server-name"),
                READS_WELL_KNOWN,
                "The latter is ok",
                f"{NAME}:8448",
            ),
        ),
    ),
    Row(
        42,
        Mark.PARTLY,
        ("long-cache",),
        (
            Case("week", spoilt(Fault.LONG_CACHE), OK, ("long-cache",)),
            Case("cache-answers-for-the-origin", stale_cache, CRITICAL, ("foci-empty", "long-cache"), READS_WELL_KNOWN),
        ),
    ),
    Row(
        43,
        Mark.DETECTED,
        ("unknown-rtc-key", "foci-absent"),
        tuple(
            Case(
                name,
                publishing({**BARE, key: value}),
                WARNING,
                ("foci-absent", "unknown-rtc-key"),
                READS_WELL_KNOWN,
                key,
            )
            for name, key, value in (
                ("rtc", "rtc", {"livekit_url": RTC}),
                ("m.matrix.rtc", "m.matrix.rtc", [ENTRY]),
                ("rtc.focus", "rtc.focus", ENTRY),
            )
        ),
    ),
)
