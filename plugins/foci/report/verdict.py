"""The verdict of a focus and of a server, exactly as the contract of the report says, and the sentence above it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from botkit.messages.sanitise import closed
from plugins.foci.findings import Group, group_of
from plugins.foci.model import DEEP_STAGES, Certainty, ClientRow, Finding, FocusReport, Outcome, Severity, Verdict
from plugins.foci.probe.judge import Judgement
from plugins.foci.report.clients import CURRENT

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
    """One sentence: the cause where the server is broken or not judged, else who finds a focus and what is worst."""
    if verdict is Verdict.UNKNOWN:
        return f"could not be checked from here: {_cause(verdict, discovery, clients, foci, found)}."
    if verdict is Verdict.CRITICAL:
        still = None if _fails_deep(foci) else _who_still_finds(clients)
        rest = f"; {still[0]} still {still[1]} a focus that answers{_where(clients)}" if still else ""
        return f"{_cause(verdict, discovery, clients, foci, found)}{rest}."
    broken = _places(foci, Verdict.CRITICAL, "is broken", "are broken")
    unsure = _places(foci, Verdict.UNKNOWN, "could not be checked", "could not be checked")
    return "; ".join((_who_finds(clients), *broken, *unsure, *_worst_of_the_rest(foci, found))) + "."


def _places(foci: Sequence[FocusReport], verdict: Verdict, of_one: str, of_many: str) -> list[str]:
    """One clause on the foci with this verdict, none where there are none; of many only the first are numbered."""
    places = [str(place) for place, focus in enumerate(foci, 1) if focus.verdict is verdict]
    if not places:
        return []
    rest = len(places) - _MOST_PLACES + 1
    shown = places if rest <= 1 else [*places[:-rest], f"{rest} more"]
    return [f"focus {_and(shown)} {of_one if len(places) == 1 else of_many}"]


def _fails_deep(foci: Sequence[FocusReport]) -> bool:
    """Whether the first LiveKit focus answers but fails a deep stage, so that finding it does not help."""
    first = next((focus for focus in foci if focus.entry.is_livekit), None)
    stages = first.stages if first is not None else ()
    return any(result.stage in DEEP_STAGES and result.outcome is Outcome.FAILED for result in stages)


def _worst_of_the_rest(foci: Sequence[FocusReport], found: Sequence[Finding]) -> list[str]:
    """The worst error or warning that is not about a focus told of already; none where there is none."""
    told = {place for place, focus in enumerate(foci, 1) if focus.verdict in (Verdict.CRITICAL, Verdict.UNKNOWN)}
    left = [one for one in found if one.severity is not Severity.INFO and one.focus not in told]
    if not left:
        return []
    worst = min(left, key=lambda one: one.severity.rank)
    begun, _, rest = _clause([worst]).partition(" ")
    begun = begun.lower() if begun.isalpha() and begun.istitle() and begun not in _NAMES_OF_SOFTWARE else begun
    return [f"{begun} {rest}" if worst.focus is None else f"focus {worst.focus}: {begun} {rest}"]


_NAMES_OF_SOFTWARE = frozenset({"Element", "Synapse"})
"""First words of messages that keep their capital inside a sentence."""


def _who_still_finds(clients: Sequence[ClientRow]) -> tuple[str, str] | None:
    """The current clients that find a focus, else the others that do, as the subject of a sentence."""
    current = [row for row in clients if row.client in CURRENT]
    return _named(current, "yes") or _named(clients, "yes")


def _who_finds(clients: Sequence[ClientRow]) -> str:
    """The current clients first; others only where none of the current ones comes to the same."""
    if all(row.finds_focus == "yes" for row in clients):
        return "every known client finds a focus that answers"
    current = [row for row in clients if row.client in CURRENT]
    answers = {row.finds_focus for row in current}
    others = [row for row in clients if row.client not in CURRENT and row.finds_focus not in answers]
    clauses: list[str] = []
    for rows in (current, others):
        for answer in ("yes", "no", "unknown"):
            subject = _named(rows, answer)
            if subject is not None:
                clauses.append(_clause_on(subject, answer, rows, first=not clauses))
    return "; ".join(clauses)


def _clause_on(subject: tuple[str, str], answer: str, rows: Sequence[ClientRow], *, first: bool) -> str:
    who, find = subject
    if answer == "yes":
        return f"{who} {find} {'a focus' if first else 'one'} that answers"
    if answer == "no":
        return f"{who} {find} {'no focus that answers' if first else 'none'}"
    reasons = {row.reason for row in rows if row.finds_focus == answer}
    why = f": {min(reasons)}" if len(reasons) == 1 and min(reasons).startswith(("the ", "it is ")) else ""
    return f"whether {who} {find} {'a focus' if first else 'one'} is unknown{why}"


def _where(clients: Sequence[ClientRow]) -> str:
    """The focus that current clients find, where it is one of the report and the same for all that do."""
    places = {row.uses_focus for row in clients if row.client in CURRENT and row.finds_focus == "yes"}
    place = next(iter(places)) if len(places) == 1 else None
    return "" if place is None else f" (focus {place})"


def _cause(
    verdict: Verdict,
    discovery: Certainty | None,
    clients: Sequence[ClientRow],
    foci: Sequence[FocusReport],
    found: Sequence[Finding],
) -> str:
    """The cause in one clause, by the rule that decided the verdict; a finding left out leaves the stage."""
    lists = [one for one in found if group_of(one) is Group.LIST and one.severity is Severity.ERROR]
    if discovery is Certainty.DEFINITE or (discovery is not None and verdict is Verdict.UNKNOWN):
        return _clause(_of_discovery(found)) or "the well-known cannot be read"
    if lists:
        return _clause(lists)
    first = next(((place, focus) for place, focus in enumerate(foci, 1) if focus.entry.is_livekit), None)
    if first is None:
        return "no focus can be used"
    place, focus = first
    stage = next((result.detail for result in focus.stages if result.outcome is not Outcome.OK), "it failed")
    return f"focus {place}, {_role(place, focus, clients)}: {_clause(_of_focus(place, found)) or stage}"


def _role(place: int, focus: FocusReport, clients: Sequence[ClientRow]) -> str:
    """What this focus, the first of the LiveKit family, is to current clients."""
    current = [row for row in clients if row.client in CURRENT]
    used = {row.uses_focus for row in current} - {None}
    if used == {place}:
        return "which clients try first"
    if place in used:
        return f"which {_and([row.name for row in current if row.uses_focus == place])} tries first"
    where = "well-known" if focus.entry.source == "well-known" else "transports endpoint"
    return f"the first LiveKit focus of the {where}"


def _of_discovery(found: Sequence[Finding]) -> list[Finding]:
    """What kept the well-known from being read, worst first."""
    told = [one for one in found if one.focus is None and group_of(one) in (Group.WELL_KNOWN, Group.PROBE)]
    return sorted(told, key=lambda one: one.severity.rank)


def _of_focus(place: int, found: Sequence[Finding]) -> list[Finding]:
    """What is wrong with a focus, worst first; of warnings those about its probe first, as they decide."""

    def order(one: Finding) -> tuple[int, bool]:
        return one.severity.rank, one.severity is Severity.WARNING and group_of(one) is not Group.PROBE

    return sorted((one for one in found if one.focus == place), key=order)


def _clause(found: Sequence[Finding]) -> str:
    """The first sentence of the first message, without its stop; empty where nothing was found."""
    return closed(re.split(r"\.(?:\s+(?=[A-Z`])|$)", found[0].message, maxsplit=1)[0]) if found else ""


_NAMES = (
    (frozenset({"element-web"}), "Element Web", False),
    (frozenset({"element-x"}), "Element X", False),
    (frozenset({"element-call-0.28"}), "Element Call 0.28 and later", False),
    (frozenset({"element-call-0.24"}), "standalone Element Call 0.24 to 0.27", False),
    (frozenset({"element-call-0.19", "element-call-0.16"}), "older clients (Element Call up to 0.23)", True),
    (frozenset({"element-call-0.19"}), "older clients (Element Call 0.19.1 to 0.23)", True),
    (frozenset({"element-call-0.16"}), "older clients (Element Call up to 0.16)", True),
)
"""Rows, what people call those clients, and whether that is a plural."""


def _named(clients: Sequence[ClientRow], answer: str) -> tuple[str, str] | None:
    """The clients of one answer as the subject of a sentence, with "find" or "finds"; None without any."""
    left = {row.client for row in clients if row.finds_focus == answer}
    names, plural = [], False
    for group, name, several in _NAMES:
        if group <= left:
            names.append(name)
            plural = plural or several
            left -= group
    if not names:
        return None
    return _and(names), "find" if plural or len(names) > 1 else "finds"


def _and(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1]) if len(words) > 1 else words)
