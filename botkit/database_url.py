"""Database URLs as operators write them: taken apart, checked, and shown without what is secret in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

WANTED = "must be sqlite:///path/to/file.db or postgresql://user@host/name"
_ESCAPES = f"{WANTED}; write @ / ? # % : and spaces in names and passwords as %40 %2F %3F %23 %25 %3A %20"

PATHS = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
"""Parameters that name files."""

SYSTEM = "system"
"""As ``sslrootcert``: what the system trusts, and no file."""

_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "target_session_attrs": ("any", "primary", "read-write"),
}
_PARAMETERS = frozenset(
    {
        *PATHS,
        *_CHOICES,
        "application_name",
        "connect_timeout",
        "gsslib",
        "krbsrvname",
        "options",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslpassword",
    }
)
_ELSEWHERE = frozenset({"host", "port", "user", "password", "dbname"})
"""Parameters that say what otherwise stands before the question mark; as with libpq, they win."""

_HIDDEN = "REDACTED"


@dataclass(frozen=True, slots=True)
class SqliteUrl:
    """An SQLite database; ``path`` as written, empty for one in memory."""

    path: str

    def __str__(self) -> str:
        return f"sqlite:///{self.path}" if self.path else "sqlite://"

    @property
    def redacted(self) -> str:
        """The whole of it: there is nothing to hide."""
        return str(self)

    @property
    def place(self) -> str:
        """What the log calls it."""
        return self.path


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """
    A PostgreSQL database, as libpq reads such a URL.

    Attributes:
        hosts: name, address or directory of a socket each, and port; None where it is libpq's default.
        parameters: what follows the question mark, apart from what has a field of its own.
    """

    hosts: tuple[tuple[str, int | None], ...]
    user: str | None
    database: str
    password: str | None = field(default=None, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        user = "" if self.user is None else _escaped(self.user)
        secret = "" if self.password is None else f":{_escaped(self.password)}"
        hosts = ",".join(_host_text(host, port) for host, port in self.hosts)
        query = "&".join(f"{name}={_escaped(value)}" for name, value in self.parameters.items())
        return f"postgresql://{user}{secret}{'@' if user or secret else ''}{hosts}/{_escaped(self.database)}" + (
            f"?{query}" if query else ""
        )

    @property
    def redacted(self) -> str:
        """The URL with its passwords replaced."""
        hidden = {name: _HIDDEN if name == "sslpassword" else value for name, value in self.parameters.items()}
        return str(replace(self, password=None if self.password is None else _HIDDEN, parameters=hidden))

    @property
    def place(self) -> str:
        """What the log calls it: who, where and which, nothing else."""
        return str(replace(self, password=None, parameters={}))


def parse_database_url(url: str) -> SqliteUrl | PostgresUrl:
    """
    Take a URL apart.

    Raises:
        ValueError: it is of neither kind, or ambiguous; nothing of the URL is in the text, as it may hold a password.
    """
    if url == "sqlite://" or (url.startswith("sqlite:///") and url != "sqlite:///"):
        return SqliteUrl(url.removeprefix("sqlite://").removeprefix("/"))
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgresql", "postgres"):
        raise ValueError(WANTED)
    if not rest.isprintable() or " " in rest or "#" in rest:
        raise ValueError(_ESCAPES)
    before, _, query = rest.partition("?")
    authority, _, path = before.partition("/")
    login, at, hosts = authority.rpartition("@")
    # an @ behind the first slash or question mark is of a password that has one of these in it
    if "@" in path + query or "/" in path or "?" in query:
        raise ValueError(_ESCAPES)
    user, colon, password = login.partition(":")
    parameters = _parameters(query)
    return PostgresUrl(
        _hosts(hosts, parameters),
        parameters.pop("user", _unescaped(user) if at and user else None),
        _database(parameters.pop("dbname", _unescaped(path))),
        parameters.pop("password", _unescaped(password) if colon else None),
        parameters,
    )


def _database(name: str) -> str:
    if not name:
        raise ValueError(WANTED)
    return name


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        escaped, equals, value = pair.partition("=")
        name = _unescaped(escaped)
        # a name that is not known may be a part of a password: it is not shown
        if not equals or name not in _PARAMETERS | _ELSEWHERE:
            known = ", ".join(sorted(_PARAMETERS | _ELSEWHERE))
            raise ValueError(f"has a parameter that is not supported; these are: {known}")
        if name in found:
            raise ValueError(f"has the parameter {name} twice")
        found[name] = _unescaped(value)
    for name, choices in _CHOICES.items():
        if found.get(name, choices[0]) not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}")
    if not re.fullmatch(r"[1-9][0-9]{0,4}", found.get("connect_timeout", "10")):
        raise ValueError("connect_timeout must be a number of seconds")
    return found


def _hosts(text: str, parameters: dict[str, str]) -> tuple[tuple[str, int | None], ...]:
    named = parameters.pop("host", None)
    if named is not None:
        hosts: list[tuple[str, int | None]] = [(host, None) for host in named.split(",")]
    else:
        hosts = [_host(part) for part in text.split(",")]
    ports = parameters.pop("port", None)
    if ports is None:
        return tuple(hosts)
    numbers = [_port(port) for port in ports.split(",")]
    if len(numbers) == 1:
        numbers *= len(hosts)
    if len(numbers) != len(hosts):
        raise ValueError("port must be one number, or as many as there are hosts")
    return tuple((host, port) for (host, _), port in zip(hosts, numbers, strict=True))


def _host(text: str) -> tuple[str, int | None]:
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+(?:%25[\w.]+)?)\](?::([0-9]*))?", text)
    plain = re.fullmatch(r"([^:\[\]]*)(?::([0-9]*))?", text)
    found = bracketed or plain
    if found is None:
        raise ValueError(_ESCAPES)
    return _unescaped(found[1]), _port(found[2]) if found[2] else None


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise ValueError("has a port that is not between 1 and 65535")
    return int(text)


def _unescaped(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise ValueError(_ESCAPES)
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(_ESCAPES) from None
    if "\0" in plain:
        raise ValueError(WANTED)
    return plain


def _escaped(text: str) -> str:
    return quote(text, safe="")


def _host_text(host: str, port: int | None) -> str:
    shown = f"[{quote(host, safe=':.')}]" if ":" in host else quote(host, safe="")
    return shown if port is None else f"{shown}:{port}"
