"""The JSON report keeps its contract: every key, always, with values of the kinds that are written down."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lab.fault import Fault
from lab.federation import Federation
from lab.homeserver import Transports
from plugins.foci.findings import CODES
from plugins.foci.model import Report
from plugins.foci.report.as_json import report_to_json
from tests.foci import scenes
from tests.foci.examination import Examination
from tests.foci.scenes import ENTRY, NAME, OTHER_ENTRY, Scene
from tests.outbound.standins import NameTable

STAGES = ["address", "connect", "tls", "http", "authorisation"]
CLIENTS = [
    "element-web",
    "element-x",
    "element-call-0.28",
    "element-call-0.24",
    "element-call-0.19",
    "element-call-0.16",
]
MESH = {"type": "full_mesh", "deep": {"kept": [1, None, "ü\ud800"]}}

SCENES: dict[str, Scene] = {
    "healthy": scenes.focus(),
    "broken": scenes.broken_focus(Fault.TLS_EXPIRED),
    "no answer": scenes.broken_well_known(Fault.REFUSED),
    "absent": scenes.broken_well_known(Fault.ABSENT),
    "redirected": scenes.broken_well_known(Fault.REDIRECT_WITHOUT_CORS),
    "odd entries": scenes.entries(7, None, [], {}, MESH, ENTRY),
    "open endpoint": scenes.entries(ENTRY, transports=Transports.OPEN, transports_list=[OTHER_ENTRY, ENTRY, 7]),
    "empty endpoint": scenes.entries(ENTRY, transports=Transports.OPEN_WITHOUT_KEY),
    "sfu": scenes.sfu("wss://sfu.example.org"),
}


async def _checked(scene: Scene, federation: Federation, names: NameTable, examination: Examination) -> Report:
    await scene(federation, names)
    return await examination(f"@alice:{NAME}")


def _is(value: Any, *kinds: type) -> bool:
    return any(type(value) is kind for kind in kinds)


NULL = type(None)


@pytest.mark.parametrize("scene", SCENES)
async def test_the_contract(scene: str, federation: Federation, names: NameTable, examination: Examination) -> None:
    """Keys are always there, null where they do not apply, and values come from the contract's words."""
    report = json.loads(json.dumps(report_to_json(await _checked(SCENES[scene], federation, names, examination))))
    assert list(report) == [
        "schema",
        "target",
        "server_name",
        "checked_at",
        "elapsed_ms",
        "verdict",
        "summary",
        "well_known",
        "keys_found",
        "key_used",
        "foci",
        "transports",
        "clients",
        "findings",
        "remembered",
    ]
    assert report["remembered"] == []
    assert (report["schema"], report["target"], report["server_name"]) == (1, "@alice:example.org", "example.org")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report["checked_at"])
    assert report["elapsed_ms"] > 0
    assert report["verdict"] in ("ok", "warning", "critical", "unknown")
    assert report["summary"].endswith(".")
    _well_known(report["well_known"])
    assert report["key_used"] == (report["keys_found"][0] if report["keys_found"] else None)
    for focus in report["foci"]:
        _focus(focus)
    assert set(report["transports"]) == {"endpoint", "list"}
    assert report["transports"]["endpoint"] in ("present", "open", "absent", "unknown")
    assert _is(report["transports"]["list"], list, NULL)
    assert [row["client"] for row in report["clients"]] == CLIENTS
    for row in report["clients"]:
        _client(row, len(report["foci"]))
    for found in report["findings"]:
        _finding(found, len(report["foci"]))


def _well_known(seen: dict[str, Any]) -> None:
    assert set(seen) == {
        "url",
        "final_url",
        "redirects",
        "outcome",
        "http_status",
        "spec_action",
        "base_url",
        "cors",
        "elapsed_ms",
    }
    assert seen["url"] == "https://example.org/.well-known/matrix/client"
    assert seen["final_url"] == (seen["redirects"] or [seen["url"]])[-1]
    assert seen["outcome"] in ("ok", "absent", "failed")
    assert _is(seen["http_status"], int, NULL)
    assert seen["spec_action"] in ("OK", "IGNORE", "FAIL_PROMPT", "FAIL_ERROR", None)
    assert (seen["spec_action"] is None) is (seen["http_status"] is None)
    assert _is(seen["base_url"], str, NULL)
    assert _is(seen["cors"], bool, NULL)
    assert _is(seen["elapsed_ms"], float)


