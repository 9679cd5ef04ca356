from __future__ import annotations

import pytest

from lab.federation import Federation
from tests.lab.client import Client


@pytest.fixture
def client(federation: Federation) -> Client:
    return Client(federation)
