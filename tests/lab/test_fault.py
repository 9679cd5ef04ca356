"""Each named fault does what its name says, seen with a bare client."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from lab.authority import Authority, Flaw
from lab.fault import Fault, Layer
from lab.federation import Federation
from lab.playback import spoil
from tests.lab.client import Client, Seen, has_ipv6

WELL_KNOWN = "https://example.org/.well-known/matrix/client"
RTC = "https://rtc.example.org/livekit/jwt"
HANG = 0.5

REFUSED_CONNECTIONS = {
    Fault.REFUSED: ConnectionRefusedError,
    Fault.RESET_AFTER_CONNECT: ConnectionResetError,
    Fault.CLOSED_AFTER_CONNECT: ConnectionResetError,
    Fault.DEAD_IPV4: ConnectionRefusedError,
}
TLS_ALERTS = {
    Fault.PLAIN_HTTP_ON_PORT: "WRONG_VERSION_NUMBER",
    Fault.TLS_OUTDATED: "PROTOCOL_VERSION",
    Fault.TLS_NAME_UNKNOWN: "UNRECOGNIZED_NAME",
    Fault.TLS_NAME_FAILS: "ALERT_INTERNAL_ERROR",
}
AFTER_THE_HANDSHAKE = {Fault.TLS_CLIENT_CERTIFICATE: "ALERT_CERTIFICATE_REQUIRED"}
VERIFY_CODES = {
    Fault.TLS_NOT_YET_VALID: 9,
    Fault.TLS_EXPIRED: 10,
    Fault.TLS_SELF_SIGNED: 18,
    Fault.TLS_UNTRUSTED: 20,
    Fault.TLS_WRONG_NAME: 62,
}
HANGS = {
    Fault.BLACKHOLE,
    Fault.NEVER_SPEAKS_TLS,
    Fault.SLOW_HEADERS,
    Fault.SILENT_AFTER_REQUEST,
    Fault.SLOW_BODY,
}
NOT_HTTP = {
    Fault.CLOSED_AFTER_REQUEST: aiohttp.ServerDisconnectedError,
    Fault.GARBAGE_HTTP: aiohttp.ClientResponseError,
    Fault.OVERLONG_HEADER: aiohttp.ClientResponseError,
    Fault.TRUNCATED_BODY: aiohttp.ClientPayloadError,
}
STATUSES = {
    Fault.TLS_NEAR_EXPIRY: 400,
    Fault.DEAD_IPV6: 400,
    Fault.BAD_GATEWAY: 502,
    Fault.WAF_CHALLENGE: 403,
    Fault.HTML_200: 200,
    Fault.NGINX_404: 404,
    Fault.HOMESERVER_MOUNTED_THERE: 404,
    Fault.PREFIX_NOT_STRIPPED: 404,
    Fault.POINTS_AT_SFU: 404,
    Fault.HEALTHZ_ONLY: 404,
    Fault.SERVICE_CORS_MISSING: 400,
    Fault.SERVICE_CORS_DOUBLED: 400,
    Fault.SERVICE_CORS_JOINED: 400,
    Fault.NO_GET_TOKEN: 400,
    Fault.SHUTTING_DOWN: 503,
}
SWELLING = {Fault.ENDLESS_BODY, Fault.GZIP_BOMB}
PUBLISHED = {fault for fault in Fault if fault.layer is Layer.WELL_KNOWN}


@pytest.fixture(autouse=True)
def _only_where_the_machine_can(request: pytest.FixtureRequest) -> None:
    fault = getattr(request.node, "callspec", None) and request.node.callspec.params.get("fault")
    if fault in (Fault.DEAD_IPV4, Fault.DEAD_IPV6) and not has_ipv6():
        pytest.skip("no ::1 here")


async def post(client: Client, timeout: float = 20.0, **further: int) -> Seen:
    return await client("POST", f"{RTC}/sfu/get", body=b"{}", timeout=timeout, **further)


def test_every_fault_is_tested() -> None:
    """The tables below cover the catalogue, so that no fault is a name without a deed."""
    tables = (
        REFUSED_CONNECTIONS,
        TLS_ALERTS,
        AFTER_THE_HANDSHAKE,
        VERIFY_CODES,
        HANGS,
        NOT_HTTP,
        STATUSES,
        SWELLING,
        PUBLISHED,
    )
    assert sorted(fault for table in tables for fault in table) == sorted(Fault)
    assert all(fault.description for fault in Fault)


@pytest.mark.parametrize("fault", REFUSED_CONNECTIONS)
async def test_refused_connections(federation: Federation, client: Client, fault: Fault) -> None:
    """The connection fails in the way that the fault's name says."""
    await federation.focus(RTC, fault=fault)
    with pytest.raises(aiohttp.ClientConnectorError) as failed:
        await post(client)
    assert type(failed.value.os_error) is REFUSED_CONNECTIONS[fault]


