"""What to change in a reverse proxy before an authorisation service, with the lines to write."""

from __future__ import annotations

import re

from plugins.foci.login_page import past_login

_ENDPOINTS = "sfu/get|get_token|delegate_delayed_leave"
_PLAIN = re.compile(r"(?:/[\w.~-]+){1,6}")
_LONGEST_PREFIX = 60
_EXAMPLE = "/livekit/jwt"


def prefix_of(path: str, endpoint: str) -> str:
    """The path under which an endpoint was asked for, without a slash at its end."""
    return path.removesuffix(endpoint).rstrip("/")


def route(prefix: str) -> str:
    """Lines that lead the endpoints to the service, the prefix stripped."""
    if not prefix:
        return (
            f"nginx `location ~ ^/({_ENDPOINTS})$ {{ proxy_pass http://127.0.0.1:8080; }}`, Caddy "
            "`@jwt path /sfu/get /get_token` and `reverse_proxy @jwt 127.0.0.1:8080`, HAProxy "
            "`use_backend jwt if { path /sfu/get /get_token }`"
        )
    shown = _shown(prefix)
    return (
        f"nginx `location {shown}/ {{ proxy_pass http://127.0.0.1:8080/; }}` with a slash at the end of both, Caddy "
        f"`handle_path {shown}/*` instead of `handle`, HAProxy `http-request replace-path {shown}(/.*) \\1`"
    )


def single_slash(prefix: str) -> str:
    """Lines that pass the path on with one slash at its start."""
    if not prefix:
        return "Pass the path on as it is: nginx `location / { proxy_pass http://127.0.0.1:8080; }`."
    shown = _shown(prefix)
    return (
        f"Let the proxy take the slash away with the prefix: nginx `location {shown}/ {{ proxy_pass "
        f"http://127.0.0.1:8080/; }}` (without the slash after `{shown}` it passes on `//sfu/get`), HAProxy "
        f"`http-request replace-path {shown}(/.*) \\1`."
    )


def no_login(prefix: str) -> str:
    """Lines that lead the endpoints past a login."""
    shown = _shown(prefix) if prefix else ""
    return past_login((f"{shown}/sfu/get", f"{shown}/get_token"), f"{shown}/" if shown else "")


def _shown(prefix: str) -> str:
    """A stranger's prefix as a configuration has it; an example where it is none that one would write."""
    return prefix if len(prefix) <= _LONGEST_PREFIX and _PLAIN.fullmatch(prefix) else _EXAMPLE
