"""
The stage ``token``: what an authorisation service answers to an OpenID token, by errcode and version (lk-jwt-service).

Whatever goes wrong here, Element Call shows OPEN_ID_ERROR.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from botkit.messages.sanitise import quoted
from botkit.outbound.model import Exchange, Failed, Failure, FailureKind, Response
from plugins.foci.deep.grant import Grant, read_grant
from plugins.foci.failure import advice_for, meaning_of
from plugins.foci.findings import finding
from plugins.foci.model import Certainty, Finding, Stage
from plugins.foci.probe.observation import DeepStageResult, ProbeSettings, certainty_of, failed, passed
from plugins.foci.refusal import exempt, refused_here
from plugins.foci.responses import errcode_of, is_challenge, meets_prober_only

_ERRCODE = re.compile(r"M_[A-Z_]{1,40}")
_SHOWN = "Element Call shows OPEN_ID_ERROR"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """
    On whose behalf a token is asked for, and of whom.

    Attributes:
        server: of the bot's account.
        is_own: whether that is the server being checked; else a refusal may concern the bot's account alone.
        host: of the service.
        prompt: whether the service answered an empty request at once, so that silence is not its load.
    """

    server: str
    is_own: bool
    host: str
    prompt: bool = True

    @property
    def certainty(self) -> Certainty:
        """What a refusal of this account proves about the focus of the server being checked."""
        return Certainty.DEFINITE if self.is_own else Certainty.UNCLEAR


@dataclass(frozen=True, slots=True)
class TokenAnswers:
    """
    What a service answered to an OpenID token.

    Attributes:
        older: at ``/sfu/get``, which Element Call asks by default, and falls back to whatever ``/get_token`` answers.
        newer: at ``/get_token``; None where that is known not to work.
    """

    older: Exchange
    newer: Exchange | None = None


@dataclass(frozen=True, slots=True)
class _Refusal:
    detail: str
    advice: str
    certainty: Certainty
    code: str = "token-refused"
    further: str = ""


def judge_token(
    answers: TokenAnswers, applicant: TokenRequest, now: float, settings: ProbeSettings
) -> tuple[DeepStageResult, Grant | None]:
    """
    Judge the answers to an OpenID token, and what was granted; ``/sfu/get`` decides.

    Args:
        now: seconds since the epoch.
    """
    newer_fault = _fault(answers.newer, settings) if answers.newer is not None else None
    newer_works = answers.newer is not None and isinstance(_read(answers.newer), Grant)
    grant = _read(answers.older)
    if not isinstance(grant, Grant):
        refusal = _no_token(answers.older, applicant, settings)
        return _refused(refusal, answers.older.elapsed_ms, also_newer=newer_works), None
    issuers = "/sfu/get and /get_token issue" if newer_works else "/sfu/get issues"
    found = () if newer_fault is None else (_about_newer(newer_fault),)
    detail = f"{issuers} a token ({_terms(grant, now)})"
    return passed(Stage.TOKEN, answers.older.connection.http_ms, detail, *found), grant


def judge_openid(exchange: Exchange, server: str) -> DeepStageResult:
    """The own homeserver gave no OpenID token: nothing is known of the focus."""
    reason = exchange.failure.detail if isinstance(exchange, Failed) else _status(exchange.response)
    detail = f"{quoted(server)} issued the bot no OpenID token: {reason}"
    advice = "Nothing to change at the focus: check the bot's account and its homeserver."
    found = finding("not-tested", f"{detail}.", advice)
    return failed(Stage.TOKEN, exchange.elapsed_ms, detail, Certainty.UNCLEAR, found)


def judge_unread_list(server: str, place: str) -> DeepStageResult:
    """Whether the own homeserver lists the service is not known, so it gets no token: nothing is known of the focus."""
    detail = f"the list of {quoted(server)} could not be read, so no token was sent to {quoted(place)}"
    advice = "Nothing to change at the focus: check the well-known and the transports endpoint of the bot's homeserver."
    found = finding("not-tested", f"{detail[:1].upper()}{detail[1:]}.", advice)
    return failed(Stage.TOKEN, None, detail, Certainty.UNCLEAR, found)


def _read(exchange: Exchange) -> Grant | str | None:
    """The grant in an answer, what is wrong with one of status 200, None for other outcomes."""
    if isinstance(exchange, Failed) or exchange.response.status != 200:
        return None
    return read_grant(exchange.response)


def _fault(exchange: Exchange, settings: ProbeSettings) -> str | None:
    """Why there is no token in an answer, in a clause; None if there is one, or nothing is proven."""
    if isinstance(exchange, Failed):
        unclear = certainty_of(exchange.failure, exchange, settings) is Certainty.UNCLEAR
        return None if unclear else told_failure(exchange.failure)
    found = _read(exchange)
    if isinstance(found, str):
        return found
    return None if found is not None or meets_prober_only(exchange.response) else _status(exchange.response)


def _about_newer(fault: str) -> Finding:
    message = (
        f"`/get_token` issues no token, unlike `/sfu/get`: {fault}. Element Call falls back; a client that knows only "
        "the newer endpoint fails."
    )
    advice = "Route `/get_token` to lk-jwt-service (0.4.0 or later) as `/sfu/get` is routed; its log says more."
    return finding("matrix2-endpoint-missing", message, advice)


_UPDATE = "Update lk-jwt-service (0.4.0 or later), and check that no proxy alters requests or answers."
_NO_ROOM = (
    "The log of lk-jwt-service says which it is: a LIVEKIT_KEY or LIVEKIT_SECRET that is not in LiveKit's `keys`; a "
    "LIVEKIT_URL that does not lead from its machine to the SFU's API; an SFU that is down, or full (LiveKit's `limit`;"
    " its `GET /` answers 200 all the same); an SFU's certificate that the service does not trust; clocks of the two "
    "machines that are minutes apart."
)
_SFU_SILENT = (
    "Let the machine of `{host}` reach LIVEKIT_URL: a firewall that drops packets or a router without loopback is the "
    "usual cause. Wrong keys would be refused at once."
)
_BEHIND_PROXY = (
    "The service answered an empty request just before: see in its log and the proxy's whether it ended, or closed the "
    "connection, when it was shown a token."
)
_WAIT = "Check again later."
_WAF = "Exempt the service's paths from bot challenges: Matrix clients cannot solve them."

_DELEGATED_WAIT, _WHOLE_WAIT = 9.0, 25.0
"""
Seconds after which lk-jwt-service has waited for something: 10 for a delegated host that accepts no connections, 30 for
any other silence of the federation API, and for an SFU that accepts no connections. Where the SFU accepts connections
and says nothing it waits on (measured, a375b13).
"""
_LONGER_THAN_HOMESERVERS = 31.0
_PATIENT_PROXY = 5.0
"""Seconds of silence from which a proxy's error means that it would not wait any longer."""


