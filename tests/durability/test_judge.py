"""The judge of durability finds what is wrong with a history, whatever it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.durability.judge import Expected, Queued, Relation, Shown, Verdict, judge, judge_transactions

EXPECTED = (
    Expected("change", Relation.NEW, ("⚠️", "changed")),
    Expected("firing", Relation.NEW, ("❌", "is down")),
    Expected("evidence", Relation.THREAD, ("Check at",), "firing"),
    Expected("closed", Relation.EDIT, ("✅", "was down"), "firing"),
    Expected("resolved", Relation.REPLY, ("✅", "recovered"), "firing"),
)
HISTORY = (
    Shown("$1", Relation.NEW, None, "⚠️ a.example changed its list"),
    Shown("$2", Relation.NEW, None, "❌ rtc is down"),
    Shown("$3", Relation.THREAD, "$2", "Check at noon"),
    Shown("$4", Relation.EDIT, "$2", "✅ rtc was down"),
    Shown("$5", Relation.REPLY, "$2", "✅ rtc recovered"),
)


def judged(*history: Shown, outbox: tuple[Queued, ...] | None = None) -> Verdict:
    """The verdict on a history that the outbox agrees with."""
    rows = tuple(Queued("sent", shown.event_id) for shown in history) if outbox is None else outbox
    return judge(EXPECTED, history, rows)


def figures(verdict: Verdict) -> tuple[int, int, int, int, int]:
    """All of what can be wrong."""
    return verdict.lost, verdict.repeated, verdict.out_of_order, verdict.misdirected, verdict.disagreements


def test_a_history_as_it_should_be() -> None:
    """Nothing to remark."""
    verdict = judged(*HISTORY)
    assert verdict == Verdict(expected=5)
    assert verdict.good


@pytest.mark.parametrize("place", range(5))
def test_a_lost_message(place: int) -> None:
    """Whichever it is; what refers to it cannot be directed well any more."""
    verdict = judged(*HISTORY[:place], *HISTORY[place + 1 :])
    assert verdict.lost == 1
    assert verdict.misdirected == (3 if place == 1 else 0)
    assert not verdict.good


@pytest.mark.parametrize("place", range(5))
def test_a_repeated_message(place: int) -> None:
    """The same words again under another event id, at once or at the end."""
    copy = replace(HISTORY[place], event_id="$copy")
    assert figures(judged(*HISTORY[: place + 1], copy, *HISTORY[place + 1 :])) == (0, 1, 0, 0, 0)
    assert figures(judged(*HISTORY, copy)) == (0, 1, 0, 0, 0)


def test_a_message_that_nobody_expected() -> None:
    """It counts as one too many."""
    stray = Shown("$6", Relation.NEW, None, "✅ all is well")
    assert figures(judged(*HISTORY, stray)) == (0, 1, 0, 0, 0)


@pytest.mark.parametrize("place", range(4))
def test_the_wrong_order(place: int) -> None:
    """Two neighbours change places."""
    swapped = list(HISTORY)
    swapped[place : place + 2] = [HISTORY[place + 1], HISTORY[place]]
    assert figures(judged(*swapped)) == (0, 0, 1, 0, 0)


@pytest.mark.parametrize("place", [2, 3, 4])
def test_a_relation_to_the_wrong_event(place: int) -> None:
    """An edit of another message, a reply to another, evidence in another thread."""
    astray = (*HISTORY[:place], replace(HISTORY[place], about="$1"), *HISTORY[place + 1 :])
    assert figures(judged(*astray)) == (0, 0, 0, 1, 0)


def test_what_cannot_be_read_is_lost() -> None:
    """And it is there all the same, as nothing that anybody expected."""
    dark = (*HISTORY[:2], replace(HISTORY[2], relation=Relation.NEW, about=None, body=None), *HISTORY[3:])
    assert figures(judged(*dark)) == (1, 1, 0, 0, 0)


def test_an_outbox_that_knows_better() -> None:
    """A row that still waits, one whose event is not in the room, one that was sent twice."""
    rows = tuple(Queued("sent", shown.event_id) for shown in HISTORY)
    assert judged(*HISTORY, outbox=(*rows, Queued("waiting", None))).disagreements == 1
    assert judged(*HISTORY, outbox=(*rows[:-1], Queued("sent", "$elsewhere"))).disagreements == 1
    assert judged(*HISTORY, outbox=(*rows, rows[-1])).disagreements == 1
    assert judged(*HISTORY, outbox=tuple(reversed(rows))).disagreements == 1


def test_transactions() -> None:
    """The same id gives the same event again; anything else is a disagreement."""
    assert judge_transactions({"1": ["$1", "$1"], "2": ["$2"]}).good
    assert judge_transactions({"1": ["$1", "$2"]}).disagreements == 1
    assert judge_transactions({"1": ["$1"], "2": ["$1"]}).disagreements == 1


def test_verdicts_add_up() -> None:
    """Figures are sums, remarks are all kept."""
    total = judged(*HISTORY) + judged(*HISTORY[:-1]) + judged(*HISTORY[1:])
    assert (total.expected, total.lost, len(total.remarks)) == (15, 2, 2)
