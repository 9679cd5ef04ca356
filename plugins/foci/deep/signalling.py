"""
The stage ``signalling``: whether the SFU that the service names takes its token, WebSocket included (LiveKit's /rtc).

Bodies may repeat the token (LiveKit up to 1.13.5 does), so that they are compared and never quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from botkit.messages.sanitise import quoted
from botkit.outbound.model import Answered, Exchange, Failed, FailureKind
from plugins.foci.deep.redaction import discreet
from plugins.foci.deep.token import TokenRequest, told_failure
from plugins.foci.failure import advice_for, as_anywhere, meaning_of
from plugins.foci.findings import finding
from plugins.foci.model import Certainty, Finding, Severity, Stage
from plugins.foci.probe.observation import DeepStageResult, ProbeSettings, certainty_of, failed, passed
from plugins.foci.refusal import exempt, refused_here
from plugins.foci.responses import is_challenge
from plugins.foci.service_url import ServiceUrl

_NO_SUCH_ROOM = b"requested room does not exist"
_WANTS_TOKEN = b"no permissions to access the room"
_REFUSALS = (b"invalid token", b"invalid API key", b"invalid authorization token", _WANTS_TOKEN)
_LOOKED_AT = 400
_SFU_ERROR = "Element Call shows SFU_ERROR"


@dataclass(frozen=True, slots=True)
class Welcome:
    """
    The SFU's first message to a participant (livekit protocol, JoinResponse), with tokens removed.

    Attributes:
        version, region: as the SFU calls itself; empty if it does not.
        ice_servers: how many STUN and TURN servers it names.
    """

    version: str
    region: str
    ice_servers: int


@dataclass(frozen=True, slots=True)
class Signalling:
    """
    What was asked of an SFU with a token.

    Attributes:
        url: the SFU's, read; as it is shown, ``shown``.
        validate: the answer of ``/rtc/validate``.
        since_v1: whether ``/rtc/v1/validate`` is there; None if not known.
        upgrade: the answer to the WebSocket; None where the SFU did not take the token.
        welcome: its first message; None without a readable one.
    """

    url: ServiceUrl
    shown: str
    validate: Exchange
    since_v1: bool | None = None
    upgrade: Exchange | None = None
    welcome: Welcome | None = None


def accepts(validate: Exchange) -> bool:
    """Whether the SFU took the token, so that a WebSocket is worth trying."""
    if isinstance(validate, Failed):
        return False
    return validate.response.status == 200 and validate.response.body.strip() == b"success"


def judge_address(url: ServiceUrl, shown: str) -> DeepStageResult:
    """Judge an SFU that cannot be asked: the fault is in the URL that the service hands out."""
    detail = f"the service returns {quoted(shown)} as the SFU's URL: {url.detail}"
    return _unreachable(detail, _LIVEKIT_URL, Certainty.DEFINITE, None)


def judge_signalling(seen: Signalling, applicant: TokenRequest, settings: ProbeSettings) -> DeepStageResult:
    """Judge what the SFU answered to its token."""
    if isinstance(seen.validate, Failed):
        return _no_answer(seen.validate, seen.url, seen.shown, settings)
    if seen.upgrade is None:
        return _not_accepted(seen.validate, applicant, seen.shown)
    if isinstance(seen.upgrade, Failed):
        return _no_answer(seen.upgrade, seen.url, seen.shown, settings)
    if seen.upgrade.response.status != 101:
        return _upgrade_refused(seen.upgrade, applicant, seen.shown)
    if seen.welcome is None:
        detail = f"a WebSocket opens at {quoted(seen.shown)}, but its first message is not LiveKit's"
        return _unreachable(detail, _ROUTE, Certainty.DEFINITE, seen.upgrade.elapsed_ms)
    detail = f"the SFU accepts the token ({_introduced(seen.welcome, seen.since_v1)})"
    return passed(Stage.SIGNALLING, seen.upgrade.elapsed_ms, detail)


def judge_without_token(url: ServiceUrl, upgrade: Exchange, settings: ProbeSettings) -> DeepStageResult:
    """Judge an SFU that an entry names itself: a WebSocket without a token is refused by LiveKit, if it gets there."""
    shown = f"wss{url.text.removeprefix('https')}"
    if isinstance(upgrade, Failed):
        return _no_answer(upgrade, url, shown, settings)
    if upgrade.response.status == 401 and _WANTS_TOKEN in upgrade.response.body[:_LOOKED_AT]:
        return passed(
            Stage.SIGNALLING, upgrade.elapsed_ms, "the SFU requires a token, for WebSockets too; none was sent"
        )
    if (turned_away := _turned_away(upgrade, shown)) is not None:
        return turned_away
    if upgrade.response.status == 101:
        detail = f"a WebSocket opens at {quoted(shown)} without a token, which LiveKit would require"
        return _unreachable(detail, _ROUTE, Certainty.DEFINITE, upgrade.elapsed_ms)
    detail = f"plain requests reach the SFU, WebSockets do not: HTTP {upgrade.response.status} to the upgrade"
    return _unreachable(detail, _UPGRADE, Certainty.DEFINITE, upgrade.elapsed_ms)


_LIVEKIT_URL = (
    "Set LIVEKIT_URL of lk-jwt-service to the SFU's public address, such as `wss://rtc.example.org/livekit/sfu`: "
    "clients receive it verbatim."
)
_ROUTE = (
    "Route LIVEKIT_URL of lk-jwt-service to LiveKit (port 7880), without the path's prefix, and check that it runs."
)
_UPGRADE = (
    "Let the proxy pass the upgrade on; nginx: `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade";`.'
)
_SAME_KEYS = (
    "Give lk-jwt-service a key and secret (LIVEKIT_KEY, LIVEKIT_SECRET) that are in LiveKit's `keys`, and "
    "synchronise the clocks of both machines."
)
_CREATE = (
    "To let users of `{server}` start calls, add it to LIVEKIT_FULL_ACCESS_HOMESERVERS of lk-jwt-service (the older "
    "name, LIVEKIT_LOCAL_HOMESERVERS, is not read since 0.5.0), or set `room.auto_create: true` in LiveKit."
)
_BUSY = "Give the SFU more capacity, or raise LiveKit's `limit`."


def _not_accepted(exchange: Answered, applicant: TokenRequest, shown: str) -> DeepStageResult:
    response = exchange.response
    body = response.body[:_LOOKED_AT]
    if response.status == 404 and _NO_SUCH_ROOM in body:
        return _no_room(exchange, applicant)
    if response.status == 401 and any(text in body for text in _REFUSALS):
        detail = "the SFU refuses the token that the service signed (HTTP 401)"
        found = finding("sfu-refused-token", f"{_capital(detail)}; {_SFU_ERROR}.", _SAME_KEYS)
        return failed(Stage.SIGNALLING, exchange.elapsed_ms, detail, Certainty.DEFINITE, found)
    if (turned_away := _turned_away(exchange, shown)) is not None:
        return turned_away
    detail = f"no SFU answers at {quoted(shown)}: HTTP {response.status} at /rtc/validate"
    return _unreachable(detail, _ROUTE, Certainty.DEFINITE, exchange.elapsed_ms)


def _turned_away(exchange: Answered, shown: str) -> DeepStageResult | None:
    """By a bot challenge, an SFU that is full, or what may turn away this machine alone; None by none of them."""
    response = exchange.response
    if is_challenge(response):
        found = finding("waf-challenge", f"A bot challenge blocks the SFU at {quoted(shown)}.", _EXEMPT)
        return failed(Stage.SIGNALLING, exchange.elapsed_ms, "a bot challenge blocks the SFU", Certainty.UNCLEAR, found)
    if response.status in (429, 503) and not response.body.lstrip().startswith(b"<"):
        detail = (
            f"the SFU accepts no participants (HTTP {response.status}; Element Call shows INSUFFICIENT_CAPACITY_ERROR)"
        )
        proof = Certainty.UNCLEAR if response.status == 429 else Certainty.DEFINITE
        return _unreachable(detail, _BUSY, proof, exchange.elapsed_ms)
    if refused := refused_here(response):
        detail = f"{refused} at {quoted(shown)}: turned away, perhaps only this machine"
        found = finding("refused-here", f"{detail}.", exempt("the SFU's path"))
        return failed(Stage.SIGNALLING, exchange.elapsed_ms, detail, Certainty.UNCLEAR, found)
    return None


_EXEMPT = "Exempt the SFU's path from bot challenges: Matrix clients cannot solve them."


def _no_room(exchange: Answered, applicant: TokenRequest) -> DeepStageResult:
    """The SFU answers. On the own server none of its users can start a call; elsewhere it is told in passing."""
    detail = (
        f"the SFU accepts the token, but the room does not exist: neither it nor {quoted(applicant.host)} created it"
    )
    message = (
        f"Users of {quoted(applicant.server)} cannot start a call there, only join one: the SFU creates no rooms by "
        f"itself and the service created none. {_SFU_ERROR} (failed to create call)."
    )
    advice = _CREATE.replace("{server}", applicant.server)
    if applicant.is_own:
        found = finding("room-not-created", message, advice)
        return failed(Stage.SIGNALLING, exchange.elapsed_ms, detail, Certainty.DEFINITE, found)
    found = finding("room-not-created", message, advice, severity=Severity.INFO)
    return passed(Stage.SIGNALLING, exchange.elapsed_ms, detail, found)


def _upgrade_refused(exchange: Answered, applicant: TokenRequest, shown: str) -> DeepStageResult:
    if any(text in exchange.response.body[:_LOOKED_AT] for text in (*_REFUSALS, _NO_SUCH_ROOM)):
        return _not_accepted(exchange, applicant, shown)
    if (turned_away := _turned_away(exchange, shown)) is not None:
        return turned_away
    detail = f"the SFU accepts the token, but the upgrade to WebSocket is refused (HTTP {exchange.response.status})"
    return _unreachable(detail, _UPGRADE, Certainty.DEFINITE, exchange.elapsed_ms)


def _no_answer(exchange: Failed, url: ServiceUrl, shown: str, settings: ProbeSettings) -> DeepStageResult:
    detail = f"the SFU at {quoted(shown)} cannot be reached: {told_failure(exchange.failure)}"
    failure = as_anywhere(exchange.failure, url.host)
    certainty = certainty_of(failure, exchange, settings)
    inside = failure.kind in (FailureKind.PRIVATE_LITERAL, FailureKind.PRIVATE_NAME, FailureKind.DNS_NXDOMAIN)
    advice = _LIVEKIT_URL if inside else advice_for(failure, url.host)
    if meaning_of(failure).code == "not-tested":
        found = finding("not-tested", f"{_capital(detail)}.", advice)
        return failed(Stage.SIGNALLING, exchange.elapsed_ms, detail, certainty, found)
    return _unreachable(detail, advice, certainty, exchange.elapsed_ms)


def _unreachable(detail: str, advice: str, certainty: Certainty, elapsed_ms: float | None) -> DeepStageResult:
    severity = Severity.WARNING if certainty is Certainty.UNCLEAR else None
    found: Finding = finding("sfu-unreachable", f"{_capital(detail)}; {_SFU_ERROR}.", advice, severity=severity)
    return failed(Stage.SIGNALLING, elapsed_ms, detail, certainty, found)


def _introduced(welcome: Welcome, since_v1: bool | None) -> str:
    named = f"LiveKit {quoted(welcome.version)}" if welcome.version else "LiveKit"
    parts = [named]
    if welcome.region:
        parts.append(f"region {quoted(welcome.region)}")
    count = welcome.ice_servers
    parts.append(f"{count} ICE server{'' if count == 1 else 's'}" if count else "no ICE servers")
    if since_v1 is False:
        parts.append("without /rtc/v1")
    return ", ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_LONGEST_NAME = 40
_MOST_ICE_SERVERS = 99


def read_welcome(message: bytes, secrets: Sequence[str]) -> Welcome | None:
    """The SFU's first message; None if it is not a JoinResponse. ``secrets`` must not appear in the result."""
    # Loaded late: protobuf costs a tenth of a second, which checks that go no deeper need not spend.
    from google.protobuf.message import DecodeError
    from livekit.protocol.rtc import SignalResponse

    try:
        parsed = SignalResponse.FromString(message)
    except DecodeError:
        return None
    if parsed.WhichOneof("message") != "join":
        return None
    server = parsed.join.server_info
    version = discreet(server.version or parsed.join.server_version, secrets, _LONGEST_NAME)
    region = discreet(server.region or parsed.join.server_region, secrets, _LONGEST_NAME)
    return Welcome(version, region, min(len(parsed.join.ice_servers), _MOST_ICE_SERVERS))


def leave() -> bytes:
    """The message of a participant that leaves."""
    from livekit.protocol.models import DisconnectReason
    from livekit.protocol.rtc import LeaveRequest, SignalRequest

    request = SignalRequest(leave=LeaveRequest(reason=DisconnectReason.CLIENT_INITIATED))
    return bytes(request.SerializeToString())
