from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from botkit.config import Config, ConfigError, Duration, Section, load_config, plugin_config

FILE = """
matrix: {homeserver_url: https://matrix.example.org, user_id: "@foci:example.org", password_file: pass}
network: {timeout: 3s, deadline: 7s}
plugins: {echo: {greeting: hello, watch: {interval: 5m}}}
"""


class Watch(Section):
    """A section inside a plugin's section."""

    interval: Duration = 60.0


class Echo(Section):
    """A plugin's section."""

    greeting: str = "hi"
    token: SecretStr | None = None
    names: tuple[str, ...] = ()
    watch: Watch = Watch()


def load(tmp_path: Path, text: str = FILE, **environ: str) -> Config:
    """The configuration of a file under an environment."""
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load_config(path, environ)


def test_environment_beats_file_beats_default(tmp_path: Path) -> None:
    """Only the key that is set changes."""
    network = load(tmp_path, FOCIBOT_NETWORK__TIMEOUT="9s").network
    assert (network.timeout, network.deadline, network.concurrency) == (9.0, 7.0, 64)


def test_values_are_yaml_except_for_words(tmp_path: Path) -> None:
    """Lists and numbers are read; what is text stays text, even if it looks like a number or a list."""
    config = load(
        tmp_path,
        FOCIBOT_ADMINS='["@ops:example.org"]',
        FOCIBOT_NETWORK__CONCURRENCY="8",
        FOCIBOT_WEB__ENABLED="true",
        FOCIBOT_COMMAND_PREFIX="1",
        FOCIBOT_MATRIX__DEVICE_NAME="[x",
        FOCIBOT_NETWORK__CONNECT_TO="{'a.example:443': 192.0.2.7}",
        FOCIBOT_INVITES__POLICY="nobody",
    )
    assert config.admins == ("@ops:example.org",)
    assert (config.network.concurrency, config.web.enabled, config.command_prefix) == (8, True, "1")
    assert config.matrix is not None
    assert config.matrix.device_name == "[x"
    assert config.network.connect_to == {"a.example:443": ("192.0.2.7",)}
    assert config.invites.policy == "nobody"


def test_a_secret_from_the_environment_replaces_the_files_alternatives(tmp_path: Path) -> None:
    """A token that looks like a number is a token, and the file's password is forgotten."""
    config = load(tmp_path, FOCIBOT_MATRIX__ACCESS_TOKEN="0123")
    assert config.matrix is not None
    assert config.matrix.secret() == ("token", SecretStr("0123"))


def test_two_secrets_from_the_environment_contradict_each_other(tmp_path: Path) -> None:
    """There is no order among variables."""
    with pytest.raises(ConfigError, match="set only one of access_token and password"):
        load(tmp_path, FOCIBOT_MATRIX__ACCESS_TOKEN="a", FOCIBOT_MATRIX__PASSWORD="b")


def test_the_environment_alone_can_make_an_account(tmp_path: Path) -> None:
    """Containers need no file."""
    config = load_config(
        None,
        {
            "FOCIBOT_MATRIX__HOMESERVER_URL": "https://matrix.example.org",
            "FOCIBOT_MATRIX__USER_ID": "@foci:example.org",
            "FOCIBOT_MATRIX__ACCESS_TOKEN": "x",
        },
        default=tmp_path / "none.yaml",
    )
    assert config.matrix is not None
    assert config.matrix.user_id == "@foci:example.org"


def test_an_empty_variable_is_null_where_null_is_possible(tmp_path: Path) -> None:
    """Compose files pass variables that nobody set as empty text."""
    config = load(tmp_path, FOCIBOT_NETWORK__USER_AGENT="", FOCIBOT_NETWORK__CA_FILE="")
    assert (config.network.user_agent, config.network.ca_file) == (None, None)


def test_a_whole_section_can_be_given_and_refined(tmp_path: Path) -> None:
    """The deeper variable wins over the shallower one."""
    web = load(tmp_path, FOCIBOT_WEB="{enabled: true, listen: '127.0.0.1:1'}", FOCIBOT_WEB__LISTEN="127.0.0.1:2").web
    assert (web.enabled, web.port) == (True, 2)


