from __future__ import annotations

from tests.foci.conftest import authority
from tests.matrix.conftest import names, synapse

__all__ = ["authority", "names", "synapse"]
