"""Ports that nothing is sent to on a stranger's word."""

from __future__ import annotations

import pytest

from botkit.outbound import Failed, FailureKind, Phase
from plugins.foci.failure import meaning_of
from plugins.foci.model import Certainty
from tests.outbound.conftest import Fetch
from tests.outbound.standins import INTERNET, NameTable


@pytest.mark.parametrize("host", ["good.test", INTERNET], ids=["name", "address"])
@pytest.mark.parametrize(
    ("port", "kind", "certainty"),
    [
        (22, FailureKind.PORT_BLOCKED, Certainty.DEFINITE),
        (25, FailureKind.PORT_BLOCKED, Certainty.DEFINITE),
        (6667, FailureKind.PORT_BLOCKED, Certainty.DEFINITE),
        (10080, FailureKind.PORT_BLOCKED, Certainty.DEFINITE),
        (6379, FailureKind.PORT_AVOIDED, Certainty.UNCLEAR),
        (5432, FailureKind.PORT_AVOIDED, Certainty.UNCLEAR),
    ],
)
async def test_no_connection_is_tried(
    fetch: Fetch, names: NameTable, host: str, port: int, kind: FailureKind, certainty: Certainty
) -> None:
    """Neither to a name nor to an address; what browsers refuse is proven by that, the rest is not."""
    names.name("good.test", INTERNET)
    exchange = await fetch(f"https://{host}:{port}/")
    assert isinstance(exchange, Failed)
    assert (exchange.failure.kind, exchange.failure.phase, exchange.connection.peer) == (kind, Phase.ADDRESS, None)
    assert str(port) in exchange.failure.detail
    assert meaning_of(exchange.failure).certainty is certainty
    assert names.asked == []
