"""Faults of real proxies before the service: each is named, and the line that the advice gives mends it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.caddy import Caddy
from lab.exchange import Answer, Request
from lab.federation import Federation
from lab.haproxy import HAProxy
from lab.nginx import Nginx
from lab.sfu import Sfu
from lab.wellknown import FOCI_KEY
from plugins.foci.model import Finding, Report, Verdict
from tests.outbound.standins import NameTable
from tests.truth.world import DOCUMENT, NAME, RTC, RTC_HOST, World, well_known_at

AT_ROOT = {**DOCUMENT, FOCI_KEY: [{"type": "livekit", "livekit_service_url": f"https://{RTC_HOST}"}]}
SIGN_IN = "return 302 /oauth2/sign_in?rd=$scheme://$host$request_uri;"
UPSTREAM = "127.0.0.1:8080"
"""Where advice supposes the service."""


@pytest.fixture
async def world(tmp_path: Path, federation: Federation, names: NameTable) -> AsyncIterator[World]:
    """A server that publishes RTC; what stands there is the test's business."""
    await federation.server(NAME, well_known=DOCUMENT)
    world = World(tmp_path, federation, names)
    yield world
    await world.close()


async def checked(world: World) -> Report:
    return await world.examination(NAME)


async def told(world: World, verdict: Verdict = Verdict.CRITICAL) -> Finding:
    """The only finding of a check with this verdict."""
    report = await checked(world)
    (found,) = report.findings
    assert report.verdict is verdict
    return found


async def is_mended(world: World) -> bool:
    report = await checked(world)
    return report.verdict is Verdict.OK and not report.findings


def line(advice: str, begin: str, service: str) -> str:
    """A line of configuration from advice, with the address of the service at hand."""
    found = re.search(rf"`({re.escape(begin)}[^`]*)`", advice)
    assert found is not None, advice
    return found[1].replace(UPSTREAM, service)


@pytest.mark.parametrize("version", ["0.4.4", "0.6.0"])
@pytest.mark.parametrize(
    ("directive", "code", "said"),
    [
        ("location /livekit/jwt { proxy_pass http://%s/; }", "not-an-authorisation-service", "as `//sfu/get`"),
        ("location /livekit/jwt/ { proxy_pass http://%s//; }", "not-an-authorisation-service", "as `//sfu/get`"),
        ("location /livekit/jwt/ { proxy_pass http://%s; }", "service-not-routed", "prefix not stripped?"),
        ("location /livekit/jwt { proxy_pass http://%s; }", "service-not-routed", "prefix not stripped?"),
        ("location /jwt/ { proxy_pass http://%s/; }", "service-not-routed", "from the web server (`nginx`)"),
    ],
)
async def test_nginx_passes_on_the_wrong_path(
    world: World, nginx_proxy: Nginx, version: str, directive: str, code: str, said: str
) -> None:
    """A slash too many or too few: what the service answers tells which, and the whole line is in the advice."""
    service = await world.service(version)
    await nginx_proxy.start({RTC_HOST: directive.replace("%s", service)})
    found = await told(world)
    assert (found.code, said in found.message) == (code, True), found.message
    await nginx_proxy.start({RTC_HOST: line(found.advice, "location /livekit/jwt/ {", service)})
    assert await is_mended(world)


