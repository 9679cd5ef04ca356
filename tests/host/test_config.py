from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from botkit.config import Config, ConfigError, Rate, effective, load_config

ACCOUNT = "homeserver_url: https://matrix.example.org, user_id: '@foci:example.org'"

Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads text as ``config.yaml`` in a directory of its own, with variables as the environment."""

    def load(text: str, **environ: str) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, environ)

    return load


def refusal(load: Load, text: str, **environ: str) -> str:
    """The one line with which a configuration is refused."""
    with pytest.raises(ConfigError) as caught:
        load(text, **environ)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_no_file_means_defaults(tmp_path: Path) -> None:
    """Without a file nothing is needed, and there is no account."""
    config = load_config(None, {}, default=tmp_path / "config.yaml")
    assert config.matrix is None
    assert config.command_prefix == "!"
    assert config.plugins == {"foci": {}}
    assert config.commands.per_user == Rate(6, 60)
    assert (config.network.timeout, config.network.deadline, config.network.max_body) == (10.0, 20.0, 262144)


def test_the_default_file_is_read_when_it_exists(tmp_path: Path) -> None:
    """``config.yaml`` is found without being named."""
    path = tmp_path / "config.yaml"
    path.write_text("command_prefix: '%'")
    assert load_config(None, {}, default=path).command_prefix == "%"


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """Only a named file must exist."""
    with pytest.raises(ConfigError, match=r"^cannot read .*nothing\.yaml: No such file or directory$"):
        load_config(tmp_path / "nothing.yaml", {})


def test_an_empty_file_and_empty_sections_mean_defaults(load: Load) -> None:
    """Sections whose keys are all commented out are as good as absent."""
    assert load("") == load("network:\nplugins:\n  foci:\nlogging:\nmatrix:\ncommands: {}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("network: {timeuot: 3s}", "network.timeuot: unknown key; did you mean timeout?"),
        ("networks: {}", "networks: unknown key; did you mean network?"),
        ("zzz: 1", "zzz: unknown key"),
        ("network: 4", "network: must be a mapping"),
        ("network: {timeout: 3}", "network.timeout: must be a duration with its unit, such as 90s, 5m, 12h or 14d"),
        ("network: {timeout: 0s}", "network.timeout: must be longer than 0s"),
        ("network: {max_body: 3}", "network.max_body: must be greater than or equal to 1024"),
        ("network: {max_redirects: 1.5}", "network.max_redirects: must be a whole number"),
        ("network: {max_redirects: true}", "network.max_redirects: must be a whole number"),
        (
            "network: {allow_private: [10.0.0.1/8]}",
            "network.allow_private[0]: must be a CIDR block such as 10.1.0.0/16 or fd00::/8, without host bits",
        ),
        ("network: {allow_private: 10.0.0.0/8}", "network.allow_private: must be a list"),
        (
            "network: {connect_to: {example.org: 192.0.2.7}}",
            "network.connect_to.example.org: must have keys of the form host:port, such as example.org:443",
        ),
        (
            "network: {connect_to: {'a:443': other.example}}",
            "network.connect_to.a:443: must be an address such as 192.0.2.7, 192.0.2.7:8443 or [2001:db8::7]:8443",
        ),
        ("web: {enabled: 'yes'}", "web.enabled: must be true or false"),
        ("web: {listen: 9109}", "web.listen: must be text; put it in quotes"),
        ("web: {listen: ':9109'}", "web.listen: must be an address and a port, such as 127.0.0.1:9109 or [::1]:9109"),
        ("commands: {per_user: 6}", "commands.per_user: must be a rate such as 1/s, 6/min or 100/h"),
        (
            "commands: {allow: ['ops']}",
            "commands.allow[0]: must be user ids with * and ? as wildcards, such as @*:example.org",
        ),
        ("admins: [ops]", "admins[0]: must be a user id such as @foci:example.org"),
        ("invites: {policy: admin}", "invites.policy: must be 'admins', 'allowlist', 'anyone' or 'nobody'"),
        ("command_prefix: '! '", "command_prefix: must be visible characters without spaces, such as !"),
        ("plugins: {Foci.x: {}}", "plugins.Foci.x: must be a plugin's name: small letters, digits and _"),
        ("plugins: {foci: [1]}", "plugins.foci: must be a mapping"),
        (
            "storage: {database: 'mysql://u:hunter2@h/d'}",
            "storage.database: must be sqlite:///path/to/file.db or postgresql://user@host/name",
        ),
        ("matrix: {}", "matrix.homeserver_url: is missing (and 1 more)"),
        (f"matrix: {{{ACCOUNT}, access_token: 12345}}", "matrix.access_token: must be text; put it in quotes"),
        (
            f"matrix: {{{ACCOUNT}, access_token: hunter2, password: hunter3}}",
            "matrix: set only one of access_token and password",
        ),
        (
            f"matrix: {{{ACCOUNT}, access_token_file: a, password_file: b}}",
            "matrix: set only one of access_token_file and password_file",
        ),
        (f"matrix: {{{ACCOUNT}, password: ''}}", "matrix: password must not be empty"),
        (f"matrix: {{{ACCOUNT}, acess_token: hunter2}}", "matrix.acess_token: unknown key; did you mean access_token?"),
    ],
)
def test_each_mistake_is_named_by_its_path(load: Load, text: str, line: str) -> None:
    """The dotted path, what is wrong, the nearest key; never the value."""
    assert line == refusal(load, text)


def test_a_file_that_should_exist_is_named(load: Load, tmp_path: Path) -> None:
    """A CA file is looked for at once, as every request needs it."""
    assert f"network.ca_file: file {tmp_path / 'ca.pem'} does not exist" == refusal(load, "network: {ca_file: ca.pem}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b: c", "not valid YAML at line 1, column 5: mapping values are not allowed here"),
        ("admins: []\nadmins: []", "not valid YAML at line 2, column 1: key admins is written twice"),
        ("network: {timeout: 1s, timeout: 2s}", "not valid YAML at line 1, column 24: key timeout is written twice"),
        ("matrix: *hunter2", "not valid YAML at line 1, column 9: a value that begins with * must be in quotes"),
        ("matrix: !hunter2 x", "not valid YAML at line 1, column 9: a value that begins with ! must be in quotes"),
        ("- !hunter2:a\n- !b:a", "not valid YAML at line 1, column 3: a value that begins with ! must be in quotes"),
        ("rooms: [!hunter2:a, !b:a]", "not valid YAML at line 1, column 21: a value that begins with ! must be in"),
        ("admins: [@hunter2:a]", "not valid YAML at line 1, column 10: a value that begins with @ must be in quotes"),
        ("- a", "must be a mapping of keys to values"),
        ("text", "must be a mapping of keys to values"),
        ("a: 2026-13-45", "not valid YAML: a value cannot be read"),
        ("a: \x01", "not valid YAML: it contains characters that YAML does not allow"),
        ("[" * 5000, "not valid YAML"),
        ("a: {[1]: 2}", "not valid YAML at line 1, column 5: found unhashable key"),
    ],
)
def test_broken_yaml_is_named_by_line_and_never_quoted(load: Load, tmp_path: Path, text: str, line: str) -> None:
    """The place is enough to find it; the text there may be a secret."""
    refused = refusal(load, text)
    assert refused.startswith(f"{tmp_path / 'config.yaml'}: {line}")
    assert "hunter2" not in refused


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """Binary files and directories are refused in one line."""
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"not UTF-8 text$"):
        load_config(path, {})
    with pytest.raises(ConfigError, match=r"Is a directory$"):
        load_config(tmp_path, {})


def test_key_that_is_not_text_is_an_error(load: Load) -> None:
    """YAML reads ``on`` and ``1`` as something else than words."""
    assert "has a key that is not text" in refusal(load, "1: 2")


@pytest.mark.parametrize(
    "url",
    ["https://matrix.example.org", "https://matrix.example.org/", "http://127.0.0.1:8008", "https://[::1]:8448"],
)
def test_homeserver_urls_lose_their_trailing_slash(load: Load, url: str) -> None:
    """Paths are appended to it."""
    config = load(f"matrix: {{homeserver_url: '{url}', user_id: '@a:b'}}")
    assert config.matrix is not None
    assert url.rstrip("/") == config.matrix.homeserver_url


@pytest.mark.parametrize(
    "url",
    [
        "matrix.example.org",
        "ftp://a.example",
        "https://",
        "https://a.example/_matrix/client",
        "https://u:hunter2@a.example",
        "https://a.example?x",
        "https://a.example#",
        "https://a.example:99999",
        "https://a b",
        "https://ex\u00e4mple.org",
        "https://a.example\\@evil.example",
        "https://[::1",
    ],
)
def test_homeserver_urls_with_anything_else_are_refused(load: Load, url: str) -> None:
    """Paths, logins, queries and other schemes are what people paste by mistake."""
    text = yaml.safe_dump({"matrix": {"homeserver_url": url, "user_id": "@a:b"}})
    line = refusal(load, text)
    assert line.startswith("matrix.homeserver_url: must be an http(s) URL")
    assert "hunter2" not in line


def test_relative_paths_are_relative_to_the_file(load: Load, tmp_path: Path) -> None:
    """Wherever the bot is started from, defaults included."""
    config = load("")
    assert tmp_path / "data" == config.storage.path
    assert f"sqlite:///{tmp_path}/data/foci.db" == config.storage.database_url
    assert config.storage.database == "sqlite:///data/foci.db"
    assert tmp_path / "data" / "session.json" == config.storage.session_file
    absolute = load("storage: {path: /srv/foci, database: 'sqlite:////srv/x.db'}").storage
    assert (Path("/srv/foci"), "sqlite:////srv/x.db") == (absolute.path, absolute.database_url)


def test_secrets_are_read_when_asked_for(load: Load, tmp_path: Path) -> None:
    """The file is opened by ``secret()``, not before; its last newline is no part of the secret."""
    config = load(f"matrix: {{{ACCOUNT}, access_token_file: token}}")
    assert config.matrix is not None
    with pytest.raises(ConfigError, match=r"^matrix\.access_token_file: cannot read .*token: No such file"):
        config.matrix.secret()
    (tmp_path / "token").write_text("syt_hunter2\n")
    assert config.matrix.secret() == ("token", SecretStr("syt_hunter2"))


def test_a_secret_in_the_credentials_directory_comes_first(load: Load, tmp_path: Path) -> None:
    """systemd's LoadCredential beats the file beside the configuration; absolute paths are left alone."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "pass").write_text(" from systemd ")
    (tmp_path / "pass").write_text("beside the file")
    text = f"matrix: {{{ACCOUNT}, password_file: pass}}"
    config = load(text, CREDENTIALS_DIRECTORY=str(credentials))
    assert config.matrix is not None
    assert config.matrix.secret() == ("password", SecretStr(" from systemd "))
    absolute = load(text.replace("file: pass", f"file: {tmp_path / 'pass'}"), CREDENTIALS_DIRECTORY=str(credentials))
    assert absolute.matrix is not None
    assert absolute.matrix.secret()[1].get_secret_value() == "beside the file"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"one hunter2\ntwo hunter2", "has more than one line"),
        (b"\xffhunter2", "is not UTF-8 text"),
        (b"x" * 20000, "is too large to be a secret"),
    ],
)
def test_unusable_secret_files_are_named_and_never_quoted(
    load: Load, tmp_path: Path, content: bytes, complaint: str
) -> None:
    """The error says which file and why, not what is in it."""
    (tmp_path / "token").write_bytes(content)
    config = load(f"matrix: {{{ACCOUNT}, access_token_file: token}}")
    assert config.matrix is not None
    with pytest.raises(ConfigError, match=complaint) as caught:
        config.matrix.secret()
    assert str(tmp_path / "token") in str(caught.value)
    assert "hunter2" not in repr(caught.value)


