"""Samples, alert events and outages: the values between checks, alert states and incidents."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plugins.foci.health.keys import Key


class Status(StrEnum):
    """What one sample says. UNKNOWN counts neither way."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cause:
    """
    Why a sample is not good.

    Attributes:
        code: a finding code or another stable word; another code is another cause.
        detail: one line for people, without lone surrogates.
        outage: nothing works there at all, as opposed to something answering wrongly.
        deep: only a deep check sees it.
    """

    code: str = ""
    detail: str = ""
    outage: bool = True
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """
    What one probe says about one key.

    Attributes:
        host: the host it is about, for self-suspicion; empty when no host was asked.
        at: seconds since the epoch.
        probe: names the act of probing; the same result taken twice has the same.
        timed_out: it is bad only because the bot's own connection is thought to work.
        deep: it is good of the deep stages as well.
    """

    key: Key
    host: str
    standing: Status
    at: float
    probe: str
    cause: Cause = Cause()
    timed_out: bool = False
    deep: bool = False


class EventKind(StrEnum):
    """
    What happened to a key.

    FIRED, DEVELOPED (another cause), RESOLVED. FLAPPING replaces the third firing within an hour, TURNED says that it
    works or fails again meanwhile; it ends after a steady hour as RESOLVED or STILL_BAD. UNCHECKABLE and CHECKABLE say
    nothing about good or bad. NEARER is for certificates: the next of the days before their end. DROPPED: nobody
    watches or publishes it any longer.
    """

    FIRED = "fired"
    DEVELOPED = "developed"
    RESOLVED = "resolved"
    FLAPPING = "flapping"
    TURNED = "turned"
    STILL_BAD = "still-bad"
    UNCHECKABLE = "uncheckable"
    CHECKABLE = "checkable"
    NEARER = "nearer"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """
    A state change that receivers are notified of.

    Attributes:
        at: now.
        since: when the trouble was first seen; when flapping, the first of its firings.
        checks: samples of this kind in a row until now.
        last_good: when it was last seen good before, of a deep cause by a deep check; None if never.
        flaps: outages it includes; 1 for a plain one.
        ended: the first good sample of the recovery; with RESOLVED and CHECKABLE. With TURNED: since when it works
            again; None while it fails.
        failing_since: first bad sample of the present outage, with FLAPPING and TURNED; None while it works.
        expires: end of the certificate; of a certificate's key.
    """

    kind: EventKind
    key: Key
    at: float
    since: float
    cause: Cause = Cause()
    checks: int = 0
    last_good: float | None = None
    flaps: int = 1
    ended: float | None = None
    expires: float | None = None
    failing_since: float | None = None

    @property
    def is_flapping(self) -> bool:
        """Whether it fails and works by turns."""
        return self.kind in (EventKind.FLAPPING, EventKind.TURNED)

    @property
    def works(self) -> bool:
        """Whether it works just now, although it is not over."""
        return self.kind is EventKind.TURNED and self.ended is not None

    @property
    def is_end(self) -> bool:
        """Whether nothing of it is left to report."""
        return self.kind in (EventKind.RESOLVED, EventKind.CHECKABLE, EventKind.DROPPED)


@dataclass(frozen=True, slots=True)
class LastFailure:
    """
    The last bad sample of a key that counted.

    Attributes:
        at: seconds since the epoch.
        latest: what the latest sample says; it may be a later one.
    """

    at: float
    cause: Cause
    latest: Status


@dataclass(frozen=True, slots=True)
class Outage:
    """
    Something that was bad for a while. Times are seconds since the epoch.

    Attributes:
        end: None while it lasts.
    """

    key: Key
    start: float
    end: float | None
