"""An authorisation service is known by its contract, whatever program keeps it; what cannot be told is unknown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lab.authorisation import AuthorisationService
from lab.exchange import Answer, Handler, Request, json_answer
from lab.federation import Federation
from lab.jwt_service_rs import JwtServiceRs
from plugins.foci.model import OPEN_STAGES, Verdict
from plugins.foci.probe.contract import REQUESTS, Refusal, refusal_of
from tests.foci import scenes
from tests.foci.evidence import ANY_ORIGIN, Headers, response
from tests.foci.examination import Examination
from tests.foci.scenes import NAME
from tests.outbound.standins import NameTable

HEADERS = "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token"
LIKE_THE_SERVICE = {**ANY_ORIGIN, "access-control-allow-methods": "POST", "access-control-allow-headers": HEADERS}
FOR_A_WHOLE_HOST = {
    **ANY_ORIGIN,
    "access-control-allow-methods": "GET, POST, PUT, DELETE",
    "access-control-allow-headers": "*",
}
AWS = {
    **ANY_ORIGIN,
    "access-control-allow-methods": "OPTIONS,POST",
    "access-control-allow-headers": "Content-Type,X-Amz-Date,Authorization,X-Api-Key,X-Amz-Security-Token",
}
GRAPHQL = {
    **ANY_ORIGIN,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "Content-Type, Authorization",
}
BOILERPLATE = {**LIKE_THE_SERVICE, "access-control-allow-headers": f"{HEADERS}, Authorization"}
IDENTITY = {
    **ANY_ORIGIN,
    "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
    "access-control-allow-headers": "Origin, X-Requested-With, Content-Type, Accept, Authorization",
}
REPEATED = {**ANY_ORIGIN, "access-control-allow-methods": "POST", "access-control-allow-headers": "content-type"}
SERDE = b"Failed to deserialize the JSON body into the target type: missing field `room` at line 1 column 2"
FASTAPI = {"detail": [{"loc": ["body", "openid_token"], "msg": "field required", "type": "missing"}]}
SENT = json.loads(REQUESTS["/sfu/get"])
PYDANTIC = {"detail": [{"type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": SENT}]}
PYDANTIC_INSIDE = {"detail": [{"type": "missing", "loc": ["b", "x"], "msg": "", "input": SENT["openid_token"]}]}
ZOD = {"issues": [{"code": "unrecognized_keys", "keys": ["room", "openid_token", "device_id"], "message": "required"}]}
EMPTY = {"message": "Invalid request body"}
NO_QUERY = {"errors": [{"message": "Must provide query string."}]}
UNAUTHORISED = {"errcode": "M_UNAUTHORIZED", "error": "Unauthorized"}


@pytest.mark.parametrize(
    ("status", "body", "preflight", "expected"),
    [
        (400, {"errcode": "M_BAD_JSON"}, None, Refusal.KNOWN),
        (400, {"errcode": "M_NOT_JSON"}, LIKE_THE_SERVICE, Refusal.KNOWN),
        (422, SERDE, LIKE_THE_SERVICE, Refusal.OTHER),
        (422, SERDE, FOR_A_WHOLE_HOST, Refusal.OTHER),
        (422, SERDE, REPEATED, Refusal.OTHER),
        (422, FASTAPI, FOR_A_WHOLE_HOST, Refusal.OTHER),
        (422, {"errcode": "M_BAD_JSON"}, FOR_A_WHOLE_HOST, Refusal.OTHER),
        (400, {"errcode": "M_MISSING_PARAM"}, LIKE_THE_SERVICE, Refusal.OTHER),
        (400, {"errcode": "M_MISSING_PARAM", "error": "Missing room"}, FOR_A_WHOLE_HOST, Refusal.OTHER),
        (400, {"error": "room_id must not be empty"}, FOR_A_WHOLE_HOST, Refusal.OTHER),
        (400, b"invalid request", LIKE_THE_SERVICE, Refusal.OTHER),
        (401, {"errcode": "M_UNAUTHORIZED"}, LIKE_THE_SERVICE, Refusal.OTHER),
        (500, {"errcode": "M_LOOKUP_FAILED"}, LIKE_THE_SERVICE, Refusal.OTHER),
        (400, EMPTY, {**LIKE_THE_SERVICE, "access-control-allow-methods": "OPTIONS, POST"}, Refusal.OTHER),
        (422, SERDE, None, Refusal.UNCLEAR),
        (422, SERDE, {}, Refusal.UNCLEAR),
        (400, b"invalid request", FOR_A_WHOLE_HOST, Refusal.UNCLEAR),
        (400, b"invalid request", REPEATED, Refusal.UNCLEAR),
        (400, b"", LIKE_THE_SERVICE, Refusal.UNCLEAR),
        (400, b"room " * 300, LIKE_THE_SERVICE, Refusal.UNCLEAR),
        (400, "room".encode("utf-16"), LIKE_THE_SERVICE, Refusal.UNCLEAR),
        (400, b"room\x00", LIKE_THE_SERVICE, Refusal.UNCLEAR),
        (400, b"the bedroom is full", FOR_A_WHOLE_HOST, Refusal.UNCLEAR),
        (401, {"errcode": "M_UNAUTHORIZED"}, {}, Refusal.UNCLEAR),
        (400, {"errcode": "M_MISSING_PARAM"}, FOR_A_WHOLE_HOST, Refusal.UNCLEAR),
        (401, b"", LIKE_THE_SERVICE, Refusal.NONE),
        (500, {"errcode": "M_UNKNOWN"}, LIKE_THE_SERVICE, Refusal.NONE),
        (400, {"errcode": "M_UNRECOGNIZED"}, FOR_A_WHOLE_HOST, Refusal.NONE),
        (400, b"\n <html><h1>Bad Request</h1> in this room", LIKE_THE_SERVICE, Refusal.NONE),
        (405, b"", LIKE_THE_SERVICE, Refusal.NONE),
        (200, {"errcode": "M_BAD_JSON"}, LIKE_THE_SERVICE, Refusal.NONE),
    ],
)
def test_refusals(status: int, body: Any, preflight: Headers | None, expected: Refusal) -> None:
    """Other words count where the preflight is a service's; pages, homeservers and plain refusals never do."""
    answer = None if preflight is None else response(200, b"", preflight)
    assert refusal_of(response(status, body), answer) is expected


