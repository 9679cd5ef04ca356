"""What a watch holds between its checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MOST = 9_700
"""Bytes a watch where few are watched: caches that are bounded by number, libraries' too, still grow then."""


def test_a_watch_holds_few_bytes_between_its_checks() -> None:
    """In a process of its own, as measuring what tests reach allocates as well."""
    counted = subprocess.run([sys.executable, "-m", "tests.watch.memory"], cwd=ROOT, capture_output=True, check=True)
    assert 1024 < int(counted.stdout) < MOST
