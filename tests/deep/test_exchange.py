"""The exchange of tokens with the lab's stand-ins: which endpoint decides, and how long is waited for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from botkit.outbound import HomeserverReader
from botkit.plugin import Account, Limits
from lab.authorisation import Release
from lab.exchange import Answer, Performance, Request, html_answer, json_answer, nginx_page
from lab.federation import Federation
from lab.focus import Focus
from lab.front import Mount
from lab.haproxy import HAProxy
from lab.issuer import Issuer
from lab.livekit import LiveKit
from lab.loopback import BLOCK, reserved_port
from lab.nginx import Nginx
from lab.openid import OpenIdLookup
from plugins.foci.discovery.target import parse_target
from plugins.foci.model import Outcome, Report, Severity, Stage, Verdict
from plugins.foci.probe.observation import ProbeSettings
from plugins.foci.report.build import CheckSettings
from tests.deep.world import shown_token
from tests.foci.examination import PATIENT, Examination

NAME = "example.org"
SERVICE = f"https://rtc.{NAME}/livekit/jwt"
SFU = f"wss://rtc.{NAME}/livekit/sfu"
ADDRESS = f"{BLOCK}.249"
BOT = f"@foci:{NAME}"
CORS = ("Access-Control-Allow-Origin", "*")


@dataclass
class Town:
    """A server, its focus, and the bot's account there; the SFU knows no token, so that nothing goes further."""

    federation: Federation
    focus: Focus
    issuer: Issuer
    homeserver_url: str
    examination: Examination

    @asynccontextmanager
    async def account(self, limits: Limits) -> AsyncIterator[Account]:
        settings = self.examination.outbound(limits)
        async with HomeserverReader(self.homeserver_url, SecretStr("the bot's own"), settings) as reader:
            yield Account(BOT, reader)

    async def check(self, limits: Limits = PATIENT, token_patience: float = 20.0, target: str = NAME) -> Report:
        """The report of a deep check."""
        settings = CheckSettings(probe=ProbeSettings(slow=20.0, token_patience=token_patience))
        async with self.account(limits) as account, self.examination.checker(limits, settings, account) as checker:
            return (await checker.check(parse_target(target), deep=True)).report

    def shown(self, path: str) -> list[Request]:
        """Requests of a path that carried a token."""
        requests = self.focus.site.requests
        return [one for one in requests if one.path.endswith(path) and shown_token(one)]


@pytest.fixture
async def town(federation: Federation, examination: Examination, tmp_path: Path) -> Town:
    focus = await federation.focus(SERVICE)
    url = f"https://{ADDRESS}:{reserved_port(ADDRESS)}"
    await federation.server(NAME, foci=[SERVICE], base_url=url)
    await federation.sfu(SFU)
    issuer = Issuer(LiveKit(tmp_path), OpenIdLookup(federation), SFU, full_access=())
    focus.service.issuer = issuer
    return Town(federation, focus, issuer, url, examination)


def found(report: Report) -> dict[str, Severity]:
    return {one.code: one.severity for one in report.findings}


def token_stage(report: Report, place: int = 0) -> tuple[Outcome, str]:
    (result,) = [one for one in report.foci[place].stages if one.stage is Stage.TOKEN]
    return result.outcome, result.detail


async def test_both_endpoints_issue_tokens(town: Town) -> None:
    """Each is shown the token once; the stand-in for an SFU knows none, which is all that is wrong here."""
    report = await town.check()
    assert token_stage(report) == (
        Outcome.OK,
        "/sfu/get and /get_token issue a token (join, publish, subscribe, for 60 min)",
    )
    assert found(report) == {"sfu-refused-token": Severity.ERROR}
    assert (len(town.shown("/sfu/get")), len(town.shown("/get_token"))) == (1, 1)


@pytest.mark.parametrize("turned", [False, True])
async def test_of_several_addresses_the_token_goes_where_the_service_is(town: Town, turned: bool) -> None:
    """An old machine in the same name, first in the order of addresses, is not shown it."""
    old = await town.federation.second_address(f"rtc.{NAME}", lowest=True)
    if turned:
        town.federation.rotate(f"rtc.{NAME}")
    report = await town.check()
    assert token_stage(report)[0] is Outcome.OK
    assert (len(town.shown("/sfu/get")), len(town.shown("/get_token"))) == (1, 1)
    assert [one.path for one in old.requests if one.method == "POST"]
    assert not [one for one in old.requests if shown_token(one)]


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the request and say nothing until the client leaves."""
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close the connection without an answer."""


FAULTS: Mapping[str, Answer | Performance] = {
    "page": html_answer(200, "<html>hello</html>", CORS),
    "no server": html_answer(503, "<html>No server is available to handle this request.</html>"),
    "bad gateway": nginx_page(502),
    "not found": nginx_page(404),
    "not allowed": nginx_page(405),
    "login": Answer(302, b"", (("Location", f"https://sso.{NAME}/login"),)),
    "kept method": Answer(308, b"", (("Location", f"https://rtc.{NAME}/get_token"),)),
    "its own error": json_answer(500, {"errcode": "M_UNKNOWN", "error": "Internal Server Error"}, CORS),
    "unauthorised": json_answer(401, {"errcode": "M_UNAUTHORIZED", "error": "?"}, CORS),
    "cut JSON": Answer(200, b'{"url": "wss://rtc.example.org", "jwt": "eyJ', (CORS,)),
    "a list": json_answer(200, [], CORS),
    "hangs up": Performance(hang_up),
}


