"""The federation answers by name over real TLS; what is declared can be changed while it runs."""

from __future__ import annotations

import json
import socket
import ssl

import aiohttp
import pytest

from lab.fault import Fault
from lab.federation import Federation
from lab.focus import Slashes
from lab.homeserver import STABLE_TRANSPORTS, UNSTABLE_TRANSPORTS, Transports
from lab.loopback import BLOCK
from tests.lab.client import Client, has_ipv6

WELL_KNOWN = "https://example.org/.well-known/matrix/client"
RTC = "https://rtc.example.org/livekit/jwt"
FOCI = [{"type": "livekit", "livekit_service_url": RTC}]


async def test_a_server_publishes_and_answers(federation: Federation, client: Client) -> None:
    """One declaration gives the well-known, the client API and the federation side of a server."""
    server = await federation.server("example.org", foci=[RTC])
    seen = await client("GET", WELL_KNOWN)
    assert json.loads(seen.body) == {
        "m.homeserver": {"base_url": "https://matrix.example.org"},
        "org.matrix.msc4143.rtc_foci": FOCI,
    }
    assert seen.header("Access-Control-Allow-Origin") == ["*"]
    assert seen.header("Content-Type") == ["application/json"]
    versions = json.loads((await client("GET", f"{server.base_url}/_matrix/client/versions")).body)
    assert versions["unstable_features"] == {"org.matrix.msc4140": True, "org.matrix.msc4143": True}
    delegation = await client("GET", "https://example.org/.well-known/matrix/server")
    assert json.loads(delegation.body) == {"m.server": "matrix.example.org:443"}
    userinfo = await client("GET", f"{server.base_url}/_matrix/federation/v1/openid/userinfo")
    assert (userinfo.status, json.loads(userinfo.body)["errcode"]) == (401, "M_MISSING_TOKEN")
    assert [request.path for request in federation.sites["example.org:443"].requests] == [
        "/.well-known/matrix/client",
        "/.well-known/matrix/server",
    ]


@pytest.mark.parametrize(
    ("transports", "status", "body"),
    [
        (Transports.PRESENT, 401, {"errcode": "M_MISSING_TOKEN", "error": "Missing access token"}),
        (Transports.OPEN, 200, {"rtc_transports": FOCI}),
        (Transports.OPEN_WITHOUT_KEY, 200, {}),
        (Transports.ABSENT, 404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}),
        (Transports.BROKEN, 500, None),
    ],
)
async def test_transports_endpoint(
    federation: Federation, client: Client, transports: Transports, status: int, body: object
) -> None:
    """The unstable endpoint answers strangers as declared; the stable one is not served, as on Synapse."""
    server = await federation.server("example.org", foci=[RTC], transports=transports)
    seen = await client("GET", server.base_url + UNSTABLE_TRANSPORTS)
    assert seen.status == status
    assert body is None or json.loads(seen.body) == body
    stable = await client("GET", server.base_url + STABLE_TRANSPORTS)
    assert (stable.status, json.loads(stable.body)["errcode"]) == (404, "M_UNRECOGNIZED")


async def test_transports_with_a_token(federation: Federation, client: Client) -> None:
    """Somebody with a token reads the list where strangers get 401."""
    server = await federation.server("example.org", transports_list=FOCI, stable_transports=True)
    with_token = {"Authorization": "Bearer syt_anything"}
    for path in (UNSTABLE_TRANSPORTS, STABLE_TRANSPORTS):
        assert (await client("GET", server.base_url + path)).status == 401
        seen = await client("GET", server.base_url + path, headers=with_token)
        assert json.loads(seen.body) == {"rtc_transports": FOCI}