def test_an_account_without_secret_says_so_when_one_is_needed(load: Load) -> None:
    """``check`` needs none, so only asking for it is an error."""
    config = load(f"matrix: {{{ACCOUNT}}}")
    assert config.matrix is not None
    with pytest.raises(
        ConfigError, match="one of access_token, access_token_file, password, password_file is required"
    ):
        config.matrix.secret()


def test_secrets_do_not_print(load: Load) -> None:
    """Neither the representation nor the effective configuration shows them, database passwords included."""
    config = load(
        f"matrix: {{{ACCOUNT}, access_token: hunter2}}\n"
        "storage: {database: 'postgresql://foci:hunter3@db.example/foci?password=hunter4&sslpassword=hunter5'}"
    )
    for text in (repr(config), str(config), effective(config), repr(config.storage)):
        assert "hunter" not in text
    shown = yaml.safe_load(effective(config))
    assert shown["matrix"]["access_token"] == "REDACTED"
    assert shown["storage"]["database"] == "postgresql://foci:REDACTED@db.example/foci?sslpassword=REDACTED"
    assert "hunter4" in config.storage.database_url


def test_the_effective_configuration_loads_again(load: Load) -> None:
    """Every value is shown in the form in which it is written."""
    config = load(
        "network: {timeout: 90s, max_body: 1MiB, connect_to: {'A.example:443': '192.0.2.7:8443'}}\n"
        "commands: {per_user: 100/h, max_age: 36h}\nadmins: ['@ops:example.org']"
    )
    assert config == load(effective(config).replace("plugins: {}", "plugins: {foci: {}}"))
    assert config.network.connect_to == {"a.example:443": ("192.0.2.7:8443",)}


