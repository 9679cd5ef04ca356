"""Reading what a service answers to an OpenID token: grants, refusals, and strangers' nonsense."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound.model import Exchange, FailureKind, Phase
from plugins.foci.deep.grant import Grant, read_grant
from plugins.foci.deep.token import TokenAnswers, TokenRequest, judge_openid, judge_token
from plugins.foci.model import Certainty, Outcome, Severity
from plugins.foci.probe.observation import DeepStageResult, ProbeSettings
from tests.foci.evidence import NOW, answered, failed, response

OWN = TokenRequest("example.org", True, "rtc.example.org")
FOREIGN = TokenRequest("example.org", False, "rtc.example.net")
SETTINGS = ProbeSettings()
VIDEO = {"room": "abc", "roomJoin": True}


def jwt(claims: Any) -> str:
    """A token with a payload; nobody looks at its signature."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2lnbmF0dXJl"


def granting(claims: Any, **further: Any) -> dict[str, Any]:
    return {"url": "wss://rtc.example.org/livekit/sfu", "jwt": jwt(claims), **further}


def judged(
    older: Exchange, newer: Exchange | None = None, applicant: TokenRequest = OWN
) -> tuple[DeepStageResult, Grant | None]:
    return judge_token(TokenAnswers(older, newer), applicant, NOW.timestamp(), SETTINGS)


def test_a_grant_is_read() -> None:
    """URL, rights and end; its representation holds no token."""
    now = NOW.timestamp()
    body = granting({"video": {**VIDEO, "canPublish": False}, "exp": now + 3600})
    grant = read_grant(response(200, body))
    assert isinstance(grant, Grant)
    assert (grant.url, grant.publishes, grant.subscribes) == (body["url"], False, True)
    assert grant.expires_at == now + 3600
    assert body["jwt"] not in repr(grant)
    step, again = judged(answered(200, body))
    assert again == grant
    assert step.result.outcome is Outcome.OK
    assert step.result.detail == "/sfu/get issues a token (join, subscribe, for 60 min)"
    step, again = judged(answered(200, body), answered(200, granting({"video": VIDEO})))
    assert again == grant
    assert step.result.detail == "/sfu/get and /get_token issue a token (join, subscribe, for 60 min)"


def test_a_token_that_has_ended_is_told() -> None:
    """A clock that is wrong shows here before the SFU complains."""
    body = granting({"video": VIDEO, "exp": NOW.timestamp() - 60})
    step, grant = judged(answered(200, body))
    assert grant is not None
    assert "already expired" in step.result.detail


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"<html>", "without a JSON object"),
        ([], "without a JSON object"),
        ({"url": "wss://x"}, "without a token"),
        ({"url": "wss://x", "jwt": 7}, "without a token"),
        ({"jwt": jwt({"video": VIDEO})}, "without the SFU's URL"),
        ({"jwt": jwt({"video": VIDEO}), "url": "w" * 3000}, "without the SFU's URL"),
        ({"url": "wss://x", "jwt": "a.b"}, "not a JWT"),
        ({"url": "wss://x", "jwt": "a.!!!.c"}, "not a JWT"),
        ({"url": "wss://x", "jwt": f"a.{base64.b64encode(b'[]').decode()}.c"}, "not a JWT"),
        ({"url": "wss://x", "jwt": jwt({"video": VIDEO}) + "c" * 20_000}, "not a JWT"),
        ({"url": "wss://x", "jwt": "ü.ü.ü"}, "not a JWT"),
        ({"url": "wss://x", "jwt": jwt({"video": VIDEO}) + "\r\nX: y"}, "not a JWT"),
        ({"url": "wss://x", "jwt": jwt({})}, "names no room"),
        ({"url": "wss://x", "jwt": jwt({"video": {"room": ""}})}, "names no room"),
        ({"url": "wss://x", "jwt": jwt({"video": {"room": "a"}})}, "does not allow joining"),
    ],
)
def test_what_is_no_grant_is_a_refusal(body: Any, fault: str) -> None:
    """200 alone proves nothing."""
    step, grant = judged(answered(200, body))
    assert grant is None
    assert fault in step.result.detail
    assert [found.code for found in step.findings] == ["token-refused"]
    assert step.certainty is Certainty.DEFINITE


