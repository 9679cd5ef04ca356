"""Requirements are ranges: what is known to work, up to where it may break."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
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


@pytest.mark.parametrize(("file", "requirement"), ALL, ids=lambda one: str(one))
def test_what_is_tested_lies_within_the_bounds(file: str, requirement: Requirement) -> None:
    """The installed version is one that the file allows; what the tests run here can do without may be missing."""
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        assert file in ("requirements-fuzz.txt", *([] if os.environ.get("NO_SKIPS") else OF_THE_LAB))
        return
    assert requirement.specifier.contains(installed), f"{file} allows {requirement}, installed is {installed}"
