"""What may be asked of one host, on a clock of the test's own; and what a refusal looks like over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.outbound import Exchange, Failed, OutboundClient, Payer, Purpose, one_party
from botkit.outbound.budget import Budgets, Share, network_of
from botkit.outbound.model import Answered, FailureKind
from tests.host.clock import Clock
from tests.outbound.standins import INTERNET, OK, Listeners, NameTable, says

ALICE, MALLORY = Payer(Purpose.COMMAND, "alice.example"), Payer(Purpose.COMMAND, "mallory.example")


def budgets(per_minute: float, clock: Clock) -> Budgets:
    """Budgets in which the last two labels are a registrable domain."""
    return Budgets(per_minute, clock, lambda name: ".".join(name.split(".")[-2:]))


def asked(found: Budgets, payer: Payer | None, addresses: list[str], limit: int | None = None) -> int:
    """Of these connections the number that a party of this payer may make; then it is over."""
    with one_party(*(() if payer is None else (payer,)), limit=limit):
        return sum(found.connection(address) is None for address in addresses)


def test_a_full_budget_is_shared_and_refilled_evenly() -> None:
    """One payer gets no more than it leaves; in the long run as many a minute as the budget has."""
    clock = Clock()
    found = budgets(240, clock)
    assert asked(found, MALLORY, ["192.0.2.1"] * 1000) == 120
    assert asked(found, MALLORY, ["192.0.2.1"] * 1000) == 0
    assert asked(found, ALICE, ["192.0.2.1"] * 12) == 12
    total = 0
    for _ in range(120):
        clock.now += 1
        total += asked(found, MALLORY, ["192.0.2.1"] * 100)
    assert total <= 480 + 12


def test_what_was_not_used_is_given_back() -> None:
    """Checks reserve more than they need, one after the other, and none is refused for that."""
    found = budgets(240, Clock())
    assert [asked(found, ALICE, ["192.0.2.1"]) for _ in range(100)] == [1] * 100


def test_of_several_payers_the_first_who_has_something_left_pays() -> None:
    """Whoever spends all they may at a host takes nothing from a check that others asked for as well."""
    found = budgets(240, Clock())
    assert asked(found, MALLORY, ["192.0.2.1"] * 1000) == 120
    with one_party(MALLORY, ALICE):
        assert [found.connection("192.0.2.1") for _ in range(12)] == [None] * 12
    with one_party(MALLORY):
        assert found.connection("192.0.2.1") is not None
    # what the check reserved and did not use went back to the one who paid
    with one_party(MALLORY, ALICE):
        assert found.connection("192.0.2.1") is None
    assert asked(found, ALICE, ["192.0.2.1"] * 1000) == 120 // 2 - 12 - 1 - (120 // 2 - 13) % 12


def test_a_check_is_made_whole_or_not_begun() -> None:
    """Parties that come at the same time do not take the middle of a check from each other."""
    found, made = budgets(240, Clock()), []
    parties = []
    for _ in range(20):
        with one_party(MALLORY) as party:
            parties.append(party)
            made.append(sum(found.connection("192.0.2.1") is None for _ in range(12)))
            # it is still under way: nothing is given back
            party._reserved.clear()
    assert set(made) == {0, 12}


@pytest.mark.parametrize("greedy", [1, 5, 15])
def test_newcomers_find_something_however_many_are_greedy(greedy: int) -> None:
    """Whoever has not asked lately gets the requests of a check in every minute, beside payers that ask without end."""
    clock = Clock()
    found = budgets(240, clock)
    for second in range(180):
        clock.now += 1
        for number in range(greedy):
            asked(found, Payer(Purpose.WATCH, f"{number}.example"), ["192.0.2.1"] * 50)
        if second % 60 == 59:
            tried = []
            for _ in range(12):
                tried.append(asked(found, Payer(Purpose.WATCH, "alice.example"), ["192.0.2.1"] * 6))
                clock.now += 1
            assert 6 in tried, (greedy, second)


def test_commands_take_nothing_from_watches() -> None:
    """Whatever is asked by commands, watches of the same address and domain have all of their own budget."""
    found = budgets(240, Clock())
    for number in range(100):
        asked(found, Payer(Purpose.COMMAND, f"{number}.example"), ["192.0.2.1"] * 1000)
    assert asked(found, ALICE, ["192.0.2.1"]) == 0
    assert asked(found, Payer(Purpose.WATCH, "alice.example"), ["192.0.2.1"] * 1000) == 120


def test_the_operator_is_not_limited() -> None:
    """Ten thousand configured watches behind one address of a CDN are all checked, and take nothing from anybody."""
    found = budgets(240, Clock())
    assert sum(asked(found, None, ["192.0.2.1"] * 6) for _ in range(10_000)) == 60_000
    assert asked(found, ALICE, ["192.0.2.1"] * 12) == 12


def test_a_party_makes_so_many_requests_at_most() -> None:
    """Wherever they go: a thousand addresses do not help."""
    found = budgets(240, Clock())
    addresses = [f"192.0.{number // 250}.{number % 250}" for number in range(1000)]
    assert asked(found, ALICE, addresses, limit=200) == 200
    assert asked(found, None, addresses, limit=200) == 200


def test_names_of_one_domain_are_one_host() -> None:
    """Ever new names at ever new addresses below one registrable domain share its budget, look-ups included."""
    found = budgets(240, Clock())
    with one_party(MALLORY):
        looked_up = sum(found.look_up(f"{number}.victim.example") is None for number in range(1000))
        requested = sum(found.request(f"{number}.victim.example", literal=False) is None for number in range(1000))
    assert (looked_up, requested) == (120, 0)
    with one_party(ALICE):
        assert found.request("192.0.2.1", literal=True) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("192.0.2.1", "64:ff9b::192.0.2.1"),
        ("192.0.2.1", "2002:c000:0201::1"),
    ],
)
def test_what_leads_to_one_machine_is_one_address(one: str, other: str) -> None:
    """A /64 is one household's, and IPv4 addresses come in several clothes."""
    assert network_of(one) == network_of(other)


