"""What the bot may do where it is installed: next to nothing, and its secrets come as files."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from botkit.config.account import SECRET_KEYS

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "contrib" / "foci-bot.service"
DOCKERFILE = ROOT / "contrib" / "Dockerfile"
DEPLOYMENT = ROOT / "docs" / "deployment.md"
MOST_EXPOSED = 2.0
"""On systemd's scale from 0 to 10."""


def exposure(unit: Path) -> float:
    """What ``systemd-analyze security`` says of a unit file; systemd need not run."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze (Debian: systemd) is not installed")
    done = subprocess.run(
        [program, "security", "--offline=true", "--no-pager", str(unit)], capture_output=True, text=True, check=False
    )
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", done.stdout)
    assert found, done.stdout[-500:] + done.stderr[-500:]
    return float(found[1])


def test_the_unit_is_hardly_exposed() -> None:
    """systemd's own rating of the sandbox stays below two, and the documentation tells it."""
    rating = exposure(UNIT)
    assert rating < MOST_EXPOSED
    told = re.search(r"rates the unit (\d\.\d)", " ".join(DEPLOYMENT.read_text().split()))
    assert told
    assert float(told[1]) == rating


def test_the_rating_notices_what_is_taken_away(tmp_path: Path) -> None:
    """A unit without its sandbox is rated worse than ours may be."""
    bare = tmp_path / "foci-bot.service"
    lines = [
        line for line in UNIT.read_text().splitlines() if not line.startswith(("Protect", "Private", "Capability"))
    ]
    bare.write_text("\n".join(lines))
    assert exposure(bare) > MOST_EXPOSED


def test_the_service_gets_its_secret_as_a_file() -> None:
    """systemd hands token or password over; neither the command line nor the environment holds one."""
    unit = UNIT.read_text()
    assert re.search(r"^LoadCredential=secret:/\S+$", unit, re.MULTILINE)
    assert re.search(r"^User=(?!root$)\S+$", unit, re.MULTILINE)
    told = [line for line in unit.splitlines() if line.startswith(("Environment", "ExecStart", "PassEnvironment"))]
    assert [line for line in told if _names_a_secret(line)] == []


def _names_a_secret(line: str) -> bool:
    bare = line.upper().replace("_FILE", "")
    return any(key.upper() in bare for key in SECRET_KEYS if not key.endswith("_file"))


def test_the_container_runs_as_nobody_in_particular() -> None:
    """The last stage ends as a user by number that is not root, so that orchestrators can see it."""
    users = re.findall(r"^USER (\S+)$", DOCKERFILE.read_text().rpartition("\nFROM ")[2], re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1])


def test_the_container_holds_no_secret_and_brings_in_only_the_program() -> None:
    """Nothing is copied but what is named, and no argument or variable of the build is a secret."""
    dockerfile = DOCKERFILE.read_text()
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().split()
    assert ignored[0] == "*"
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert sources == {line[1:] for line in ignored if line.startswith("!")}
    assert not any(_names_a_secret(line) for line in dockerfile.splitlines())
    assert re.findall(r"^(?:ARG|ADD) ", dockerfile, re.MULTILINE) == []


def test_the_container_is_started_with_a_read_only_root_and_no_privileges() -> None:
    """The documented command takes away what it can, and gives the secret as a file."""
    block = re.search(r"```sh\n(docker build .+?)```", DEPLOYMENT.read_text(), re.DOTALL)
    assert block
    (command,) = [line for line in block[1].replace("\\\n", " ").splitlines() if line.startswith("docker run")]
    words = shlex.split(command)
    assert "--read-only" in words
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert words[words.index("--security-opt") + 1] == "no-new-privileges"
    assert any(re.fullmatch(r"\S+:/run/secrets/\w+:ro", word) for word in words)
    given = [words[place + 1] for place, word in enumerate(words) if word in ("-e", "--env")]
    assert not any(_names_a_secret(one) for one in given)


def test_the_state_of_the_container_is_where_it_may_write() -> None:
    """With a read-only root everything that is written goes to the volume."""
    dockerfile = DOCKERFILE.read_text()
    (volume,) = re.findall(r"^VOLUME (\S+)$", dockerfile, re.MULTILINE)
    assert f"FOCIBOT_STORAGE__PATH={volume}\n" in dockerfile.replace(" \\", "")
    assert f"FOCIBOT_STORAGE__DATABASE=sqlite:///{volume}/" in dockerfile
    assert "PYTHONDONTWRITEBYTECODE=1" in dockerfile
