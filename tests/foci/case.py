"""A scene in which one finding is made, and what a report says then."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.foci.model import OPEN_STAGES, Severity, Stage, Verdict
from plugins.foci.report.build import CheckSettings
from tests.foci import scenes
from tests.foci.scenes import ENTRY, NAME, Scene

ERROR, WARNING, INFO = Severity
CRITICAL, UNKNOWN, SUSPECT, OK, NOT_PROBED = Verdict
ADDRESS, CONNECT, TLS, HTTP, AUTHORISATION = OPEN_STAGES


@dataclass(frozen=True, slots=True)
class Case:
    """
    What one scene must lead to.

    Attributes:
        verdict: of the server.
        focus: its number, None where the finding is about the server.
        focus_verdict, deepest: of that focus, or of the first one; None where the report has none.
        advice: what the advice must name.
        beside: every other code that is found.
    """

    code: str
    scene: Scene
    severity: Severity
    verdict: Verdict
    focus: int | None
    focus_verdict: Verdict | None
    deepest: Stage | None
    advice: str
    beside: frozenset[str] = frozenset()
    target: str = NAME
    waits: bool = False
    settings: CheckSettings | None = None


def of_well_known(
    code: str,
    scene: Scene,
    advice: str,
    *,
    verdict: Verdict = CRITICAL,
    waits: bool = False,
    severity: Severity = ERROR,
) -> Case:
    """A case where nothing is learnt of any focus."""
    return Case(code, scene, ERROR, verdict, None, None, None, advice, waits=waits)


def of_list(code: str, scene: Scene, severity: Severity, verdict: Verdict, advice: str, *beside: str) -> Case:
    """A case about the server whose first focus is well."""
    return Case(code, scene, severity, verdict, None, OK, AUTHORISATION, advice, frozenset(beside))


def of_empty_list(code: str, scene: Scene, severity: Severity, advice: str, *beside: str) -> Case:
    """A case about the server where there is no focus."""
    verdict = CRITICAL if severity is ERROR else SUSPECT
    return Case(code, scene, severity, verdict, None, None, None, advice, frozenset(beside))


def of_lone(code: str, entry: object, advice: str, *beside: str) -> Case:
    """A case where the only entry cannot be probed as it is written."""
    scene = scenes.lone_entry(entry)
    return Case(code, scene, ERROR, CRITICAL, 1, CRITICAL, None, advice, frozenset(beside))


def of_second(
    code: str, entry: object, severity: Severity, focus_verdict: Verdict, verdict: Verdict, advice: str
) -> Case:
    """A case where the second of two entries is at fault and the first is well."""
    deepest = AUTHORISATION if focus_verdict in (OK, SUSPECT) else None
    return Case(code, scenes.entries(ENTRY, entry), severity, verdict, 2, focus_verdict, deepest, advice)


def of_probe(code: str, scene: Scene, deepest: Stage | None, advice: str, *, waits: bool = False) -> Case:
    """A case where the only focus is broken for certain."""
    return Case(code, scene, ERROR, CRITICAL, 1, CRITICAL, deepest, advice, waits=waits)


def of_warning(code: str, scene: Scene, advice: str, *beside: str) -> Case:
    """A case where the only focus works, with a warning."""
    return Case(code, scene, WARNING, SUSPECT, 1, SUSPECT, AUTHORISATION, advice, frozenset(beside))


def of_doubt(code: str, scene: Scene, severity: Severity, deepest: Stage | None, advice: str) -> Case:
    """A case where the only focus could not be judged."""
    return Case(code, scene, severity, UNKNOWN, 1, UNKNOWN, deepest, advice)
