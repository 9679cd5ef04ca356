"""``export`` and ``import``: everything arrives, from SQLite in PostgreSQL and back, or nothing does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from botkit.config import Config, load_config
from botkit.exporting import run_transfer
from botkit.loader import load_plugins
from botkit.outbound.model import FailureKind
from botkit.storage import Database
from botkit.storage.ownership import Ownership
from botkit.storage.tables import metadata, outbox, ownership
from plugins.foci.storage.tables import metadata as foci_metadata
from tests.matrix.bot import write_config
from tests.storage.postgres import Postgres
from tests.watch_service.internet import Internet
from tests.watch_service.ops import Ops, opened

BOT = "@bot:lab.test"
Edit = Callable[[list[Any]], object]


def configured(directory: Path, url: str, user_id: str = BOT) -> Config:
    """A configuration with that database."""
    storage = {"path": "data", "database": url}
    plugins = {"foci": {}}
    matrix = {"access_token": "x"}
    return load_config(
        write_config(directory, "http://127.0.0.1:9", user_id, matrix=matrix, storage=storage, plugins=plugins), {}
    )


async def moved(word: str, config: Config, file: Path) -> int:
    """The exit status."""
    return await asyncio.to_thread(run_transfer, word, config, load_plugins(config), file, "bot.py")


@asynccontextmanager
async def database_at(url: str) -> AsyncIterator[Database]:
    """It, open."""
    database = await opened(url)
    try:
        yield database
    finally:
        await database.close()


async def lived(database: Database) -> Ops:
    """Two rooms, a shared focus that is down, a silence, a changed list, a message that waits, history."""
    ops = Ops(database, Internet({"a.org": ["rtc", "two"], "b.org": ["rtc"]}))
    await ops.watch({"!ops": ["a.org"], "!other": ["a.org", "b.org"]})
    await ops.silence("!ops", "two.example.org", 86400)
    for server in ("a.org", "b.org"):
        await ops.checks(server, 1)
    ops.internet.servers["a.org"].foci = ["two", "rtc"]
    await ops.check("a.org")
    ops.internet.broken = {"rtc": FailureKind.CONNECT_REFUSED, "two": FailureKind.CONNECT_REFUSED}
    await ops.checks("a.org", 4)
    await ops.watch_service.flush()
    async with database.begin() as connection:
        # a message with a picture, an encrypted event, and words that only one of the databases would mind
        await connection.execute(outbox.update().values(attachment=b"\x89PNG\x00\xff").where(outbox.c.id == 1))
    return ops


async def after(database: Database, ops: Ops) -> list[str]:
    """What rooms read next, on whichever database."""
    again = Ops(database, ops.internet)
    again.at = ops.at
    await again.read()
    ops.internet.broken = {}
    said = await again.checks("a.org", 3)
    await again.watch_service.flush()
    ops.internet.broken = {"rtc": FailureKind.CONNECT_REFUSED, "two": FailureKind.CONNECT_REFUSED}
    return said


@pytest.fixture
async def exported(tmp_path: Path) -> Path:
    """The file of a database that has lived."""
    url = f"sqlite:///{tmp_path / 'lived.db'}"
    async with database_at(url) as database:
        await lived(database)
    file = tmp_path / "exported.jsonl"
    assert await moved("export", configured(tmp_path / "lived", url), file) == 0
    return file


async def test_there_and_back(tmp_path: Path, postgres: Postgres) -> None:
    """SQLite to PostgreSQL to SQLite: the same rows, and an open incident ends in each as it would have here."""
    urls = [f"sqlite:///{tmp_path / 'a.db'}", await postgres.emptied(), f"sqlite:///{tmp_path / 'b.db'}"]
    async with database_at(urls[0]) as database:
        ops = await lived(database)
    files = []
    for number, url in enumerate(urls):
        config = configured(tmp_path / str(number), url)
        if files:
            assert await moved("import", config, files[-1]) == 0
        files.append(tmp_path / f"{number}.jsonl")
        assert await moved("export", config, files[-1]) == 0
    contents = [sorted(file.read_text().splitlines()) for file in files]
    assert contents[0] == contents[1] == contents[2]
    tables = {json.loads(line).get("table") for line in contents[0]}
    wanted = ("watches", "servers", "states", "concerns", "incidents", "silences", "changes", "outages")
    assert {"outbox", *(f"foci_{name}" for name in wanted)} <= tables
    said = []
    for url in urls:
        async with database_at(url) as database:
            said.append(await after(database, ops))
    assert said[0] == said[1] == said[2]
    assert any("recovered" in line for line in said[0])


async def test_every_table_is_carried(exported: Path, tmp_path: Path, any_database: Database) -> None:
    """A table that somebody adds is exported without anybody's doing; numbers go on where they were."""
    async with any_database.begin() as connection:
        assert set(metadata.tables) | set(foci_metadata.tables) == {
            *(await connection.run_sync(lambda sync: sync.dialect.get_table_names(sync)))
        } - {"alembic_version", "alembic_version_foci", "sqlite_sequence"}
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    assert {line["table"]: line["last"] for line in lines if "last" in line}["outbox"] > 0
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert await moved("import", configured(tmp_path / "new", url), exported) == 0
    async with database_at(url) as database, database.begin() as connection:
        await connection.execute(text("DELETE FROM outbox"))
        values = {"room_id": "!r", "txn_id": "t", "kind": "k", "content": "{}", "state": "sent", "created_at": 1}
        row = await connection.scalar(insert(outbox).values(values).returning(outbox.c.id))
        last = next(line["last"] for line in lines if line.get("table") == "outbox")
        assert row == last + 1


