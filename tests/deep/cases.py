"""What going deep comes to, for every way in which calls fail behind an authorisation service that answers."""

from __future__ import annotations

from dataclasses import dataclass

from lab.backend import CallFault
from plugins.foci.model import Stage, Verdict

CRITICAL, UNKNOWN, WARNING, OK, _ = Verdict
EVERYBODY = ("*",)
NOBODY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """
    One fault.

    Attributes:
        full_access: whose users the service makes rooms for.
        deepest: of the focus; without the media client no further than signalling.
        codes: every finding.
        says: a regular expression that details, messages and advice must match, in this order.
    """

    fault: CallFault | None
    full_access: tuple[str, ...]
    deepest: Stage
    verdict: Verdict
    codes: frozenset[str]
    says: str

    @property
    def name(self) -> str:
        """For people."""
        who = "full-access" if self.full_access else "stranger"
        return f"{self.fault.value if self.fault else 'healthy'}-{who}"


def _case(
    fault: CallFault | None,
    full_access: tuple[str, ...],
    deepest: Stage,
    verdict: Verdict,
    codes: str,
    says: str,
) -> Case:
    return Case(fault, full_access, deepest, verdict, frozenset(codes.split()), says)


_MADE_NOTHING = r"/sfu/get: HTTP 500 `M_UNKNOWN`.*LIVEKIT_KEY or LIVEKIT_SECRET"
_HEALTHY = (
    r"SFU accepts the token \(LiveKit `1\.\d+\.\d+`, region `loopback`, 1 ICE server\)\nmedia connects over UDP \(IPv4"
)

CASES = (
    _case(None, EVERYBODY, Stage.MEDIA, OK, "", _HEALTHY),
    _case(None, NOBODY, Stage.MEDIA, OK, "", _HEALTHY),
    _case(CallFault.WRONG_KEY, EVERYBODY, Stage.AUTHORISATION, CRITICAL, "token-refused", _MADE_NOTHING),
    _case(
        CallFault.WRONG_KEY, NOBODY, Stage.TOKEN, CRITICAL, "sfu-refused-token", r"refuses the token.*LiveKit's `keys`"
    ),
    _case(CallFault.SFU_DOWN, EVERYBODY, Stage.AUTHORISATION, CRITICAL, "token-refused", _MADE_NOTHING),
    _case(CallFault.SFU_DOWN, NOBODY, Stage.TOKEN, CRITICAL, "sfu-unreachable", r"HTTP 502 at /rtc/validate"),
    _case(
        CallFault.SFU_URL_PRIVATE,
        EVERYBODY,
        Stage.TOKEN,
        CRITICAL,
        "sfu-unreachable",
        r"wss://10\.11\.12\.13/livekit/sfu.*private \(RFC 1918\).*Set LIVEKIT_URL",
    ),
    _case(
        CallFault.SFU_URL_INTERNAL,
        EVERYBODY,
        Stage.TOKEN,
        CRITICAL,
        "sfu-unreachable",
        r"returns `ws://livekit-sfu\.matrix\.svc\.cluster\.local:7880`.*Set LIVEKIT_URL",
    ),
    _case(
        CallFault.ROOM_NOT_CREATED,
        NOBODY,
        Stage.TOKEN,
        CRITICAL,
        "room-not-created",
        r"the room does not exist.*LIVEKIT_FULL_ACCESS_HOMESERVERS",
    ),
    _case(
        CallFault.UPGRADE_REFUSED,
        EVERYBODY,
        Stage.TOKEN,
        CRITICAL,
        "sfu-unreachable",
        r"upgrade to WebSocket is refused \(HTTP 404\).*proxy_set_header Upgrade",
    ),
    _case(CallFault.UDP_CLOSED, EVERYBODY, Stage.MEDIA, WARNING, "media-udp-blocked", r"media connects over TCP"),
    _case(
        CallFault.MEDIA_CLOSED, EVERYBODY, Stage.SIGNALLING, CRITICAL, "media-failed", r"no ICE candidate pair works"
    ),
    _case(
        CallFault.OPENID_OFF,
        EVERYBODY,
        Stage.AUTHORISATION,
        CRITICAL,
        "token-refused openid-userinfo-unreachable",
        r"HTTP 401 `M_UNAUTHORIZED`: the service could not look up the bot's account at `example\.org`.*resource",
    ),
)

DEEP_CODES = frozenset({"not-tested", "token-waiting"}).union(*(case.codes for case in CASES)) - {
    "openid-userinfo-unreachable"
}