def _focus(focus: dict[str, Any]) -> None:
    assert set(focus) == {
        "source",
        "position",
        "type",
        "family",
        "service_url",
        "fields",
        "verdict",
        "deepest_stage",
        "stages",
    }
    assert focus["source"] in ("well-known", "transports")
    assert focus["position"] >= 1
    assert focus["family"] in ("livekit", "other")
    assert focus["verdict"] in ("ok", "warning", "critical", "unknown", "not-probed")
    assert [stage["stage"] for stage in focus["stages"]] == STAGES
    for stage in focus["stages"]:
        assert set(stage) == {"stage", "outcome", "elapsed_ms", "detail"}
        assert stage["outcome"] in ("ok", "failed", "skipped")
        assert (stage["elapsed_ms"] is None) is (stage["outcome"] == "skipped")
        assert "\n" not in stage["detail"]
    passed = [stage["stage"] for stage in focus["stages"] if stage["outcome"] == "ok"]
    assert focus["deepest_stage"] == (passed[-1] if passed else None)
    if not isinstance(focus["fields"], dict):
        assert focus["type"] is None


def _client(row: dict[str, Any], foci: int) -> None:
    assert set(row) == {"client", "name", "uses_focus", "finds_focus", "reason"}
    assert row["uses_focus"] is None or 1 <= row["uses_focus"] <= foci
    assert row["finds_focus"] in ("yes", "no", "unknown")
    assert row["reason"]


def _finding(found: dict[str, Any], foci: int) -> None:
    assert set(found) == {"code", "severity", "focus", "message", "advice"}
    assert found["code"] in CODES
    assert found["severity"] in ("error", "warning", "info")
    assert found["focus"] is None or 1 <= found["focus"] <= foci
    assert found["message"]
    assert found["advice"]


async def test_entries_are_verbatim(federation: Federation, names: NameTable, examination: Examination) -> None:
    """Whatever was published as an entry is in its fields, in order, positions from one; the type only if it is one."""
    report = await _checked(SCENES["odd entries"], federation, names, examination)
    foci = report_to_json(report)["foci"]
    assert [focus["fields"] for focus in foci] == [7, None, [], {}, MESH, ENTRY]
    assert [focus["position"] for focus in foci] == [1, 2, 3, 4, 5, 6]
    assert [focus["type"] for focus in foci] == [None, None, None, None, "full_mesh", "livekit"]
    assert [focus["family"] for focus in foci] == ["other"] * 5 + ["livekit"]
    assert [focus["service_url"] for focus in foci] == [None] * 5 + [ENTRY["livekit_service_url"]]


async def test_positions_are_counted_per_source(
    federation: Federation, names: NameTable, examination: Examination
) -> None:
    """Entries of the endpoint follow those of the well-known, none twice, with the positions of their own list."""
    report = await _checked(SCENES["open endpoint"], federation, names, examination)
    told = report_to_json(report)
    assert [(focus["source"], focus["position"], focus["fields"]) for focus in told["foci"]] == [
        ("well-known", 1, ENTRY),
        ("transports", 1, OTHER_ENTRY),
        ("transports", 3, 7),
    ]
    assert told["transports"] == {"endpoint": "open", "list": [OTHER_ENTRY, ENTRY, 7]}


async def test_a_snippet_is_part_of_the_advice(
    federation: Federation, names: NameTable, examination: Examination
) -> None:
    """The JSON to publish is in the report too, within the advice."""
    report = await _checked(SCENES["absent"], federation, names, examination)
    (found,) = report_to_json(report)["findings"]
    snippet = json.loads(found["advice"][found["advice"].index("{") :])
    assert "org.matrix.msc4143.rtc_foci" in snippet
