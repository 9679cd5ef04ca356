"""``bot.py check``: a report on the terminal, with the exit code of a Nagios plugin."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from botkit.identifiers import server_of
from botkit.messages.document import line as marked_line
from botkit.messages.rendering import to_plain
from botkit.plugin import OneShot, OneShotContext, UsageError
from plugins.foci.checker import Checker
from plugins.foci.discovery.target import Target, TargetError, parse_target
from plugins.foci.findings import CODES
from plugins.foci.model import EXIT_CODES, Report, Verdict
from plugins.foci.report.as_json import report_to_json
from plugins.foci.report.build import CheckSettings
from plugins.foci.report.render import to_details

_ASCII = {
    "✅": "[ok]",
    "⚠️": "[warning]",
    "❌": "[error]",
    "❔": "[unknown]",
    "▫️": "[not probed]",
    "ℹ️": "[info]",
    "…": "...",
}
_PARALLEL = 8


def check_command(settings_for: Callable[[float], CheckSettings], now: Callable[[], datetime]) -> OneShot:
    """The ``check`` subcommand; ``settings_for`` takes ``network.timeout`` in seconds."""

    async def run(arguments: argparse.Namespace, context: OneShotContext) -> int:
        return await _run(arguments, context, settings_for(min(context.limits.timeout, context.limits.deadline)), now)

    unknown = EXIT_CODES[Verdict.UNKNOWN]
    return OneShot(
        "check",
        "check servers once and exit with a Nagios status",
        unknown,
        _add_arguments,
        _validate,
        _needs_account,
        run,
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="user id, server name, or a link to a user")
    parser.add_argument("--deep", action="store_true", help="also test token, signalling and media (needs an account)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--ignore", action="append", default=[], metavar="CODE", help="omit a finding")
    parser.add_argument("--ascii", action="store_true", help="print ASCII only")


def _validate(arguments: argparse.Namespace, has_account: bool) -> None:
    if arguments.deep and not has_account:
        raise UsageError("--deep needs an account: set matrix in the config (with a password also run login once)")
    for code in arguments.ignore:
        if code not in CODES:
            raise UsageError(f"--ignore {code}: unknown finding code (see docs/findings.md)")
    _targets(arguments)


def _needs_account(arguments: argparse.Namespace, user_id: str) -> bool:
    """Only the account's own homeserver lists its transports to it; nothing else is asked with a token."""
    if arguments.deep:
        return True
    try:
        targets = _targets(arguments)
    except UsageError:
        return False
    return any(target.server_name == server_of(user_id) for target in targets)


def _targets(arguments: argparse.Namespace) -> list[Target]:
    try:
        return [parse_target(text) for text in arguments.targets]
    except TargetError as error:
        raise UsageError(str(error)) from None


async def _run(
    arguments: argparse.Namespace, context: OneShotContext, settings: CheckSettings, now: Callable[[], datetime]
) -> int:
    settings = replace(settings, ignore=settings.ignore | set(arguments.ignore))
    checker = Checker(context.outbound, context.account, context.limits, settings, now)
    gate = asyncio.Semaphore(_PARALLEL)

    async def one(target: Target) -> Report:
        async with gate:
            return (await checker.check(target, deep=arguments.deep)).report

    reports = await asyncio.gather(*(one(target) for target in _targets(arguments)))
    sys.stdout.write(_json(reports) if arguments.json else _text(reports, ascii_only=arguments.ascii))
    return EXIT_CODES[min((report.verdict for report in reports), key=lambda one: one.rank)]


def _json(reports: Sequence[Report]) -> str:
    values = [report_to_json(report) for report in reports]
    return json.dumps(values[0] if len(values) == 1 else values, indent=2) + "\n"


def _text(reports: Sequence[Report], *, ascii_only: bool) -> str:
    text = "\n".join(_one_text(report) for report in reports)
    if ascii_only:
        for sign, words in _ASCII.items():
            text = text.replace(sign, words)
        text = text.encode("ascii", "backslashreplace").decode("ascii")
    return text.encode("utf-8", "replace").decode("utf-8")


def _one_text(report: Report) -> str:
    """First line as monitoring systems expect it: no ``|``, which would start performance data."""
    line = f"{report.verdict.value.upper()} - {report.server_name}: {report.summary}"
    first = to_plain(marked_line(line))
    return f"{first}\n{to_plain(to_details(report))}\n".replace("|", "/")
