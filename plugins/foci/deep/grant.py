"""The LiveKit token in an authorisation service's answer, and the SFU that it is for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botkit.outbound.model import Response
from plugins.foci.responses import BodyFault, read_json

_LONGEST_JWT = 16 * 1024
_LONGEST_URL = 2048


@dataclass(frozen=True, slots=True)
class Grant:
    """
    A LiveKit token that lets its bearer join a room, and where.

    Attributes:
        url: the SFU's URL, word for word.
        jwt: the token; a secret.
        publishes, subscribes: what it lets the bearer do there (LiveKit's default is yes).
        expires_at: seconds since the epoch; None if it does not say.
    """

    url: str
    jwt: str = field(repr=False)
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
    if video.get("roomJoin") is not True:
        return "HTTP 200 with a token that does not allow joining"
    expires: Any = claims.get("exp")
    return Grant(
        url,
        jwt,
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
