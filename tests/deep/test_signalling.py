"""Reading what an SFU answers to its token, and what it says first over its WebSocket."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol.models import ServerInfo
from livekit.protocol.rtc import ICEServer, JoinResponse, LeaveRequest, SignalRequest, SignalResponse

from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.deep.redaction import WITHHELD
from plugins.foci.deep.signalling import (
    Signalling,
    Welcome,
    accepts,
    judge_address,
    judge_signalling,
    judge_without_token,
    leave,
    read_welcome,
)
from plugins.foci.deep.token import TokenRequest
from plugins.foci.model import Certainty, Outcome, Severity
from plugins.foci.probe.observation import DeepStageResult, ProbeSettings
from plugins.foci.service_url import read_sfu_url
from tests.foci.evidence import answered, failed

OWN = TokenRequest("example.org", True, "rtc.example.org")
FOREIGN = TokenRequest("example.org", False, "rtc.example.org")
SFU = "wss://rtc.example.org/livekit/sfu"
URL = read_sfu_url(SFU)
HELLO = Welcome("1.13.5", "eu", 2)
OK_ANSWER = answered(200, b"success")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJ2aWRlbyI6e30.c2ln"


def judged(
    validate: Exchange,
    upgrade: Exchange | None = None,
    welcome: Welcome | None = None,
    *,
    since_v1: bool | None = True,
    applicant: TokenRequest = OWN,
) -> DeepStageResult:
    return judge_signalling(Signalling(URL, SFU, validate, since_v1, upgrade, welcome), applicant, ProbeSettings())


def test_an_sfu_that_welcomes_is_introduced() -> None:
    """Version, region, servers for ICE; an older one lacks the newer path."""
    step = judged(OK_ANSWER, answered(101), HELLO)
    assert step.result.detail == "the SFU accepts the token (LiveKit `1.13.5`, region `eu`, 2 ICE servers)"
    assert step.findings == ()
    bare = judged(OK_ANSWER, answered(101), Welcome("", "", 0), since_v1=False)
    assert bare.result.detail == "the SFU accepts the token (LiveKit, no ICE servers, without /rtc/v1)"


@pytest.mark.parametrize(
    "text",
    [
        f"invalid token: {TOKEN}, error: go-jose/go-jose: error in cryptographic primitive",
        "invalid API key: devkey",
        "invalid authorization token",
        "no permissions to access the room",
    ],
)
def test_livekits_own_refusal_is_known_by_its_words(text: str) -> None:
    """They are compared and never quoted; over HTTP and over the upgrade alike."""
    refusal = answered(401, text.encode())
    for step in (judged(refusal), judged(OK_ANSWER, refusal)):
        assert [found.code for found in step.findings] == ["sfu-refused-token"]
        assert step.certainty is Certainty.DEFINITE
        assert TOKEN not in repr(step)


@pytest.mark.parametrize(
    ("answer", "code", "certainty", "words"),
    [
        (answered(502, b"<html>Bad Gateway"), "sfu-unreachable", Certainty.DEFINITE, "HTTP 502 at /rtc/validate"),
        (answered(404, b"404 page not found"), "sfu-unreachable", Certainty.DEFINITE, "HTTP 404 at /rtc/validate"),
        (answered(401, b"<html>log in"), "sfu-unreachable", Certainty.DEFINITE, "HTTP 401 at /rtc/validate"),
        (answered(403, b"<html>"), "refused-here", Certainty.UNCLEAR, "HTTP 403"),
        (answered(429, b"<html>slow down"), "refused-here", Certainty.UNCLEAR, "HTTP 429"),
        (answered(503, b"<html><title>CrowdSec Ban"), "refused-here", Certainty.UNCLEAR, "HTTP 503 from CrowdSec"),
        (answered(503, b"could not allocate"), "sfu-unreachable", Certainty.DEFINITE, "INSUFFICIENT_CAPACITY_ERROR"),
        (answered(429, b"slow down"), "sfu-unreachable", Certainty.UNCLEAR, "accepts no participants"),
        (answered(403, b"", {"cf-mitigated": "challenge"}), "waf-challenge", Certainty.UNCLEAR, "challenge"),
    ],
)
def test_what_is_no_sfu_is_told(answer: Exchange, code: str, certainty: Certainty, words: str) -> None:
    """By status; what may meet this machine only leaves the focus unknown."""
    step = judged(answer)
    assert [found.code for found in step.findings] == [code]
    assert step.certainty is certainty
    assert words in step.result.detail or words in step.findings[0].message


def test_no_such_room_stops_the_own_users() -> None:
    """None of them can start a call; of another server it is told in passing, and the SFU is alive."""
    missing = answered(404, b"requested room does not exist")
    told = (
        (OWN, Outcome.FAILED, Severity.ERROR, Certainty.DEFINITE),
        (FOREIGN, Outcome.OK, Severity.INFO, None),
    )
    for applicant, outcome, severity, certainty in told:
        for step in (judged(missing, applicant=applicant), judged(OK_ANSWER, missing, applicant=applicant)):
            (found,) = step.findings
            assert (step.result.outcome, found.severity, step.certainty) == (outcome, severity, certainty)
            assert found.code == "room-not-created"
            assert "add it to LIVEKIT_FULL_ACCESS_HOMESERVERS" in found.advice
            assert "LIVEKIT_LOCAL_HOMESERVERS, is not read since 0.5.0" in found.advice


@pytest.mark.parametrize("status", [400, 404, 426, 502])
def test_a_refused_upgrade_is_the_proxys(status: int) -> None:
    """The token was taken over HTTP, so the header is what is missing."""
    step = judged(OK_ANSWER, answered(status))
    assert [found.code for found in step.findings] == ["sfu-unreachable"]
    assert f"upgrade to WebSocket is refused (HTTP {status})" in step.result.detail
    assert "proxy_set_header Upgrade" in step.findings[0].advice


def test_a_websocket_without_a_welcome_is_no_sfu() -> None:
    """Something upgrades, and speaks another language."""
    step = judged(OK_ANSWER, answered(101), None)
    assert "first message is not LiveKit's" in step.result.detail
    assert step.certainty is Certainty.DEFINITE


@pytest.mark.parametrize(
    ("kind", "phase", "severity", "certainty", "advice"),
    [
        (FailureKind.PRIVATE_LITERAL, Phase.ADDRESS, Severity.ERROR, Certainty.DEFINITE, "LIVEKIT_URL"),
        (FailureKind.PRIVATE_NAME, Phase.ADDRESS, Severity.WARNING, Certainty.UNCLEAR, "LIVEKIT_URL"),
        (FailureKind.DNS_NXDOMAIN, Phase.ADDRESS, Severity.ERROR, Certainty.DEFINITE, "LIVEKIT_URL"),
        (FailureKind.CONNECT_REFUSED, Phase.CONNECT, Severity.ERROR, Certainty.DEFINITE, "rtc.example.org"),
        (FailureKind.TLS_EXPIRED, Phase.TLS, Severity.ERROR, Certainty.DEFINITE, "Renew"),
        (FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, Severity.ERROR, Certainty.TIMEOUT, "firewall"),
    ],
)
def test_an_sfu_out_of_reach(
    kind: FailureKind, phase: Phase, severity: Severity, certainty: Certainty, advice: str
) -> None:
    """With what is to be changed: the URL that is handed out, or the host that does not answer."""
    for step in (judged(failed(kind, phase)), judged(OK_ANSWER, failed(kind, phase))):
        (found,) = step.findings
        assert (found.code, found.severity, step.certainty) == ("sfu-unreachable", severity, certainty)
        assert advice in found.advice


@pytest.mark.parametrize("host", ["localhost", "LiveKit.LOCALHOST", "localhost."])
def test_localhost_is_as_internal_as_its_address(host: str) -> None:
    """Whoever asks, it is their own machine (RFC 6761): certain, unlike other names that lead inside from here."""
    url = f"wss://{host}/livekit/sfu"
    seen = Signalling(read_sfu_url(url), url, failed(FailureKind.PRIVATE_NAME, Phase.ADDRESS))
    step = judge_signalling(seen, OWN, ProbeSettings())
    literal = judged(failed(FailureKind.PRIVATE_LITERAL, Phase.ADDRESS))
    assert step.certainty is literal.certainty is Certainty.DEFINITE
    assert [(found.code, found.severity, found.advice) for found in step.findings] == [
        (found.code, found.severity, found.advice) for found in literal.findings
    ]


def test_a_fault_of_this_machine_is_nobodys() -> None:
    """No route from here: not tested, and unknown."""
    step = judged(failed(FailureKind.NO_ROUTE, Phase.CONNECT))
    assert [found.code for found in step.findings] == ["not-tested"]
    assert step.certainty is Certainty.UNCLEAR


@pytest.mark.parametrize(
    "url", ["ws://livekit:7880", "http://rtc.example.org", "wss://${HOST}/", "rtc.example.org", ""]
)
def test_an_address_that_clients_cannot_use(url: str) -> None:
    """Nothing is asked there; it is the service's configuration."""
    step = judge_address(read_sfu_url(url), url)
    assert [found.code for found in step.findings] == ["sfu-unreachable"]
    assert "Set LIVEKIT_URL" in step.findings[0].advice
    assert step.certainty is Certainty.DEFINITE