@pytest.mark.parametrize("body", [b'{"a": 1,}', {"m.rtc_foci": FOCI}, [], None])
async def test_any_document_can_be_published(federation: Federation, client: Client, body: object) -> None:
    """A document is served as given: bytes as they are, JSON encoded, None as 404."""
    await federation.server("example.org", well_known=body)
    seen = await client("GET", WELL_KNOWN)
    if body is None:
        assert seen.status == 404
    else:
        assert (seen.body if isinstance(body, bytes) else json.loads(seen.body)) == body


async def test_a_document_can_be_replaced(federation: Federation, client: Client) -> None:
    """A new list is seen at once."""
    server = await federation.server("example.org", foci=[RTC])
    assert (await client("GET", WELL_KNOWN)).status == 200
    server.publish(["https://new.example.org"])
    fresh = await client("GET", WELL_KNOWN)
    assert fresh.status == 200
    assert b"https://new.example.org" in fresh.body


async def test_redirects_are_laid(federation: Federation, client: Client) -> None:
    """The well-known can be redirected along URLs of other hosts and ports, the last of which serves it."""
    via = ["https://www.example.org/matrix", "https://files.example.org:8443/wk.json"]
    await federation.server("example.org", foci=[RTC], via=via)
    for url, target in zip([WELL_KNOWN, via[0]], via, strict=True):
        seen = await client("GET", url)
        assert (seen.status, seen.header("Location")) == (302, [target])
        assert seen.header("Access-Control-Allow-Origin") == ["*"]
    assert RTC.encode() in (await client("GET", via[1])).body


async def test_a_port_in_the_server_name_does_not_move_the_well_known(federation: Federation, client: Client) -> None:
    """The document of example.org:8448 is served by example.org at 443, as the specification says."""
    await federation.server("example.org:8448", foci=[RTC])
    assert (await client("GET", WELL_KNOWN)).status == 200


async def test_odd_host_names_have_certificates(federation: Federation, client: Client) -> None:
    """Underscores, capitals and addresses are served under valid certificates."""
    for host in ("my_livekit_focus.domain", f"{BLOCK}.77", "xn--mnchen-3ya.example"):
        await federation.focus(f"https://{host}/jwt")
        if host[0] != "1":  # aiohttp asks no resolver for an address
            assert (await client("GET", f"https://{host}/jwt/healthz")).status == 200


async def test_a_crowd_shares_a_listener(federation: Federation, client: Client) -> None:
    """Hosts of one crowd share address and port, and each has its own certificate and document."""
    for number in range(5):
        name = f"hs{number}.example.org"
        await federation.server(name, foci=[f"https://rtc{number}.example.org"], crowd="all")
    where = federation.connect_to
    assert len({str(where[name]) for name in where}) == 1
    for number in range(5):
        seen = await client("GET", f"https://hs{number}.example.org/.well-known/matrix/client")
        assert f"https://rtc{number}.example.org".encode() in seen.body


@pytest.mark.skipif(not has_ipv6(), reason="no ::1 here")
async def test_dual_stack(federation: Federation, client: Client) -> None:
    """A dual-stack host answers over both families; either can be killed and revived."""
    focus = await federation.focus(RTC, dual_stack=True)
    assert len(federation.connect_to["rtc.example.org:443"]) == 2
    health = f"{RTC}/healthz"

    async def alive(family: socket.AddressFamily) -> bool:
        try:
            return (await client("GET", health, family=family)).status == 200
        except aiohttp.ClientConnectorError:
            return False

    for fault, v4, v6 in [(None, True, True), (Fault.DEAD_IPV6, True, False), (Fault.DEAD_IPV4, False, True)]:
        await federation.set_fault(focus, fault)
        assert (await alive(socket.AF_INET), await alive(socket.AF_INET6)) == (v4, v6)
    await federation.set_fault(focus, None)
    assert await alive(socket.AF_INET6)


