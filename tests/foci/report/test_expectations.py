"""The rows of the report beside what the clients themselves came to, set-up by set-up (``lab/clients``)."""

from __future__ import annotations

import pytest

from botkit.outbound.endpoint import Endpoint
from botkit.outbound.model import Exchange, FailureKind, Phase
from lab.clients.expectations import (
    ERRORS,
    SERVER_NAME,
    Document,
    EndpointAnswers,
    Service,
    ServiceAnswers,
    Setup,
    read_expectations,
)
from plugins.foci.discovery.homeserver import TransportsAnswer, read_transports
from plugins.foci.discovery.well_known import WellKnownAnswer, read_answer
from plugins.foci.model import ClientRow, Report
from plugins.foci.probe.observation import Observation
from plugins.foci.service_url import read_service_url, read_sfu_url
from tests.foci.evidence import ANY_ORIGIN, JSON_TYPE, V4, answered, assembled, failed

TABLE = read_expectations()
CASES = [(setup, client) for setup in TABLE.setups for client in setup.expected if client in TABLE.rows]
ASK_THE_HOMESERVER = {"element-web", "element-x", "element-call-0.24"}
"""Their rows are unknown where nothing published leads a stranger to the homeserver, which logged-in clients know."""

UNRECOGNIZED = answered(404, {"errcode": "M_UNRECOGNIZED"}, ANY_ORIGIN)
SERVICE = {
    ServiceAnswers.NORMAL: answered(400, {"errcode": "M_BAD_JSON"}, ANY_ORIGIN),
    ServiceAnswers.REFUSED: failed(FailureKind.CONNECT_REFUSED, Phase.CONNECT),
    ServiceAnswers.WITHOUT_CORS: answered(400, {"errcode": "M_BAD_JSON"}),
    ServiceAnswers.DOUBLED_SLASH_REDIRECTED: answered(307, b"", {"location": "/sfu/get"}),
    ServiceAnswers.SFU: answered(401, b"no permissions to access the room"),
}


def observed(service: Service) -> Observation:
    """What a probe sees at a service of a set-up."""
    main: dict[Endpoint, Exchange] = {V4: SERVICE[service.answers]}
    if service.answers is ServiceAnswers.SFU:
        return Observation(
            read_sfu_url(service.url), ("192.0.2.7",), None, 1.0, main, root=answered(200, b"OK"), validate=main[V4]
        )
    clean = SERVICE[ServiceAnswers.NORMAL] if service.url.endswith("/") else None
    return Observation(read_service_url(service.url), ("192.0.2.7",), None, 1.0, main, clean=clean)


def served(document: Document | None) -> WellKnownAnswer:
    """A well-known as it is fetched."""
    if document is None:
        return read_answer(SERVER_NAME, [answered(404)], None)
    cors = ANY_ORIGIN if document.cors else {}
    return read_answer(SERVER_NAME, [answered(200, document.body, {**JSON_TYPE, **cors})], None)


def endpoint(setup: Setup) -> TransportsAnswer:
    """The transports endpoint as it is seen where the homeserver is found."""
    if setup.well_known is None:
        return TransportsAnswer()
    declared = setup.transports
    answers = {
        EndpointAnswers.UNRECOGNIZED: UNRECOGNIZED,
        EndpointAnswers.PAGE_404: answered(404, b"<html><h1>404 Not Found</h1></html>", ANY_ORIGIN),
        EndpointAnswers.LIST: answered(200, declared.body, {**JSON_TYPE, **(ANY_ORIGIN if declared.cors else {})}),
    }
    return read_transports(answers[declared.answers], UNRECOGNIZED)


def report_on(setup: Setup) -> Report:
    """The report on a set-up."""
    answer = served(setup.well_known)
    own_host = f"https://{SERVER_NAME}" == answer.report.base_url
    copy = None if own_host or answer.report.base_url is None else served(setup.base_url_well_known)
    observations = {service.url: observed(service) for service in setup.services.values()}
    return assembled(answer, endpoint(setup), base_copy=copy, observations=observations)


def row_of(report: Report, client: str) -> ClientRow:
    return next(row for row in report.clients if row.client == client)


@pytest.mark.parametrize(("setup", "client"), CASES, ids=lambda value: getattr(value, "name", value))
def test_the_rows_say_what_the_clients_did(setup: Setup, client: str) -> None:
    """A focus that a client reached is the one it is said to find; an error is a no; out of sight is unknown."""
    report, expected = report_on(setup), setup.expected[client]
    row = row_of(report, client)
    if setup.hides_homeserver and client in ASK_THE_HOMESERVER:
        assert row.finds_focus == "unknown"
    elif expected in ERRORS:
        assert row.finds_focus == "no", row.reason
    else:
        assert row.finds_focus == "yes", row.reason
        assert row.uses_focus is not None
        assert report.foci[row.uses_focus - 1].entry.service_url == setup.services[expected].url


def test_every_row_but_the_next_generation_was_run() -> None:
    """The table has every client of the report except Element Call 0.28, of which only sources were read."""
    rows = [row.client for row in report_on(TABLE.setups[0]).clients]
    assert [client for client in rows if client != "element-call-0.28"] == list(TABLE.rows)
    assert "element-call-0.28" in rows
    assert {client for _, client in CASES} == set(TABLE.rows)