@pytest.mark.parametrize("fault", TLS_ALERTS)
async def test_tls_that_cannot_be_spoken(federation: Federation, client: Client, fault: Fault) -> None:
    """The handshake ends with the reason that real servers give."""
    await federation.focus(RTC, fault=fault)
    with pytest.raises(aiohttp.ClientConnectorSSLError) as failed:
        await post(client)
    assert TLS_ALERTS[fault] in str(failed.value)


@pytest.mark.parametrize("fault", AFTER_THE_HANDSHAKE)
async def test_alerts_after_the_handshake(federation: Federation, fault: Fault) -> None:
    """A TLS 1.3 server judges the client's certificate when the client is already done."""
    await federation.focus(RTC, fault=fault)
    address, port = str(federation.connect_to["rtc.example.org:443"]).split(":")
    trusting = federation.authority.client_context()
    reader, writer = await asyncio.open_connection(address, int(port), ssl=trusting, server_hostname="rtc.example.org")
    with pytest.raises(ssl.SSLError, match=AFTER_THE_HANDSHAKE[fault]):
        await reader.read()
    writer.close()


@pytest.mark.parametrize("fault", VERIFY_CODES)
async def test_bad_certificates(federation: Federation, client: Client, fault: Fault) -> None:
    """Verification fails for the one reason that was asked for."""
    await federation.focus(RTC, fault=fault)
    with pytest.raises(aiohttp.ClientConnectorCertificateError) as failed:
        await post(client)
    cause = failed.value.certificate_error
    assert isinstance(cause, ssl.SSLCertVerificationError)
    assert cause.verify_code == VERIFY_CODES[fault]


@pytest.mark.parametrize("fault", sorted(HANGS))
async def test_what_hangs(federation: Federation, client: Client, fault: Fault) -> None:
    """No answer comes while the client waits, and the federation still ends at once."""
    await federation.focus(RTC, fault=fault)
    with pytest.raises(TimeoutError):
        await post(client, timeout=HANG)


@pytest.mark.parametrize("fault", [Fault.BLACKHOLE, Fault.NEVER_SPEAKS_TLS])
async def test_where_connections_hang(federation: Federation, fault: Fault) -> None:
    """A black hole does not even accept; a host that never speaks TLS does."""
    await federation.focus(RTC, fault=fault)
    address, port = str(federation.connect_to["rtc.example.org:443"]).split(":")
    if fault is Fault.BLACKHOLE:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(HANG):
                await asyncio.open_connection(address, int(port))
    else:
        _, writer = await asyncio.open_connection(address, int(port))
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("fault", NOT_HTTP)
async def test_what_is_not_http(federation: Federation, client: Client, fault: Fault) -> None:
    """The exchange breaks after the request in the way that the name says."""
    await federation.focus(RTC, fault=fault)
    with pytest.raises(NOT_HTTP[fault]):
        await post(client)


@pytest.mark.parametrize("fault", sorted(SWELLING))
async def test_bodies_without_bound(federation: Federation, client: Client, fault: Fault) -> None:
    """A client that reads on gets more than 4 MiB."""
    await federation.focus(RTC, fault=fault)
    seen = await post(client, limit=4 << 20)
    assert len(seen.body) >= 4 << 20
    if fault is Fault.GZIP_BOMB:
        assert seen.header("Content-Encoding") == ["gzip"]


@pytest.mark.parametrize("fault", STATUSES)
async def test_answers_that_are_not_the_services(federation: Federation, client: Client, fault: Fault) -> None:
    """The POST that a client makes gets the status, headers and body of the impostor."""
    await federation.focus(RTC, fault=fault)
    seen = await post(client)
    assert seen.status == STATUSES[fault]
    assert _SIGNS[fault](seen, seen.header("Access-Control-Allow-Origin"))


