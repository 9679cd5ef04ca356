"""Rows 14 to 19, 23 and 32: what stands in an entry of the list."""

from __future__ import annotations

from typing import Any

from dnslib import RCODE

from lab.wellknown import FOCI_KEY
from plugins.foci.model import Verdict
from tests.truth.row import ASKS_ENDPOINT, EVERYBODY, Case, Mark, Row
from tests.truth.world import BARE, NAME, RTC, RTC_HOST, Scene, World, behind_nginx

CRITICAL, UNKNOWN, WARNING, OK, _ = Verdict
MATRIX_ORG = "https://livekit-jwt.call.matrix.org"
STRANGER = "https://rtc.example.net/livekit/jwt"


def entry(url: Any, **further: Any) -> dict[str, Any]:
    """An entry of type livekit."""
    return {"type": "livekit", "livekit_service_url": url, **further}


def lists(*entries: Any) -> Scene:
    """The list holds these; nothing is set up where they lead to."""

    async def set_up(world: World) -> None:
        await world.federation.server(NAME, well_known={**BARE, FOCI_KEY: list(entries)})

    return set_up


def answers_at(url: str) -> Scene:
    """A service that is well stands at this URL, which is published."""

    async def set_up(world: World) -> None:
        await world.federation.focus(url)
        await world.federation.server(NAME, foci=[url])

    return set_up


def resolves(host: str, *addresses: str) -> Scene:
    """The host of the only entry stands for these addresses, or for none."""

    async def set_up(world: World) -> None:
        world.names.table[f"{host}.", "A"] = list(addresses) or RCODE.NXDOMAIN
        world.names.table[f"{host}.", "AAAA"] = [] if addresses else RCODE.NXDOMAIN
        await lists(entry(f"https://{host}/livekit/jwt"))(world)

    return set_up


async def endpoint_in_path(world: World) -> None:
    """The published URL is the whole endpoint; the proxy routes what is below the service's prefix."""
    location = f"location /livekit/jwt/ {{ proxy_pass http://{await world.service()}/; }}"
    published = {**BARE, FOCI_KEY: [entry(RTC + "/sfu/get")]}
    await behind_nginx(world, {RTC_HOST: location}, document=published)


async def sfu_in_place_of_service(world: World) -> None:
    """The SFU's URL stands where the service's belongs, and that one under a key that somebody made up."""
    await world.federation.sfu(f"https://{RTC_HOST}/livekit/sfu")
    invented = entry(f"https://{RTC_HOST}/livekit/sfu", livekit_jwt_service_url=RTC)
    await world.federation.server(NAME, well_known={**BARE, FOCI_KEY: [invented]})


async def old_service_and_port(world: World) -> None:
    """The server name has a port, and the service is so old that it compares names without it."""
    await world.federation.focus(RTC, version="0.1.2")
    await world.federation.server(NAME, foci=[RTC])


def case(name: str, url: str, code: str, says: str = "") -> Case:
    """A case whose only entry cannot be used as it is written."""
    return Case(name, lists(entry(url)), CRITICAL, (code,), EVERYBODY, says)


HERE = ("foreign-focus", "private-address")
NOWHERE = ("dns-failure", "foreign-focus")
ROWS = (
    Row(
        14,
        Mark.PARTLY,
        ("foreign-focus",),
        (
            Case("matrix.org", answers_at(MATRIX_ORG), WARNING, ("foreign-focus",), ASKS_ENDPOINT, "no rooms for"),
            Case("another-stranger", answers_at(STRANGER), OK, ("foreign-focus",), ASKS_ENDPOINT, "example.net"),
        ),
    ),
    Row(
        15,
        Mark.DETECTED,
        ("scheme-ws",),
        (
            case("wss", f"wss://{RTC_HOST}/livekit/sfu", "scheme-ws", "https URL of lk-jwt-service"),
            case("ws", f"ws://{RTC_HOST}:7880", "scheme-ws"),
        ),
    ),
    Row(
        16,
        Mark.DETECTED,
        ("scheme-http",),
        (
            case("tls-forgotten", f"http://{RTC_HOST}/livekit/jwt", "scheme-http"),
            case("internal", "http://lk-jwt-service:8080", "scheme-http"),
        ),
    ),
    Row(
        17,
        Mark.DETECTED,
        ("private-address", "dns-failure"),
        (
            Case(
                "literal",
                lists(entry("https://192.168.1.20:8080")),
                CRITICAL,
                ("foreign-focus", "private-address"),
                EVERYBODY,
            ),
            Case("loopback", lists(entry("https://127.0.0.1:8080")), CRITICAL, HERE, EVERYBODY),
            Case("localhost", resolves("localhost", "127.0.0.1"), CRITICAL, HERE, EVERYBODY),
            Case("container", resolves("rtc-auth"), CRITICAL, NOWHERE, EVERYBODY),
            Case(
                "cluster",
                resolves("jwt.matrix.svc.cluster.local"),
                CRITICAL,
                NOWHERE,
                EVERYBODY,
            ),
            Case("name-of-the-intranet", resolves(RTC_HOST, "10.0.0.7"), UNKNOWN, ("private-address",), EVERYBODY),
        ),
    ),
    Row(
        18,
        Mark.DETECTED,
        ("placeholder-host",),
        tuple(
            case(host, f"https://{host}/livekit/jwt", "placeholder-host", "placeholder")
            for host in (".domain.tld", "${RTC_DOMAIN}", "<domain>", "rtc.<server>", "%(domain)s")
        ),
    ),
    Row(
        19,
        Mark.DETECTED,
        ("path-includes-endpoint",),
        (Case("behind-nginx", endpoint_in_path, CRITICAL, ("path-includes-endpoint",), EVERYBODY),),
    ),
    Row(
        23,
        Mark.DETECTED,
        ("points-at-sfu", "unknown-entry-key"),
        (
            Case(
                "invented-key",
                sfu_in_place_of_service,
                CRITICAL,
                ("points-at-sfu", "unknown-entry-key"),
                EVERYBODY,
                "livekit_jwt_service_url",
            ),
        ),
    ),
    Row(
        32,
        Mark.PARTLY,
        ("port-in-server-name", "matrix2-endpoint-missing"),
        (
            Case(
                "old-service",
                old_service_and_port,
                WARNING,
                ("matrix2-endpoint-missing", "port-in-server-name"),
                ASKS_ENDPOINT,
                target=f"{NAME}:8448",
            ),
        ),
    ),
)
