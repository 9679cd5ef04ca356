"""``make audit`` never calls well what was not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / ".ci" / "audit.py"
SOUND = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": []}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (3)"}


def audit(text: str) -> tuple[int, str]:
    """The exit code and what is printed for what pip-audit wrote."""
    done = subprocess.run([sys.executable, str(SCRIPT)], input=text, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([SOUND, SOUND], 0, "2 packages audited, 0 known vulnerabilities."),
        ([SOUND, BAD], 1, "b 2: PYSEC-1, mended in 2.1"),
        ([SOUND, SKIPPED], 69, "NOT AUDITED: 1 of 2 packages"),
        ([BAD, SKIPPED], 1, "NOT AUDITED: 1 of 2 packages"),
        ([], 69, "NOT AUDITED: 0 of 0 packages"),
    ],
)
def test_the_exit_code_says_what_was_audited(packages: list[Any], code: int, said: str) -> None:
    """0 is for every package looked at and nothing found; a skipped one is a code of its own."""
    status, output = audit(json.dumps({"dependencies": packages, "fixes": []}))
    assert status == code
    assert said in output


@pytest.mark.parametrize("text", ["", "Traceback", "[]", "{}"])
def test_no_report_is_no_audit(text: str) -> None:
    """When pip-audit itself fails, that is said too."""
    status, output = audit(text)
    assert status == 69
    assert output.startswith("NOT AUDITED: pip-audit gave no report")
