from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import yaml

import plugins
from botkit.cli import main
from botkit.version import VERSION

ROOT = Path(__file__).resolve().parents[2]

PLUGIN = '''
"""A plugin whose subcommand ends in every way that one can."""
from botkit.config import Section
from botkit.plugin import OneShot, Plugin, UsageError

def add_arguments(parser):
    parser.add_argument("how")

def validate(arguments, has_account):
    if arguments.how == "bad":
        raise UsageError("that was bad\\nvery bad")
    if arguments.how == "deep" and not has_account:
        raise UsageError("deep needs an account")

async def run(arguments, context):
    if arguments.how == "crash":
        raise RuntimeError("it\\nbroke")
    if arguments.how == "interrupt":
        raise KeyboardInterrupt
    if arguments.how == "account":
        print(context.account and context.account.user_id, context.limits.deadline)
    if arguments.how == "emoji":
        print("\\u26a0\\udcff")
    return 2

class Ending(Plugin):
    name = "ending"
    config_model = type("Settings", (Section,), {})

    @classmethod
    def one_shots(cls, config):
        return [OneShot("end", "ends", 5, add_arguments, validate, lambda arguments, user_id: True, run)]

PLUGIN = Ending
'''

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_logging: None) -> Iterator[Run]:
    """Runs ``main`` in an empty directory with a plugin ``ending`` at hand."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "ending.py").write_text(PLUGIN)
    monkeypatch.setattr(plugins, "__path__", [*plugins.__path__, str(tmp_path / "more")])
    monkeypatch.chdir(tmp_path)
    environ = {"FOCIBOT_PLUGINS": "{foci: {}, ending: {}}"}
    yield lambda *argv, **more: main(argv, {**environ, **more})
    sys.modules.pop("plugins.ending", None)


def account(tmp_path: Path, **secret: str) -> None:
    """Writes a configuration with an account."""
    matrix = {"homeserver_url": "http://127.0.0.1:9", "user_id": "@foci:example.org", **secret}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"matrix": matrix}))


@contextmanager
def one_answer(answer: bytes) -> Iterator[int]:
    """A server that gives everybody the same answer; its port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("argv", "code", "line"),
    [
        (["end"], 5, "bot.py end: the following arguments are required: how (see bot.py end --help)"),
        (["end", "bad"], 5, "bot.py: that was bad very bad"),
        (["end", "crash"], 5, "bot.py: internal error: RuntimeError: it broke"),
        (["end", "x", "--nonsense"], 5, "bot.py: unrecognized arguments: --nonsense (see bot.py --help)"),
        (["end", "x", "--config", "none.yaml"], 3, "bot.py: cannot read none.yaml: No such file or directory"),
        (["--config", "none.yaml", "check", "x"], 3, "bot.py: cannot read none.yaml: No such file or directory"),
        (["check"], 3, "bot.py check: the following arguments are required: TARGET (see bot.py check --help)"),
        (["check", "--nonsense"], 3, "bot.py check: "),
        (["check", "x", "--config"], 3, "bot.py: argument --config: expected one argument (see bot.py --help)"),
        (["chekc"], 3, "bot.py: argument SUBCOMMAND: invalid choice: 'chekc'"),
        (["run", "--nonsense"], 78, "bot.py: unrecognized arguments: --nonsense (see bot.py --help)"),
        (["run", "--config", "none.yaml"], 78, "bot.py: cannot read none.yaml: No such file or directory"),
        (["--config", "none.yaml"], 78, "bot.py: cannot read none.yaml: No such file or directory"),
        (["run"], 78, "bot.py: matrix: this section is required; see config.yaml.sample"),
        ([], 78, "bot.py: matrix: this section is required; see config.yaml.sample"),
        (["login"], 78, "bot.py: matrix: this section is required; see config.yaml.sample"),
    ],
)
def test_every_failure_is_one_line_and_its_exit_code(
    run: Run, capsys: pytest.CaptureFixture[str], argv: list[str], code: int, line: str
) -> None:
    """Monitoring must never read a usage error as "critical", nor a service manager as "try again"."""
    assert run(*argv) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(line)
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(("argv", "code"), [(["check", "x"], 3), (["end", "x"], 3), (["run"], 78), (["config"], 78)])
def test_a_broken_configuration_is_named_whatever_was_asked(
    run: Run, capsys: pytest.CaptureFixture[str], argv: list[str], code: int
) -> None:
    """A subcommand of a plugin that could not be loaded is "unknown" to monitoring."""
    assert run(*argv, FOCIBOT_NETWROK="x") == code
    assert capsys.readouterr().err == "bot.py: FOCIBOT_NETWROK: netwrok: unknown key; did you mean network?\n"


