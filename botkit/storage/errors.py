"""What goes wrong with storage; every text is one line for the log, without passwords."""

from __future__ import annotations


class StorageError(Exception):
    """The database cannot be used."""


class DatabaseRefusedError(StorageError):
    """This database is not for this bot, or not now; trying again does not help."""


class InUseError(DatabaseRefusedError):
    """Another bot runs on it; when that one ends this one may."""


class SessionLostError(StorageError):
    """The connection that made this bot the only one is gone, and the next one does not yet; it may later."""
