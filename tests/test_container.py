"""The container as it is described: image, documented command and compose files agree, and its health check works."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from botkit.cli import EXIT_CONFIG, main
from botkit.config import load_config
from botkit.web import WebServer

ROOT = Path(__file__).resolve().parents[1]
CONTRIB = ROOT / "contrib"
DOCKERFILE = (CONTRIB / "Dockerfile").read_text()
DEPLOYMENT = (ROOT / "docs" / "deployment.md").read_text()

PINNED = r"[a-z]+:\d+\.\d+(\.\d+)?-(slim-)?bookworm"


def compose(name: str) -> Any:
    """One of the files."""
    return yaml.safe_load((CONTRIB / name).read_text())


def image_environment() -> dict[str, str]:
    """What the image sets."""
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
    return dict(word.split("=", 1) for word in shlex.split(block.replace("\\\n", " ")))


def options(words: list[str]) -> dict[str, list[str]]:
    """The options of the documented command with their values; its last word is the image."""
    found: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        found.setdefault(word, []).append("" if word in ("-d", "--read-only") else next(rest))
    return found


def test_base_images_are_pinned_to_a_full_version() -> None:
    """Both stages have the same; the database has one, too."""
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(stages) == 2
    images = {*stages, compose("compose.postgresql.yaml")["services"]["database"]["image"]}
    assert len(images) == 2
    assert all(re.fullmatch(PINNED, image) for image in images)


async def test_the_health_check_of_the_image_asks_the_bot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the image calls it, in the image's environment: 0 of a bot that syncs, 1 of one that does not."""
    (text,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (.+)$", DOCKERFILE, re.MULTILINE)
    _, *words = json.loads(text)
    (started,) = re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)
    assert words[1:] == json.loads(started)[1:]
    age: list[float | None] = [1.0]

    async def refresh() -> None:
        raise AssertionError("health needs no figures")

    server = WebServer(CollectorRegistry(), refresh, lambda: age[0])
    port = await server.start("127.0.0.1", 0)
    config = tmp_path / "config.yaml"
    config.write_text(f"web: {{listen: '127.0.0.1:{port}'}}\n")
    asked = [*words[:-1], str(config)]
    try:
        assert await asyncio.to_thread(main, asked, image_environment()) == 0
        age[0] = None
        assert await asyncio.to_thread(main, asked, image_environment()) == 1
    finally:
        await server.stop()
    assert await asyncio.to_thread(main, asked, {}) == EXIT_CONFIG
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_only_the_container_itself_reaches_the_health_check() -> None:
    """What the image enables listens on loopback."""
    web = load_config(None, image_environment(), default=Path("/nonexistent")).web
    assert web.enabled
    assert web.host == "127.0.0.1"


def test_compose_starts_what_the_documented_command_starts() -> None:
    """Option by option; a secret of compose is a file below /run/secrets."""
    (command,) = re.findall(r"^docker run -d ((?:.*\\\n)*.*)$", DEPLOYMENT, re.MULTILINE)
    *words, image = shlex.split(command.replace("\\\n", " "))
    documented = options(words)
    content = compose("compose.yaml")
    assert list(content["services"]) == ["bot"]
    bot = dict(content["services"]["bot"])
    secrets = [f"{content['secrets'][name]['file']}:/run/secrets/{name}:ro" for name in bot.pop("secrets")]
    assert bot.pop("build") == {"context": ".", "dockerfile": "contrib/Dockerfile"}
    assert bot.pop("image") == image
    assert bot.pop("read_only") is ("--read-only" in documented)
    environment = [f"{name}={value}" for name, value in bot.pop("environment").items()]
    assert {
        "--name": [bot.pop("container_name")],
        "--read-only": [""],
        "--tmpfs": bot.pop("tmpfs"),
        "--cap-drop": bot.pop("cap_drop"),
        "--security-opt": bot.pop("security_opt"),
        "-v": [*bot.pop("volumes"), *secrets],
        "-e": environment,
        "--restart": [bot.pop("restart")],
    } == documented
    assert bot == {}
    assert {volume["name"] for volume in content["volumes"].values()} == set(content["volumes"]) == {"foci-bot-data"}


def test_the_database_of_compose_is_one_that_the_bot_takes() -> None:
    """Service, user, name and password file are those of the URL and of the documented line of pgpass."""
    content = compose("compose.postgresql.yaml")
    bot, database = content["services"]["bot"], content["services"]["database"]
    config = load_config(None, {**image_environment(), **bot["environment"]}, default=Path("/nonexistent"))
    settings = database["environment"]
    user, name = settings["POSTGRES_USER"], settings["POSTGRES_DB"]
    assert config.storage.database.startswith(f"postgresql://{user}@database/{name}?")
    assert config.storage.database.endswith("passfile=/run/secrets/pgpass")
    assert f'echo "database:5432:{name}:{user}:$(cat database-password)" > pgpass' in DEPLOYMENT
    mounted = {Path("/run/secrets") / one for one in database["secrets"]}
    assert mounted == {Path(settings["POSTGRES_PASSWORD_FILE"])}
    assert bot["secrets"] == ["pgpass"]
    assert set(content["secrets"]) == {"pgpass", "database-password"}
    assert all(re.fullmatch(rf"\./{one}", content["secrets"][one]["file"]) for one in content["secrets"])
    assert bot["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert f"--username={user}" in database["healthcheck"]["test"]


@pytest.mark.parametrize("name", ["compose.yaml", "compose.postgresql.yaml"])
def test_files_of_compose_hold_no_secret_and_are_started_as_they_say(name: str) -> None:
    """Secrets are files, of which none gets into the repository; the command on top is the documented one."""
    text = (CONTRIB / name).read_text()
    (command,) = re.findall(r"(docker compose .+ up -d)", text)
    assert f"{command}\n" in DEPLOYMENT
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert [one["file"] for one in compose(name)["secrets"].values() if one["file"][1:] not in ignored] == []
