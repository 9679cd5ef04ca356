"""``make replay``: every trace, what was told, and what the accountant says of it."""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.replay.accountant import audit
from bench.replay.books import Verdict, spread
from bench.replay.chance import by_chance
from bench.replay.runtime import play
from bench.replay.traces import NAMED, Trace
from bench.replay.truth import HOUR

_HEAD = ("trace", "hours", "servers", "checks", "messages", "edits", "due", "false", "missed", "repeated", "strange")
_LATE = ("told after", "end told after")
KINDS = ("false", "missed", "repeated", "strange")


def replayed(traces: Iterable[Trace], seed: int) -> list[Verdict]:
    """Play and audit each; prints one row each and every complaint."""
    print("| " + " | ".join((*_HEAD, *_LATE)) + " |", flush=True)
    print("|" + "---|" * len((*_HEAD, *_LATE)))
    verdicts = []
    for trace in traces:
        truth = trace.truth
        with tempfile.TemporaryDirectory(prefix="foci-replay-") as directory:
            played = play(truth, Path(directory), seed=seed)
        verdict = audit(truth, played.told, trace.terms)
        verdicts.append(verdict)
        figures = (f"{truth.length / HOUR:g}", len(truth.servers), played.checks, verdict.messages, verdict.edits)
        kinds = (verdict.due, *(verdict.count(kind) for kind in KINDS))
        late = (spread(verdict.detected), spread(verdict.resolved))
        print("| " + " | ".join(str(value) for value in (trace.name, *figures, *kinds, *late)) + " |", flush=True)
        for complaint in verdict.complaints:
            print(f"    {complaint}", flush=True)
    return verdicts


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 if the accountant has any complaint."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay")
    parser.add_argument("traces", nargs="*", help=f"of {', '.join(NAMED)}; all without")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--chance", type=int, default=None, help="how many traces by chance; 6 unless some are named")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.traces if name not in NAMED]
    if unknown:
        parser.error(f"no such trace: {', '.join(unknown)}")
    logging.basicConfig(level=logging.ERROR)
    count = options.chance if options.chance is not None else 0 if options.traces else 6
    print(f"seed {options.seed}; times are multiples of the interval, median / most\n", flush=True)
    named = (NAMED[name]() for name in options.traces or (NAMED if options.chance is None else ()))
    verdicts = replayed((*named, *(by_chance(options.seed + turn) for turn in range(count))), options.seed)
    told = sum(verdict.messages for verdict in verdicts)
    sums = [f"{sum(verdict.count(kind) for verdict in verdicts)} {kind}" for kind in KINDS]
    detected = [late for verdict in verdicts for late in verdict.detected]
    print(
        f"\n{len(verdicts)} traces, {told} messages: {', '.join(sums)}; "
        f"{sum(verdict.due for verdict in verdicts)} were due, told after {spread(detected)} intervals (median / most)"
    )
    return 1 if any(verdict.complaints for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
