"""A real nginx before the federation: routing, CORS and redirects as administrators write them."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.authority import Leaf
from lab.federation import Federation
from lab.loopback import BLOCK, reserved_port
from lab.process import spawn, stop

_ADDRESS = f"{BLOCK}.251"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_FRAME = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 128; }}
http {{
  access_log off;
  server_tokens off;
  types {{ application/json json; text/html html; }}
  default_type application/octet-stream;
{temporary}
{prelude}
{servers}
}}
"""
_SERVER = """\
  server {{
    listen {endpoint} ssl;
    server_name {host};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
{body}
  }}
"""


class NginxError(Exception):
    """nginx did not start; the text ends with what it said."""


def nginx_binary() -> str | None:
    """Where nginx is installed, None if it is not; Debian keeps it out of ordinary users' PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


class Nginx:
    """
    One nginx process with virtual hosts of a federation; hosts that it serves are routed to it.

    Attributes:
        directory: holds configuration, log, and below ``www`` what it may serve.
    """

    def __init__(self, directory: Path, federation: Federation) -> None:
        """Run nothing yet; ``directory`` is its own."""
        self.directory = directory
        self._federation = federation
        self._port = reserved_port(_ADDRESS)
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "www").mkdir(parents=True)

    def publish(self, path: str, content: str | bytes) -> None:
        """Put a file below ``www``; in configurations that directory is ``www`` too."""
        place = self.directory / "www" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)

    async def start(
        self, servers: Mapping[str, str], *, prelude: str = "", leaves: Mapping[str, Leaf] | None = None
    ) -> None:
        """
        Serve virtual hosts over TLS until ``stop``.

        Args:
            servers: host name to the inside of its ``server`` block; the first is also the default server.
            prelude: further directives of the ``http`` block.
            leaves: certificates other than good ones, by host name.

        Raises:
            NginxError: it refused the configuration, or did not listen within ten seconds.
        """
        binary = nginx_binary()
        if binary is None:
            raise NginxError("nginx is not installed")
        configuration = self.directory / "nginx.conf"
        configuration.write_text(self._configuration(servers, prelude, leaves or {}))
        argv = [binary, "-p", str(self.directory), "-e", "stderr", "-c", str(configuration)]
        self._process = spawn(argv, log=self.directory / "nginx.log", cwd=self.directory)
        await self._until_it_listens()
        for host in servers:
            self._federation.route(host, f"{_ADDRESS}:{self._port}")

    async def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            await stop(self._process)
            self._process = None

    def _configuration(self, servers: Mapping[str, str], prelude: str, leaves: Mapping[str, Leaf]) -> str:
        blocks = []
        for host, body in servers.items():
            leaf = leaves.get(host) or self._federation.authority.issue(host)
            files = {"certificate": leaf.certificate_file, "key": leaf.key_file}
            blocks.append(_SERVER.format(endpoint=f"{_ADDRESS}:{self._port}", host=host, body=body, **files))
        temporary = "\n".join(f"  {name}_temp_path {self.directory}/{name};" for name in _TEMPORARY)
        return _FRAME.format(directory=self.directory, temporary=temporary, prelude=prelude, servers="\n".join(blocks))

    async def _until_it_listens(self) -> None:
        for _ in range(200):
            if self._process is None or self._process.poll() is not None:
                break
            with socket.socket() as knock:
                if knock.connect_ex((_ADDRESS, self._port)) == 0:
                    return
            await asyncio.sleep(0.05)
        await self.stop()
        raise NginxError((self.directory / "nginx.log").read_text(errors="replace")[-2000:])
