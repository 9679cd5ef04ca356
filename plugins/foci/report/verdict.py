"""The verdict of a focus and of a server, exactly as the contract of the report says, and the sentence above it."""

from __future__ import annotations

from collections.abc import Sequence

from plugins.foci.findings import Group, group_of
from plugins.foci.model import DEEP_STAGES, Certainty, ClientRow, Finding, FocusReport, Outcome, Severity, Verdict
from plugins.foci.probe.judge import Judgement

_MOST_PLACES = 6
"""Foci that a sentence names by their numbers; a list may have hundreds."""


def focus_verdict(judgement: Judgement | None, found: Sequence[Finding], *, others_answered: bool) -> Verdict:
    """
    Judge one focus.

    Args:
        judgement: of its probe; None when it was not probed.
        found: the findings about it.
        others_answered: something else answered during this check, so a time-out is not this machine's.
    """
    if any(_breaks_its_focus(one) for one in found):
        return Verdict.CRITICAL
    if judgement is None:
        return Verdict.NOT_PROBED
    if judgement.certainty is Certainty.DEFINITE:
        return Verdict.CRITICAL
    if judgement.certainty is Certainty.TIMEOUT:
        return Verdict.CRITICAL if others_answered else Verdict.UNKNOWN
    if judgement.certainty is Certainty.UNCLEAR:
        return Verdict.UNKNOWN
    return Verdict.WARNING if any(one.severity is Severity.WARNING for one in found) else Verdict.OK


def _breaks_its_focus(found: Finding) -> bool:
    return group_of(found) is Group.ENTRY and found.severity is Severity.ERROR


def server_verdict(discovery: Certainty | None, foci: Sequence[FocusReport], found: Sequence[Finding]) -> Verdict:
    """
    Judge a server; the first rule that fits decides.

    Args:
        discovery: how much the failure of discovery proves; None when it succeeded or the document is absent.
        foci: every focus, judged.
        found: the findings that are not ignored.
    """
    first = next((focus.verdict for focus in foci if focus.entry.is_livekit), None)
    list_error = any(group_of(one) is Group.LIST and one.severity is Severity.ERROR for one in found)
    if discovery is Certainty.DEFINITE or list_error or first is Verdict.CRITICAL:
        return Verdict.CRITICAL
    if discovery is not None or first is Verdict.UNKNOWN:
        return Verdict.UNKNOWN
    fine = (Verdict.OK, Verdict.NOT_PROBED)
    if any(focus.verdict not in fine for focus in foci):
        return Verdict.WARNING
    if any(one.severity in (Severity.ERROR, Severity.WARNING) for one in found):
        return Verdict.WARNING
    return Verdict.OK


def summarise(
    verdict: Verdict,
    discovery: Certainty | None,
    clients: Sequence[ClientRow],
    foci: Sequence[FocusReport],
    found: Sequence[Finding],
) -> str:
    """One sentence: the cause where the server is broken or could not be judged, else who finds a focus."""
    if verdict is Verdict.UNKNOWN:
        return f"could not be checked from here: {_cause(discovery, foci, found)}."
    if verdict is Verdict.CRITICAL:
        still = None if _fails_deep(foci) else _named(clients, "yes")
        rest = f"; {still[0]} still {still[1]} a focus that answers" if still else ""
        return f"{_cause(discovery, foci, found)}{rest}."
    broken = _places(foci, Verdict.CRITICAL, "is broken", "are broken")
    unsure = _places(foci, Verdict.UNKNOWN, "could not be checked", "could not be checked")
    return "; ".join((_who_finds(clients), *broken, *unsure)) + "."


def _places(foci: Sequence[FocusReport], verdict: Verdict, of_one: str, of_many: str) -> list[str]:
    """One clause on the foci with this verdict, none where there are none; of many only the first are numbered."""
    places = [str(place) for place, focus in enumerate(foci, 1) if focus.verdict is verdict]
    if not places:
        return []
    rest = len(places) - _MOST_PLACES + 1
    shown = places if rest <= 1 else [*places[:-rest], f"{rest} more"]
    return [f"focus {_and(shown)} {of_one if len(places) == 1 else of_many}"]


def _fails_deep(foci: Sequence[FocusReport]) -> bool:
    """Whether the focus that clients try first answers but fails a deep stage, so that finding it does not help."""
    first = next((focus for focus in foci if focus.entry.is_livekit), None)
    stages = first.stages if first is not None else ()
    return any(result.stage in DEEP_STAGES and result.outcome is Outcome.FAILED for result in stages)


def _who_finds(clients: Sequence[ClientRow]) -> str:
    yes, no, unknown = (_named(clients, answer) for answer in ("yes", "no", "unknown"))
    if yes and not no and not unknown:
        return "every known client finds a focus that answers"
    parts = []
    if yes:
        parts.append(f"{yes[0]} {yes[1]} a focus that answers")
    if no:
        parts.append(f"{no[0]} {no[1]} none" if yes else f"{no[0]} {no[1]} no focus that answers")
    if unknown:
        parts.append(f"whether {unknown[0]} {unknown[1]} one is unknown")
    return "; ".join(parts)


def _cause(discovery: Certainty | None, foci: Sequence[FocusReport], found: Sequence[Finding]) -> str:
    """The cause in one clause, by the rule that decided the verdict; a finding left out leaves the stage."""
    if discovery is not None:
        whole = [one for one in found if one.focus is None]
        told = [one for one in whole if group_of(one) is Group.WELL_KNOWN or one.code == "waf-challenge"]
        return _clause(told) or "the well-known cannot be read"
    lists = [one for one in found if group_of(one) is Group.LIST and one.severity is Severity.ERROR]
    if lists:
        return _clause(lists)
    first = next(((place, focus) for place, focus in enumerate(foci, 1) if focus.entry.is_livekit), None)
    if first is None:
        return "no focus can be used"
    place, focus = first
    own = [one for one in found if one.focus == place]
    ranked = sorted(own, key=lambda one: one.severity.rank)
    stage = next((result.detail for result in focus.stages if result.outcome is not Outcome.OK), "it failed")
    return f"focus {place}, which clients try first: {_clause(ranked) or stage}"


def _clause(found: Sequence[Finding]) -> str:
    return found[0].message.rstrip(".") if found else ""


_NAMES = (
    (frozenset({"element-call-0.19", "element-call-0.20"}), "clients up to Element Call 0.23"),
    (frozenset({"element-call-0.19"}), "Element Call up to 0.19"),
    (frozenset({"element-call-0.20"}), "Element Call 0.20 to 0.23"),
    (frozenset({"element-call-0.24"}), "Element Call 0.24 and later"),
    (frozenset({"element-x"}), "Element X"),
)


def _named(clients: Sequence[ClientRow], answer: str) -> tuple[str, str] | None:
    """The clients of one answer as the subject of a sentence, with "find" or "finds"; None without any."""
    left = {row.client for row in clients if row.finds_focus == answer}
    names = []
    for group, name in _NAMES:
        if group <= left:
            names.append(name)
            left -= group
    if not names:
        return None
    plural = len(names) > 1 or names[0].startswith("clients")
    return _and(names), "find" if plural else "finds"


def _and(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1]) if len(words) > 1 else words)
