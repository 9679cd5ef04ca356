"""The accountant sees what a broken ledger does wrong, and nothing in one that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.replay.accountant import audit
from bench.replay.books import Verdict
from bench.replay.station import Played, play
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
    """The kinds of complaints when letters are spoiled."""
    verdict = judged(other for letter in played.told for other in spoil(letter))
    return {one.kind for one in verdict.complaints}


def begins(letter: Told, about: str) -> bool:
    return letter.placement == "new" and letter.about.startswith(about)


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
    "a beginning": lambda letter: () if begins(letter, "focus:") else (letter,),
    "an end": lambda letter: () if letter.placement == "edit" and letter.sign == "✅" else (letter,),
    "a list": lambda letter: () if letter.about.startswith("list:") else (letter,),
    "a certificate": lambda letter: () if letter.about.startswith("cert:") else (letter,),
}


@pytest.mark.parametrize("what", LOST)
def test_lost_letters_are_missed(played: Played, what: str) -> None:
    """Whatever kind of letter never arrives."""
    assert "missed" in spoiled(played, LOST[what])


@pytest.mark.parametrize("about", ["focus:", "list:", "cert:"])
def test_letters_told_twice_are_noticed(played: Played, about: str) -> None:
    """Also under another transaction id, as a ledger would write them that forgot what it had told."""

    def twice(letter: Told) -> tuple[Told, ...]:
        again = replace(letter, txn_id=f"{letter.txn_id} again", at=letter.at + 60)
        return (letter, again) if begins(letter, about) else (letter,)

    assert "repeated" in spoiled(played, twice)


def test_an_incident_told_anew_while_it_stands_is_noticed(played: Played) -> None:
    """As a bot would that forgot over a restart what it had told: another message about the same outage."""

    def anew(letter: Told) -> tuple[Told, ...]:
        again = replace(letter, txn_id="anew", about=f"{letter.subject}@1", at=letter.at + 600)
        return (letter, again) if begins(letter, "focus:") else (letter,)

    assert spoiled(played, anew)


def test_an_end_told_too_early_is_false(played: Played) -> None:
    """The message is closed two minutes after it stands, and not at its time."""
    begin = next(letter.at for letter in played.told if begins(letter, "focus:"))

    def hasty(letter: Told) -> tuple[Told, ...]:
        is_end = letter.about.startswith("focus:") and letter.sign == "✅"
        return (replace(letter, at=begin + 120),) if is_end else (letter,)

    assert "false" in spoiled(played, hasty)


def test_a_reminder_too_early_is_noticed(played: Played) -> None:
    """They come every twelve hours."""

    def hurried(letter: Told) -> tuple[Told, ...]:
        reminder = replace(letter, placement="reply", text="⏰ still", txn_id="r", at=letter.at + 600)
        return (letter, reminder) if begins(letter, "focus:") else (letter,)

    assert "repeated" in spoiled(played, hurried)


def test_a_list_that_was_not_published_is_false(played: Played) -> None:
    """The evidence names another list than the server's."""

    def invented(letter: Told) -> tuple[Told, ...]:
        return (
            (replace(letter, text=letter.text.replace("//a.", "//z.")),)
            if letter.about.startswith("list:")
            else (letter,)
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


def test_a_post_box_that_drops_letters_is_noticed(tmp_path: Path) -> None:
    """The same through the real ledger: every first message is lost on its way."""

    class Leak:
        def __init__(self, notifier: Notifier) -> None:
            self._notifier = notifier

        async def post(self, connection: Connection, letters: Iterable[Notification]) -> None:
            await self._notifier.post(connection, [one for one in letters if one.placement != "new"])

        async def missed(self, connection: Connection, room_id: str) -> Sequence[tuple[str, bool]]:
            return await self._notifier.missed(connection, room_id)

        def wake(self) -> None:
            self._notifier.wake()

    truth = TRUTH.until(1.0 * HOUR)
    verdict = judged(play(truth, tmp_path, seed=5, post=Leak).told, truth)
    assert {"missed", "strange"} <= {one.kind for one in verdict.complaints}
