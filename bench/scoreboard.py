"""
Faults side by side: foci-bot, testmatrix and prometheus-blackbox-exporter on the same broken servers.

``make scoreboard`` prints one line per fault and rewrites docs/evidence/scoreboard.md. Everything happens on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import contestants
from bench.faults import SETBACKS, Setback
from bench.mark import RULE, Mark, Run, judge
from bench.stage import ADDRESS, Stage
from botkit.version import VERSION

DOCUMENT = contestants.ROOT / "docs" / "evidence" / "scoreboard.md"
_MAX_SAID = 110
Tool = contestants.FociBot | contestants.TestMatrix | contestants.Blackbox


@dataclass(frozen=True, slots=True)
class Score:
    """One tool on one fault: its mark, what decided it, and how long it took (seconds)."""

    mark: Mark
    said: str
    status: int | None
    seconds: float


async def measure(setback: Setback, tools: Sequence[Tool], directory: Path) -> list[Score]:
    """Every tool in turn, each on a stage of its own that is broken in the same way."""
    scores = []
    for tool in tools:
        with tempfile.TemporaryDirectory(dir=directory) as place:
            async with Stage(Path(place)) as stage:
                await setback.scene(stage)
                if tool.name in setback.excused:
                    scores.append(Score(Mark.NOT_IN_SCOPE, "", None, 0.0))
                    continue
                run = await tool.run(stage)
        cause = setback.findings if isinstance(tool, contestants.FociBot) else setback.words
        scores.append(_score(run, cause))
    return scores


def _score(run: Run, cause: str | None) -> Score:
    mark, said = judge(run, cause)
    return Score(mark, said, run.status, run.seconds)


def render(rows: Sequence[tuple[Setback, Sequence[Score]]], names: Sequence[str], versions: Sequence[str]) -> str:
    """The whole of docs/evidence/scoreboard.md."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    parts = [
        _HEAD.format(date=today, versions="\n".join(f"- {line}" for line in versions)),
        _table(["fault", "what is broken", *names], [_marks(setback, scores) for setback, scores in rows]),
        "\n## Totals\n",
        _table(["mark", *names], _totals(rows)),
        _JUDGING.format(rule=RULE.format(patience=contestants.PATIENCE)),
        _table(["fault", "tool", "mark", "exit", "s", "said"], _evidence(rows, names)),
    ]
    return "\n".join(parts)


def _marks(setback: Setback, scores: Sequence[Score]) -> list[str]:
    return [f"`{setback.name}`", setback.what, *(_emphasised(score.mark) for score in scores)]


def _emphasised(mark: Mark) -> str:
    return f"**{mark}**" if mark is Mark.RIGHT else str(mark)


def _totals(rows: Sequence[tuple[Setback, Sequence[Score]]]) -> list[list[str]]:
    counts = [Counter(score.mark for score in column) for column in zip(*(scores for _, scores in rows), strict=True)]
    return [[str(mark), *(str(count[mark]) for count in counts)] for mark in Mark]


def _evidence(rows: Sequence[tuple[Setback, Sequence[Score]]], names: Sequence[str]) -> list[list[str]]:
    return [
        [f"`{setback.name}`", name, str(score.mark), _exit(score), f"{score.seconds:.1f}", _quoted(score.said)]
        for setback, scores in rows
        for name, score in zip(names, scores, strict=True)
        if score.mark not in (Mark.RIGHT, Mark.NOT_IN_SCOPE)
    ]


def _exit(score: Score) -> str:
    return "-" if score.status is None else str(score.status)


def _quoted(said: str) -> str:
    if not said:
        return ""
    line = contestants.bare(" ".join(said.split())).replace("`", "'").replace("|", "¦")
    return f"`{line[:_MAX_SAID]}{'…' if len(line) > _MAX_SAID else ''}`"


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


_HEAD = """\
# Scoreboard

How three tools judge the same broken servers, measured on {date}. `make scoreboard` repeats it and rewrites this page:
real TLS on loopback, one fault at a time, a fresh set of servers for every tool.

{versions}

testmatrix comes from PyPI and is not a dependency. It was run without a token, as on someone else's server; with one it
also exchanges it, and it tests federation too. The exporter is Debian's `prometheus-blackbox-exporter`, run with
[bench/blackbox.yml](../../bench/blackbox.yml) and the URLs of the healthy server; it monitors anything that has a URL.
"""
_JUDGING = """
## How it was judged

{rule}
The faults, their expressions and what each tool is excused from are in [bench/faults.py](../../bench/faults.py). We
chose them, from what is reported in the field, and they favour a tool that reads foci lists.

## What was said where the mark is not "right"

`make scoreboard FAULTS="no-list duplicate"` prints all three outputs for some faults. Addresses and times are left out.
"exit" is the exit status; the exporter has none, so 0 is a run that ended.
"""


def _tools(directory: Path, testmatrix: Path) -> list[Tool]:
    blackbox = contestants.installed("prometheus-blackbox-exporter") or contestants.installed("blackbox_exporter")
    if not testmatrix.exists():
        raise SystemExit(f"{testmatrix} is missing: `make scoreboard` installs it")
    if blackbox is None:
        raise SystemExit("prometheus-blackbox-exporter is missing: apt-get install prometheus-blackbox-exporter")
    return [
        contestants.FociBot(directory),
        contestants.TestMatrix(testmatrix),
        contestants.Blackbox(blackbox, directory),
    ]


def _versions(testmatrix: Path, blackbox: str) -> list[str]:
    python = testmatrix.with_name("python")
    asked = "import importlib.metadata as m; print(m.version('testmatrix'), 'with requests', m.version('requests'))"
    return [
        f"foci-bot {VERSION}, Python {platform.python_version()}",
        f"testmatrix {contestants.version_of([str(python), '-c', asked])}",
        contestants.version_of([blackbox, "--version"]).partition(" (")[0].replace(", version", ""),
    ]


async def run(testmatrix: Path, chosen: Sequence[str]) -> int:
    """Measure, print, and write the page unless only some faults were chosen."""
    with tempfile.TemporaryDirectory() as place:
        tools = _tools(Path(place), testmatrix)
        names = [tool.name for tool in tools]
        rows = []
        for setback in SETBACKS:
            if chosen and setback.name not in chosen and setback is not SETBACKS[0]:
                continue
            scores = await measure(setback, tools, Path(place))
            rows.append((setback, scores))
            told = "  ".join(f"{name}: {score.mark:<13}" for name, score in zip(names, scores, strict=True))
            print(f"{setback.name:<22} {told}", flush=True)
            if chosen:
                print("\n".join(f"    {name}: {score.said}" for name, score in zip(names, scores, strict=True)))
        for mark, *counts in _totals(rows):
            print(f"{mark:<22} " + "  ".join(f"{name}: {n:<13}" for name, n in zip(names, counts, strict=True)))
        if not chosen:
            versions = _versions(testmatrix, "prometheus-blackbox-exporter")
            DOCUMENT.write_text(render(rows, names, versions) + "\n")
    return 0


def main() -> int:
    """``python -m bench.scoreboard [--testmatrix PROGRAM] [FAULT...]``."""
    parser = argparse.ArgumentParser(description=f"Runs three tools on broken servers at {ADDRESS}.")
    parser.add_argument("--testmatrix", type=Path, default=contestants.ROOT / ".venv-bench" / "bin" / "testmatrix")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="only these; nothing is written then")
    arguments = parser.parse_args()
    return asyncio.run(run(arguments.testmatrix, arguments.faults))


if __name__ == "__main__":
    sys.exit(main())
