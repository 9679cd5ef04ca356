"""The verdict of a focus and of a server, exactly as the contract of the report says, and the sentence above it."""

from __future__ import annotations

from collections.abc import Sequence

from plugins.foci.catalogue import Group, group_of
from plugins.foci.ladder import Judgement, is_entry_error
from plugins.foci.model import Certainty, ClientRow, Finding, FocusReport, Severity, Verdict


def focus_verdict(judgement: Judgement | None, found: Sequence[Finding], *, others_answered: bool) -> Verdict:
    """
    Judge one focus.

    Args:
        judgement: of its probe; None when it was not probed.
        found: the findings about it.
        others_answered: something else answered during this check, so a time-out is not this machine's.
    """
    if any(is_entry_error(one) for one in found):
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
    verdict: Verdict, clients: Sequence[ClientRow], foci: Sequence[FocusReport], found: Sequence[Finding]
) -> str:
    """One sentence: who finds a focus that answers, and who does not, or the one cause when nobody does."""
    groups = {answer: [row.name for row in clients if row.finds_focus == answer] for answer in ("yes", "no", "unknown")}
    cause = _cause(found)
    if not groups["yes"]:
        if verdict is Verdict.UNKNOWN:
            return f"could not be judged from here: {cause}" if cause else "could not be judged from here."
        if groups["unknown"] and not groups["no"]:
            return f"whether clients find a focus cannot be told from outside{': ' + cause if cause else '.'}"
        lead = (
            "no client finds a focus that answers"
            if not groups["unknown"]
            else (f"{_join(groups['no'])} find{_s(groups['no'])} no focus that answers")
        )
        return f"{lead}: {cause}" if cause else f"{lead}."
    parts = [f"{_join(groups['yes'])} find{_s(groups['yes'])} a focus that answers"]
    if groups["no"]:
        parts.append(f"{_join(groups['no'])} find{_s(groups['no'])} none")
    if groups["unknown"]:
        parts.append(f"for {_join(groups['unknown'])} it cannot be told from outside")
    sentence = "; ".join(parts) + "."
    if not groups["no"] and not groups["unknown"]:
        sentence = "every known client finds a focus that answers."
    broken = [str(place) for place, focus in enumerate(foci, 1) if focus.verdict is Verdict.CRITICAL]
    if broken:
        sentence = f"{sentence[:-1]}; focus {', '.join(broken)} is broken."
    return sentence


def _cause(found: Sequence[Finding]) -> str:
    """The gravest finding's message, as the reason."""
    order = [Severity.ERROR, Severity.WARNING]
    ranked = sorted((one for one in found if one.severity in order), key=lambda one: order.index(one.severity))
    if not ranked:
        return ""
    message = ranked[0].message
    return message if ranked[0].focus is None else f"focus {ranked[0].focus}: {message}"


def _join(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return ", ".join(names[:-1]) + " and " + names[-1]


def _s(names: Sequence[str]) -> str:
    plural = len(names) > 1 or " and " in names[0]
    return "" if plural else "s"
