"""Small files that only the bot's own user may read."""

from __future__ import annotations

import os
from pathlib import Path


def write_secret(target: Path, content: bytes) -> None:
    """Write a file of mode 0600, whole or not at all; its directory is made with mode 0700 if missing."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_secret(target: Path) -> bytes | None:
    """The content of such a file, None when there is none."""
    try:
        return target.read_bytes()
    except FileNotFoundError:
        return None
