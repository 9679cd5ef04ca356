"""The databases that the storage tests run on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.postgres import Postgres, find


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    program = find("initdb")
    if program is None:
        pytest.skip("PostgreSQL (initdb, pg_ctl) is not installed")
    # not below pytest's directory: that one is closed to the user the server runs as
    directory = Path(tempfile.mkdtemp(prefix="foci-pg-"))
    directory.chmod(0o755)
    server = Postgres(directory / "server", program.parent)
    server.create()
    yield server
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)
