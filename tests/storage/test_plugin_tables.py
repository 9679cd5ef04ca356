"""Tables of plugins, each with a history of its own in the same database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from botkit.storage import Database, StorageError

REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = {before!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("{table}", sa.Column("a", sa.Integer, primary_key=True))
"""


async def test_tables_of_plugins(database: Database, tmp_path: Path) -> None:
    """Each plugin counts its revisions by itself, under numbers that others use too; again is nothing."""
    async with database.begin() as connection:
        for name in ("extra_one", "extra_two", "extra_three", "alembic_version_p", "alembic_version_q"):
            await connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    directories = {}
    for plugin, tables in (("p", ("extra_one", "extra_two")), ("q", ("extra_three",))):
        directory = directories[plugin] = tmp_path / f"with blank, comma and %(percent)s {plugin}"
        directory.mkdir()
        for number, table in enumerate(tables, 1):
            before = f"000{number - 1}" if number > 1 else None
            source = REVISION.format(number=f"000{number}", before=before, table=table)
            (directory / f"000{number}_it.py").write_text(source)
    for _ in range(2):
        for plugin, directory in directories.items():
            await database.migrate(plugin, directory)
    async with database.begin() as connection:
        for table in ("extra_one", "extra_two", "extra_three", "outbox"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0
        found = [
            await connection.scalar(text(f"SELECT version_num FROM alembic_version{suffix}"))
            for suffix in ("", "_p", "_q")
        ]
    assert found == ["0003", "0002", "0001"]


async def test_broken_tables_of_a_plugin(database: Database, tmp_path: Path) -> None:
    """The error names the plugin, and nothing is left half done."""
    source = REVISION.format(number="0001", before=None, table="half") + '    op.drop_table("not there")\n'
    (tmp_path / "0001_half.py").write_text(source)
    with pytest.raises(StorageError, match="tables of plugin broken"):
        await database.migrate("broken", tmp_path)
    with pytest.raises(StorageError, match="tables of plugin lost"):
        await database.migrate("lost", tmp_path / "missing")
    async with database.begin() as connection:
        kept = "SELECT count(*) FROM sqlite_master WHERE name = 'half'"
        if database.backend == "PostgreSQL":
            kept = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'half'"
        assert await connection.scalar(text(kept)) == 0