def test_configuration_is_immutable(load: Load) -> None:
    """Nobody changes it under another's feet."""
    config = load("")
    with pytest.raises(ValidationError, match="frozen"):
        config.network.timeout = 1.0  # type: ignore[misc]


def test_network_settings_reach_the_outbound_client(load: Load, tmp_path: Path) -> None:
    """Every bound of the section arrives where sockets are opened."""
    (tmp_path / "ca.pem").touch()
    network = load(
        "network: {timeout: 3s, deadline: 4s, max_body: 2KiB, max_redirects: 1, concurrency: 7,"
        " nameservers: ['192.0.2.53:5353'],"
        " allow_private: [10.0.0.0/8], ca_file: ca.pem, connect_to: {'a.example:443': ['192.0.2.7']}, user_agent: me/1}"
    ).network
    settings, limits = network.outbound(), network.limits()
    assert (settings.timeout, settings.max_body, settings.concurrency) == (3.0, 2048, 7)
    assert (settings.nameservers, settings.allow_private) == (("192.0.2.53:5353",), ("10.0.0.0/8",))
    assert (settings.ca_file, settings.user_agent) == (tmp_path / "ca.pem", "me/1")
    assert settings.connect_to == {"a.example:443": ("192.0.2.7",)}
    assert (limits.timeout, limits.deadline, limits.max_redirects) == (3.0, 4.0, 1)


def test_where_to_listen_is_split(load: Load) -> None:
    """IPv6 literals lose their brackets."""
    web = load("web: {listen: '[::1]:0'}").web
    assert (web.host, web.port) == ("::1", 0)
