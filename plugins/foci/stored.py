"""States of watches as JSON text for the database, and back."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


class StoredFormError(ValueError):
    """The text is no stored form of this state; its own words are left out, for strangers wrote some of them."""


class StoredForm(Generic[T]):
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
            StoredFormError: the text was not made by ``dump``.
        """
        try:
            return self._adapter.validate_json(text)
        except ValidationError:
            raise StoredFormError(f"not a stored {self._kind.__name__}") from None
