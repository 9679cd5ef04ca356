"""A real HAProxy before the federation, configured as administrators write it."""

from __future__ import annotations

from lab.reverse_proxy import ReverseProxy

_FRAME = """\
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend https
    bind {endpoint} ssl crt {certificate}
{frontend}
{backends}
"""


class HAProxy(ReverseProxy):
    """One HAProxy process with one host of a federation."""

    program = "haproxy"

    async def start(self, host: str, frontend: str, backends: str) -> None:
        """
        Serve a host over TLS until ``stop``.

        Args:
            frontend: the rules of the frontend.
            backends: whole sections.

        Raises:
            ProxyError: it refused the configuration, or did not listen in time.
        """
        leaf = self._federation.authority.issue(host)
        certificate = self.directory / f"{host}.pem"
        certificate.write_bytes(leaf.certificate_file.read_bytes() + leaf.key_file.read_bytes())
        configuration = self.directory / "haproxy.cfg"
        text = _FRAME.format(endpoint=self.endpoint, certificate=certificate, frontend=frontend, backends=backends)
        configuration.write_text(text)
        await self._run(["-db", "-f", str(configuration)], [host])