def spoil(focus: Focus, answer: Answer | Performance, *, always: bool) -> None:
    """Let ``/get_token`` answer so, to everybody or only when it is shown a token."""

    async def handle(request: Request) -> Answer | Performance:
        if always or shown_token(request):
            return answer
        return await focus.service.answer(request.at("/get_token"))

    focus.site.mount(Mount(f"{urlsplit(focus.url).path}/get_token", handle, exact=True))


@pytest.mark.parametrize("always", [True, False], ids=["always", "when shown a token"])
async def test_a_broken_newer_endpoint_breaks_nothing(town: Town, always: bool) -> None:
    """The exchange goes on with the older one, as clients do; where the newer one is known to fail it gets no token."""
    foci = [await town.federation.focus(f"https://rtc.{NAME}/{place}") for place in range(len(FAULTS))]
    for focus, answer in zip(foci, FAULTS.values(), strict=True):
        focus.service.issuer = town.issuer
        spoil(focus, answer, always=always)
    await town.federation.server(NAME, foci=[focus.url for focus in foci], base_url=town.homeserver_url)
    report = await town.check()
    assert "OPEN_ID_ERROR" not in report.summary
    issued = (Outcome.OK, "/sfu/get issues a token (join, publish, subscribe, for 60 min)")
    for place, fault in enumerate(FAULTS):
        assert (fault, token_stage(report, place)) == (fault, issued)
        codes = {one.code: one.severity for one in report.findings if one.focus == place + 1}
        assert codes == {"matrix2-endpoint-missing": Severity.WARNING, "sfu-refused-token": Severity.ERROR}, fault
        # To an empty request, 401 may be how another authorisation service refuses it.
        assert bool(town.shown(f"{place}/get_token")) is (not always or fault == "unauthorised")


@pytest.mark.parametrize("always", [True, False], ids=["always", "when shown a token"])
async def test_silence_of_the_newer_endpoint_breaks_nothing(town: Town, always: bool) -> None:
    """It costs the wait, and is the same warning."""
    spoil(town.focus, Performance(hang), always=always)
    report = await town.check(Limits(timeout=3.0, deadline=20.0), token_patience=3.0)
    assert token_stage(report)[0] is Outcome.OK
    assert found(report) == {"matrix2-endpoint-missing": Severity.WARNING, "sfu-refused-token": Severity.ERROR}


async def test_a_newer_endpoint_that_browsers_may_not_read_breaks_nothing(town: Town) -> None:
    """It works for others, and is not shown the token again for a second warning."""

    async def without_cors(request: Request) -> Answer:
        answer = await town.focus.service.answer(request.at("/get_token"))
        return answer.without_headers("Access-Control-")

    town.focus.site.mount(Mount("/livekit/jwt/get_token", without_cors, exact=True))
    report = await town.check()
    assert token_stage(report)[0] is Outcome.OK
    assert found(report) == {"matrix2-endpoint-missing": Severity.WARNING, "sfu-refused-token": Severity.ERROR}


class Waiting:
    """Issues a token only after a while, or when it is let."""

    def __init__(self, issuer: Issuer, seconds: float | None = None) -> None:
        self._issuer = issuer
        self._seconds = seconds
        self.let = asyncio.Event()

    async def issue(self, release: Release, values: Mapping[str, Any]) -> dict[str, str]:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.let.wait(), self._seconds)
        return await self._issuer.issue(release, values)


BRISK = Limits(timeout=4.0, deadline=5.0)
"""For a check whose own limits end before the service's answer."""


async def test_a_service_that_waits_is_waited_for(town: Town) -> None:
    """Beyond the time of a request and of the whole check; then it is told what it waits for."""
    town.focus.service.issuer = waiting = Waiting(town.issuer)
    report = await town.check(BRISK, token_patience=6.0)
    waiting.let.set()
    assert report.elapsed_ms > 6000
    outcome, detail = token_stage(report)
    assert outcome is Outcome.FAILED
    assert detail == (
        "/sfu/get: no answer within 6 s, while the service waits for the federation API of `example.org` or for the SFU"
    )
    assert found(report) == {"token-waiting": Severity.ERROR}
    assert report.verdict is Verdict.CRITICAL
    assert "still find" not in report.summary


async def test_an_answer_after_the_deadline_of_the_check_is_heard(town: Town) -> None:
    """With the token the stages go on: the time that it took is not missing for them."""
    town.focus.service.issuer = Waiting(town.issuer, BRISK.deadline)
    report = await town.check(BRISK, token_patience=20.0)
    assert report.elapsed_ms > BRISK.deadline * 1000
    assert token_stage(report)[1].startswith("/sfu/get and /get_token issue a token")
    assert found(report) == {"sfu-refused-token": Severity.ERROR}