@pytest.mark.parametrize(
    ("status", "body", "preflight"),
    [
        *((status, body, FOR_A_WHOLE_HOST) for status in (400, 422) for body in (PYDANTIC, PYDANTIC_INSIDE, ZOD)),
        (400, b"name is required, got " + REQUESTS["/sfu/get"], FOR_A_WHOLE_HOST),
        (400, b"name is required, got " + REQUESTS["/get_token"], REPEATED),
        (400, json.dumps({"error": f"missing name: {json.dumps(SENT)}"}).encode(), AWS),
        (400, b"unknown field `room`, expected `name`", FOR_A_WHOLE_HOST),
        (400, b'json: unknown field "device_id"', FOR_A_WHOLE_HOST),
        (400, {"error": 'Unrecognized field "room"'}, FOR_A_WHOLE_HOST),
        (400, {"error": '"room" is not allowed'}, GRAPHQL),
        (400, {"error": "access_token is required"}, FOR_A_WHOLE_HOST),
        (400, {"path": "/room/sfu/get", "error": "API key required"}, FOR_A_WHOLE_HOST),
        *((400, body, preflight) for body in (EMPTY, NO_QUERY) for preflight in (AWS, GRAPHQL, BOILERPLATE)),
        *((401, UNAUTHORISED, preflight) for preflight in (IDENTITY, FOR_A_WHOLE_HOST, BOILERPLATE)),
        (500, {"errcode": "M_LOOKUP_FAILED", "error": "missing room"}, IDENTITY),
    ],
)
def test_any_api_may_refuse_so(status: int, body: Any, preflight: Headers) -> None:
    """Words that quote the request or do not know its fields, a gateway's own CORS, and a login prove no service."""
    assert refusal_of(response(status, body), response(200, b"", preflight)) is Refusal.UNCLEAR


OLD, NEW = ("0.2.3", "0.3.0"), ("0.4.1", "0.4.4", "0.5.0", "0.6.0")