@pytest.mark.parametrize(
    ("status", "errcode", "words", "advice", "for_own", "for_others"),
    [
        (401, "M_UNAUTHORIZED", "could not look up", "openid/userinfo", Certainty.DEFINITE, Certainty.UNCLEAR),
        (500, "M_LOOKUP_FAILED", "services up to 0.5.0", "openid/userinfo", Certainty.DEFINITE, Certainty.UNCLEAR),
        (403, "M_FORBIDDEN", "refuses tokens", "LIVEKIT_FULL_ACCESS", Certainty.DEFINITE, Certainty.UNCLEAR),
        (400, "M_BAD_JSON", "rejects what clients send", "Update", Certainty.DEFINITE, Certainty.DEFINITE),
        (500, "M_UNKNOWN", "room or the token", "LIVEKIT_SECRET", Certainty.DEFINITE, Certainty.DEFINITE),
        (503, "M_UNKNOWN", "shutting down", "again", Certainty.DEFINITE, Certainty.DEFINITE),
        (503, None, "from the proxy", "its log", Certainty.DEFINITE, Certainty.DEFINITE),
        (307, None, "HTTP 307 instead", "Update", Certainty.DEFINITE, Certainty.DEFINITE),
    ],
)
def test_refusals_are_told_apart(
    status: int, errcode: str | None, words: str, advice: str, for_own: Certainty, for_others: Certainty
) -> None:
    """By status and errcode; whether this account's refusal proves anything depends on whose server is checked."""
    body = {"errcode": errcode, "error": "Some English text"} if errcode else b"<html>"
    for applicant, certainty in ((OWN, for_own), (FOREIGN, for_others)):
        step, grant = judged(answered(status, body), None, applicant)
        assert grant is None
        assert words in step.result.detail
        (found,) = step.findings
        assert found.code == "token-refused"
        assert "OPEN_ID_ERROR" in found.message
        assert advice in found.advice
        assert "English" not in found.message + found.advice + step.result.detail
        assert step.certainty is certainty


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answered(429), "refused-here"),
        (answered(403, b"<html>Forbidden"), "refused-here"),
        (answered(451), "refused-here"),
        (answered(503, b"<html><title>CrowdSec Ban</title>", http_ms=9_000), "refused-here"),
        (answered(403, b"", {"cf-mitigated": "challenge"}), "waf-challenge"),
    ],
)
def test_what_may_meet_the_bot_alone_proves_nothing(answer: Exchange, code: str) -> None:
    """A limit, a firewall or a challenge leaves the focus unknown, and says nothing of what clients show."""
    step, _ = judged(answer)
    (found,) = step.findings
    assert (found.code, step.certainty) == (code, Certainty.UNCLEAR)
    assert "OPEN_ID_ERROR" not in found.message


def test_a_login_in_front_is_no_failed_look_up() -> None:
    """The service itself names an errcode with its 401."""
    step, _ = judged(answered(401, b"<html>Log in", {"www-authenticate": "Basic"}))
    assert step.result.detail == "/sfu/get: HTTP 401 instead of a token"


def test_an_errcode_that_somebody_made_up_is_not_shown() -> None:
    """It could be anything, such as the token itself."""
    step, _ = judged(answered(401, {"errcode": "aBcDeF123"}))
    assert "aBcDeF123" not in step.result.detail


def test_no_answer_says_why_and_quotes_nobody() -> None:
    """Illegal HTTP may hold the token, so its text is not passed on; nor is a connection that failed a wait."""
    broken = failed(FailureKind.HTTP_PROTOCOL, Phase.HTTP, "not legal HTTP: Bad status line: the-token")
    step, _ = judged(broken)
    assert "the-token" not in step.result.detail + step.findings[0].message
    step, _ = judged(failed(FailureKind.CONNECT_TIMEOUT, Phase.CONNECT, "no answer to SYN", elapsed_ms=35_000))
    assert [found.code for found in step.findings] == ["connect-timeout"]
    assert step.certainty is Certainty.TIMEOUT