_SIGNS: dict[Fault, Callable[[Seen, list[str]], bool]] = {
    Fault.TLS_NEAR_EXPIRY: lambda seen, origins: origins == ["*"],
    Fault.DEAD_IPV6: lambda seen, origins: origins == ["*"],
    Fault.BAD_GATEWAY: lambda seen, origins: not origins and b"<center>nginx</center>" in seen.body,
    Fault.WAF_CHALLENGE: lambda seen, _: seen.header("cf-mitigated") == ["challenge"],
    Fault.HTML_200: lambda seen, _: seen.header("Content-Type") == ["text/html"],
    Fault.NGINX_404: lambda seen, origins: not origins and seen.header("Server") == ["nginx"],
    Fault.HOMESERVER_MOUNTED_THERE: lambda seen, _: json.loads(seen.body)["errcode"] == "M_UNRECOGNIZED",
    Fault.PREFIX_NOT_STRIPPED: lambda seen, origins: not origins and seen.body == b"404 page not found\n",
    Fault.POINTS_AT_SFU: lambda seen, _: seen.header("Vary") == ["Origin"] and seen.body == b"404 page not found\n",
    Fault.HEALTHZ_ONLY: lambda seen, origins: not origins and seen.header("Server") == ["nginx"],
    Fault.SERVICE_CORS_MISSING: lambda _, origins: origins == [],
    Fault.SERVICE_CORS_DOUBLED: lambda _, origins: origins == ["*", "*"],
    Fault.SERVICE_CORS_JOINED: lambda _, origins: origins == ["*, *"],
    Fault.NO_GET_TOKEN: lambda _, origins: origins == ["*"],
    Fault.SHUTTING_DOWN: lambda seen, _: json.loads(seen.body)["errcode"] == "M_UNKNOWN",
}


@pytest.mark.parametrize(
    ("fault", "method", "path", "status", "body"),
    [
        (Fault.HEALTHZ_ONLY, "GET", "/healthz", 200, b""),
        (Fault.POINTS_AT_SFU, "GET", "/", 200, b"OK"),
        (Fault.NO_GET_TOKEN, "POST", "/get_token", 404, None),
        (Fault.PREFIX_NOT_STRIPPED, "GET", "/healthz", 404, b"404 page not found\n"),
        (Fault.HTML_200, "GET", "/healthz", 200, None),
    ],
)
async def test_other_paths_of_broken_services(
    federation: Federation, client: Client, fault: Fault, method: str, path: str, status: int, body: bytes | None
) -> None:
    """What answers beside the POST path is what misleads simpler monitors."""
    await federation.focus(RTC, fault=fault)
    seen = await client(method, RTC + path)
    assert seen.status == status
    assert body is None or seen.body == body


@pytest.mark.parametrize("fault", sorted(PUBLISHED))
async def test_well_known_faults(federation: Federation, client: Client, fault: Fault) -> None:
    """The published document is wrong in the one way that the name says."""
    await federation.server("example.org", foci=[RTC], fault=fault)
    seen = await client("GET", WELL_KNOWN)
    location = "".join(seen.header("Location"))
    assert seen.status == (302 if "redirect" in fault else _WELL_KNOWN_STATUSES.get(fault, 200))
    assert _WELL_KNOWN_SIGNS[fault](seen, location)


def _json_fails(seen: Seen, _: str) -> bool:
    try:
        json.loads(seen.body)
    except (ValueError, RecursionError):
        return True
    return False


