"""The set-ups as they are served, without a browser: what the bot says of them, and who was asked for a token."""

from __future__ import annotations

import base64
import json

import pytest

from lab.clients.expectations import SERVER_NAME, Setup, read_expectations
from lab.clients.outcome import Seen, bot_says, rows_of
from lab.clients.served import asked_for_tokens, sdk_answer, serve_setup
from lab.federation import Federation
from lab.synapse import Synapse
from plugins.foci.report.as_json import report_to_json
from tests.foci.examination import Examination
from tests.lab.client import Client

TABLE = read_expectations()
SETUPS = {setup.name: setup for setup in TABLE.setups}


@pytest.mark.parametrize("setup", TABLE.setups, ids=lambda setup: setup.name)
async def test_the_bot_says_what_clients_came_to(
    federation: Federation, synapse: Synapse, examination: Examination, setup: Setup
) -> None:
    """A check of the servers over real sockets says of every client what the table says."""
    await serve_setup(federation, setup, synapse)
    report = report_to_json(await examination(SERVER_NAME))
    seen = [
        Seen(setup.name, client.id, version, setup.expected[client.id], 0.0)
        for client in TABLE.clients
        for version in client.versions
    ]
    rows = rows_of(TABLE, setup, seen, bot_says(setup, report))
    assert {row.seen.client: row.faults for row in rows if row.faults} == {}


async def test_whoever_asks_gets_a_token_and_is_remembered(federation: Federation, synapse: Synapse) -> None:
    """A service hands out a token for the room that was named, and only it counts as asked for that room."""
    setup = SETUPS["well-known-and-endpoint"]
    await serve_setup(federation, setup, synapse)
    openid = {"access_token": "secret", "token_type": "Bearer", "matrix_server_name": SERVER_NAME, "expires_in": 3600}
    body = json.dumps({"room": "!call:example.org", "openid_token": openid, "device_id": "DEVICE"}).encode()
    answer = await Client(federation)("POST", f"{setup.services['B'].url}/sfu/get", body=body)
    _, payload, _ = json.loads(answer.body)["jwt"].split(".")
    assert json.loads(base64.urlsafe_b64decode(f"{payload}=="))["video"]["room"] == "!call:example.org"
    assert asked_for_tokens(federation, setup, "!call:example.org") == {"B"}
    assert asked_for_tokens(federation, setup, "!other:example.org") == set()


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("endpoint", "A"),
        ("unknown-type-first", "B"),
        ("stable-key-alone", "A"),
        ("well-known-of-base-url", "A"),
        ("both-keys", ""),
    ],
)
def test_the_recorded_answers_of_matrix_sdk(name: str, letters: str) -> None:
    """The list that is given to Element Call in Element X's place is the one that matrix-sdk took."""
    setup = SETUPS[name]
    urls = [entry.get("livekit_service_url") for entry in sdk_answer(setup)]
    assert [url for url in urls if url] == [setup.services[letter].url for letter in letters]