def test_all_causes_of_a_room_that_was_not_made() -> None:
    """They look the same from outside; none may be missing."""
    step, _ = judged(answered(500, {"errcode": "M_UNKNOWN", "error": "Unable to create room on SFU"}))
    causes = ("LIVEKIT_KEY", "LIVEKIT_SECRET", "LIVEKIT_URL", "down", "full", "`GET /` answers 200", "certificate")
    assert all(cause in step.findings[0].advice for cause in (*causes, "clocks"))


def timed_out(elapsed_ms: float) -> Exchange:
    told = f"192.0.2.7 did not send a response within {elapsed_ms / 1000:.0f} s"
    return failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP, told, elapsed_ms=elapsed_ms)


def hung_up(elapsed_ms: float) -> Exchange:
    return failed(FailureKind.HTTP_DISCONNECTED, Phase.HTTP, "connection closed", elapsed_ms=elapsed_ms)


@pytest.mark.parametrize(
    ("answer", "ended", "for_own", "proxy"),
    [
        (timed_out(35_000), "no answer within 35 s", Certainty.TIMEOUT, False),
        (timed_out(33_000), "no answer within 33 s", Certainty.TIMEOUT, False),
        (answered(504, b"<html>Gateway Time-out", http_ms=15_000), "HTTP 504 from the proxy after 15 s", None, True),
        (answered(504, b"", http_ms=100), "HTTP 504 from the proxy, while", None, True),
        (answered(524, b"<html>", http_ms=20_000), "HTTP 524 from the proxy after 20 s", None, True),
        (answered(502, b"<html>Proxy Error", http_ms=20_000), "HTTP 502 from the proxy after 20 s", None, True),
        (answered(503, b"upstream timeout", http_ms=8_000), "HTTP 503 from the proxy after 8 s", None, True),
        (hung_up(30_000), "the connection was closed after 30 s", None, True),
    ],
)
def test_a_service_that_waits_is_not_down(answer: Exchange, ended: str, for_own: Certainty | None, proxy: bool) -> None:
    """It answered an empty request at once, so it waits for one of two others; whose turn was over is told."""
    for applicant, certainty in ((OWN, for_own or Certainty.DEFINITE), (FOREIGN, Certainty.UNCLEAR)):
        step, _ = judged(answer, None, applicant)
        (found,) = step.findings
        assert (found.code, found.severity, step.certainty) == ("token-waiting", Severity.ERROR, certainty)
        assert ended in step.result.detail
        assert "waits for the federation API of `example.org` or for the SFU" in step.result.detail
        assert "after 10 or 30 s (HTTP 401), on an SFU that accepts no connections after 30 s" in found.message
        assert ("most likely the SFU" in found.message) is (answer.elapsed_ms > 31_000)
        assert all(word in found.advice for word in ("openid/userinfo", "LIVEKIT_URL"))
        assert ("proxy_read_timeout" in found.advice) is proxy


@pytest.mark.parametrize(
    ("answer", "applicant", "code", "certainty"),
    [
        (timed_out(4_000), OWN, "http-timeout", Certainty.UNCLEAR),
        (timed_out(35_000), TokenRequest("example.org", True, "rtc.example.org", prompt=False), "http-timeout", None),
        (hung_up(200), OWN, "http-protocol", Certainty.DEFINITE),
        (answered(502, b"<html>"), OWN, "token-refused", Certainty.DEFINITE),
        (answered(504, {"errcode": "M_UNKNOWN"}, http_ms=12_000), OWN, "token-refused", Certainty.DEFINITE),
        (answered(504, b"", {"cf-mitigated": "challenge"}), OWN, "waf-challenge", Certainty.UNCLEAR),
    ],
)
def test_what_is_no_wait(answer: Exchange, applicant: TokenRequest, code: str, certainty: Certainty | None) -> None:
    """Cut short here, a service that is slow at everything, errors at once, and the service's own answer."""
    step, _ = judged(answer, None, applicant)
    assert [found.code for found in step.findings] == [code]
    assert step.certainty is (certainty or Certainty.TIMEOUT)


