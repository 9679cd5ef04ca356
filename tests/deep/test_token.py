"""Reading what a service answers to an OpenID token: grants, refusals, and strangers' nonsense."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound.model import FailureKind, Phase
from plugins.foci.deep.token import Grant, TokenRequest, judge_openid, judge_token, read_grant, wants_old_endpoint
from plugins.foci.model import Certainty, Outcome
from plugins.foci.probe.observation import ProbeSettings
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


def test_a_grant_is_read() -> None:
    """URL, rights and end; its representation holds no token."""
    now = NOW.timestamp()
    body = granting({"video": {**VIDEO, "canPublish": False}, "exp": now + 3600})
    grant = read_grant(response(200, body))
    assert isinstance(grant, Grant)
    assert (grant.url, grant.joins, grant.publishes, grant.subscribes) == (body["url"], True, False, True)
    assert grant.expires_at == now + 3600
    assert body["jwt"] not in repr(grant)
    step, again = judge_token(answered(200, body), OWN, "/get_token", now, SETTINGS)
    assert again == grant
    assert step.result.outcome is Outcome.OK
    assert step.result.detail == "/get_token issues a token (join, subscribe, for 60 min)"


def test_a_token_that_has_ended_is_told() -> None:
    """A clock that is wrong shows here before the SFU complains."""
    body = granting({"video": VIDEO, "exp": NOW.timestamp() - 60})
    step, grant = judge_token(answered(200, body), OWN, "/sfu/get", NOW.timestamp(), SETTINGS)
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
    step, grant = judge_token(answered(200, body), OWN, "/get_token", 0.0, SETTINGS)
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
        (503, None, "from the proxy", "LIVEKIT_URL", Certainty.DEFINITE, Certainty.DEFINITE),
        (307, None, "HTTP 307 instead", "Update", Certainty.DEFINITE, Certainty.DEFINITE),
    ],
)
def test_refusals_are_told_apart(
    status: int, errcode: str | None, words: str, advice: str, for_own: Certainty, for_others: Certainty
) -> None:
    """By status and errcode; whether this account's refusal proves anything depends on whose server is checked."""
    body = {"errcode": errcode, "error": "Some English text"} if errcode else b"<html>"
    for applicant, certainty in ((OWN, for_own), (FOREIGN, for_others)):
        step, grant = judge_token(answered(status, body), applicant, "/get_token", 0.0, SETTINGS)
        assert grant is None
        assert words in step.result.detail
        (found,) = step.findings
        assert found.code == "token-refused"
        assert "OPEN_ID_ERROR" in found.message
        assert advice in found.advice
        assert "English" not in found.message + found.advice + step.result.detail
        assert step.certainty is certainty


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [(429, {}, "rate-limited"), (403, {"cf-mitigated": "challenge"}, "waf-challenge")],
)
def test_what_may_meet_the_bot_alone_proves_nothing(status: int, headers: dict[str, str], code: str) -> None:
    """A limit or a challenge leaves the focus unknown."""
    step, _ = judge_token(answered(status, b"", headers), OWN, "/get_token", 0.0, SETTINGS)
    assert [found.code for found in step.findings] == [code]
    assert step.certainty is Certainty.UNCLEAR


def test_an_errcode_that_somebody_made_up_is_not_shown() -> None:
    """It could be anything, such as the token itself."""
    step, _ = judge_token(answered(401, {"errcode": "aBcDeF123"}), OWN, "/get_token", 0.0, SETTINGS)
    assert "aBcDeF123" not in step.result.detail


def test_no_answer_says_why_and_quotes_nobody() -> None:
    """A time-out counts as ever; illegal HTTP may hold the token, so its text is not passed on."""
    slow = failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP, "did not send a response within 10 s")
    step, _ = judge_token(slow, OWN, "/get_token", 0.0, SETTINGS)
    assert step.certainty is Certainty.TIMEOUT
    assert [found.code for found in step.findings] == ["http-timeout"]
    broken = failed(FailureKind.HTTP_PROTOCOL, Phase.HTTP, "not legal HTTP: Bad status line: the-token")
    step, _ = judge_token(broken, OWN, "/get_token", 0.0, SETTINGS)
    assert "the-token" not in step.result.detail + step.findings[0].message


def test_the_own_homeserver_refusing_says_nothing_of_the_focus() -> None:
    """No OpenID token: the stage failed, the focus is unknown."""
    step = judge_openid(answered(403, {"errcode": "M_FORBIDDEN"}), "example.org")
    assert step.result.detail == "example.org issued the bot no OpenID token: HTTP 403 M_FORBIDDEN"
    assert step.certainty is Certainty.UNCLEAR
    assert [found.code for found in step.findings] == ["not-tested"]


@pytest.mark.parametrize(("status", "old"), [(400, True), (404, True), (405, True), (401, False), (500, False)])
def test_only_a_missing_endpoint_leads_to_the_old_one(status: int, old: bool) -> None:
    """A refusal stays one: asking again would only be another look-up."""
    assert wants_old_endpoint(answered(status)) is old
    assert wants_old_endpoint(failed(FailureKind.HTTP_TIMEOUT, Phase.HTTP)) is False


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_body_is_a_surprise(body: bytes) -> None:
    """Whatever comes is judged."""
    step, grant = judge_token(answered(200, body), OWN, "/get_token", 0.0, SETTINGS)
    assert grant is None
    assert step.result.outcome is Outcome.FAILED
