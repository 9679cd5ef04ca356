"""File and environment to a validated configuration, and back to text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from botkit.config.environment import PREFIX, overlay, settle
from botkit.config.model import Config
from botkit.config.source import dump_yaml, read_mapping
from botkit.config.validation import Model, validated

DEFAULT_PATH = Path("config.yaml")


def load_config(path: Path | None, environ: Mapping[str, str], *, default: Path = DEFAULT_PATH) -> Config:
    """
    The configuration from a file and the environment; environment beats file beats default.

    Args:
        path: the file as named by a person; None takes ``default`` if that exists, else no file.
        environ: of which ``FOCIBOT_*`` and ``CREDENTIALS_DIRECTORY`` are read.

    Raises:
        ConfigError: one line naming the dotted path and what is wrong; never holds a secret.
    """
    chosen = path if path is not None else (default if default.exists() else None)
    tree = read_mapping(chosen) if chosen is not None else {}
    base = chosen.absolute().parent if chosen is not None else Path.cwd()
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    context = {
        "base": base,
        "credentials": Path(credentials) if credentials else None,
        # Names only: the values may be secrets, and the context is kept.
        "variables": frozenset(name for name in environ if name.startswith(PREFIX)),
    }
    return validated(Config, overlay(tree, environ, Config), context=context)


def plugin_config(config: Config, name: str, model: type[Model]) -> Model:
    """
    One plugin's part of the configuration.

    Raises:
        ConfigError: with a path that starts with ``plugins.<name>``.
    """
    path = ("plugins", name)
    tree = settle(dict(config.plugins[name]), model, path)
    return validated(model, tree, path=path, context=config.context)


def effective(config: Config, plugins: Mapping[str, BaseModel] | None = None) -> str:
    """
    The configuration in force as YAML, secrets and database passwords replaced by ``REDACTED``.

    Args:
        plugins: the validated parts by name; parts that are not given are left out, as nobody knows
            which of their values are secrets.
    """
    tree = config.model_dump(mode="json", exclude={"plugins"})
    tree["plugins"] = {name: part.model_dump(mode="json") for name, part in (plugins or {}).items()}
    tree["logging"] = tree.pop("logging")
    return dump_yaml(_redacted(tree))


def _redacted(node: Any) -> Any:
    """Pydantic shows a secret as asterisks; an operator reads a word more easily."""
    if isinstance(node, dict):
        return {key: _redacted(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_redacted(value) for value in node]
    return "REDACTED" if node == "**********" else node