def test_a_subcommands_exit_code_is_its_own(run: Run) -> None:
    """What the plugin returns is what the shell sees."""
    assert run("end", "well") == 2


def test_interruption_is_quiet(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was found out, and nobody wants a traceback."""
    assert run("end", "interrupt") == 5
    assert capsys.readouterr() == ("", "")


def test_tracebacks_appear_at_debug_level_only(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for details gets them."""
    assert run("end", "crash", FOCIBOT_LOGGING__ROOT__LEVEL="DEBUG") == 5
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert error.endswith("bot.py: internal error: RuntimeError: it broke\n")


def test_wrong_logging_settings_are_a_configuration_error(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The part of dictConfig that is wrong is in the line."""
    assert run("run", FOCIBOT_LOGGING__ROOT__LEVEL="LOUD") == 78
    assert "logging: " in capsys.readouterr().err


def test_unwise_settings_are_told_where_the_bot_is_set_up(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, beside the effective values; ``check`` is about other servers."""
    account(tmp_path, access_token="hunter2")
    (tmp_path / "config.yaml").chmod(0o644)
    assert run("config") == 0
    assert "config.yaml holds a secret and is readable by every user of this machine" in capsys.readouterr().err
    assert run("end", "x") == 2
    assert "readable" not in capsys.readouterr().err


@pytest.mark.parametrize("word", ["run", "login"])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>hello", "HTTP 200 without JSON"),
        (b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"ok"', "HTTP 200 without JSON"),
        (b"HTTP/1.0 404 Not Found\r\n\r\n404 page not found", "HTTP 404 without an error code"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\n{}", "HTTP 403 without an error code"),
        (b"HTTP/1.0 301 Moved\r\nLocation: https://www.example.org/\r\n\r\n", "HTTP 301 without an error code"),
    ],
)
def test_a_url_that_is_no_homeservers(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, answer: bytes, words: str
) -> None:
    """What answers at ``homeserver_url`` never was a homeserver: waiting for it would not help."""
    with one_answer(answer) as port:
        matrix = {"homeserver_url": f"http://127.0.0.1:{port}", "user_id": "@foci:example.org", "access_token": "t"}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({"matrix": matrix}))
        (tmp_path / "config.yaml").chmod(0o600)
        assert run(word) == 78
    error = capsys.readouterr().err
    assert f"http://127.0.0.1:{port} does not answer as a Matrix homeserver ({words}); it must be the base URL" in error


def test_help_is_there_even_with_a_broken_configuration(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever is stuck needs it most."""
    (tmp_path / "config.yaml").write_text("a: b: c")
    assert run("--help") == 0
    assert "check" in capsys.readouterr().out
    assert run("check", "--help") == 0
    assert "TARGET" in capsys.readouterr().out
    assert run("--version") == 0
    assert capsys.readouterr().out == f"foci-bot {VERSION}\n"


def test_the_effective_configuration_is_printed_without_secrets(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plugins' parts are shown with their defaults."""
    account(tmp_path, access_token="hunter2")
    assert run("config") == 0
    output = capsys.readouterr().out
    assert "hunter2" not in output
    shown = yaml.safe_load(output)
    assert shown["matrix"]["access_token"] == "REDACTED"
    assert shown["plugins"]["foci"]["watch"]["interval"] == "5m"
    assert shown["plugins"]["ending"] == {}


def test_validation_reads_the_secret(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file name typed wrongly is found now, not at the next start."""
    account(tmp_path, access_token_file="tokn")
    assert run("config") == 78
    assert capsys.readouterr().err.startswith(
        f"bot.py: matrix.access_token_file: cannot read {tmp_path / 'tokn'}: No such"
    )


def test_an_unreadable_secret_does_not_fail_what_needs_none(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A monitoring user may check servers without being able to read the bot's token."""
    account(tmp_path, access_token_file="tokn")
    assert run("end", "account") == 2
    output = capsys.readouterr()
    assert output.out == "None 20.0\n"
    assert "continuing without an account" in output.err
    assert run("end", "deep") == 5
    assert "deep needs an account" in capsys.readouterr().err


def test_a_token_makes_an_account(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Subcommands get it when the configuration has one."""
    account(tmp_path, access_token="x")
    assert run("end", "account", FOCIBOT_NETWORK__DEADLINE="7s") == 2
    assert capsys.readouterr().out == "@foci:example.org 7.0\n"
    assert run("end", "deep") == 2


@pytest.mark.parametrize(
    ("session", "user_id"),
    [
        ({"user_id": "@foci:example.org", "device_id": "D", "access_token": "x"}, "@foci:example.org"),
        ({"user_id": "@other:example.org", "device_id": "D", "access_token": "x"}, None),
        ({"user_id": "@foci:example.org", "access_token": 3}, None),
        ([], None),
        (None, None),
    ],
)
def test_with_a_password_the_session_of_login_is_used(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], session: object, user_id: str | None
) -> None:
    """Nothing is logged in for one check, and another account's session is none."""
    account(tmp_path, password="x")
    if session is not None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "session.json").write_text(json.dumps(session))
    assert run("end", "account") == 2
    assert capsys.readouterr().out == f"{user_id} 20.0\n"


def shell(command: str, tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a shell line in which ``$BOT`` is the bot's command line."""
    bot = f"{sys.executable} {ROOT / 'bot.py'}"
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("FOCIBOT_")},
            "BOT": bot,
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_works_as_a_program_without_any_file(tmp_path: Path) -> None:
    """A closed port is critical, and the first line says so."""
    environ = {
        "FOCIBOT_NETWORK__CONNECT_TO": "{'example.org:443': '127.0.0.1:1'}",
        "FOCIBOT_NETWORK__ALLOW_PRIVATE": "[127.0.0.0/8]",
    }
    result = shell("$BOT check example.org", tmp_path, **environ)
    assert (result.returncode, result.stderr) == (2, "")
    assert result.stdout.startswith("CRITICAL - example.org: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, unbuffered: str) -> None:
    """``bot.py … | true`` ends without a complaint."""
    result = shell("{ sleep 0.2; $BOT config; echo $? >code; } | true", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert result.stderr == ""
    assert (tmp_path / "code").read_text() == "0\n"


def test_check_starts_without_a_matrix_client_or_a_database(tmp_path: Path) -> None:
    """A monitoring system calls it every minute."""
    code = (
        "import sys; sys.argv[1:] = ['check', 'a b']; sys.path.insert(0, sys.argv[0]);"
        "from botkit.cli import main; code = main(sys.argv[1:], {});"
        "print(code, [name for name in ('nio', 'sqlalchemy', 'alembic') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "3 []\n"


def test_output_that_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    """An ASCII terminal gets escapes, not a crash."""
    result = shell("$BOT check 'ex\u00e4mple.org'", tmp_path, PYTHONIOENCODING="ascii", LC_ALL="C.UTF-8")
    assert result.returncode == 3
    assert "ex\\xe4mple.org" in result.stderr


def test_the_terminal_is_told_which_private_address_a_name_has(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever sits there may know; rooms are told the rule alone."""
    run("check", "localhost:1")
    assert re.search(r"`?localhost`? resolves to `?(127\.0\.0\.1|::1)`?, which is refused: loopback", _told(capsys))


def _told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())
