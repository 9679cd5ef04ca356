"""States of watches as JSON text for the database, and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Generic, TypeVar

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from botkit.messages.document import Bold, Code, CodeBlock, Document, Emoji, Name, OrderedList, Paragraph, Text

T = TypeVar("T")

_PARTS = {part.__name__: part for part in (Document, Paragraph, OrderedList, CodeBlock, Text, Bold, Code, Name, Emoji)}


class CodecError(ValueError):
    """The text is not a stored form of this state; it is not quoted, as some of it is untrusted."""


class Codec(Generic[T]):
    """
    Writes and reads one kind of frozen dataclass.

    Fields that a later version adds read as their defaults, fields that it drops are ignored.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)

    def dump(self, state: T) -> str:
        """The state as JSON; no string in it may hold a lone surrogate."""
        return self._adapter.dump_json(state).decode()

    def load(self, text: str | bytes) -> T:
        """
        The state that was dumped.

        Raises:
            CodecError: the text was not made by ``dump``.
        """
        try:
            return self._adapter.validate_json(text)
        except ValidationError:
            raise CodecError(f"not a stored {self._kind.__name__}") from None


def _written(part: Any) -> Any:
    """Each part under its name, for several have the same fields; lone surrogates become question marks."""
    if isinstance(part, tuple):
        return [_written(one) for one in part]
    if isinstance(part, str):
        return part.encode("utf-8", "replace").decode()
    if isinstance(part, int):
        return part
    return {type(part).__name__: {field.name: _written(getattr(part, field.name)) for field in fields(part)}}


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read(one) for one in value)
    if not isinstance(value, dict):
        return value
    ((name, parts),) = value.items()
    return _PARTS[name](**{field: _read(part) for field, part in parts.items()})


def _document(value: Any) -> Document:
    try:
        found = _read(value)
    except (AttributeError, KeyError, TypeError, ValueError):
        found = None
    if not isinstance(found, Document):
        raise ValueError("not a stored document")
    return found


StoredDocument = Annotated[Document, PlainSerializer(_written), PlainValidator(_document)]
"""A message as a field of a stored dataclass."""
