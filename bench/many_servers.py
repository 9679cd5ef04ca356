"""Very many healthy servers behind one real nginx, each with hosts and a service of its own, and a name server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self, cast

from dnslib import QTYPE, RR, A, DNSRecord

from lab.authority import Authority
from lab.loopback import BLOCK
from lab.process import spawn, stop
from plugins.foci.model import MSC4143_KEY

ZONE = "example.org"
ADDRESS = f"{BLOCK}.102"
NAMESERVER = "127.0.0.1"
_PATIENCE = 15.0

_CORS = "add_header Access-Control-Allow-Origin * always;"
_PREFLIGHT = (
    "if ($request_method = OPTIONS) { add_header Access-Control-Allow-Origin *; "
    "add_header Access-Control-Allow-Methods 'GET, POST, OPTIONS'; "
    "add_header Access-Control-Allow-Headers 'Accept, Content-Type, Authorization'; return 204; }"
)
_HOSTS = {
    "s": {
        "/.well-known/matrix/client": (
            200,
            (
                '{"m.homeserver": {"base_url": "https://m$n.ZONE"}, "org.matrix.msc4143.rtc_foci": '
                '[{"type": "livekit", "livekit_service_url": "https://r$n.ZONE/livekit/jwt"}]}'
            ),
        ),
        "/.well-known/matrix/server": (200, '{"m.server": "m$n.ZONE:443"}'),
    },
    "m": {
        "/_matrix/client/versions": (
            200,
            '{"versions": ["v1.11", "v1.12"], "unstable_features": {"org.matrix.msc4140": true}}',
        ),
        "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports": (401, '{"errcode": "M_MISSING_TOKEN"}'),
        "/_matrix/client/v1/rtc/transports": (404, '{"errcode": "M_UNRECOGNIZED"}'),
        "/_matrix/federation/v1/openid/userinfo": (401, '{"errcode": "M_MISSING_TOKEN"}'),
        "/_matrix/federation/v1/version": (200, '{"server": {"name": "Synapse", "version": "1.160.0"}}'),
    },
    "r": {
        "/livekit/jwt/sfu/get": (400, '{"errcode": "M_BAD_JSON", "error": "The request body is missing `room`"}'),
        "/livekit/jwt/get_token": (400, '{"errcode": "M_BAD_JSON", "error": "The request body is missing `room_id`"}'),
        "/livekit/jwt/healthz": (200, ""),
    },
}
"""First letter of a host's name to its paths, each with status and body; ``$n`` is the server's number."""

_FRAME = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  log_format short '$connection';
  access_log {directory}/requests.log short;
  default_type application/json;
  keepalive_timeout 20s;
  ssl_certificate {certificate};
  ssl_certificate_key {key};
{temporary}
{servers}
}}
"""


class ManyServers:
    """
    Servers ``s0.example.org`` and so on; an async context manager. Needs ports 53 and 443 of loopback for itself.

    Attributes:
        authority: signs their certificate.
    """

    def __init__(self, directory: Path) -> None:
        """Keep files in ``directory``."""
        self.authority = Authority(directory / "authority")
        self._directory = directory

    async def __aenter__(self) -> Self:
        (self._directory / "changed").mkdir()
        loop = asyncio.get_running_loop()
        self._names, _ = await loop.create_datagram_endpoint(_Names, local_addr=(NAMESERVER, 53))
        configuration = self._directory / "nginx.conf"
        configuration.write_text(self._configuration())
        argv = ["nginx", "-p", str(self._directory), "-e", "stderr", "-c", str(configuration)]
        self._nginx = spawn(argv, log=self._directory / "nginx.log")
        limit = time.monotonic() + _PATIENCE
        while True:
            try:
                _, writer = await asyncio.open_connection(ADDRESS, 443)
                writer.close()
                return self
            except OSError:
                if time.monotonic() > limit or self._nginx.poll() is not None:
                    raise
                await asyncio.sleep(0.05)

    async def __aexit__(self, *_: object) -> None:
        self._names.close()
        await stop(self._nginx)

    def change(self, numbers: Iterable[int], version: int) -> None:
        """Let these servers publish another list than before."""
        for number in numbers:
            service = f"https://r{number}.{ZONE}/livekit/jwt"
            entry = {"type": "livekit", "livekit_service_url": service, "livekit_alias": str(version)}
            document = {"m.homeserver": {"base_url": f"https://m{number}.{ZONE}"}, MSC4143_KEY: [entry]}
            (self._directory / "changed" / f"s{number}.json").write_text(json.dumps(document))

    def asked(self) -> tuple[int, int]:
        """Requests and connections since the last call."""
        log = self._directory / "requests.log"
        lines = log.read_text().splitlines()
        log.write_text("")
        return len(lines), len(set(lines))

    def _configuration(self) -> str:
        leaf = self.authority.issue(f"*.{ZONE}")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        return _FRAME.format(
            directory=self._directory,
            certificate=leaf.certificate_file,
            key=leaf.key_file,
            temporary="\n".join(f"  {kind}_temp_path {self._directory}/{kind};" for kind in kinds),
            servers="\n".join(_server(letter, paths) for letter, paths in _HOSTS.items()),
        )


def urls(number: int) -> Sequence[tuple[str, str]]:
    """Method and URL of everything that a whole check of a server asks for."""
    asked = [("GET", f"https://{letter}{number}.{ZONE}{path}") for letter, paths in _HOSTS.items() for path in paths]
    return [(_METHODS.get(url.rpartition("/")[2], method), url) for method, url in asked]


_METHODS = {"get": "POST", "get_token": "POST", "healthz": "HEAD"}


def _server(letter: str, paths: dict[str, tuple[int, str]]) -> str:
    locations = []
    for place, (path, (status, body)) in enumerate(paths.items()):
        answer = f"{_PREFLIGHT} {_CORS} return {status} '{body.replace('ZONE', ZONE)}';"
        if status == 200 and path.endswith("/client"):
            changed = f"root .; {_CORS} try_files /changed/{letter}$n.json @{letter}{place};"
            locations.append(f"    location = {path} {{ {changed} }}")
            locations.append(f"    location @{letter}{place} {{ {answer} }}")
        else:
            locations.append(f"    location = {path} {{ {answer} }}")
    name = f"~^{letter}(?<n>[0-9]+)[.]{ZONE.replace('.', '[.]')}$"
    lines = [f"    listen {ADDRESS}:443 ssl;", f'    server_name "{name}";', *locations]
    return "\n".join(["  server {", *lines, "  }"])


class _Names(asyncio.DatagramProtocol):
    """Every name has the one address, and none of IPv6."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        request = DNSRecord.parse(data)
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(ADDRESS), ttl=0))
        self._transport.sendto(reply.pack(), addr)
