"""The program as a wheel, installed into an empty environment: everything that it needs at run time is in it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest
import yaml

from botkit.version import VERSION
from lab.federation import Federation
from tests.foci.terminal import write_config

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("botkit", "plugins")
PATIENCE = 600.0
"""Seconds for pip, which fetches all dependencies."""

MIGRATE = """
import asyncio, sys
from botkit.storage import Database
from plugins.foci import PLUGIN

async def main():
    database = Database(f"sqlite:///{sys.argv[1]}")
    await database.open()
    await database.migrate(PLUGIN.name, PLUGIN.migrations)
    await database.close()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """The wheel, and the environment that it is installed in."""

    wheel: Path
    environment: Path

    def run(self, *words: str | Path, directory: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, which cannot see the repository."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("FOCIBOT_", "PYTHON"))}
        program, *arguments = words
        argv = [str(self.environment / "bin" / program), *map(str, arguments)]
        return subprocess.run(
            argv, cwd=directory, env=environ, input=typed, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built from a copy of the sources, so that neither leaves anything in the other."""
    place = tmp_path_factory.mktemp("installed")
    for name in PACKAGES:
        copytree(ROOT / name, place / "source" / name, ignore=ignore_patterns("__pycache__"))
    for path in (ROOT / "pyproject.toml", ROOT / "README.md", ROOT / "LICENSE", *ROOT.glob("requirements*.txt")):
        copy(path, place / "source")
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    build = [sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", place, place / "source"]
    subprocess.run(build, check=True, timeout=PATIENCE)
    (wheel,) = place.glob("*.whl")
    environment = place / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=PATIENCE)
    install = [sys.executable, *pip, "--python", environment / "bin" / "python", "install", "--no-compile", wheel]
    subprocess.run(install, check=True, timeout=PATIENCE)
    return Installed(wheel, environment)


def test_the_wheel_holds_every_module_and_nothing_else(installed: Installed) -> None:
    """Migrations, the mark that types are there, no tests and no lab."""
    held = {name for name in zipfile.ZipFile(installed.wheel).namelist() if ".dist-info/" not in name}
    modules = {path.relative_to(ROOT).as_posix() for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert held == {*modules, "botkit/py.typed"}


async def test_the_command_checks_a_server(installed: Installed, federation: Federation, tmp_path: Path) -> None:
    """From another directory, with the report that bot.py gives."""
    focus = await federation.focus("https://rtc.example.org/livekit/jwt")
    await federation.server("example.org", foci=[focus.entry])
    words = ("foci-bot", "check", "--json", "--config", write_config(tmp_path, federation), "example.org")
    process = await asyncio.to_thread(installed.run, *words, directory=tmp_path)
    assert process.stderr == ""
    report = json.loads(process.stdout)
    assert [one["service_url"] for one in report["foci"]] == ["https://rtc.example.org/livekit/jwt"]
    assert [one["deepest_stage"] for one in report["foci"]] == ["authorisation"]
    assert process.returncode in (0, 1)


def test_the_command_has_its_own_name(installed: Installed, tmp_path: Path) -> None:
    """In usage, in errors, and with the exit codes of bot.py."""
    said = installed.run("foci-bot", "--version", directory=tmp_path)
    assert (said.returncode, said.stdout) == (0, f"foci-bot {VERSION}\n")
    bad = installed.run("foci-bot", "check", "!room:example.org", directory=tmp_path)
    assert bad.returncode == 3
    assert bad.stderr.startswith("foci-bot: `!room:example.org`: ")
    usage = installed.run("foci-bot", "check", directory=tmp_path)
    assert (usage.returncode, usage.stderr.count("foci-bot check"), "bot.py" in usage.stderr) == (3, 2, False)
    run = installed.run("foci-bot", "run", directory=tmp_path)
    assert (run.returncode, run.stderr.partition(":")[0]) == (78, "foci-bot")


def test_the_command_prints_the_configuration(installed: Installed, tmp_path: Path) -> None:
    """The sample, with the plugin's own part: plugins are found where they are installed."""
    copy(ROOT / "config.yaml.sample", tmp_path / "config.yaml")
    (tmp_path / "token").write_text("secret")
    (tmp_path / "token").chmod(0o600)
    done = installed.run("foci-bot", "config", directory=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "alerts" in yaml.safe_load(done.stdout)["plugins"]["foci"]


def test_databases_are_migrated_from_where_it_is_installed(installed: Installed, tmp_path: Path) -> None:
    """The host's revisions and the plugin's."""
    done = installed.run("python", "-c", MIGRATE, tmp_path / "foci.db", directory=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with sqlite3.connect(tmp_path / "foci.db") as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert {"outbox", "letters", "foci_watches", "foci_incidents", "alembic_version_foci"} <= tables


def test_the_media_client_runs_from_where_it_is_installed(installed: Installed, tmp_path: Path) -> None:
    """It is run by its path; without the extra ``media`` it says that its library is absent."""
    (program,) = installed.environment.rglob("media_client.py")
    request = json.dumps({"url": "wss://127.0.0.1:9", "jwt": "x", "patience": 1.0})
    done = installed.run("python", "-I", program, directory=tmp_path, typed=f"{request}\n")
    assert json.loads(done.stdout) == {"outcome": "absent"}
