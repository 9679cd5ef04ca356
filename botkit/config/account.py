"""The ``matrix`` section: which account the bot is, and where its secret comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from botkit.config.errors import ConfigError
from botkit.config.section import SecretFile, Section
from botkit.identifiers import is_server_name, is_user_id

SECRET_KEYS = ("access_token", "access_token_file", "password", "password_file")
"""The alternatives of which one is set; a later source that sets one replaces them all."""

LARGEST_SECRET = 16384
"""Bytes read of a secret's file; what is larger is some other file."""


def _user_id(text: str) -> str:
    if not is_user_id(text):
        raise ValueError("must be a user id such as @foci:example.org")
    return text


UserId = Annotated[str, AfterValidator(_user_id)]


def _homeserver_url(text: str) -> str:
    malformed = ValueError("must be an http(s) URL without path or login, such as https://matrix.example.org")
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise malformed
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise malformed from None
    if parts.scheme not in ("http", "https") or not host or not is_server_name(parts.netloc):
        raise malformed
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise malformed
    return f"{parts.scheme}://{parts.netloc}"


class MatrixConfig(Section):
    """
    The bot's account.

    Attributes:
        homeserver_url: base URL of the client-server API, without a trailing slash.
        access_token, access_token_file, password, password_file: at most one; ``secret`` reads it.
    """

    homeserver_url: Annotated[str, AfterValidator(_homeserver_url)]
    user_id: UserId
    access_token: SecretStr | None = None
    access_token_file: SecretFile | None = None
    password: SecretStr | None = None
    password_file: SecretFile | None = None
    device_name: Annotated[str, Field(min_length=1, max_length=100)] = "foci-bot"

    @model_validator(mode="after")
    def _one_secret(self) -> MatrixConfig:
        given = [key for key in SECRET_KEYS if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"set only one of {' and '.join(given)}")
        for key in ("access_token", "password"):
            secret = getattr(self, key)
            if secret is not None and not secret.get_secret_value():
                raise ValueError(f"{key} must not be empty")
        return self

    @property
    def has_token(self) -> bool:
        """Whether the secret is an access token, unread."""
        return self.access_token is not None or self.access_token_file is not None

    def secret(self) -> tuple[Literal["token", "password"], SecretStr]:
        """
        The account's secret and its kind, read from its file now.

        Raises:
            ConfigError: none is configured, or its file cannot be used; names the file, never its content.
        """
        if self.access_token is not None:
            return "token", self.access_token
        if self.access_token_file is not None:
            return "token", _read_secret("matrix.access_token_file", self.access_token_file)
        if self.password is not None:
            return "password", self.password
        if self.password_file is not None:
            return "password", _read_secret("matrix.password_file", self.password_file)
        raise ConfigError(f"matrix: one of {', '.join(SECRET_KEYS)} is required")


def _read_secret(key: str, path: Path) -> SecretStr:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_SECRET + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a usable path"
        raise ConfigError(f"{key}: cannot read {path}: {reason}") from None
    if len(content) > LARGEST_SECRET:
        raise ConfigError(f"{key}: {path} is too large to be a secret")
    try:
        # Editors end files with a newline; no token or password begins or ends with one.
        text = content.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{key}: {path} is not UTF-8 text") from None
    if not text.strip():
        raise ConfigError(f"{key}: {path} is empty")
    if "\n" in text or "\r" in text or "\0" in text:
        raise ConfigError(f"{key}: {path} has more than one line")
    return SecretStr(text if key.endswith("password_file") else text.strip())
