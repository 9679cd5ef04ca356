"""A real Synapse on loopback: SQLite, throw-away data, started and stopped at will."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from lab.authority import Authority
from lab.loopback import reserved_port
from lab.process import spawn, stop
from lab.synapse_config import basic_config, limits, log_config


class SynapseError(Exception):
    """Synapse did not start; the text ends with the last lines of its log."""


class ApiError(Exception):
    """
    The homeserver refused a request.

    Attributes:
        status: the HTTP status.
        errcode: Matrix's error code, or an empty string.
    """

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.errcode: str = body.get("errcode", "") if isinstance(body, dict) else ""
        super().__init__(f"{status} {body}")


@dataclass(frozen=True, slots=True)
class Login:
    """An account with a device and its access token."""

    user_id: str
    access_token: str = field(repr=False)
    device_id: str


class Synapse:
    """
    A homeserver that lives in a directory; an async context manager that starts and stops it.

    Attributes:
        server_name: the Matrix server name.
        directory: holds the database, configuration and logs; survives stop and start.
        base_url: where clients reach it, such as ``http://127.0.0.1:20123``.
        tls_url: the same over TLS, or None without an authority.
    """

    def __init__(
        self,
        directory: Path,
        *,
        server_name: str = "lab.test",
        address: str = "127.0.0.1",
        authority: Authority | None = None,
        well_known: Mapping[str, Any] | None = None,
        transports: Sequence[Mapping[str, Any]] | None = None,
        msc4143: bool = False,
        rate_limits: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Prepare a homeserver; nothing is written or run before ``start``.

        Args:
            directory: an empty one of its own, or one used before.
            server_name: may hold a port; it need not resolve.
            address: loopback address to listen on.
            authority: adds a TLS listener; its leaf names the server, ``matrix.<server>`` and the address.
            well_known: extra content of the client well-known.
            transports: what ``matrix_rtc.transports`` holds; None leaves the key out.
            msc4143: serve the transports endpoint.
            rate_limits: Synapse's ``rc_*`` keys to set; all others are as good as off.
            config: any further top-level keys of homeserver.yaml; they win.
        """
        self.server_name = server_name
        self.directory = directory
        self._address = address
        self._authority = authority
        self._port = reserved_port(address)
        self._tls_port = reserved_port(address) if authority else None
        self.base_url = f"http://{address}:{self._port}"
        self.tls_url = f"https://{address}:{self._tls_port}" if authority else None
        self._shared_secret = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self._serves_openid = True
        self.config: dict[str, Any] = {
            **basic_config(directory, server_name, self.base_url, self._shared_secret),
            **limits(rate_limits or {}),
            "listeners": self._listeners(),
            "serve_server_wellknown": False,
            "extra_well_known_client_content": dict(well_known or {}),
            "experimental_features": {"msc4143_enabled": msc4143},
            "max_event_delay_duration": "24h",
            **({} if transports is None else {"matrix_rtc": {"transports": list(transports)}}),
            **self._tls_config(),
            **(config or {}),
        }

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def log_file(self) -> Path:
        """Synapse's log."""
        return self.directory / "homeserver.log"

    async def start(self, *, patience: float = 60.0) -> None:
        """
        Write the configuration (as ``config`` now stands), run Synapse and wait until it answers.

        Raises:
            SynapseError: it ended, or did not answer within ``patience`` seconds.
        """
        if self.running:
            return
        self._write_files()
        argv = [sys.executable, "-m", "synapse.app.homeserver", "-c", str(self.directory / "homeserver.yaml")]
        self._process = spawn(argv, log=self.directory / "stdout.log", cwd=self.directory)
        try:
            async with asyncio.timeout(patience):
                await self._until_healthy()
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise SynapseError(f"Synapse did not answer within {patience:g} s\n{self._log_tail()}") from None
            raise

    async def stop(self) -> None:
        """End the process in order; the data stays."""
        if self._process is not None:
            await stop(self._process)
            self._process = None

    async def restart(self) -> None:
        """Stop and start again with the same data at the same port."""
        await self.stop()
        await self.start()

    async def serve_openid(self, served: bool) -> None:
        """
        Serve what vouches for OpenID tokens to strangers, or do not, as a homeserver without federation listener.

        A change restarts a homeserver that is running.
        """
        if served is not self._serves_openid:
            self._serves_openid = served
            self.config["listeners"] = self._listeners()
            if self.running:
                await self.restart()

    def kill(self) -> None:
        """End the process at once (SIGKILL), as a crash would; the data stays as it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def register(self, localpart: str, password: str, admin: bool = False) -> Login:
        """
        Make an account by the shared secret.

        Raises:
            ApiError: the homeserver refused, for instance since the name is taken.
        """
        path = "/_synapse/admin/v1/register"
        nonce = (await self.api("GET", path))["nonce"]
        parts = (nonce, localpart, password, "admin" if admin else "notadmin")
        mac = hmac.new(self._shared_secret.encode(), "\0".join(parts).encode(), hashlib.sha1)
        answer = await self.api(
            "POST",
            path,
            json={
                "nonce": nonce,
                "username": localpart,
                "password": password,
                "admin": admin,
                "mac": mac.hexdigest(),
            },
        )
        return Login(answer["user_id"], answer["access_token"], answer["device_id"])

    async def login(self, user: str, password: str, device_id: str | None = None) -> Login:
        """
        Log in with a password, as a new device or as a given one.

        Raises:
            ApiError: the homeserver refused.
        """
        body: dict[str, Any] = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
        }
        if device_id is not None:
            body["device_id"] = device_id
        answer = await self.api("POST", "/_matrix/client/v3/login", json=body)
        return Login(answer["user_id"], answer["access_token"], answer["device_id"])

    async def api(self, method: str, path: str, token: str | None = None, json: Any = None) -> Any:
        """
        Call an endpoint and return the decoded answer.

        Raises:
            ApiError: the status was 400 or more.
        """
        status, body = await self.request(method, path, token, json)
        if status >= 400:
            raise ApiError(status, body)
        return body

    async def request(self, method: str, path: str, token: str | None = None, json: Any = None) -> tuple[int, Any]:
        """Call an endpoint and return status and decoded answer, whatever they are."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        timeout = aiohttp.ClientTimeout(total=60)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, self.base_url + path, headers=headers, json=json) as response,
        ):
            return response.status, await response.json(content_type=None)

    async def _until_healthy(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                if not self.running:
                    raise SynapseError(f"Synapse ended while it started\n{self._log_tail()}")
                try:
                    async with session.get(f"{self.base_url}/health") as response:
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.05)

    def _listeners(self) -> list[dict[str, Any]]:
        names = ["client", "federation", "openid"] if self._serves_openid else ["client"]
        resources = [{"names": names, "compress": False}]
        plain = {
            "type": "http",
            "port": self._port,
            "bind_addresses": [self._address],
            "x_forwarded": False,
            "resources": resources,
        }
        if self._tls_port is None:
            return [plain]
        return [plain, {**plain, "port": self._tls_port, "tls": True}]

    def _tls_config(self) -> dict[str, Any]:
        if self._authority is None:
            return {}
        host = self.server_name.rsplit(":", 1)[0] if ":" in self.server_name else self.server_name
        leaf = self._authority.issue(host, f"matrix.{host}", self._address)
        return {
            "tls_certificate_path": str(leaf.certificate_file),
            "tls_private_key_path": str(leaf.key_file),
            "federation_custom_ca_list": [str(self._authority.ca_file)],
        }

    def _write_files(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "homeserver.yaml").write_text(json.dumps(self.config, indent=1))
        (self.directory / "log.json").write_text(json.dumps(log_config(self.log_file)))
        key_file = self.directory / "signing.key"
        if not key_file.exists():
            seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            key_file.write_text(f"ed25519 a_lab {seed}\n")

    def _log_tail(self) -> str:
        lines: list[str] = []
        for path in (self.log_file, self.directory / "stdout.log"):
            if path.exists():
                lines += path.read_text(errors="replace").splitlines()[-20:]
        return "\n".join(lines)
