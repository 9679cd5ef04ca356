"""The values of a check: entries, stages, findings, the report. Frozen, without behaviour that needs I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from plugins.foci.service_url import ServiceUrl, read_service_url, read_sfu_url

LIVEKIT_TYPES = frozenset({"livekit", "m.livekit", "msc4195.livekit", "livekit_multi_sfu"})
"""Types whose media goes through a LiveKit SFU (MSC4195 in all its revisions)."""

MSC4143_KEY = "org.matrix.msc4143.rtc_foci"
STABLE_KEY = "m.rtc_foci"
MSC4158_KEY = "org.matrix.msc4158.rtc_foci"
FOCI_KEYS = (MSC4143_KEY, STABLE_KEY, MSC4158_KEY)
"""The keys that may hold the foci list, in the order in which the first present one is used."""

MAX_ENTRIES = 500
"""Entries of one list that are looked at: a document of bounded size still holds a hundred thousand."""


class Ranked(StrEnum):
    """Values whose declaration is their order."""

    @property
    def rank(self) -> int:
        """Place in the order; 0 is the worst."""
        return list(type(self)).index(self)


class Verdict(Ranked):
    """Verdict on a server or a focus, worst first. NOT_PROBED is for foci only."""

    CRITICAL = "critical"
    UNKNOWN = "unknown"
    WARNING = "warning"
    OK = "ok"
    NOT_PROBED = "not-probed"


EXIT_CODES = {Verdict.OK: 0, Verdict.WARNING: 1, Verdict.CRITICAL: 2, Verdict.UNKNOWN: 3}
"""Verdicts on servers as Nagios counts them."""


class Severity(Ranked):
    """How much a finding matters, worst first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Stage(StrEnum):
    """The stages, in order."""

    ADDRESS = "address"
    CONNECT = "connect"
    TLS = "tls"
    HTTP = "http"
    AUTHORISATION = "authorisation"
    TOKEN = "token"  # noqa: S105 - the name of a stage
    SIGNALLING = "signalling"
    MEDIA = "media"


DEEP_STAGES = (Stage.TOKEN, Stage.SIGNALLING, Stage.MEDIA)
"""The stages of a check that goes deep; they need an account."""

OPEN_STAGES = tuple(stage for stage in Stage if stage not in DEEP_STAGES)
"""The stages that a check without an account goes through."""


class Outcome(StrEnum):
    """What became of one stage."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class Certainty(Ranked):
    """
    How much a failure proves about the other side, most first.

    DEFINITE: the other side is at fault. TIMEOUT: it is, if something else answered meanwhile.
    UNCLEAR: it may be this machine, its network or its resolver.
    """

    DEFINITE = "definite"
    TIMEOUT = "timeout"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class StageResult:
    """
    What one stage observed.

    Attributes:
        elapsed_ms: time spent in this stage alone; None when skipped.
        detail: one line of marked text for people; never contains secrets or raw bodies.
    """

    stage: Stage
    outcome: Outcome
    elapsed_ms: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One published focus, verbatim (MSC4158, MSC4195).

    Attributes:
        source: where it was published.
        position: from 1, counted per source.
        value: the JSON value as published, whatever it is.
        probe_url: the URL under which an entry of the LiveKit family is probed; None when it names none. One with a
            ``fault`` must not be probed.
    """

    source: Literal["well-known", "transports"]
    position: int
    value: Any
    probe_url: ServiceUrl | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Read the URL once: a list may be long, and reading costs what a stranger makes it cost."""
        url = None
        if self.is_livekit and self.service_url is not None:
            url = read_service_url(self.service_url)
        elif self.is_livekit and self.sfu_url is not None:
            url = read_sfu_url(self.sfu_url)
        object.__setattr__(self, "probe_url", url)

    @property
    def type(self) -> str | None:
        """The entry's type, None when it has none or is not an object."""
        found = self.value.get("type") if isinstance(self.value, dict) else None
        return found if isinstance(found, str) else None

    @property
    def is_livekit(self) -> bool:
        """Whether it belongs to the LiveKit family."""
        return self.type in LIVEKIT_TYPES

    @property
    def service_url(self) -> str | None:
        """The literal ``livekit_service_url``, None when missing or not a string."""
        return self._string("livekit_service_url")

    @property
    def sfu_url(self) -> str | None:
        """The literal ``url`` of newer entries, None when missing or not a string."""
        return self._string("url")

    @property
    def identity(self) -> tuple[str | None, str]:
        """What makes two entries the same focus for a client: type and URL, without a URL the whole value."""
        return self.type, self.service_url or self.sfu_url or json.dumps(self.value, sort_keys=True)

    def _string(self, key: str) -> str | None:
        found = self.value.get(key) if isinstance(self.value, dict) else None
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Something to report to an admin.

    Attributes:
        code: stable name, listed in ``docs/findings.md``.
        focus: number of the focus in the report's list, from 1; None when it concerns the server.
        message: what was seen, as marked text.
        advice: what to change, as marked text.
        snippet: configuration or JSON to copy, None without any.
    """

    code: str
    severity: Severity
    focus: int | None
    message: str
    advice: str
    snippet: str | None = None


@dataclass(frozen=True, slots=True)
class FocusReport:
    """One focus with how far it could be reached."""

    entry: Entry
    verdict: Verdict
    stages: tuple[StageResult, ...]
    note: str = ""
    """Facts in passing for people: time, address families, certificate."""

    @property
    def deepest_stage(self) -> Stage | None:
        """The last stage that passed."""
        passed = [result.stage for result in self.stages if result.outcome is Outcome.OK]
        return passed[-1] if passed else None


@dataclass(frozen=True, slots=True)
class WellKnownReport:
    """How the client well-known was obtained (client-server API, "Well-known URIs")."""

    url: str
    final_url: str
    redirects: tuple[str, ...]
    outcome: Literal["ok", "absent", "failed"]
    http_status: int | None
    spec_action: Literal["OK", "IGNORE", "FAIL_PROMPT", "FAIL_ERROR"] | None
    base_url: str | None
    cors: bool | None
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class TransportsReport:
    """The MatrixRTC transports endpoint (MSC4143); ``entries`` is None when it could not be read."""

    endpoint: Literal["present", "open", "absent", "broken", "unknown"]
    entries: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class ClientRow:
    """What one generation of clients makes of the server: discovery and the authorisation stage, not a call."""

    client: str
    name: str
    uses_focus: int | None
    finds_focus: Literal["yes", "no", "unknown"]
    reason: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """
    Something that a check of a watched server did not ask for, as it seldom changes.

    Attributes:
        what: the homeserver's versions, transports endpoint and federation, or what a focus' service answers besides
            the POST.
        focus: number of the focus; None for the homeserver.
        age: seconds since it was asked.
    """

    what: Literal["homeserver", "service"]
    focus: int | None
    age: float


@dataclass(frozen=True, slots=True)
class Report:
    """
    The whole outcome of checking one server; ``docs/report.md`` describes its JSON form.

    Attributes:
        remembered: what was not asked for this time; empty for a check that somebody asked for.
    """

    target: str
    server_name: str
    checked_at: datetime
    elapsed_ms: float
    verdict: Verdict
    summary: str
    well_known: WellKnownReport
    keys_found: tuple[str, ...]
    key_used: str | None
    foci: tuple[FocusReport, ...]
    transports: TransportsReport
    clients: tuple[ClientRow, ...]
    findings: tuple[Finding, ...]
    remembered: tuple[Remembered, ...] = ()
