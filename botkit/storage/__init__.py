"""The bot's memory: what was heard, what is to be said, and how far the homeserver was read."""

from botkit.storage.database import Connection, Database, StorageError

__all__ = ["Connection", "Database", "StorageError"]
