"""The stand-in for the authorisation service keeps to lk-jwt-service's contract, version by version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.authorisation import AuthorisationService
from lab.exchange import Answer, Request

TOKEN = {"access_token": "t", "token_type": "Bearer", "matrix_server_name": "example.org", "expires_in": 3600}
MEMBER = {"id": "m", "claimed_user_id": "@a:example.org", "claimed_device_id": "D"}
SFU_GET = {"room": "!r", "openid_token": TOKEN, "device_id": "D"}
GET_TOKEN = {"room_id": "!r", "slot_id": "m.call#ROOM", "openid_token": TOKEN, "member": MEMBER}
VERSIONS = ["0.3.0", "0.4.0", "0.5.0", "0.6.0"]
FINGERPRINT = "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token"


async def ask(version: str, method: str, path: str, body: Any = b"") -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await AuthorisationService(version).answer(Request(method, "rtc.test", path, "", {}, content))


def headers(answer: Answer) -> dict[str, str]:
    return dict(answer.headers)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("path", "since"), [("/sfu/get", "0.0.0"), ("/get_token", "0.4.0"), ("/delegate_delayed_leave", "0.6.0")]
)
async def test_paths_by_version(version: str, path: str, since: str) -> None:
    """A path of the version answers 200 to OPTIONS, 405 to GET and 400 to an empty object; others are Go's 404."""
    if version < since:
        for method in ("OPTIONS", "GET", "POST"):
            absent = await ask(version, method, path, {})
            assert (absent.status, absent.body) == (404, b"404 page not found\n")
            assert headers(absent) == {
                "Content-Type": "text/plain; charset=utf-8",
                "X-Content-Type-Options": "nosniff",
            }
        return
    for method, status in (("OPTIONS", 200), ("GET", 405), ("PUT", 405)):
        answer = await ask(version, method, path)
        assert (answer.status, answer.body) == (status, b"")
        assert headers(answer)["Access-Control-Allow-Headers"] == FINGERPRINT
        assert headers(answer)["Access-Control-Allow-Methods"] == "POST"
        assert headers(answer)["Access-Control-Allow-Origin"] == "*"
    answer = await ask(version, "POST", path, {})
    assert (answer.status, json.loads(answer.body)["errcode"]) == (400, "M_BAD_JSON")


MALFORMED = "The request body was malformed"


@pytest.mark.parametrize(
    ("body", "version", "errcode", "error"),
    [
        ({}, "0.3.0", "M_BAD_JSON", "Missing parameters"),
        ({}, "0.4.0", "M_BAD_JSON", "Missing room parameter"),
        ({}, "0.6.0", "M_BAD_JSON", "Missing room parameter"),
        (None, "0.6.0", "M_BAD_JSON", "Missing room parameter"),
        ({"room": "!r"}, "0.3.0", "M_BAD_JSON", "Missing parameters"),
        ({"room": "!r"}, "0.6.0", "M_BAD_JSON", "Missing OpenID token parameters"),
        (b"{", "0.3.0", "M_NOT_JSON", "Error decoding JSON"),
        (b"{", "0.4.0", "M_BAD_JSON", MALFORMED),
        (b"{", "0.5.0", "M_BAD_JSON", MALFORMED),
        (b"{", "0.6.0", "M_NOT_JSON", "Error reading request"),
        (b"", "0.6.0", "M_NOT_JSON", "Error reading request"),
        ([], "0.6.0", "M_NOT_JSON", "Error reading request"),
        ({"room": 7}, "0.6.0", "M_NOT_JSON", "Error reading request"),
        ({"room": True}, "0.5.0", "M_BAD_JSON", MALFORMED),
        ({"more": 1}, "0.3.0", "M_BAD_JSON", "Missing parameters"),
        ({"more": 1}, "0.5.0", "M_BAD_JSON", MALFORMED),
        ({"more": 1}, "0.6.0", "M_NOT_JSON", "Error reading request"),
        ({**SFU_GET, "openid_token": {"more": 1}}, "0.6.0", "M_NOT_JSON", "Error reading request"),
    ],
)
async def test_bad_requests_to_sfu_get(body: object, version: str, errcode: str, error: str) -> None:
    """What a version says to a bad body, its words included."""
    answer = await ask(version, "POST", "/sfu/get", b"null" if body is None else body)
    said = json.loads(answer.body)
    assert (answer.status, said["errcode"]) == (400, errcode)
    assert said["error"].startswith(error)
    assert answer.body.endswith(b"\n")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"room_id": ""}, "`room_id` or `slot_id`"),
        ({"slot_id": None}, "`room_id` or `slot_id`"),
        ({"member": {"id": "m"}}, "`member` is missing"),
        ({"openid_token": {"access_token": "t"}}, "`openid_token` is missing"),
    ],
)
async def test_bad_requests_to_get_token(change: dict[str, Any], part: str) -> None:
    """Each missing part of a request for a token is named, in the order that the service checks."""
    answer = await ask("0.6.0", "POST", "/get_token", {**GET_TOKEN, **change})
    assert answer.status == 400
    assert part in json.loads(answer.body)["error"]


