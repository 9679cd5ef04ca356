"""Rooms that refuse what is sent: asked again ever more rarely, and told apart from a full homeserver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from botkit.matrix.runtime import now_ms
from botkit.matrix.send.retry import FIRST_PAUSE, LONGEST_PAUSE, SuspendedRoomRetry
from botkit.messages.notification import Placement
from botkit.storage.outbox import Outbox
from lab.synapse import Synapse
from tests.matrix.patience import until
from tests.matrix.person import Person
from tests.matrix.proxy import Proxy
from tests.matrix.scribe import ScribeBot, enter, notification

NEW = Placement.NEW
REFUSED = "the room rejected a message (HTTP 403 M_FORBIDDEN)"


async def test_a_room_that_refused_once_is_asked_again(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """After an hour, then two, at most a day; of refusals nobody is told again, and the room reads of one attempt."""
    shut = True
    clock = 0.0

    def checker(request: web.Request) -> web.Response | None:
        if not shut or "/send/m.room.message/" not in request.path:
            return None
        return web.json_response({"errcode": "M_FORBIDDEN", "error": "spam"}, status=403)

    async with (
        Proxy(synapse.base_url, before=checker) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await enter(alice, bot)
        context = bot.journal.context
        assert context is not None
        outbox = Outbox(context.storage, now_ms)
        suspended_retry = SuspendedRoomRetry(
            context.rooms, outbox, context.notifier.wake, clock=lambda: clock, now=now_ms
        )

        async def asked_after(seconds: float) -> int:
            """How often the room was written to when this much more time went by."""
            nonlocal clock
            clock += seconds
            before = proxy.count("/send/")
            await suspended_retry.look()
            await until(lambda: _delivered(outbox))
            return proxy.count("/send/") - before

        assert await asked_after(0) == 0
        await bot.journal.post(notification(room, "1", NEW, "unheard"))
        await bot.journal.hears("suspended", room, REFUSED)
        for pause, asked in ((0, 0), (FIRST_PAUSE - 1, 0), (1, 1), (FIRST_PAUSE, 0), (FIRST_PAUSE, 1)):
            assert await asked_after(pause) == asked
        for _ in range(3):
            assert await asked_after(LONGEST_PAUSE) == 1
        shut = False
        assert await asked_after(LONGEST_PAUSE) == 1
        await alice.hears(lambda said: "Sending works again" in said.body)
        await until(lambda: bot.journal.told[-2:] == [("suspended", room, REFUSED), ("joined", room)])
        await bot.journal.post(notification(room, "2", NEW, "heard"))
        await alice.hears_text("heard")
        # whoever refuses anew at once is left in peace for as long as before
        shut = True
        await bot.journal.post(notification(room, "3", NEW, "unheard"))
        await until(lambda: len(bot.journal.of("suspended")) == 2)
        assert await asked_after(FIRST_PAUSE) == 0
        assert await asked_after(LONGEST_PAUSE) == 1
    assert len(alice.heard) == 2


async def _delivered(outbox: Outbox) -> bool:
    return not await outbox.undelivered()


async def test_a_limit_of_the_account_is_no_fault_of_the_room(
    synapse: Synapse, alice: Person, localparts: Callable[[str], str], tmp_path: Path
) -> None:
    """403 because the homeserver is full: the notification waits, and no room is suspended."""
    refused = 0

    def full(request: web.Request) -> web.Response | None:
        nonlocal refused
        if "/send/m.room.message/" not in request.path or refused == 2:
            return None
        refused += 1
        return web.json_response({"errcode": "M_RESOURCE_LIMIT_EXCEEDED", "error": "full"}, status=403)

    async with (
        Proxy(synapse.base_url, before=full) as proxy,
        await ScribeBot.with_password(synapse, localparts("bot"), tmp_path / "bot", base_url=proxy.base_url) as bot,
    ):
        room = await enter(alice, bot)
        await bot.journal.post(notification(room, "1", NEW, "late"))
        await alice.hears_text("late")
        assert bot.journal.of("suspended") == []
    assert refused == 2
