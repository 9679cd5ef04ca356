"""How a server is checked on behalf of all its rooms, and whose budgets that takes from."""

from __future__ import annotations

import pytest

from plugins.foci.alerts.watches import Vouchers, Watch, WatchSettings, terms_of

SETTINGS = WatchSettings(
    vouchers=Vouchers(canaries=frozenset({"canary.org"}), rooms=frozenset({"!ops"}), admins=frozenset({"@admin:a.org"}))
)
STRANGER = Watch("!x", "a.org", "room", author="@mallory:evil.org", created_at=2.0)
EARLIER = Watch("!y", "a.org", "room", author="@alice:b.org", created_at=1.0)


def payers(server: str, *watches: Watch) -> tuple[str, ...]:
    terms = terms_of(server, watches, SETTINGS)
    assert terms is not None
    return terms.payers


def test_strangers_pay_for_their_watches() -> None:
    """All of them, the first first: neither who comes earlier nor who comes later can spend it dry for others."""
    assert payers("a.org", STRANGER) == ("@mallory:evil.org",)
    assert payers("a.org", STRANGER, EARLIER) == ("@alice:b.org", "@mallory:evil.org")


@pytest.mark.parametrize(
    "vouched",
    [
        Watch("!z", "a.org", "config"),
        Watch("!z", "a.org", "room", author="@admin:a.org", created_at=3.0),
        Watch("!ops", "a.org", "room", author="@somebody:c.org", created_at=3.0),
    ],
)
def test_what_the_operator_vouches_for_is_in_no_budget(vouched: Watch) -> None:
    """Whoever else watches the same server, before or after."""
    assert payers("a.org", EARLIER, STRANGER, vouched) == ()


def test_a_canary_is_in_no_budget() -> None:
    """Whether anybody watches it or not: it tells of the bot's own network."""
    assert payers("canary.org") == ()
    assert payers("canary.org", Watch("!x", "canary.org", "room", author="@m:evil.org")) == ()
