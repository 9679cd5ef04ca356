"""
The contract of MatrixRTC authorisation services (MSC4195), whatever program keeps it.

Run or read: lk-jwt-service 0.2.3 to 0.5.0 and its main branch, its Rust port, jwt-service-rs (axum).
"""

from __future__ import annotations

import json
import re
from enum import StrEnum

from botkit.outbound.model import Response
from plugins.foci.responses import errcode_of, preflight_allows_post

_OPENID_TOKEN = {"access_token": "", "token_type": "", "matrix_server_name": "", "expires_in": 0}
_MEMBER = {"id": "", "claimed_user_id": "", "claimed_device_id": ""}
REQUESTS = {
    "/sfu/get": json.dumps({"room": "", "openid_token": _OPENID_TOKEN, "device_id": ""}).encode(),
    "/get_token": json.dumps({"room_id": "", "slot_id": "", "openid_token": _OPENID_TOKEN, "member": _MEMBER}).encode(),
}
"""
Endpoint to a request that has every field and nothing in them.

It tells most without an effect: lk-jwt-service and its likes find the room empty before they do anything else. Programs
whose JSON decoder wants every field refuse ``{}`` in its words, without CORS headers, before their own code is asked.
No server is named, so that even a program that checks nothing has nobody to ask.
"""

_FIELDS = re.compile(r"\b(room|room_id|slot_id|openid_token|matrix_server_name|device_id)\b")
_LONGEST_REFUSAL = 1000
_REFUSALS = frozenset({"M_BAD_JSON", "M_NOT_JSON"})
_FURTHER = frozenset({"M_BAD_JSON", "M_NOT_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM"})


class Refusal(StrEnum):
    """What the answer to a request without content is."""

    KNOWN = "known"
    """400 with the errcode of lk-jwt-service; by it alone the service is known."""
    OTHER = "other"
    """Another program's refusal, and the preflight answers as an authorisation service's does."""
    UNCLEAR = "unclear"
    """A refusal of the content by what may be an authorisation service, or anything else."""
    NONE = "none"
    """Not the answer of an authorisation service."""


def refusal_of(response: Response, preflight: Response | None) -> Refusal:
    """
    How a POST without content was refused.

    Args:
        preflight: the answer to the OPTIONS request for the same path; None without one.
    """
    errcode = errcode_of(response)
    if response.status == 400 and errcode in _REFUSALS:
        return Refusal.KNOWN
    by_code = (response.status, errcode) in ((401, "M_UNAUTHORIZED"), (500, "M_LOOKUP_FAILED"))
    if not by_code and (response.status not in (400, 422) or errcode == "M_UNRECOGNIZED" or _is_page(response)):
        return Refusal.NONE
    if preflight is None or not preflight_allows_post(preflight):
        return Refusal.UNCLEAR
    if by_code or errcode in _FURTHER:
        return Refusal.OTHER
    words = _words(response)
    if _FIELDS.search(words) or (words and _is_for_post_alone(preflight)):
        return Refusal.OTHER
    return Refusal.UNCLEAR


def _words(response: Response) -> str:
    """The words of a refusal; empty where it has none, or what it has is no short text."""
    try:
        text = response.body[: _LONGEST_REFUSAL + 1].decode()
    except UnicodeDecodeError:
        return ""
    is_text = len(text) <= _LONGEST_REFUSAL and text.replace("\n", " ").replace("\r", " ").isprintable()
    return text.strip() if is_text else ""


def _is_page(response: Response) -> bool:
    return response.body.lstrip()[:1] == b"<"


def _is_for_post_alone(preflight: Response) -> bool:
    """Whether the preflight names POST alone, and more headers than it was asked for: no rule for a whole host."""
    methods = {name.upper() for name in _listed(preflight, "access-control-allow-methods")}
    headers = {name.lower() for name in _listed(preflight, "access-control-allow-headers")}
    return methods - {"OPTIONS"} == {"POST"} and headers > {"content-type"}


def _listed(response: Response, header: str) -> list[str]:
    return [part.strip() for value in response.headers.get(header, ()) for part in value.split(",") if part.strip()]