def test_logging_has_free_keys(tmp_path: Path) -> None:
    """A level can be set without a file."""
    assert load(tmp_path, FOCIBOT_LOGGING__ROOT__LEVEL="DEBUG").logging == {"root": {"level": "DEBUG"}}


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("FOCIBOT_NETWROK__TIMEOUT", "3s", "FOCIBOT_NETWROK__TIMEOUT: netwrok: unknown key; did you mean network?"),
        (
            "FOCIBOT_NETWORK__TIMEUOT",
            "3s",
            "FOCIBOT_NETWORK__TIMEUOT: network.timeuot: unknown key; did you mean timeout?",
        ),
        ("FOCIBOT_NETWORK_TIMEOUT", "3s", "FOCIBOT_NETWORK_TIMEOUT: network_timeout: unknown key"),
        ("FOCIBOT_NETWORK__TIMEOUT__X", "3s", "FOCIBOT_NETWORK__TIMEOUT__X: network.timeout has no keys below it"),
        ("FOCIBOT_", "x", "FOCIBOT_: names no key"),
        ("FOCIBOT_ADMINS", "[hunter2", "FOCIBOT_ADMINS: not valid YAML at line 1, column 9:"),
        (
            "FOCIBOT_ADMINS",
            "@hunter2:example.org",
            (
                "FOCIBOT_ADMINS: not valid YAML at line 1, column 1: a value that begins with @ must be in quotes; "
                """must be a list such as FOCIBOT_ADMINS='["one", "two"]'"""
            ),
        ),
        (
            "FOCIBOT_NETWORK__NAMESERVERS",
            "9.9.9.9, hunter2",
            """FOCIBOT_NETWORK__NAMESERVERS: must be a list such as FOCIBOT_NETWORK__NAMESERVERS='["one", "two"]'""",
        ),
        ("FOCIBOT_ADMINS", "{hunter2: 1}", "FOCIBOT_ADMINS: must be a list such as"),
        (
            "FOCIBOT_NETWORK__TIMEOUT",
            "3",
            (
                "network.timeout: must be a duration with its unit, such as 90s, 5m, 12h or 14d"
                " (set by FOCIBOT_NETWORK__TIMEOUT)"
            ),
        ),
    ],
)
def test_mistakes_name_the_variable(tmp_path: Path, variable: str, value: str, line: str) -> None:
    """An unknown variable is an error, or a typing error would be a silent default."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, **{variable: value})
    assert str(caught.value).startswith(line)
    assert "hunter2" not in str(caught.value)


def test_other_variables_are_none_of_our_business(tmp_path: Path) -> None:
    """Only the prefix counts."""
    assert load(tmp_path, PATH="/bin", FOCI_NETWORK="x") == load(tmp_path)


def test_plugins_keys_are_read_by_the_plugins_own_model(tmp_path: Path) -> None:
    """Words stay words and durations are durations in a section that the host knows nothing about."""
    config = load(
        tmp_path,
        FOCIBOT_PLUGINS__ECHO__GREETING="12",
        FOCIBOT_PLUGINS__ECHO__WATCH__INTERVAL="12m",
        FOCIBOT_PLUGINS__ECHO__NAMES="[a, b]",
        FOCIBOT_PLUGINS__ECHO__TOKEN="123",
    )
    echo = plugin_config(config, "echo", Echo)
    assert (echo.greeting, echo.watch.interval, echo.names, echo.token) == ("12", 720.0, ("a", "b"), SecretStr("123"))


def test_a_plugins_whole_part_can_be_given(tmp_path: Path) -> None:
    """The variable replaces the file's part, and deeper ones refine it."""
    config = load(tmp_path, FOCIBOT_PLUGINS__ECHO="{greeting: x}", FOCIBOT_PLUGINS__ECHO__NAMES="[y]")
    echo = plugin_config(config, "echo", Echo)
    assert (echo.greeting, echo.names, echo.watch.interval) == ("x", ("y",), 60.0)


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        (
            {"FOCIBOT_PLUGINS__ECHO__WATCH__INTERVALL": "5m"},
            "FOCIBOT_PLUGINS__ECHO__WATCH__INTERVALL: plugins.echo.watch.intervall: unknown key; did",
        ),
        (
            {"FOCIBOT_PLUGINS__ECHO__WATCH__INTERVAL": "5"},
            (
                "plugins.echo.watch.interval: must be a duration with its unit, such as 90s, 5m, 12h or 14d"
                " (set by FOCIBOT_PLUGINS__ECHO__WATCH__INTERVAL)"
            ),
        ),
        (
            {"FOCIBOT_PLUGINS__ECHO__GREETING__X": "5"},
            "FOCIBOT_PLUGINS__ECHO__GREETING__X: greeting is not a mapping in the file",
        ),
    ],
)
def test_mistakes_in_a_plugins_part_name_path_and_variable(tmp_path: Path, environ: dict[str, str], line: str) -> None:
    """As for the host's own keys."""
    with pytest.raises(ConfigError) as caught:
        plugin_config(load(tmp_path, **environ), "echo", Echo)
    assert str(caught.value).startswith(line)


def test_values_of_variables_do_not_print(tmp_path: Path) -> None:
    """A plugin's secret is unknown to the host as long as no model has read it."""
    config = load(tmp_path, FOCIBOT_PLUGINS__ECHO__TOKEN="hunter2")
    assert "hunter2" not in repr(config)
    assert "hunter2" not in repr(config.plugins)
