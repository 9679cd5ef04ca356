from __future__ import annotations

import pytest

from botkit.commands.rate_limit import REQUESTS, Bill, RateLimiter, RateLimitError, TokenBuckets
from botkit.config import Rate
from tests.host.clock import Clock

ADMIN = "@ops:x"


def limiter_of(per_user: Rate, per_room: Rate, clock: Clock) -> RateLimiter:
    """With an admin who may do three at once."""
    return RateLimiter(per_user, per_room, Rate(3, 60), [ADMIN], clock)


def spent(limiter: RateLimiter, user: str = "@a:x", room: str = "!r", amount: int = 1) -> RateLimitError | None:
    """The refusal, or None when the charge passed."""
    try:
        limiter.charge(user, room, amount)
    except RateLimitError as error:
        return error
    return None


def test_a_burst_up_to_the_count_passes_and_the_next_waits() -> None:
    """Six a minute means six at once, then one every ten seconds."""
    clock = Clock()
    limiter = limiter_of(Rate(6, 60), Rate(100, 60), clock)
    assert [spent(limiter) for _ in range(6)] == [None] * 6
    error = spent(limiter)
    assert error is not None
    assert error.seconds == pytest.approx(10)
    clock.now += 10
    assert spent(limiter) is None
    assert spent(limiter) is not None


def test_a_refusal_names_the_limit_that_ends_last() -> None:
    """The user's own, the room's, an admin's; only the room's is met by others as well."""
    limiter = limiter_of(Rate(2, 60), Rate(3, 60), Clock())
    spent(limiter, amount=2)
    own = spent(limiter)
    spent(limiter, "@b:x")
    room, admin = spent(limiter, "@b:x", amount=3), [spent(limiter, ADMIN) for _ in range(4)][-1]
    assert own is not None
    assert room is not None
    assert admin is not None
    assert (own.limit, own.shared) == ("2/min per user", False)
    assert (room.limit, room.shared) == ("3/min in this room", True)
    assert (admin.limit, admin.shared) == ("3/min per admin", False)


def test_admins_neither_spend_a_room_nor_wait_for_it() -> None:
    """What others typed in the room does not keep an admin from setting up, nor the other way round."""
    limiter = limiter_of(Rate(6, 60), Rate(2, 60), Clock())
    assert [spent(limiter, ADMIN) for _ in range(3)] == [None] * 3
    assert [spent(limiter, f"@{n}:x") for n in range(2)] == [None] * 2
    assert spent(limiter, "@late:x") is not None
    assert spent(limiter, ADMIN) is not None
    assert spent(limiter, ADMIN, "!other") is not None


def test_a_room_is_shared_by_its_users() -> None:
    """Many users of one room spend one rate, and other rooms are not touched."""
    limiter = limiter_of(Rate(6, 60), Rate(3, 60), Clock())
    assert [spent(limiter, f"@{n}:x") for n in range(3)] == [None] * 3
    assert spent(limiter, "@late:x") is not None
    assert spent(limiter, "@late:x", "!other") is None


def test_a_refused_charge_takes_nothing() -> None:
    """The user's rate is whole after the room refused."""
    clock = Clock()
    limiter = limiter_of(Rate(2, 60), Rate(1, 60), clock)
    spent(limiter, "@other:x")
    assert spent(limiter, amount=2) is not None
    assert spent(limiter, room="!elsewhere") is None
    assert spent(limiter, room="!third") is None


def test_more_than_the_count_passes_on_a_full_bucket_only() -> None:
    """Five targets under a rate of three are possible, but only after a rest, which is longer for what was too much."""
    clock = Clock()
    limiter = limiter_of(Rate(3, 60), Rate(100, 60), clock)
    assert spent(limiter, amount=5) is None
    assert spent(limiter, amount=5) is not None
    clock.now += 60
    assert spent(limiter, amount=5) is not None
    clock.now += 40
    assert spent(limiter, amount=5) is None


def test_what_a_command_did_is_paid_for_afterwards() -> None:
    """Requests beyond what was charged for count as commands of both rates, even if that is more than is left."""
    clock = Clock()
    limiter = limiter_of(Rate(6, 60), Rate(12, 60), clock)
    bill = Bill(limiter, "@a:x", "!r")
    bill.charge(2)
    bill.settle(2 * REQUESTS)
    assert spent(limiter, amount=4) is None
    bill.settle(14 * REQUESTS + 1)
    user, room = spent(limiter), spent(limiter, "@b:x")
    assert user is not None
    assert room is not None
    assert (user.seconds, room.seconds) == pytest.approx((140.0, 40.0))


def test_charging_nothing_always_passes() -> None:
    """A plugin may charge for what goes beyond the first, which may be nothing."""
    limiter = limiter_of(Rate(1, 60), Rate(1, 60), Clock())
    spent(limiter)
    assert spent(limiter, amount=0) is None


def test_memory_is_bounded() -> None:
    """A stranger with ever new names cannot grow the table; the latest are remembered."""
    buckets = TokenBuckets(Rate(1, 60), Clock(), capacity=10)
    for number in range(1000):
        buckets.take(f"@{number}:x", 1)
    assert len(buckets._buckets) == 10
    assert buckets.wait("@999:x", 1) > 0
    assert buckets.wait("@0:x", 1) == 0


def test_a_clock_that_steps_back_gives_nothing_and_takes_nothing() -> None:
    """The wait does not grow when the clock misbehaves."""
    clock = Clock()
    buckets = TokenBuckets(Rate(1, 60), clock)
    buckets.take("@a:x", 1)
    clock.now -= 500
    assert buckets.wait("@a:x", 1) == pytest.approx(60)
