"""What has a health: a focus, a server's discovery, a certificate, the bot itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from sys import intern
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, GetCoreSchemaHandler, PlainSerializer

from botkit.identifiers import HostPort
from botkit.messages.sanitise import shortened
from plugins.foci.model import (
    Entry,
)

_LONGEST_KEY = 400
_LONGEST_LABEL = 120


class KeyKind(StrEnum):
    """What is judged; the values are those of the database."""

    CERTIFICATE = "cert"
    DISCOVERY = "discovery"
    DRIFT = "drift"
    FOCUS = "focus"
    SELF = "self"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """
    One thing that has a health.

    Attributes:
        what: of FOCUS the service's URL in plain ASCII, with ``#`` and a finding code where the URL itself is wrong; of
            DISCOVERY and DRIFT (the own homeserver's well-known and endpoint differ) a server name; of CERTIFICATE
            ``host:port``; of SELF empty.
    """

    kind: KeyKind
    what: str = ""

    def __post_init__(self) -> None:
        """Keep one copy of a text of which many keys are made: each check makes its own."""
        object.__setattr__(self, "what", intern(self.what))

    def __str__(self) -> str:
        """The stored form."""
        return self.kind.value if self.kind is KeyKind.SELF else f"{self.kind}:{self.what}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """
        The key whose stored form this is.

        Raises:
            ValueError: it is none.
        """
        kind, _, what = text.partition(":")
        return cls(KeyKind(kind), what)

    @property
    def is_faulty(self) -> bool:
        """Whether it is a focus whose URL itself is wrong, whatever may answer there."""
        return self.kind is KeyKind.FOCUS and "#" in self.what

    @property
    def label(self) -> str:
        """
        What people call it.

        The server name; the host, with its port unless that is 443; the URL itself where it has no host.
        """
        if self.kind is KeyKind.CERTIFICATE:
            return self.what.removesuffix(":443")
        if self.kind is not KeyKind.FOCUS:
            return self.what
        place = self.what.rpartition("#")[0] if self.is_faulty else self.what
        try:
            netloc = urlsplit(place).netloc
        except ValueError:
            netloc = ""
        label = netloc.removesuffix(":443") or place or "an empty URL"
        return shortened(label, _LONGEST_LABEL)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """In a stored dataclass it is its stored form."""
        return handler.generate_schema(Annotated[str, AfterValidator(cls.parse), PlainSerializer(str)])


SELF = Key(KeyKind.SELF)
"""The bot's own network."""


def focus_key(entry: Entry) -> Key | None:
    """
    The key of a focus; None where the entry names no URL or is none of the LiveKit family.

    A URL that cannot be probed as written is a key of its own, apart from what may answer there.
    """
    url = entry.probe_url
    if url is None:
        return None
    if url.fault:
        place = url.text[:_LONGEST_KEY]
    else:
        place = (url.origin.replace("https", "wss", 1) if url.kind == "sfu" else url.origin) + url.path
    bounded = _bounded(quote(place, safe="/%:@!$&'()*+,;=~?#[]", errors="surrogatepass"))
    return Key(KeyKind.FOCUS, f"{bounded}#{url.fault}" if url.fault else bounded)


def certificate_key(url: str) -> Key:
    """The key of the certificate that is presented under an https URL."""
    parts = urlsplit(url)
    return Key(KeyKind.CERTIFICATE, str(HostPort(parts.hostname or "", parts.port or 443)))


def _bounded(text: str) -> str:
    if len(text) <= _LONGEST_KEY:
        return text
    return f"{text[:_LONGEST_KEY]}~{hashlib.sha256(text.encode()).hexdigest()[:16]}"
