"""Keeps tokens out of texts: a service that is shown one may repeat it in any field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from botkit.messages.sanitise import clipped
from plugins.foci.probe.observation import DeepStageResult

WITHHELD = "(withheld)"
_TELLING = 8
"""As many characters in a row of a token are not a coincidence."""
_AUTHORITY = re.compile(r"(?P<start>(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?[/\\]{0,2})(?P<authority>[^/?#]*@[^/?#@]*)")


def discreet(text: str, secrets: Iterable[str], limit: int = 100) -> str:
    """A stranger's text in one line, at most ``limit`` characters; withheld if it repeats a part of a secret."""
    folded = text.casefold()
    for secret in secrets:
        known = secret.casefold()
        pieces = (known[place : place + _TELLING] for place in range(max(1, len(known) - _TELLING + 1)))
        if known and any(piece in folded for piece in pieces):
            return WITHHELD
    return clipped(text, limit)


def without_user(url: str) -> str:
    """A stranger's URL, well formed or not, without the user name and password before its host (RFC 3986, 3.2.1)."""
    found = _AUTHORITY.match(url)
    if found is None:
        return url
    host = found["authority"].rpartition("@")[2]
    # An odd start may be a part of the name: only a plain one is kept.
    start = found["start"] if found["start"].endswith("//") else ""
    return f"{start}{WITHHELD}@{host}{url[found.end() :]}"


def guarded(step: DeepStageResult, secrets: Sequence[str]) -> DeepStageResult:
    """The step without whatever repeats a part of a secret: certificates and host names are strangers' words, too."""

    def clean(text: str) -> str:
        return WITHHELD if discreet(text, secrets) == WITHHELD else text

    findings = tuple(
        replace(found, message=clean(found.message), advice=clean(found.advice)) for found in step.findings
    )
    return replace(step, result=replace(step.result, detail=clean(step.result.detail)), findings=findings)
