"""Real Element Call in set-ups of the table: what it comes to, and what the bot says of the same servers."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from lab.authority import Authority
from lab.bot import BOT_PROGRAM
from lab.clients.expectations import SERVER_NAME, Client, Expectations, Mode, Setup
from lab.clients.outcome import Row, Seen, bot_says, result_of, rows_of
from lab.clients.served import PAGES_HOST, asked_for_tokens, sdk_answer, serve_pages, serve_setup
from lab.clients.tools import browser, driver, element_call
from lab.federation import Federation
from lab.synapse import Synapse

PATIENCE = 60.0
"""Seconds after the search for a focus first failed at something; Element Call shows an error after 30 of retries."""


class ProgramError(Exception):
    """The browser's driver or the bot did not do its part; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Page:
    """A version of Element Call that is opened in a room of its own, by an account of its own."""

    client: Client
    version: str
    room_id: str
    job: dict[str, Any]


class Run:
    """
    Runs set-ups, each with servers and a browser of its own.

    Attributes:
        directory: keeps a log of every page, and a picture of those that found no focus.
    """

    def __init__(
        self, table: Expectations, directory: Path, host: Path, synapse: Synapse, authority: Authority
    ) -> None:
        """Use a running homeserver and a built host page."""
        self.directory = directory
        self._table = table
        self._host = host
        self._synapse = synapse
        self._authority = authority

    async def rows(self, setup: Setup) -> tuple[Row, ...]:
        """
        Serve a set-up, open every version in it, and have the bot check it.

        Raises:
            ProgramError: the browser could not be driven, or the bot not run.
        """
        async with Federation(self.directory, authority=self._authority) as federation:
            await serve_setup(federation, setup, self._synapse)
            versions = {version for client in self._table.clients for version in client.versions}
            packages = {version: element_call(version) for version in versions}
            await serve_pages(federation, self._host, packages, setup.base_url)
            pages = [
                await self._page(setup, client, version)
                for client in self._table.clients
                for version in client.versions
            ]
            told = await self._drive(federation, pages)
            seen = [self._seen(federation, setup, page, told[page.job["name"]]) for page in pages]
            bot = bot_says(setup, await self._check(federation, setup))
        return rows_of(self._table, setup, seen, bot)

    def _seen(self, federation: Federation, setup: Setup, page: Page, told: Mapping[str, Any]) -> Seen:
        result = result_of(setup, told, asked_for_tokens(federation, setup, page.room_id))
        return Seen(setup.name, page.client.id, page.version, result, told["seconds"])

    async def _page(self, setup: Setup, client: Client, version: str) -> Page:
        login = await self._synapse.register(f"user-{secrets.token_hex(6)}", secrets.token_hex(8))
        created = await self._synapse.api("POST", "/_matrix/client/v3/createRoom", login.access_token, {"name": "call"})
        room = created["room_id"]
        name = f"{setup.name}--{client.id}--{version}"
        job: dict[str, Any] = {"name": name, "storage": None, "kept": str(self.directory / name)}
        account = {"user_id": login.user_id, "device_id": login.device_id, "access_token": login.access_token}
        if client.mode is Mode.STANDALONE:
            fragment = urlencode({"roomId": room, "confineToRoom": "true", "perParticipantE2EE": "false"})
            job["url"] = f"https://{PAGES_HOST}/alone/{version}/?#?{fragment}"
            job["storage"] = {"matrix-auth-store": json.dumps({**account, "passwordlessUser": False})}
        else:
            told = {
                "baseUrl": setup.base_url,
                "userId": login.user_id,
                "deviceId": login.device_id,
                "accessToken": login.access_token,
                "roomId": room,
                "page": f"/{version}/index.html",
                "transports": sdk_answer(setup) if client.mode is Mode.WIDGET_TOLD_BY_SDK else "element-web",
            }
            job["url"] = f"https://{PAGES_HOST}/host/index.html#{quote(json.dumps(told))}"
        return Page(client, version, room, job)

    async def _drive(self, federation: Federation, pages: Sequence[Page]) -> dict[str, Mapping[str, Any]]:
        """What the driver tells of each page, by its name."""
        served = [f"MAP {name} {where}" for name, where in federation.connect_to.items() if isinstance(where, str)]
        jobs = {
            "chromium": browser(),
            "rules": ", ".join([*served, "MAP * ~NOTFOUND"]),
            "patience": PATIENCE,
            "pages": [page.job for page in pages],
        }
        output = await _finished(["node", str(driver())], json.dumps(jobs).encode())
        told = {one["name"]: one for one in map(json.loads, output.splitlines())}
        if told.keys() != {page.job["name"] for page in pages}:
            raise ProgramError(f"the driver told of {len(told)} pages instead of {len(pages)}")
        return told

    async def _check(self, federation: Federation, setup: Setup) -> Any:
        config = self.directory / f"{setup.name}.json"
        # nobody answers there: what the federation does not serve does not exist
        config.write_text(json.dumps({"network": {**federation.network(), "nameservers": ["127.0.0.1:9"]}}))
        argv = [sys.executable, str(BOT_PROGRAM), "check", SERVER_NAME, "--json", "--config", str(config)]
        return json.loads(await _finished(argv, b"", statuses=(0, 1, 2, 3)))


async def _finished(argv: Sequence[str], told: bytes, *, statuses: tuple[int, ...] = (0,)) -> bytes:
    """What a program prints, which reads ``told``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOCIBOT_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    try:
        output, errors = await process.communicate(told)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if process.returncode not in statuses:
        raise ProgramError(f"{argv[0]} {argv[1]} ended with {process.returncode}\n{errors.decode(errors='replace')}")
    return output
