"""The whole configuration as values. ``config.yaml.sample`` explains every key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, field_serializer

from botkit.config.account import MatrixConfig, UserId
from botkit.config.database import redact_url, resolve_url, validate_url
from botkit.config.network import NetworkConfig
from botkit.config.section import RelativePath, Section
from botkit.config.units import PositiveDuration, Rate, RateLimit
from botkit.identifiers import is_user_glob, parse_address


def _user_glob(text: str) -> str:
    if not is_user_glob(text):
        raise ValueError("must be user ids with * and ? as wildcards, such as @*:example.org")
    return text


def _prefix(text: str) -> str:
    if not text.isprintable() or any(character.isspace() for character in text):
        raise ValueError("must be visible characters without spaces, such as !")
    return text


def _listen(text: str) -> str:
    try:
        usable = parse_address(text, lowest_port=0).port is not None
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an address and a port, such as 127.0.0.1:9109 or [::1]:9109")
    return text


def _plugin_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", text):
        raise ValueError("must be a plugin's name: small letters, digits and _")
    return text


def _empty_plugin_parts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: {} if part is None else part for name, part in value.items()}
    return value


UserGlobs = tuple[Annotated[str, AfterValidator(_user_glob)], ...]
PluginName = Annotated[str, AfterValidator(_plugin_name)]


class StorageConfig(Section):
    """
    Attributes:
        path: directory of session, crypto store and cross-signing keys.
        database: the URL as written; ``database_url`` has its path resolved.
    """

    path: RelativePath = Path("data")
    database: Annotated[str, AfterValidator(validate_url), Field(repr=False)] = "sqlite:///data/foci.db"
    _base: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Keep the directory that relative paths are relative to."""
        if context and context.get("base") is not None:
            self._base = Path(context["base"])

    @property
    def database_url(self) -> str:
        """The database with an absolute path; may hold a password, so never print it."""
        return resolve_url(self.database, self._base)

    @property
    def session_file(self) -> Path:
        """Where ``login`` leaves user id, device id and access token (JSON, mode 0600)."""
        return self.path / "session.json"

    @field_serializer("database", when_used="json")
    def _without_password(self, url: str) -> str:
        return redact_url(url)


class InvitesConfig(Section):
    """Whose invitations the bot follows."""

    policy: Literal["admins", "allowlist", "anyone", "nobody"] = "admins"
    allow: UserGlobs = ()


class CommandsConfig(Section):
    """
    Who may command the bot, and how much.

    Attributes:
        per_admin: instead of the other two for those whom ``admins`` names.
        max_age: seconds after which a command is too old to be answered.
    """

    allow: UserGlobs = ("*",)
    block: UserGlobs = ()
    per_user: RateLimit = Rate(6, 60.0)
    per_room: RateLimit = Rate(12, 60.0)
    per_admin: RateLimit = Rate(60, 60.0)
    max_age: PositiveDuration = 120.0


class WebConfig(Section):
    """The listener for health and metrics."""

    enabled: bool = False
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9109"

    @property
    def host(self) -> str:
        """The address to bind to, without brackets."""
        return parse_address(self.listen, lowest_port=0).host

    @property
    def port(self) -> int:
        """The port to bind to; 0 lets the system choose."""
        return parse_address(self.listen, lowest_port=0).port or 0


class Config(Section):
    """
    The validated configuration.

    Attributes:
        matrix: None without an account; then only one-shot subcommands work.
        plugins: name to that plugin's own part, not validated yet: ``botkit.loader`` does it.
        logging: for ``logging.config.dictConfig``.
    """

    command_prefix: Annotated[str, Field(min_length=1, max_length=16), AfterValidator(_prefix)] = "!"
    matrix: MatrixConfig | None = None
    storage: StorageConfig = StorageConfig()
    admins: tuple[UserId, ...] = ()
    invites: InvitesConfig = InvitesConfig()
    commands: CommandsConfig = CommandsConfig()
    network: NetworkConfig = NetworkConfig()
    web: WebConfig = WebConfig()
    plugins: Annotated[
        Mapping[PluginName, Mapping[str, Any]], BeforeValidator(_empty_plugin_parts), Field(repr=False)
    ] = {"foci": {}}
    logging: Annotated[Mapping[str, Any], Field(repr=False)] = {}
    _context: Mapping[str, Any] = PrivateAttr(default={})

    def model_post_init(self, context: Any) -> None:
        """Keep what plugins' own parts need to resolve their paths."""
        self._context = context or {}

    @property
    def context(self) -> Mapping[str, Any]:
        """The validation context for plugins' own parts (see ``RelativePath``)."""
        return self._context
