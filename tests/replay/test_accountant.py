"""The accountant sees what a broken watch service does wrong, and nothing in one that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.replay.accountant import audit
from bench.replay.books import Verdict
from bench.replay.runtime import Played, play
from bench.replay.terms import Terms
from bench.replay.told import Told
from bench.replay.traces import ROOM, spans
from bench.replay.truth import DAY, HOUR, MINUTE, Presented, Published, Truth
from botkit.messages.notification import Notification
from botkit.plugin import Notifier
from botkit.storage import Connection
from plugins.foci.alerts.watches import WatchSettings
from plugins.foci.changes.detector import ListSettings
from plugins.foci.health.state import HealthSettings

TRUTH = Truth(
    3 * HOUR,
    {ROOM: {"s0.example": 300.0, "s1.example": 300.0}},
    {
        "s0.example": (Published(0.0, ("a", "b")), Published(2 * HOUR, ("b", "a"))),
        "s1.example": (Published(0.0, ("b",)),),
    },
    troubles={
        "b": (*spans((0.5 * HOUR, 40 * MINUTE)), *spans((2.2 * HOUR, 160.0), (2.45 * HOUR, 160.0), (2.7 * HOUR, 160.0)))
    },
    certificates={"a": (Presented(0.0, 7 * DAY + 0.5 * HOUR),)},
)
"""An outage of 40 minutes, three blips, a list that changes, a certificate that comes to its last week."""

Spoil = Callable[[Told], Iterable[Told]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The bot as it is."""
    return play(TRUTH, tmp_path_factory.mktemp("replay"), seed=5)


def judged(told: Iterable[Told], truth: Truth = TRUTH) -> Verdict:
    return audit(truth, tuple(told), Terms())


def spoiled(played: Played, spoil: Spoil) -> set[str]:
    """The kinds of complaints when messages are spoiled."""
    verdict = judged(other for message in played.told for other in spoil(message))
    return {one.kind for one in verdict.complaints}


def begins(message: Told, about: str) -> bool:
    return message.placement == "new" and message.about.startswith(about)


def test_a_bot_that_does_as_it_should_gives_no_cause(played: Played) -> None:
    """Five things are due: two days of a certificate, an outage, its end, a changed list."""
    verdict = judged(played.told)
    assert verdict.complaints == ()
    assert verdict.due == 5
    assert all(0 < late < 2 for late in verdict.detected)


def test_silence_is_not_taken_for_peace() -> None:
    """A bot that says nothing misses everything that is due but the end of what it never began to tell."""
    verdict = judged(())
    assert verdict.count("missed") == 4
    assert {one.kind for one in verdict.complaints} == {"missed"}


LOST: dict[str, Spoil] = {
    "a beginning": lambda message: () if begins(message, "focus:") else (message,),
    "an end": lambda message: () if message.placement == "edit" and message.sign == "✅" else (message,),
    "a list": lambda message: () if message.about.startswith("list:") else (message,),
    "a certificate": lambda message: () if message.about.startswith("cert:") else (message,),
}


@pytest.mark.parametrize("what", LOST)
def test_lost_notifications_are_missed(played: Played, what: str) -> None:
    """Whatever kind of message never arrives."""
    assert "missed" in spoiled(played, LOST[what])


@pytest.mark.parametrize("about", ["focus:", "list:", "cert:"])
def test_notifications_told_twice_are_noticed(played: Played, about: str) -> None:
    """Also under another transaction id, as a watch service would write them that forgot what it had told."""

    def twice(message: Told) -> tuple[Told, ...]:
        again = replace(message, txn_id=f"{message.txn_id} again", at=message.at + 60)
        return (message, again) if begins(message, about) else (message,)

    assert "repeated" in spoiled(played, twice)


def test_an_incident_told_anew_while_it_stands_is_noticed(played: Played) -> None:
    """As a bot would that forgot over a restart what it had told: another message about the same outage."""

    def anew(message: Told) -> tuple[Told, ...]:
        again = replace(message, txn_id="anew", about=f"{message.subject}@1", at=message.at + 600)
        return (message, again) if begins(message, "focus:") else (message,)

    assert spoiled(played, anew)


def test_an_end_told_too_early_is_false(played: Played) -> None:
    """The message is closed two minutes after it stands, and not at its time."""
    begin = next(message.at for message in played.told if begins(message, "focus:"))

    def hasty(message: Told) -> tuple[Told, ...]:
        is_end = message.about.startswith("focus:") and message.sign == "✅"
        return (replace(message, at=begin + 120),) if is_end else (message,)

    assert "false" in spoiled(played, hasty)


def test_a_reminder_too_early_is_noticed(played: Played) -> None:
    """They come every twelve hours."""

    def hurried(message: Told) -> tuple[Told, ...]:
        reminder = replace(message, placement="reply", text="⏰ still", txn_id="r", at=message.at + 600)
        return (message, reminder) if begins(message, "focus:") else (message,)

    assert "repeated" in spoiled(played, hurried)


def test_a_list_that_was_not_published_is_false(played: Played) -> None:
    """The evidence names another list than the server's."""

    def invented(message: Told) -> tuple[Told, ...]:
        return (
            (replace(message, text=message.text.replace("//a.", "//z.")),)
            if message.about.startswith("list:")
            else (message,)
        )

    assert "false" in spoiled(played, invented)


def test_what_a_room_does_not_watch_is_strange_there(played: Played) -> None:
    """A room reads only of servers that it watches itself."""
    truth = replace(TRUTH, watches={ROOM: {"s0.example": 300.0}, "!other:example.org": {"s1.example": 300.0}})
    assert "strange" in {one.kind for one in judged(played.told, truth).complaints}


def test_blame_for_a_blip_is_false(tmp_path: Path) -> None:
    """A bot that fires at the first failure, held to three."""
    settings = WatchSettings(health=HealthSettings(failures=1))
    told = play(TRUTH, tmp_path, seed=5, settings=settings).told
    assert "false" in {one.kind for one in judged(told).complaints}


def test_a_list_that_was_not_confirmed_is_false(tmp_path: Path) -> None:
    """A bot that looks again after half a second, held to twenty: the list is another one for ten, now and then."""
    brief = [Published(0.0, ("b",))]
    for at in range(1800, 5400, 47):
        brief += [Published(at, ("a",)), Published(at + 10.0, ("b",))]
    truth = replace(TRUTH.until(1.6 * HOUR), servers={**TRUTH.until(1.6 * HOUR).servers, "s1.example": tuple(brief)})
    settings = WatchSettings(lists=ListSettings(confirm_change=0.5))
    told = play(truth, tmp_path, seed=5, settings=settings).told
    assert "false" in {one.kind for one in judged(told, truth).complaints}


def test_a_notifier_that_drops_notifications_is_noticed(tmp_path: Path) -> None:
    """The same through the real watch service: every first message is lost on its way."""

    class Leak:
        def __init__(self, notifier: Notifier) -> None:
            self._notifier = notifier

        async def post(self, connection: Connection, messages: Iterable[Notification]) -> Sequence[Notification]:
            return await self._notifier.post(connection, [one for one in messages if one.placement != "new"])

        async def missed(self, connection: Connection, room_id: str) -> Sequence[tuple[str, bool]]:
            return await self._notifier.missed(connection, room_id)

        def wake(self) -> None:
            self._notifier.wake()

    truth = TRUTH.until(1.0 * HOUR)
    verdict = judged(play(truth, tmp_path, seed=5, post=Leak).told, truth)
    assert {"missed", "strange"} <= {one.kind for one in verdict.complaints}
