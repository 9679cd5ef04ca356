"""The command line, of ``bot.py`` and of ``foci-bot`` alike: argv to subcommand to exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from botkit.config import DEFAULT_PATH, Config, ConfigError, config_warnings, effective, load_config
from botkit.loader import LoadedPlugin, collect_one_shots, load_plugins
from botkit.logs import configure_logging
from botkit.messages.sanitise import visible
from botkit.plugin import OneShot, UsageError
from botkit.subcommands import run_one_shot
from botkit.version import VERSION

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits: the service manager need not try again."""

EXIT_ONE_SHOT = 3
"""Until a plugin says otherwise a one-shot that could not run is "unknown" to monitoring (Nagios)."""

EXIT_INTERRUPTED = 130

PROGRAM = "bot.py"
"""Its name in usage and errors, unless it was installed as a command."""

HOST_WORDS = ("run", "login", "config", "export", "import", "health")

log = logging.getLogger(__name__)


class _Parser(ArgumentParser):
    """Raises instead of exiting with 2, which monitoring reads as "critical"."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message} (see {self.prog} --help)")


def command() -> int:
    """The installed command ``foci-bot``."""
    return main(sys.argv[1:], os.environ, Path(sys.argv[0]).name)


def main(argv: Sequence[str], environ: Mapping[str, str], program: str = PROGRAM) -> int:
    """
    Run one subcommand; the process's exit code.

    Errors are one line on standard error; their traceback appears only at log level DEBUG.

    Args:
        program: what it is called in usage and errors.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    arguments = list(argv)
    failure = _failure_exit(arguments, ())
    try:
        named = _named_config(arguments, program)
        config, plugins = _configured(named, environ, arguments)
        one_shots = collect_one_shots(plugins, HOST_WORDS)
        failure = _failure_exit(arguments, one_shots)
        namespace = _parser(one_shots, program).parse_args(_with_default_word(arguments))
        return _flushed(_dispatch(namespace, config, plugins, one_shots, program))
    except (ConfigError, UsageError) as error:
        log.debug("refused", exc_info=True)
        return _failed(str(error), failure, program)
    except SystemExit as wanted:
        return _flushed(0 if wanted.code in (None, 0) else failure)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED if failure == EXIT_CONFIG else failure
    except Exception as error:
        if isinstance(error, BrokenPipeError) and failure != EXIT_CONFIG:
            # The reader of the plugin's output has closed the pipe.
            _silence_stdout()
            return failure
        log.debug("crashed", exc_info=True)
        crashed = 1 if failure == EXIT_CONFIG else failure
        return _failed(f"internal error: {type(error).__name__}: {error}", crashed, program)


def _named_config(arguments: Sequence[str], program: str) -> Path | None:
    """The file named by ``--config``, at any position; it is needed before subcommands are known."""
    parser = _Parser(prog=program, add_help=False, allow_abbrev=False)
    parser.add_argument("--config", type=Path)
    named: Path | None = parser.parse_known_args(arguments)[0].config
    return named


def _word(arguments: Sequence[str]) -> str | None:
    """The subcommand as typed, None without one."""
    expects_value = False
    for argument in arguments:
        if expects_value:
            expects_value = False
        elif argument == "--config":
            expects_value = True
        elif not argument.startswith("-"):
            return argument
    return None


def _failure_exit(arguments: Sequence[str], one_shots: Sequence[OneShot]) -> int:
    word = _word(arguments)
    if word is None or word in HOST_WORDS:
        return EXIT_CONFIG
    return next((known.failure_exit for known in one_shots if known.name == word), EXIT_ONE_SHOT)


def _asks_help(arguments: Sequence[str]) -> bool:
    return any(argument in ("-h", "--help", "--version") for argument in arguments)


def _with_default_word(arguments: Sequence[str]) -> list[str]:
    if _word(arguments) is None and not _asks_help(arguments):
        return [*arguments, "run"]
    return list(arguments)


