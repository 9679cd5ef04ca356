"""Asking for it: in rooms where it is switched on, at its price; in the configuration, in words that mean something."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from botkit.commands.parse import sorted_words
from botkit.commands.rate_limit import RateLimitError
from botkit.messages.document import Document
from botkit.messages.rendering import to_plain
from botkit.plugin import Invocation, UsageError
from plugins.foci.commands.report import FociCommands
from plugins.foci.config import FociConfig
from plugins.foci.deep.quota import COST, DeepQuota
from tests.deep.world import NAME, World
from tests.foci.commands.test_report import Health, Membership

ROOM = "!ops:example.org"


async def say(
    world: World, *words: str, budget: DeepQuota | None, charged: list[int] | None = None
) -> Sequence[Document]:
    """A command as the host hands it on."""
    charged = [] if charged is None else charged
    async with world.checker() as checker:
        command = FociCommands(checker, Membership(), Health(), world.bot.user_id, deep=budget).command()
        _, args, flags = sorted_words(command, words)
        return await command.handler(Invocation("$event", ROOM, f"@alice:{NAME}", args, None, charged.append, flags))


@pytest.mark.asyncio(loop_scope="module")
async def test_in_a_room_it_has_its_price(world: World) -> None:
    """Each target counts as three commands; wherever the word stands; without targets it is the sender's server."""
    charged: list[int] = []
    budget = DeepQuota(lambda: 0.0)
    (document,) = await say(world, "--deep", budget=budget, charged=charged)
    assert "The SFU accepts the token" in to_plain(document)
    assert sum(charged) == COST - 1
    (document,) = await say(world, NAME, budget=budget, charged=charged)
    assert "Signalling and media not tested." in to_plain(document)
    assert sum(charged) == COST - 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("word", ["\u2014deep", "\u2013deep", "\u2014Deep"])
async def test_two_hyphens_that_a_phone_made_a_dash_of_are_understood(world: World, word: str) -> None:
    """Em dash or en dash: here refused as ``--deep`` is, not taken for a target."""
    with pytest.raises(UsageError, match=r"deep\.enabled"):
        await say(world, NAME, word, budget=None)
    with pytest.raises(UsageError, match="neither a user id"):
        await say(world, word + "er", budget=None)


@pytest.mark.asyncio(loop_scope="module")
async def test_where_it_is_off_it_is_refused(world: World) -> None:
    """One line that says whose decision that is; nothing is fetched."""
    world.forget()
    with pytest.raises(UsageError, match=r"deep\.enabled"):
        await say(world, NAME, "--deep", budget=None)
    assert not world.requests()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_spent_cap_fetches_nothing(world: World) -> None:
    """Whoever runs into it is told when to come back."""
    budget = DeepQuota(lambda: 0.0)
    budget.take("@bob:example.org", ROOM, 10, lambda _: None)
    world.forget()
    charged: list[int] = []
    with pytest.raises(RateLimitError):
        await say(world, NAME, "--deep", budget=budget, charged=charged)
    assert not world.requests()
    assert charged == []


def test_the_configuration_is_for_services() -> None:
    """Null, none, or host and port; compared in lower case with a port."""
    assert FociConfig().check_settings(10.0).trusted is None
    for services, trusted in (
        ([], frozenset()),
        (["RTC.example.org", "b.example:8443"], {"rtc.example.org:443", "b.example:8443"}),
    ):
        config = FociConfig.model_validate({"deep": {"enabled": True, "trusted_services": services}})
        assert config.check_settings(10.0).trusted == trusted


@pytest.mark.parametrize("service", ["https://rtc.example.org", "rtc.example.org/livekit/jwt", "*", ""])
def test_a_service_that_is_none_is_refused(service: str) -> None:
    """A URL or a wildcard would promise something that is not there."""
    with pytest.raises(ValidationError, match="host or host:port"):
        FociConfig.model_validate({"deep": {"trusted_services": [service]}})