@pytest.mark.parametrize(
    ("login", "said", "mend"),
    [
        (
            "auth_request /oauth2/auth; error_page 401 =302 https://auth.example.org/?rd=https://$host$request_uri;",
            "redirected to `https://auth.example.org/?…`, a login page",
            "auth_request off;",
        ),
        (
            f"auth_request /oauth2/auth; error_page 401 = @login; location @login {{ auth_request off; {SIGN_IN} }}",
            "/oauth2/sign_in?…`, a login page",
            "auth_request off;",
        ),
        ("auth_request /oauth2/auth;", "HTTP 401: a login stands before the service", "auth_request off;"),
        ("auth_basic closed; auth_basic_user_file /dev/null;", "HTTP 401: a login (`Basic`)", "auth_basic off;"),
    ],
)
async def test_nginx_asks_for_a_login(world: World, nginx_proxy: Nginx, login: str, said: str, mend: str) -> None:
    """Single sign-on for a whole host, or a password: the service's paths are led past it."""

    async def oauth2_proxy(_: Request) -> Answer:
        return Answer(401)

    route, gate = f"proxy_pass http://{await world.service()}/;", await world.upstream("gate.internal:80", oauth2_proxy)
    asking = 'proxy_pass_request_body off; proxy_set_header Content-Length "";'
    server = f"{login} location = /oauth2/auth {{ internal; {asking} proxy_pass http://{gate}; }}"
    await nginx_proxy.start({RTC_HOST: f"{server} location /livekit/jwt/ {{ {route} }}"})
    found = await told(world)
    assert (found.code, said in found.message) == ("login-page", True), found.message
    assert f"`{mend}`" in found.advice
    await nginx_proxy.start({RTC_HOST: f"{server} location /livekit/jwt/ {{ {mend} {route} }}"})
    assert await is_mended(world)


@pytest.mark.parametrize(
    "rest",
    [
        "location / { proxy_pass http://%s; }",
        "absolute_redirect off; location /lk/ { proxy_pass http://%s/; } location / { return 302 /lk/; }",
    ],
)
async def test_a_host_shared_with_the_sfu(world: World, nginx_proxy: Nginx, rest: str) -> None:
    """The SFU takes what is not routed, or is where a catch-all redirects to; the missing route is the first advice."""
    await world.federation.server(NAME, well_known=AT_ROOT)
    service, sfu = await world.service(), await world.upstream("sfu.internal:7880", Sfu().answer)
    await nginx_proxy.start({RTC_HOST: rest.replace("%s", sfu)})
    found = await told(world)
    assert found.code == "points-at-sfu"
    mended = line(found.advice, "location ~ ^/(", service)
    await nginx_proxy.start({RTC_HOST: f"{mended} {rest.replace('%s', sfu)}"})
    assert await is_mended(world)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("if ($request_method = OPTIONS) { return 204; }", "without a header that allows any origin"),
        (
            "if ($request_method = OPTIONS) { add_header Access-Control-Allow-Origin *; return 204; }",
            "without `Content-Type` among the headers",
        ),
        ("limit_except GET POST { deny all; }", "HTTP 403"),
        ("proxy_hide_header Access-Control-Allow-Origin;", "The answer to a POST has no CORS header"),
        (
            "proxy_hide_header Access-Control-Allow-Origin; add_header Access-Control-Allow-Origin *;",
            "The answer to a POST has no CORS header",
        ),
    ],
)
async def test_nginx_keeps_browsers_out(world: World, nginx_proxy: Nginx, inside: str, said: str) -> None:
    """Judged by what browsers send; taking the proxy's own lines away, as advised, mends it."""
    service = await world.service()
    await nginx_proxy.start({RTC_HOST: f"location /livekit/jwt/ {{ {inside} proxy_pass http://{service}/; }}"})
    found = await told(world, Verdict.WARNING)
    assert (found.code, said in found.message) == ("cors-missing-on-service", True), found.message
    assert "unchanged" in found.advice
    await nginx_proxy.start({RTC_HOST: f"location /livekit/jwt/ {{ proxy_pass http://{service}/; }}"})
    assert await is_mended(world)


@pytest.mark.parametrize("block", ["handle /livekit/jwt*", "handle /livekit/jwt/*", "route /livekit/jwt/*"])
async def test_caddy_keeps_the_prefix(world: World, caddy_proxy: Caddy, block: str) -> None:
    """As in lk-jwt-service's own example; ``handle_path`` strips it."""
    service = await world.service()
    await caddy_proxy.start({RTC_HOST: f"{block} {{\n reverse_proxy {service}\n}}"})
    found = await told(world)
    assert (found.code, "prefix not stripped?" in found.message) == ("service-not-routed", True)
    mended = line(found.advice, "handle_path ", service)
    await caddy_proxy.start({RTC_HOST: f"{mended} {{\n reverse_proxy {service}\n}}"})
    assert await is_mended(world)