async def test_the_file_is_private_and_new(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It holds what was said in encrypted rooms: mode 0600, and no file is ever replaced."""
    assert exported.stat().st_mode & 0o777 == 0o600
    before = exported.read_bytes()
    config = configured(tmp_path / "lived", f"sqlite:///{tmp_path / 'lived.db'}")
    assert await moved("export", config, exported) == 1
    assert capsys.readouterr().err == f"bot.py: {exported}: File exists\n"
    assert exported.read_bytes() == before


async def test_not_while_a_bot_runs(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither way, with one line and status 78."""
    url = f"sqlite:///{tmp_path / 'lived.db'}"
    running = Database(url, Ownership(BOT))
    await running.open()
    for word, file in (("export", tmp_path / "other.jsonl"), ("import", exported)):
        assert await moved(word, configured(tmp_path / "lived", url), file) == 78
        assert capsys.readouterr().err == f"bot.py: database {tmp_path / 'lived.db'} is in use by another running bot\n"
    assert not (tmp_path / "other.jsonl").exists()
    await running.close()


async def test_only_into_an_empty_database(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there is neither replaced nor mixed with."""
    assert await moved("import", configured(tmp_path / "lived", f"sqlite:///{tmp_path / 'lived.db'}"), exported) == 1
    assert "the database is not empty (" in capsys.readouterr().err


async def test_the_account_comes_along(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Watches are of rooms that one account is in: another's configuration is refused, before and afterwards."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert await moved("import", configured(tmp_path / "other", url, "@other:lab.test"), exported) == 1
    assert f"line 1: belongs to '{BOT}', matrix.user_id is @other:lab.test" in capsys.readouterr().err
    assert await moved("import", configured(tmp_path / "new", url), exported) == 0
    async with database_at(url) as database, database.begin() as connection:
        (row,) = (await connection.execute(select(ownership))).all()
        assert (row.user_id, row.released) == (BOT, True)


def _row(lines: list[Any], table: str) -> dict[str, Any]:
    found: dict[str, Any] = next(line["row"] for line in lines if line.get("table") == table and "row" in line)
    return found


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda lines: lines.pop(), "is cut off after line"),
        (lambda lines: lines.pop(5), "rows and should have"),
        (lambda lines: lines.append(lines[5]), "there is more after the end"),
        (lambda lines: lines.insert(5, []), "line 6: is not a JSON object"),
        (lambda lines: lines.pop(0), "line 1: is not the first line of a foci-bot export"),
        (lambda lines: lines[0].update(version=2), "line 1: was made by another version"),
        (lambda lines: lines[0]["revisions"].update(alembic_version="0001"), "made by another version"),
        (lambda lines: lines[0].update(account=None), "line 1: belongs to 'None'"),
        (lambda lines: lines.insert(5, {"table": "users", "row": {}}), "line 6: names no table of this version"),
        (lambda lines: lines.insert(5, {"table": "ownership", "row": {}}), "line 6: names no table of this version"),
        (lambda lines: lines.insert(5, {"table": ["outbox"], "row": {}}), "line 6: names no table of this version"),
        (lambda lines: lines.insert(5, {"table": "outbox", "row": {}, "x": 1}), "line 6: is neither a row nor"),
        (lambda lines: lines.insert(5, {"table": "rooms", "last": 1}), "line 6: is neither a row nor"),
        (lambda lines: _row(lines, "outbox").pop("kind"), "does not have the columns of outbox"),
        (lambda lines: _row(lines, "outbox").update(more=1), "does not have the columns of outbox"),
        (lambda lines: _row(lines, "outbox").update(id="1"), r"outbox\.id has a value of another kind"),
        (lambda lines: _row(lines, "outbox").update(id=True), r"outbox\.id has a value of another kind"),
        (lambda lines: _row(lines, "outbox").update(id=2**63), r"outbox\.id has a value of another kind"),
        (lambda lines: _row(lines, "outbox").update(attempted=1), r"outbox\.attempted has a value of another kind"),
        (lambda lines: _row(lines, "outbox").update(room_id=None), r"outbox\.room_id has a value of another kind"),
        (lambda lines: _row(lines, "outbox").update(room_id="\0"), r"outbox\.room_id has a value of another kind"),
        (lambda lines: _row(lines, "outbox").update(room_id="\ud800"), r"outbox\.room_id has a value of another kind"),
        (lambda lines: _row(lines, "outbox").update(attachment="?"), r"outbox\.attachment has a value of another kind"),
        (lambda lines: _row(lines, "outbox").update(content="{"), "a row cannot be read: JSONDecodeError"),
        (lambda lines: _row(lines, "outbox").update(state="lost"), "a row cannot be read: ValueError"),
        (lambda lines: _row(lines, "foci_silences").update(until="soon"), "value of another kind"),
        (lambda lines: _row(lines, "foci_incidents").update(state="{}"), "a row cannot be read: "),
        (lambda lines: _row(lines, "foci_states").update(state="[]"), "a row cannot be read: "),
        (lambda lines: _row(lines, "foci_outages").update(key="nonsense"), "a row cannot be read: "),
        (lambda lines: _row(lines, "foci_concerns").update(origin="nonsense"), "a row cannot be read: "),
        (lambda lines: _row(lines, "foci_changes").update(after="1"), "a row cannot be read: "),
        (lambda lines: _row(lines, "foci_watches").update(ignored="1"), "a row cannot be read: "),
    ],
)
async def test_a_file_that_is_not_right(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], edit: Edit, reason: str
) -> None:
    """One line that says where and why, and the database stays empty."""
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    edit(lines)
    broken = tmp_path / "broken.jsonl"
    broken.write_text("".join(json.dumps(line) + "\n" for line in lines))
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert await moved("import", configured(tmp_path / "new", url), broken) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"bot.py: {broken}: ")
    assert printed.count("\n") == 1
    assert re.search(reason, printed)
    async with database_at(url) as database, database.begin() as connection:
        for table in (*metadata.sorted_tables, *foci_metadata.sorted_tables):
            assert (await connection.execute(select(table))).all() == []
