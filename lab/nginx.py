"""A real nginx before the federation: routing, CORS and redirects as administrators write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.authority import Leaf
from lab.federation import Federation
from lab.reverse_proxy import ReverseProxy

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


class Nginx(ReverseProxy):
    """
    One nginx process with virtual hosts of a federation; hosts that it serves are routed to it.

    Attributes:
        directory: holds configuration, log, and below ``www`` what it may serve.
    """

    program = "nginx"

    def __init__(self, directory: Path, federation: Federation) -> None:
        """Run nothing yet; ``directory`` is its own."""
        super().__init__(directory, federation)
        (directory / "www").mkdir()

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
            ProxyError: it refused the configuration, or did not listen in time.
        """
        configuration = self.directory / "nginx.conf"
        configuration.write_text(self._configuration(servers, prelude, leaves or {}))
        arguments = ["-p", str(self.directory), "-e", "stderr", "-c", str(configuration)]
        await self._run(arguments, servers)

    def _configuration(self, servers: Mapping[str, str], prelude: str, leaves: Mapping[str, Leaf]) -> str:
        blocks = []
        for host, body in servers.items():
            leaf = leaves.get(host) or self._federation.authority.issue(host)
            files = {"certificate": leaf.certificate_file, "key": leaf.key_file}
            blocks.append(_SERVER.format(endpoint=self.endpoint, host=host, body=body, **files))
        temporary = "\n".join(f"  {name}_temp_path {self.directory}/{name};" for name in _TEMPORARY)
        return _FRAME.format(directory=self.directory, temporary=temporary, prelude=prelude, servers="\n".join(blocks))
