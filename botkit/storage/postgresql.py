"""One connection to PostgreSQL, opened as the URL's parameters say."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import asyncpg

from botkit.database_url import SYSTEM, PostgresUrl

CONNECT_TIMEOUT = 5.0
"""Seconds for a connection to one host unless ``connect_timeout`` says otherwise."""

COMMAND_TIMEOUT = 60.0
"""Seconds after which a statement without an answer means that the connection is dead."""

_ENCRYPTION = (
    "sslmode",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "sslcrl",
    "sslpassword",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)
_ARGUMENTS = ("passfile", "krbsrvname", "gsslib")
_SETTINGS = ("application_name", "options")


async def connect(url: PostgresUrl) -> asyncpg.Connection:
    """
    A new connection: to the first host that answers in time and fits ``target_session_attrs``.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: there is none; of the last host, without passwords.
    """
    arguments = _arguments(url)
    *others, last = url.hosts
    for host, port in others:
        # the driver's own list of hosts has one time limit for them all
        with contextlib.suppress(OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched):
            return await _connect(host, port, arguments)
    return await _connect(*last, arguments)


async def _connect(host: str, port: int | None, arguments: Mapping[str, Any]) -> asyncpg.Connection:
    where = {"host": host} if host else {}
    return await asyncpg.connect(**arguments, **where, port=port or (5432 if host else None))


def _arguments(url: PostgresUrl) -> dict[str, Any]:
    given = url.parameters
    arguments: dict[str, Any] = {name: given[name] for name in _ARGUMENTS if name in given}
    encryption = {name: given[name] for name in _ENCRYPTION if name in given}
    if given.get("sslrootcert") == SYSTEM:
        arguments["ssl"] = context = ssl.create_default_context()
        if "sslcert" in given:
            context.load_cert_chain(given["sslcert"], given.get("sslkey"), given.get("sslpassword"))
    elif encryption:
        # the driver takes these from a URL alone
        arguments["dsn"] = f"postgresql://?{urlencode(encryption, quote_via=quote)}"
    return {
        "user": url.user,
        "password": url.password,
        "database": url.database,
        # a standby of the database refuses what is written
        "target_session_attrs": given.get("target_session_attrs", "read-write" if len(url.hosts) > 1 else "any"),
        "server_settings": {"application_name": "foci-bot", **{key: given[key] for key in _SETTINGS if key in given}},
        "timeout": float(given.get("connect_timeout", CONNECT_TIMEOUT)),
        "command_timeout": COMMAND_TIMEOUT,
        **arguments,
    }
