"""The table of expectations says what it says, and says it of clients and foci that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.clients.expectations import FILE, MISSING_TRANSPORT, Mode, read_expectations

ROWS = ("element-web", "element-x", "element-call-0.24", "element-call-0.19", "element-call-0.16")


def test_the_table_has_every_measured_row() -> None:
    """Current clients come first; every client was run in every set-up."""
    table = read_expectations()
    assert table.rows == ROWS
    assert len({setup.name for setup in table.setups}) == len(table.setups) >= 18
    assert all(setup.expected.keys() == {client.id for client in table.clients} for setup in table.setups)
    assert {version for client in table.clients for version in client.versions} >= {
        "0.16.1",
        "0.19.1",
        "0.22.0",
        "0.26.1",
    }
    assert {client.mode for client in table.clients} == set(Mode)


def test_published_services_are_declared() -> None:
    """Every focus that a list of a set-up names is one of its services, and every service is named."""
    for setup in read_expectations().setups:
        lists = [setup.well_known, setup.base_url_well_known]
        published = json.dumps([None if one is None else one.value for one in lists] + [setup.transports.body])
        assert {service.url for service in setup.services.values()} == {
            text for text in json.loads(f"[{','.join(_strings(published))}]") if "//" in text and "example.net" in text
        }


def _strings(text: str) -> list[str]:
    return [f'"{part}"' for part in text.split('"')[1::2]]


@pytest.mark.parametrize("expected", [{"element-web": "Z"}, {"netscape": "A"}])
def test_a_word_that_means_nothing_is_refused(tmp_path: Path, expected: dict[str, str]) -> None:
    """A slip of the pen in an expectation is found when it is read."""
    table = json.loads(FILE.read_text())
    assert table["setups"][0]["expected"]["element-call-0.24"] == MISSING_TRANSPORT
    table["setups"][0]["expected"] = expected
    (tmp_path / "table.json").write_text(json.dumps(table))
    with pytest.raises(ValueError, match="well-known"):
        read_expectations(tmp_path / "table.json")
