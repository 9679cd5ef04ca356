"""
``python -m fuzz``: every harness in a process of its own under atheris, two side by side.

Prints how many executions each had, and ends with 1 when one of them found something; the input is kept in
``fuzz/found``, where the tests look as well.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fuzz.corpus import FOUND, dictionary, seeds
from fuzz.harness import HARNESSES

MILLION = 1_000_000
_LONGEST_INPUT = 4_096
_SECONDS_PER_INPUT = 20
_MEGABYTES = 1_024


def main() -> int:
    """Run all harnesses, or those named."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("harness", nargs="*", choices=[[], *HARNESSES], help="all if none is named")
    parser.add_argument("--runs", type=int, default=MILLION, help="executions in all, shared out by weight")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes side by side")
    arguments = parser.parse_args()
    names = arguments.harness or list(HARNESSES)
    whole = sum(HARNESSES[name].share for name in names)
    started = time.monotonic()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        shares = [max(1, arguments.runs * HARNESSES[name].share // whole) for name in names]
        results = list(pool.map(_fuzz, names, shares))
    total = sum(runs for runs, _ in results)
    broken = [name for name, (_, ok) in zip(names, results, strict=True) if not ok]
    verdict = f"broken: {', '.join(broken)}" if broken else "without a crash"
    print(f"{total:,} executions in {time.monotonic() - started:.0f} s, {verdict}")
    return 1 if broken else 0


def _fuzz(name: str, runs: int) -> tuple[int, bool]:
    """Executions, and whether none of them failed; what failed is kept and named."""
    with tempfile.TemporaryDirectory() as scratch:
        corpus, words = Path(scratch, "corpus"), Path(scratch, "words")
        corpus.mkdir()
        words.write_text(dictionary())
        for number, seed in enumerate(seeds(name)):
            Path(corpus, f"seed-{number}").write_bytes(seed)
        command = [sys.executable, "-m", "fuzz.atheris_run", name, str(corpus), f"-dict={words}", f"-runs={runs}"]
        command += [f"-max_len={_LONGEST_INPUT}", f"-timeout={_SECONDS_PER_INPUT}", f"-rss_limit_mb={_MEGABYTES}"]
        (FOUND / name).mkdir(parents=True, exist_ok=True)
        command += ["-print_final_stats=1", f"-artifact_prefix={FOUND / name}/"]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if not any((FOUND / name).iterdir()):
            (FOUND / name).rmdir()
    counted = re.search(r"stat::number_of_executed_units:\s*(\d+)", ended.stderr)
    done = int(counted[1]) if counted else 0
    print(f"{name:12} {done:>9,} executions  {'ok' if ended.returncode == 0 else 'FAILED'}", flush=True)
    if ended.returncode != 0:
        print(ended.stdout[-4_000:] + ended.stderr[-1_000:], flush=True)
    return done, ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
