"""Keys set from the environment: ``FOCIBOT_`` and the path in capitals, ``__`` between levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from botkit.config.account import SECRET_KEYS
from botkit.config.errors import ConfigError
from botkit.config.fields import is_list, is_mapping, is_optional, is_text, section_of
from botkit.config.source import parse_yaml
from botkit.suggestion import unknown_key

PREFIX = "FOCIBOT_"


@dataclass(frozen=True, slots=True)
class Deferred:
    """A value for a plugin's key, to be read once the plugin's model says whether it is words or YAML."""

    variable: str
    text: str = field(repr=False)


def variable_of(path: tuple[str, ...]) -> str:
    """The name of the variable that sets a key."""
    return PREFIX + "__".join(path).upper()


def overlay(tree: dict[str, Any], environ: Mapping[str, str], model: type[BaseModel]) -> dict[str, Any]:
    """
    The tree with every ``FOCIBOT_`` variable laid over it; the tree itself is left alone.

    Keys below ``plugins.<name>`` become ``Deferred``.

    Raises:
        ConfigError: a variable that names no key, or whose text is not YAML where YAML is expected.
    """
    variables = sorted((name for name in environ if name.startswith(PREFIX)), key=lambda name: name.count("__"))
    paths = {name: tuple(name.removeprefix(PREFIX).lower().split("__")) for name in variables}
    result = dict(tree)
    if any(path[0] == "matrix" and path[-1] in SECRET_KEYS for path in paths.values()):
        account = result.get("matrix")
        if isinstance(account, dict):
            result["matrix"] = {key: value for key, value in account.items() if key not in SECRET_KEYS}
    for name, path in paths.items():
        value = Deferred(name, environ[name]) if _is_plugins(path) else _read(name, path, environ[name], model)
        result = _placed(result, path, value, name)
    return result


def settle(tree: Any, model: type[BaseModel], path: tuple[str, ...]) -> Any:
    """
    A plugin's part with every ``Deferred`` read as the plugin's model requires.

    Args:
        path: of the part in the whole, such as ("plugins", "foci").

    Raises:
        ConfigError: as ``overlay``.
    """

    def walk(node: Any, inner: tuple[str, ...]) -> Any:
        if isinstance(node, Deferred):
            return _read(node.variable, inner, node.text, model, path) if inner else _yaml(node.variable, node.text)
        if isinstance(node, dict):
            return {key: walk(value, (*inner, str(key))) for key, value in node.items()}
        return node

    return walk(tree, ())


def _is_plugins(path: tuple[str, ...]) -> bool:
    return path[0] == "plugins" and len(path) > 2


def _read(variable: str, path: tuple[str, ...], text: str, model: type[BaseModel], above: tuple[str, ...] = ()) -> Any:
    """The value of a variable, by what the field at its path holds."""
    for depth, key in enumerate(path):
        field_info = model.model_fields.get(key)
        if not key:
            raise ConfigError(f"{variable}: names no key")
        if field_info is None:
            dotted = ".".join((*above, *path[: depth + 1]))
            raise ConfigError(f"{variable}: {unknown_key(dotted, key, model.model_fields)}")
        annotation = field_info.annotation
        below = section_of(annotation)
        if depth == len(path) - 1:
            if is_text(annotation):
                return None if text == "" and is_optional(annotation) else text
            return _list(variable, text) if is_list(annotation) else _yaml(variable, text)
        if below is None:
            if is_mapping(annotation):
                return _yaml(variable, text)
            dotted = ".".join((*above, *path[: depth + 1]))
            raise ConfigError(f"{variable}: {dotted} has no keys below it")
        model = below
    raise ConfigError(f"{variable}: names no key")


def _yaml(variable: str, text: str) -> Any:
    try:
        return parse_yaml(text)
    except ConfigError as error:
        raise ConfigError(f"{variable}: {error}") from None


def _list(variable: str, text: str) -> Any:
    form = f"""must be a list such as {variable}='["one", "two"]'"""
    try:
        value = _yaml(variable, text)
    except ConfigError as error:
        raise ConfigError(f"{error}; {form}") from None
    if value is not None and not isinstance(value, list):
        raise ConfigError(f"{variable}: {form}")
    return value


def _placed(tree: dict[str, Any], path: tuple[str, ...], value: Any, variable: str) -> dict[str, Any]:
    """The tree with the value at the path; levels that are missing or empty are made."""
    head, *rest = path
    if not rest:
        return {**tree, head: value}
    below = tree.get(head)
    if isinstance(below, Deferred):
        below = _yaml(below.variable, below.text)
    if below is None:
        below = {}
    if not isinstance(below, dict):
        raise ConfigError(f"{variable}: {head} is not a mapping in the file")
    return {**tree, head: _placed(below, tuple(rest), value, variable)}
