"""What is accepted and still unwise in a configuration: a sentence each, without secrets."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from botkit.config.account import MatrixConfig
from botkit.config.environment import variable_of
from botkit.config.model import Config
from botkit.database_url import PostgresUrl, parse_database_url

_CONTAINER_SECRETS = Path("/run/secrets")
"""Container engines mount secrets here, readable by everybody who is in the container."""

_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def config_warnings(config: Config, file: Path | None) -> tuple[str, ...]:
    """
    Tokens that travel in clear, and secrets that every user of the machine can read.

    Args:
        file: where the configuration came from, None without a file.
    """
    return tuple(_warnings(config, file))


def _warnings(config: Config, file: Path | None) -> Iterator[str]:
    matrix = config.matrix
    if matrix is not None:
        yield from _plain_http(matrix)
        for key in ("access_token_file", "password_file"):
            path = getattr(matrix, key)
            if path is not None and _open_to_all(path):
                yield f"matrix.{key}: {path} is readable by every user of this machine; chmod 600 it"
    if file is not None and _holds_secret(config) and _open_to_all(file):
        yield f"{file} holds a secret and is readable by every user of this machine; chmod 600 it"


def _plain_http(matrix: MatrixConfig) -> Iterator[str]:
    url = urlsplit(matrix.homeserver_url)
    if url.scheme == "http" and not _is_private(url.hostname or ""):
        yield (
            f"matrix.homeserver_url: {matrix.homeserver_url} is plain http to a host that is not private; "
            "the access token and every message can be read on the way"
        )


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        # a name without a dot is found on this machine or in its own network, such as a container's
        return "." not in host or host.endswith(_PRIVATE_SUFFIXES)


def _holds_secret(config: Config) -> bool:
    """Whether one is written in the file itself; those of the environment are not."""
    matrix, database = config.matrix, parse_database_url(config.storage.database)
    written = {
        ("matrix", "access_token"): matrix is not None and matrix.access_token is not None,
        ("matrix", "password"): matrix is not None and matrix.password is not None,
        ("storage", "database"): isinstance(database, PostgresUrl)
        and (database.password is not None or "sslpassword" in database.parameters),
    }
    variables = config.context.get("variables", frozenset())
    return any(
        there and not variables.intersection((variable_of(path[:1]), variable_of(path)))
        for path, there in written.items()
    )


def _open_to_all(path: Path) -> bool:
    if path.is_relative_to(_CONTAINER_SECRETS):
        return False
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False  # whoever reads it will say what is wrong
