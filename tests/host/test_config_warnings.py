"""What is accepted with a warning: tokens in clear, and secrets that everybody on the machine can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.config import config_warnings, load_config


def warned(file: Path, text: str, mode: int = 0o600, **environ: str) -> tuple[str, ...]:
    """The warnings about a file with this content and mode."""
    file.write_text(text)
    file.chmod(mode)
    return config_warnings(load_config(file, environ), file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the configuration lies."""
    return tmp_path / "config.yaml"


def account(url: str, secret: str = "") -> str:
    """A configuration with this homeserver."""
    return f'matrix: {{homeserver_url: "{url}", user_id: "@foci:example.org"{secret}}}'


@pytest.mark.parametrize(
    "host", ["matrix.example.org", "8.8.8.8", "[2001:4860:4860::8888]:8008", "a.local.example.org"]
)
def test_plain_http_to_the_internet(file: Path, host: str) -> None:
    """The token would travel in clear."""
    (warning,) = warned(file, account(f"http://{host}"))
    assert warning.startswith(f"matrix.homeserver_url: http://{host} is plain http to a host that is not private")


@pytest.mark.parametrize(
    "host", ["localhost:8008", "127.0.0.1:8008", "[::1]", "10.1.2.3", "synapse:8008", "hs.internal"]
)
def test_plain_http_at_home(file: Path, host: str) -> None:
    """On this machine, in a private network or between containers it is usual."""
    assert warned(file, account(f"http://{host}")) == ()


def test_https(file: Path) -> None:
    """Nothing to say."""
    assert warned(file, account("https://matrix.example.org")) == ()


@pytest.mark.parametrize("key", ["access_token_file", "password_file"])
def test_secret_files(file: Path, key: str) -> None:
    """Named by key and path; closed ones and missing ones are no matter of this."""
    secret = file.with_name("token")
    text = account("https://matrix.example.org", f", {key}: token")
    assert warned(file, text) == ()
    secret.write_text("hunter2")
    secret.chmod(0o640)
    assert warned(file, text) == ()
    secret.chmod(0o644)
    assert warned(file, text) == (f"matrix.{key}: {secret} is readable by every user of this machine; chmod 600 it",)


@pytest.mark.parametrize(
    "text",
    [
        account("https://matrix.example.org", ", access_token: hunter2"),
        account("https://matrix.example.org", ", password: hunter2"),
        "storage: {database: 'postgresql://foci:hunter2@db/foci'}",
        "storage: {database: 'postgresql://foci@db/foci?password=hunter2'}",
    ],
)
def test_secrets_in_the_file_itself(file: Path, text: str) -> None:
    """Wherever in it they are written; the warning does not repeat them."""
    assert warned(file, text) == ()
    (warning,) = warned(file, text, 0o644)
    assert warning == f"{file} holds a secret and is readable by every user of this machine; chmod 600 it"


def test_secrets_of_the_environment(file: Path) -> None:
    """They are not in the file, so that it may be read by all."""
    text = account("https://matrix.example.org")
    assert warned(file, text, 0o644, FOCIBOT_MATRIX__ACCESS_TOKEN="hunter2") == ()
    assert warned(file, text, 0o644, FOCIBOT_STORAGE__DATABASE="postgresql://foci:hunter2@db/foci") == ()
