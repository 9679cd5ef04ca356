"""``make coverage``: how much of the product the tests reach, branches included, and whether that is enough."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coverage import Coverage

from tests.test_architecture import ROOT, is_pure_module

PURE_AT_LEAST = 95.0
REST_AT_LEAST = 85.0


@dataclass(frozen=True, slots=True)
class Share:
    """Statements and branches that were reached, of those there are."""

    reached: int
    all: int

    @property
    def percent(self) -> float:
        """100 where there is nothing to reach."""
        return 100.0 * self.reached / self.all if self.all else 100.0


def share(summaries: Iterable[Mapping[str, int]]) -> Share:
    """The share of many files together, from their summaries in coverage's JSON report."""
    reached = everything = 0
    for summary in summaries:
        reached += summary["covered_lines"] + summary["covered_branches"]
        everything += summary["num_statements"] + summary["num_branches"]
    return Share(reached, everything)


def judge(files: Mapping[str, Mapping[str, Any]]) -> tuple[int, list[str]]:
    """The exit code, and the lines to print: the weakest modules of each kind, and the figures of both."""
    code, lines = 0, []
    for kind, wanted, is_pure in (("pure modules", PURE_AT_LEAST, True), ("the rest", REST_AT_LEAST, False)):
        own = {name: one["summary"] for name, one in files.items() if is_pure_module(module_name(name)) is is_pure}
        total = share(own.values())
        lines += list(_weak(own, wanted))
        enough = total.percent >= wanted and total.all > 0
        verdict = "enough" if enough else "NOT ENOUGH"
        lines.append(f"{kind}: {total.percent:.1f} % of {total.all} lines and branches, {wanted:g} % wanted: {verdict}")
        code = code if enough else 1
    return code, lines


def _weak(summaries: Mapping[str, Mapping[str, int]], wanted: float) -> Iterator[str]:
    shares = {name: share([summary]) for name, summary in summaries.items()}
    for name, one in sorted(shares.items(), key=lambda item: item[1].reached - item[1].all):
        if one.percent < wanted:
            yield f"  {name}: {one.percent:.1f} %, {one.all - one.reached} not reached"


def module_name(path: str) -> str:
    """The dotted name of a source file of the repository."""
    parts = Path(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def main() -> int:
    """Put the measurements of all processes together and judge them."""
    measured = Coverage()
    measured.combine(keep=False)
    measured.save()
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "coverage.json"
        measured.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    code, lines = judge({str(Path(ROOT / name).relative_to(ROOT)): one for name, one in files.items()})
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
