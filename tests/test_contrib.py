"""What is contributed for Prometheus and Grafana: checked by Prometheus's own tool, against the documented metrics."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "contrib" / "prometheus" / "foci-bot.rules.yml"
DASHBOARD = ROOT / "contrib" / "grafana" / "foci-bot.json"


@pytest.fixture(scope="module")
def promtool() -> str:
    """Prometheus's tool; where it is not installed the test is skipped by name."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool (of prometheus) is not installed")
    return found


def run(promtool: str, *arguments: str, folder: Path) -> None:
    """It must be content."""
    done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def panels() -> Iterator[dict[str, Any]]:
    """Of the dashboard."""
    yield from json.loads(DASHBOARD.read_text())["panels"]


def expressions() -> list[str]:
    """Of rules and panels, without what Grafana fills in."""
    rules = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    shown = [target["expr"].replace("$__rate_interval", "5m") for panel in panels() for target in panel["targets"]]
    return rules + shown


def test_the_rules_fire_when_they_should(promtool: str) -> None:
    """Each of them on a bot in trouble, none of them on one that is well."""
    run(promtool, "check", "rules", RULES.name, folder=RULES.parent)
    run(promtool, "test", "rules", "foci-bot.test.yml", folder=RULES.parent)
    tested = (RULES.parent / "foci-bot.test.yml").read_text()
    names = re.findall(r"alert: (\w+)", RULES.read_text())
    assert [name for name in names if not re.search(rf"alertname: {name}\n +exp_alerts:\n +- exp_labels", tested)] == []


def test_the_dashboards_expressions_are_valid(promtool: str, tmp_path: Path) -> None:
    """Prometheus understands every panel."""
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run(promtool, "check", "rules", "panels.yml", folder=tmp_path)


def test_only_metrics_that_there_are() -> None:
    """Every name in rules and dashboard is in docs/metrics.md, ``process_*`` aside."""
    documented = set(re.findall(r"`(foci(?:bot)?_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    used = {name for text in expressions() for name in re.findall(r"\bfoci(?:bot)?_\w+", text)}
    assert {re.sub(r"_(count|sum)$", "", name) for name in used} <= documented
    assert len(used) > 10


def test_panels_fill_their_rows_without_overlap() -> None:
    """On the grid of 24 columns."""
    places = [panel["gridPos"] for panel in panels()]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells)) == 24 * (1 + max(y for _, y in cells))
