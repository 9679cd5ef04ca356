"""A client of today that finds no focus is never passed over: at least one warning or error stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound.model import FailureKind, Phase
from lab.clients.expectations import SERVER_NAME, read_expectations
from plugins.foci.discovery.homeserver import TransportsAnswer, read_transports
from plugins.foci.discovery.well_known import WellKnownAnswer, read_answer
from plugins.foci.model import Entry, Report, Severity
from plugins.foci.probe.observation import Observation
from plugins.foci.report.clients import CURRENT
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, LIVEKIT, RTC, V4, answered, assembled, failed

DATA = Path(__file__).parents[2] / "data"
SETUPS = read_expectations().setups
NEWER = [[{**LIVEKIT, "type": kind}] for kind in ("m.livekit", "livekit_multi_sfu", "full_mesh")]
PUBLISHED = [one["body"] for one in json.loads((DATA / "wellknown_samples.json").read_text()) if one["body"]]
SERVED = [setup.well_known.value for setup in SETUPS if setup.well_known] + PUBLISHED
BASE_URL = {"m.homeserver": {"base_url": "https://matrix.example.org"}}
NEWER_ONLY = [{**BASE_URL, "org.matrix.msc4143.rtc_foci": listed} for listed in NEWER]
BODIES: list[Any] = [None, b"{", {**BASE_URL, "m.identity_server": {}}, *NEWER_ONLY, *SERVED]
LISTED = [one["body"] for one in json.loads((DATA / "rtc_transports_samples.json").read_text())]
LISTED += [setup.transports.body for setup in SETUPS] + [{"rtc_transports": listed} for listed in NEWER]
ALLOWED = {**ANY_ORIGIN, "access-control-allow-headers": "Authorization"}
UNRECOGNIZED = answered(404, {"errcode": "M_UNRECOGNIZED"}, ANY_ORIGIN)
ENDPOINTS = [UNRECOGNIZED, answered(404, b"<html>", ANY_ORIGIN), answered(401, {"errcode": "M_MISSING_TOKEN"})]
ENDPOINTS += [answered(200, body, {**JSON_TYPE, **ANY_ORIGIN}) for body in LISTED]
SERVICES = [
    answered(400, {"errcode": "M_BAD_JSON"}, ANY_ORIGIN),
    answered(400, {"errcode": "M_BAD_JSON"}),
    answered(429),
    failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT),
]


def served(body: Any, cors: bool) -> WellKnownAnswer:
    if body is None:
        return read_answer(SERVER_NAME, [answered(404)], None)
    return read_answer(SERVER_NAME, [answered(200, body, {**JSON_TYPE, **(ANY_ORIGIN if cors else {})})], None)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """What real documents, endpoints and services come to, in any combination."""
    body = draw(st.sampled_from(NEWER_ONLY) | st.sampled_from(BODIES))
    answer = served(body, draw(st.booleans()))
    copy = served(draw(st.sampled_from(BODIES)), True) if answer.report.base_url else None
    preflight = answered(204, b"", draw(st.sampled_from([ALLOWED, ANY_ORIGIN])))
    endpoint = draw(st.sampled_from(ENDPOINTS))
    if answer.document is not None and draw(st.booleans()):
        same = [entry.value for entry in answer.document.entries]
        endpoint = answered(200, {"rtc_transports": same}, {**JSON_TYPE, **ANY_ORIGIN})
    transports = read_transports(endpoint, UNRECOGNIZED, None, preflight)
    listed = [one.document.entries for one in (answer, copy) if one is not None and one.document is not None]
    entries: list[Entry] = [*(entry for some in listed for entry in some), *(transports.entries or ())]
    urls = {entry.probe_url for entry in entries if entry.probe_url is not None and not entry.probe_url.fault}
    observations = {
        url.text: Observation(url, ("192.0.2.7",), None, 1.0, {V4: draw(st.sampled_from(SERVICES))})
        for url in sorted(urls, key=lambda url: url.text)
    }
    return assembled(answer, transports, base_copy=copy, observations=observations)


@given(reports())
def test_a_current_client_that_finds_no_focus_is_told_of(report: Report) -> None:
    """Where Element Web or Element X finds none, a warning or an error stands, so the server is not "ok"."""
    lost = [row for row in report.clients if row.client in CURRENT and row.finds_focus == "no"]
    if lost:
        assert [found for found in report.findings if found.severity is not Severity.INFO], lost


def test_the_endpoint_may_list_newer_types_alone() -> None:
    """Said with the type to use, beside a well-known without a list too; one `livekit` entry is enough."""
    seen = {RTC: Observation(Entry("well-known", 1, LIVEKIT).probe_url, ("192.0.2.7",), None, 1.0, {V4: SERVICES[0]})}

    def report(listed: list[Any]) -> Report:
        transports: TransportsAnswer = read_transports(
            answered(200, {"rtc_transports": listed}, {**JSON_TYPE, **ANY_ORIGIN}),
            UNRECOGNIZED,
            None,
            answered(204, b"", ALLOWED),
        )
        return assembled(served(BASE_URL, True), transports, observations=seen)

    newer = report(NEWER[0])
    assert [found.code for found in newer.findings] == ["no-livekit-entry", "foci-absent"]
    assert newer.summary == (
        "Element Web and Element X find no focus that answers; whether Element Call 0.28 and later finds one is "
        "unknown; no entry of type `livekit` is listed, the only type that Element Web and Element X can use."
    )
    assert [found.code for found in report([*NEWER[0], LIVEKIT]).findings] == ["foci-absent"]
