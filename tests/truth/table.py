"""All rows, in the order of the table in docs/findings.md."""

from __future__ import annotations

from tests.truth import publication
from tests.truth.row import Row

ROWS: tuple[Row, ...] = tuple(sorted((*publication.ROWS,), key=lambda row: row.number))
