"""Plugins by name: only those that the configuration lists are imported."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from pydantic import BaseModel

from botkit.config import Config, ConfigError, plugin_config
from botkit.messages.sanitise import visible
from botkit.plugin import Command, OneShot, Plugin
from botkit.suggestion import nearest


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin's class and its validated part of the configuration; nothing of it runs yet."""

    name: str
    plugin: type[Plugin]
    config: BaseModel


def load_plugins(config: Config, package: str = "plugins") -> tuple[LoadedPlugin, ...]:
    """
    Every plugin that ``config.plugins`` lists, in that order.

    Args:
        package: where plugins live; each is a module or package in it that has a ``PLUGIN``.

    Raises:
        ConfigError: no such plugin, it cannot be imported, or its configuration is wrong.
    """
    loaded = []
    for name in config.plugins:
        plugin = _plugin(name, _imported(name, package))
        loaded.append(LoadedPlugin(name, plugin, plugin_config(config, name, plugin.config_model)))
    return tuple(loaded)


def collect_one_shots(plugins: Sequence[LoadedPlugin], reserved: Collection[str]) -> tuple[OneShot, ...]:
    """
    The subcommands of ``bot.py`` that plugins offer.

    Raises:
        ConfigError: two have the same name, or one that the host uses itself.
    """
    owners: dict[str, str] = {}
    found = []
    for loaded in plugins:
        for one_shot in loaded.plugin.one_shots(loaded.config):
            if one_shot.name in reserved:
                raise ConfigError(f"plugins.{loaded.name}: its subcommand {one_shot.name} is reserved by the bot")
            _claim(owners, one_shot.name, loaded.name, "subcommand")
            found.append(one_shot)
    return tuple(found)


def collect_commands(plugins: Mapping[str, Plugin]) -> tuple[Command, ...]:
    """
    The commands for rooms of plugins that were built, by name of the plugin.

    Raises:
        ConfigError: two have the same word, or a word could never be typed.
    """
    owners: dict[str, str] = {}
    found = []
    for name, plugin in plugins.items():
        for command in plugin.commands():
            words = [command.word, *(subcommand.name for subcommand in command.subcommands)]
            for word in words:
                if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", word):
                    raise ConfigError(f"plugins.{name}: {visible(word)} cannot be a command word")
            if len(set(words[1:])) != len(words[1:]) or "help" in words[1:]:
                raise ConfigError(f"plugins.{name}: a subcommand of {command.word} is declared twice")
            _claim(owners, command.word, name, "command")
            found.append(command)
    return tuple(found)


def _claim(owners: dict[str, str], word: str, name: str, kind: str) -> None:
    if word in owners:
        raise ConfigError(f"plugins.{name}: the {kind} {word} is taken by plugins.{owners[word]}")
    owners[word] = name


def _imported(name: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name not in (package, f"{package}.{name}"):
            raise ConfigError(f"plugins.{name}: cannot be imported: {error}") from error
        guess = nearest(name, _known(package))
        hint = f"; did you mean {guess}?" if guess else ""
        raise ConfigError(f"plugins.{name}: unknown plugin{hint}") from None
    except Exception as error:
        text = visible(f"{type(error).__name__}: {error}")
        raise ConfigError(f"plugins.{name}: cannot be imported: {text}") from error


def _known(package: str) -> list[str]:
    try:
        path = importlib.import_module(package).__path__
    except ModuleNotFoundError:
        return []
    return [module.name for module in pkgutil.iter_modules(path)]


def _plugin(name: str, module: ModuleType) -> type[Plugin]:
    plugin = getattr(module, "PLUGIN", None)
    if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
        raise ConfigError(f"plugins.{name}: has no PLUGIN that is a botkit.plugin.Plugin")
    if plugin.name != name:
        raise ConfigError(f"plugins.{name}: its PLUGIN has the name {visible(plugin.name)}")
    return plugin
