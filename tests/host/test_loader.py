from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from botkit.config import Config, ConfigError
from botkit.loader import LoadedPlugin, collect_commands, collect_one_shots, load_plugins
from botkit.plugin import Command, Plugin

GOOD = """
from botkit.config import Section
from botkit.plugin import Command, OneShot, Plugin, Subcommand

class Settings(Section):
    greeting: str = "hi"
    count: int = 3
    loud: bool = False
    limit: int | None = None

class {cls}(Plugin):
    name = "{name}"
    config_model = Settings

    @classmethod
    def one_shots(cls, config):
        return [OneShot("{shot}", "", 3, lambda parser: None, lambda arguments, account: None, None, None)]

    def commands(self):
        return [Command("{word}", "", "", None, (Subcommand("now", "", "", None),))]

PLUGIN = {cls}
"""

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes modules into a package of plugins made for the test."""
    package = tmp_path / "made_plugins"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, source: str) -> None:
        (package / f"{name}.py").write_text(source)

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "made_plugins"]:
        del sys.modules[name]


def good(name: str, word: str = "echo", shot: str = "say") -> str:
    """The source of a plugin that is fine."""
    return GOOD.format(cls="Made", name=name, word=word, shot=shot)


def load(**plugins: dict[str, object]) -> tuple[LoadedPlugin, ...]:
    """The plugins that a configuration lists."""
    return load_plugins(Config(plugins=plugins), "made_plugins")


def test_only_listed_plugins_are_imported(write: Write) -> None:
    """A plugin that is not listed cannot do harm."""
    write("echo", good("echo"))
    write("broken", "raise SystemExit(1)")
    (loaded,) = load(echo={"greeting": "hello"})
    assert (loaded.name, loaded.plugin.__name__, loaded.config.greeting) == ("echo", "Made", "hello")  # type: ignore[attr-defined]
    assert "made_plugins.broken" not in sys.modules


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import no_such_module", "plugins.bad: cannot be imported: No module named 'no_such_module'"),
        ("1 / 0", "plugins.bad: cannot be imported: ZeroDivisionError: division by zero"),
        ("x ==", "plugins.bad: cannot be imported: SyntaxError: invalid syntax (bad.py, line 1)"),
        ("PLUGIN = 3", "plugins.bad: has no PLUGIN that is a botkit.plugin.Plugin"),
        ("", "plugins.bad: has no PLUGIN that is a botkit.plugin.Plugin"),
        (good("other"), "plugins.bad: its PLUGIN has the name other"),
    ],
)
def test_each_broken_plugin_is_one_line(write: Write, source: str, line: str) -> None:
    """Whatever is wrong with it, the operator reads its name and why."""
    write("bad", source)
    with pytest.raises(ConfigError) as caught:
        load(bad={})
    assert line == str(caught.value)


def test_an_unknown_plugin_is_told_from_a_broken_one(write: Write) -> None:
    """The nearest name is suggested."""
    write("weather", good("weather"))
    with pytest.raises(ConfigError, match=r"^plugins\.wether: unknown plugin; did you mean weather\?$"):
        load(wether={})


def test_mistakes_in_a_plugins_configuration_name_the_path(write: Write) -> None:
    """As for the host's own keys."""
    write("echo", good("echo"))
    with pytest.raises(ConfigError, match=r"^plugins\.echo\.greting: unknown key; did you mean greeting\?$"):
        load(echo={"greting": "x"})


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"count": "3"}, "plugins.echo.count: must be a whole number"),
        ({"count": True}, "plugins.echo.count: must be a whole number"),
        ({"count": 3.0}, "plugins.echo.count: must be a whole number"),
        ({"limit": "3"}, "plugins.echo.limit: must be a whole number"),
        ({"loud": "yes"}, "plugins.echo.loud: must be true or false"),
        ({"loud": 1}, "plugins.echo.loud: must be true or false"),
    ],
)
def test_plugins_get_no_text_for_numbers(write: Write, settings: dict[str, object], line: str) -> None:
    """Sections are strict by themselves, whoever writes the plugin."""
    write("echo", good("echo"))
    with pytest.raises(ConfigError) as caught:
        load(echo=settings)
    assert line == str(caught.value)
    load(echo={"count": 4, "loud": True, "limit": None})


def test_one_name_for_two_subcommands_is_an_error(write: Write) -> None:
    """Both plugins are named; the host's own words are taken from the start."""
    write("echo", good("echo"))
    write("parrot", good("parrot"))
    plugins = load(echo={}, parrot={})
    assert [shot.name for shot in collect_one_shots(plugins[:1], ["run"])] == ["say"]
    with pytest.raises(ConfigError, match=r"^plugins\.parrot: the subcommand say is taken by plugins\.echo$"):
        collect_one_shots(plugins, ["run"])
    with pytest.raises(ConfigError, match=r"^plugins\.echo: its subcommand say is reserved by the bot$"):
        collect_one_shots(plugins, ["say"])


def built(*commands: Command) -> Plugin:
    """A plugin with these commands, as the host builds it."""

    class Made(Plugin):
        def __init__(self) -> None: ...

        def commands(self) -> tuple[Command, ...]:
            return commands

    return Made()


def test_one_word_for_two_commands_is_an_error(write: Write) -> None:
    """Also when both belong to one plugin."""
    write("echo", good("echo"))
    (loaded,) = load(echo={})
    (command,) = loaded.plugin.commands(built())
    assert collect_commands({"echo": built(command)}) == (command,)
    with pytest.raises(ConfigError, match=r"^plugins\.parrot: the command echo is taken by plugins\.echo$"):
        collect_commands({"echo": built(command), "parrot": built(command)})
    with pytest.raises(ConfigError, match=r"^plugins\.echo: the command echo is taken by plugins\.echo$"):
        collect_commands({"echo": built(command, command)})


@pytest.mark.parametrize("word", ["", "two words", "Upper", "!x", "-x"])
def test_words_that_cannot_be_typed_are_errors(write: Write, word: str) -> None:
    """A command must be one plain word."""
    write("echo", good("echo"))
    (loaded,) = load(echo={})
    (command,) = loaded.plugin.commands(built())
    with pytest.raises(ConfigError, match="cannot be a command word"):
        collect_commands({"echo": built(Command(word, "", "", command.handler))})


def test_subcommands_must_differ_and_help_is_the_routers(write: Write) -> None:
    """One of them would never be reached."""
    write("echo", good("echo"))
    (loaded,) = load(echo={})
    (command,) = loaded.plugin.commands(built())
    (now,) = command.subcommands
    twice = Command("x", "", "", command.handler, (now, now))
    with pytest.raises(ConfigError, match="declared twice"):
        collect_commands({"echo": built(twice)})