async def test_caddy_has_no_route(world: World, caddy_proxy: Caddy) -> None:
    """Caddy answers 200 with nothing in it, which looks like success and is none."""
    service = await world.service()
    await caddy_proxy.start({RTC_HOST: f"handle_path /jwt/* {{\n reverse_proxy {service}\n}}"})
    found = await told(world)
    assert found.code == "not-an-authorisation-service"
    assert "what Caddy answers where it has no route" in found.message


async def test_caddy_routes_the_older_endpoint_alone(world: World, caddy_proxy: Caddy) -> None:
    """As in the guide of Element Call: `/get_token` is answered by nobody."""
    service = await world.service()
    inside = f"uri strip_prefix /livekit/jwt\n reverse_proxy {service}"
    await caddy_proxy.start({RTC_HOST: f"handle /livekit/jwt/sfu/get* {{\n {inside}\n}}"})
    found = await told(world, Verdict.WARNING)
    assert found.code == "matrix2-endpoint-missing"
    assert "so probably a route is missing" in found.advice
    await caddy_proxy.start({RTC_HOST: f"handle /livekit/jwt/* {{\n {inside}\n}}"})
    assert await is_mended(world)


async def test_caddy_asks_for_a_login(world: World, caddy_proxy: Caddy) -> None:
    """``forward_auth`` to Authelia and its like; a ``handle`` of its own leads the service past it."""

    async def authelia(_: Request) -> Answer:
        return Answer(302, b"", (("Location", f"https://auth.example.org/?rd=https%3A%2F%2F{RTC_HOST}%2F"),))

    service, gate = await world.service(), await world.upstream("authelia.internal:9091", authelia)
    login = f"forward_auth {gate} {{\n uri /api/authz/forward-auth\n}}"
    route = f"uri strip_prefix /livekit/jwt\n reverse_proxy {service}"
    await caddy_proxy.start({RTC_HOST: f"handle {{\n {login}\n {route}\n}}"})
    found = await told(world)
    assert (found.code, "to `https://auth.example.org/?…`" in found.message) == ("login-page", True)
    mended = line(found.advice, "handle /livekit/jwt/*", service)
    await caddy_proxy.start({RTC_HOST: f"{mended} {{\n {route}\n}}\nhandle {{\n {login}\n {route}\n}}"})
    assert await is_mended(world)


async def test_caddy_answers_preflights_itself(world: World, caddy_proxy: Caddy) -> None:
    """It says 204 and none of the headers."""
    service = await world.service()
    route = f"handle_path /livekit/jwt/* {{\n reverse_proxy {service}\n}}"
    await caddy_proxy.start({RTC_HOST: f"@options method OPTIONS\nroute {{\n respond @options 204\n {route}\n}}"})
    found = await told(world, Verdict.WARNING)
    assert found.code == "cors-missing-on-service"
    await caddy_proxy.start({RTC_HOST: route})
    assert await is_mended(world)


STRIPPED = r"http-request replace-path /livekit/jwt(/.*) \1"


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        (r"http-request replace-path /livekit/jwt(.*) /\1", "not-an-authorisation-service", "as `//sfu/get`"),
        ("http-request set-header X-Real-IP %[src]", "service-not-routed", "prefix not stripped?"),
    ],
)
async def test_haproxy_passes_on_the_wrong_path(
    world: World, haproxy_proxy: HAProxy, rule: str, code: str, said: str
) -> None:
    """The advice names the rule that takes the prefix away and leaves one slash."""
    service = await world.service()
    frontend, backend = "use_backend jwt if { path_beg /livekit/jwt/ }", f"server one {service}"
    await haproxy_proxy.start(RTC_HOST, frontend, f"backend jwt\n {rule}\n {backend}")
    found = await told(world)
    assert (found.code, said in found.message) == (code, True), found.message
    mended = line(found.advice, "http-request replace-path", service)
    assert mended == STRIPPED
    await haproxy_proxy.start(RTC_HOST, frontend, f"backend jwt\n {mended}\n {backend}")
    assert await is_mended(world)