async def test_delegation_needs_a_delay() -> None:
    """Delegating a leave without a delay is refused before the token is looked at."""
    answer = await ask("0.6.0", "POST", "/delegate_delayed_leave", GET_TOKEN)
    assert "`delay_id` or `delay_timeout`" in json.loads(answer.body)["error"]
    body = {**GET_TOKEN, "delay_id": "d", "delay_timeout": 1000}
    assert (await ask("0.6.0", "POST", "/delegate_delayed_leave", body)).status == 401


@pytest.mark.parametrize(
    ("version", "path", "body", "status", "errcode"),
    [
        ("0.3.0", "/sfu/get", SFU_GET, 500, "M_LOOKUP_FAILED"),
        ("0.5.0", "/sfu/get", SFU_GET, 500, "M_LOOKUP_FAILED"),
        ("0.6.0", "/sfu/get", SFU_GET, 401, "M_UNAUTHORIZED"),
        ("0.4.0", "/get_token", GET_TOKEN, 401, "M_UNAUTHORIZED"),
        ("0.6.0", "/get_token", GET_TOKEN, 401, "M_UNAUTHORIZED"),
    ],
)
async def test_a_user_that_cannot_be_looked_up(
    version: str, path: str, body: dict[str, Any], status: int, errcode: str
) -> None:
    """A well-formed request fails as it does where the user's homeserver cannot be reached."""
    answer = await ask(version, "POST", path, body)
    assert (answer.status, json.loads(answer.body)["errcode"]) == (status, errcode)


async def test_content_types_by_version() -> None:
    """Up to 0.3.0 an error has the type that Go guesses; later ones always say JSON."""
    assert headers(await ask("0.3.0", "POST", "/sfu/get", {}))["Content-Type"] == "text/plain; charset=utf-8"
    assert "Content-Type" not in headers(await ask("0.3.0", "GET", "/sfu/get"))
    for method in ("OPTIONS", "GET", "POST"):
        assert headers(await ask("0.4.0", method, "/sfu/get"))["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("version", "method", "status"),
    [("0.4.0", "GET", 200), ("0.4.0", "HEAD", 405), ("0.4.2", "HEAD", 200), ("0.6.0", "POST", 405)],
)
async def test_healthz(version: str, method: str, status: int) -> None:
    """/healthz answers GET, and HEAD since 0.4.2, without CORS headers."""
    answer = await ask(version, method, "/healthz")
    assert (answer.status, answer.body, answer.headers) == (status, b"", ())


@pytest.mark.parametrize(("version", "status"), [("0.5.0", 301), ("0.6.0", 307)])
async def test_double_slashes(version: str, status: int) -> None:
    """Go's router redirects to the clean path, without body or CORS headers; a client that follows is lost."""
    answer = await ask(version, "POST", "//sfu/get", {})
    assert (answer.status, answer.headers) == (status, (("Location", "/sfu/get"),))
    assert (await ask(version, "POST", "/a/../sfu/get", {})).status == status


async def test_webhook_since_060() -> None:
    """LiveKit's webhook exists since 0.6.0."""
    assert (await ask("0.6.0", "POST", "/sfu_webhook")).status == 200
    assert (await ask("0.5.0", "POST", "/sfu_webhook")).status == 404
