"""A row of the truth table: one mistake of the field, how well it can be seen, and the scenes that play it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from botkit.plugin import Limits
from plugins.foci.model import Verdict
from tests.foci.examination import PATIENT
from tests.truth.world import NAME, Scene

READS_WELL_KNOWN = ("element-call-0.16", "element-call-0.19")
"""Older clients, which read the well-known alone, from a browser."""
STANDALONE = "element-call-0.24"
ELEMENT_X = "element-x"
ASKS_ENDPOINT = ("element-web", ELEMENT_X, "element-call-0.28", STANDALONE)
"""Current clients and those to come, which ask the endpoint first."""
EVERYBODY = (*ASKS_ENDPOINT, *READS_WELL_KNOWN)


class Mark(StrEnum):
    """How much of a mistake the bot can see without an account, as docs/evidence/mistakes.md says it."""

    DETECTED = "detected"
    PARTLY = "partly"
    NOT_DETECTABLE = "not detectable"


@dataclass(frozen=True, slots=True)
class Case:
    """
    One way in which a mistake happens.

    Attributes:
        codes: every finding of the report, and no other.
        misled: clients that fail here in truth, so the report must not say that they find a focus.
        says: a regular expression that the report's text must match.
        blind: nothing of the mistake itself can be seen: why its row is not marked as detected.
    """

    name: str
    scene: Scene
    verdict: Verdict
    codes: tuple[str, ...] = ()
    misled: tuple[str, ...] = ()
    says: str = ""
    target: str = NAME
    limits: Limits = PATIENT
    blind: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """
    A mistake.

    Attributes:
        number: its place in the table of docs/evidence/mistakes.md.
        codes: the findings by which it is told; empty for what is no fault, or cannot be seen.
    """

    number: int
    mark: Mark
    codes: tuple[str, ...]
    cases: tuple[Case, ...]
