"""What the annotation of a field says about how its value is written."""

from __future__ import annotations

import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone, without ``Annotated`` and ``None``."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(inner for member in get_args(annotation) for inner in _alternatives(member))
    return () if annotation is type(None) else (annotation,)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The model of a field that is a subsection, else None."""
    for member in _alternatives(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None


def is_text(annotation: Any) -> bool:
    """Whether the field holds words only, so that ``12345`` means those five characters."""
    members = _alternatives(annotation)
    return bool(members) and all(
        member in (str, SecretStr, Path)
        or (get_origin(member) is Literal and all(isinstance(value, str) for value in get_args(member)))
        for member in members
    )


def is_optional(annotation: Any) -> bool:
    """Whether the field may be null."""
    if get_origin(annotation) is Annotated:
        return is_optional(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return any(is_optional(member) for member in get_args(annotation))
    return annotation is type(None)


def is_mapping(annotation: Any) -> bool:
    """Whether the field is a mapping with free keys."""
    origins = (get_origin(member) or member for member in _alternatives(annotation))
    return any(isinstance(origin, type) and issubclass(origin, Mapping) for origin in origins)


def holds_keys(annotation: Any) -> bool:
    """Whether the field is written as a mapping."""
    return section_of(annotation) is not None or is_mapping(annotation)


def holds_only(annotation: Any, kind: type) -> bool:
    """Whether the field holds values of this type and nothing else, null aside."""
    members = _alternatives(annotation)
    return bool(members) and all(member is kind for member in members)


def is_list(annotation: Any) -> bool:
    """Whether the field is written as a list."""
    return any(get_origin(member) in (tuple, list, set, frozenset) for member in _alternatives(annotation))
