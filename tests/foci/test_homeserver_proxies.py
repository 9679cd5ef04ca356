"""Faults of real proxies before the homeserver and the well-known: each is named, and what the advice says mends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.caddy import Caddy
from lab.fault import Fault
from lab.federation import Federation
from lab.haproxy import HAProxy
from lab.homeserver import UNSTABLE_TRANSPORTS, Homeserver, Transports
from lab.nginx import Nginx
from plugins.foci.model import Finding, Verdict
from tests.outbound.standins import NameTable
from tests.truth.world import DOCUMENT, NAME, RTC, World, well_known_at

HOST = "matrix.example.org"
LIST = f'{{"rtc_transports": [{{"type": "livekit", "livekit_service_url": "{RTC}"}}]}}'
VERSIONS = "location ~ ^/_matrix/(client/(versions|v3)|federation) { proxy_pass http://%s; }"
WHOLE = "location /_matrix { proxy_pass http://%s; }"
NO_PREFLIGHT = f"{WHOLE} location = {UNSTABLE_TRANSPORTS} "
NO_PREFLIGHT += "{ if ($request_method = OPTIONS) { return 204; } proxy_pass http://%s; }"
STATIC = "handle %s {\n header Access-Control-Allow-Origin *\n %s\n respond `%s` 200\n}\nreverse_proxy /_matrix/* %s"


@pytest.fixture
async def world(tmp_path: Path, federation: Federation, names: NameTable) -> AsyncIterator[World]:
    """A server whose list and focus are well; what stands before its homeserver is the test's business."""
    await federation.focus(RTC)
    await federation.server(NAME, well_known=DOCUMENT)
    world = World(tmp_path, federation, names)
    yield world
    await world.close()


async def homeserver(world: World, transports: Transports = Transports.PRESENT) -> str:
    """It listens without TLS, as behind a proxy. Returns ``address:port``."""
    site = await world.federation.site("homeserver.internal:8008", fault=Fault.PLAIN_HTTP_ON_PORT)
    Homeserver(site, transports=transports)
    return str(world.federation.connect_to["homeserver.internal:8008"])


async def told(world: World, verdict: Verdict = Verdict.WARNING) -> Finding:
    """The only finding of a check with this verdict, besides what is no fault."""
    report = await world.examination(NAME)
    (found,) = (one for one in report.findings if one.code != "transports-endpoint-missing")
    assert report.verdict is verdict
    return found


async def is_mended(world: World) -> bool:
    report = await world.examination(NAME)
    codes = {one.code for one in report.findings} - {"transports-endpoint-missing"}
    return report.verdict is Verdict.OK and not codes


@pytest.mark.parametrize(
    ("inside", "transports", "code", "said"),
    [
        (VERSIONS, Transports.PRESENT, "transports-broken", "HTTP 404 with a web page"),
        (
            "location /_matrix { proxy_pass http://%s; proxy_intercept_errors on; error_page 404 /404.html; }",
            Transports.ABSENT,
            "transports-broken",
            "HTTP 404 with a web page",
        ),
        (
            f"location = {UNSTABLE_TRANSPORTS} {{ return 301 https://example.org/; }} {WHOLE}",
            Transports.PRESENT,
            "transports-broken",
            "HTTP 301, a redirect to `https://example.org/`",
        ),
        (
            NO_PREFLIGHT,
            Transports.PRESENT,
            "transports-cors",
            "its preflight (OPTIONS) has no `Access-Control-Allow-Origin`",
        ),
        (
            "location /_matrix { proxy_pass http://%s; add_header Access-Control-Allow-Origin * always; }",
            Transports.PRESENT,
            "transports-cors",
            "twice",
        ),
    ],
)
async def test_nginx_before_the_transports_endpoint(
    world: World, nginx_proxy: Nginx, inside: str, transports: Transports, code: str, said: str
) -> None:
    """Whatever nginx answers in place of the homeserver, passing all of ``/_matrix`` on unchanged mends it."""
    upstream = await homeserver(world, transports)
    await nginx_proxy.start({HOST: inside.replace("%s", upstream)})
    found = await told(world)
    assert (found.code, said in found.message) == (code, True), found.message
    assert UNSTABLE_TRANSPORTS in found.advice
    await nginx_proxy.start({HOST: WHOLE.replace("%s", upstream)})
    assert await is_mended(world)


