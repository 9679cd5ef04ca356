"""The one way in which configuration is refused."""

from __future__ import annotations


class ConfigError(Exception):
    """The configuration is unusable; the text is one line that names the dotted path and holds no secret."""