_WELL_KNOWN_STATUSES = {Fault.ABSENT: 404, Fault.FORBIDDEN: 403, Fault.INTERNAL_ERROR: 500}
_WELL_KNOWN_SIGNS: dict[Fault, Callable[[Seen, str], bool]] = {
    Fault.ABSENT: lambda seen, _: b"nginx" in seen.body,
    Fault.FORBIDDEN: lambda seen, _: b"nginx" in seen.body,
    Fault.INTERNAL_ERROR: lambda seen, _: b"nginx" in seen.body,
    Fault.HTML: lambda seen, _: seen.body.startswith(b"<!DOCTYPE html>"),
    Fault.EMPTY: lambda seen, _: seen.body == b"",
    Fault.TRAILING_COMMA: _json_fails,
    Fault.CUT_SHORT: _json_fails,
    Fault.NOT_UTF8: _json_fails,
    Fault.TOO_DEEP: _json_fails,
    Fault.LONG_INTEGER: _json_fails,
    Fault.LONE_SURROGATE: lambda seen, _: "\ud800" in json.loads(seen.body)["m.homeserver"]["base_url"],
    Fault.LIST: lambda seen, _: json.loads(seen.body) == [],
    Fault.HUGE: lambda seen, _: len(seen.body) > 50 << 20 and bool(json.loads(seen.body)),
    Fault.REDIRECT_LOOP: lambda _, location: location == WELL_KNOWN,
    Fault.REDIRECT_CHAIN: lambda _, location: location == f"{WELL_KNOWN}/1",
    Fault.REDIRECT_TO_HTTP: lambda _, location: location.startswith("http://example.org/"),
    Fault.REDIRECT_TO_PRIVATE: lambda _, location: location.startswith("https://127.0.0.1/"),
    Fault.REDIRECT_TO_FILE: lambda _, location: location.startswith("file:"),
    Fault.REDIRECT_NOWHERE: lambda _, location: location == "",
    Fault.REDIRECT_WITHOUT_CORS: lambda seen, _: not seen.header("Access-Control-Allow-Origin"),
    Fault.CORS_MISSING: lambda seen, _: not seen.header("Access-Control-Allow-Origin") and RTC.encode() in seen.body,
    Fault.WRONG_CONTENT_TYPE: lambda seen, _: seen.header("Content-Type") == ["application/octet-stream"],
    Fault.LONG_CACHE: lambda seen, _: seen.header("Cache-Control") == ["public, max-age=604800"],
    Fault.BASE_URL_MISSING: lambda seen, _: set(json.loads(seen.body)) == {"org.matrix.msc4143.rtc_foci"},
}


async def test_redirects_lead_on(federation: Federation, client: Client) -> None:
    """The chain goes on for ever; the redirect without CORS ends at the document, with CORS."""
    server = await federation.server("example.org", foci=[RTC], fault=Fault.REDIRECT_CHAIN)
    assert (await client("GET", f"{WELL_KNOWN}/41")).header("Location") == [f"{WELL_KNOWN}/42"]
    await federation.set_fault(server, Fault.REDIRECT_WITHOUT_CORS)
    moved = (await client("GET", WELL_KNOWN)).header("Location")[0]
    seen = await client("GET", moved)
    assert RTC.encode() in seen.body
    assert seen.header("Access-Control-Allow-Origin") == ["*"]


async def test_http_faults_also_spoil_well_knowns(federation: Federation, client: Client) -> None:
    """Faults of the HTTP layer can be played on a well-known, and only there on its host."""
    await federation.server("example.org", foci=[RTC], fault=Fault.SLOW_BODY)
    with pytest.raises(TimeoutError):
        await client("GET", WELL_KNOWN, timeout=HANG)
    assert (await client("GET", "https://example.org/.well-known/matrix/server")).status == 200


def test_a_fault_of_another_layer_is_not_played_as_http() -> None:
    """Playing a fault on the wrong layer is an error."""
    with pytest.raises(ValueError, match="refused"):
        spoil(Fault.REFUSED)


def test_validity_of_leaves(tmp_path: Path) -> None:
    """Dates are what the flaw says, reckoned from the time given; equal wishes give the same leaf."""
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    authority = Authority(tmp_path, now=now)

    def dates(flaw: Flaw, days: int | None = None) -> tuple[timedelta, timedelta]:
        leaf = authority.issue("a.test", flaw=flaw, days=days)
        certificate = x509.load_pem_x509_certificate(leaf.certificate_file.read_bytes())
        return certificate.not_valid_before_utc - now, certificate.not_valid_after_utc - now

    zero = timedelta(0)
    assert dates(Flaw.EXPIRED)[1] == timedelta(days=-3)
    assert dates(Flaw.NOT_YET_VALID)[0] == timedelta(days=3)
    assert dates(Flaw.NEAR_EXPIRY)[1].days == 5
    assert dates(Flaw.NEAR_EXPIRY, 2)[1].days == 2
    for flaw in (Flaw.NONE, Flaw.SELF_SIGNED, Flaw.UNTRUSTED, Flaw.WRONG_NAME):
        starts, ends = dates(flaw)
        assert starts < zero < ends
        assert ends.days == 61
    assert authority.issue("a.test") == authority.issue("a.test")
    assert authority.issue("a.test").key_file.stat().st_mode & 0o077 == 0