def _no_token(exchange: Exchange, applicant: TokenRequest, settings: ProbeSettings) -> _Refusal:
    waiting = _waiting(exchange, applicant, settings) if applicant.prompt else None
    if waiting is not None:
        return waiting
    if isinstance(exchange, Failed):
        failure = exchange.failure
        advice, certainty = advice_for(failure, applicant.host), certainty_of(failure, exchange, settings)
        return _Refusal(told_failure(failure), advice, certainty, meaning_of(failure).code)
    if exchange.response.status == 200:
        return _Refusal(str(read_grant(exchange.response)), _UPDATE, Certainty.DEFINITE)
    return _refusal(exchange.response, applicant, exchange.elapsed_ms / 1000)


def _waiting(exchange: Exchange, applicant: TokenRequest, settings: ProbeSettings) -> _Refusal | None:
    """Nobody waited for the service's own answer: this machine did not, or a proxy did not; None if somebody did."""
    waited = exchange.elapsed_ms / 1000
    certainty, by_proxy = applicant.certainty, True
    if isinstance(exchange, Failed):
        if exchange.failure.kind is FailureKind.HTTP_TIMEOUT and waited >= settings.token_patience * 0.9:
            ended, by_proxy = f"no answer within {waited:.0f} s", False
            certainty = Certainty.TIMEOUT if applicant.is_own else Certainty.UNCLEAR
        elif exchange.failure.kind is FailureKind.HTTP_DISCONNECTED and waited >= _PATIENT_PROXY:
            ended = f"the connection was closed after {waited:.0f} s"
        else:
            return None
    else:
        status = exchange.response.status
        if errcode_of(exchange.response) is not None or meets_prober_only(exchange.response):
            return None
        if status not in (504, 524) and (status < 500 or waited < _PATIENT_PROXY):
            return None
        ended = f"HTTP {status} from the proxy" + (f" after {waited:.0f} s" if waited >= 1 else "")
    detail = f"{ended}, while the service waits for the federation API of {quoted(applicant.server)} or for the SFU"
    further = (
        "lk-jwt-service gives up on the federation API after 10 or 30 s (HTTP 401), on an SFU that accepts no "
        "connections after 30 s (HTTP 500)"
    )
    if waited > _LONGER_THAN_HOMESERVERS:
        further += "; after this long it is most likely the SFU"
    advice = (
        f"On the machine of {quoted(applicant.host)} see which of the two does not answer: "
        f"`https://{applicant.server}/.well-known/matrix/server`, `/_matrix/federation/v1/openid/userinfo` at the host "
        "named there (401 is right), or LIVEKIT_URL with https for wss (`OK` is right). Firewalls that drop packets, "
        "names inside containers and routers without loopback are the usual causes."
    )
    if by_proxy:
        advice += " Let the proxy wait longer than the service, nginx `proxy_read_timeout 60s;`: its answer says which."
    return _Refusal(detail, advice, certainty, "token-waiting", further)