@pytest.mark.parametrize(
    ("headers", "body", "code", "said"),
    [
        ("", LIST, "transports-cors", "does not allow the header `Authorization`"),
        ("header Access-Control-Allow-Headers *", LIST, "transports-cors", "does not allow the header"),
        (
            'header Access-Control-Allow-Headers "Authorization, Content-Type"',
            LIST.replace("rtc_transports", "transports"),
            "transports-broken",
            "without a list under `rtc_transports`",
        ),
    ],
)
async def test_caddy_answers_for_the_homeserver(
    world: World, caddy_proxy: Caddy, headers: str, body: str, code: str, said: str
) -> None:
    """A list that the proxy serves itself works for browsers with the header and the key that the advice names."""
    upstream = await homeserver(world, Transports.ABSENT)
    await caddy_proxy.start({HOST: STATIC % (UNSTABLE_TRANSPORTS, headers, body, upstream)})
    found = await told(world)
    assert (found.code, said in found.message) == (code, True), found.message
    wanted = (
        "Access-Control-Allow-Headers: Authorization, Content-Type" if code == "transports-cors" else "rtc_transports"
    )
    assert wanted in found.advice
    good = 'header Access-Control-Allow-Headers "Authorization, Content-Type"'
    await caddy_proxy.start({HOST: STATIC % (UNSTABLE_TRANSPORTS, good, LIST, upstream)})
    assert await is_mended(world)


async def test_nginx_refuses_programs_in_go(world: World, nginx_proxy: Nginx) -> None:
    """The bot is let in, authorisation services are not: their user agent is named."""
    upstream = await homeserver(world)
    filtered = "if ($http_user_agent ~* go-http-client) { return 403; } "
    await nginx_proxy.start({HOST: filtered + WHOLE.replace("%s", upstream)})
    found = await told(world)
    assert found.code == "openid-userinfo-unreachable"
    assert "refuses Go's user agent, under which they ask (HTTP 403)" in found.message
    assert "`Go-http-client/1.1`" in found.advice
    await nginx_proxy.start({HOST: WHOLE.replace("%s", upstream)})
    assert await is_mended(world)


async def test_haproxy_refuses_programs_in_go(world: World, haproxy_proxy: HAProxy) -> None:
    """The same rule in HAProxy."""
    backends = f"backend matrix\n server one {await homeserver(world)}"
    await haproxy_proxy.start(
        HOST, "http-request deny if { hdr_sub(user-agent) -i go-http }\n use_backend matrix if TRUE", backends
    )
    found = await told(world)
    assert found.code == "openid-userinfo-unreachable"
    assert "refuses Go's user agent" in found.message
    await haproxy_proxy.start(HOST, "use_backend matrix if TRUE", backends)
    assert await is_mended(world)


@pytest.mark.parametrize(
    ("directive", "verdict", "code", "advice"),
    [
        ("deny all;", Verdict.UNKNOWN, "refused-here", "look for `deny`"),
        ("return 429;", Verdict.UNKNOWN, "refused-here", "rate limit"),
        ("return 451;", Verdict.UNKNOWN, "refused-here", "firewall"),
        ("auth_basic x; auth_basic_user_file /dev/null;", Verdict.CRITICAL, "login-page", "`auth_basic off;`"),
    ],
)
async def test_nginx_turns_away_from_the_well_known(
    world: World, nginx_proxy: Nginx, directive: str, verdict: Verdict, code: str, advice: str
) -> None:
    """What may meet this prober alone is unknown; a login meets everybody."""
    good = well_known_at(nginx_proxy, DOCUMENT)
    delegation = """location = /.well-known/matrix/server { return 200 '{"m.server": "matrix.example.org:443"}'; }"""
    await nginx_proxy.start({NAME: good.replace("{ default_type", f"{{ {directive} default_type") + delegation})
    found = await told(world, verdict)
    assert (found.code, advice in found.advice) == (code, True), found.advice
    await nginx_proxy.start({NAME: good + delegation})
    assert await is_mended(world)
