"""Alembic migrations, run by the bot itself when it starts."""
