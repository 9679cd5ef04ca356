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
    bind {endpoint} ssl crt {certificate} {options}
{frontend}
{backends}
"""


class HAProxy(ReverseProxy):
    """One HAProxy process with one host of a federation."""

    program = "haproxy"

    async def start(self, host: str, frontend: str, backends: str, *, options: str = "") -> None:
        """
        Serve a host over TLS until ``stop``.

        Args:
            frontend: the rules of the frontend.
            backends: whole sections.
            options: further words of the ``bind`` line.

        Raises:
            ProxyError: it refused the configuration, or did not listen in time.
        """
        leaf = self._federation.authority.issue(host)
        certificate = self.directory / f"{host}.pem"
        certificate.write_bytes(leaf.certificate_file.read_bytes() + leaf.key_file.read_bytes())
        configuration = self.directory / "haproxy.cfg"
        bind = {"endpoint": self.endpoint, "certificate": certificate, "options": options}
        configuration.write_text(_FRAME.format(**bind, frontend=frontend, backends=backends))
        await self._run(["-db", "-f", str(configuration)], [host])
