"""The packages of real clients: exact versions, those of the table, from wherever npm is told to look."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lab.clients.expectations import FILE, read_expectations

PACKAGES = json.loads(FILE.with_name("package.json").read_text())["dependencies"]
LOCK = json.loads(FILE.with_name("package-lock.json").read_text())
ROOT = Path(__file__).resolve().parent.parent.parent.parent


def test_versions_are_exact() -> None:
    """What is run is what the table was measured with, to the last digit."""
    assert all(
        re.fullmatch(r"(npm:@element-hq/element-call-embedded@)?\d+\.\d+\.\d+", one) for one in PACKAGES.values()
    )


def test_every_version_of_the_table_is_there() -> None:
    """Each version of Element Call that the table names is a package, under that name, and no other is."""
    versions = {version for client in read_expectations().clients for version in client.versions}
    element_call = {name: wanted for name, wanted in PACKAGES.items() if name.startswith("element-call-")}
    assert element_call == {f"element-call-{one}": f"npm:@element-hq/element-call-embedded@{one}" for one in versions}


def test_the_lock_has_hashes_and_no_addresses() -> None:
    """Every package is pinned by its hash; where it comes from is for npm's configuration to say."""
    packages = {name: one for name, one in LOCK["packages"].items() if name}
    assert LOCK["packages"][""]["dependencies"] == PACKAGES
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert not any("resolved" in one for one in packages.values())


def test_every_package_has_its_reason() -> None:
    """What ``package.json`` asks for stands in docs/dependencies.md."""
    page = (ROOT / "docs" / "dependencies.md").read_text()
    names = {wanted.removeprefix("npm:").rpartition("@")[0] or name for name, wanted in PACKAGES.items()}
    assert "@element-hq/element-call-embedded" in names
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