def test_an_entry_with_an_sfu_alone_is_asked_without_a_token() -> None:
    """LiveKit's refusal of the WebSocket shows that it got there; anything else is a proxy's."""
    step = judge_without_token(URL, answered(401, b"no permissions to access the room"), ProbeSettings())
    assert step.result.outcome is Outcome.OK
    assert "none was sent" in step.result.detail
    for answer, advice in (
        (answered(404), "Upgrade"),
        (answered(401, b"log in"), "Upgrade"),
        (answered(101, b"x"), "Route LIVEKIT_URL"),
        (answered(503, b"full"), "more capacity"),
    ):
        step = judge_without_token(URL, answer, ProbeSettings())
        assert [found.code for found in step.findings] == ["sfu-unreachable"]
        assert advice in step.findings[0].advice
    challenged = judge_without_token(URL, answered(403, b"", {"cf-mitigated": "challenge"}), ProbeSettings())
    assert [found.code for found in challenged.findings] == ["waf-challenge"]


def test_a_page_for_every_path_accepts_no_token() -> None:
    """LiveKit says so in a word; a 200 of something else is no SFU."""
    assert accepts(answered(200, b"success"))
    assert not accepts(answered(200, b"<html>success</html>"))
    step = judge_without_token(URL, failed(FailureKind.HTTP_DISCONNECTED, Phase.HTTP), ProbeSettings())
    assert step.result.outcome is Outcome.FAILED


