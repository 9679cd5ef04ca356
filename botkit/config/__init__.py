"""Configuration: strict, typed, with secrets that do not print."""

from botkit.config.account import MatrixConfig, UserId
from botkit.config.errors import ConfigError
from botkit.config.loading import DEFAULT_PATH, effective, load_config, plugin_config
from botkit.config.model import (
    CommandsConfig,
    Config,
    InvitesConfig,
    StorageConfig,
    UserGlobs,
    WebConfig,
)
from botkit.config.network import NetworkConfig
from botkit.config.section import RelativePath, SecretFile, Section
from botkit.config.units import (
    Duration,
    Percent,
    PositiveDuration,
    Rate,
    RateLimit,
    Size,
    format_duration,
    parse_duration,
)
from botkit.config.warnings import config_warnings

__all__ = [
    "DEFAULT_PATH",
    "CommandsConfig",
    "Config",
    "ConfigError",
    "Duration",
    "InvitesConfig",
    "MatrixConfig",
    "NetworkConfig",
    "Percent",
    "PositiveDuration",
    "Rate",
    "RateLimit",
    "RelativePath",
    "SecretFile",
    "Section",
    "Size",
    "StorageConfig",
    "UserGlobs",
    "UserId",
    "WebConfig",
    "config_warnings",
    "effective",
    "format_duration",
    "load_config",
    "parse_duration",
    "plugin_config",
]
