"""Rows 20 to 22, 24 to 27, 37 and 44: from the published URL to the service, mostly through a real nginx."""

from __future__ import annotations

import asyncio

from lab.authority import Flaw
from lab.exchange import Answer, Request
from lab.fault import Fault
from lab.focus import Slashes
from lab.homeserver import Transports
from lab.loopback import BLOCK, reserved_port
from lab.sfu import Sfu
from plugins.foci.model import Verdict
from tests.truth.row import EVERYBODY, Case, Mark, Row
from tests.truth.world import DOCUMENT, NAME, RTC, RTC_HOST, Scene, World, behind_nginx, well_known_at

CRITICAL, UNKNOWN, WARNING, OK, _ = Verdict
SLASHED = {**DOCUMENT, "org.matrix.msc4143.rtc_foci": [{"type": "livekit", "livekit_service_url": RTC + "/"}]}
SERVER_NAME_MISSING = "unrelated.example.org"


def routed(inside: str, *, location: str = "/livekit/jwt/", server: str = "", slashed: bool = False) -> Scene:
    """nginx stands before the service; ``%s`` in a location's inside is where the service listens."""

    async def set_up(world: World) -> None:
        service = await world.service()
        body = f"{server}\nlocation {location} {{ {inside.replace('%s', service)} }}"
        await behind_nginx(world, {RTC_HOST: body}, document=SLASHED if slashed else DOCUMENT)

    return set_up


def published_by(fault: Fault) -> Scene:
    """A fault at the focus, as Caddy or Traefik bring it about."""

    async def set_up(world: World) -> None:
        await world.federation.focus(RTC, fault=fault)
        await world.federation.server(NAME, foci=[RTC])

    return set_up


def well_known_host(fault: Fault) -> Scene:
    """A fault of the server name's own host; the focus is well."""

    async def set_up(world: World) -> None:
        await world.federation.focus(RTC)
        await world.federation.server(NAME, foci=[RTC], fault=fault)

    return set_up


async def caddy_answers_nothing_for_slashes(world: World) -> None:
    """The published URL ends in a slash; the proxy finds no route for ``//``."""
    await world.federation.focus(RTC, slashes=Slashes.NOT_FOUND)
    await world.federation.server(NAME, foci=[RTC + "/"])


async def on_another_vhost(world: World) -> None:
    """The proxy block stands in the block of the homeserver; the published host is a plain web site."""
    service = await world.service()
    there = f"location /livekit/jwt/ {{ proxy_pass http://{service}/; }}"
    await behind_nginx(world, {RTC_HOST: "root www;", "chat.example.org": there})


async def as_ess_routes(world: World) -> None:
    """Only the three POST paths lead to the service, all else to the SFU, ``/healthz`` included."""
    service, sfu = await world.service(), await world.upstream("sfu.internal:7880", Sfu().answer)
    paths = "~ ^/livekit/jwt(/sfu/get|/get_token|/delegate_delayed_leave)$"
    body = f"location {paths} {{ proxy_pass http://{service}$1; }} location / {{ proxy_pass http://{sfu}; }}"
    await behind_nginx(world, {RTC_HOST: body})


async def healthz_to_nowhere(world: World) -> None:
    """The health path leads to a container that was removed."""
    dead = f"{BLOCK}.251:{reserved_port(f'{BLOCK}.251')}"
    await routed("proxy_pass http://%s/;", server=f"location = /livekit/jwt/healthz {{ proxy_pass http://{dead}; }}")(
        world
    )


async def container_down(world: World) -> None:
    """The proxy is up, and nothing listens where the service should."""
    dead = f"{BLOCK}.251:{reserved_port(f'{BLOCK}.251')}"
    await behind_nginx(world, {RTC_HOST: f"location /livekit/jwt/ {{ proxy_pass http://{dead}/; }}"})


async def container_silent(world: World) -> None:
    """The service takes connections and never answers; the proxy gives up."""

    async def silence(_: Request) -> Answer:
        await asyncio.sleep(5)
        return Answer(500)

    where = await world.upstream("service.internal:8080", silence)
    body = f"proxy_read_timeout 1s; location /livekit/jwt/ {{ proxy_pass http://{where}/; }}"
    await behind_nginx(world, {RTC_HOST: body})


async def wrong_certificate(world: World) -> None:
    """No block has the published name, so the first one answers, with its own certificate."""
    service = await world.service()
    body = f"location /livekit/jwt/ {{ proxy_pass http://{service}/; }}"
    leaf = world.federation.authority.issue(SERVER_NAME_MISSING)
    await behind_nginx(world, {RTC_HOST: body}, leaves={RTC_HOST: leaf})


def certificate(flaw: Flaw) -> Scene:
    """nginx presents a certificate that is wrong in one way."""

    async def set_up(world: World) -> None:
        body = f"location /livekit/jwt/ {{ proxy_pass http://{await world.service()}/; }}"
        leaf = world.federation.authority.issue(RTC_HOST, flaw=flaw)
        await behind_nginx(world, {RTC_HOST: body}, leaves={RTC_HOST: leaf})

    return set_up


def old_image(version: str, transports: Transports) -> Scene:
    """A service from before the newer endpoint."""

    async def set_up(world: World) -> None:
        await world.federation.focus(RTC, version=version)
        await world.federation.server(NAME, foci=[RTC], transports=transports)

    return set_up


async def only_the_old_path_routed(world: World) -> None:
    """The service is new, the proxy's rules are from before."""
    await routed("proxy_pass http://%s/sfu/get;", location="= /livekit/jwt/sfu/get")(world)


async def site_at_service_url(world: World) -> None:
    """A single-page site answers on the service's host."""
    world.nginx.publish("index.html", "<!DOCTYPE html><html></html>")
    await behind_nginx(world, {RTC_HOST: "root www; location / { try_files $uri /index.html; }"})


