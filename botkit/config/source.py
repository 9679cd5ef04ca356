"""YAML as written: plain values, duplicate keys refused, errors that name the line and quote nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from botkit.config.errors import ConfigError

LARGEST_FILE = 1024 * 1024
"""Bytes; a larger file is not a configuration."""

_QUOTE = (
    (r"scanning a tag|constructor for the tag|duplicate tag|tag handle|'<tag>'", "!"),
    (r"found character '@'", "@"),
    (r"found character '`'", "`"),
    (r"scanning an alias|undefined alias", "*"),
    (r"scanning an anchor|duplicate anchor", "&"),
    (r"found character '%'", "%"),
)
"""Words of the parser about characters that mean something to YAML at the start of a value."""


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key written twice is an error instead of a silent loss."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f"key {key.value} is written twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str) -> Any:
    """
    The value of a YAML document.

    Raises:
        ConfigError: with line and column; the text itself is never quoted, as it may be a secret.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"not valid YAML{place}: {_problem(error)}") from None
    except yaml.reader.ReaderError:
        raise ConfigError("not valid YAML: it contains characters that YAML does not allow") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError("not valid YAML: a value cannot be read") from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    """What is wrong, without what was written; room ids and user ids are the usual cause."""
    text = f"{error.context or ''} {error.problem or ''}"
    start = next((start for pattern, start in _QUOTE if re.search(pattern, text)), None)
    if start is not None:
        return f"a value that begins with {start} must be in quotes"
    return re.sub(r"(alias|anchor|tag|handle) ['\"].*", r"\1", error.problem or "unreadable", flags=re.S)


def read_mapping(path: Path) -> dict[str, Any]:
    """
    The mapping in a file; an empty file is an empty mapping.

    Raises:
        ConfigError: names the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise ConfigError(f"{path}: too large to be a configuration")
    try:
        tree = parse_yaml(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: must be a mapping of keys to values")
    return tree


def dump_yaml(tree: Any) -> str:
    """The value as YAML in the order given."""
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100)
