"""A real Caddy before the federation, configured as administrators write Caddyfiles."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lab.reverse_proxy import ReverseProxy

_FRAME = """\
{{
	admin off
	auto_https off
	storage file_system {directory}/storage
}}
{sites}
"""
_SITE = """\
https://{host}:{port} {{
	bind {address}
	tls {certificate} {key} {{
{tls}
	}}
{body}
}}
"""


class Caddy(ReverseProxy):
    """One Caddy process with sites of a federation."""

    program = "caddy"

    async def start(self, sites: Mapping[str, str], *, tls: str = "") -> None:
        """
        Serve sites over TLS until ``stop``.

        Args:
            sites: host name to what stands in its block, besides address and certificate.
            tls: what stands in the block of each site's ``tls`` directive.

        Raises:
            ProxyError: it refused the configuration, or did not listen in time.
        """
        address, _, port = self.endpoint.rpartition(":")
        blocks = []
        for host, body in sites.items():
            leaf = self._federation.authority.issue(host)
            files = {"certificate": leaf.certificate_file, "key": leaf.key_file}
            blocks.append(_SITE.format(host=host, address=address, port=port, body=body, tls=tls, **files))
        caddyfile = self.directory / "Caddyfile"
        caddyfile.write_text(_FRAME.format(directory=self.directory, sites="\n".join(blocks)))
        homes = {name: str(self.directory) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        arguments = ["run", "--config", str(caddyfile), "--adapter", "caddyfile"]
        await self._run(arguments, sites, env={**os.environ, **homes})