async def cors_on_wrong_path(world: World) -> None:
    """One host for everything: the CORS header is set for the well-known alone, and taken from the service."""
    hidden = "proxy_hide_header Access-Control-Allow-Origin;"
    service = await world.service()
    body = f"location /livekit/jwt/ {{ {hidden} proxy_pass http://{service}/; }}"
    location = well_known_at(world.nginx, DOCUMENT)
    await behind_nginx(world, {NAME: location, RTC_HOST: body}, document=None)


STRIPPED = "proxy_pass http://%s/;"
ADDED = "add_header Access-Control-Allow-Origin * always; proxy_pass http://%s/;"
OWN_PREFLIGHT = "if ($request_method = OPTIONS) { return 204; } proxy_pass http://%s/;"
ROWS = (
    Row(
        20,
        Mark.DETECTED,
        ("trailing-slash",),
        (
            Case(
                "forgiven",
                routed(STRIPPED, slashed=True),
                WARNING,
                ("trailing-slash",),
                says="accepts that nevertheless",
            ),
            Case(
                "redirected-by-go",
                routed(STRIPPED, server="merge_slashes off;", slashed=True),
                CRITICAL,
                ("trailing-slash",),
                EVERYBODY,
                "and that fails",
            ),
            Case("not-routed", caddy_answers_nothing_for_slashes, CRITICAL, ("trailing-slash",), EVERYBODY),
        ),
    ),
    Row(
        21,
        Mark.DETECTED,
        ("service-not-routed",),
        (
            Case(
                "nginx-without-slash",
                routed("proxy_pass http://%s;"),
                CRITICAL,
                ("service-not-routed",),
                EVERYBODY,
                "prefix not stripped",
            ),
            Case("caddy-handle", published_by(Fault.PREFIX_NOT_STRIPPED), CRITICAL, ("service-not-routed",), EVERYBODY),
        ),
    ),
    Row(
        22,
        Mark.DETECTED,
        ("service-not-routed", "not-an-authorisation-service"),
        (
            Case(
                "another-vhost",
                on_another_vhost,
                CRITICAL,
                ("service-not-routed",),
                EVERYBODY,
                r"from the web server \(nginx\)",
            ),
            Case("single-page-site", site_at_service_url, CRITICAL, ("not-an-authorisation-service",), EVERYBODY),
        ),
    ),
    Row(
        24,
        Mark.DETECTED,
        (),
        (Case("goes-to-the-sfu", as_ess_routes, OK), Case("goes-nowhere", healthz_to_nowhere, OK)),
    ),
    Row(
        25,
        Mark.DETECTED,
        ("http-5xx",),
        (
            Case("502-container-down", container_down, CRITICAL, ("http-5xx",), EVERYBODY, "HTTP 502"),
            Case("503-maintenance", routed("return 503;"), CRITICAL, ("http-5xx",), EVERYBODY, "HTTP 503"),
            Case("504-container-silent", container_silent, CRITICAL, ("http-5xx",), EVERYBODY, "HTTP 504"),
        ),
    ),
    Row(
        26,
        Mark.PARTLY,
        ("waf-challenge", "refused-here"),
        (
            Case("at-the-service", published_by(Fault.WAF_CHALLENGE), UNKNOWN, ("waf-challenge",), EVERYBODY),
            Case("at-the-well-known", well_known_host(Fault.WAF_CHALLENGE), UNKNOWN, ("waf-challenge",), EVERYBODY),
            Case(
                # A page that does not mark itself as a challenge.
                "unmarked",
                routed("return 403;"),
                UNKNOWN,
                ("refused-here",),
                EVERYBODY,
                "HTTP 403: turned away",
                blind=True,
            ),
        ),
    ),
    Row(
        27,
        Mark.DETECTED,
        ("tls-expired", "tls-self-signed", "tls-hostname", "tls-untrusted", "well-known-unreachable"),
        (
            Case("expired", certificate(Flaw.EXPIRED), CRITICAL, ("tls-expired",), EVERYBODY, RTC_HOST),
            Case("default-of-traefik", published_by(Fault.TLS_SELF_SIGNED), CRITICAL, ("tls-self-signed",), EVERYBODY),
            Case("wrong-vhost", wrong_certificate, CRITICAL, ("tls-hostname",), EVERYBODY),
            Case("private-authority", certificate(Flaw.UNTRUSTED), CRITICAL, ("tls-untrusted",), EVERYBODY),
            Case(
                "of-the-well-known",
                well_known_host(Fault.TLS_EXPIRED),
                CRITICAL,
                ("well-known-unreachable",),
                EVERYBODY,
                f"well-known of {NAME} cannot be fetched: .*expired",
            ),
        ),
    ),
    Row(
        37,
        Mark.DETECTED,
        ("matrix2-endpoint-missing",),
        (
            Case("old-image", old_image("0.3.0", Transports.PRESENT), WARNING, ("matrix2-endpoint-missing",)),
            Case("old-routes", only_the_old_path_routed, WARNING, ("matrix2-endpoint-missing",)),
        ),
    ),
    Row(
        44,
        Mark.DETECTED,
        ("cors-missing-on-service", "cors-doubled"),
        (
            Case("doubled", routed(ADDED), WARNING, ("cors-doubled",), EVERYBODY),
            Case("header-taken", cors_on_wrong_path, WARNING, ("cors-missing-on-service",), EVERYBODY),
            Case(
                "own-preflight",
                routed(OWN_PREFLIGHT),
                WARNING,
                ("cors-missing-on-service",),
                EVERYBODY,
            ),
        ),
    ),
)
