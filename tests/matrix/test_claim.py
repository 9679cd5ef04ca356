"""Which database an account has: taken, lost, kept and given back, on a homeserver that answers as told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from botkit.matrix.account import claim as module
from botkit.matrix.account.claim import SEEN_MS, AccountClaim, AccountInUseError
from botkit.matrix.account.session import Session
from botkit.matrix.client import Answer, UnreachableError

USER = "@bot:lab.test"
NOW = 1_700_000_000_000
OWN = {"database": "d1", "device_id": "A"}
OTHER = {"database": "d2", "device_id": "B"}
NOTHING = Answer(404, {"errcode": "M_NOT_FOUND"})


class Homeserver:
    """
    Keeps account data and knows when devices were seen.

    Attributes:
        failing: answers to give first.
    """

    def __init__(self, content: Mapping[str, Any] | None = None, **seen: int | None) -> None:
        self.content = content
        self.seen = seen
        self.failing: list[Answer | UnreachableError] = []
        self.puts = 0

    async def request(self, method: str, where: str, body: Mapping[str, Any] | None = None) -> Answer:
        if self.failing:
            answer = self.failing.pop(0)
            if isinstance(answer, UnreachableError):
                raise answer
            return answer
        if "/devices/" in where:
            device = where.rpartition("/")[2]
            return Answer(200, {"last_seen_ts": self.seen[device]}) if device in self.seen else NOTHING
        if method == "PUT":
            self.puts += 1
            self.content = body
            return Answer(200, {})
        return NOTHING if self.content is None else Answer(200, self.content)


def claim(homeserver: Any, *, shared: bool = False) -> AccountClaim:
    """Of the bot with the database d1 and the device A."""
    session = Session(USER, "A", SecretStr("token"))
    return AccountClaim(homeserver, session, "d1", shared=shared, now=lambda: NOW)


@pytest.mark.parametrize("content", [None, {}, {"database": 1, "device_id": "B"}, {"database": "d2"}, OTHER])
async def test_a_free_account_is_taken(content: Mapping[str, Any] | None) -> None:
    """Nobody has it, what is there makes no sense, or the device that had it is gone."""
    homeserver = Homeserver(content)
    await claim(homeserver).take()
    assert homeserver.content == OWN


@pytest.mark.parametrize(("ago", "free"), [(0, False), (SEEN_MS - 1, False), (SEEN_MS, True), (-5000, False)])
async def test_another_database_has_it(ago: int, free: bool) -> None:
    """As long as its device was seen a moment ago, be it by a clock that is ahead."""
    homeserver = Homeserver(OTHER, B=NOW - ago)
    if free:
        await claim(homeserver).take()
        assert homeserver.content == OWN
        return
    with pytest.raises(AccountInUseError, match=r"^@bot:lab\.test is in use by another running bot .*device B, seen "):
        await claim(homeserver).take()
    assert homeserver.content == OTHER


async def test_a_device_that_was_never_seen_runs_no_bot() -> None:
    """It has not asked for anything yet."""
    homeserver = Homeserver(OTHER, B=None)
    await claim(homeserver).take()
    assert homeserver.content == OWN


@pytest.mark.parametrize(
    ("content", "shared", "own"),
    [
        (OWN, False, True),
        ({"database": "d2", "device_id": "A"}, False, True),
        ({"database": "d1", "device_id": "B"}, True, True),
        ({"database": "d1", "device_id": "B"}, False, False),
        (OTHER, True, False),
    ],
)
async def test_whose_it_is(content: Mapping[str, Any], shared: bool, own: bool) -> None:
    """The same device has changed its database; a shared database has changed its device; of a file that is a copy."""
    homeserver = Homeserver(content, A=NOW, B=NOW)
    if own:
        await claim(homeserver, shared=shared).take()
        assert homeserver.content == OWN
        assert homeserver.puts == (content != OWN)
        return
    with pytest.raises(AccountInUseError):
        await claim(homeserver, shared=shared).take()


async def test_it_waits_for_the_homeserver() -> None:
    """What passes is waited for; a server that knows no account data does not keep the bot from running."""
    homeserver = Homeserver(OTHER, B=NOW)
    homeserver.failing = [UnreachableError("away", 0.01), Answer(502, {}, 0.01)]
    with pytest.raises(AccountInUseError):
        await claim(homeserver).take()
    homeserver.failing = [Answer(404, {"errcode": "M_UNRECOGNIZED"}), Answer(404, {"errcode": "M_UNRECOGNIZED"})]
    await claim(homeserver).take()
    assert homeserver.content == OTHER


async def test_who_lost_it_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that was cut off for long, so that another took the account, ends; a failure to look is no reason."""
    monkeypatch.setattr(module, "_PERIOD", 0.0)
    homeserver = Homeserver(OTHER)
    homeserver.failing = [UnreachableError("away"), NOTHING, Answer(200, OWN)]
    with pytest.raises(AccountInUseError, match="which took it over"):
        await claim(homeserver).keep()
    assert homeserver.failing == []


@pytest.mark.parametrize(("content", "left"), [(OWN, {}), (OTHER, OTHER), (None, None)])
async def test_it_is_given_back(content: Mapping[str, Any] | None, left: Mapping[str, Any] | None) -> None:
    """Only if it is still one's own; a homeserver that is away is no error."""
    homeserver = Homeserver(content)
    await claim(homeserver).give_back()
    assert homeserver.content == left
    homeserver.failing = [UnreachableError("away")]
    await claim(homeserver).give_back()
