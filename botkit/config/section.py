"""The base of every part of the configuration, plugins' own parts included."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationInfo,
    field_validator,
    model_validator,
)

from botkit.config.fields import holds_keys, holds_only


class Section(BaseModel):
    """
    A mapping with known keys: immutable, unknown keys refused, values kept out of error texts.

    Numbers and truth values are taken as such only, never from text. A subsection or mapping that is
    written without content (all its keys commented out) counts as left out.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
        # Defaults that are sections are validated too: their paths are relative to the file as well.
        revalidate_instances="always",
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_empty_subsections(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        fields = cls.model_fields
        return {
            key: inner
            for key, inner in value.items()
            if not (inner is None and key in fields and holds_keys(fields[key].annotation))
        }

    @field_validator("*", mode="before")
    @classmethod
    def _take_no_text_for_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Reject ``"3"`` as a number and ``"yes"`` as a boolean, which pydantic would accept."""
        field = cls.model_fields[info.field_name or ""]
        if value is None or any(isinstance(part, BeforeValidator) for part in field.metadata):
            return value
        if holds_only(field.annotation, bool) and type(value) is not bool:
            raise ValueError("must be true or false")
        if holds_only(field.annotation, int) and type(value) is not int:
            raise ValueError("must be a whole number")
        return value


def _from_config_file(path: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get("base")
    return Path(base) / path if base is not None else path


def _from_credentials_or_config_file(path: Path, info: ValidationInfo) -> Path:
    if path == Path():
        raise ValueError("must name a file")
    credentials = (info.context or {}).get("credentials")
    if credentials is not None and not path.is_absolute() and (Path(credentials) / path).exists():
        return Path(credentials) / path
    return _from_config_file(path, info)


RelativePath = Annotated[Path, AfterValidator(_from_config_file)]
"""A path; a relative one is relative to the configuration file."""

SecretFile = Annotated[Path, AfterValidator(_from_credentials_or_config_file)]
"""A file with a secret; a relative one is sought in ``$CREDENTIALS_DIRECTORY`` first (systemd)."""
