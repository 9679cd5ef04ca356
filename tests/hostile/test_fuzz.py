"""The fuzzer's harnesses without the fuzzer: its seeds, what it once found, and random bytes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.corpus import dictionary, found, seeds
from fuzz.harness import HARNESSES
from tests.examples import examples

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", HARNESSES)
def test_seeds_and_findings_break_nothing(name: str) -> None:
    """Real documents, hostile strings and every input that broke a harness once."""
    inputs = list(seeds(name))
    assert len(inputs) > 20
    for data in inputs:
        HARNESSES[name].run(data)


@pytest.mark.parametrize("name", HARNESSES)
@settings(max_examples=examples(50), deadline=None)
@given(data=st.binary(max_size=200) | st.text(st.characters(), max_size=60).map(lambda t: t.encode("utf-8", "replace")))
def test_any_bytes_break_nothing(name: str, data: bytes) -> None:
    """A harness takes any bytes; what it raises is a finding."""
    HARNESSES[name].run(data)


def test_shares_make_a_whole() -> None:
    """The weights are thousandths of a million executions."""
    assert sum(harness.share for harness in HARNESSES.values()) == 1_000


def test_the_dictionary_is_in_the_fuzzers_form() -> None:
    """Quoted, every byte escaped, one word a line."""
    assert re.fullmatch(r'(?:"(?:\\x[0-9a-f]{2})+"\n)+', dictionary())


def test_findings_have_a_harness() -> None:
    """No input is kept that nothing reads."""
    kept = {path.parent.name for path in (ROOT / "fuzz" / "found").glob("*/*")}
    assert kept <= {name for name in HARNESSES if found(name)}


def test_a_broken_promise_is_told(tmp_path: Path) -> None:
    """The runner ends with 1 and says which harness failed; here because the fuzzer itself cannot start."""
    stub = tmp_path / "atheris.py"
    stub.write_text("raise SystemExit('no fuzzer today')\n")
    command = [sys.executable, "-m", "fuzz", "target", "--runs", "10"]
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": ""}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "broken: target" in ended.stdout
    assert "no fuzzer today" in ended.stdout
