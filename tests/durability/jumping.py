"""
The bot on a machine whose clock is set: ``python -m tests.durability.jumping FILE`` and what `lab.fast_clock` takes.

FILE holds the seconds by which the time of day is wrong; it is read again whenever anybody asks for the time.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from lab import fast_clock


def main() -> int:
    """The bot, with another ``time.time``; returns its exit status."""
    file, truth = Path(sys.argv[1]), time.time
    time.time = lambda: truth() + float(file.read_text())
    return fast_clock.main(sys.argv[2:], os.environ)


if __name__ == "__main__":
    sys.exit(main())
