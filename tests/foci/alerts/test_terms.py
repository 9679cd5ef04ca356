"""How a server is checked on behalf of all its rooms, and whose budgets that takes from."""

from __future__ import annotations

import pytest

from plugins.foci.alerts.watches import Vouchers, Watch, WatchSettings, terms_of

SETTINGS = WatchSettings(
    vouchers=Vouchers(canaries=frozenset({"canary.org"}), rooms=frozenset({"!ops"}), admins=frozenset({"@admin:a.org"}))
)
STRANGER = Watch("!x", "a.org", "room", author="@mallory:evil.org", created_at=2.0)
EARLIER = Watch("!y", "a.org", "room", author="@alice:b.org", created_at=1.0)


def payer(server: str, *watches: Watch) -> str:
    terms = terms_of(server, watches, SETTINGS)
    assert terms is not None
    return terms.payer


def test_strangers_pay_for_their_watches() -> None:
    """Of several the first: who comes later to somebody's watch cannot make it theirs, and spend it dry."""
    assert payer("a.org", STRANGER) == "@mallory:evil.org"
    assert payer("a.org", STRANGER, EARLIER) == "@alice:b.org"


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
    assert payer("a.org", EARLIER, STRANGER, vouched) == ""


def test_a_canary_is_in_no_budget() -> None:
    """Whether anybody watches it or not: it tells of the bot's own network."""
    assert payer("canary.org") == payer("canary.org", Watch("!x", "canary.org", "room", author="@m:evil.org")) == ""
