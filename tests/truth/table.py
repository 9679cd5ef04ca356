"""All rows, in the order of the table in docs/evidence/mistakes.md."""

from __future__ import annotations

from tests.truth import beyond, entries, proxy, publication
from tests.truth.row import Row

ROWS: tuple[Row, ...] = tuple(
    sorted((*publication.ROWS, *entries.ROWS, *proxy.ROWS, *beyond.ROWS), key=lambda row: row.number)
)