def welcome(**info: Any) -> bytes:
    servers = [ICEServer(urls=["turn:192.0.2.7:3478"], username="u", credential="secret")]
    message = SignalResponse(join=JoinResponse(server_info=ServerInfo(**info), ice_servers=servers))
    return bytes(message.SerializeToString())


def test_a_welcome_is_read() -> None:
    """Version and region, in one short line; the older fields where the newer are empty."""
    assert read_welcome(welcome(version="1.13.5", region="eu"), ()) == Welcome("1.13.5", "eu", 1)
    old = SignalResponse(join=JoinResponse(server_version="1.4.0", server_region="us")).SerializeToString()
    assert read_welcome(bytes(old), ()) == Welcome("1.4.0", "us", 0)
    odd = read_welcome(welcome(version="1\n2" * 50, region="\u202e✅"), ())
    assert odd is not None
    assert len(odd.version) <= 40
    assert "\n" not in odd.version
    assert "✅" not in odd.region


def test_a_welcome_that_repeats_the_token_is_withheld() -> None:
    """Even a piece of it."""
    seen = read_welcome(welcome(version=TOKEN[5:20], region="eu"), (TOKEN,))
    assert seen == Welcome(WITHHELD, "eu", 1)


def test_another_message_is_no_welcome() -> None:
    """A leave, or nothing at all."""
    assert read_welcome(bytes(SignalResponse(leave=LeaveRequest()).SerializeToString()), ()) is None
    assert read_welcome(b"", ()) is None


def test_the_leave_is_one() -> None:
    """What the SFU understands as going of one's own will."""
    assert SignalRequest.FromString(leave()).WhichOneof("message") == "leave"


@given(st.binary(max_size=400))
def test_no_first_message_is_a_surprise(message: bytes) -> None:
    """Protobuf or not."""
    seen = read_welcome(message, ("a-secret-of-some-length",))
    assert seen is None or len(seen.version + seen.region) <= 80