async def test_faults_come_and_go(federation: Federation, client: Client) -> None:
    """A focus breaks and heals at the same address, whatever the layer of the fault."""
    focus = await federation.focus(RTC)
    where = federation.connect_to
    for fault in (Fault.REFUSED, Fault.BAD_GATEWAY, Fault.TLS_EXPIRED, Fault.POINTS_AT_SFU):
        await federation.set_fault(focus, fault)
        if fault in (Fault.REFUSED, Fault.TLS_EXPIRED):
            with pytest.raises(aiohttp.ClientConnectorError):
                await client("POST", f"{RTC}/sfu/get", body=b"{}")
        else:
            assert (await client("POST", f"{RTC}/sfu/get", body=b"{}")).status in (502, 404)
        await federation.set_fault(focus, None)
        assert (await client("POST", f"{RTC}/sfu/get", body=b"{}")).status == 400
    assert federation.connect_to == where


async def test_a_fault_must_fit(federation: Federation) -> None:
    """A fault that cannot be played where it is asked for is an error, not silence."""
    focus = await federation.focus(RTC)
    server = await federation.server("example.org", foci=[RTC])
    for target, fault in [(focus, Fault.ABSENT), (server, Fault.POINTS_AT_SFU), (focus, Fault.DEAD_IPV6)]:
        with pytest.raises(ValueError, match=str(fault)):
            await federation.set_fault(target, fault)
    with pytest.raises(ValueError, match="slow-body"):
        await federation.set_host_fault("example.org", Fault.SLOW_BODY)


async def test_network_section(federation: Federation) -> None:
    """The configuration's section names every host, the authority and nothing beyond the lab's addresses."""
    await federation.focus("https://rtc.example.org:8443/jwt")
    network = federation.network()
    assert set(network) == {"connect_to", "ca_file", "allow_private"}
    assert network["connect_to"]["rtc.example.org:8443"].startswith(f"{BLOCK}.")
    assert network["allow_private"] == [f"{BLOCK}.0/24", "::1/128"]
    assert ssl.create_default_context(cafile=network["ca_file"]).get_ca_certs()


async def test_one_host_serves_service_sfu_and_homeserver(federation: Federation, client: Client) -> None:
    """Paths of one host lead to different services; what no service claims is a web server's 404."""
    host = "https://matrix.example.org"
    await federation.server("example.org", foci=[f"{host}/livekit/jwt"])
    await federation.focus(f"{host}/livekit/jwt")
    await federation.sfu(f"{host}/livekit/sfu")
    assert (await client("GET", f"{host}/livekit/jwt/healthz")).status == 200
    assert (await client("GET", f"{host}/livekit/sfu/rtc/validate")).status == 401
    assert (await client("GET", f"{host}/_matrix/client/versions")).status == 200
    assert (await client("GET", f"{host}/nothing")).header("Server") == ["nginx"]


async def test_service_that_shares_its_host_with_the_sfu(federation: Federation, client: Client) -> None:
    """Only the POST paths reach the service; /healthz there is the SFU's 404."""
    await federation.focus("https://mrtc.example.org", shares_host_with_sfu=True)
    assert (await client("POST", "https://mrtc.example.org/sfu/get", body=b"{}")).status == 400
    assert (await client("GET", "https://mrtc.example.org/")).body == b"OK"
    assert (await client("GET", "https://mrtc.example.org/healthz")).status == 404


@pytest.mark.parametrize(
    ("slashes", "status", "location"),
    [(Slashes.REDIRECTED, 307, ["/sfu/get"]), (Slashes.MERGED, 400, []), (Slashes.NOT_FOUND, 404, [])],
)
async def test_trailing_slash(
    federation: Federation, client: Client, slashes: Slashes, status: int, location: list[str]
) -> None:
    """The literal POST to a URL that ends in a slash fares as the proxy treats double slashes."""
    await federation.focus(RTC + "/", slashes=slashes)
    seen = await client("POST", RTC + "//sfu/get", body=b"{}")
    assert (seen.status, seen.header("Location")) == (status, location)
    assert (await client("POST", RTC + "/sfu/get", body=b"{}")).status == 400