@pytest.mark.parametrize(
    ("endpoint", "version"),
    [*(("/sfu/get", version) for version in (*OLD, *NEW)), *(("/get_token", version) for version in NEW)],
)
async def test_every_version_refuses_the_request_for_want_of_a_room(endpoint: str, version: str) -> None:
    """Its own check does, before anybody is looked up, and not the decoder."""
    asked = Request("POST", "rtc.example.org", endpoint, "", {}, REQUESTS[endpoint])
    answer = await AuthorisationService(version).answer(asked)
    error = json.loads(answer.body)
    assert (answer.status, error["errcode"]) == (400, "M_BAD_JSON")
    assert "malformed" not in error["error"]


@pytest.mark.parametrize("has_get_token", [True, False])
async def test_another_program_is_known_by_the_same_request(has_get_token: bool) -> None:
    """jwt-service-rs refuses ``{}`` in its decoder's words, and what has every field as lk-jwt-service does."""
    service = JwtServiceRs(has_get_token=has_get_token)
    headers = {"content-type": "application/json"}
    endpoint = "/get_token" if has_get_token else "/sfu/get"
    asked = Request("POST", "rtc.example.org", endpoint, "", headers, b"{}")
    assert (await service.answer(asked)).status == 422
    answer = await service.answer(replace(asked, body=REQUESTS[endpoint]))
    assert (answer.status, json.loads(answer.body)["errcode"]) == (400, "M_BAD_JSON")


def strict(words: bytes) -> Handler:
    """A service whose preflight is right and that refuses everything in words of its own, without CORS headers."""
    service = JwtServiceRs()

    async def answer(request: Request) -> Answer:
        if request.method == "POST":
            return Answer(422, words, (("Content-Type", "text/plain"),))
        return await service.answer(request)

    return answer


def no_preflight(handler: Handler) -> Handler:
    """The proxy takes no OPTIONS requests."""

    async def answer(request: Request) -> Answer:
        return Answer(405) if request.method == "OPTIONS" else await handler(request)  # type: ignore[return-value]

    return answer


def unrelated(status: int, body: Any, preflight: Headers) -> Handler:
    """An API that has nothing to do with calls and lets browsers use it."""
    headers = tuple((name.title(), str(value)) for name, value in preflight.items())

    async def answer(request: Request) -> Answer:
        return Answer(204, b"", headers) if request.method == "OPTIONS" else json_answer(status, body, *headers)

    return answer


@pytest.mark.parametrize(
    ("handler", "verdict", "codes"),
    [
        (JwtServiceRs().answer, Verdict.OK, set()),
        (JwtServiceRs(has_get_token=False).answer, Verdict.WARNING, {"matrix2-endpoint-missing"}),
        (strict(SERDE), Verdict.OK, set()),
        (strict(b"expected a room"), Verdict.OK, set()),
        (strict(b"no"), Verdict.OK, set()),
        (no_preflight(JwtServiceRs().answer), Verdict.WARNING, {"cors-missing-on-service"}),
        (no_preflight(strict(SERDE)), Verdict.UNKNOWN, {"unknown-service"}),
        (unrelated(400, {"error": "no"}, FOR_A_WHOLE_HOST), Verdict.UNKNOWN, {"unknown-service"}),
        (unrelated(422, PYDANTIC, FOR_A_WHOLE_HOST), Verdict.UNKNOWN, {"unknown-service"}),
        (unrelated(400, ZOD, IDENTITY), Verdict.UNKNOWN, {"unknown-service"}),
        (unrelated(400, EMPTY, AWS), Verdict.UNKNOWN, {"unknown-service"}),
        (unrelated(400, NO_QUERY, GRAPHQL), Verdict.UNKNOWN, {"unknown-service"}),
        (unrelated(401, UNAUTHORISED, IDENTITY), Verdict.UNKNOWN, {"unknown-service"}),
        (unrelated(401, UNAUTHORISED, BOILERPLATE), Verdict.UNKNOWN, {"unknown-service"}),
    ],
)
async def test_checks(
    handler: Handler,
    verdict: Verdict,
    codes: set[str],
    federation: Federation,
    names: NameTable,
    examination: Examination,
) -> None:
    """What keeps the contract passes, whatever its words; what cannot be told is unknown, never critical."""
    await scenes.answering(handler)(federation, names)
    report = await examination(NAME)
    assert report.verdict is verdict
    assert {found.code for found in report.findings} == codes
    passed = verdict is not Verdict.UNKNOWN
    assert report.foci[0].deepest_stage is (OPEN_STAGES[4] if passed else OPEN_STAGES[3])
