"""The gate of ``make coverage``: pure modules and the rest are judged apart, and branches count."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate import Share, judge, module_name, share

PURE, SHELL = "plugins/foci/report/verdict.py", "botkit/host.py"


def summary(lines: int, branches: int = 0, *, of: tuple[int, int] = (100, 0)) -> dict[str, Any]:
    """What coverage's JSON report says of one file."""
    figures = {"covered_lines": lines, "covered_branches": branches, "num_statements": of[0], "num_branches": of[1]}
    return {"summary": figures}


@pytest.mark.parametrize(
    ("pure", "rest", "code"),
    [(95, 85, 0), (94, 85, 1), (95, 84, 1), (100, 100, 0), (94, 100, 1), (100, 84, 1)],
)
def test_each_kind_has_its_own_bar(pure: int, rest: int, code: int) -> None:
    """95 % of the pure modules and 85 % of the rest: one cannot make up for the other."""
    status, lines = judge({PURE: summary(pure), SHELL: summary(rest)})
    assert status == code
    assert any(f"pure modules: {pure}.0 %" in line for line in lines)
    assert any(f"the rest: {rest}.0 %" in line for line in lines)


def test_branches_count_like_lines() -> None:
    """A line that is reached with one outcome of two is half of what it could be."""
    assert share([summary(10, 0, of=(10, 10))["summary"]]) == Share(10, 20)
    assert judge({PURE: summary(10, 0, of=(10, 10)), SHELL: summary(100)})[0] == 1


def test_nothing_measured_is_not_enough() -> None:
    """An empty measurement does not pass for a whole one."""
    assert judge({})[0] == 1
    assert judge({PURE: summary(100)})[0] == 1


def test_the_weakest_are_named_first() -> None:
    """Whoever falls short sees where to begin: the module with the most that is not reached."""
    _, lines = judge({PURE: summary(50), "plugins/foci/changes/diff.py": summary(10), SHELL: summary(100)})
    assert lines[0] == "  plugins/foci/changes/diff.py: 10.0 %, 90 not reached"
    assert lines[1] == "  plugins/foci/report/verdict.py: 50.0 %, 50 not reached"


def test_files_have_the_names_of_their_modules() -> None:
    """A package is its ``__init__``."""
    assert module_name("plugins/foci/__init__.py") == "plugins.foci"
    assert module_name("botkit/matrix/sync/loop.py") == "botkit.matrix.sync.loop"
