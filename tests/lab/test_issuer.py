"""Names on the SFU are those that lk-jwt-service gives, version by version; digests were computed with openssl."""

from __future__ import annotations

import pytest

from lab.issuer import names_on_sfu

OPENID = {"access_token": "t", "matrix_server_name": "example.org"}
SFU_GET = {"room": "!probe", "device_id": "D", "openid_token": OPENID}
GET_TOKEN = {
    "room_id": "!probe",
    "slot_id": "m.call#ROOM",
    "openid_token": OPENID,
    "member": {"id": "m", "claimed_user_id": "@bob:example.org", "claimed_device_id": "D"},
}
AS_JSON = "R7JL8+UPulOybVZLUnxaE8Wk1i8rdLTogLIeyoKF9nM"
BY_BARS = "LvejgbRnXCnnbXpBYTkMwcn9d06/JPG4HaQ/EYGyd+0"


@pytest.mark.parametrize(
    ("release", "room"),
    [((0, 3, 0), "!probe"), ((0, 4, 0), "!probe"), ((0, 4, 1), BY_BARS), ((0, 4, 3), AS_JSON), ((0, 6, 0), AS_JSON)],
)
def test_names_of_the_older_endpoint(release: tuple[int, ...], room: str) -> None:
    """The room was the Matrix room's id, later a digest with the slot; the participant is user and device."""
    assert names_on_sfu(release, SFU_GET, "@bob:example.org") == (room, "@bob:example.org:D")


@pytest.mark.parametrize(
    ("release", "room", "identity"),
    [
        ((0, 4, 0), "2ef7a381b4675c29e76d7a4161390cc1c9fd774ebf24f1b81da43f1181b277ed", "m"),
        ((0, 4, 1), BY_BARS, "rJzUDWrR6tsXVG+nP5cNYiWHNmLqFIkhnz1K4TQ0CzQ"),
        ((0, 4, 3), AS_JSON, "PYawFPhjC4NKUlCA91N6IwSA1GtyHn8S1ffXo+9M5Tw"),
        ((0, 6, 0), AS_JSON, "PYawFPhjC4NKUlCA91N6IwSA1GtyHn8S1ffXo+9M5Tw"),
    ],
)
def test_names_of_the_newer_endpoint(release: tuple[int, ...], room: str, identity: str) -> None:
    """Both are digests, so that the SFU learns neither room nor user."""
    assert names_on_sfu(release, GET_TOKEN, "@bob:example.org") == (room, identity)
