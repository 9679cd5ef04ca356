"""One bot per storage directory and per SQLite file: two would answer twice and ruin each other's keys."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botkit.storage.errors import InUseError, StorageError


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """
    Hold the directory (made with mode 0700 if missing) while the block runs; a crash lets go of it.

    Raises:
        InUseError: another process holds it.
        StorageError: it cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"storage.path {directory}: {error.strerror}") from error
    with locked(directory / "lock", f"storage.path {directory}"):
        yield


@contextmanager
def locked(file: Path, subject: str) -> Iterator[None]:
    """
    Hold a file of its own, made if missing, while the block runs; a crash lets go of it.

    Args:
        subject: what it stands for, in errors.

    Raises:
        InUseError: another process holds it.
        StorageError: it cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{subject}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InUseError(f"{subject} is in use by another running bot") from None
        yield
    finally:
        os.close(descriptor)
