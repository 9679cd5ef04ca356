"""A PostgreSQL server of our own, on loopback, for as long as a test session lasts."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import asyncpg

from lab.authority import Leaf
from lab.loopback import reserved_port

PASSWORD = "p@s:s/w?o#r%d hunter2"
PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def find(name: str) -> Path | None:
    """A program of PostgreSQL: on the path, or where Debian puts it."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, PLACES)]))
    return Path(found).resolve() if found else None


class Postgres:
    """
    Runs in ``directory``; ``url`` is what goes into the configuration. Its certificate is ``leaf``.

    The server refuses to run as root; there it runs as the user ``postgres`` or ``nobody``. Everyone is trusted but
    the role ``locked``, whose password is ``PASSWORD``.
    """

    def __init__(self, directory: Path, programs: Path, leaf: Leaf) -> None:
        self.directory = directory
        self._leaf = leaf
        self._programs = programs
        self.port = reserved_port()
        self._user = _unprivileged()
        self.url = f"postgresql://bot@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Make the cluster and start it."""
        self.directory.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(self.directory, self._user)
        self._run("initdb", "-D", "cluster", "-A", "trust", "-U", "bot", "--no-sync")
        rules = self.directory / "cluster" / "pg_hba.conf"
        rules.write_text("host all locked all scram-sha-256\n" + rules.read_text())
        self._copied(self._leaf.certificate_file, "server.pem")
        self._copied(self._leaf.key_file, "server.key")
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        files = self.directory / "cluster"
        options = (
            f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.directory} -F "
            f"-c ssl=on -c ssl_cert_file={files / 'server.pem'} -c ssl_key_file={files / 'server.key'}"
        )
        self._run("pg_ctl", "-D", "cluster", "-o", options, "-w", "-l", "log", "start")

    def _copied(self, source: Path, name: str) -> None:
        target = self.directory / "cluster" / name
        shutil.copy(source, target)
        target.chmod(0o600)
        if self._user is not None:
            shutil.chown(target, self._user)

    async def emptied(self) -> str:
        """The URL, with nothing left in the database, whatever tests of other folders did there."""
        connection = await asyncpg.connect(self.url)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()
        return self.url

    def stop(self) -> None:
        """Stop it at once; connections are cut."""
        self._run("pg_ctl", "-D", "cluster", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self.directory,
            user=self._user,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=True,
            timeout=60,
        )


def _unprivileged() -> str | None:
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
