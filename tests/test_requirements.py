"""Requirements are ranges: what is known to work, up to where it may break."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


def _requirements() -> Iterator[tuple[str, Requirement]]:
    for path in sorted(ROOT.glob("requirements*.txt")):
        for line in path.read_text().splitlines():
            bare = line.partition("#")[0].strip()
            if bare and not bare.startswith("-r "):
                yield path.name, Requirement(bare)


OF_THE_LAB = ("requirements-lab.txt", "requirements-media.txt")
ALL = list(_requirements())


def test_the_files_are_read() -> None:
    """The rules below see every file and the first and last line of the longest."""
    assert len({name for name, _ in ALL}) == len(list(ROOT.glob("requirements*.txt")))
    assert {"matrix-nio", "publicsuffixlist", "ruff", "matrix-synapse"} <= {one.name for _, one in ALL}


@pytest.mark.parametrize(("file", "requirement"), ALL, ids=lambda one: str(one))
def test_a_requirement_has_both_bounds(file: str, requirement: Requirement) -> None:
    """A lower bound from which it works, and an upper one that lets no unknown release in."""
    operators = sorted(one.operator for one in requirement.specifier)
    assert operators == ["<", ">="], file
    assert requirement.url is None


def _assert_within_bounds(file: str, requirement: Requirement) -> None:
    installed = version(requirement.name)
    assert requirement.specifier.contains(installed), f"{file} allows {requirement}, installed is {installed}"


@pytest.mark.parametrize(
    ("file", "requirement"), [one for one in ALL if one[0] in ("requirements.txt", "requirements-dev.txt")], ids=str
)
def test_what_is_tested_lies_within_the_bounds(file: str, requirement: Requirement) -> None:
    """The installed version is one that the file allows."""
    _assert_within_bounds(file, requirement)


@pytest.mark.system
@pytest.mark.parametrize(("file", "requirement"), [one for one in ALL if one[0] in OF_THE_LAB], ids=str)
def test_what_the_lab_runs_lies_within_the_bounds(file: str, requirement: Requirement) -> None:
    """The same of what `make lab` installs."""
    _assert_within_bounds(file, requirement)
