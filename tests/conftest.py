"""For all tests: what is missing on this machine is named at the end, and in CI (NO_SKIPS=1) it is a failure."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# How long an example takes says more about the machine, and about coverage being measured, than about the product.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def _skipped(terminal: pytest.TerminalReporter) -> set[str]:
    reports = terminal.stats.get("skipped", [])
    return {str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr) for report in reports}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say by name what was skipped and why."""
    for reason in sorted(_skipped(terminalreporter)):
        terminalreporter.write_line(f"SKIPPED: {reason.removeprefix('Skipped: ')}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is supposed to be installed, a skipped test is a failed one."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("NO_SKIPS") and terminal is not None and _skipped(terminal):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
