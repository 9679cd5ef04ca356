"""The bot's database is locked, has no room left, or is no database: nothing is lost that was ever told."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lab.authority import Authority
from lab.synapse import Synapse
from tests.durability.stage import Stage, stage
from tests.matrix.patience import until

LOCKED_FOR = 14.0
"""Longer than the bot waits for a lock."""

_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--")
_SMALL_DISK = 'mount -t tmpfs -o size=8m,mode=700 tmpfs data && exec "$@"'


def _can_mount() -> bool:
    """Whether one may have file systems of one's own here."""
    tried = (*_NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/tmp")
    return shutil.which("unshare") is not None and subprocess.run(tried, check=False).returncode == 0


def _fill(file: Path) -> None:
    """Until there is no room for a single page more."""
    with file.open("wb", buffering=0) as open_file, contextlib.suppress(OSError):
        while True:
            open_file.write(bytes(4096))


async def _course(on: Stage) -> asyncio.Task[None]:
    (incident,), (room,) = on.incidents, on.rooms
    return asyncio.create_task(incident.play(on.federation, on.alice, room, random.Random(1)))


async def test_somebody_else_holds_the_lock(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Another process writes for longer than the bot waits: the incident is told afterwards, the log has few lines."""
    async with stage(synapse, tmp_path / "stage", authority, localparts("locked")) as on:
        await on.begin()
        course = await _course(on)
        with closing(sqlite3.connect(on.database, isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(LOCKED_FOR)
            other.execute("ROLLBACK")
        await course
        verdict = await on.settle() + await on.judged()
    assert verdict.good, "\n".join(verdict.remarks)
    log = on.life.log()
    assert log.count(f"ERROR botkit.storage.database: database {on.database}: database is locked") == 1
    assert log.count("ERROR") == 1


@pytest.mark.skipif(not _can_mount(), reason="a file system of one's own needs a user namespace")
async def test_the_disk_is_full(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Nothing can be written for a while: the bot stays, says so, and tells everything once there is room again."""
    async with stage(synapse, tmp_path / "stage", authority, localparts("full")) as on:
        disk = on.database.parent
        disk.mkdir(mode=0o700)
        await on.begin(*_NAMESPACE, "sh", "-c", _SMALL_DISK, "sh")
        filler = on.seen(disk) / "filler"
        course = await _course(on)
        _fill(filler)
        await asyncio.sleep(8)
        filler.unlink()
        await course
        await until(lambda: on.undelivered() == 0)
        verdict = await on.judged()
        verdict += await on.settle()
    assert verdict.good, "\n".join(verdict.remarks)
    log = on.life.log()
    assert log.count(f"ERROR botkit.storage.database: database {on.database}: database or disk is full") == 1
    assert log.count("ERROR") == 1


@pytest.mark.parametrize("part", ["header", "middle"])
async def test_the_database_is_damaged(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path, part: str
) -> None:
    """The bot ends at its start with one line that names file and cause, and leaves the file as it is."""
    async with stage(synapse, tmp_path / "stage", authority, localparts("damaged")) as on:
        await on.begin()
        assert await on.life.terminate() == 0
        said = len(on.life.log())
        content = bytearray(on.database.read_bytes())
        start = 0 if part == "header" else 4096
        content[start : start + 64 * 1024] = b"\xa5" * len(content[start : start + 64 * 1024])
        on.database.write_bytes(content)
        on.life.start()
        await until(lambda: not on.life.alive)
        assert on.life.code == 1
        lines = on.life.log()[said:].splitlines()
        assert on.database.read_bytes() == bytes(content)
    assert len(lines) == 1
    assert lines[0].startswith(f"bot.py: database {on.database}: ")


async def test_the_database_is_damaged_while_the_bot_runs(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """The bot stays, says so in one line and tells nothing that it could not write down; its end is not called good."""
    async with stage(synapse, tmp_path / "stage", authority, localparts("spoiled")) as on:
        await on.begin()
        log_file = on.database.with_name(on.database.name + "-wal")
        with closing(sqlite3.connect(on.database, isolation_level=None, timeout=30)) as other:
            # somebody else's write has the bot read every page anew
            other.execute("BEGIN IMMEDIATE")
            other.execute("PRAGMA user_version = 1")
            length = log_file.stat().st_size
            with log_file.open("r+b") as open_file:
                open_file.seek(2 * 4096)
                open_file.write(b"\xa5" * (length - 2 * 4096))
            other.execute("COMMIT")
        course = await _course(on)
        await until(lambda: "malformed" in on.life.log(), within=60)
        await asyncio.sleep(5)
        heard = list(on.alice.heard)
        course.cancel()
        assert on.life.alive
        assert await on.life.terminate() == 1
    log = on.life.log()
    assert log.splitlines()[-1].startswith(f"bot.py: database {on.database}: ")
    assert log.count(f"ERROR botkit.storage.database: database {on.database}: database disk image is malformed") == 1
    assert log.count("ERROR") == 1
    assert "Traceback" not in log
    assert not [said for said in heard if "example" in said.body]
