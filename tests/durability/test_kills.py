"""A small ``make durability``: the bot is killed while its homeserver has a bad day."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from lab.authority import Authority
from lab.synapse import Synapse
from tests.durability.shift import Shift


async def test_nothing_is_lost_repeated_or_out_of_order(
    synapse: Synapse, authority: Authority, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """Three incidents at once, each of which sees the bot killed; every message comes once, in its place."""
    seed = secrets.token_hex(4)
    print(f"seed {seed}")
    outcome = await Shift(synapse, tmp_path / "shift", authority, localparts("kills"), 3, seed).work()
    assert outcome.verdict.good, "\n".join(outcome.verdict.remarks)
    assert outcome.verdict.expected == 3 * 7
    assert min(outcome.kills) > 0
    assert outcome.troubles.total() > 0
