"""Pydantic's findings as one line for an operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from botkit.config.environment import variable_of
from botkit.config.errors import ConfigError
from botkit.config.fields import section_of
from botkit.messages.sanitise import clipped
from botkit.suggestion import unknown_key

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "string_type": "must be text; put it in quotes",
    "path_type": "must be text: a path",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "model_type": "must be a mapping",
    "missing": "is missing",
    "invalid_key": "has a key that is not text; put it in quotes",
}


def validated(
    model: type[Model],
    tree: Mapping[str, Any],
    *,
    path: tuple[str, ...] = (),
    context: Mapping[str, Any],
) -> Model:
    """
    The model made of a tree.

    Args:
        path: of the tree in the whole configuration.
        context: what paths are relative to, and which variables were set.

    Raises:
        ConfigError: the first thing wrong with it, and how many more there are.
    """
    try:
        return model.model_validate(tree, context=dict(context))
    except ValidationError as error:
        details = sorted(error.errors(include_input=False), key=_priority)
        places = [_place(detail, tree) for detail in details]
        where = places[0]
        names = [variable_of((*path, *map(str, where[:depth]))) for depth in range(1, len(where) + 1)]
        origin = next((f" (set by {name})" for name in reversed(names) if name in context.get("variables", ())), "")
        # A list whose only entry is wrong is reported as too short as well; that is not a second fault.
        others = len({place for place in places if place != where[: len(place)]})
        more = f" (and {others} more)" if others else ""
        raise ConfigError(_line(details[0], where, model, path) + origin + more) from None


def _priority(detail: ErrorDetails) -> int:
    """Unknown keys first: a misspelt key often is why another is missing. Of alternatives, the one that nearly fit."""
    if detail["type"] == "extra_forbidden":
        return 0
    return 2 if detail["type"].endswith("_type") else 1


def _place(detail: ErrorDetails, tree: Any) -> tuple[int | str, ...]:
    """Where the fault is in what was written: pydantic's location also names alternatives of a union."""
    place: list[int | str] = []
    for part in detail["loc"]:
        known, below = _step(tree, part)
        if known:
            tree = below
        elif detail["type"] != "missing" or part is not detail["loc"][-1]:
            continue
        place.append(part)
    return tuple(place)


def _step(tree: Any, part: int | str) -> tuple[bool, Any]:
    if isinstance(tree, dict) and part in tree:
        return True, tree[part]
    if isinstance(tree, list) and isinstance(part, int) and part < len(tree):
        return True, tree[part]
    return False, None


def _line(detail: ErrorDetails, where: tuple[int | str, ...], model: type[BaseModel], path: tuple[str, ...]) -> str:
    dotted = _dotted((*path, *where)) or "configuration"
    if detail["type"] == "extra_forbidden":
        return unknown_key(dotted, str(where[-1]), _fields_at(model, where[:-1]))
    message = _EXPECTED.get(detail["type"], detail["msg"])
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.replace("Input should", "must").replace("String should", "must")
    return " ".join(f"{dotted}: {message}".split())


def _dotted(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{clipped(part, 80)}"
    return text.removeprefix(".")


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys that are known at a place, none where the walk cannot follow."""
    for part in location:
        field = model.model_fields.get(str(part))
        below = section_of(field.annotation) if field else None
        if below is None:
            return ()
        model = below
    return tuple(model.model_fields)
