"""Storage: received commands, messages to send, and the sync token."""

from botkit.storage.database import Connection, Database, StorageError

__all__ = ["Connection", "Database", "StorageError"]