def test_other_addresses_are_others() -> None:
    """Neighbours in IPv4, other /64 and two machines behind NAT64 each have a budget of their own."""
    several = ["192.0.2.1", "192.0.2.2", "2001:db8:1:2::1", "2001:db8:1:3::1", "64:ff9b::1.2.3.4", "64:ff9b::1.2.3.5"]
    assert len({network_of(address) for address in several}) == 6


def test_memory_is_bounded() -> None:
    """Ever new destinations are forgotten again, the longest unasked first."""
    found = budgets(240, Clock())
    with one_party(ALICE):
        for number in range(25_000):
            found.request(f"{number}.{number}", literal=False)
    assert len(found._shares[Purpose.COMMAND]) == 20_000


Step = tuple[str, int, float, bool]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 30), st.floats(0, 30, allow_nan=False), st.booleans()),
        max_size=60,
    )
)
def test_no_order_of_asking_gets_more_than_the_budget(steps: list[Step]) -> None:
    """However it is taken and given back, what was used is within the burst and the refill."""
    clock = Clock()
    began = clock.now
    share, used = Share(60, 1.0, clock), 0
    for who, amount, seconds, back in steps:
        clock.now += seconds
        if share.take(who, amount):
            unused = amount // 2 if back else 0
            share.give_back(who, unused)
            used += amount - unused
        assert used <= 60 + (clock.now - began) + 1e-6


@pytest.fixture
def make(make_client: Callable[..., OutboundClient]) -> Callable[..., OutboundClient]:
    return make_client


async def _get(client: OutboundClient, url: str) -> Exchange:
    return await client.fetch("GET", url, deadline=asyncio.get_running_loop().time() + 20)


async def test_a_request_over_the_budget_is_not_made_and_says_so(
    make: Callable[..., OutboundClient], listeners: Listeners
) -> None:
    """Nothing arrives at the host; the failure is one of the bot's own, with the limit in words."""
    seen: list[bytes] = []
    port = await listeners.serve(says(OK, seen=seen))
    client = make(per_destination=16, connect_to={f"a.example.org:{port}": (f"{INTERNET}:{port}",)})
    url = f"http://a.example.org:{port}/"
    with one_party(ALICE):
        outcomes = [await _get(client, url) for _ in range(20)]
    answered = [one for one in outcomes if isinstance(one, Answered)]
    refused = [one.failure for one in outcomes if isinstance(one, Failed)]
    assert len(answered) == len(seen) < 20
    assert {one.kind for one in refused} == {FailureKind.BUDGET_SPENT}
    assert {one.detail for one in refused} == {
        "not tested: for commands the bot makes at most 16 requests a minute to one host"
    }
    assert isinstance(await _get(client, url), Answered)


async def test_look_ups_are_counted_and_in_slots(make: Callable[..., OutboundClient], names: NameTable) -> None:
    """A name server of a domain hears of a stranger no more than its budget has, and of few look-ups at once."""
    client = make(per_destination=16, concurrency=4)
    deadline = asyncio.get_running_loop().time() + 20
    with one_party(MALLORY):
        every = [client.resolve(f"{number}.victim.example", 443, deadline=deadline) for number in range(100)]
        found = await asyncio.gather(*every)
        records = [await client.services(f"_matrix-fed._tcp.{n}.victim.example", deadline=deadline) for n in range(9)]
    refused = [one for one in found if one.failure is not None and one.failure.kind is FailureKind.BUDGET_SPENT]
    assert len(refused) > 80
    assert records[-1] is None
    assert len(names.asked) <= 2 * 16
