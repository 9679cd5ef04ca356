"""How a tool's run on a fault is judged. The same rule for every tool; docs/evidence/scoreboard.md prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

RULE = """\
1. *crash*: it ended with a traceback or by a signal, and had not named the cause before. *hang*: it had to be stopped
   after {patience:g} seconds.
2. *alarm* means: foci-bot exits with another status than 0; testmatrix, whose exit status is always 0, prints a line
   that it did not print for the healthy server and that carries `𐄂` or one of the words error, fail, BAD, Fishy,
   "no valid", "No MatrixRTC"; the exporter reports `probe_success 0` for one of its URLs, or a certificate that ends
   within 14 days.
3. With an alarm it is *right* if the output also names the cause: for foci-bot the finding of that cause, for the
   other two an expression that each fault carries (`bench/faults.py`), matched against the lines of the alarm; of the
   exporter those are all that the log of a failed probe says beyond its routine. What is generous there is meant so: a
   status code counts as the cause wherever the fault is that status.
4. With an alarm and without the cause it is *noticed*; without an alarm *unnoticed*.
5. Where there is no fault, silence is *right* and an alarm is a *false alarm*.
6. *not in scope* was settled beforehand, by what a tool sets out to do: the exporter watches URLs that somebody gave
   it and reads no list, so it is excused from what stands in the list; testmatrix asks for the transports endpoint
   only with a token, and says so.
"""
_ALARMING = re.compile(r"𐄂|\berror|\bfail|\bBAD\b|Fishy|no valid|No MatrixRTC", re.IGNORECASE)


class Mark(StrEnum):
    """What a run is worth."""

    RIGHT = "right"
    NOTICED = "noticed"
    UNNOTICED = "unnoticed"
    FALSE_ALARM = "false alarm"
    CRASH = "crash"
    HANG = "hang"
    NOT_IN_SCOPE = "not in scope"


@dataclass(frozen=True, slots=True)
class Run:
    """
    What came of one run of one tool.

    Attributes:
        status: the exit status; None when it had to be stopped.
        alarms: the lines (or findings) that say that something is wrong.
        seconds: wall time.
        crash: the last line of a traceback, or what else ended it before its time; empty otherwise.
    """

    status: int | None
    alarms: tuple[str, ...]
    seconds: float
    crash: str = ""


def judge(run: Run, cause: str | None) -> tuple[Mark, str]:
    """
    The mark of a run, and the line that decided it.

    Args:
        run: what happened.
        cause: a regular expression for what names the cause; None where there is no fault.
    """
    if run.status is None:
        return Mark.HANG, f"stopped after {run.seconds:.0f} s"
    naming = [line for line in run.alarms if cause is not None and re.search(cause, line, re.IGNORECASE)]
    if naming:
        return Mark.RIGHT, naming[0] + (f" (then {run.crash})" if run.crash else "")
    if run.crash:
        return Mark.CRASH, run.crash
    if cause is None:
        return (Mark.FALSE_ALARM, run.alarms[0]) if run.alarms else (Mark.RIGHT, "")
    return (Mark.NOTICED, run.alarms[0]) if run.alarms else (Mark.UNNOTICED, "")


def alarming(line: str) -> bool:
    """Whether a line of testmatrix says that something is wrong."""
    return not line.startswith("✔") and _ALARMING.search(line) is not None
