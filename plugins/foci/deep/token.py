"""
The stage ``token``: what an authorisation service answers to an OpenID token, by errcode and version (lk-jwt-service).

Whatever goes wrong here, Element Call shows OPEN_ID_ERROR.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botkit.outbound.model import Answered, Exchange, Failed, Failure, FailureKind, Response
from plugins.foci.failure import advice_for, meaning_of
from plugins.foci.findings import finding
from plugins.foci.model import Certainty, Stage
from plugins.foci.probe.observation import DeepStageResult, ProbeSettings, certainty_of, failed, passed
from plugins.foci.responses import BodyFault, errcode_of, is_challenge, read_json

_ERRCODE = re.compile(r"M_[A-Z_]{1,40}")
_SHOWN = "Element Call shows OPEN_ID_ERROR"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """
    On whose behalf a token is asked for.

    Attributes:
        server: of the bot's account.
        is_own: whether that is the server being checked; else a refusal may concern the bot's account alone.
        host: of the service.
    """

    server: str
    is_own: bool
    host: str

    @property
    def certainty(self) -> Certainty:
        """What a refusal of this account proves about the focus of the server being checked."""
        return Certainty.DEFINITE if self.is_own else Certainty.UNCLEAR


@dataclass(frozen=True, slots=True)
class _Refusal:
    detail: str
    advice: str
    certainty: Certainty
    code: str = "token-refused"


def wants_old_endpoint(exchange: Exchange) -> bool:
    """Whether this answer (400, 404, 405) makes clients fall back to ``/sfu/get``."""
    return isinstance(exchange, Answered) and exchange.response.status in (400, 404, 405)


def judge_token(
    exchange: Exchange, applicant: TokenRequest, endpoint: str, now: float, settings: ProbeSettings
) -> tuple[DeepStageResult, Grant | None]:
    """
    Judge the answer to an OpenID token, and what it granted.

    Args:
        endpoint: that was asked, for people.
        now: seconds since the epoch.
    """
    if isinstance(exchange, Failed):
        return _unanswered(exchange, applicant, settings), None
    elapsed = exchange.connection.http_ms
    if exchange.response.status != 200:
        return _refused(_refusal(exchange.response, applicant), elapsed, endpoint), None
    grant = read_grant(exchange.response)
    if isinstance(grant, Grant) and not grant.joins:
        grant = "HTTP 200 with a token that does not allow joining"
    if isinstance(grant, str):
        return _refused(_Refusal(grant, _UPDATE, Certainty.DEFINITE), elapsed, endpoint), None
    return passed(Stage.TOKEN, elapsed, f"{endpoint} issues a token ({_terms(grant, now)})"), grant


def judge_openid(exchange: Exchange, server: str) -> DeepStageResult:
    """The own homeserver gave no OpenID token: nothing is known of the focus."""
    reason = exchange.failure.detail if isinstance(exchange, Failed) else _status(exchange.response)
    detail = f"{server} issued the bot no OpenID token: {reason}"
    advice = "Nothing to change at the focus: check the bot's account and its homeserver."
    found = finding("not-tested", f"{detail}.", advice)
    return failed(Stage.TOKEN, exchange.elapsed_ms, detail, Certainty.UNCLEAR, found)


def judge_unread_list(server: str, place: str) -> DeepStageResult:
    """Whether the own homeserver lists the service is not known, so it gets no token: nothing is known of the focus."""
    detail = f"the list of {server} could not be read, so no token was sent to {place}"
    advice = "Nothing to change at the focus: check the well-known and the transports endpoint of the bot's homeserver."
    found = finding("not-tested", f"{detail[:1].upper()}{detail[1:]}.", advice)
    return failed(Stage.TOKEN, None, detail, Certainty.UNCLEAR, found)


_UPDATE = "Update lk-jwt-service (0.4.0 or later), and check that no proxy alters requests or answers."
_KEYS = (
    "Correct LIVEKIT_URL, LIVEKIT_KEY and LIVEKIT_SECRET of lk-jwt-service: it must reach the SFU's API there, with a "
    "key listed in LiveKit's `keys`, and the SFU must be running."
)
_WAIT = "Check again later."
_WAF = "Exempt the service's paths from bot challenges: Matrix clients cannot solve them."


def _refusal(response: Response, applicant: TokenRequest) -> _Refusal:
    status, errcode = response.status, errcode_of(response)
    named = _status(response)
    if is_challenge(response):
        return _Refusal("blocked by a bot challenge", _WAF, Certainty.UNCLEAR, "waf-challenge")
    if status == 429:
        return _Refusal(f"{named}: too many requests from here", _WAIT, Certainty.UNCLEAR, "rate-limited")
    if errcode == "M_LOOKUP_FAILED" or status == 401:
        version = " (as services up to 0.5.0 answer)" if errcode == "M_LOOKUP_FAILED" else ""
        detail = f"{named}{version}: the service could not look up the bot's account at {applicant.server}"
        advice = (
            f"Let the machine of {applicant.host} reach the federation API of {applicant.server}: the path "
            "`/_matrix/federation/v1/openid/userinfo`, found by `/.well-known/matrix/server`, served by a listener "
            "with the resource `openid` or `federation`. Names inside containers and routers without loopback are the "
            "usual cause."
        )
        return _Refusal(detail, advice, applicant.certainty)
    if status == 403:
        detail = f"{named}: the service refuses tokens to users of {applicant.server}"
        advice = (
            f"Add {applicant.server} to LIVEKIT_FULL_ACCESS_HOMESERVERS of lk-jwt-service, or let the firewall pass "
            "its paths."
        )
        return _Refusal(detail, advice, applicant.certainty)
    if status == 400:
        return _Refusal(f"{named}: the service rejects what clients send", _UPDATE, Certainty.DEFINITE)
    if status >= 500:
        detail = (
            f"{named}: the service could not create the room or the token" if errcode else f"{named} from the proxy"
        )
        return _Refusal(detail, _KEYS, Certainty.DEFINITE)
    return _Refusal(f"{named} instead of a token", _UPDATE, Certainty.DEFINITE)


def _refused(refusal: _Refusal, elapsed_ms: float | None, endpoint: str) -> DeepStageResult:
    detail = f"{endpoint}: {refusal.detail}"
    found = finding(refusal.code, f"The service issues no token ({_SHOWN}): {detail}.", refusal.advice)
    return failed(Stage.TOKEN, elapsed_ms, detail, refusal.certainty, found)


def _unanswered(exchange: Failed, applicant: TokenRequest, settings: ProbeSettings) -> DeepStageResult:
    detail = told_failure(exchange.failure)
    found = finding(
        meaning_of(exchange.failure).code,
        f"The service issues no token ({_SHOWN}): {detail}.",
        advice_for(exchange.failure, applicant.host),
    )
    certainty = certainty_of(exchange.failure, exchange, settings)
    return failed(Stage.TOKEN, exchange.elapsed_ms, detail, certainty, found)


def told_failure(failure: Failure) -> str:
    """Why a request that carried a token has no answer, in words that cannot repeat the token."""
    return "the answer is not valid HTTP" if failure.kind is FailureKind.HTTP_PROTOCOL else failure.detail


def _status(response: Response) -> str:
    errcode = errcode_of(response)
    named = f" {errcode}" if errcode and _ERRCODE.fullmatch(errcode) else ""
    return f"HTTP {response.status}{named}"


def _terms(grant: Grant, now: float) -> str:
    rights = [name for name, granted in (("publish", grant.publishes), ("subscribe", grant.subscribes)) if granted]
    parts = ["join", *rights]
    if grant.expires_at is not None:
        minutes = round((grant.expires_at - now) / 60)
        parts.append(f"for {minutes} min" if minutes > 0 else "already expired")
    return ", ".join(parts)


_LONGEST_JWT = 16 * 1024
_LONGEST_URL = 2048


@dataclass(frozen=True, slots=True)
class Grant:
    """
    A LiveKit token and where it is for.

    Attributes:
        url: the SFU's URL, word for word.
        jwt: the token; a secret.
        joins: whether it lets its bearer join a room.
        publishes, subscribes: what it lets the bearer do there (LiveKit's default is yes).
        expires_at: seconds since the epoch; None if it does not say.
    """

    url: str
    jwt: str = field(repr=False)
    joins: bool
    publishes: bool
    subscribes: bool
    expires_at: float | None


def read_grant(response: Response) -> Grant | str:
    """The grant in an answer of status 200, or what is wrong with it in a clause that quotes nothing."""
    parsed = read_json(response.body)
    if isinstance(parsed, BodyFault) or not isinstance(parsed.value, dict):
        return "HTTP 200 without a JSON object"
    url, jwt = parsed.value.get("url"), parsed.value.get("jwt")
    if not isinstance(jwt, str) or not jwt:
        return "HTTP 200 without a token"
    if not isinstance(url, str) or not 0 < len(url) <= _LONGEST_URL:
        return "HTTP 200 without the SFU's URL"
    claims = _claims(jwt)
    if claims is None:
        return "HTTP 200 with a token that is not a JWT"
    video = claims.get("video")
    if not isinstance(video, dict) or not isinstance(video.get("room"), str) or not video["room"]:
        return "HTTP 200 with a token that names no room"
    expires: Any = claims.get("exp")
    return Grant(
        url,
        jwt,
        joins=video.get("roomJoin") is True,
        publishes=video.get("canPublish") is not False,
        subscribes=video.get("canSubscribe") is not False,
        expires_at=float(expires) if _is_time(expires) else None,
    )


def _claims(jwt: str) -> Mapping[str, Any] | None:
    """The payload of a JWT in compact form (RFC 7519, section 3)."""
    parts = jwt.split(".")
    if len(jwt) > _LONGEST_JWT or len(parts) != 3 or not jwt.isascii() or not jwt.isprintable():
        return None
    try:
        payload = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    parsed = read_json(payload)
    return parsed.value if not isinstance(parsed, BodyFault) and isinstance(parsed.value, dict) else None


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