async def test_haproxy_routes_the_older_endpoint_alone(world: World, haproxy_proxy: HAProxy) -> None:
    """As in the guide of Element Call: without a backend for it, `/get_token` is 503, although nothing is down."""
    service = await world.service()
    backend = f"backend jwt\n {STRIPPED}\n server one {service}"
    paths = "/livekit/jwt/sfu/get /livekit/jwt/healthz"
    await haproxy_proxy.start(RTC_HOST, f"use_backend jwt if {{ path {paths} }}", backend)
    found = await told(world, Verdict.WARNING)
    assert (found.code, "HTTP 503" in found.message) == ("matrix2-endpoint-missing", True)
    assert (
        "HEAD `/healthz` is 200, as of lk-jwt-service 0.4.2 and later, so probably a route is missing" in found.advice
    )
    await haproxy_proxy.start(RTC_HOST, f"use_backend jwt if {{ path {paths} /livekit/jwt/get_token }}", backend)
    assert await is_mended(world)


@pytest.mark.parametrize("path", ["/jwt/", "/livekit/jwt/"])
async def test_haproxy_has_no_server(world: World, haproxy_proxy: HAProxy, path: str) -> None:
    """It answers 503 where nothing is routed as where the service is down; the message names both."""
    backend = f"backend jwt\n {STRIPPED}"
    await haproxy_proxy.start(RTC_HOST, f"use_backend jwt if {{ path_beg {path} }}", backend)
    found = await told(world)
    assert (found.code, "HTTP 503: HAProxy has no server that is up" in found.message) == ("http-5xx", True)


async def test_haproxy_asks_for_a_password(world: World, haproxy_proxy: HAProxy) -> None:
    """HTTP's own login, of which no Matrix client knows."""
    service = await world.service()
    users = "userlist staff\n user anne insecure-password secret"
    backends = f"{users}\nbackend jwt\n {STRIPPED}\n server one {service}"
    login, route = "http-request auth unless { http_auth(staff) }", "use_backend jwt if { path_beg /livekit/jwt/ }"
    await haproxy_proxy.start(RTC_HOST, f"{login}\n {route}", backends)
    found = await told(world)
    assert (found.code, "HTTP 401: a login (`Basic`)" in found.message) == ("login-page", True), found.message
    mended = f"{login} {line(found.advice, '|| {', service)}"
    await haproxy_proxy.start(RTC_HOST, f"{mended}\n {route}", backends)
    assert await is_mended(world)


async def test_nginx_rejects_a_name_that_it_does_not_know(
    world: World, federation: Federation, nginx_proxy: Nginx
) -> None:
    """``ssl_reject_handshake`` in the default server: unrecognized_name, until there is a server for the name."""
    service = await world.service()
    refusing = f"server {{ listen {nginx_proxy.endpoint} ssl default_server; ssl_reject_handshake on; }}"
    await nginx_proxy.start({"other.example.org": "return 404;"}, prelude=refusing)
    federation.route(RTC_HOST, nginx_proxy.endpoint)
    found = await told(world)
    assert (found.code, "(TLS alert unrecognized_name)" in found.message) == ("tls-no-certificate", True), found.message
    assert f"`server_name {RTC_HOST}` in nginx" in found.advice
    route = f"location /livekit/jwt/ {{ proxy_pass http://{service}/; }}"
    await nginx_proxy.start({"other.example.org": "return 404;", RTC_HOST: route}, prelude=refusing)
    assert await is_mended(world)