@pytest.mark.parametrize(
    ("status", "errcode", "seconds", "words", "advice"),
    [
        (
            401,
            "M_UNAUTHORIZED",
            10.1,
            "for 10 s, as where the host that its server well-known names accepts no",
            "openid/userinfo",
        ),
        (401, "M_UNAUTHORIZED", 30.2, "for 30 s, as where its federation API is silent", "openid/userinfo"),
        (500, "M_LOOKUP_FAILED", 30.2, "for 30 s, as where its federation API is silent", "openid/userinfo"),
        (500, "M_UNKNOWN", 30.3, "for 30 s, as where the SFU accepts no connections", "LIVEKIT_URL"),
    ],
)
def test_the_time_of_an_answer_says_what_was_waited_for(
    status: int, errcode: str, seconds: float, words: str, advice: str
) -> None:
    """As measured of lk-jwt-service: so long it waits for each; at once it was refused."""
    step, _ = judged(answered(status, {"errcode": errcode}, http_ms=seconds * 1000))
    assert [found.code for found in step.findings] == ["token-refused"]
    assert words in step.result.detail
    assert advice in step.findings[0].advice
    step, _ = judged(answered(status, {"errcode": errcode}))
    assert "as where" not in step.result.detail


GRANTED = answered(200, granting({"video": VIDEO}))
NEWER_FAULTS = (
    (timed_out(35_000), "did not send a response within 35 s"),
    (hung_up(100), "connection closed"),
    (failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT, "connection refused"), "connection refused"),
    (failed(FailureKind.HTTP_PROTOCOL, Phase.HTTP, "Bad status line: tok"), "not valid HTTP"),
    (answered(500, {"errcode": "M_UNKNOWN"}), "HTTP 500 `M_UNKNOWN`"),
    (answered(401, {"errcode": "M_UNAUTHORIZED"}), "HTTP 401 `M_UNAUTHORIZED`"),
    (answered(400, {"errcode": "M_BAD_JSON"}), "HTTP 400 `M_BAD_JSON`"),
    (answered(503, b"<html>No server is available"), "HTTP 503"),
    (answered(307, b"", {"location": "/login"}), "HTTP 307"),
    (answered(200, b"<html>"), "without a JSON object"),
    (answered(200, b'{"url": "wss://x", "jwt": '), "without a JSON object"),
    (answered(200, {"url": "wss://x", "jwt": "a.b"}), "not a JWT"),
)


@pytest.mark.parametrize(("newer", "words"), NEWER_FAULTS)
def test_whatever_the_newer_endpoint_answers_the_older_one_decides(newer: Exchange, words: str) -> None:
    """Element Call falls back on any error, so a token is a token; the newer endpoint is a warning of its own."""
    step, grant = judged(GRANTED, newer)
    assert grant is not None
    assert step.result.outcome is Outcome.OK
    assert step.certainty is None
    (found,) = step.findings
    assert (found.code, found.severity) == ("matrix2-endpoint-missing", Severity.WARNING)
    assert words in found.message
    assert "OPEN_ID_ERROR" not in found.message


@pytest.mark.parametrize(
    "newer",
    [answered(429), answered(403, b"", {"cf-mitigated": "challenge"}), timed_out(3_000)],
)
def test_what_may_have_met_this_machine_alone_is_no_fault_of_the_newer_endpoint(newer: Exchange) -> None:
    """A limit, a challenge, or a wait that was cut short here."""
    step, grant = judged(GRANTED, newer)
    assert grant is not None
    assert step.findings == ()


def test_a_token_of_the_newer_endpoint_alone_helps_nobody() -> None:
    """Element Call asks the older one by default: what that refuses is refused."""
    step, grant = judged(answered(500, {"errcode": "M_UNKNOWN"}), GRANTED)
    assert grant is None
    assert [found.code for found in step.findings] == ["token-refused"]
    assert "/get_token issues one, but clients do not ask there by default" in step.result.detail


def test_the_own_homeserver_refusing_says_nothing_of_the_focus() -> None:
    """No OpenID token: the stage failed, the focus is unknown."""
    step = judge_openid(answered(403, {"errcode": "M_FORBIDDEN"}), "example.org")
    assert step.result.detail == "`example.org` issued the bot no OpenID token: HTTP 403 `M_FORBIDDEN`"
    assert step.certainty is Certainty.UNCLEAR
    assert [found.code for found in step.findings] == ["not-tested"]


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_body_is_a_surprise(body: bytes) -> None:
    """Whatever comes is judged."""
    step, grant = judged(answered(200, body))
    assert grant is None
    assert step.result.outcome is Outcome.FAILED
