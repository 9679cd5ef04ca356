"""The JSON form of a report (``docs/report.md``): keys are always present, null where not applicable."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from plugins.foci.model import ClientRow, Finding, FocusReport, Report, StageResult

SCHEMA = 1
"""Raised only if a field were ever renamed or removed."""


def report_to_json(report: Report) -> dict[str, Any]:
    """The report as values for ``json.dumps``; strangers' strings may hold lone surrogates, which it escapes."""
    seen = report.well_known
    return {
        "schema": SCHEMA,
        "target": report.target,
        "server_name": report.server_name,
        "checked_at": _time(report.checked_at),
        "elapsed_ms": _ms(report.elapsed_ms),
        "verdict": report.verdict.value,
        "summary": report.summary,
        "well_known": {
            "url": seen.url,
            "final_url": seen.final_url,
            "redirects": list(seen.redirects),
            "outcome": seen.outcome,
            "http_status": seen.http_status,
            "spec_action": seen.spec_action,
            "base_url": seen.base_url,
            "cors": seen.cors,
            "elapsed_ms": _ms(seen.elapsed_ms),
        },
        "keys_found": list(report.keys_found),
        "key_used": report.key_used,
        "foci": [_focus(focus) for focus in report.foci],
        "transports": {
            "endpoint": report.transports.endpoint,
            "list": None if report.transports.entries is None else list(report.transports.entries),
        },
        "clients": [_client(row) for row in report.clients],
        "findings": [_finding(found) for found in report.findings],
        "remembered": [{"what": one.what, "focus": one.focus, "age_s": round(one.age, 1)} for one in report.remembered],
    }


def _focus(focus: FocusReport) -> dict[str, Any]:
    entry = focus.entry
    return {
        "source": entry.source,
        "position": entry.position,
        "type": entry.type,
        "family": "livekit" if entry.is_livekit else "other",
        "service_url": entry.service_url,
        "fields": entry.value,
        "verdict": focus.verdict.value,
        "deepest_stage": focus.deepest_stage.value if focus.deepest_stage is not None else None,
        "stages": [_stage(result) for result in focus.stages],
    }


def _stage(result: StageResult) -> dict[str, Any]:
    return {
        "stage": result.stage.value,
        "outcome": result.outcome.value,
        "elapsed_ms": _ms(result.elapsed_ms),
        "detail": result.detail,
    }


def _client(row: ClientRow) -> dict[str, Any]:
    return {
        "client": row.client,
        "name": row.name,
        "uses_focus": row.uses_focus,
        "finds_focus": row.finds_focus,
        "reason": row.reason,
    }


def _finding(found: Finding) -> dict[str, Any]:
    advice = found.advice if found.snippet is None else f"{found.advice} {found.snippet}"
    return {
        "code": found.code,
        "severity": found.severity.value,
        "focus": found.focus,
        "message": found.message,
        "advice": advice,
    }


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