@pytest.mark.parametrize("where", [RTC_HOST, NAME])
async def test_nginx_demands_a_client_certificate(
    world: World, federation: Federation, nginx_proxy: Nginx, where: str
) -> None:
    """It completes the handshake and answers 400 with a page; at the service and at the well-known."""
    demand = f"ssl_client_certificate {federation.authority.ca_file}; ssl_verify_client on;"
    delegation = """return 200 '{"m.server": "matrix.example.org:443"}';"""
    await world.federation.focus(RTC)
    inside = {
        RTC_HOST: f"location /livekit/jwt/ {{ proxy_pass http://{await world.service()}/; }}",
        NAME: f"location = /.well-known/matrix/server {{ {delegation} }} {well_known_at(nginx_proxy, DOCUMENT)}",
    }
    await nginx_proxy.start({where: f"{demand} {inside[where]}"})
    found = await told(world)
    expected = "tls-client-certificate" if where == RTC_HOST else "well-known-http-status"
    assert (found.code, "a client certificate" in found.message) == (expected, True), found.message
    assert "remove `ssl_verify_client on` (nginx)" in found.advice
    await nginx_proxy.start({where: inside[where]})
    assert await is_mended(world)


async def test_caddy_does_not_know_the_name(world: World, federation: Federation, caddy_proxy: Caddy) -> None:
    """It ends the handshake with internal_error, until the name is a site of its own."""
    service = await world.service()
    await caddy_proxy.start({"other.example.org": "respond 404"})
    federation.route(RTC_HOST, caddy_proxy.endpoint)
    found = await told(world)
    assert (found.code, "(TLS alert internal_error)" in found.message) == ("tls-no-certificate", True), found.message
    assert f"a site `{RTC_HOST}` in Caddy" in found.advice
    route = f"handle_path /livekit/jwt/* {{\n reverse_proxy {service}\n}}"
    await caddy_proxy.start({"other.example.org": "respond 404", RTC_HOST: route})
    assert await is_mended(world)


async def test_caddy_demands_a_client_certificate(world: World, federation: Federation, caddy_proxy: Caddy) -> None:
    """bad_certificate after the handshake, when the request is already on its way."""
    route = f"handle_path /livekit/jwt/* {{\n reverse_proxy {await world.service()}\n}}"
    demand = f"client_auth {{\n mode require_and_verify\n trusted_ca_cert_file {federation.authority.ca_file}\n}}"
    await caddy_proxy.start({RTC_HOST: route}, tls=demand)
    found = await told(world)
    assert (found.code, "(TLS alert bad_certificate)" in found.message) == ("tls-client-certificate", True)
    assert "`client_auth` (Caddy)" in found.advice
    await caddy_proxy.start({RTC_HOST: route})
    assert await is_mended(world)


@pytest.mark.parametrize(("version", "alert"), [("TLSv1.2", "handshake_failure"), ("TLSv1.3", "certificate_required")])
async def test_haproxy_demands_a_client_certificate(
    world: World, federation: Federation, haproxy_proxy: HAProxy, version: str, alert: str
) -> None:
    """In the handshake or after it, by the version of TLS."""
    rules = "use_backend jwt if { path_beg /livekit/jwt/ }"
    backends = f"backend jwt\n {STRIPPED}\n server one {await world.service()}"
    demand = f"ca-file {federation.authority.ca_file} verify required ssl-max-ver {version}"
    await haproxy_proxy.start(RTC_HOST, rules, backends, options=demand)
    found = await told(world)
    assert (found.code, f"(TLS alert {alert})" in found.message) == ("tls-client-certificate", True), found.message
    assert "`verify required` (HAProxy)" in found.advice
    await haproxy_proxy.start(RTC_HOST, rules, backends)
    assert await is_mended(world)


async def test_haproxy_insists_on_a_known_name(world: World, federation: Federation, haproxy_proxy: HAProxy) -> None:
    """``strict-sni`` and a certificate for another host: unrecognized_name, until its own is in the list."""
    rules = "use_backend jwt if { path_beg /livekit/jwt/ }"
    backends = f"backend jwt\n {STRIPPED}\n server one {await world.service()}"
    await haproxy_proxy.start("other.example.org", rules, backends, options="strict-sni")
    federation.route(RTC_HOST, haproxy_proxy.endpoint)
    found = await told(world)
    assert (found.code, "(TLS alert unrecognized_name)" in found.message) == ("tls-no-certificate", True), found.message
    assert "`crt` list of HAProxy's `bind`" in found.advice
    await haproxy_proxy.start(RTC_HOST, rules, backends, options="strict-sni")
    assert await is_mended(world)