def _configured(
    named: Path | None, environ: Mapping[str, str], arguments: Sequence[str]
) -> tuple[Config, tuple[LoadedPlugin, ...]]:
    try:
        config = load_config(named, environ)
        is_service = _failure_exit(arguments, ()) == EXIT_CONFIG
        configure_logging(config.logging, "INFO" if is_service else "WARNING")
        if is_service:
            file = named if named is not None else (DEFAULT_PATH if DEFAULT_PATH.exists() else None)
            for warning in config_warnings(config, file):
                log.warning("configuration: %s", warning)
        return config, load_plugins(config)
    except ConfigError:
        # Help must work with a broken configuration.
        if not _asks_help(arguments):
            raise
        return Config(), load_plugins(Config())


def _parser(one_shots: Sequence[OneShot], program: str) -> ArgumentParser:
    parser = _Parser(prog=program, allow_abbrev=False, description="A Matrix bot. The default subcommand is run.")
    parser.add_argument("--version", action="version", version=f"foci-bot {VERSION}")
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: config.yaml if it exists")
    words = parser.add_subparsers(dest="word", required=True, metavar="SUBCOMMAND", parser_class=_Parser)
    summaries = {
        "run": "run the bot",
        "login": "log in, cross-sign the device and store the session",
        "config": "validate the configuration and print the effective values, secrets redacted",
        "export": "write the database into a file",
        "import": "read such a file into an empty database",
        "health": "0 if the running bot is well, 1 if not",
    }
    adders: list[tuple[str, str, Callable[[ArgumentParser], None]]] = [
        (name, summary, lambda _: None) for name, summary in summaries.items()
    ]
    adders += [(known.name, known.summary, known.add_arguments) for known in one_shots]
    for name, summary, add_arguments in adders:
        subparser = words.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        subparser.add_argument(
            "--config", type=Path, metavar="FILE", default=SUPPRESS, help="default: config.yaml if it exists"
        )
        add_arguments(subparser)
        if name in ("export", "import"):
            subparser.add_argument("file", type=Path, metavar="FILE")
        if name == "run":
            subparser.add_argument("--standby", action="store_true", help="wait until no other bot runs on the storage")
    return parser


def _dispatch(
    namespace: Namespace,
    config: Config,
    plugins: Sequence[LoadedPlugin],
    one_shots: Sequence[OneShot],
    program: str,
) -> int:
    if namespace.word == "config":
        return _print_config(config, plugins)
    if namespace.word == "health":
        return _health(config, program)
    if namespace.word in ("export", "import"):
        # Imported here: nothing else needs it.
        from botkit.exporting import run_transfer

        return run_transfer(namespace.word, config, plugins, namespace.file, program)
    if namespace.word in HOST_WORDS:
        return _host(namespace, config, plugins, program)
    one_shot = next(known for known in one_shots if known.name == namespace.word)
    return run_one_shot(one_shot, namespace, config)


def _print_config(config: Config, plugins: Sequence[LoadedPlugin]) -> int:
    if config.matrix is not None:
        config.matrix.secret()
    try:
        print(effective(config, {loaded.name: loaded.config for loaded in plugins}), end="")
    except BrokenPipeError:
        _silence_stdout()
    return 0


def _health(config: Config, program: str) -> int:
    if not config.web.enabled:
        raise ConfigError("web.enabled: must be true for health; the running bot answers at web.listen")
    # Imported here: nothing else needs it.
    from botkit.web.health import well

    answer = well(config.web.host, config.web.port)
    return 0 if answer is None else _failed(answer, 1, program)


def _host(namespace: Namespace, config: Config, plugins: Sequence[LoadedPlugin], program: str) -> int:
    if config.matrix is None:
        raise ConfigError("matrix: this section is required; see config.yaml.sample")
    # Imported here: everything else starts faster without a Matrix client.
    from botkit import host

    if namespace.word == "login":
        return asyncio.run(host.login(config, program))
    return asyncio.run(host.run(config, plugins, program, standby=namespace.standby))


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
    return code


def _silence_stdout() -> None:
    """The reader of stdout has closed it; keep the interpreter's final flush from failing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(text: str, code: int, program: str) -> int:
    line = visible(text)
    print((line if line.startswith(program) else f"{program}: {line}")[:1000], file=sys.stderr)
    return code
