"""Storage: received commands, messages to send, and the sync token."""

from botkit.storage.database import Connection, Database
from botkit.storage.errors import DatabaseRefusedError, StorageError
from botkit.storage.turns import Turns

__all__ = ["Connection", "Database", "DatabaseRefusedError", "StorageError", "Turns"]