async def impatient(request: Request) -> Answer:
    """A proxy whose read time-out has struck."""
    return nginx_page(504) if shown_token(request) else json_answer(400, {"errcode": "M_BAD_JSON"}, CORS)


async def test_a_proxy_that_does_not_wait_counts_likewise(town: Town) -> None:
    """504 after an empty request was answered; of another server than the bot's it proves nothing."""
    focus = await town.federation.focus("https://rtc.friend.example/jwt")
    focus.site.mount(Mount("/jwt/sfu/get", impatient, exact=True))
    await town.federation.server("friend.example", foci=[focus.url])
    await town.federation.server(NAME, foci=[SERVICE, focus.url], base_url=town.homeserver_url)
    focus.service.issuer = town.issuer
    own, friend = await town.check(), await town.check(target="friend.example")
    assert own.foci[1].verdict is Verdict.CRITICAL
    assert friend.verdict is Verdict.UNKNOWN
    for report in (own, friend):
        (waiting,) = [one for one in report.findings if one.code == "token-waiting"]
        assert "/sfu/get: HTTP 504 from the proxy" in waiting.message
        assert "/get_token issues one, but clients do not ask there by default" in waiting.message
        assert "proxy_read_timeout" in waiting.advice


PASSED_ON = """\
proxy_pass https://{inside}; proxy_http_version 1.1; proxy_set_header Host $host;
proxy_ssl_server_name on; proxy_ssl_name $host; """


@asynccontextmanager
async def behind_nginx(town: Town, directory: Path, locations: str) -> AsyncIterator[None]:
    """A real nginx at the host of the service and the SFU, which passes on what it is told to."""
    inside = town.federation.connect_to[f"rtc.{NAME}:443"]
    nginx = Nginx(directory, town.federation)
    await nginx.start({f"rtc.{NAME}": locations.replace("PASS", PASSED_ON.format(inside=inside))})
    try:
        yield
    finally:
        await nginx.stop()


@pytest.mark.usefixtures("nginx")
async def test_nginx_that_waits_too_short(town: Town, tmp_path: Path) -> None:
    """Its read time-out strikes while the service waits: a 504 that says nothing of the service being down."""
    town.focus.service.issuer = waiting = Waiting(town.issuer)
    async with behind_nginx(town, tmp_path / "nginx", "location / { PASS proxy_read_timeout 2s; }"):
        report = await town.check()
        waiting.let.set()
    outcome, detail = token_stage(report)
    assert outcome is Outcome.FAILED
    assert detail.startswith("/sfu/get: HTTP 504 from the proxy after ")
    assert "while the service waits for the federation API of `example.org` or for the SFU" in detail
    assert found(report) == {"token-waiting": Severity.ERROR}
    assert report.verdict is Verdict.CRITICAL


@pytest.mark.usefixtures("nginx")
async def test_nginx_with_a_route_for_the_older_endpoint_alone(town: Town, tmp_path: Path) -> None:
    """As guides from its days have it: calls work, and the newer endpoint is a warning."""
    routes = "location = /livekit/jwt/sfu/get { PASS } location /livekit/sfu/ { PASS }"
    async with behind_nginx(town, tmp_path / "nginx", routes):
        report = await town.check()
    assert token_stage(report)[0] is Outcome.OK
    assert found(report) == {"matrix2-endpoint-missing": Severity.WARNING, "sfu-refused-token": Severity.ERROR}


@pytest.mark.parametrize(
    ("paths", "timeout", "outcome", "codes"),
    [
        ("path_beg /livekit/", "2s", Outcome.FAILED, {"token-waiting"}),
        ("path /livekit/jwt/sfu/get", "30s", Outcome.OK, {"matrix2-endpoint-missing", "sfu-unreachable"}),
    ],
    ids=["waits too short", "routes the older endpoint alone"],
)
async def test_haproxy(
    town: Town, haproxy: None, tmp_path: Path, paths: str, timeout: str, outcome: Outcome, codes: set[str]
) -> None:
    """504 from its time-out for servers; 503 where no backend is named, at `/get_token` and here at the SFU."""
    waiting = Waiting(town.issuer)
    if outcome is Outcome.FAILED:
        town.focus.service.issuer = waiting
    inside = town.federation.connect_to[f"rtc.{NAME}:443"]
    proxy = HAProxy(tmp_path / "haproxy", town.federation)
    backend = f"backend inside\n timeout server {timeout}\n server one {inside} ssl verify none sni str(rtc.{NAME})"
    await proxy.start(f"rtc.{NAME}", f"use_backend inside if {{ {paths} }}", backend)
    try:
        report = await town.check()
    finally:
        await proxy.stop()
        waiting.let.set()
    assert token_stage(report)[0] is outcome
    assert found(report).keys() == codes
    if outcome is Outcome.FAILED:
        assert "HTTP 504 from the proxy" in token_stage(report)[1]