def _refusal(response: Response, applicant: TokenRequest, waited: float) -> _Refusal:
    status, errcode = response.status, errcode_of(response)
    named = _status(response)
    if is_challenge(response):
        return _Refusal("blocked by a bot challenge", _WAF, Certainty.UNCLEAR, "waf-challenge")
    if status == 403 and errcode is not None:
        detail = f"{named}: the service refuses tokens to users of {quoted(applicant.server)}"
        advice = (
            f"Add {quoted(applicant.server)} to LIVEKIT_FULL_ACCESS_HOMESERVERS of lk-jwt-service (the older name, "
            "LIVEKIT_LOCAL_HOMESERVERS, is not read since 0.5.0), or to what the service calls it."
        )
        return _Refusal(detail, advice, applicant.certainty)
    if refused := refused_here(response):
        detail = f"{refused}: turned away, perhaps only this machine"
        return _Refusal(detail, exempt("the service's paths"), Certainty.UNCLEAR, "refused-here")
    if errcode == "M_LOOKUP_FAILED" or (status == 401 and errcode is not None):
        return _not_looked_up(named, errcode, applicant, waited)
    if status == 400:
        return _Refusal(f"{named}: the service rejects what clients send", _UPDATE, Certainty.DEFINITE)
    if status >= 500 and errcode is None:
        return _Refusal(f"{named} from the proxy", _BEHIND_PROXY, Certainty.DEFINITE)
    if status == 503:
        return _Refusal(f"{named}: the service is shutting down", _WAIT, Certainty.DEFINITE)
    if status >= 500:
        detail = f"{named}: the service could not create the room or the token"
        if waited < _WHOLE_WAIT:
            return _Refusal(detail, _NO_ROOM, Certainty.DEFINITE)
        detail += f"; it tried for {waited:.0f} s, as where the SFU accepts no connections"
        return _Refusal(detail, _SFU_SILENT.replace("{host}", applicant.host), Certainty.DEFINITE)
    return _Refusal(f"{named} instead of a token", _UPDATE, Certainty.DEFINITE)


def _not_looked_up(named: str, errcode: str | None, applicant: TokenRequest, waited: float) -> _Refusal:
    version = " (as services up to 0.5.0 answer)" if errcode == "M_LOOKUP_FAILED" else ""
    detail = f"{named}{version}: the service could not look up the bot's account at {quoted(applicant.server)}"
    if waited >= _DELEGATED_WAIT:
        delegated = "the host that its server well-known names accepts no connections"
        silent = "its federation API is silent" if waited >= _WHOLE_WAIT else delegated
        detail += f"; it tried for {waited:.0f} s, as where {silent}"
    advice = (
        f"Let the machine of {quoted(applicant.host)} reach the federation API of {quoted(applicant.server)}: the path "
        "`/_matrix/federation/v1/openid/userinfo`, found by `/.well-known/matrix/server`, served by a listener "
        "with the resource `openid` or `federation`. Names inside containers and routers without loopback are the "
        "usual cause."
    )
    return _Refusal(detail, advice, applicant.certainty)


def _refused(refusal: _Refusal, elapsed_ms: float, *, also_newer: bool) -> DeepStageResult:
    detail = f"/sfu/get: {refusal.detail}"
    if also_newer:
        detail += "; /get_token issues one, but clients do not ask there by default"
    told = f"{detail}; {refusal.further}" if refusal.further else detail
    # What may have met this machine alone says nothing of what clients show.
    alone = refusal.code in ("refused-here", "waf-challenge")
    whom = "The service issued the bot no token" if alone else f"The service issues no token ({_SHOWN})"
    found = finding(refusal.code, f"{whom}: {told}.", refusal.advice)
    return failed(Stage.TOKEN, elapsed_ms, detail, refusal.certainty, found)


def told_failure(failure: Failure) -> str:
    """Why a request that carried a token has no answer, in words that cannot repeat the token."""
    return "the answer is not valid HTTP" if failure.kind is FailureKind.HTTP_PROTOCOL else failure.detail


def _status(response: Response) -> str:
    errcode = errcode_of(response)
    named = f" `{errcode}`" if errcode and _ERRCODE.fullmatch(errcode) else ""
    return f"HTTP {response.status}{named}"


def _terms(grant: Grant, now: float) -> str:
    rights = [name for name, granted in (("publish", grant.publishes), ("subscribe", grant.subscribes)) if granted]
    parts = ["join", *rights]
    if grant.expires_at is not None:
        minutes = round((grant.expires_at - now) / 60)
        parts.append(f"for {minutes} min" if minutes > 0 else "already expired")
    return ", ".join(parts)
