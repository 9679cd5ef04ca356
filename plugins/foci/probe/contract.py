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

_FIELDS = re.compile(r"(?<!/)\b(room|room_id|slot_id|openid_token|access_token|matrix_server_name|device_id)\b")
_LACKING = re.compile(r"missing|required|empty|blank|too[ _]short", re.IGNORECASE)
_OWN_HEADERS = frozenset({"accept", "content-type", "content-length", "accept-encoding", "x-csrf-token"})
"""What lk-jwt-service and its likes allow; gateways and homeservers allow Authorization, and not X-CSRF-Token."""
_LONGEST_REFUSAL = 1000
_REFUSALS = frozenset({"M_BAD_JSON", "M_NOT_JSON"})
_BY_CODE = frozenset({(401, "M_UNAUTHORIZED"), (500, "M_LOOKUP_FAILED")})


class Refusal(StrEnum):
    """What the answer to a request without content is."""

    KNOWN = "known"
    """400 with the errcode of lk-jwt-service; by it alone the service is known."""
    OTHER = "other"
    """Another program's refusal of an authorisation service's request, by its preflight or by the field it lacks."""
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
    by_code = (response.status, errcode) in _BY_CODE
    if not by_code and (response.status not in (400, 422) or errcode == "M_UNRECOGNIZED" or _is_page(response)):
        return Refusal.NONE
    if preflight is None or not preflight_allows_post(preflight):
        return Refusal.UNCLEAR
    words = _words(response)
    if _is_the_services_own(preflight):
        return Refusal.OTHER if by_code or words else Refusal.UNCLEAR
    # Identity servers answer 401 M_UNAUTHORIZED to everything, so without that preflight it says nothing.
    told = not by_code and (errcode in _REFUSALS or _lacks_a_field(words))
    return Refusal.OTHER if told else Refusal.UNCLEAR


def _lacks_a_field(words: str) -> bool:
    """
    Whether a refusal wants a field of the contract, or something in it.

    Every field was sent: words with several of them, or with the token's, may quote the request, and a program that
    does not know them calls them unknown, unexpected or not allowed.
    """
    named = set(_FIELDS.findall(words))
    return len(named) == 1 and "access_token" not in named and _LACKING.search(words) is not None


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


def _is_the_services_own(preflight: Response) -> bool:
    """Whether the preflight names POST alone and the headers that lk-jwt-service names: no rule for a whole host."""
    methods = {name.upper() for name in _listed(preflight, "access-control-allow-methods")}
    headers = {name.lower() for name in _listed(preflight, "access-control-allow-headers")}
    return methods - {"OPTIONS"} == {"POST"} and {"content-type", "x-csrf-token"} <= headers <= _OWN_HEADERS


def _listed(response: Response, header: str) -> list[str]:
    return [part.strip() for value in response.headers.get(header, ()) for part in value.split(",") if part.strip()]
