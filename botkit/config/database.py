"""Database URLs as operators write them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit


def validate_url(url: str) -> str:
    """
    The URL unchanged, if it is one of the two kinds.

    Raises:
        ValueError: without the URL in its text, as it may hold a password.
    """
    if re.fullmatch(r"sqlite:///[^?#\s]+", url):
        return url
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "postgresql" and bool(parts.path.strip("/")) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be sqlite:///path/to/file.db or postgresql://user@host/name")
    return url


def resolve_url(url: str, base: Path) -> str:
    """The URL with the path of an SQLite file made absolute, relative to ``base``."""
    if not url.startswith("sqlite:"):
        return url
    return f"sqlite:///{(base / url.removeprefix('sqlite:///')).absolute()}"


def redact_url(url: str) -> str:
    """The URL with its password replaced, wherever one may be written."""
    url = re.sub(r"^(\w+://[^/@:]*):.*@", r"\1:REDACTED@", url)
    return re.sub(r"([?&](?:password|sslpassword)=)[^&]*", r"\1REDACTED", url)
